"""What the tests of a session have judged, for the paragraph and the page at its end.

Plain data, so that the workers of pytest-xdist can send it.
"""

from __future__ import annotations

from typing import Any

from . import _native
from ._tensors import Memory

# (kind, [(name, dtype, shape, bytes)], words): an answer, as plain data.
Answer = tuple
# What makes a suite: what a kernel claims, the config that it is asked about, a name for people.
Key = tuple


class Session:
    """Answers by suite and index, and failed assertions by fault."""

    def __init__(self) -> None:
        self.answers: dict[Key, dict[int, Answer]] = {}
        self.faults: dict[str, list[str]] = {}

    def record(self, key: Key, index: int, answer: Answer) -> None:
        """Notes an answer; the last one counts."""
        self.answers.setdefault(key, {})[index] = answer

    def failed(self, test: str, fault: str) -> None:
        """Notes an assertion that failed for a cause."""
        self.faults.setdefault(fault, []).append(test)

    def payload(self) -> list[Any]:
        """Everything, for another process."""
        answers = [
            [list(key), [[index, list(answer)] for index, answer in own.items()]] for key, own in self.answers.items()
        ]
        return [answers, [[fault, tests] for fault, tests in self.faults.items()]]

    def merge(self, payload: list[Any]) -> None:
        """Adds what another process has noted."""
        answers, faults = payload
        for key, own in answers:
            for index, answer in own:
                self.record(tuple(key), index, tuple(answer))
        for fault, tests in faults:
            for test in tests:
                self.failed(test, fault)

    def reports(self) -> list[tuple[str, Any]]:
        """A name and a report for every suite, causes sought."""
        from ._audit import Report

        found = []
        for (text, config, name), answers in self.answers.items():
            suite = _native.Suite(text, config)
            replies = [(index, _reply(answer)) for index, answer in sorted(answers.items())]
            found.append((name, Report(suite.judge(replies, True))))
        return found


def _reply(answer: Answer) -> tuple:
    kind, tensors, words = answer
    return (
        kind,
        [(name, Memory(dtype, tuple(shape), None, data, None)) for name, dtype, shape, data in tensors],
        words,
    )


SESSION = Session()
