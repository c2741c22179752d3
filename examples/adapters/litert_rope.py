"""LiteRT Torch: build_rope with apply_rope, and Llama 3's rope of its examples; or the composite of its exporter.

`--path composite` asks what takes the place of Transformers' rotation in an export for GPUs
(`use_rope_composite`, on with `apply_gpu_composites`): the base and the share of a head are all that it takes.
"""

import engines
import protocol
import torch

litert = engines.litert()
options = protocol.arguments(path=["layers", "composite"])
KINDS = ["default", "llama3"] if options.path == "layers" else ["default", "proportional"]


def rotate(config, input, dtype):
    protocol.forward_only(input)
    rope = engines.scaling(config, KINDS, extra=())
    base = config["rope_theta"]
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    grid = torch.from_numpy(protocol.positions(input, rank=2)).to(torch.int32)
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    if options.path == "composite":
        head, share = config["head_dim"], 1.0
        if rope["rope_type"] == "proportional":
            share = config.get("partial_rotary_factor", 1.0)
            if "factor" in rope:
                raise protocol.Unsupported("the factor of proportional")
        else:
            protocol.whole(config)
        return {name: litert.composite(x, grid, base=base, head_dim=head, proportion=share) for name, x in given.items()}
    head, rotary = protocol.leading(config)
    out = {name: [] for name in given}
    for b, row in enumerate(grid):
        if rope["rope_type"] == "llama3":
            cos, sin = litert.llama()._build_llama3_rope_cache(
                row, rotary, base, 1, torch.float32, torch.device("cpu"), rope["factor"], rope["low_freq_factor"],
                rope["high_freq_factor"], rope["original_max_position_embeddings"],
            )
        else:
            cos, sin = litert.rotary.build_rope(row, rotary, base)
        for name, x in given.items():
            out[name].append(litert.rotary.apply_rope(x[b : b + 1].transpose(1, 2), cos, sin).transpose(1, 2))
    return {name: torch.cat(rows) if rows else given[name] for name, rows in out.items()}


protocol.serve(
    "litert-torch" + ("" if options.path == "layers" else "-composite"),
    {"rotate": rotate},
    package="litert-torch",
    homepage="https://github.com/google-ai-edge/litert-torch",
    dtypes=["f32", "bf16", "f16"],
    layouts=["half"],
    rope_types=KINDS,
    directions=["forward"],
    axes=[1],
    mrope=False,
    rotary_offset=False,
    limits={"min_position": -(2**31), "max_position": 2**31 - 1},
)
