"""Ropewalk's adapter protocol for kernels that Python can reach.

An adapter is a few lines around a library:

    import protocol

    def rotate(config, input, dtype):
        theta = config["rope_theta"]
        ...
        return {"q": rotated}

    protocol.serve("my-library", {"rotate": rotate}, dtypes=["f32"], layouts=["half"])

What a function reads of `config` and `input` is noted: a key that it never looked at, or one that it
needs and that is not there, makes the reply `unsupported`, so that no adapter can pass by ignoring
what it was asked. An exception that the library raises is a refusal (`rejected`), with its words.
The library gets the numbers as they are and its output goes back as it is: nothing is cast, clamped
or repaired on the way, for that is what an audit is about. docs/adapter-protocol.md has the protocol.
"""

import argparse
import importlib.metadata
import json
import sys
import traceback

import numpy

DIGITS = {"f64": 16, "f32": 8, "bf16": 4, "f16": 4, "i64": 16, "i32": 8}
# How numpy holds each format; bf16 and eight bits travel as their bits.
NUMPY = {"f64": "f8", "f32": "f4", "bf16": "u2", "f16": "f2", "i64": "i8", "i32": "i4"}
NAMES = {"float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16", "int64": "i64", "int32": "i32"}
# The formats of eight bits, as numpy (ml_dtypes) and torch call them.
EIGHT = {"f8e4m3fn": "float8_e4m3fn", "f8e5m2": "float8_e5m2", "f8e4m3fnuz": "float8_e4m3fnuz", "f8e5m2fnuz": "float8_e5m2fnuz"}
for _name, _long in EIGHT.items():
    DIGITS[_name], NUMPY[_name], NAMES[_long] = 2, "u1", _name


# What JSON can say and no library is asked: a base in quotes, a layout that is none.
NUMBERS = {"rope_theta", "base", "factor", "head_dim", "rotary_dim", "num_heads", "dim"}
CHOICES = {"layout": ("interleaved", "half", "concatenated"), "direction": ("forward", "inverse", "backward")}


class Unsupported(Exception):
    """The request is fine, this kernel does not do it."""


class Rejected(Exception):
    """The adapter itself sees that the request breaks a rule: `slug: free text`."""


class Tensor:
    """A tensor as it travels: the name of its format and its bits in a numpy array."""

    def __init__(self, dtype, bits):
        self.dtype, self.bits = dtype, bits

    @property
    def shape(self):
        """Its shape, as a tuple."""
        return self.bits.shape

    @classmethod
    def decode(cls, part):
        """A tensor of a request; Rejected if it is malformed."""
        if not isinstance(part, dict) or set(part) != {"dtype", "shape", "bits"}:
            raise Rejected("malformed_tensor: dtype, shape and bits are expected")
        dtype, shape, rows = part["dtype"], part["shape"], part["bits"]
        if dtype not in DIGITS:
            raise Rejected("malformed_tensor: dtype %r" % (dtype,))
        width = DIGITS[dtype] * (shape[-1] if shape else 1)
        count = int(numpy.prod(shape[:-1], dtype=object)) if shape else 1
        lower = all(isinstance(row, str) and len(row) == width and not set(row) - set("0123456789abcdef") for row in rows)
        if len(rows) != count or not lower:
            raise Rejected("malformed_tensor: %d rows of %d lower-case digits are expected" % (count, width))
        raw = numpy.frombuffer(bytes.fromhex("".join(rows)), ">" + NUMPY[dtype])
        return cls(dtype, raw.astype(NUMPY[dtype]).reshape(shape))

    def encode(self):
        """The tensor of a reply."""
        shape = list(self.shape)
        text = self.bits.astype(">" + NUMPY[self.dtype]).tobytes().hex()
        width = DIGITS[self.dtype] * (shape[-1] if shape else 1)
        count = int(numpy.prod(shape[:-1])) if shape else 1
        return {"dtype": self.dtype, "shape": shape, "bits": [text[i * width : (i + 1) * width] for i in range(count)]}

    def torch(self):
        """As a torch tensor, bit for bit."""
        import torch

        if self.dtype == "bf16":
            return torch.from_numpy(self.bits.view("i2").copy()).view(torch.bfloat16)
        made = torch.from_numpy(self.bits.copy())
        return made.view(getattr(torch, EIGHT[self.dtype])) if self.dtype in EIGHT else made

    def numpy(self):
        """As a numpy array; bf16 and eight bits as those of ml_dtypes, which jax and onnx share."""
        if self.dtype == "bf16":
            import ml_dtypes

            return self.bits.view(ml_dtypes.bfloat16).copy()
        if self.dtype in EIGHT:
            import ml_dtypes

            return self.bits.view(getattr(ml_dtypes, EIGHT[self.dtype])).copy()
        return self.bits.copy()

    def wide(self):
        """Its values as float64, exactly."""
        if self.dtype == "bf16":
            return (self.bits.astype("u4") << 16).view("f4").astype("f8")
        if self.dtype in EIGHT:
            return self.numpy().astype("f8")
        return self.bits.astype("f8")

    @classmethod
    def of(cls, array):
        """From a torch tensor or anything that numpy understands, in its own format."""
        if isinstance(array, cls):
            return array
        if type(array).__module__.split(".")[0] == "torch":
            import torch

            array = array.detach().contiguous()
            if array.dtype == torch.bfloat16:
                return cls("bf16", array.view(torch.int16).numpy().view("u2"))
            if "float8" in str(array.dtype):
                return cls(NAMES[str(array.dtype).split(".")[1]], array.view(torch.uint8).numpy())
            array = array.numpy()
        array = numpy.ascontiguousarray(array).reshape(numpy.shape(array))
        name = NAMES.get(array.dtype.name)
        if name is None:
            raise TypeError("the kernel answered in %s" % array.dtype.name)
        return cls(name, array.view(NUMPY[name]) if name == "bf16" or name in EIGHT else array)


class Part:
    """A config or an input that notes what has been read of it."""

    def __init__(self, name, items):
        self.name, self.items, self.read = name, items, set()

    def __getitem__(self, key):
        if key not in self.items:
            raise Unsupported("%s without %s" % (self.name, key))
        self.read.add(key)
        value = self.items[key]
        if key in NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise Rejected("invalid_value: %s is %r" % (key, value))
        if key in CHOICES and value not in CHOICES[key]:
            raise Rejected("invalid_value: %s is %r" % (key, value))
        return value

    def get(self, key, default=None):
        """The value, or the default where the key is not there."""
        return self[key] if key in self.items else default

    def __contains__(self, key):
        return key in self.items

    def tensor(self, key):
        """The tensor under a key."""
        return Tensor.decode(self[key])

    def allow(self, *keys):
        """Marks keys as read that have no influence on this kernel's answer."""
        self.read.update(keys)

    def check(self):
        """Unsupported if something was never read."""
        left = sorted(set(self.items) - self.read)
        if left:
            raise Unsupported("%s key %s" % (self.name, ", ".join(left)))


LIMIT = 2**53 - 1


def integers(part):
    """A nested list of positions as an int64 array; Unsupported for fractions, Rejected if malformed."""
    if isinstance(part, list):
        return [integers(item) for item in part]
    if isinstance(part, str):
        if "/" in part:
            raise Unsupported("a position that is no integer")
        if not part.lstrip("-").isascii() or not part.lstrip("-").isdigit() or str(int(part)) != part:
            raise Rejected("malformed_position: %r" % part)
        part = int(part)
        if abs(part) > 2**62:
            raise Rejected("position_out_of_range: %d" % part)
    elif type(part) is not int or abs(part) > LIMIT:
        raise Rejected("malformed_position: %r" % (part,))
    return part


def positions(input, key="positions", rank=None):
    """The positions of a request as an int64 array; Unsupported if there is a level for axes and the
    kernel has none: `rotate` has rank 2, 3 with axes, and everything else has rank 1."""
    part = input[key]
    try:
        found = numpy.array(integers(part), dtype="i8")
    except ValueError:
        raise Rejected("shape_mismatch: a ragged list of positions") from None
    if not isinstance(part, list):
        raise Rejected("shape_mismatch: positions are a list")
    if rank is not None and found.ndim != rank:
        raise Unsupported("positions of rank %d" % found.ndim)
    return found


def slice_of(config):
    """head_dim, rotary_dim and rotary_offset of a flat config."""
    head = config["head_dim"]
    share = config.get("partial_rotary_factor", 1)
    rotary = config.get("rotary_dim", int(head * share) if share != 1 else head)
    return head, rotary, config.get("rotary_offset", 0)


def whole(config):
    """head_dim of a kernel that rotates whole heads only."""
    head, rotary, offset = slice_of(config)
    if rotary != head or offset:
        raise Unsupported("a partial rotation")
    return head


def leading(config):
    """head_dim and rotary_dim of a kernel that rotates the first coordinates of a head."""
    head, rotary, offset = slice_of(config)
    if offset:
        raise Unsupported("rotary_offset")
    return head, rotary


def forward_only(input):
    """Unsupported for any direction but forward."""
    if input.get("direction", "forward") != "forward":
        raise Unsupported("direction")


def same_rows(grid):
    """The positions of a kernel that takes one list for all batch rows."""
    if grid.ndim != 2 or (grid != grid[:1]).any():
        raise Unsupported("positions that differ between batch rows")
    return grid[0]


def runs(row):
    """The runs of consecutive positions in a row, as (first index, end, first position): what a kernel
    that takes an offset is called with."""
    start = 0
    for i in range(1, len(row) + 1):
        if i == len(row) or row[i] != row[i - 1] + 1:
            yield start, i, int(row[start])
            start = i


def tensors(input, grid=None):
    """The queries, and the keys if there are any. With `grid`, for a kernel that is called row by row
    or run by run, their batch and sequence must be those of the positions."""
    if "q" not in input:
        raise Rejected("missing_input: q")
    found = {name: input.tensor(name) for name in ("q", "k") if name in input}
    for name, part in found.items():
        if len(part.shape) != 4 or (grid is not None and (part.shape[0], part.shape[2]) != grid.shape[-2:]):
            raise Rejected("shape_mismatch: %s is %s" % (name, list(part.shape)))
    return found


def arguments(**choices):
    """Options of an adapter: `--NAME VALUE`, the first choice is the default."""
    parser = argparse.ArgumentParser()
    for name, values in choices.items():
        parser.add_argument("--" + name, choices=values, default=values[0])
    return parser.parse_args()


def version(package):
    """The version of an installed package, from its own metadata."""
    return importlib.metadata.version(package)


def serve(name, operations, *, package=None, number=None, language="Python", homepage="", limits=None, **can):
    """Speaks the protocol on standard input and output until told to stop.

    `operations` maps names to functions (config, input, dtype) → {output: array}; `can` are the
    capabilities (dtypes, layouts, rope_types, …); the version is that of `package`, or `number`.
    """
    replies = sys.stdout
    # A library that prints must not disturb the protocol.
    sys.stdout = sys.stderr
    if "capabilities" in can:
        capabilities = can["capabilities"]
    else:
        capabilities = [dict({"operations": list(operations)}, **can)]
        if limits:
            capabilities[0]["limits"] = limits
    kernel = {"name": name, "version": number or version(package), "language": language, "homepage": homepage}
    for line in sys.stdin:
        try:
            request = parse(line)
        except Rejected as reason:
            replies.write(json.dumps({"id": json.loads(line).get("id"), "rejected": str(reason)}) + "\n")
            replies.flush()
            continue
        command = request.get("cmd")
        if command == "stop":
            break
        if command == "start":
            if 1 not in request.get("protocols", []):
                sys.exit("this adapter speaks protocol 1 only")
            reply = {"protocol": 1, "kernel": kernel, "capabilities": capabilities}
        else:
            reply = answer(operations, request)
        replies.write(json.dumps(reply, separators=(",", ":")) + "\n")
        replies.flush()


def parse(line):
    """A line's JSON, with what Python's reader would repair kept or refused."""

    def once(pairs):
        if len({key for key, _ in pairs}) != len(pairs):
            raise Rejected("duplicate_key: %s" % ", ".join(key for key, _ in pairs))
        return dict(pairs)

    # -0 is no position; as a float it is seen not to be one.
    return json.loads(line, object_pairs_hook=once, parse_int=lambda text: -0.0 if text == "-0" else int(text))


def answer(operations, request):
    """The reply to one `run` request."""
    reply = {"id": request.get("id")}
    try:
        function = operations.get(request["operation"])
        if function is None:
            raise Unsupported("operation %s" % request["operation"])
        config, input = Part("config", request["config"]), Part("input", request["input"])
        # Has a meaning in a few schemes only, and is tolerated in all.
        config.allow("max_position_embeddings")
        if request["config"].get("rope_type") == "default":
            config.allow("rope_type")
        output = function(config, input, request["dtype"])
        config.check()
        input.check()
        reply["output"] = {key: Tensor.of(value).encode() for key, value in output.items()}
    except Unsupported as reason:
        reply["unsupported"] = str(reason)
    except Rejected as reason:
        reply["rejected"] = str(reason)
    except Exception as error:
        left = sorted(set(config.items) - config.read)
        if left:
            # Who knows what the library would have said, had it been told everything.
            return dict(reply, unsupported="config key %s" % ", ".join(left))
        traceback.print_exc(file=sys.stderr)
        reply["rejected"] = "invalid_value: %s: %s" % (type(error).__name__, str(error).split("\n")[0])
    return reply
