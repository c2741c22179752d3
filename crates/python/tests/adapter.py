"""A kernel of `many` behind the protocol, as a user would put it there: python adapter.py FRAMEWORK NAME"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "..", "examples", "adapters"))

import many
import protocol


def main(framework, name):
    many.load(framework)
    one = many.KERNELS[name]

    def rotate(config, input, dtype):
        config.allow(*config.items)
        positions = protocol.positions(input, rank=2)
        protocol.forward_only(input)

        def tensor(part):
            if one.framework == "torch":
                return part.torch()
            if one.framework == "jax":
                import jax.numpy

                return jax.numpy.asarray(part.numpy())
            return part.numpy()

        if one.framework == "torch":
            import torch

            positions = torch.from_numpy(positions)
        elif one.framework == "jax":
            import jax.numpy

            positions = jax.numpy.asarray(positions)
        parts = protocol.tensors(input).items()
        return {name: one.function(tensor(part), positions, dict(config.items)) for name, part in parts}

    limits = dict(many.LIMITS)
    if one.framework == "jax":
        limits.update(max_position=2**31 - 1, min_position=-(2**31))
    protocol.serve(name, {"rotate": rotate}, number="1", dtypes=one.dtypes, directions=["forward"], limits=limits)


main(*sys.argv[1:])
