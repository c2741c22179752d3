"""Whatever the door, the verdict is the same: kernels asked in process and as a process of their own."""

import json
import os
import subprocess
import sys

import many
import pytest

import ropewalk

pytest.importorskip("numpy")
for framework in ("numpy", "torch", "jax"):
    many.load(framework)
HERE = os.path.dirname(os.path.abspath(__file__))


def as_a_process(name, one, folder):
    (folder / "config.json").write_text(json.dumps(one.config))
    adapter = f'"{sys.executable}" "{os.path.join(HERE, "adapter.py")}" {one.framework} {name}'
    command = [sys.executable, "-m", "ropewalk", "audit", "--exec", adapter, "--config", "config.json"]
    command += ["--operation", "rotate", "--report", "ndjson=report.ndjson"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode in (0, 1, 3), done.stdout + done.stderr
    return [json.loads(line) for line in (folder / "report.ndjson").read_text().splitlines()]


def found(lines):
    cases = {line["id"]: line["status"] for line in lines if line["line"] == "case"}
    # A function is not even asked what it does not claim.
    return {id: status for id, status in cases.items() if status != "unclaimed"}, lines[-1]


@pytest.mark.parametrize("name", many.KERNELS)
def test_same_verdict(name, tmp_path):
    one = many.KERNELS[name]
    how = {"config": one.config, "dtypes": one.dtypes, "framework": one.framework, "limits": many.LIMITS, "sight": False}
    report = ropewalk.audit(one.function, **how)
    named = [fault.split("-")[0] for fault in report.faults]
    assert not one.faults or any(own.startswith(start) for own in named for start in one.faults), report
    cases, footer = found(as_a_process(name, one, tmp_path))
    assert footer["verdict"] == report.verdict
    assert report.verdict == one.verdict, report
    assert {case["id"] for case in report.cases} == set(cases)
    if "fickle" not in name:
        assert {case["id"]: case["status"] for case in report.cases} == cases
        assert [one["faults"] for one in footer["diagnoses"]] == [list(one.faults) for one in report.diagnoses]
