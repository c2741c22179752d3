"""flash-linear-attention's Triton rope: fla.modules.RotaryEmbedding, both layouts, an offset. NOT RUN BY
US: it needs an NVIDIA card."""

import protocol
import torch
from fla.modules.rotary import RotaryEmbedding

modules = {}


def rotate(config, input, dtype):
    head = protocol.whole(config)
    protocol.forward_only(input)
    interleaved = config["layout"] == "interleaved"
    key = (head, config["rope_theta"], interleaved)
    if key not in modules:
        modules[key] = RotaryEmbedding(dim=head, base=key[1], interleaved=interleaved).cuda()
    grid = protocol.positions(input, rank=2)
    given = {name: part.torch().cuda() for name, part in protocol.tensors(input, grid).items()}
    out = {name: [] for name in given}
    for b, row in enumerate(grid):
        pieces = {name: [] for name in given}
        for s, e, p in protocol.runs(row):
            # [batch, seq, heads, D]; the module answers for q and k together.
            cut = {name: x[b : b + 1, :, s:e].transpose(1, 2).contiguous() for name, x in given.items()}
            q = cut["q"]
            turned = modules[key](q, cut.get("k", q.clone()), seqlen_offset=p)
            for name, y in zip(given, turned):
                pieces[name].append(y.transpose(1, 2))
        for name, parts in pieces.items():
            out[name].append(torch.cat(parts, dim=2))
    return {name: torch.cat(rows).cpu() for name, rows in out.items()}


protocol.serve(
    "flash-linear-attention", {"rotate": rotate}, package="flash-linear-attention", language="Triton",
    homepage="https://github.com/fla-org/flash-linear-attention",
    dtypes=["f32", "bf16", "f16"], layouts=["interleaved", "half"], rope_types=["default"], directions=["forward"],
    limits={"min_position": 0, "max_position": (1 << 20) - 1},
)
