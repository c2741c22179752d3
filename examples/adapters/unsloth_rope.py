"""unsloth's Triton rope, layout half, on the caller's table (`apply`). NOT RUN BY US: it needs an NVIDIA
card, and so does importing the package."""

import protocol
import torch
from unsloth.kernels.rope_embedding import fast_rope_embedding


def apply(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    protocol.whole(config)
    protocol.forward_only(input)
    cos, sin = (input.tensor(name).torch().cuda() for name in ("cos", "sin"))
    given = {name: part.torch().cuda() for name, part in protocol.tensors(input).items()}
    out = {name: [] for name in given}
    # One table for all rows of a call, so every row is a call of its own.
    for b in range(cos.shape[0]):
        wide = [torch.cat([table[b]] * 2, dim=-1) for table in (cos, sin)]
        rows = {name: x[b : b + 1].clone() for name, x in given.items()}
        q = rows["q"]
        for name, y in zip(given, fast_rope_embedding(q, rows.get("k", q.clone()), *wide)):
            out[name].append(y)
    return {name: torch.cat(rows).cpu() for name, rows in out.items()}


protocol.serve(
    "unsloth", {"apply": apply}, package="unsloth", language="Triton", homepage="https://github.com/unslothai/unsloth",
    dtypes=["f32", "bf16", "f16"], layouts=["half"], directions=["forward"],
)
