"""The examples of docs/python.md are run."""

import os
import re

import pytest

pytest.importorskip("numpy")
PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "python.md")


def test_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open(PAGE, encoding="utf-8") as file:
        blocks = re.findall(r"```python\n(.*?)```", file.read(), re.S)
    run = [block for block in blocks if "my_rope" not in block and "watch(model)" not in block]
    assert len(run) >= 5 and len(blocks) - len(run) == 2
    scope = {}
    for block in run:
        exec(compile(block, "docs/python.md", "exec"), scope)
    assert (tmp_path / "audit.html").exists()
