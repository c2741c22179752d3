"""rotary-embedding-torch: layout interleaved, an offset; one module for each config, its cache as it is.

`--cast bf16` converts the module first. `--cache off` builds it with cache_if_possible = False.
"""

import protocol
import torch
from rotary_embedding_torch import RotaryEmbedding

TORCH = {"bf16": torch.bfloat16, "f16": torch.float16}

options = protocol.arguments(cast=["none", "bf16", "f16"], cache=["on", "off"])
modules = {}


def module(rotary, theta, factor):
    key = (rotary, theta, factor)
    if key not in modules:
        made = RotaryEmbedding(
            dim=rotary, theta=theta, interpolate_factor=factor, cache_if_possible=options.cache == "on"
        )
        modules[key] = made if options.cast == "none" else made.to(TORCH[options.cast])
    return modules[key]


def rotate(config, input, dtype):
    if config["layout"] != "interleaved":
        raise protocol.Unsupported("layout")
    _, rotary = protocol.leading(config)
    kind = config.get("rope_type", "default")
    if kind not in ("default", "linear"):
        raise protocol.Unsupported("rope_type")
    protocol.forward_only(input)
    turn = module(rotary, config["rope_theta"], config["factor"] if kind == "linear" else 1.0)
    grid = protocol.positions(input, rank=2)
    out = {}
    for name, part in protocol.tensors(input, grid).items():
        x = part.torch()
        # An offset belongs to a call, so rows and jumps are calls of their own.
        rows = []
        for row, places in zip(x, grid):
            pieces = [turn.rotate_queries_or_keys(row[None, :, a:b], offset=p) for a, b, p in protocol.runs(places)]
            rows.append(torch.cat(pieces, dim=2) if pieces else row[None])
        out[name] = torch.cat(rows)
    return out


suffix = ("" if options.cast == "none" else "-cast-" + options.cast) + ("" if options.cache == "on" else "-no-cache")
protocol.serve(
    "rotary-embedding-torch" + suffix,
    {"rotate": rotate},
    package="rotary-embedding-torch",
    homepage="https://github.com/lucidrains/rotary-embedding-torch",
    dtypes=["f32", "bf16", "f16"],
    layouts=["interleaved"],
    rope_types=["default", "linear"],
    directions=["forward"],
)
