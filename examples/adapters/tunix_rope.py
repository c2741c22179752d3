"""Tunix: apply_rope of its Llama 3 (`--model llama3`, Qwen's is the same) or Gemma 3, jax on a CPU."""

import engines
import jax.numpy as jnp
import numpy
import protocol

options = protocol.arguments(model=["llama3", "gemma3"])
tunix = engines.tunix(options.model)
KINDS = ["default"] if options.model == "llama3" else ["default", "linear"]


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head = protocol.whole(config)
    rope = engines.scaling(config, KINDS, extra=())
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    grid = protocol.positions(input, rank=2)
    given = {name: jnp.asarray(part.numpy()).swapaxes(1, 2) for name, part in protocol.tensors(input).items()}
    if options.model == "llama3":
        turn = lambda x: tunix.apply_rope(x, jnp.asarray(grid), head, config["rope_theta"])
    else:
        turn = lambda x: tunix.apply_rope(x, jnp.asarray(grid), head_dim=head, base_frequency=config["rope_theta"], scale_factor=rope.get("factor", 1.0))
    return {name: numpy.asarray(turn(x).swapaxes(1, 2)) for name, x in given.items()}


protocol.serve(
    "tunix-" + options.model,
    {"rotate": rotate},
    package="google-tunix",
    homepage="https://github.com/google/tunix",
    dtypes=["f32", "bf16", "f16"],
    layouts=["half"],
    rope_types=KINDS,
    directions=["forward"],
    axes=[1],
    mrope=False,
    partial=False,
    limits={"min_position": -(2**31), "max_position": 2**31 - 1},
)
