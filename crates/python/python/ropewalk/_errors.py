"""What an assertion raises: an error that knows what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Diagnosis:
    """A known fault, or several together, that explains what is wrong."""

    faults: tuple[str, ...]
    """Names, as `ropewalk list faults` has them."""
    summary: str
    """What is done, in a line."""
    remedy: str
    """How to mend it."""
    explains: float
    """The share of what is wrong, and of the rest of those answers, that agrees with it: 0 to 1."""
    alternatives: tuple[tuple[str, ...], ...] = ()
    """Other faults that these answers do not tell from it."""
    links: tuple[str, ...] = ()
    """Where it was seen."""

    def __str__(self) -> str:
        # What is told from how the answers lie has no name.
        names = " and ".join(self.faults) + "; " if self.faults else ""
        return f"{self.summary} ({names}explains {100 * self.explains:.0f} %)"


def diagnoses(parts: list[dict[str, Any]] | None) -> list[Diagnosis]:
    """From the JSON of a report."""
    return [
        Diagnosis(
            tuple(part["faults"]),
            part["summary"],
            part["fix"],
            part["explains"],
            tuple(tuple(other) for other in part["alternatives"]),
            tuple(part["links"]),
        )
        for part in parts or []
    ]


def reasons(found: list[Diagnosis], clues: list[str], plain: str | None = None) -> list[str]:
    """Lines that say what is wrong; `plain` is what is seen without a search."""
    lines = []
    for one in found:
        lines.append(f"What is wrong: {one}")
        lines.append(f"  To mend: {one.remedy}")
        lines += [f"  not told from: {' and '.join(other)}" for other in one.alternatives]
    if plain:
        lines.append(f"  {plain}" if lines else f"What is wrong: {plain}")
    if not lines:
        lines.append("What is wrong: unknown, no known fault explains it" + (". What was noticed:" if clues else ""))
    lines += [f"  - {clue}" for clue in clues[:8]]
    return lines


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:.3g} %"


def element(worst: dict[str, Any], name: str) -> str:
    """Where an element is, what came, what is right, how far off it is and what is allowed."""
    index = "".join(f"[{i}]" for i in worst["index"])
    at = "" if worst.get("position") is None else f" (position {worst['position']})"
    line = f"{name}{index}{at}: got {worst['got']}, right is {worst['expected']}"
    if worst["rule"]:
        return f"{line}: {worst['rule']}"
    ulp, allowed = worst["ulp"], worst["allowed_ulp"]
    line += "" if ulp is None else f"; off by {ulp:.4g} ulp"
    return line if allowed is None else f"{line}, {allowed:.4g} allowed"


def runs(numbers: list[int]) -> list[int | str]:
    """Numbers in order, those that follow each other as first..last."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return [first if first == last else f"{first}..{last}" for first, last in runs]


def written_runs(part: Any) -> str:
    """Runs of numbers in words, the first few."""
    if part == "all":
        return "all"
    return ", ".join(str(one) for one in part[:6]) + (", …" if len(part) > 6 else "")


@dataclass(eq=False)
class RotationError(AssertionError):
    """Tensors, or a kernel, are wrong."""

    text: str
    diagnoses: list[Diagnosis] = field(default_factory=list)
    clues: list[str] = field(default_factory=list)
    wrong: dict[str, Any] = field(default_factory=dict)
    """Which batch rows, heads and tokens: lists of numbers and ranges, or "all"; of chains and attention for
    each output that is wrong."""
    worst: dict[str, Any] | None = None
    """The worst element: index, position, got, expected, ulp, allowed_ulp."""
    share: float = 1.0
    """The share of elements that are wrong."""
    rotated_at: list[tuple[tuple[int, ...], int]] = field(default_factory=list)
    """By which position wrong rows were really turned, where that is one integer:
    ((batch, head, token), position)."""
    report: Any = None
    """The report of the auditor (`ropewalk.Report`)."""
    details: str = ""
    """Everything there is to say."""

    def __post_init__(self) -> None:
        super().__init__(self.text)

    def __str__(self) -> str:
        return self.text

    @property
    def faults(self) -> list[str]:
        """Names of the known faults that explain it, best first; empty if none does."""
        return [name for one in self.diagnoses for name in one.faults]

    @property
    def fault(self) -> str | None:
        """The first of them."""
        return next(iter(self.faults), None)

    @property
    def explains(self) -> float:
        """How much of it the first diagnosis explains."""
        return self.diagnoses[0].explains if self.diagnoses else 0.0

    @property
    def remedy(self) -> str | None:
        """How to mend it."""
        return self.diagnoses[0].remedy if self.diagnoses else None


class NotJudged(AssertionError):
    """Nothing could be judged: no bound says anything, or the kernel did not answer."""
