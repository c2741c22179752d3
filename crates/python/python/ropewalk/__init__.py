"""Ropewalk: right answers for position encodings, and judgement of kernels.

    import ropewalk

    want = ropewalk.rotate(q, positions, "llama-3.1-8b")       # correctly rounded
    ropewalk.testing.assert_rotated(q_out, q, positions, "llama-3.1-8b", axes="bhsd")
    report = ropewalk.audit(my_rotate, model="llama-3.1-8b", dtypes=["bf16", "f32"])

Tensors are those of the framework at hand: numpy, torch, JAX, and whatever speaks DLPack or the buffer
protocol. Importing this module imports none of them. The page docs/python.md tells the whole story.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._native import __version__, models

if TYPE_CHECKING:
    from . import testing
    from ._answers import inv_freq, rotate, table
    from ._attention import attention
    from ._audit import Identified, Report, audit, identify
    from ._chain import chain
    from ._conformance import conformance
    from ._errors import NotJudged, RotationError
    from ._spec import Spec, spec
    from ._watch import watch

# Where each name stands: what nobody uses is not imported.
_HOMES = {
    "testing": "testing",
    "inv_freq": "_answers",
    "rotate": "_answers",
    "table": "_answers",
    "Identified": "_audit",
    "Report": "_audit",
    "attention": "_attention",
    "audit": "_audit",
    "chain": "_chain",
    "identify": "_audit",
    "conformance": "_conformance",
    "NotJudged": "_errors",
    "RotationError": "_errors",
    "Spec": "_spec",
    "spec": "_spec",
    "watch": "_watch",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'ropewalk' has no attribute {name!r}")
    module = import_module(f".{home}", __name__)
    found = module if home == name else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "Identified",
    "NotJudged",
    "Report",
    "RotationError",
    "Spec",
    "__version__",
    "attention",
    "audit",
    "chain",
    "conformance",
    "identify",
    "inv_freq",
    "models",
    "rotate",
    "spec",
    "table",
    "testing",
    "watch",
]
