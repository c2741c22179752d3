"""The program `ropewalk`, also as `python -m ropewalk`."""

import signal
import sys

from . import _native


def main() -> int:
    """Runs the program with the arguments of this process; its exit code."""
    # Python only notes signals; nothing here would ever look at the note.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.program(["ropewalk", *sys.argv[1:]], [sys.executable, "-m", "ropewalk"])


if __name__ == "__main__":
    sys.exit(main())
