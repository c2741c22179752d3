"""Attention in numpy as any text book has it, in f32 (f64 for f64), with every key of the protocol but ropes:
what an adapter of a kernel is measured by."""

import attending
import numpy
import protocol

options = protocol.arguments(softmax=["plain", "blocks", "exp2"])


def attention(config, input, dtype):
    asked = attending.Question(config, input, take=("softcap", "sinks", "lse"))
    kind = numpy.float64 if dtype == "f64" else numpy.float32
    q, k, v = (part.wide().astype(kind) for part in (asked.q, asked.repeated(asked.k), asked.repeated(asked.v)))
    s = numpy.einsum("bhqd,bhkd->bhqk", q, k) * kind(asked.factor())
    if asked.softcap is not None:
        s = kind(asked.softcap) * numpy.tanh(s / kind(asked.softcap))
    bias = asked.bias()
    if bias is not None:
        s = s + bias.astype(kind)
    asked.check()
    left = numpy.broadcast_to(asked.allowed()[:, None], s.shape)
    s = numpy.where(left, s, -numpy.inf)
    v = numpy.where(numpy.isfinite(v), v, kind(numpy.nan))
    sink = None if asked.sinks is None else asked.sinks.wide().astype(kind)[None, :, None, None]
    out, lse = softmax(s, v, sink, kind)
    # A query without keys.
    none = ~left.any(-1)
    out[none], lse[none] = 0, -numpy.inf
    made = {"out": out}
    if asked.lse:
        made["lse"] = lse
    return {name: rounded(x, dtype) for name, x in made.items()}


def softmax(s, v, sink, kind):
    """Σ e^s v / Σ e^s and the logarithm of the sum."""
    top = s.max(-1, keepdims=True, initial=-numpy.inf)
    if sink is not None:
        top = numpy.maximum(top, sink)
    with numpy.errstate(all="ignore"):
        if options.softmax == "exp2":
            p = numpy.exp2(s * kind(1.4426950408889634) - top * kind(1.4426950408889634))
        else:
            p = numpy.exp(s - top)
        if options.softmax == "blocks":
            return blocks(s, v, sink, kind)
        total = p.sum(-1, keepdims=True)
        if sink is not None:
            total = total + numpy.exp(sink - top)
        used = numpy.where(p > 0, p, 0)
        # A weight of 0 is not multiplied with what may be no number.
        out = numpy.einsum("bhqk,bhkd->bhqd", used, numpy.where(numpy.isnan(v), 0, v)) / total
        spoiled = numpy.einsum("bhqk,bhkd->bhqd", (p != 0).astype(kind), numpy.isnan(v).astype(kind)) > 0
        out = numpy.where(spoiled, kind(numpy.nan), out)
        return out, (top + numpy.log(total))[..., 0]


def blocks(s, v, sink, kind):
    """The same, two keys after two keys."""
    top = numpy.full((*s.shape[:3], 1), -numpy.inf, kind) if sink is None else numpy.broadcast_to(sink, (*s.shape[:3], 1)).copy()
    total = numpy.full(top.shape, 0 if sink is None else 1, kind)
    out = numpy.zeros((*s.shape[:3], v.shape[3]), kind)
    for i in range(0, s.shape[3], 2):
        part = s[..., i : i + 2]
        new = numpy.maximum(top, part.max(-1, keepdims=True))
        safe = numpy.where(numpy.isinf(new), 0, new)
        old = numpy.exp(top - safe)
        p = numpy.exp(part - safe)
        out = out * old + numpy.einsum("bhqk,bhkd->bhqd", p, v[:, :, i : i + 2])
        total = total * old + p.sum(-1, keepdims=True)
        top = new
    return out / total, (top + numpy.log(total))[..., 0]


def rounded(x, dtype):
    if dtype == "bf16":
        import ml_dtypes

        return x.astype(ml_dtypes.bfloat16)
    return x.astype({"f64": "f8", "f32": "f4", "f16": "f2"}[dtype])


protocol.serve(
    "numpy-attention-" + options.softmax,
    {"attention": attention},
    package="numpy",
    homepage="https://numpy.org",
    dtypes=["f64", "f32", "bf16", "f16"],
)
