"""Certified tables and an audit beside numpy, mpmath and Arb, all in one run on one core.

    python3 benches/compare.py

Needs cargo and numpy; mpmath and python-flint are used if they are installed. Nanoseconds of
processor time per (cos, sin) pair, best of several, 131072 positions x 64 planes, base 10000; the slow libraries
compute a sample of it; the audit is of as many rotated numbers. See benches/README.md.
"""

import os
import subprocess
import sys
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"]:
    os.environ[name] = "1"

import numpy as np

POSITIONS, PLANES = 131072, 64
ROUNDS = 7


def best(name, pairs, rounds, work):
    least = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    print(f"{name:44} {least * 1e9 / pairs:10.3f} ns", flush=True)


def numpy_table(dtype):
    exponents = np.arange(PLANES, dtype=dtype) * dtype(-2) / dtype(2 * PLANES)
    theta = dtype(10000) ** exponents
    angle = np.outer(np.arange(POSITIONS, dtype=dtype), theta)
    cos, sin = np.empty_like(angle), np.empty_like(angle)

    def work():
        np.cos(angle, out=cos)
        np.sin(angle, out=sin)

    best(f"numpy {np.dtype(dtype).name}", angle.size, ROUNDS, work)


def sample():
    return [(p, i) for p in range(POSITIONS - 8, POSITIONS) for i in range(PLANES)]


def mpmath_table():
    import mpmath

    mpmath.mp.prec = 128
    theta = [mpmath.mpf(10000) ** (mpmath.mpf(-2 * i) / 128) for i in range(PLANES)]
    best("mpmath 128 bits", 8 * PLANES, 3, lambda: [mpmath.cos_sin(p * theta[i]) for p, i in sample()])


def arb_table():
    import flint

    flint.ctx.prec = 128
    theta = [flint.arb(10000) ** (flint.arb(-2 * i) / 128) for i in range(PLANES)]
    best("Arb 128 bits", 8 * PLANES, 3, lambda: [(p * theta[i]).sin_cos() for p, i in sample()])


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    print(f"numpy {np.__version__}, python {sys.version.split()[0]}")
    numpy_table(np.float64)
    numpy_table(np.float32)
    for table in [mpmath_table, arb_table]:
        try:
            table()
        except ImportError as missing:
            print(f"({missing})")
    subprocess.run(["cargo", "bench", "--quiet", "--bench", "ladder"], cwd=root, check=True)
    numpy_table(np.float64)
    numpy_table(np.float32)
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=root, check=True)
    subprocess.run([sys.executable, os.path.join(root, "benches", "judge.py")], check=True)


if __name__ == "__main__":
    main()
