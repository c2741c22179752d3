"""Equinox on jax: layout half, positions from 0 only, so a token at position p stands in a sequence of p + 1.

`--x64` turns jax's double precision on; the module's own `dtype` is that of the request.
"""

import equinox
import jax
import jax.numpy as jnp
import numpy
import protocol

ROWS = 1 << 15

options = protocol.arguments(x64=["off", "on"])
jax.config.update("jax_enable_x64", options.x64 == "on")
DTYPES = {"f64": jnp.float64, "f32": jnp.float32, "bf16": jnp.bfloat16, "f16": jnp.float16}


def rotate(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    head = protocol.whole(config)
    protocol.forward_only(input)
    grid = protocol.positions(input, rank=2)
    if grid.size and (grid.min() < 0 or grid.max() >= ROWS):
        raise protocol.Unsupported("positions outside 0 … %d" % (ROWS - 1))
    turn = equinox.nn.RotaryPositionalEmbedding(head, theta=config["rope_theta"], dtype=DTYPES[dtype])
    out = {}
    for name, part in protocol.tensors(input, grid).items():
        x = part.numpy()
        made = numpy.empty_like(x)
        for b, row in enumerate(grid):
            for h in range(x.shape[1]):
                sequence = numpy.zeros((int(row.max(initial=-1)) + 1, head), x.dtype)
                sequence[row] = x[b, h]
                if len(set(row.tolist())) == len(row):
                    made[b, h] = numpy.asarray(turn(jnp.asarray(sequence)))[row]
                    continue
                for s, p in enumerate(row):
                    sequence[p] = x[b, h, s]
                    made[b, h, s] = numpy.asarray(turn(jnp.asarray(sequence)))[p]
        out[name] = made
    return out


protocol.serve(
    "equinox" + ("" if options.x64 == "off" else "-x64"),
    {"rotate": rotate},
    package="equinox",
    homepage="https://github.com/patrick-kidger/equinox",
    dtypes=["f32", "bf16", "f16"] + (["f64"] if options.x64 == "on" else []),
    layouts=["half"],
    rope_types=["default"],
    directions=["forward"],
    limits={"min_position": 0, "max_position": ROWS - 1},
)
