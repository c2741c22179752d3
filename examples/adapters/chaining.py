"""What a request of `chain` asks, for kernels in Python that do one stage after the other.

    asked = chaining.Question(config, input)
    asked.order                 # the stages' names
    asked.norm, asked.rope, asked.quantize, asked.store     # protocol.Part, or None
    asked.tensors               # q, and k and v where they are given: protocol.Tensor
    asked.positions             # int64 [batch, seq], where there is a rotation
    asked.parameter("q", "weight")
    asked.scale("q")            # of scale "given": what divides, spread over [batch, heads, seq, groups, 1]
    asked.outputs({"q": …, "k": …})                         # the reply, rows of k and v in their caches
"""

import numpy
import protocol


class Question:
    """One request."""

    def __init__(self, config, input):
        self.input, self.order, self.parts = input, [], {}
        for stage in config["stages"]:
            (name, items), = stage.items()
            self.order.append(name)
            self.parts[name] = protocol.Part(name, items)
        self.norm, self.rope, self.quantize, self.store = (self.parts.get(name) for name in ("norm", "rotate", "quantize", "store"))
        self.tensors = {name: input.tensor(name) for name in ("q", "k", "v") if name in input}
        if any(len(part.shape) != 4 for part in self.tensors.values()):
            raise protocol.Rejected("shape_mismatch: four axes are expected")
        protocol.forward_only(input)
        self.positions = protocol.positions(input, rank=2) if self.rope is not None else None

    def normed(self, name):
        """Whether a tensor is normalised."""
        return self.norm is not None and name != "v" and name in self.norm.get("only", ["q", "k"])

    def quantized(self, name):
        """Whether a tensor is cast to eight bits."""
        return self.quantize is not None and name in self.quantize.get("only", ["q", "k", "v"])

    def parameter(self, name, what):
        """`q_weight` and its like, or None."""
        key = "%s_%s" % (name, what)
        return self.input.tensor(key) if key in self.input else None

    def groups(self, name):
        """How many elements share a scale in the last axis."""
        width = self.tensors[name].shape[3]
        return self.quantize["group_size"] if self.quantize["per"] == "group" else width

    def spread(self, scale):
        """A scale's array over [batch, heads, seq, groups, 1]."""
        per = self.quantize["per"]
        place = {"tensor": (None,) * 5, "head": (None, slice(None), None, None, None), "token": (..., None, None), "group": (..., None)}[per]
        return scale[place]

    def blocks(self, name):
        """The axes of [batch, heads, seq, groups, size] that share a scale."""
        return {"tensor": (0, 1, 2, 3, 4), "head": (0, 2, 3, 4), "token": (3, 4), "group": (4,)}[self.quantize["per"]]

    def written(self, cache, rows):
        """A cache after the rows [batch, heads, seq, D] are stored; any array with numpy's indexing."""
        # `layout` is no rope's here.
        size, layout = self.store["block_size"], self.store.items["layout"]
        self.store.allow("layout")
        seq = rows.shape[2]
        for token, slot in enumerate(self.input["slots"]):
            if slot >= 0:
                row = rows[token // seq, :, token % seq]
                if layout == "NHD":
                    cache[slot // size, slot % size] = row
                else:
                    cache[slot // size, :, slot % size] = row
        return cache

    def outputs(self, made):
        """The reply: q, and k or the caches."""
        if self.store is None:
            return made
        out = {name: x for name, x in made.items() if name not in ("k", "v")}
        for name, cache in (("k", "key_cache"), ("v", "value_cache")):
            if name in made:
                rows = protocol.Tensor.of(made[name])
                kept = self.input.tensor(cache)
                if rows.dtype != kept.dtype:
                    raise protocol.Rejected("dtype_mismatch: the cache")
                out[cache] = protocol.Tensor(kept.dtype, self.written(kept.bits.copy(), rows.bits))
        return out

    def check(self):
        """Unsupported if something of a stage was never read."""
        for part in self.parts.values():
            part.allow("max_position_embeddings")
            part.check()


def power_of_two(x):
    """The least power of two from x on, in f32."""
    mantissa, exponent = numpy.frexp(x)
    return numpy.ldexp(numpy.float32(1), numpy.where(mantissa == 0.5, exponent - 1, exponent)).astype("f4")
