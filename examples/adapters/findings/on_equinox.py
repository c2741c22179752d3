"""Findings in Equinox."""


import equinox
import jax.numpy as jnp
from evidence import apart, finding, main, random, rotated


@finding(1, "Equinox: the table of the first theta serves every later theta")
def theta(claim):
    x = random(100, 64)
    first, second = equinox.nn.RotaryPositionalEmbedding(64, theta=10_000.0), equinox.nn.RotaryPositionalEmbedding(64, theta=500_000.0)
    equinox.clear_caches()
    alone = apart(second(x), rotated(x, range(100), "half", 500_000))
    claim(alone < 1e-4, "theta 500000 alone is right: off by %.1e" % alone)
    equinox.clear_caches()
    first(x)
    after = apart(second(x), rotated(x, range(100), "half", 500_000))
    claim(after > 1, "after one call of a module with theta 10000 it is off by %.2f" % after)
    claim(bool((first(x) == second(x)).all()), "and equals the answer for theta 10000 bit for bit")


@finding(64, "Equinox on jax: a subnormal input is flushed to zero, at position 0 too")
def subnormal(claim):
    x = jnp.full((1, 4), 1e-39, jnp.float32)
    y = equinox.nn.RotaryPositionalEmbedding(4)(x)
    claim(bool((y == 0).all()), "1e-39 at position 0 comes back as 0 (XLA's CPU code flushes subnormals)")


main()
