"""ONNX's RotaryEmbedding (opset 23) on the caller's table: `--runtime reference` is the evaluator of the
onnx package, `--runtime onnxruntime` ONNX Runtime on a CPU, `--runtime contrib` its older com.microsoft
operator with one table for all rows."""

import numpy
import onnx
import protocol
from onnx import TensorProto, helper

options = protocol.arguments(runtime=["reference", "onnxruntime", "contrib"])
TYPES = {"f64": TensorProto.DOUBLE, "f32": TensorProto.FLOAT, "bf16": TensorProto.BFLOAT16, "f16": TensorProto.FLOAT16}
sessions = {}


def session(interleaved, rotary, head, dtype, heads):
    key = (interleaved, rotary if rotary != head else 0, dtype, heads if options.runtime == "contrib" else 0)
    if key in sessions:
        return sessions[key]
    contrib = options.runtime == "contrib"
    attributes = {"interleaved": int(interleaved), "rotary_embedding_dim": key[1]}
    if contrib and key[1]:
        attributes["num_heads"] = heads
    names = ["x", "position_ids", "cos", "sin"] if contrib else ["x", "cos", "sin"]
    node = helper.make_node(
        "RotaryEmbedding", names, ["y"], domain="com.microsoft" if contrib else "", **attributes
    )
    kind = TYPES[dtype]
    value = lambda name, rank: helper.make_tensor_value_info(name, kind, [None] * rank)
    table = 2 if contrib else 3
    inputs = [value("x", 4), value("cos", table), value("sin", table)]
    if contrib:
        inputs.insert(1, helper.make_tensor_value_info("position_ids", TensorProto.INT64, [None, None]))
    graph = helper.make_graph([node], "rope", inputs, [value("y", 4)])
    opsets = [helper.make_opsetid("", 23)] + ([helper.make_opsetid("com.microsoft", 1)] if contrib else [])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    if options.runtime == "reference":
        from onnx.reference import ReferenceEvaluator

        sessions[key] = ReferenceEvaluator(model)
    else:
        import onnxruntime

        sessions[key] = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return sessions[key]


def run(made, feeds, dtype):
    """The output's bits. ONNX Runtime takes bf16 through its own values only."""
    if options.runtime == "reference" or dtype != "bf16":
        return made.run(None, feeds)[0]
    raise protocol.Unsupported("bf16 through the Python interface")


def apply(config, input, dtype):
    head, rotary = protocol.leading(config)
    interleaved = config["layout"] == "interleaved"
    protocol.forward_only(input)
    cos, sin = input.tensor("cos").numpy(), input.tensor("sin").numpy()
    if cos.shape != sin.shape:
        raise protocol.Rejected("shape_mismatch: cos and sin")
    out = {}
    for name, part in protocol.tensors(input).items():
        x = part.numpy()
        made = session(interleaved, rotary, head, part.dtype, x.shape[1])
        if options.runtime == "contrib":
            # Every token of every row is a row of the table of its own.
            ids = numpy.arange(cos.shape[0] * cos.shape[1], dtype="i8").reshape(cos.shape[:2])
            feeds = {"x": x, "position_ids": ids, "cos": cos.reshape(-1, cos.shape[-1]), "sin": sin.reshape(-1, sin.shape[-1])}
        else:
            feeds = {"x": x, "cos": cos, "sin": sin}
        out[name] = run(made, feeds, part.dtype)
    return out


package = "onnx" if options.runtime == "reference" else "onnxruntime"
protocol.serve(
    {"reference": "onnx-reference", "onnxruntime": "onnxruntime", "contrib": "onnxruntime-contrib"}[options.runtime],
    {"apply": apply},
    package=package,
    homepage="https://github.com/%s" % ("onnx/onnx" if package == "onnx" else "microsoft/onnxruntime"),
    dtypes=["f32", "f16", "bf16", "f64"] if package == "onnx" else ["f32", "f16"],
    layouts=["interleaved", "half"],
    directions=["forward"],
)
