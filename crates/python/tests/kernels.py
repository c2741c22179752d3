"""Kernels in numpy, torch and JAX: right ones, and the faults that people have."""

import numpy


def angles(positions, config, xp=numpy):
    width = config.get("rotary_dim", config["head_dim"])
    exponent = xp.arange(0, width, 2, dtype="float32") / width if xp is numpy else xp.arange(0, width, 2) / width
    frequencies = 1.0 / config["rope_theta"] ** exponent
    return positions[:, None, :, None] * frequencies


def numpy_rotate(x, positions, config):
    """Right, the half layout, in f32."""
    angle = angles(positions.astype("float32"), config).astype("float32")
    cos, sin = numpy.cos(angle), numpy.sin(angle)
    half, dtype = cos.shape[-1], x.dtype
    x = x.astype("float32")
    a, b = x[..., :half], x[..., half : 2 * half]
    return numpy.concatenate([a * cos - b * sin, b * cos + a * sin, x[..., 2 * half :]], -1).astype(dtype)


def wrong_sign(x, positions, config):
    return numpy_rotate(x, -positions, config)


def base_ignored(x, positions, config):
    return numpy_rotate(x, positions, dict(config, rope_theta=10000.0))


def raises(x, positions, config):
    raise RuntimeError("no kernel image is available")


def declines(x, positions, config):
    raise NotImplementedError("not today")
