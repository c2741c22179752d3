"""ggml on a CPU, through ctypes: ggml_rope_ext and its backward, ggml_rope_multi for M-RoPE.

The shared libraries are those inside the wheel of pywhispercpp. `rope_type` linear and yarn are said
the way llama.cpp says them: freq_scale = 1 / factor, and ext_factor 1 for YaRN.
"""

import ctypes

import numpy
import protocol
from ggml_library import F, I, P, Params, base, compute, number, tensor

EXT = [P, P, P, P, I, I, I, F, F, F, F, F, F]
for name, takes in [
    ("ggml_rope_ext", EXT),
    ("ggml_rope_ext_back", EXT),
    ("ggml_rope_multi", EXT[:5] + [ctypes.POINTER(I)] + EXT[5:]),
]:
    function = getattr(base, name)
    function.restype, function.argtypes = P, takes

NORMAL, NEOX, MROPE, IMROPE = 0, 2, 8, 40


def turn(x, dtype, places, call):
    """One call for one batch row: x is [tokens, heads, D]."""
    context = base.ggml_init(Params(x.nbytes * 4 + (16 << 20), None, False))
    try:
        a = tensor(context, x, dtype)
        b = tensor(context, places.astype("i4"), "i32")
        result = call(context, a, b)
        return compute(context, result, x.shape, x.dtype)
    finally:
        base.ggml_free(context)


def rotate(config, input, dtype):
    head, rotary = protocol.leading(config)
    if rotary % 2 or not 0 < rotary <= head:
        # ggml asserts, which would end this process.
        raise protocol.Rejected("odd_rotary_dim: ggml asserts an even n_dims")
    kind = config.get("rope_type", "default")
    if kind not in ("default", "linear", "yarn"):
        raise protocol.Unsupported("rope_type")
    factor = config["factor"] if kind != "default" else 1.0
    original = config["original_max_position_embeddings"] if kind == "yarn" else 0
    numbers = [
        original, config["rope_theta"], 1 / factor, 1.0 if kind == "yarn" else 0.0, 1.0,
        config.get("beta_fast", 32.0), config.get("beta_slow", 1.0),
    ]
    if not config.get("truncate", True) or "attention_factor" in config and config["attention_factor"]:
        raise protocol.Unsupported("truncate or attention_factor")
    section = config.get("mrope_section")
    direction = input.get("direction", "forward")
    if direction == "inverse" or section and direction != "forward":
        raise protocol.Unsupported("direction")
    grid = protocol.positions(input, rank=3 if section else 2)
    if grid.size and abs(grid).max() > 2**31 - 1:
        raise protocol.Unsupported("a position of more than 32 bits")
    interleaved = config["layout"] == "interleaved"
    if section:
        if interleaved:
            raise protocol.Unsupported("interleaved M-RoPE")
        sections = (I * 4)(*(list(section) + [0])[:4])
        mode = IMROPE if config.get("mrope_interleaved", False) else MROPE

        def call(context, a, b):
            return base.ggml_rope_multi(context, a, b, None, rotary, sections, mode, *numbers)
    else:
        function = base.ggml_rope_ext if direction == "forward" else base.ggml_rope_ext_back

        def call(context, a, b):
            return function(context, a, b, None, rotary, NORMAL if interleaved else NEOX, *numbers)

    out = {}
    for name, part in protocol.tensors(input, grid).items():
        if part.dtype not in ("f32", "f16"):
            raise protocol.Unsupported("dtype")
        x = numpy.ascontiguousarray(part.bits.transpose(0, 2, 1, 3))
        made = numpy.empty_like(x)
        for b in range(x.shape[0]):
            # ggml always has a fourth axis.
            axes = [*grid[:, b], numpy.zeros_like(grid[0, b])][:4] if section else [grid[b]]
            places = numpy.concatenate(axes)
            made[b] = turn(x[b], part.dtype, places, call) if x[b].size else x[b]
        out[name] = made.transpose(0, 2, 1, 3)
    return out


protocol.serve(
    "ggml",
    {"rotate": rotate},
    number=number,
    language="C",
    homepage="https://github.com/ggml-org/ggml",
    dtypes=["f32", "f16"],
    layouts=["interleaved", "half"],
    rope_types=["default", "linear", "yarn"],
    directions=["forward", "backward"],
    limits={"min_position": -(2**31), "max_position": 2**31 - 1},
)
