"""The frameworks that are there (None: it is not), and tensors of each."""

import pytest

numpy = pytest.importorskip("numpy")
try:
    import torch
except ImportError:
    torch = None
try:
    import jax
except ImportError:
    jax = None
try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None


def drawn(*shape, seed=1, dtype="float32"):
    return numpy.random.default_rng(seed).standard_normal(shape).astype(dtype)


def kinds():
    """What makes a tensor of numpy one of each framework."""
    found = [pytest.param(lambda x: x, id="numpy")]
    if torch:
        found.append(pytest.param(torch.from_numpy, id="torch"))
    if jax:
        found.append(pytest.param(jax.numpy.asarray, id="jax"))
    return found
