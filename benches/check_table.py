"""Random entries of a written table against mpmath, and what writing it took.

    python3 benches/check_table.py [POSITIONS] [DTYPE] [ENTRIES]

Writes a table of 64 planes, base 10000, with the release build of `ropewalk table`, prints time and
peak memory, and compares random entries and the last row with mpmath at 256 bits, rounded once.
Needs numpy and mpmath; 10 million positions in f32 take 5.1 GB of disk.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time

import mpmath
import numpy as np

PLANES = 64


def rounded(x, bits):
    """Nearest number of so many bits, ties to even; none here is subnormal."""
    with mpmath.workprec(bits):
        return +x


def main():
    positions = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    dtype = sys.argv[2] if len(sys.argv) > 2 else "f32"
    entries = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    program = os.environ.get("ROPEWALK", os.path.join(root, "target", "release", "ropewalk"))
    with tempfile.TemporaryDirectory() as folder:
        # One array: cos and then sin in a row.
        path = os.path.join(folder, "table.npy")
        start = time.perf_counter()
        subprocess.run(
            [program, "table", "--set", f"head_dim={2 * PLANES}", "--set", "layout=half",
             "--set", "rope_theta=10000", "--positions", f"0..{positions}", "--dtype", dtype,
             "--layout-out", "concat", path],
            check=True,
        )
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = os.path.getsize(path) / 1e9
        print(f"{positions} positions x {PLANES} planes, {dtype}: {size:.2f} GB in {seconds:.1f} s, "
              f"peak memory {peak:.0f} MB")
        table = np.load(path, mmap_mode="r")
        assert table.shape == (positions, 2 * PLANES), table.shape
        random.seed(1)
        mpmath.mp.prec = 256
        theta = [mpmath.mpf(10000) ** (mpmath.mpf(-2 * i) / (2 * PLANES)) for i in range(PLANES)]
        places = [(random.randrange(1, positions), random.randrange(PLANES)) for _ in range(entries)]
        places += [(positions - 1, i) for i in range(PLANES)]
        bits = {"f64": 53, "f32": 24}[dtype]
        wrong = 0
        for p, i in places:
            cos, sin = mpmath.cos_sin(p * theta[i])
            for column, exact in ((i, cos), (PLANES + i, sin)):
                wrong += mpmath.mpf(float(table[p, column])) != rounded(exact, bits)
        print(f"{2 * len(places)} numbers compared with mpmath, {wrong} wrong")
        sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
