"""Ropewalk's golden vectors for Python: one file, standard library only (numpy if present).

Three lines make it a pytest parametrisation:

    @pytest.mark.parametrize("case", ropewalk.cases("vectors/rotate/half-f32.json"), ids=str)
    def test_rotate(case):
        ropewalk.check(case, my_rotate)

and one line a command:

    python3 ropewalk.py vectors/rotate/half-f32.json my_module:my_rotate

`my_rotate(config, input, dtype)` gets the config as a dict; the input with its tensors decoded
(numpy arrays in their own formats if numpy is there, bf16 and the formats of eight bits with ml_dtypes; torch
tensors with `--torch`, or where only torch has the format; else nested lists of floats) and its positions as nested
lists of ints; and the name of the output's format. It returns a dict from output names to arrays or
nested lists of numbers, or just the one array if there is only one output. An array must have the
format that was asked for, where the input had it too: a cast that was forgotten would test another
kernel. Numbers in lists, and arrays where nobody here has the format, are rounded once to it. It
raises an exception for a request that it refuses (which counts where it answers a sound question of
the group, or of the file), and NotImplementedError for one that it does not support, which skips the
test.

The package `ropewalk` (docs/python.md) judges tensors of any size and names faults; this file is for
who wants the JSON and nothing else.

Errors are measured against the exact value, to a fraction of an ulp, because every file carries
what the correct rounding dropped. How large they may be is derived, element by element, for the
ways in which right kernels compute (profiles); by default the loosest of these bounds judges.
`--profile hf-f32` demands the bound of one of them, `--max-ulp 2` a number of ulps instead. The format and the rules: docs/vector-format.md.
"""

import argparse
import importlib
import json
import math
import os
import struct
import sys
import unittest
from fractions import Fraction

try:
    import numpy
except ImportError:
    numpy = None
try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

SCHEMA = "ropewalk-golden-1"

# Precision, exponent of the largest numbers, hexadecimal digits.
FORMATS = {
    "f64": (53, 1023, 16),
    "f32": (24, 127, 8),
    "bf16": (8, 127, 4),
    "f16": (11, 15, 4),
    "f8e4m3fn": (4, 8, 2),
    "f8e5m2": (3, 15, 2),
    "f8e4m3fnuz": (4, 7, 2),
    "f8e5m2fnuz": (3, 15, 2),
}
# Of the formats of eight bits: the least normal exponent, the largest number, whether an infinity is there.
EIGHT = {
    "f8e4m3fn": (-6, 448.0, False),
    "f8e5m2": (-14, 57344.0, True),
    "f8e4m3fnuz": (-7, 240.0, False),
    "f8e5m2fnuz": (-15, 57344.0, False),
}
INTEGERS = {"i64": 16, "i32": 8}
# The names of numpy, ml_dtypes and torch.
LONG = {
    "f64": "float64",
    "f32": "float32",
    "bf16": "bfloat16",
    "f16": "float16",
    "f8e4m3fn": "float8_e4m3fn",
    "f8e5m2": "float8_e5m2",
    "f8e4m3fnuz": "float8_e4m3fnuz",
    "f8e5m2fnuz": "float8_e5m2fnuz",
}
POSITIONS = ("positions", "query_positions", "key_positions")
# Outputs that are copies of inputs, element by element.
COPIES = ("learned", "t5_bias", "permute_qk")


# Tensors ------------------------------------------------------------------------------------------


def patterns(tensor):
    """The bit patterns of a tensor, row-major, as a flat list of ints."""
    digits = FORMATS[tensor["dtype"]][2] if tensor["dtype"] in FORMATS else INTEGERS[tensor["dtype"]]
    text = "".join(tensor["bits"])
    return [int(text[i : i + digits], 16) for i in range(0, len(text), digits)]


def value(dtype, bits):
    """The number that a bit pattern stands for: a float (exactly: every format embeds into Python's
    floats) or an int."""
    if dtype in INTEGERS:
        width = 4 * INTEGERS[dtype]
        return bits - (1 << width) if bits >> (width - 1) else bits
    if dtype == "f64":
        return struct.unpack(">d", struct.pack(">Q", bits))[0]
    if dtype == "f32":
        return struct.unpack(">f", struct.pack(">I", bits))[0]
    if dtype == "bf16":
        return struct.unpack(">f", struct.pack(">I", bits << 16))[0]
    if dtype in EIGHT:
        return _eight(dtype, bits)
    return struct.unpack(">e", struct.pack(">H", bits))[0]


def _eight(dtype, bits):
    """The number of eight bits."""
    precision, e_min = FORMATS[dtype][0], EIGHT[dtype][0]
    sign, field = -1.0 if bits >> 7 else 1.0, (bits & 0x7F) >> (precision - 1)
    fraction = bits & ((1 << (precision - 1)) - 1)
    if dtype.endswith("uz"):
        # The code of −0 is the one NaN.
        if bits == 0x80:
            return math.nan
    elif dtype == "f8e5m2" and field == 31:
        return math.nan if fraction else sign * math.inf
    elif dtype == "f8e4m3fn" and bits & 0x7F == 0x7F:
        return math.nan
    significand = fraction + (1 << (precision - 1) if field else 0)
    return sign * math.ldexp(significand, max(field, 1) - 1 + e_min - precision + 1)


def nested(flat, shape):
    """A flat list as nested lists; a scalar for shape []."""
    if not shape:
        return flat[0]
    if len(shape) == 1:
        return list(flat)
    step = len(flat) // shape[0] if shape[0] else 0
    return [nested(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def _torch():
    """torch, or None."""
    try:
        import torch
    except ImportError:
        return None
    return torch


def decode(tensor, framework=None):
    """A tensor in its own format: a numpy array (bf16 and eight bits by ml_dtypes), with `framework` "torch",
    or where only torch has the format, a torch tensor. Without either such a format is float32, without
    numpy a nested list."""
    if set(tensor) != {"dtype", "shape", "bits"}:
        raise ValueError("no tensor: %r" % sorted(tensor))
    dtype, shape = tensor["dtype"], tensor["shape"]
    if numpy is None:
        return nested([value(dtype, bits) for bits in patterns(tensor)], shape)
    raw = bytes.fromhex("".join(tensor["bits"]))
    kinds = {"f64": "f8", "f32": "f4", "bf16": "u2", "f16": "f2", "i64": "i8", "i32": "i4"}
    kind = kinds.get(dtype, "u1")
    array = numpy.frombuffer(raw, ">" + kind).astype(kind).reshape(shape)
    foreign = dtype == "bf16" or dtype in EIGHT
    torch = _torch() if framework == "torch" or foreign and ml_dtypes is None else None
    if torch:
        if not foreign:
            return torch.from_numpy(array)
        # torch has no unsigned numbers of two bytes everywhere.
        return torch.from_numpy(array.view("i2" if dtype == "bf16" else "u1")).view(getattr(torch, LONG[dtype]))
    if not foreign:
        return array
    if ml_dtypes:
        return array.view(getattr(ml_dtypes, LONG[dtype]))
    if dtype == "bf16":
        return (array.astype("u4") << 16).view("f4")
    codes = numpy.array([_eight(dtype, bits) for bits in range(256)], "f4")
    return codes[array]


def round_to(dtype, x, saturate=True):
    """A float rounded to a format, to nearest, ties to even, once. In eight bits what is beyond the largest
    number is that number, or without `saturate` an infinity, or a NaN where the format has none."""
    e_max = FORMATS[dtype][1]
    if dtype in EIGHT:
        return _round_to_eight(dtype, x, saturate)
    if dtype == "f64" or x == 0 or math.isinf(x) or math.isnan(x):
        return x
    if abs(x) >= math.ldexp(1.0, e_max + 1):
        return math.copysign(math.inf, x)
    exponent = ulp_exponent(dtype, x)
    # A power of two scales exactly, and round() is to even.
    rounded = math.copysign(math.ldexp(round(math.ldexp(x, -exponent)), exponent), x)
    return rounded if abs(rounded) < math.ldexp(1.0, e_max + 1) else math.copysign(math.inf, x)


def _round_to_eight(dtype, x, saturate):
    _, largest, infinite = EIGHT[dtype]
    if math.isnan(x):
        return x
    size = abs(x)
    if not math.isinf(x) and x != 0:
        exponent = ulp_exponent(dtype, x)
        size = math.ldexp(round(math.ldexp(size, -exponent)), exponent)
    if size > largest:
        size = largest if saturate else math.inf if infinite else math.nan
    if size == 0 and dtype.endswith("uz"):
        return 0.0
    return math.copysign(size, x)


def ulp_exponent(dtype, x):
    """k such that ulp(x) = 2^k; infinity counts as 2^(e_max + 1)."""
    precision, e_max, _ = FORMATS[dtype]
    if math.isinf(x):
        return e_max + 1 - precision + 1
    if x == 0:
        return e_min(dtype) - precision + 1
    return max(math.frexp(x)[1] - 1, e_min(dtype)) - precision + 1


def e_min(dtype):
    """The exponent of the least normal number."""
    return EIGHT[dtype][0] if dtype in EIGHT else 1 - FORMATS[dtype][1]


def exactly(dtype, x):
    """A number as a fraction; infinity counts as 2^(e_max + 1)."""
    if math.isinf(x):
        return Fraction(2) ** (FORMATS[dtype][1] + 1) * (1 if x > 0 else -1)
    return Fraction(x)


# Cases --------------------------------------------------------------------------------------------


class Case:
    """One test of a golden file. `str(case)` is its id, which is stable."""

    def __init__(self, golden, group, test):
        self.operation = golden["operation"]
        self.group = group["name"]
        self.basic = group["basic"]
        self.config = group["config"]
        self.dtype = group["dtype"]
        self.id = test["id"]
        self.comment = test["comment"]
        self.flags = test["flags"]
        self.notes = {flag: golden["notes"][flag] for flag in test["flags"]}
        self.raw_input = test["input"]
        self.expected = test["expected"]
        self.residual = test.get("residual", {})
        self.bounds = test["bounds"]
        # What is asked to see whether a kernel answers here at all.
        self.sound = None

    def __str__(self):
        return self.id

    __repr__ = __str__

    @property
    def reject(self):
        """The reason for which the request must be refused, or None."""
        reason = self.expected.get("reject")
        return reason if isinstance(reason, str) else None

    @property
    def input(self):
        """The input with tensors decoded and positions as ints. What is malformed stays as it is."""
        return self.decoded()

    def decoded(self, framework=None):
        """The same, with `framework` "torch" as torch tensors."""
        return {name: self._decoded(name, part, framework) for name, part in self.raw_input.items()}

    def _decoded(self, name, part, framework=None):
        try:
            if isinstance(part, dict):
                return decode(part, framework)
            if name in POSITIONS:
                return _positions(part)
        except (KeyError, TypeError, ValueError):
            pass
        return part

    def largest_position(self):
        """The largest |position|, 0 if there is none."""
        found = [0]

        def walk(part):
            if isinstance(part, list):
                for item in part:
                    walk(item)
            elif isinstance(part, (int, Fraction)):
                found.append(abs(part))

        for name in POSITIONS:
            try:
                walk(_positions(self.raw_input.get(name)))
            except (TypeError, ValueError):
                pass
        return max(found)

    def why(self):
        """What a failure means, from the notes of the flags."""
        lines = ["  %s: %s" % (self.id, self.comment)]
        for flag, note in self.notes.items():
            lines.append("  %s: %s (%s)" % (flag, note["meaning"], note["effect"]))
            seen = " ".join(note["faults"] + note["links"])
            if seen:
                lines.append("    see " + seen)
        return "\n".join(lines)


def _positions(part):
    if isinstance(part, list):
        return [_positions(item) for item in part]
    if isinstance(part, str):
        number = Fraction(part)
        if str(number) != part:
            raise ValueError("position %r is not canonical" % part)
        return int(number) if number.denominator == 1 else number
    return part


def load(path):
    """A golden file as it is, its version checked."""
    with open(path, encoding="utf-8") as file:
        golden = json.load(file)
    if golden.get("schema") != SCHEMA:
        raise ValueError("%s: schema is %r, this reader knows %r" % (path, golden.get("schema"), SCHEMA))
    return golden


def cases(path, max_position=None, only=(), without=()):
    """The tests of a golden file, or of all golden files below a directory.

    Left out are tests with a position beyond `max_position`, with none of the flags `only`, with one
    of the flags `without`, and those whose fault is in the JSON text (flag json-text), which
    Python's reader has repaired before anybody sees it.
    """
    found = []
    for file in _files(path):
        golden = load(file)
        groups = [[Case(golden, group, test) for test in group["tests"]] for group in golden["groups"]]
        of_file = next((case for group in groups for case in group if not case.reject), None)
        for group in groups:
            sound = next((case for case in group if not case.reject), of_file)
            for case in group:
                case.sound = sound
            found.extend(group)
    without = set(without) | {"json-text"}

    def wanted(case):
        flags = set(case.flags)
        if flags & without or (only and not flags & set(only)):
            return False
        return max_position is None or case.largest_position() <= max_position

    return [case for case in found if wanted(case)]


def _files(path):
    if not os.path.isdir(path):
        return [path]
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name != "schema")
        found += [os.path.join(folder, n) for n in sorted(names) if n.endswith(".json")]
    return [file for file in found if os.path.basename(file) != "manifest.json"]


# Comparison ---------------------------------------------------------------------------------------


class Wrong:
    """One element that is not right."""

    def __init__(self, name, index, got, want, ulps, rule):
        self.name, self.index, self.got, self.want = name, index, got, want
        self.ulps, self.rule = ulps, rule

    def __str__(self):
        place = self.name + "".join("[%d]" % i for i in self.index)
        off = "" if self.ulps is None else ", off by %.4g ulp" % self.ulps
        return "%s is %r, expected %r%s: %s" % (place, self.got, self.want, off, self.rule)


class Report:
    """What came of a comparison. `worst` is the largest error in ulp of expected, `at` its place."""

    def __init__(self, case):
        self.case, self.wrong, self.worst, self.at = case, [], 0.0, None
        self.judged, self.unjudged = 0, 0

    @property
    def ok(self):
        return not self.wrong

    def __str__(self):
        if self.ok:
            return "%s: right, worst error %.4f ulp" % (self.case, self.worst)
        worst = max(self.wrong, key=lambda w: math.inf if w.ulps is None else w.ulps)
        count = "%d of %d elements wrong; " % (len(self.wrong), self.judged)
        return "%s%s\n%s" % (count, worst, self.case.why())


def _flatten(name, part, shape):
    """Flat numbers of an array-like, its shape checked."""
    if isinstance(part, dict) and "bits" in part:
        part = nested([value(part["dtype"], b) for b in patterns(part)], part["shape"])
    if hasattr(part, "detach"):
        part = part.detach()
        if "float8" in str(part.dtype):
            part = part.float()
    if hasattr(part, "tolist"):
        part = part.tolist()
    flat = []

    def walk(item, rest, path):
        if not rest:
            if isinstance(item, (list, tuple, dict, str)) or item is None:
                raise AssertionError("%s%s is %r, no number" % (name, path, item))
            flat.append(item)
            return
        if not isinstance(item, (list, tuple)) or len(item) != rest[0]:
            size = len(item) if isinstance(item, (list, tuple)) else "no list"
            raise AssertionError("%s%s: %s of %d, shape %r is expected" % (name, path, size, rest[0], shape))
        for i, inner in enumerate(item):
            walk(inner, rest[1:], "%s[%d]" % (path, i))

    walk(part, shape, "")
    return flat


def _index(flat, shape):
    index = []
    for size in reversed(shape):
        index.append(flat % size)
        flat //= size
    return tuple(reversed(index))


def _partner(config, dim):
    """The other coordinate of a rotated channel, None outside the planes."""
    width = config["head_dim"]
    offset = config.get("rotary_offset", 0)
    if config.get("rope_type") == "proportional":
        rotary = width
    elif "rotary_dim" in config:
        rotary = config["rotary_dim"]
    else:
        rotary = int(width * config.get("partial_rotary_factor", 1.0))
    place = dim - offset
    if not 0 <= place < rotary:
        return None
    if config["layout"] == "interleaved":
        return offset + (place ^ 1)
    return offset + (place + rotary // 2) % rotary


class _Element:
    """What is known of one element of an output before it is judged."""

    # A query of `attention` without keys; with one key, whose value is copied; with a NaN or an infinity
    # behind a mask, or in what a chain mixes; and a cast that may overflow.
    empty, copied_nonfinite, spoiled, cast = False, False, False, False

    def __init__(self, case, name, index, inputs):
        self.outside = case.operation in COPIES
        self.pair_finite, self.own_finite, self.origin = True, True, False
        if case.operation not in ("rotate", "apply"):
            return
        partner = _partner(case.config, index[-1])
        self.outside = partner is None
        if self.outside:
            return
        own, flat = inputs[name]
        at = _place(index, own)
        other = _place(index[:-1] + (partner,), own)
        self.own_finite = math.isfinite(flat[at])
        self.pair_finite = self.own_finite and math.isfinite(flat[other])
        if case.operation == "rotate":
            self.origin = _is_origin(_positions(case.raw_input["positions"]), index)


class _Plain(_Element):
    """An element that its error decides, but for what is said here."""

    def __init__(self, outside=False, **more):
        self.outside, self.pair_finite, self.own_finite, self.origin = outside, True, True, False
        self.__dict__.update(more)


def _finite(tensor):
    """For each element of a tensor, row-major, whether it is a number."""
    return [math.isfinite(value(tensor["dtype"], bits)) for bits in patterns(tensor)]


class _Attended:
    """The elements of an output of `attention`."""

    def __init__(self, case, name):
        config, given = case.config, case.raw_input
        self.name = name
        _, self.heads, _, _ = given["q"]["shape"]
        batch, self.key_heads, self.keys, self.dim = given["k"]["shape"]
        self.width = given["v"]["shape"][3]
        at, of = (_positions(given[key]) for key in ("query_positions", "key_positions"))
        # Masks go by the first axis.
        self.at, self.of = (rows[0] if _depth(rows) == 3 else rows for rows in (at, of))
        self.lengths = given.get("key_lengths") or [self.keys] * batch
        self.causal, self.window = config["causal"], config.get("window") or [None, None]
        self.k, self.v = _finite(given["k"]), _finite(given["v"])
        self.seen = {}

    def left(self, batch, query):
        """How many keys a query has."""
        if (batch, query) not in self.seen:
            q, (before, after) = self.at[batch][query], self.window
            keys = self.of[batch][: self.lengths[batch]]
            self.seen[batch, query] = sum(
                (not self.causal or k <= q) and (before is None or k >= q - before) and (after is None or k <= q + after)
                for k in keys
            )
        return self.seen[batch, query]

    def behind(self, batch, head, coordinate):
        """Whether a key of a head, or its value in a coordinate, is no number, masked or not."""
        first = (batch * self.key_heads + head * self.key_heads // self.heads) * self.keys
        return not all(
            all(self.k[row * self.dim : (row + 1) * self.dim])
            and (coordinate is None or self.v[row * self.width + coordinate])
            for row in range(first, first + self.keys)
        )

    def __call__(self, index):
        batch, head, query = index[:3]
        coordinate = index[3] if self.name == "out" else None
        if self.left(batch, query) == 0:
            return _Plain(empty=True)
        where = (batch, head, coordinate)
        if where not in self.seen:
            self.seen[where] = self.behind(*where)
        return _Plain(copied_nonfinite=True, spoiled=self.seen[where])


def _depth(part):
    return 1 + _depth(part[0]) if isinstance(part, list) and part else int(isinstance(part, list))


class _Chained:
    """The elements of an output of `chain`: copies are what no stage touches, and rows of a cache that nothing
    is written to."""

    def __init__(self, case, name):
        stages = {key: stage for part in case.config["stages"] for key, stage in part.items()}
        given = case.raw_input
        self.stages, self.store = stages, stages.get("store")
        part = {"key_cache": "k", "value_cache": "v"}.get(name, name)
        self.cache, self.known = part != name, part in given
        self.nonfinite = self.known and not all(_finite(given[part]))
        quantized = "quantize" in stages and part in stages["quantize"].get("only", ("q", "k", "v"))
        normed = "norm" in stages and part != "v" and part in stages["norm"].get("only", ("q", "k"))
        self.computed = quantized or normed
        self.rope = stages.get("rotate") if part != "v" else None
        self.written = {slot for slot in given.get("slots", ()) if slot >= 0}

    def __call__(self, index):
        if not self.known:
            # A scale.
            return _Plain(cast=True)
        if self.cache:
            offset = index[1] if self.store["layout"] == "NHD" else index[2]
            if index[0] * self.store["block_size"] + offset not in self.written:
                return _Plain(outside=True)
        turned = self.rope is not None and ("head_dim" not in self.rope or _partner(self.rope, index[-1]) is not None)
        copied = not self.computed and not turned
        return _Plain(outside=copied, spoiled=self.nonfinite and not copied, cast=not copied)


def _saturates(case):
    """Whether a cast to eight bits ends at the largest number."""
    stages = case.config.get("stages", ()) if case.operation == "chain" else ()
    return all(stage["quantize"].get("overflow", "saturate") == "saturate" for stage in stages if "quantize" in stage)


def _place(index, shape):
    flat = 0
    for i, size in zip(index, shape):
        flat = flat * size + i
    return flat


def _is_origin(positions, index):
    """Whether the token's position is 0 on every axis."""
    batch, token = index[0], index[2]
    axes = positions if isinstance(positions[0][0], list) else [positions]
    return all(axis[batch][token] == 0 for axis in axes)


def limits(case, name, profile=None):
    """How far each element of an output may be from the exact value: by the bounds of a profile in
    the file, else by the loosest bound over all profiles of the file. Infinity where
    nothing is judged; None if the file has no bounds for the case."""
    if profile is not None and profile not in case.bounds:
        raise ValueError(
            "%s has no bounds for profile %r, only for %s"
            % (case, profile, ", ".join(sorted(case.bounds)) or "none")
        )
    named = [case.bounds[profile]] if profile is not None else list(case.bounds.values())
    named = [tensors[name] for tensors in named if name in tensors]
    if not named:
        return None
    lists = [[value(t["dtype"], bits) for bits in patterns(t)] for t in named]
    # Nobody has said which machine it is: where one right machine may answer anything, nothing judges.
    return [max(column) for column in zip(*lists)]


def compare(case, output, max_ulp=None, profile=None):
    """Judges what a kernel returned: a Report. With `max_ulp`, by that many ulp of the expected
    value; else by the bounds in the file, of one profile or the loosest that judges (`limits`).
    Errors are those against the exact value."""
    tensors = case.expected
    if not isinstance(output, dict) or (len(tensors) == 1 and "bits" in output):
        if len(tensors) != 1:
            raise AssertionError("outputs %s are expected, as a dict" % ", ".join(tensors))
        output = {next(iter(tensors)): output}
    missing = sorted(set(tensors) ^ set(output))
    if missing:
        raise AssertionError("outputs %s are expected, %s differ" % (", ".join(tensors), missing))
    if max_ulp is not None and profile is not None:
        raise ValueError("max_ulp and profile are given, one of them can judge")
    inputs = {}
    if case.operation in ("rotate", "apply"):
        for name in tensors:
            part = case.raw_input[name]
            inputs[name] = (part["shape"], [value(part["dtype"], b) for b in patterns(part)])
    report = Report(case)
    for name, tensor in tensors.items():
        _expect_format(case, name, tensor["dtype"], output[name])
        flat = _flatten(name, output[name], tensor["shape"])
        if tensor["dtype"] in INTEGERS:
            _judge_integers(report, name, tensor, flat)
        else:
            limit = limits(case, name, profile) if max_ulp is None else None
            _judge_floats(report, name, tensor, flat, inputs, limit, 1.0 if max_ulp is None else max_ulp)
    return report


def _expect_format(case, name, dtype, part):
    """An array of another format is no answer where the input had the right one."""
    if dtype not in LONG or not hasattr(part, "dtype"):
        return
    if (dtype == "bf16" or dtype in EIGHT) and ml_dtypes is None and not hasattr(part, "detach"):
        return
    got = str(part.dtype).rsplit(".", 1)[-1]
    if name == "lse" and got == "float32":
        # Kernels keep the logarithm in f32, whatever the format of their values; it is rounded once here.
        return
    floats = [p["dtype"] for p in case.raw_input.values() if isinstance(p, dict) and p.get("dtype") in LONG]
    if case.operation == "chain":
        # What is stored has the format of the cache or of `quantize`; scales are f32, whatever else there is.
        floats = [dtype]
    if got != LONG[dtype] and floats and all(own == dtype for own in floats):
        raise AssertionError("output %s is %s, %s was asked for: a cast is missing" % (name, got, LONG[dtype]))


def _judge_integers(report, name, tensor, flat):
    for i, (bits, got) in enumerate(zip(patterns(tensor), flat)):
        want = value(tensor["dtype"], bits)
        report.judged += 1
        if got != want:
            index = _index(i, tensor["shape"])
            report.wrong.append(Wrong(name, index, got, want, None, "integers are compared exactly"))


def _judge_floats(report, name, tensor, flat, inputs, limit, max_ulp):
    dtype, shape, case = tensor["dtype"], tensor["shape"], report.case
    residuals = [value("f16", bits) for bits in patterns(case.residual[name])]
    saturate = _saturates(case)
    element_of = {"attention": _Attended, "chain": _Chained}.get(case.operation)
    element_of = element_of(case, name) if element_of else lambda index: _Element(case, name, index, inputs)
    for i, (bits, residual, got) in enumerate(zip(patterns(tensor), residuals, flat)):
        want, index = value(dtype, bits), _index(i, shape)
        got = round_to(dtype, float(got), saturate)
        if dtype in EIGHT and abs(want) == EIGHT[dtype][1] and (residual < 0) == (want < 0):
            # The exact value, cut at the largest number.
            residual = 0.0
        element = element_of(index)
        if limit is not None and math.isinf(limit[i]):
            report.unjudged += 1
            continue
        report.judged += 1
        rule = _mixed(element, got, want, residual)
        if rule is None:
            rule = _special(element, got, want, residual)
        if rule == "":
            continue
        ulps = _error(dtype, got, want, residual)
        if ulps is not None and ulps > report.worst:
            report.worst, report.at = ulps, (name, index)
        if rule is None:
            if limit is not None:
                allowed = Fraction(limit[i]) / Fraction(2) ** ulp_exponent(dtype, want)
                if ulps is None or ulps > allowed:
                    rule = "a right kernel is off by %.4g ulp at most" % float(allowed)
            elif ulps is None or ulps > max_ulp:
                rule = "%g ulp are allowed" % max_ulp
        if rule:
            report.wrong.append(Wrong(name, index, got, want, ulps, rule))


def _mixed(element, got, want, residual):
    """The rules of what is a mixture of many numbers, which `attention` and `chain` are; as `_special`."""
    if element.empty:
        if got == want or math.isnan(got):
            return ""
        return "a query without keys has 0 and −∞, or a NaN"
    if element.copied_nonfinite and residual == 0 and not math.isfinite(want):
        return "" if not math.isfinite(got) else "its one value is no number: any nonfinite value is right"
    if (element.spoiled or element.cast and not math.isfinite(want)) and not math.isfinite(got):
        return ""
    return None


def _special(element, got, want, residual):
    """The rules of special values: "" if the element is right by one of them, a sentence if it is
    wrong by one, None if its error decides."""
    if math.isnan(residual):
        if not math.isfinite(got) or (element.origin and element.own_finite):
            return ""
        return "its plane holds a NaN or an infinity: any nonfinite value is right"
    if element.outside:
        same = math.isnan(got) if math.isnan(want) else got == want
        if same and (want != 0 or math.copysign(1, got) == math.copysign(1, want)):
            return None
        return "it is copied, the sign of a zero included"
    if not element.pair_finite and (not math.isfinite(got) or got == want):
        return ""
    return None


def _error(dtype, got, want, residual):
    """|got − exact| in ulp of expected; None for a NaN."""
    if got == want:
        # A right infinity is right however far the exact value lies beyond it.
        return min(abs(residual), 0.5)
    if math.isnan(got) or math.isnan(want):
        return 0.0 if math.isnan(got) and math.isnan(want) else None
    if math.isinf(residual):
        return math.inf
    apart = exactly(dtype, got) - exactly(dtype, want)
    error = abs(apart / Fraction(2) ** ulp_exponent(dtype, want) - Fraction(residual))
    try:
        return float(error)
    except OverflowError:
        return math.inf


def check(case, fn, max_ulp=None, profile=None, framework=None):
    """Calls `fn(config, input, dtype)` for a case and judges what it returns: a Report, or an
    AssertionError that says what is wrong and what that may mean. NotImplementedError skips.

    An exception is a refusal only of a kernel that answers the sound question of the group, or of the
    file: one that always raises refuses nothing. With `framework` "torch" tensors are torch's."""
    try:
        output = fn(case.config, case.decoded(framework), case.dtype)
    except NotImplementedError as unsupported:
        raise unittest.SkipTest("%s: unsupported: %s" % (case, unsupported))
    except Exception as error:
        if not case.reject:
            raise
        why = _unanswered(case.sound, fn, framework)
        if why is None:
            return Report(case)
        raise AssertionError(
            "no refusal: it raises %s, and the sound question %s raises %s" % (_named(error), case.sound, why)
        ) from error
    if case.reject:
        raise AssertionError("accepted, but must be refused (%s)\n%s" % (case.reject, case.why()))
    try:
        report = compare(case, output, max_ulp, profile)
    except AssertionError as form:
        raise AssertionError("%s\n%s" % (form, case.why())) from None
    if not report.ok:
        raise AssertionError(str(report))
    return report


def _named(error):
    return "%s: %s" % (type(error).__name__, str(error).split("\n")[0])


def _unanswered(sound, fn, framework):
    """Why a kernel does not answer a sound question; None if it does, or if there is none to ask."""
    if sound is None:
        return None
    try:
        fn(sound.config, sound.decoded(framework), sound.dtype)
    except Exception as error:
        return _named(error)
    return None


# Command ------------------------------------------------------------------------------------------


def run(paths, fn, max_ulp=None, profile=None, max_position=None, only=(), without=(), show=10, out=None, framework=None):
    """Checks all cases of some files and prints a summary: 0 right, 1 wrong, 3 nothing judged."""
    out = out or sys.stdout
    right, failed, skipped, worst, flags, causes = 0, [], 0, None, {}, {}
    for path in paths:
        for case in cases(path, max_position, only, without):
            try:
                report = check(case, fn, max_ulp, profile, framework)
                right += 1
                if report.at and (worst is None or report.worst > worst.worst):
                    worst = report
            except unittest.SkipTest:
                skipped += 1
            except Exception as error:
                reason = str(error) if isinstance(error, AssertionError) else "%s\n%s" % (
                    "%s: %s" % (type(error).__name__, error),
                    case.why(),
                )
                failed.append((case, reason))
                causes.setdefault(_cause(case, error), []).append(case)
                for flag in case.flags:
                    flags[flag] = flags.get(flag, 0) + 1
    for case, reason in failed[:show]:
        print("FAILED %s\n  %s" % (case, reason), file=out)
    if len(failed) > show:
        print("… and %d more" % (len(failed) - show), file=out)
    if any(case.basic for case, _ in failed):
        print("the basic group fails: the set-up is wrong, nothing else means anything", file=out)
    if causes:
        print("failures by cause:", file=out)
        for cause, members in sorted(causes.items(), key=lambda pair: -len(pair[1])):
            print("  %d %s, the first %s" % (len(members), cause, members[0]), file=out)
    if flags:
        often = sorted(flags.items(), key=lambda pair: (-pair[1], pair[0]))
        print("failures by flag: " + ", ".join("%s %d" % pair for pair in often), file=out)
    if worst:
        name, index = worst.at
        place = name + "".join("[%d]" % i for i in index)
        print("worst of those right: %.4f ulp, %s %s" % (worst.worst, worst.case, place), file=out)
    print("%d right, %d wrong, %d skipped" % (right, len(failed), skipped), file=out)
    return 1 if failed else 0 if right else 3


def _cause(case, error):
    """What failures have in common: an exception, a form, a refusal that is missing, or wrong values of
    an operation with a layout and a rope type."""
    if not isinstance(error, AssertionError):
        return _named(error)
    first = str(error).split("\n")[0]
    if first.startswith("accepted"):
        return first
    if first.startswith("no refusal: "):
        return "no refusals: the sound question raises " + first.rsplit(" raises ", 1)[-1]
    if "elements wrong" not in first:
        return first.split(":")[0]
    words = [case.operation, case.config.get("layout"), case.config.get("rope_type"), case.dtype]
    return "wrong values: %s" % " ".join(str(word) for word in words if word)


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(description="Checks a function against golden vectors.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="golden files or directories")
    parser.add_argument("function", metavar="MODULE:FUNCTION", help="what to check")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--max-ulp", type=float, help="error allowed, in ulp of the expected value, instead of the file's bounds")
    how.add_argument("--profile", help="judge by the bounds of this profile (default: the loosest bound of any)")
    parser.add_argument("--max-position", type=int, help="leave out larger positions")
    parser.add_argument("--only", action="append", default=[], metavar="FLAG", help="only tests with this flag")
    parser.add_argument("--without", action="append", default=[], metavar="FLAG", help="no tests with this flag")
    parser.add_argument("--torch", action="store_const", const="torch", dest="framework", help="torch tensors")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="failures to print (10)")
    given = parser.parse_args(arguments)
    module, _, function = given.function.partition(":")
    if not function:
        parser.error("%s: MODULE:FUNCTION is needed" % given.function)
    sys.path.insert(0, "")
    fn = getattr(importlib.import_module(module), function)
    return run(
        given.files, fn, given.max_ulp, given.profile, given.max_position, given.only, given.without, given.show,
        framework=given.framework,
    )


if __name__ == "__main__":
    sys.exit(main())
