"""Kernels as people have them, right and wrong, in numpy, torch and JAX: each is asked through the door
of Python and through that of processes, and both must say the same.

A kernel takes x, [batch, heads, tokens, head_dim], positions, [batch, tokens], and a flat config.
"""

import importlib
from dataclasses import dataclass, field
from typing import Any, Callable

# So that all of them are asked in minutes.
LIMITS = {"max_elements": 1 << 12}
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


def kernel(config, dtypes, *faults, verdict=None):
    """Enters a kernel, of the framework in whose file it stands: right if no fault is named."""

    def enter(function):
        said = verdict or ("diverges" if faults else "conforms")
        framework = function.__module__.rsplit("_", 1)[-1]
        KERNELS[function.__name__] = One(function, framework, config, dtypes.split(), said, list(faults))
        return function

    return enter


def load(framework):
    """Enters the kernels of a framework, if it is there."""
    try:
        importlib.import_module(framework)
    except ImportError:
        return
    importlib.import_module(f"many.in_{framework}")
