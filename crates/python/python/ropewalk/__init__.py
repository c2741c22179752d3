"""Ropewalk: right answers for position encodings, and judgement of kernels.

    import ropewalk

    want = ropewalk.rotate(q, positions, "llama-3.1-8b")       # correctly rounded
    ropewalk.testing.assert_rotated(q, q_out, positions, "llama-3.1-8b", axes="bhsd")
    report = ropewalk.audit(my_rotate, model="llama-3.1-8b", dtypes=["bf16", "f32"])

Tensors are those of the framework at hand: numpy, torch, JAX, and whatever speaks DLPack or the buffer
protocol. Importing this module imports none of them. The page docs/python.md tells the whole story.
"""

from . import testing
from ._answers import inv_freq, rotate, table
from ._audit import Identified, Report, audit, identify
from ._conformance import conformance
from ._errors import NotJudged, RotationError
from ._native import __version__, models
from ._spec import Spec, spec
from ._watch import watch

__all__ = [
    "Identified",
    "NotJudged",
    "Report",
    "RotationError",
    "Spec",
    "__version__",
    "audit",
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
