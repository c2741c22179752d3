"""MLX's mx.fast.scaled_dot_product_attention on a CPU, with its sinks.

A mask that is the triangle which ends at the last key goes in as "causal", others as booleans; ALiBi and T5's bias
as numbers of q's format with −∞.
"""

import attending
import mlx.core as mx
import numpy
import protocol

mx.set_default_device(mx.cpu)
KINDS = {"f32": mx.float32, "bf16": mx.bfloat16, "f16": mx.float16}


def array(part):
    if part.dtype == "bf16":
        return mx.array(part.bits.copy()).view(mx.bfloat16)
    return mx.array(part.bits.copy())


def attention(config, input, dtype):
    asked = attending.Question(config, input, take=("sinks",))
    if asked.one_format() != dtype or (asked.sinks is not None and asked.sinks.dtype != dtype):
        raise protocol.Unsupported("mixed formats")
    if not asked.grouped():
        raise protocol.Unsupported("heads that are no multiple of the key heads")
    bias, allowed = asked.bias(), asked.allowed()
    asked.check()
    more = {}
    if bias is not None:
        more["mask"] = mx.array(numpy.where(allowed[:, None], bias, -numpy.inf).astype("f4")).astype(KINDS[dtype])
    elif asked.keys >= asked.queries and (allowed == numpy.tri(asked.queries, asked.keys, asked.keys - asked.queries, dtype=bool)).all():
        more["mask"] = "causal"
    elif not allowed.all():
        more["mask"] = mx.array(allowed[:, None])
    if asked.sinks is not None:
        more["sinks"] = array(asked.sinks)
    out = mx.fast.scaled_dot_product_attention(array(asked.q), array(asked.k), array(asked.v), scale=asked.factor(), **more)
    mx.eval(out)
    if dtype == "bf16":
        return {"out": protocol.Tensor("bf16", numpy.array(out.view(mx.uint16)))}
    return {"out": numpy.array(out)}


protocol.serve(
    "mlx-attention",
    {"attention": attention},
    package="mlx",
    homepage="https://github.com/ml-explore/mlx",
    dtypes=["f32", "bf16", "f16"],
)
