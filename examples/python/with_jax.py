"""A kernel of JAX, compiled, audited in process. Run: python examples/python/with_jax.py"""

# %% A kernel under jit, in the interleaved layout.
import jax
import jax.numpy as jnp

import ropewalk


@jax.jit
def turn(x, positions, inv_freq):
    angle = positions[:, None, :, None].astype(jnp.float32) * inv_freq
    pairs = x.astype(jnp.float32).reshape(*x.shape[:-1], -1, 2)
    a, b = pairs[..., 0], pairs[..., 1]
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(x.shape).astype(x.dtype)


def rope(x, positions, inv_freq):
    return turn(x, positions, inv_freq)


report = ropewalk.audit(rope, model="llama-3-8b", layout="interleaved", dtypes=["bf16", "f32"], framework="jax")
report.raise_if_wrong()
print(report.short())

# %% The same kernel, asked about the half layout, is another rotation; the report names it.
wrong = ropewalk.audit(rope, model="llama-3-8b", layout="half", framework="jax", twice=False)
assert wrong.verdict == "diverges"
print(wrong.short())

# %% Right answers, as JAX arrays: frequencies to start from, and a rotation to compare with.
spec = ropewalk.spec("llama-3-8b", layout="interleaved")
q = jax.random.normal(jax.random.key(0), (2, 4, 16, 128), jnp.bfloat16)
positions = jnp.arange(16)[None].repeat(2, 0)
got = turn(q, positions, spec.inv_freq(like=q))
ropewalk.testing.assert_rotated(got, q, positions, spec)
want = ropewalk.rotate(q, positions, spec)
print("elements that are not the nearest:", int((got != want).sum()), "of", got.size)
