"""Fused kernels in numpy, f32 throughout, for the tests of chains and attention."""

import subprocess
import sys

try:
    import numpy
except ImportError:
    numpy = None


def turned(x, positions, base=10000):
    """x [batch, heads, tokens, D], rotated in the layout half at positions [tokens]."""
    half = x.shape[-1] // 2
    frequency = (base ** -(numpy.arange(half) / half)).astype("float32")
    angle = numpy.asarray(list(positions), "float32")[:, None] * frequency
    cos, sin = numpy.cos(angle), numpy.sin(angle)
    a, b = x[..., :half], x[..., half:]
    return numpy.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def norm_rope(x, weight, positions):
    """RMSNorm of every head with eps 1e-6, then the rotation."""
    x = x / numpy.sqrt((x * x).mean(-1, keepdims=True) + numpy.float32(1e-6))
    return turned(x * weight, positions)


def quantized(x, scale, dtype):
    """A cast to eight bits that saturates."""
    import ml_dtypes

    largest = numpy.float32(ml_dtypes.finfo(dtype).max)
    return numpy.clip(x / scale, -largest, largest).astype(dtype)


def attention(
    q, k, v, causal=False, scale=None, softcap=None, window=None, alibi=None, rope=None, sinks=None,
    query_positions=None, key_positions=None, key_lengths=None,
):  # fmt: skip
    """out and lse, with positions [tokens] for all rows; ALiBi of a power of two heads."""
    heads, dim = q.shape[1], q.shape[-1]
    at = numpy.asarray(list(range(q.shape[2]) if query_positions is None else query_positions))
    keys = numpy.asarray(list(range(k.shape[2]) if key_positions is None else key_positions))
    if rope:
        q, k = turned(q, at, rope["rope_theta"]), turned(k, keys, rope["rope_theta"])
    k, v = (numpy.repeat(x, heads // x.shape[1], 1) for x in (k, v))
    s = q @ k.swapaxes(-1, -2) * numpy.float32(dim**-0.5 if scale is None else scale)
    if softcap:
        s = numpy.float32(softcap) * numpy.tanh(s / numpy.float32(softcap))
    apart = keys[None, :] - at[:, None]
    if alibi:
        slopes = 2.0 ** (-8 * numpy.arange(1, heads + 1) / heads)
        s = s + (slopes[:, None, None] * apart).astype("float32")
    keep = numpy.ones_like(s, bool)
    if causal:
        keep &= apart <= 0
    if window:
        keep &= (apart >= -window[0]) & (True if window[1] is None else apart <= window[1])
    for row, length in enumerate(key_lengths or []):
        keep[row, ..., length:] = False
    s = numpy.where(keep, s, -numpy.inf).astype("float32")
    extra = (
        numpy.full(s.shape[:3], -numpy.inf, "float32") if sinks is None else sinks[:, None] + 0 * s[..., 0].clip(0, 0)
    )
    most = numpy.maximum(s.max(-1), extra)
    w = numpy.exp(s - most[..., None])
    total = w.sum(-1) + numpy.exp(extra - most)
    return (w @ v) / total[..., None], most + numpy.log(total)


def program(words):
    """The program's exit code, and what it printed."""
    done = subprocess.run([sys.executable, "-m", "ropewalk", *words], capture_output=True, text=True)
    return done.returncode, done.stdout or done.stderr
