"""Audits of functions, and what came of them."""

from __future__ import annotations

import json
import os
from functools import cached_property
from typing import Any, Callable

from . import _native
from ._dtypes import short
from ._errors import Diagnosis, NotJudged, RotationError, diagnoses, reasons
from ._kernel import Kernel, called, config_of, description

FORMATS = {
    ".html": "html", ".htm": "html", ".md": "markdown", ".xml": "junit", ".ndjson": "ndjson",
    ".jsonl": "ndjson", ".txt": "text",
}  # fmt: skip


class Report:
    """What an audit found: the page in a notebook, the report in a terminal."""

    def __init__(self, native: Any):
        self._native = native

    @cached_property
    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._native.ndjson().splitlines()]

    @property
    def footer(self) -> dict[str, Any]:
        """Verdict, counts, diagnoses, clues: the last line of the NDJSON report."""
        return self._lines[-1]

    @property
    def verdict(self) -> str:
        """`conforms`, `diverges`, `unjudged` or `adapter_fault`."""
        return self._native.verdict

    @property
    def conforms(self) -> bool:
        """Whether a right explanation bounds everything that was judged."""
        return self.verdict == "conforms"

    @cached_property
    def diagnoses(self) -> list[Diagnosis]:
        """Known faults that explain what is wrong, best first."""
        return diagnoses(self.footer["diagnoses"])

    @property
    def faults(self) -> list[str]:
        """Their names."""
        return [name for one in self.diagnoses for name in one.faults]

    @property
    def clues(self) -> list[str]:
        """What was noticed beside that."""
        return self.footer["clues"]

    @property
    def cases(self) -> list[dict[str, Any]]:
        """Every case, as the NDJSON report has it."""
        return [line for line in self._lines if line["line"] == "case"]

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The cases that are wrong, or were not answered."""
        fine = ("passed", "unjudged", "unsupported", "skipped", "unclaimed")
        return [case for case in self.cases if case["status"] not in fine and not case["known"]]

    @property
    def worst(self) -> dict[str, Any] | None:
        """The worst element of all: id, output, index, position, got, expected, ulp, allowed_ulp."""
        failures = self.failures
        ids = [case["id"] for case in failures]
        formats = zip(self.cases, self._native.dtypes())
        found = [(case, case["worst"], own) for case, own in formats if case["worst"] and case["id"] in ids]
        if not found:
            return None

        def size(pair: Any) -> float:
            ulp = pair[1]["ulp"]
            return ulp if isinstance(ulp, (int, float)) else float("inf")

        case, worst, dtype = max(found, key=size)
        numbers = {
            key: value if isinstance(value, (int, float)) else None
            for key, value in (("ulp", worst["ulp"]), ("allowed_ulp", worst["allowed_ulp"]))
        }
        return {
            "id": case["id"],
            "output": worst["output"],
            "index": worst["index"],
            "position": (worst["place"] or {}).get("position"),
            "got": _native.number(dtype, worst["got"]),
            "expected": _native.number(dtype, worst["want"]),
            "rule": worst["rule"],
            **numbers,
        }

    @property
    def log(self) -> str:
        """Tracebacks of a kernel that raised."""
        return self._native.log

    def text(self, verbose: bool = False, colour: bool = False, width: int = 100) -> str:
        """The report for people."""
        return self._native.terminal(width, colour, 3, verbose)

    def html(self) -> str:
        """The page: one file that loads nothing."""
        return self._native.html()

    def short(self) -> str:
        """A paragraph: verdict, counts, cause."""
        counts = self.footer["counts"]
        states = counts["by_status"]
        wrong = sum(
            n
            for state, n in states.items()
            if state not in ("passed", "unjudged", "unsupported", "skipped", "unclaimed")
        )
        lines = [f"{self.verdict}: {wrong} of {counts['asked']} cases wrong, {states.get('passed', 0)} right"]
        if wrong:
            lines += reasons(self.diagnoses, self.clues)
        lines += self.footer["complaints"][:3]
        if self.log:
            lines += ["The kernel raised:", self.log]
        return "\n".join(lines)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the report: .html, .md, .xml (JUnit), .ndjson or .txt, whole or not at all."""
        name = os.fspath(path)
        kind = FORMATS.get(os.path.splitext(name)[1].lower())
        if kind is None:
            raise ValueError(f"path is {name!r}: its end must be one of {', '.join(FORMATS)}")
        text = self.text(verbose=True) if kind == "text" else getattr(self._native, kind)()
        written(name, text)

    def raise_if_wrong(self) -> None:
        """Raises RotationError if something is wrong, NotJudged if nothing was judged or the kernel did
        not answer."""
        __tracebackhide__ = True
        if self.verdict == "diverges":
            raise RotationError(
                self.short(), self.diagnoses, self.clues, {}, self.worst, report=self, details=self.text(verbose=True)
            )
        if self.verdict != "conforms":
            raise NotJudged(self.short())

    def __repr__(self) -> str:
        return self.text().rstrip()

    def _repr_html_(self) -> str:
        # The page has a style of its own, which must not become the notebook's.
        page = self.html().replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 40em; border: 0"></iframe>'


def written(name: str, text: str) -> None:
    """Writes a file, whole or not at all."""
    import tempfile

    folder = os.path.dirname(os.path.abspath(name))
    handle, part = tempfile.mkstemp(dir=folder, prefix=".ropewalk")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(part, 0o666 & ~mask)
        os.replace(part, name)
    except BaseException:
        os.unlink(part)
        raise


def audit(
    function: Callable[..., Any],
    *,
    model: Any = None,
    config: Any = None,
    dtypes: Any = ("f32",),
    operation: str = "rotate",
    layout: str | None = None,
    layer_type: str | None = None,
    axes: str = "bhsd",
    layouts: Any = None,
    rope_types: Any = None,
    directions: Any = "forward",
    position_axes: Any = None,
    limits: dict[str, Any] | None = None,
    framework: str | None = None,
    device: Any = None,
    twice: bool = True,
    sight: bool = True,
    name: str | None = None,
) -> Report:
    """Asks a function everything that it claims, judges every element, and says what is wrong.

    function: takes by name what it needs of q, k (or x), positions, config, inv_freq, attention_factor,
        cos, sin, seq_len, direction, dtype and the keys of a flat config, and gives q and k, rotated; or
        changes them in place. An exception is reported as such; NotImplementedError declines a question.
    model, config: what to ask about (`ropewalk.spec`); without them, all golden vectors within `layouts`
        ("half"), `rope_types` ("default"), `position_axes` (1).
    axes: of q and k as the function takes them: "bhsd", "bshd", "sbhd", "thd".
    limits: min_position, max_position, max_head_dim, max_elements.
    framework: "torch", "jax" or "numpy"; by default the one that the function's module uses.
    twice: ask everything twice, and require the same answers.
    sight: say which known faults this audit would have seen, which takes some seconds.
    """
    kernel = Kernel(function, operation=operation, axes=axes, framework=framework, device=device)
    own = config_of(model, config, layout, layer_type)
    if own is None:
        layouts = layouts or layout or "half"
        rope_types = rope_types or "default"
        position_axes = position_axes or 1
    text = description(
        name or called(function),
        operations=[operation],
        dtypes=dtypes,
        layouts=layouts,
        rope_types=rope_types,
        directions=directions if operation in ("rotate", "apply") else None,
        axes=position_axes,
        limits=limits,
        framework=kernel.framework,
    )
    suite = _native.Suite(text, json.dumps(own._found) if own else None)
    return Report(suite.audit(kernel, twice, sight))


class Identified:
    """What a function computes, found out by asking; printed, it says what `ropewalk identify` says."""

    def __init__(self, found: dict[str, Any], text: str):
        self.json = found
        """What `ropewalk identify --json` says."""
        self.declared: dict[str, Any] = found["declared"]
        """The config that it was asked with."""
        self.config: dict[str, Any] | None = found["config"]
        """The config that its answers follow; None if it is none that is known."""
        self.same: bool = found["conforms"]
        """Whether it computes what is declared, as far as it was asked."""
        self.differences: list[str] = found["differences"]
        self.profile: str | None = found["profile"]
        """The way of computing within whose bounds its answers lie."""
        self.unknown: list[str] = found["unknown"]
        self.not_asked: list[str] = found["not_asked"]
        self.remarks: list[str] = found["remarks"]
        self.diagnoses = diagnoses(found["diagnoses"])
        self._text = text

    @property
    def faults(self) -> list[str]:
        """Known faults that explain what is different."""
        return [name for one in self.diagnoses for name in one.faults]

    def __repr__(self) -> str:
        return self._text


def identify(
    function: Callable[..., Any],
    *,
    model: Any = None,
    config: Any = None,
    dtype: Any = "f32",
    layout: str | None = None,
    layer_type: str | None = None,
    axes: str = "bhsd",
    framework: str | None = None,
    device: Any = None,
) -> Identified:
    """Finds out what a function computes by asking: planes, frequencies, scaling, precision, and which
    fault it has. Parameters as those of `audit`."""
    kernel = Kernel(function, operation="rotate", axes=axes, framework=framework, device=device)
    own = config_of(model, config, layout, layer_type)
    text = description(
        called(function),
        operations=["rotate"],
        dtypes=dtype,
        layouts=None if own or layout is None else layout,
        directions="forward",
        framework=kernel.framework,
    )
    found, said = _native.identify(kernel, text, own._json if own else None, short(dtype))
    return Identified(json.loads(found), said)
