"""Kernels in JAX."""

import jax
import jax.numpy as jnp

from many import PAIRS, PLAIN, kernel


def angles(positions, config):
    width = config["head_dim"]
    frequency = config["rope_theta"] ** -(jnp.arange(0, width, 2, dtype=jnp.float32) / width)
    return positions[:, None, :, None].astype(jnp.float32) * frequency


@jax.jit
def half_of_jax(x, cos, sin):
    a, b = jnp.split(x.astype(jnp.float32), 2, -1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1).astype(x.dtype)


@kernel(PLAIN, "f32 bf16")
def jax_half(x, positions, config):
    angle = angles(positions, config)
    return half_of_jax(x, jnp.cos(angle), jnp.sin(angle))


@kernel(PAIRS, "bf16 f16")
def jax_pairs(x, positions, config):
    angle = angles(positions, config)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    a, b = x[..., ::2].astype(jnp.float32), x[..., 1::2].astype(jnp.float32)
    return jnp.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(x.shape).astype(x.dtype)


@kernel(PLAIN, "bf16", "e", "f")
def jax_angles_in_bf16(x, positions, config):
    angle = angles(positions, config).astype(jnp.bfloat16).astype(jnp.float32)
    return half_of_jax(x, jnp.cos(angle), jnp.sin(angle))


@kernel(PLAIN, "f32", "e")
def jax_one_too_far(x, positions, config):
    angle = angles(positions + 1, config)
    return half_of_jax(x, jnp.cos(angle), jnp.sin(angle))


@kernel(PLAIN, "f32", "b", "a")
def jax_cos_and_sin_exchanged(x, positions, config):
    angle = angles(positions, config)
    return half_of_jax(x, jnp.sin(angle), jnp.cos(angle))


@kernel(PLAIN, "f32", "e", "i")
def jax_positions_counted_anew(x, positions, config):
    angle = angles(jnp.arange(x.shape[2])[None] + 0 * positions, config)
    return half_of_jax(x, jnp.cos(angle), jnp.sin(angle))
