"""What the scripts of findings share: the right answer by mpmath, and claims that are checked.

A finding is a function with a number. It runs the library as its users do, compares with an answer
that shares nothing with the library, and states claims; a claim that no longer holds is printed as
gone, and the script exits with 1. docs/findings.md says what each finding means.

    python3 keras_hub.py          all findings of the file
    python3 keras_hub.py 13 14    these
"""

import sys
import traceback

try:
    import mpmath
    import numpy

    mpmath.mp.prec = 160
except ModuleNotFoundError:
    # The findings in Rust need neither.
    mpmath = numpy = None

FOUND = {}


def finding(number, title):
    """Registers a finding under its number in docs/findings.md."""

    def keep(function):
        FOUND[number] = (title, function)
        return function

    return keep


class Claims:
    """The claims of one finding."""

    def __init__(self):
        self.all_hold = True

    def __call__(self, holds, text):
        """A statement with its numbers, and whether it is so."""
        self.all_hold &= bool(holds)
        print("  %s %s" % ("holds:" if holds else "GONE: ", text))


def main():
    """Runs the findings whose numbers are given, or all."""
    wanted = [int(word) for word in sys.argv[1:]] or sorted(FOUND)
    gone = False
    for number in wanted:
        title, function = FOUND[number]
        print("%d. %s" % (number, title))
        claims = Claims()
        try:
            function(claims)
        except Exception:
            traceback.print_exc()
            claims(False, "the script could not run to its end")
        gone |= not claims.all_hold
    sys.exit(1 if gone else 0)


def frequencies(width, base=10000):
    """base^(-2i/width), to 48 digits."""
    return [mpmath.power(base, -mpmath.mpf(2 * i) / width) for i in range(width // 2)]


def rotated(x, positions, layout, base=10000, freqs=None, magnitude=1):
    """x [..., seq, width] rotated by positions [seq], in float64 from angles of 48 digits."""
    x = numpy.asarray(x, dtype="f8")
    y, width = x.copy(), x.shape[-1]
    half = width // 2
    for t, p in enumerate(positions):
        for i, f in enumerate(freqs or frequencies(width, base)):
            angle = mpmath.mpf(int(p)) * mpmath.mpf(f)
            c, s = float(mpmath.cos(angle)) * magnitude, float(mpmath.sin(angle)) * magnitude
            u, v = (i, i + half) if layout == "half" else (2 * i, 2 * i + 1)
            y[..., t, u] = x[..., t, u] * c - x[..., t, v] * s
            y[..., t, v] = x[..., t, u] * s + x[..., t, v] * c
    return y


def yarn(width, base, factor, original, fast=32, slow=1, truncate=True):
    """YaRN's frequencies as Transformers and gpt-oss define them."""
    found = []

    def pair(turns):
        return width * mpmath.log(mpmath.mpf(original) / (turns * 2 * mpmath.pi)) / (2 * mpmath.log(base))

    low, high = pair(fast), pair(slow)
    if truncate:
        low, high = mpmath.floor(low), mpmath.ceil(high)
    low, high = max(low, 0), min(high, width - 1)
    for i, f in enumerate(frequencies(width, base)):
        ramp = min(max((i - low) / (high - low), 0), 1)
        found.append(f / factor * ramp + f * (1 - ramp))
    return found


def array(x):
    """A tensor of any library as float64."""
    if hasattr(x, "detach"):
        x = x.detach().double().numpy()
    return numpy.asarray(x).astype("f8")


def apart(got, want):
    """The largest absolute difference."""
    return float(numpy.abs(array(got) - array(want)).max())


def random(*shape, seed=0):
    """Normal numbers in f32."""
    return numpy.random.default_rng(seed).normal(size=shape).astype("f4")


def outcome(function):
    """What a call came to: its value, or the exception's name."""
    try:
        return function()
    except Exception as error:
        return type(error).__name__
