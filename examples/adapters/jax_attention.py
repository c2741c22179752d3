"""JAX's jax.nn.dot_product_attention on a CPU (XLA), with `return_residual` for the logarithm.

`is_causal`, `local_window_size` and `key_value_seq_lengths` are used where the positions are 0, 1, 2 … on both
sides; otherwise, and for `--masks mask`, the mask goes in as `mask`. ALiBi and T5's bias go in as `bias`, in f32
(f64 for f64). Zeros are appended where v is of another width.
"""

import attending
import numpy
import protocol

options = protocol.arguments(masks=["own", "mask"], x64=["off", "on"])

import jax  # noqa: E402

jax.config.update("jax_enable_x64", options.x64 == "on")
jax.config.update("jax_platforms", "cpu")


def counted(rows, n):
    return bool((rows == numpy.arange(n)).all())


def attention(config, input, dtype):
    asked = attending.Question(config, input, take=("lse",))
    if asked.one_format() != dtype:
        raise protocol.Unsupported("mixed formats")
    if not asked.grouped():
        raise protocol.Unsupported("heads that are no multiple of the key heads")
    parts = asked.padded()
    q, k, v = (part.numpy().transpose(0, 2, 1, 3) for part in parts)
    bias = asked.bias()
    asked.check()
    more = {"scale": asked.factor() if parts[0].shape[3] != asked.dim else asked.scale}
    if bias is not None:
        more["bias"] = bias.astype("f8" if dtype == "f64" else "f4")
    lengths = None if asked.lengths is None else numpy.array(asked.lengths, "i4")
    if options.masks == "own" and counted(asked.at, asked.queries) and counted(asked.of, asked.keys):
        more.update(is_causal=asked.causal, key_value_seq_lengths=lengths)
        if asked.window is not None and asked.window != [None, None]:
            # No limit is one that is never met.
            far = asked.keys + asked.queries
            more["local_window_size"] = tuple(min(far, far if side is None else side) for side in asked.window)
    elif not (allowed := asked.allowed()).all():
        more["mask"] = allowed[:, None]
    out, lse = jax.nn.dot_product_attention(q, k, v, return_residual=True, **more)
    made = {"out": numpy.asarray(out).transpose(0, 2, 1, 3)[..., : asked.width]}
    return dict(made, lse=numpy.asarray(lse).transpose(0, 2, 1)) if asked.lse else made


protocol.serve(
    "jax-attention" + ("-x64" if options.x64 == "on" else ""),
    {"attention": attention},
    package="jax",
    homepage="https://github.com/jax-ml/jax",
    dtypes=["f32", "bf16", "f16"] + (["f64"] if options.x64 == "on" else []),
)
