"""A few lines of numpy, as many projects have them: `--precision f32` or f64 throughout."""

import numpy
import protocol

options = protocol.arguments(precision=["f32", "f64"])
FLOAT = {"f32": numpy.float32, "f64": numpy.float64}[options.precision]


def rotate(config, input, dtype):
    _, rotary = protocol.leading(config)
    protocol.forward_only(input)
    inv_freq = FLOAT(1) / FLOAT(config["rope_theta"]) ** (numpy.arange(0, rotary, 2).astype(FLOAT) / FLOAT(rotary))
    angle = protocol.positions(input, rank=2)[:, None, :, None].astype(FLOAT) * inv_freq
    cos, sin = numpy.cos(angle), numpy.sin(angle)
    out = {}
    for name, part in protocol.tensors(input).items():
        if part.dtype == "bf16":
            raise protocol.Unsupported("bf16")
        x = part.bits.astype(FLOAT)
        y = x.copy()
        if config["layout"] == "interleaved":
            u, v = slice(0, rotary, 2), slice(1, rotary, 2)
        else:
            u, v = slice(0, rotary // 2), slice(rotary // 2, rotary)
        y[..., u] = x[..., u] * cos - x[..., v] * sin
        y[..., v] = x[..., u] * sin + x[..., v] * cos
        out[name] = y.astype(protocol.NUMPY[part.dtype])
    return out


protocol.serve(
    "numpy-" + options.precision,
    {"rotate": rotate},
    package="numpy",
    homepage="https://numpy.org",
    dtypes=["f32", "f16"] + (["f64"] if options.precision == "f64" else []),
    layouts=["interleaved", "half"],
    rope_types=["default"],
    directions=["forward"],
)
