"""tinygrad on a CPU: apply_rope and precompute_freqs_cis of its language models, layout half."""

import sys
import types

import protocol
from tinygrad import Tensor, dtypes

# The wheel of 0.14.0 lacks tinygrad.llm.kernels, which the model module imports for AMD cards only.
try:
    from tinygrad.llm import model
except ModuleNotFoundError:
    stub = types.ModuleType("tinygrad.llm.kernels.amd")
    stub.Linear = stub.gated_delta_prefill = stub.flash_attention = stub.amd_custom_kernels_supported = None
    sys.modules["tinygrad.llm.kernels"] = types.ModuleType("tinygrad.llm.kernels")
    sys.modules["tinygrad.llm.kernels.amd"] = stub
    from tinygrad.llm import model

ROWS = 1 << 17
DTYPES = {"f32": dtypes.float32, "f16": dtypes.float16, "bf16": dtypes.bfloat16}


def to_tinygrad(part):
    return Tensor(part.bits.copy()).bitcast(DTYPES[part.dtype]) if part.dtype == "bf16" else Tensor(part.bits.copy())


def rotate(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    head, rotary = protocol.leading(config)
    protocol.forward_only(input)
    grid = protocol.positions(input, rank=2)
    # A model is built for a context; the table has that many rows.
    rows = max(4096, 1 << int(grid.max(initial=0)).bit_length())
    table = model.precompute_freqs_cis(rotary, rows, float(config["rope_theta"]))
    out = {}
    for name, part in protocol.tensors(input, grid).items():
        x = to_tinygrad(part)
        made = []
        for b, row in enumerate(grid):
            pieces = []
            for s, e, p in protocol.runs(row):
                cut = x[b : b + 1, :, s:e]
                turned = model.apply_rope(cut[..., :rotary], table[p : p + e - s])
                pieces.append(turned.cat(cut[..., rotary:], dim=-1) if rotary < head else turned)
            if not pieces:
                raise protocol.Unsupported("no token")
            made.append(pieces[0].cat(*pieces[1:], dim=2))
        whole = made[0].cat(*made[1:], dim=0)
        name_of = {value: key for key, value in DTYPES.items()}[whole.dtype]
        bits = whole.contiguous().bitcast(dtypes.uint16).numpy() if name_of == "bf16" else whole.numpy()
        out[name] = protocol.Tensor(name_of, bits)
    return out


protocol.serve(
    "tinygrad",
    {"rotate": rotate},
    package="tinygrad",
    homepage="https://github.com/tinygrad/tinygrad",
    # The table is f32, and so is what comes back, whatever goes in.
    dtypes=["f32"],
    mixed=[["f16", "f32"], ["bf16", "f32"]],
    layouts=["half"],
    rope_types=["default"],
    directions=["forward"],
    limits={"min_position": 0, "max_position": ROWS - 1},
)
