"""An audit of a large tensor from end to end: reading, the right answers, judging, the report.

    python3 benches/judge.py [TOKENS]

Rotates TOKENS x 128 numbers in numpy's float32, as Transformers does, and has the release build of
`ropewalk judge` judge them on one core and on all. Needs numpy.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

DIM = 128


def rotated(q):
    inv_freq = np.float32(1) / np.float32(10000) ** (np.arange(0, DIM, 2, dtype=np.float32) / np.float32(DIM))
    angle = np.arange(len(q), dtype=np.float32)[:, None] * inv_freq
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = q[:, : DIM // 2], q[:, DIM // 2 :]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=1)


def make(tokens, before, after):
    q = np.random.default_rng(1).standard_normal((tokens, DIM), dtype=np.float32)
    np.save(before, q)
    np.save(after, rotated(q))


def main():
    tokens = int(sys.argv[1]) if len(sys.argv) > 1 else 131072
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    program = os.environ.get("ROPEWALK", os.path.join(root, "target", "release", "ropewalk"))
    with tempfile.TemporaryDirectory() as folder:
        before, after = os.path.join(folder, "q.npy"), os.path.join(folder, "rotated.npy")
        # In a process of its own: what a parent holds counts for its children.
        maker = multiprocessing.Process(target=make, args=(tokens, before, after))
        maker.start()
        maker.join()
        command = [program, "judge", "--set", f"head_dim={DIM}", "--set", "layout=half", "--set",
                   "rope_theta=10000", "--positions", f"0..{tokens}", before, after]
        for threads in ["1", str(os.cpu_count())]:
            wall = cpu = float("inf")
            for _ in range(5):
                start = time.perf_counter()
                child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                         env={**os.environ, "RAYON_NUM_THREADS": threads})
                verdict = child.stdout.read().splitlines()[1].strip()
                _, _, used = os.wait4(child.pid, 0)
                wall = min(wall, time.perf_counter() - start)
                cpu = min(cpu, used.ru_utime + used.ru_stime)
            print(f"{tokens} x {DIM} f32, {threads} threads: {wall:.2f} s, {cpu:.2f} s of processor time; {verdict}")
        files = 2 * os.path.getsize(before) / 2**20
        print(f"peak memory {used.ru_maxrss / 1024:.0f} MB, of which {files:.0f} MB are the files")


if __name__ == "__main__":
    main()
