"""Kernels in numpy."""

import numpy

from many import PAIRS, PARTIAL, PLAIN, YARN, kernel


def waves(positions, config, width=None, theta=None):
    """cos and sin in f32, of angles in f64."""
    width = width or config.get("rotary_dim", config["head_dim"])
    frequency = (theta or config["rope_theta"]) ** -(numpy.arange(0, width, 2) / width)
    angle = positions[:, None, :, None] * frequency
    return numpy.cos(angle).astype("f4"), numpy.sin(angle).astype("f4")


def halves(x, cos, sin):
    """The half layout, in f32, what is not rotated behind it."""
    wide, width = x.astype("f4"), cos.shape[-1]
    a, b, rest = wide[..., :width], wide[..., width : 2 * width], wide[..., 2 * width :]
    return numpy.concatenate([a * cos - b * sin, b * cos + a * sin, rest], -1).astype(x.dtype)


@kernel(PLAIN, "f32 f16")
def numpy_half(x, positions, config):
    return halves(x, *waves(positions, config))


@kernel(PAIRS, "f32 bf16")
def numpy_pairs_that_lie_backwards(x, positions, config):
    cos, sin = waves(positions, config)
    wide = x.astype("f4")
    made = numpy.empty(x.shape[:2] + x.shape[:1:-1], x.dtype).swapaxes(2, 3)[:, :, :, ::-1]
    made[..., ::2] = wide[..., ::2] * cos - wide[..., 1::2] * sin
    made[..., 1::2] = wide[..., 1::2] * cos + wide[..., ::2] * sin
    return made


@kernel(PARTIAL, "f32")
def numpy_partial(x, positions, config):
    return halves(x, *waves(positions, config))


@kernel(PARTIAL, "f32", "a", "c")
def numpy_partial_as_wide_as_the_head(x, positions, config):
    width = config["rotary_dim"]
    frequency = config["rope_theta"] ** -(numpy.arange(0, width, 2) / config["head_dim"])
    angle = positions[:, None, :, None] * frequency
    return halves(x, numpy.cos(angle).astype("f4"), numpy.sin(angle).astype("f4"))


@kernel(PLAIN, "f32", "c1")
def numpy_base_ignored(x, positions, config):
    return halves(x, *waves(positions, config, theta=10000.0))


@kernel(PLAIN, "f32", "b1")
def numpy_clockwise(x, positions, config):
    cos, sin = waves(positions, config)
    return halves(x, cos, -sin)


@kernel(PLAIN, "f16", "e", "f")
def numpy_angles_in_f16(x, positions, config):
    width = config["head_dim"]
    frequency = (config["rope_theta"] ** -(numpy.arange(0, width, 2) / width)).astype("f2")
    with numpy.errstate(over="ignore", invalid="ignore"):
        angle = positions[:, None, :, None].astype("f2") * frequency
        return halves(x, numpy.cos(angle.astype("f4")), numpy.sin(angle.astype("f4")))


@kernel(YARN, "f32", "d")
def numpy_scaling_ignored(x, positions, config):
    return halves(x, *waves(positions, config))


@kernel(PLAIN, "f32", verdict="diverges")
def numpy_fickle(x, positions, config):
    made = halves(x, *waves(positions, config))
    numpy_fickle.calls = getattr(numpy_fickle, "calls", 0) + 1
    made.flat[numpy_fickle.calls % made.size] += numpy.float32(1 + numpy_fickle.calls)
    return made
