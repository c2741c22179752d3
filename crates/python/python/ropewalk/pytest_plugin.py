"""The plugin of pytest: options, and what is said at the end of a session.

One paragraph says what is wrong over all cases; `--ropewalk-report=html:audit.html` writes the page;
`--ropewalk-known-failures=FILE` expects tests to fail, strictly.
"""

from __future__ import annotations

import fnmatch
import os
from typing import Any

import pytest

from ._errors import RotationError
from ._session import SESSION

KINDS = {"html": ".html", "markdown": ".md", "junit": ".xml", "ndjson": ".ndjson", "text": ".txt"}


def pytest_addoption(parser: Any) -> None:
    """The options."""
    group = parser.getgroup("ropewalk", "position encodings")
    group.addoption(
        "--ropewalk-report", action="append", default=[], metavar="FORMAT:FILE",
        help="write the audit of all cases: html, markdown, junit, ndjson or text; may be given several times",
    )  # fmt: skip
    group.addoption(
        "--ropewalk-known-failures", metavar="FILE",
        help="ids of cases (globs, a line each, # for comments) that are expected to fail; one that passes fails",
    )  # fmt: skip


def pytest_configure(config: Any) -> None:
    """Bad options are errors before anything runs."""
    for text in config.getoption("--ropewalk-report"):
        kind, _, file = text.partition(":")
        if kind not in KINDS or not file:
            allowed = ", ".join(f"{kind}:FILE" for kind in KINDS)
            raise pytest.UsageError(f"--ropewalk-report is {text!r}, allowed are {allowed}")
    path = config.getoption("--ropewalk-known-failures")
    if path and not os.path.isfile(path):
        raise pytest.UsageError(f"--ropewalk-known-failures: {path} is no file")


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Known failures are expected to fail."""
    path = config.getoption("--ropewalk-known-failures")
    if not path:
        return
    from ._conformance import Case, known_failures

    globs = known_failures(path)
    for item in items:
        call = getattr(item, "callspec", None)
        case = next((part for part in call.params.values() if isinstance(part, Case)), None) if call else None
        found = case and next((glob for glob in globs if fnmatch.fnmatchcase(case.id, glob)), None)
        if found:
            item.add_marker(pytest.mark.xfail(strict=True, reason=f"known failure {found}"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    """Notes the cause of a failed assertion; with -v, says all there is to say."""
    outcome = yield
    error = call.excinfo.value if call.excinfo is not None else None
    if not isinstance(error, RotationError):
        return
    report = outcome.get_result()
    if item.config.getoption("verbose") > 0 and error.details:
        report.sections.append(("ropewalk", error.details))
    if report.failed:
        for fault in error.faults[:1]:
            SESSION.failed(item.nodeid, fault)


def pytest_sessionfinish(session: Any) -> None:
    """A worker of pytest-xdist sends what it has noted."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["ropewalk"] = SESSION.payload()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """What a worker has noted."""
    payload = getattr(node, "workeroutput", {}).get("ropewalk")
    if payload:
        SESSION.merge(payload)


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """The paragraph, and the pages."""
    if hasattr(config, "workerinput"):
        return
    wanted = [text.partition(":")[::2] for text in config.getoption("--ropewalk-report")]
    if not SESSION.answers and not SESSION.faults:
        if wanted:
            terminalreporter.write_line("ropewalk: no case was judged, no report is written", yellow=True)
        return
    if SESSION.answers and (wanted or terminalreporter.stats.get("failed")):
        _reports(terminalreporter, wanted)
    if SESSION.faults:
        terminalreporter.section("ropewalk: what is wrong")
        for fault, tests in sorted(SESSION.faults.items(), key=lambda pair: -len(pair[1])):
            terminalreporter.write_line(f"{fault}: {len(tests)} tests, the first {tests[0]}")


def _reports(terminal: Any, wanted: list[tuple[str, str]]) -> None:
    for number, (name, report) in enumerate(SESSION.reports()):
        if not report.conforms:
            terminal.section(f"ropewalk: {name}")
            terminal.write_line(report.short())
        for kind, file in wanted:
            stem, end = os.path.splitext(file)
            path = file if number == 0 else f"{stem}-{name}{end}"
            text = report.text(verbose=True) if kind == "text" else getattr(report._native, kind)()
            from ._audit import written

            written(path, text)
            terminal.write_line(f"ropewalk: wrote {path}")
