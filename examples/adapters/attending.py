"""What a request of `attention` asks, as kernels in Python want it: which keys are left, and what is added.

    asked = attending.Question(config, input)
    asked.q, asked.k, asked.v          # protocol.Tensor
    asked.allowed()                    # bool [batch, q, k]
    asked.bias()                       # float64 [batch, heads, q, k], exact but for one rounding, or None
    asked.check()                      # after the adapter has read what it can do

Whatever an adapter does not take (`softcap`, `sinks`, `lse`, a rope) makes the reply `unsupported`: it is read
by `take` only. Masks and biases are built from the positions, as a caller of such a kernel has to.
"""

from fractions import Fraction

import numpy
import protocol

NESTED = ("alibi", "t5", "rope")


class Question:
    """One request; `take` names what the kernel can do beside masks."""

    def __init__(self, config, input, take=(), biases=True):
        self.config, self.input = config, input
        self.q, self.k, self.v = (input.tensor(name) for name in ("q", "k", "v"))
        self.batch, self.heads, self.queries, self.dim = self.q.shape
        self.key_heads, self.keys = self.k.shape[1:3]
        self.width = self.v.shape[3]
        self.causal, self.window = config["causal"], config.get("window")
        self.scale = config.get("scale")
        self.lengths = input.get("key_lengths")
        self.at, self.of = (protocol.positions(input, name) for name in ("query_positions", "key_positions"))
        parts = {name: protocol.Part(name, config[name]) for name in NESTED if name in config and name in take}
        if biases:
            parts.update({name: protocol.Part(name, config[name]) for name in ("alibi", "t5") if name in config})
        self.alibi, self.t5, self.rope = (parts.get(name) for name in NESTED)
        self.parts = parts
        self.softcap = config.get("softcap") if "softcap" in take else None
        self.sinks = input.tensor("sinks") if "sinks" in take and "sinks" in input else None
        self.lse = bool(input.get("lse")) if "lse" in take else False
        if "lse" not in take and input.items.get("lse") is False:
            input.allow("lse")
        if self.at.ndim != 2 or self.of.ndim != 2:
            raise protocol.Unsupported("positions of several axes")

    def factor(self):
        """The scale as a number, where the kernel has to be told."""
        return self.dim**-0.5 if self.scale is None else float(self.scale)

    def exists(self):
        """Which keys there are, [batch, 1, k]."""
        count = [self.keys] * self.batch if self.lengths is None else self.lengths
        return numpy.arange(self.keys) < numpy.array(count, "i8").reshape(self.batch, 1, 1)

    def allowed(self):
        """Which keys are left for a query, [batch, q, k]."""
        q, k = self.at[:, :, None], self.of[:, None, :]
        left = numpy.broadcast_to(self.exists(), (self.batch, self.queries, self.keys)).copy()
        if self.causal:
            left &= k <= q
        before, after = self.window or (None, None)
        if before is not None:
            left &= k >= q - before
        if after is not None:
            left &= k <= q + after
        return left

    def triangle(self):
        """Whether the mask is the one that `is_causal` means, aligned to the first query and the first key."""
        return bool((self.allowed() == numpy.tri(self.queries, self.keys, dtype=bool)).all())

    def bias(self):
        """What is added to the scores, [batch, heads, q, k]; None if nothing is."""
        total = None
        if self.alibi is not None:
            total = self._alibi()
        if self.t5 is not None:
            learned = self._t5()
            total = learned if total is None else total + learned
        return total

    def _alibi(self):
        slopes = slopes_of(self.alibi)
        if len(slopes) != self.heads:
            raise protocol.Rejected("shape_mismatch: slopes of %d heads" % len(slopes))
        q, k = self.at[:, :, None], self.of[:, None, :]
        form = self.alibi["form"]
        if form == "key":
            distance = numpy.broadcast_to(k, (self.batch, self.queries, self.keys))
        elif form == "mpt":
            last = numpy.where(self.exists(), k, numpy.iinfo("i8").min).max(-1, keepdims=True, initial=numpy.iinfo("i8").min)
            distance = numpy.broadcast_to(k - last, (self.batch, self.queries, self.keys))
        else:
            distance = k - q if form == "distance" else -abs(k - q)
        return slopes[None, :, None, None] * distance[:, None].astype("f8")

    def _t5(self):
        table = self.input.tensor("table").wide()
        return table[self.buckets()].transpose(0, 3, 1, 2)

    def buckets(self):
        """T5's bucket of every pair, [batch, q, k], decided in integers."""
        part = self.t5
        count, farthest, both = part["num_buckets"], part["max_distance"], part["bidirectional"]
        found = {}

        def bucket(apart):
            if apart not in found:
                found[apart] = bucket_of(apart, count, farthest, both)
            return found[apart]

        apart = self.of[:, None, :] - self.at[:, :, None]
        return numpy.array([bucket(int(x)) for x in apart.ravel()], "i8").reshape(apart.shape)

    def padded(self, multiple=1):
        """q, k, v, all of one width: zeros are appended, which neither a product nor a sum sees."""
        width = -(-max(self.dim, self.width) // multiple) * multiple

        def pad(part):
            bits = numpy.zeros((*part.shape[:3], width), part.bits.dtype)
            bits[..., : part.shape[3]] = part.bits
            return protocol.Tensor(part.dtype, bits)

        return pad(self.q), pad(self.k), pad(self.v)

    def repeated(self, part):
        """Keys or values with a head for each of the queries', as a kernel without grouped heads is called."""
        index = numpy.arange(self.heads) * self.key_heads // self.heads
        return protocol.Tensor(part.dtype, part.bits[:, index])

    def grouped(self):
        """Whether key heads are shared by as many query heads each."""
        return self.heads % self.key_heads == 0

    def one_format(self, *more):
        """The format of q, k, v: Unsupported unless it is one."""
        kinds = {part.dtype for part in (self.q, self.k, self.v, *more)}
        if len(kinds) > 1:
            raise protocol.Unsupported("q, k and v of different formats")
        return self.q.dtype

    def check(self):
        """Unsupported if something of a nested config was never read."""
        for part in self.parts.values():
            part.check()


def slopes_of(alibi):
    """The slopes in f64."""
    heads, top = alibi["num_heads"], alibi.get("alibi_bias_max", 8)
    if alibi["slopes"] == "paper":
        exponents = [Fraction(top * (h + 1), heads) for h in range(heads)]
    else:
        p = 1 << (heads.bit_length() - 1)
        exponents = [Fraction(top * (h + 1), p) for h in range(p)]
        exponents += [Fraction(top * (2 * h + 1), 2 * p) for h in range(heads - p)]
    slopes = numpy.array([2.0 ** -float(e) for e in exponents])
    return slopes / numpy.sqrt(alibi["head_dim"]) if "head_dim" in alibi else slopes


def bucket_of(apart, count, farthest, both):
    """T5's bucket of key minus query."""
    base = 0
    if both:
        count //= 2
        base = count if apart > 0 else 0
        n = abs(apart)
    else:
        n = max(-apart, 0)
    exact = count // 2
    if n < exact:
        return base + n
    steps = count - exact
    step = 0
    while step + 1 < steps and n**steps * exact ** (step + 1) >= farthest ** (step + 1) * exact**steps:
        step += 1
    return base + exact + step
