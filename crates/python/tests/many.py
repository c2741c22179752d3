"""Kernels as people have them, right and wrong, in numpy, torch and JAX: each is asked through the door
of Python and through that of processes, and both must say the same.

A kernel takes x, [batch, heads, tokens, head_dim], positions, [batch, tokens], and a flat config.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy

# So that all of them are asked in minutes.
LIMITS = {"max_elements": 1 << 13}
PLAIN = {"head_dim": 32, "layout": "half", "rope_theta": 500000.0}
PAIRS = dict(PLAIN, layout="interleaved")
PARTIAL = dict(PLAIN, rotary_dim=16)
LINEAR = dict(PLAIN, rope_type="linear", factor=4.0)
LLAMA3 = dict(
    PLAIN, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=8192,
)  # fmt: skip
YARN = dict(PLAIN, rope_type="yarn", factor=4.0, original_max_position_embeddings=4096, rope_theta=10000.0)


@dataclass
class One:
    """A kernel: its framework, what it is asked about, and what must be said of it."""

    function: Callable[..., Any]
    framework: str
    config: dict[str, Any]
    dtypes: list[str]
    verdict: str
    """`conforms` or `diverges`."""
    faults: list[str] = field(default_factory=list)
    """How the names of the faults begin of which one must be told; empty if none is known."""


KERNELS: dict[str, One] = {}


def kernel(framework, config, dtypes, *faults, verdict=None):
    """Enters a kernel: right if no fault is named."""

    def enter(function):
        said = verdict or ("diverges" if faults else "conforms")
        KERNELS[function.__name__] = One(function, framework, config, dtypes.split(), said, list(faults))
        return function

    return enter


# numpy


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


@kernel("numpy", PLAIN, "f32 f16")
def numpy_half(x, positions, config):
    return halves(x, *waves(positions, config))


@kernel("numpy", PAIRS, "f32 bf16")
def numpy_pairs_that_lie_backwards(x, positions, config):
    cos, sin = waves(positions, config)
    wide = x.astype("f4")
    made = numpy.empty(x.shape[:2] + x.shape[:1:-1], x.dtype).swapaxes(2, 3)[:, :, :, ::-1]
    made[..., ::2] = wide[..., ::2] * cos - wide[..., 1::2] * sin
    made[..., 1::2] = wide[..., 1::2] * cos + wide[..., ::2] * sin
    return made


@kernel("numpy", PARTIAL, "f32")
def numpy_partial(x, positions, config):
    return halves(x, *waves(positions, config))


@kernel("numpy", PARTIAL, "f32", "a", "c")
def numpy_partial_as_wide_as_the_head(x, positions, config):
    width = config["rotary_dim"]
    frequency = config["rope_theta"] ** -(numpy.arange(0, width, 2) / config["head_dim"])
    angle = positions[:, None, :, None] * frequency
    return halves(x, numpy.cos(angle).astype("f4"), numpy.sin(angle).astype("f4"))


@kernel("numpy", PLAIN, "f32", "c1")
def numpy_base_ignored(x, positions, config):
    return halves(x, *waves(positions, config, theta=10000.0))


@kernel("numpy", PLAIN, "f32", "b1")
def numpy_clockwise(x, positions, config):
    cos, sin = waves(positions, config)
    return halves(x, cos, -sin)


@kernel("numpy", PLAIN, "f16", "e", "f")
def numpy_angles_in_f16(x, positions, config):
    width = config["head_dim"]
    frequency = (config["rope_theta"] ** -(numpy.arange(0, width, 2) / width)).astype("f2")
    with numpy.errstate(over="ignore", invalid="ignore"):
        angle = positions[:, None, :, None].astype("f2") * frequency
        return halves(x, numpy.cos(angle.astype("f4")), numpy.sin(angle.astype("f4")))


@kernel("numpy", YARN, "f32", "d")
def numpy_scaling_ignored(x, positions, config):
    return halves(x, *waves(positions, config))


@kernel("numpy", PLAIN, "f32", verdict="diverges")
def numpy_fickle(x, positions, config):
    made = halves(x, *waves(positions, config))
    numpy_fickle.calls = getattr(numpy_fickle, "calls", 0) + 1
    made.flat[numpy_fickle.calls % made.size] += numpy.float32(1 + numpy_fickle.calls)
    return made


# torch

try:
    import torch
except ImportError:
    torch = None

if torch:

    def frequencies(config, width=None):
        width = width or config.get("rotary_dim", config["head_dim"])
        return 1.0 / config["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width)

    def table(positions, frequency, dtype=torch.float32):
        angle = positions[:, None, :, None].to(torch.float32) * frequency
        return angle.cos().to(dtype), angle.sin().to(dtype)

    def folded(x, cos, sin):
        """As Transformers does it, in the format of x."""
        a, b = x.chunk(2, -1)
        return x * torch.cat([cos, cos], -1) + torch.cat([-b, a], -1) * torch.cat([sin, sin], -1)

    @kernel("torch", PLAIN, "bf16 f32")
    def torch_as_transformers(x, positions, config):
        return folded(x, *table(positions, frequencies(config), x.dtype))

    @kernel("torch", PLAIN, "bf16 f16")
    def torch_upcast(x, positions, config):
        return folded(x.float(), *table(positions, frequencies(config))).to(x.dtype)

    @kernel("torch", PAIRS, "f32 bf16")
    def torch_complex(x, positions, config):
        turns = torch.view_as_complex(torch.stack(table(positions, frequencies(config)), -1))
        pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)

    @kernel("torch", PAIRS, "f32")
    def torch_in_place_and_strided(x, positions, config):
        cos, sin = table(positions, frequencies(config))
        x = x.transpose(1, 2).contiguous().transpose(1, 2)
        a = x[..., ::2].clone()
        x[..., ::2] = a * cos - x[..., 1::2] * sin
        x[..., 1::2] = x[..., 1::2] * cos + a * sin
        return x

    @kernel("torch", LLAMA3, "f32 bf16")
    def torch_llama3(x, positions, config):
        frequency = frequencies(config)
        wavelength = 2 * math.pi / frequency
        turns = config["original_max_position_embeddings"] / wavelength
        low, high = config["low_freq_factor"], config["high_freq_factor"]
        smooth = ((turns - low) / (high - low)).clamp(0, 1)
        frequency = (1 - smooth) * frequency / config["factor"] + smooth * frequency
        return folded(x.float(), *table(positions, frequency)).to(x.dtype)

    @kernel("torch", LLAMA3, "bf16", "d1")
    def torch_llama3_ignored(x, positions, config):
        return folded(x, *table(positions, frequencies(config), x.dtype))

    @kernel("torch", LINEAR, "f32")
    def torch_linear(x, positions, config):
        return folded(x, *table(positions, frequencies(config) / config["factor"]))

    @kernel("torch", PLAIN, "f32", "a1")
    def torch_wrong_layout(x, positions, config):
        return torch_complex(x, positions, config)

    @kernel("torch", PLAIN, "bf16", "e", "f")
    def torch_positions_in_bf16(x, positions, config):
        return folded(x, *table(positions.to(torch.bfloat16), frequencies(config), x.dtype))

    @kernel("torch", PLAIN, "f32", "f1")
    def torch_frequencies_in_bf16(x, positions, config):
        return folded(x, *table(positions, frequencies(config).to(torch.bfloat16).float()))

    @kernel("torch", PLAIN, "f32", "f")
    def torch_tables_in_bf16(x, positions, config):
        cos, sin = table(positions, frequencies(config), torch.bfloat16)
        return folded(x, cos.float(), sin.float())

    @kernel("torch", PLAIN, "f32", "e2", "e")
    def torch_one_row_for_all(x, positions, config):
        return folded(x, *table(positions[:1], frequencies(config)))

    @kernel("torch", PLAIN, "f32", "g", "j", "i", "a")
    def torch_first_head_only(x, positions, config):
        made = x.clone()
        made[:, :1] = folded(x[:, :1], *table(positions, frequencies(config)))
        return made

    @kernel("torch", PLAIN, "bf16 f32", "b3", "b")
    def torch_twice(x, positions, config):
        tables = table(positions, frequencies(config), x.dtype)
        return folded(folded(x, *tables), *tables)

    @kernel("torch", PARTIAL, "f32", "a", "g", "c")
    def torch_partial_ignored(x, positions, config):
        return folded(x, *table(positions, frequencies(config, config["head_dim"])))


# JAX

try:
    import jax
    import jax.numpy as jnp
except ImportError:
    jax = None

if jax:

    def angles(positions, config):
        width = config["head_dim"]
        frequency = config["rope_theta"] ** -(jnp.arange(0, width, 2, dtype=jnp.float32) / width)
        return positions[:, None, :, None].astype(jnp.float32) * frequency

    @jax.jit
    def half_of_jax(x, cos, sin):
        a, b = jnp.split(x.astype(jnp.float32), 2, -1)
        return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1).astype(x.dtype)

    @kernel("jax", PLAIN, "f32 bf16")
    def jax_half(x, positions, config):
        angle = angles(positions, config)
        return half_of_jax(x, jnp.cos(angle), jnp.sin(angle))

    @kernel("jax", PAIRS, "bf16 f16")
    def jax_pairs(x, positions, config):
        angle = angles(positions, config)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        a, b = x[..., ::2].astype(jnp.float32), x[..., 1::2].astype(jnp.float32)
        return jnp.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(x.shape).astype(x.dtype)

    @kernel("jax", PLAIN, "bf16", "e", "f")
    def jax_angles_in_bf16(x, positions, config):
        angle = angles(positions, config).astype(jnp.bfloat16).astype(jnp.float32)
        return half_of_jax(x, jnp.cos(angle), jnp.sin(angle))

    @kernel("jax", PLAIN, "f32", "e")
    def jax_one_too_far(x, positions, config):
        angle = angles(positions + 1, config)
        return half_of_jax(x, jnp.cos(angle), jnp.sin(angle))

    @kernel("jax", PLAIN, "f32", "b", "a")
    def jax_cos_and_sin_exchanged(x, positions, config):
        angle = angles(positions, config)
        return half_of_jax(x, jnp.sin(angle), jnp.cos(angle))

    @kernel("jax", PLAIN, "f32", "e", "i")
    def jax_positions_counted_anew(x, positions, config):
        angle = angles(jnp.arange(x.shape[2])[None] + 0 * positions, config)
        return half_of_jax(x, jnp.cos(angle), jnp.sin(angle))
