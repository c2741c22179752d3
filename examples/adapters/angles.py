"""How far off the angle is, by position: the largest over all pairs of a head of 128, base 10000.

    python3 angles.py NAME...              measures and prints position, name, error in radians
    python3 angles.py --draw FILE.tsv      draws such lines as SVG
    python3 angles.py --heat COMMAND...    draws the error by position and pair of one adapter, in bf16

A pair that holds (1, 0) comes back as (cos, sin) of the angle that was used; its distance from the right
one is |cos a · s − sin a · c|, with cos a and sin a to 48 digits. Needs numpy and mpmath.
"""

import json
import subprocess
import sys

WIDTH, BASE = 128, 10000
POSITIONS = [1, 8, 64, 256, 1024, 4096, 8191, 16384, 32767, 65536, 131071, 262144, 524288, 1048575]


class Adapter:
    """A running adapter, asked one rotation at a time."""

    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.layout = self.ask({"cmd": "start", "protocols": [1]})["capabilities"][0]["layouts"][-1]

    def ask(self, request):
        """The reply to a line."""
        self.child.stdin.write(json.dumps(request) + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def errors(self, position, dtype="f32", width=WIDTH):
        """The error of every pair at a position, or None if the adapter does not answer."""
        import mpmath
        import numpy
        from protocol import Tensor

        mpmath.mp.prec = 160
        half = width // 2
        first, second = (slice(0, half), slice(half, None)) if self.layout == "half" else (slice(0, None, 2), slice(1, None, 2))
        x = numpy.zeros((1, 1, 1, width), {"f32": "f4", "bf16": "u2"}[dtype])
        x[..., first] = 1 if dtype == "f32" else 0x3F80
        config = {"head_dim": width, "layout": self.layout, "rope_theta": BASE}
        given = {"q": Tensor(dtype, x).encode(), "positions": [[position]]}
        reply = self.ask({"cmd": "run", "id": "a", "operation": "rotate", "dtype": dtype, "config": config, "input": given})
        if "output" not in reply:
            return None
        y = Tensor.decode(reply["output"]["q"]).wide()[0, 0, 0]
        found = []
        for i, (c, s) in enumerate(zip(y[first], y[second])):
            angle = position * mpmath.power(BASE, -mpmath.mpf(2 * i) / width)
            found.append(abs(float(mpmath.cos(angle) * s - mpmath.sin(angle) * c)))
        return found


def measure(names):
    import environments

    for name in names:
        adapter = Adapter(environments.command(name))
        for position in POSITIONS:
            errors = adapter.errors(position)
            if errors:
                print("%d\t%s\t%.2e" % (position, name, max(errors)), flush=True)


COLOURS = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#a0522d",
    "#000000", "#5e3c99", "#8a9a00", "#b2182b",
]


def draw(path):
    """Log-log lines; implementations with the same errors share one, and the first gives it its colour."""
    import math

    lines = {}
    for row in open(path):
        position, name, error = row.split("\t")
        lines.setdefault(name, []).append((int(position), float(error)))
    shared = {}
    for name, points in lines.items():
        # Alike to 20 % where both answer.
        for other, names in shared.items():
            both = [(e, dict(lines[other])[p]) for p, e in points if p in dict(lines[other])]
            if both and all(0.8 < a / b < 1.25 for a, b in both):
                names.append(name)
                break
        else:
            shared[name] = [name]
    left, top, wide, high = 64, 16, 430, 300
    x = lambda p: left + wide * math.log2(p) / 20
    y = lambda e: top + high * (0.5 - math.log10(max(e, 1e-9))) / 9
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 356" font-family="sans-serif" font-size="11">']
    out.append('<rect width="760" height="356" fill="#ffffff"/>')
    for power in range(-8, 1, 2):
        out.append('<path d="M%d %.1fh%d" stroke="#dddddd"/>' % (left, y(10.0**power), wide))
        out.append('<text x="%d" y="%.1f" text-anchor="end">1e%d</text>' % (left - 6, y(10.0**power) + 4, power))
    for power in range(0, 21, 4):
        out.append('<path d="M%.1f %dv%d" stroke="#dddddd"/>' % (x(2**power), top, high))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%d</text>' % (x(2**power), top + high + 16, 2**power))
    out.append('<text x="%d" y="%d" text-anchor="middle">position</text>' % (left + wide // 2, top + high + 34))
    out.append('<text transform="translate(14 %d) rotate(-90)" text-anchor="middle">largest angle error, radians</text>' % (top + high // 2))
    order = sorted(shared, key=lambda name: -lines[name][-1][1])
    for row, name in enumerate(order):
        colour = COLOURS[row]  # one for each: two lines of one colour would be one series
        points = " ".join("%.1f,%.1f" % (x(p), y(e)) for p, e in lines[name])
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"/>' % (points, colour))
        names = shared[name]
        text = [", ".join(names[i : i + 2]) for i in range(0, len(names), 2)]
        at = top + 10 + sum(8 + 13 * ((len(shared[n]) + 1) // 2) for n in order[:row])
        out.append('<path d="M508 %dh14" stroke="%s" stroke-width="3"/>' % (at - 4, colour))
        for i, line in enumerate(text):
            out.append('<text x="528" y="%d">%s</text>' % (at + 13 * i, line))
    print("\n".join(out + ["</svg>"]))


def heat(command):
    """Rows are pairs, columns positions; equal neighbours of a row are one rectangle."""
    width, positions = 64, range(244, 300)
    adapter = Adapter(command)
    grid = [adapter.errors(p, "bf16", width) for p in positions]
    levels = [(0.5, "#67000d"), (0.2, "#cb181d"), (0.05, "#fb6a4a"), (0.02, "#fcbba1"), (0.0, "#f0f0f0")]
    shade = lambda e: next(colour for limit, colour in levels if e >= limit)
    cell, left, top = 9, 60, 12
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 356" font-family="sans-serif" font-size="11">']
    out.append('<rect width="700" height="356" fill="#ffffff"/>')
    paths = {}
    for column, errors in enumerate(grid):
        start = 0
        for i in range(1, len(errors) + 1):
            if i == len(errors) or shade(errors[i]) != shade(errors[start]):
                rectangle = "M%d %dh%dv%dh-%dz" % (left + column * cell, top + start * cell, cell, (i - start) * cell, cell)
                paths.setdefault(shade(errors[start]), []).append(rectangle)
                start = i
    for colour, rectangles in paths.items():
        out.append('<path fill="%s" d="%s"/>' % (colour, "".join(rectangles)))
    for column, p in enumerate(positions):
        if p % 8 == 0 or p == 257:
            out.append('<text x="%d" y="%d" text-anchor="middle">%d</text>' % (left + column * cell + 4, top + 32 * cell + (28 if p == 257 else 15), p))
    for i in range(0, 32, 8):
        out.append('<text x="%d" y="%d" text-anchor="end">pair %d</text>' % (left - 6, top + i * cell + 9, i))
    out.append('<text x="%d" y="%d" text-anchor="middle">position</text>' % (left + 252, top + 32 * cell + 44))
    for row, (limit, colour) in enumerate(levels):
        words = "from %g rad" % limit if limit else "below (bf16's own rounding)"
        out.append('<rect x="576" y="%d" width="12" height="12" fill="%s"/><text x="594" y="%d">%s</text>' % (top + 20 * row, colour, top + 20 * row + 10, words.split(" (")[0]))
    print("\n".join(out + ["</svg>"]))


if len(sys.argv) > 2 and sys.argv[1] == "--draw":
    draw(sys.argv[2])
elif len(sys.argv) > 2 and sys.argv[1] == "--heat":
    heat(sys.argv[2:])
elif len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
    measure(sys.argv[1:])
else:
    sys.exit(__doc__)
