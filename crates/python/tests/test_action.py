"""What the GitHub Action runs, without GitHub."""

import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "..", ".github", "audit")


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
@pytest.mark.parametrize("fault, code", [("", 0), ("c1-base-ignored", 1)])
def test_summary_annotations_and_page(tmp_path, fault, code):
    (tmp_path / "ropewalk").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ropewalk "$@"\n')
    (tmp_path / "ropewalk").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.path.dirname(sys.executable), os.environ["PATH"], "/usr/bin", "/bin"])
    kernel = f'"{sys.executable}" -m ropewalk adapter' + (f" --fault {fault}" if fault else "")
    environment = dict(
        os.environ,
        PATH=path,
        ROPEWALK_EXEC=kernel,
        ROPEWALK_MODEL="llama-3-8b",
        ROPEWALK_ARGUMENTS="--dtype f32 --operation rotate --once",
        ROPEWALK_VERSION="none",
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
        GITHUB_OUTPUT=str(tmp_path / "output"),
    )
    bash = next((p for p in ("/bin/bash", "/usr/bin/bash") if os.path.exists(p)), None)
    if bash is None:
        pytest.skip("no bash")
    done = subprocess.run([bash, SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert (tmp_path / "ropewalk.html").read_text().startswith("<!DOCTYPE")
    verdict = "diverges" if fault else "conforms"
    assert (tmp_path / "output").read_text() == f"verdict={verdict}\n"
    assert verdict in (tmp_path / "summary").read_text()
    assert ("::error title=Ropewalk" in done.stdout) == bool(fault), done.stdout
    assert ("base" in done.stdout.split("::error")[-1]) == bool(fault)
