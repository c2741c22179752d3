"""Tunix: apply_rope of its Llama 3 (`--model llama3`, Qwen's is the same) or Gemma 3, jax on a CPU.

With a name of Llama 3's ModelConfig (`--model llama3p1_8b`) it is the attention of that model that calls apply_rope, and
the name stands for the config: ask it for that model only (`ropewalk audit --model llama-3.1-8b`).
"""

import engines
import jax.numpy as jnp
import numpy
import protocol

NAMES = ["llama3p1_8b", "llama3p2_1b", "llama3p2_3b"]
options = protocol.arguments(model=["llama3", "gemma3", *NAMES])
tunix = engines.tunix("gemma3" if options.model == "gemma3" else "llama3")
KINDS = {"llama3": ["default"], "gemma3": ["default", "linear"]}.get(options.model, ["llama3"])


class Weight:
    """Stands for a projection of the attention."""

    def __init__(self, *shape):
        self.shape = shape

    def __call__(self, x):
        return x


def attention(config, q, k, positions):
    """Queries and keys as the attention of the named model turns them."""
    said = getattr(tunix.ModelConfig, options.model)()
    engines.named(config, said.head_dim)
    layer = tunix.Attention.__new__(tunix.Attention)
    layer.config, layer.shd_config, layer.o_proj = said, said.shd_config, Weight(said.num_heads, said.head_dim)
    layer.q_proj = layer.k_proj = layer.v_proj = Weight(said.num_heads)
    return engines.lent(tunix, "apply_rope", lambda: layer.block(q, positions, None, None), q, k)


def rotate(config, input, dtype):
    protocol.forward_only(input)
    if options.model in NAMES:
        if config["layout"] != "half":
            raise protocol.Unsupported("layout")
        given = {name: jnp.asarray(part.numpy()).swapaxes(1, 2) for name, part in protocol.tensors(input).items()}
        turned = attention(config, given["q"], given.get("k", given["q"]), jnp.asarray(protocol.positions(input, rank=2)))
        return {name: numpy.asarray(y.swapaxes(1, 2)) for name, y in zip(given, turned)}
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
