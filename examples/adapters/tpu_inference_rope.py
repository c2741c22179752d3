"""tpu-inference (vLLM on TPUs): apply_rope of layers/jax, jax on a CPU. Any scaling but proportional goes one way."""

import engines
import jax.numpy as jnp
import protocol

tpu = engines.tpu()
KINDS = ["default", "linear", "llama3", "yarn"]


def rotate(config, input, dtype):
    protocol.forward_only(input)
    rope = engines.scaling(config, KINDS)
    if "mrope_section" in rope and len(rope["mrope_section"]) != 3:
        raise protocol.Unsupported("four sections")
    head = protocol.whole(config)
    grid = protocol.positions(input, rank=3 if "mrope_section" in config else 2)
    if grid.ndim == 3 and config["layout"] != "half":
        raise protocol.Unsupported("M-RoPE is half only")
    order = "split" if config["layout"] == "half" else "interleaved"
    out = {}
    for name, part in protocol.tensors(input).items():
        x = part.numpy()
        batch, heads, seq, width = x.shape
        flat = jnp.asarray(x.transpose(0, 2, 1, 3).reshape(batch * seq, heads, width))
        where = jnp.asarray(grid.reshape(3, -1) if grid.ndim == 3 else grid.reshape(-1), dtype="int32")
        y = tpu.apply_rope(flat, where, head, config["rope_theta"], tpu.normalize_rope_scaling(rope), order)
        out[name] = jnp.asarray(y).reshape(batch, seq, heads, width).transpose(0, 2, 1, 3)
    import numpy

    return {name: numpy.asarray(y) for name, y in out.items()}


protocol.serve(
    "tpu-inference",
    {"rotate": rotate},
    package="tpu-inference",
    homepage="https://github.com/vllm-project/tpu-inference",
    dtypes=["f32", "bf16"],
    layouts=["interleaved", "half"],
    rope_types=KINDS,
    directions=["forward"],
    axes=[1, 3],
    partial=False,
    limits={"min_position": -(2**31), "max_position": 2**31 - 1},
)
