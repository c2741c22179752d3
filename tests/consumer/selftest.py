"""The arithmetic and the rules of ropewalk.py, branch by branch."""

import json
import math
import struct

import ropewalk
from ropewalk import _special, round_to, value

inf, nan = math.inf, math.nan


def tensor(dtype, shape, *rows):
    return {"dtype": dtype, "shape": shape, "bits": list(rows)}


def case(operation, config, input, expected, residual, dtype="f32", bounds=None):
    golden = {"operation": operation, "notes": {"basic": {"meaning": "m", "effect": "e", "faults": [], "links": []}}}
    group = {"name": "basic", "basic": True, "config": config, "dtype": dtype}
    test = {
        "id": "selftest",
        "comment": "by hand",
        "flags": ["basic"],
        "input": input,
        "expected": expected,
        "residual": residual,
        "bounds": bounds or {},
    }
    return ropewalk.Case(golden, group, test)


# Decoding: one of each, by hand.
assert value("f64", 0x3FF8000000000000) == 1.5
assert value("f32", 0x40490FDB) == 3.1415927410125732
assert value("bf16", 0x3F8B) == 1.0859375
assert value("f16", 0x0001) == 2.0**-24
assert value("i32", 0xFFFFFFFF) == -1 and value("i64", 2**63) == -(2**63)
assert ropewalk.nested([1, 2, 3, 4, 5, 6], [3, 2]) == [[1, 2], [3, 4], [5, 6]]

# One rounding, to even: in bf16 1 + 2^-8 is a tie that goes down, a nudge of 2^-40 tips it.
assert round_to("bf16", 1 + 2.0**-8) == 1.0
assert round_to("bf16", 1 + 2.0**-8 + 2.0**-40) == 1 + 2.0**-7
assert round_to("bf16", 1 + 3 * 2.0**-8) == 1 + 2.0**-6
assert round_to("f16", 65519.9) == 65504 and round_to("f16", 65520.0) == inf
assert round_to("f16", 2.0**-25) == 0.0 and round_to("f16", 2.0**-25 * 1.01) == 2.0**-24
assert math.copysign(1, round_to("f32", -1e-60)) == -1
assert round_to("f32", 1.7e308) == inf and round_to("f64", 1.7e308) == 1.7e308
for x in (0.1, -1e-40, 3e38, 1e-45, 65504.0):  # f32 by struct
    assert round_to("f32", x) == struct.unpack("f", struct.pack("f", x))[0]

# The error: exact = expected + residual ulp.
error = ropewalk._error
assert error("f32", 1.0, 1.0, 0.25) == 0.25
assert error("f32", 1 + 2.0**-23, 1.0, 0.25) == 0.75
assert error("f32", 1 - 2.0**-23, 1.0, 0.25) == 1.25
assert error("f32", 0.0, -(2.0**-149), 0.0) == 1.0
assert error("f32", nan, 1.0, 0.0) is None and error("f32", 1.0, nan, 0.0) is None
assert error("f16", inf, inf, 3.0) == 0.5  # right, however far beyond
assert error("f16", 65504.0, inf, 0.0) == 0.5  # half an ulp of 65536, which is 64
assert error("f16", inf, 65504.0, 0.25) == 0.75
assert error("f64", 1e308, 5e-324, 0.0) > 1e300


class Element:
    def __init__(self, outside=False, pair_finite=True, own_finite=True, origin=False):
        self.outside, self.pair_finite = outside, pair_finite
        self.own_finite, self.origin = own_finite, origin


# Rule 1: outside the planes, signs of zero included.
assert _special(Element(outside=True), 2.0, 2.0, 0.0) is None
assert _special(Element(outside=True), 2.5, 2.0, 0.0)
assert _special(Element(outside=True), 0.0, -0.0, 0.0)
assert _special(Element(outside=True), nan, nan, 0.0) is None
assert _special(Element(outside=True), 1.0, nan, 0.0)
# Rule 2: a plane that does not turn, with a NaN or an infinity in it.
assert _special(Element(pair_finite=False), nan, 2.0, 0.0) == ""
assert _special(Element(pair_finite=False), 2.0, 2.0, 0.0) == ""
assert _special(Element(pair_finite=False), 3.0, 2.0, 0.0) is None
# Rule 3: class nonfinite; at the origin the finite partner may be scaled.
assert _special(Element(pair_finite=False), inf, nan, nan) == ""
assert _special(Element(pair_finite=False), 2.0, nan, nan)
assert _special(Element(pair_finite=False, origin=True), 2.0, nan, nan) == ""
assert _special(Element(pair_finite=False, own_finite=False, origin=True), 2.0, nan, nan)
# Rule 4: zeros inside are equal.
assert _special(Element(), -0.0, 0.0, 0.0) is None and error("f32", -0.0, 0.0, 0.0) == 0.0

# Planes of a slice in either layout.
half = {"head_dim": 8, "layout": "half", "rope_theta": 1, "rotary_dim": 4, "rotary_offset": 2}
assert [ropewalk._partner(half, i) for i in range(8)] == [None, None, 4, 5, 2, 3, None, None]
interleaved = dict(half, layout="interleaved")
assert [ropewalk._partner(interleaved, i) for i in range(8)] == [None, None, 3, 2, 5, 4, None, None]
assert ropewalk._partner({"head_dim": 80, "layout": "half", "partial_rotary_factor": 0.6}, 47) == 23
assert ropewalk._partner({"head_dim": 4, "layout": "half", "rope_type": "proportional", "partial_rotary_factor": 0.5}, 3) == 1

# A whole comparison. Position 0, -0 outside: a lost sign is wrong, an ulp inside is one too many.
config = {"head_dim": 4, "layout": "half", "rope_theta": 10000, "rotary_dim": 2}
row = tensor("f32", [1, 1, 1, 4], "3f800000400000008000000040400000")
zero = tensor("f16", [1, 1, 1, 4], "0000000000000000")
copied = case("rotate", config, {"q": row, "positions": [[0]]}, {"q": row}, {"q": zero})
assert ropewalk.compare(copied, {"q": row}).ok
assert ropewalk.compare(copied, [[[[1.0, 2.0, -0.0, 3.0]]]]).ok
report = ropewalk.compare(copied, [[[[1.0, 2.0, 0.0, 3.0]]]])
assert [str(w).split(" is ")[0] for w in report.wrong] == ["q[0][0][0][2]"]
report = ropewalk.compare(copied, [[[[1.0 + 2.0**-22, 2.0, -0.0, 3.0]]]])
assert [w.ulps for w in report.wrong] == [2.0] and report.worst == 2.0
assert ropewalk.compare(copied, [[[[1.0 + 2.0**-22, 2.0, -0.0, 3.0]]]], max_ulp=2).ok

# Bounds: 2^-22 allows 2 ulp of 1, infinity judges nothing, 0 demands the exact value.
bounds = {"p": {"q": tensor("f32", [1, 1, 1, 4], "348000007f8000000000000000000000")}}
bounded = case("rotate", config, {"q": row, "positions": [[0]]}, {"q": row}, {"q": zero}, bounds=bounds)
report = ropewalk.compare(bounded, [[[[1.0 + 2.0**-22, 9.0, -0.0, 3.0]]]], profile="p")
assert report.ok and (report.judged, report.unjudged) == (3, 1)
assert not ropewalk.compare(bounded, [[[[1.0 + 2.0**-21, 2.0, -0.0, 3.0]]]], profile="p").ok
try:
    ropewalk.compare(bounded, {"q": row}, profile="other")
    raise SystemExit("a profile without bounds must be an error")
except ValueError:
    pass

# Rejections: an exception is right, an answer is not, NotImplementedError is neither.
refused = case("rotate", config, {"q": {"dtype": "f8"}, "positions": [[1.5]]}, {"reject": "malformed_tensor"}, {})
assert refused.input["q"] == {"dtype": "f8"} and refused.reject == "malformed_tensor"
assert ropewalk.check(refused, lambda *_: 1 / 0).ok
try:
    ropewalk.check(refused, lambda *_: {})
    raise SystemExit("an accepted request must fail")
except AssertionError as wrong:
    assert "must be refused (malformed_tensor)" in str(wrong)

# Positions: decimal strings are ints, whatever their size.
far = case("table", config, {"positions": ["9007199254740993", -7]}, {}, {})
assert far.input["positions"] == [2**53 + 1, -7] and far.largest_position() == 2**53 + 1
for text in ("+1", "01", "-0", "2/4", ""):  # what is malformed stays, for the kernel to refuse
    assert case("table", config, {"positions": [text]}, {}, {}).input["positions"] == [text]

# Origin with and without an axis level.
assert ropewalk._is_origin([[0, 1], [2, 0]], (1, 0, 1, 3))
assert not ropewalk._is_origin([[0, 1], [2, 0]], (0, 0, 1, 3))
assert ropewalk._is_origin([[[0, 1]], [[0, 0]], [[0, 5]]], (0, 4, 0, 0))
assert not ropewalk._is_origin([[[0, 1]], [[0, 0]], [[0, 5]]], (0, 4, 1, 0))

# The three lines of pytest: cases with ids, filtered.
found = ropewalk.cases("vectors/rotate/half-f32.json", max_position=2**20, without=["cancellation"])
assert len({str(c) for c in found}) == len(found) > 100
assert all(c.largest_position() <= 2**20 and "cancellation" not in c.flags for c in found)
assert {f for c in ropewalk.cases("vectors/rejects") for f in c.flags} >= {"reject-shape"}
assert not any("json-text" in c.flags for c in ropewalk.cases("vectors/rejects"))
assert json.dumps(found[0].config)

# An exception is a refusal only of a kernel that answers a sound question; failures have causes.
refusals = [one for one in ropewalk.cases("vectors/rejects/learned.json") if one.reject]
assert refusals and all(not one.sound.reject for one in refusals)


def raises(config, input, dtype):
    raise KeyError("dim")


def answers_the_sound_one(config, input, dtype):
    if str(input) == str(refusals[0].sound.input) and config == refusals[0].sound.config:
        return [[0.0]]
    raise ValueError("no")


ropewalk.check(refusals[0], answers_the_sound_one)
try:
    ropewalk.check(refusals[0], raises)
except AssertionError as error:
    assert "no refusal: it raises KeyError" in str(error)
    assert ropewalk._cause(refusals[0], error) == "no refusals: the sound question raises KeyError: 'dim'"
else:
    raise AssertionError("a kernel that always raises refuses nothing")


# True formats: an array of another one is no answer, where somebody here has the right one.
class Array(list):
    def __init__(self, dtype, items):
        super().__init__(items)
        self.dtype = dtype


rotated = next(one for one in ropewalk.cases("vectors/rotate/half-f16.json") if not one.reject and "k" not in one.raw_input)
if ropewalk.numpy:
    assert str(rotated.input["q"].dtype) == "float16"
try:
    ropewalk.compare(rotated, {"q": Array("float32", rotated.raw_input["q"])})
except AssertionError as error:
    assert str(error) == "output q is float32, float16 was asked for: a cast is missing"
else:
    raise AssertionError("a forgotten cast must not pass")
if ropewalk.ml_dtypes:
    brain = next(one for one in ropewalk.cases("vectors/rotate/half-bf16.json") if not one.reject)
    assert str(brain.input["q"].dtype) == "bfloat16"
    assert ropewalk._flatten("q", brain.input["q"], brain.raw_input["q"]["shape"])[0] == value(
        "bf16", ropewalk.patterns(brain.raw_input["q"])[0]
    )
