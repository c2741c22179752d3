"""Findings in mlx-lm, mlx-vlm and MLX."""

import importlib.util
import pathlib

import mlx.core as mx
import numpy
from evidence import apart, finding, frequencies, main, random, rotated, yarn

mx.set_default_device(mx.cpu)


def alone(package):
    """models/rope_utils.py of a package, without the package."""
    path = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0]) / "models" / "rope_utils.py"
    spec = importlib.util.spec_from_file_location(package + "_rope_utils", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


rope_utils = alone("mlx_lm")


def angles(rope, width=64):
    """The angles at position 1 and the magnitude, seen through the call."""
    x = numpy.zeros((1, 1, 1, width), "f4")
    x[..., : width // 2] = 1
    y = numpy.array(rope(mx.array(x), offset=1))[0, 0, 0].astype("f8")
    return numpy.arctan2(y[width // 2 :], y[: width // 2]), numpy.hypot(y[: width // 2], y[width // 2 :]).mean()


@finding(20, "mlx-lm: truncate=false of a YaRN config is ignored, which is gpt-oss")
def truncate(claim):
    config = {
        "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
        "original_max_position_embeddings": 4096, "truncate": False,
    }
    got, _ = angles(rope_utils.initialize_rope(64, 150000, False, config, 131072))
    want = numpy.array([float(f) for f in yarn(64, 150000, 32, 4096, truncate=False)])
    whole = numpy.array([float(f) for f in yarn(64, 150000, 32, 4096)])
    off = numpy.abs(got / want - 1)
    claim(off.max() > 0.7, "gpt-oss: pair %d turns %.0f %% too fast" % (off.argmax(), 100 * off.max()))
    claim(numpy.abs(got / whole - 1).max() < 1e-5, "the frequencies are those of truncate=true")
    claim((off > 1e-3).sum() >= 8, "%d of 32 pairs are off by more than 0.1 %%" % (off > 1e-3).sum())


@finding(21, "mlx-lm: longrope uses long_factor for every length")
def longrope(claim):
    config = {"rope_type": "longrope", "short_factor": [1.0] * 32, "long_factor": [8.0] * 32, "original_max_position_embeddings": 4096}
    got, _ = angles(rope_utils.initialize_rope(64, 10000, False, config, 131072))
    claim(abs(got[0] - 0.125) < 1e-6, "a prompt of two tokens: pair 0 turns by %.3f, short_factor says 1" % got[0])


@finding(22, "mlx-lm: attention_factor is ignored (yarn, longrope), and so is longrope's factor")
def magnitude(claim):
    config = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096, "attention_factor": 1.0}
    _, got = angles(rope_utils.initialize_rope(64, 10000, False, config, 16384))
    claim(abs(got - 1.1386294) < 1e-5, "yarn, attention_factor 1: magnitude %.4f" % got)
    config = {"rope_type": "longrope", "short_factor": [1.0] * 32, "long_factor": [1.0] * 32, "original_max_position_embeddings": 4096}
    for key, value, right in (("attention_factor", 1.0, 1.0), ("factor", 4.0, 1.0801234)):
        _, got = angles(rope_utils.initialize_rope(64, 10000, False, dict(config, **{key: value}), 131072))
        claim(abs(got - 1.1902381) < 1e-5, "longrope, %s %g: magnitude %.4f, Transformers has %.4f" % (key, value, got, right))


@finding(23, "MLX: an offset beyond 32 bits wraps")
def wraps(claim):
    x = random(1, 1, 1, 64)
    turn = lambda p: mx.fast.rope(mx.array(x), 64, traditional=False, base=10000.0, scale=1.0, offset=p)
    claim(apart(numpy.array(turn(2**32 + 5)), rotated(x, [5], "half")) < 1e-5, "offset 2^32 + 5 rotates by 5, without an error")
    same = bool((numpy.array(turn(2**31)) == numpy.array(turn(-(2**31)))).all())
    claim(same, "offset 2^31 rotates by -2^31")


@finding(69, "MLX: `freqs` of mx.fast.rope are not frequencies but their reciprocals")
def reciprocals(claim):
    x = random(1, 1, 1, 64)
    turn = lambda freqs: mx.fast.rope(mx.array(x), 64, traditional=False, base=None, scale=1.0, offset=3, freqs=mx.array(freqs))
    plain = [float(f) for f in frequencies(64)]
    claim(apart(numpy.array(turn([1 / f for f in plain])), rotated(x, [3], "half")) < 1e-5, "1 / frequency gives the rotation")
    off = apart(numpy.array(turn(plain)), rotated(x, [3], "half"))
    claim(off > 0.5, "the frequencies themselves (the documentation: optional frequencies to use with RoPE) are off by %.2f" % off)


@finding(114, "mlx-vlm: truncate and attention_factor are not read, nor are longrope's factor and attention_factor")
def vision(claim):
    made = alone("mlx_vlm").initialize_rope
    oss = {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 4096, "truncate": False}
    got, _ = angles(made(64, 150000, False, oss, 131072))
    want = numpy.array([float(f) for f in yarn(64, 150000, 32, 4096, truncate=False)])
    off = numpy.abs(got / want - 1)
    claim(off.max() > 0.7, "gpt-oss: pair %d turns %.0f %% too fast" % (off.argmax(), 100 * off.max()))
    _, size = angles(made(64, 10000, False, dict(oss, attention_factor=1.0), 131072))
    claim(abs(size - 1.3465736) < 1e-5, "yarn, attention_factor 1: magnitude %.4f" % size)
    long = {"rope_type": "longrope", "short_factor": [1.0] * 32, "long_factor": [8.0] * 32, "original_max_position_embeddings": 4096}
    for key, value, right in (("attention_factor", 1.0, 1.0), ("factor", 4.0, 1.0801234)):
        got, size = angles(made(64, 10000, False, dict(long, **{key: value}), 131072))
        claim(abs(size - 1.1902381) < 1e-5, "longrope, %s %g: magnitude %.4f, Transformers has %.4f" % (key, value, size, right))
    claim(abs(got[0] - 1) < 1e-6, "a prompt of two tokens: pair 0 turns by %.3f, of short_factor; mlx-lm takes the long one (21)" % got[0])


main()
