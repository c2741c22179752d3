"""Findings in candle and burn: programs of their own, built here."""

import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).parent.parent))
import environments
from evidence import finding, main


def run(claim, name):
    """Builds a crate and passes on what its program found."""
    made = subprocess.run([environments.crate(name, name + "-findings")], capture_output=True, text=True)
    for line in made.stdout.splitlines()[1:]:
        claim(line.strip().startswith("holds:"), line.split(":", 1)[1].strip())
    if made.returncode not in (0, 1):
        claim(False, "the program ended with %d" % made.returncode)


@finding(61, "candle: a batched table that is longer than the input is read at the wrong rows")
def candle(claim):
    run(claim, "candle")


@finding(62, "burn: after shift(), `start` counts from the window, not from position 0")
def burn(claim):
    run(claim, "burn")


main()
