"""mlx-vlm: initialize_rope of its own rope_utils, and MRoPERotaryEmbedding as Qwen2-VL and Qwen3-VL take it."""

import importlib.util
import json
import pathlib

import mlx.core as mx
import numpy
import protocol

spec = importlib.util.find_spec("mlx_vlm")
path = pathlib.Path(spec.submodule_search_locations[0]) / "models" / "rope_utils.py"
# The file alone: the package wants tokenizers and a hub client.
spec = importlib.util.spec_from_file_location("rope_utils", path)
rope_utils = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rope_utils)

mx.set_default_device(mx.cpu)
DTYPES = {"f32": mx.float32, "bf16": mx.bfloat16, "f16": mx.float16}
kept = {}
TYPES = ["default", "linear", "yarn", "longrope", "llama3", "proportional"]
NUMBERS = (
    "factor attention_factor beta_fast beta_slow truncate mscale mscale_all_dim low_freq_factor "
    "high_freq_factor short_factor long_factor original_max_position_embeddings partial_rotary_factor"
).split()


def tensor(made, dtype):
    if made.dtype != DTYPES[dtype]:
        raise TypeError("the kernel answered in %s" % made.dtype)
    bits = numpy.array(made.view(mx.uint16 if made.itemsize == 2 else mx.uint32))
    return protocol.Tensor(dtype, bits.view(protocol.NUMPY[dtype]))


def sections(config, input):
    """M-RoPE: what the models for images do, and their configs refuse any scaling."""
    head = protocol.whole(config)
    if config.get("rope_type", "default") != "default" or config["layout"] != "half" or len(config["mrope_section"]) != 3:
        raise protocol.Unsupported("other sections than Qwen's")
    style = "interleaved" if config.get("mrope_interleaved") else "chunked"
    grid = protocol.positions(input, rank=3)
    if grid.size and abs(grid).max() > 2**31 - 1:
        raise protocol.Unsupported("a position of more than 32 bits")
    key = json.dumps([head, config["rope_theta"], style, config["mrope_section"]])
    if key not in kept:
        kept[key] = rope_utils.MRoPERotaryEmbedding(
            head, base=config["rope_theta"], rope_scaling={"type": "default", "mrope_section": config["mrope_section"]}, style=style
        )
    given = {name: mx.array(part.bits).view(DTYPES[part.dtype]) for name, part in protocol.tensors(input).items()}
    q = given["q"]
    turned = kept[key].apply_rotary(q, given.get("k", q), mx.array(grid.astype("i4")))
    return {name: tensor(y, protocol.tensors(input)[name].dtype) for name, y in zip(given, turned)}


def rotate(config, input, dtype):
    protocol.forward_only(input)
    if "mrope_section" in config:
        return sections(config, input)
    kind = config.get("rope_type", "default")
    if kind not in TYPES:
        raise protocol.Unsupported("rope_type")
    rotary = config["head_dim"] if kind == "proportional" else protocol.leading(config)[1]
    scaling = {"rope_type": kind}
    scaling.update({name: config[name] for name in NUMBERS if name in config})
    longest = config.get("max_position_embeddings", scaling.get("original_max_position_embeddings"))
    rope = rope_utils.initialize_rope(
        rotary, config["rope_theta"], config["layout"] == "interleaved", scaling, longest
    )
    length = input.get("seq_len")
    grid = protocol.positions(input, rank=2)
    if grid.size and abs(grid).max() > 2**31 - 1:
        raise protocol.Unsupported("an offset of more than 32 bits")
    if length is not None and (grid.shape[1] == 0 or (grid != grid[:1]).any() or grid[0, -1] != length - 1 or (grid[0, 1:] - grid[0, :-1] != 1).any()):
        raise protocol.Unsupported("a length that is not the last position plus 1")
    out = {}
    for name, part in protocol.tensors(input, grid).items():
        x = mx.array(part.bits).view(DTYPES[part.dtype])
        rows = []
        for b, row in enumerate(grid):
            pieces = [rope(x[b : b + 1, :, s:e], offset=p) for s, e, p in protocol.runs(row)]
            rows.append(mx.concatenate(pieces, axis=2) if pieces else x[b : b + 1])
        out[name] = tensor(mx.concatenate(rows), part.dtype)
    return out


protocol.serve(
    "mlx-vlm",
    {"rotate": rotate},
    package="mlx-vlm",
    homepage="https://github.com/Blaizzy/mlx-vlm",
    dtypes=["f32", "bf16", "f16"],
    layouts=["interleaved", "half"],
    rope_types=TYPES,
    directions=["forward"],
    axes=[1, 3],
    limits={"min_position": -(2**31), "max_position": 2**31 - 1},
)
