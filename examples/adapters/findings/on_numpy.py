"""What f32 costs, in numpy: the recipe of most libraries."""

import mpmath
import numpy
from evidence import finding, frequencies, main


@finding(67, "f32 angles, everywhere")
def single(claim):
    f = numpy.float32(1) / numpy.float32(10000) ** (numpy.arange(0, 128, 2).astype("f4") / numpy.float32(128))
    for at, least, most in ((8191, 3e-4, 7e-4), (131071, 2e-3, 6e-3), (1048575, 2e-2, 5e-2)):
        angle = numpy.float32(at) * f
        off = max(abs(float(mpmath.mpf(float(a)) - at * exact)) for a, exact in zip(angle, frequencies(128)))
        claim(least < off < most, "position %d: the angle p / 10000^(2i/128) in f32 is off by %.1e rad" % (at, off))
    f = 1 / 10000.0 ** (numpy.arange(0, 128, 2) / 128)
    off = max(abs(float(mpmath.mpf(131071 * float(a)) - 131071 * exact)) for a, exact in zip(f, frequencies(128)))
    claim(off < 1e-10, "position 131071 in f64: %.0e" % off)


main()
