"""OpenVINO's ScaledDotProductAttention on a CPU, compiled for each shape; `--precision` is its hint.

A mask that is the triangle goes in as `causal`, others as booleans; ALiBi and T5's bias as numbers of q's format
with −∞. Keys and values of grouped heads are repeated.
"""

import attending
import numpy
import openvino
import protocol
from openvino import opset13

options = protocol.arguments(precision=["f32", "own"])
core = openvino.Core()
HINT = {"INFERENCE_PRECISION_HINT": "f32"} if options.precision == "f32" else {}


def attention(config, input, dtype):
    asked = attending.Question(config, input)
    if asked.one_format() != dtype:
        raise protocol.Unsupported("mixed formats")
    if not asked.grouped():
        raise protocol.Unsupported("heads that are no multiple of the key heads")
    bias, allowed = asked.bias(), asked.allowed()
    asked.check()
    config.check()
    input.check()
    q, k, v = (part.numpy() for part in (asked.q, asked.repeated(asked.k), asked.repeated(asked.v)))
    mask, causal = None, False
    if bias is not None:
        mask = numpy.where(allowed[:, None], bias, -numpy.inf).astype(q.dtype)
    elif asked.triangle():
        causal = True
    elif not allowed.all():
        mask = numpy.ascontiguousarray(allowed[:, None])
    feeds = [q, k, v] + ([] if mask is None else [mask])
    nodes = [opset13.parameter(list(x.shape), x.dtype) for x in feeds]
    more = {"causal": causal}
    if mask is not None:
        more["attention_mask"] = nodes[3]
    if asked.scale is not None:
        if mask is None:
            zero = numpy.zeros((1, 1, 1, 1), q.dtype)
            more["attention_mask"] = opset13.constant(zero)
        more["scale"] = opset13.constant(numpy.array(asked.scale, q.dtype))
    node = opset13.scaled_dot_product_attention(*nodes[:3], **more)
    compiled = core.compile_model(openvino.Model([node], nodes), "CPU", HINT)
    return {"out": compiled(feeds)[0].reshape(*q.shape[:3], asked.width)}


protocol.serve(
    "openvino-attention",
    {"attention": attention},
    package="openvino",
    homepage="https://github.com/openvinotoolkit/openvino",
    dtypes=["f32"],
)
