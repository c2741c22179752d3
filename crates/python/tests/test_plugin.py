"""The plugin of pytest, in sessions of its own."""

import os
import subprocess
import sys

import pytest

numpy = pytest.importorskip("numpy")
HERE = os.path.dirname(__file__)
TEST = """
import kernels, ropewalk

CONFIG = {"head_dim": 16, "layout": "half", "rope_theta": 500000}

@ropewalk.conformance(CONFIG, dtypes=["f32"])
def test_right(x, positions, config):
    return kernels.numpy_rotate(x, positions, config)

@ropewalk.conformance(CONFIG, dtypes=["f32"])
def test_wrong(x, positions, config, tmp_path):
    assert tmp_path.exists()
    return kernels.base_ignored(x, positions, config)

@ropewalk.testing.parametrize(CONFIG, framework="numpy")
def test_case(case):
    assert case.comment and case.flags
    outputs = [kernels.numpy_rotate(x, case.positions, case.config) for x in (case.q, case.k)]
    case.check(*outputs)

def test_assertion():
    import numpy
    q = numpy.ones((300, 16), "float32")
    ropewalk.testing.assert_rotated(kernels.wrong_sign(q[None, None], numpy.arange(300)[None], CONFIG)[0, 0], q, range(300), CONFIG)
"""


@pytest.fixture
def session(tmp_path):
    (tmp_path / "test_it.py").write_text(TEST)

    def run(*arguments):
        path = os.pathsep.join(filter(None, [HERE, os.environ.get("PYTHONPATH")]))
        environment = dict(os.environ, PYTHONPATH=path)
        environment.pop("PYTEST_ADDOPTS", None)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider" if "--lf" not in arguments else "cacheprovider",
            *arguments,
        ]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return run


def test_one_test_a_case(session):
    code, text = session("--collect-only")
    assert code == 0, text
    ids = [line for line in text.splitlines() if "::test_right[" in line]
    assert len(ids) > 5 and all("[own-rotate-f32-" in line for line in ids), text
    code, text = session("-k", "test_right or test_case")
    assert code == 0 and "what is wrong" not in text.lower(), text


def test_the_cause_stands_at_the_end(session, tmp_path):
    code, text = session("--ropewalk-report=html:audit.html", "--ropewalk-report=ndjson:audit.ndjson")
    assert code == 1
    assert "What is wrong:" in text and "c1-base-ignored" in text.split("ropewalk: test_wrong")[1], text
    assert "b1" in text.split("what is wrong =")[-1], text
    assert (tmp_path / "audit.html").read_text().startswith("<!DOCTYPE")
    names = {path.name for path in tmp_path.iterdir()}
    assert {"audit-test_wrong.html", "audit.ndjson"} <= names, names


def test_known_failures_are_strict(session, tmp_path):
    (tmp_path / "known.txt").write_text("own-rotate-f32-* # issue 12\n")
    code, text = session("-k", "test_wrong", "--ropewalk-known-failures=known.txt")
    assert "xfailed" in text and "XPASS(strict)" in text, text
    code, text = session("-k", "test_right", "--ropewalk-known-failures=known.txt")
    assert code == 1 and "XPASS(strict)" in text, text


def test_workers_tell_what_they_know(session):
    pytest.importorskip("xdist")
    code, text = session("-n", "2")
    assert code == 1 and "c1-base-ignored" in text, text


def test_bad_options(session):
    for option in ("--ropewalk-report=pdf:a", "--ropewalk-known-failures=nowhere.txt"):
        code, text = session(option)
        assert code == 4 and "--ropewalk-" in text, text
