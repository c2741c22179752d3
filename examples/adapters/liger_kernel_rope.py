"""Liger-Kernel's Triton rope, layout half, on the caller's table (`apply`). NOT RUN BY US: it needs an
NVIDIA card. The kernel works in place on the memory of q and k, so it gets copies."""

import protocol
import torch
from liger_kernel.transformers.rope import liger_rotary_pos_emb

TORCH = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def apply(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    protocol.whole(config)
    protocol.forward_only(input)
    given = {name: part.torch().cuda() for name, part in protocol.tensors(input).items()}
    if len({part.shape for part in given.values()}) > 1 and given["q"].shape[2:] != given["k"].shape[2:]:
        raise protocol.Unsupported("another number of key tokens")
    cos, sin = (torch.cat([input.tensor(name).torch().cuda()] * 2, dim=-1) for name in ("cos", "sin"))
    q = given["q"].clone()
    k = given["k"].clone() if "k" in given else q.clone()
    turned = liger_rotary_pos_emb(q, k, cos, sin)
    return {name: y.cpu() for name, y in zip(given, turned)}


protocol.serve(
    "liger-kernel", {"apply": apply}, package="liger-kernel", language="Triton",
    homepage="https://github.com/linkedin/Liger-Kernel",
    dtypes=["f32", "bf16", "f16"], layouts=["half"], directions=["forward"],
)
