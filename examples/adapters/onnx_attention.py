"""ONNX's operator Attention (opsets 23 to 25): `--runtime reference` is the evaluator of the onnx package,
`--runtime onnxruntime` ONNX Runtime on a CPU.

A mask that is the triangle goes in as `is_causal`; with `--cache past` the keys before the queries go in as
`past_key` and `past_value`, so that the triangle ends at the last key. `key_lengths` are `nonpad_kv_seqlen` from
opset 24 on, windows `left_window_size` and `right_window_size` in opset 25 where the positions count from 0.
Everything else is `attn_mask`: booleans, or numbers of q's format with −∞.
"""

import attending
import numpy
import protocol
from onnx import TensorProto, helper

options = protocol.arguments(runtime=["reference", "onnxruntime"], opset=["23", "24", "25"], cache=["off", "past"])
OPSET = int(options.opset)
TYPES = {"f64": TensorProto.DOUBLE, "f32": TensorProto.FLOAT, "bf16": TensorProto.BFLOAT16, "f16": TensorProto.FLOAT16}
NUMBERS = {"f64": "f8", "f32": "f4", "f16": "f2"}
INPUTS = ["Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen"]
sessions = {}


def session(given, attributes, kind):
    names = tuple((name, feed.ndim, feed.dtype == bool) for name, feed in given.items())
    key = (names, tuple(sorted(attributes.items())), kind)
    if key in sessions:
        return sessions[key]
    last = max(INPUTS.index(name) for name in given) + 1
    listed = [name if name in given else "" for name in INPUTS[:last]]
    outputs = ["Y", "present_key", "present_value"] if "past_key" in given else ["Y"]
    node = helper.make_node("Attention", listed, outputs, **attributes)

    def value(name, rank, is_bool):
        own = TensorProto.BOOL if is_bool else TensorProto.INT64 if name == INPUTS[-1] else TYPES[kind]
        return helper.make_tensor_value_info(name, own, ["%s%d" % (name, i) for i in range(rank)])

    made = [helper.make_tensor_value_info(name, TYPES[kind], [None] * 4) for name in outputs]
    graph = helper.make_graph([node], "attention", [value(*name) for name in names], made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    if options.runtime == "reference":
        from onnx.reference import ReferenceEvaluator

        sessions[key] = ReferenceEvaluator(model)
    else:
        import onnxruntime

        quiet = onnxruntime.SessionOptions()
        quiet.log_severity_level = 4
        sessions[key] = onnxruntime.InferenceSession(model.SerializeToString(), quiet, providers=["CPUExecutionProvider"])
    return sessions[key]


def attention(config, input, dtype):
    asked = attending.Question(config, input, take=("softcap",))
    if asked.one_format() != dtype:
        raise protocol.Unsupported("mixed formats")
    if not asked.grouped():
        raise protocol.Unsupported("heads that are no multiple of the key heads")
    bias = asked.bias()
    asked.check()
    config.check()
    input.check()
    given = {"Q": asked.q.numpy(), "K": asked.k.numpy(), "V": asked.v.numpy()}
    attributes = {}
    if asked.scale is not None:
        attributes["scale"] = float(asked.scale)
    if asked.softcap is not None:
        attributes["softcap"] = float(asked.softcap)
    lengths, counted = asked.lengths, (asked.at == numpy.arange(asked.queries)).all() and (asked.of == numpy.arange(asked.keys)).all()
    before = asked.keys - asked.queries
    if OPSET >= 24 and lengths is not None and asked.keys:
        given["nonpad_kv_seqlen"] = numpy.array(lengths, "i8")
        asked.lengths = None
    if OPSET >= 25 and asked.window is not None and counted and lengths is None:
        left, right = asked.window
        attributes.update(left_window_size=-1 if left is None else left, right_window_size=-1 if right is None else right)
        asked.window = None
    allowed = asked.allowed()
    if bias is None and options.cache == "past" and before > 0 and lengths is None and (allowed == numpy.tri(asked.queries, asked.keys, before, dtype=bool)).all():
        attributes["is_causal"] = 1
        for name, past in (("K", "past_key"), ("V", "past_value")):
            given[past], given[name] = given[name][:, :, :before], given[name][:, :, before:]
    elif bias is None and lengths is None and asked.triangle():
        attributes["is_causal"] = 1
    elif bias is not None:
        given["attn_mask"] = numpy.where(allowed[:, None], bias, -numpy.inf).astype(given["Q"].dtype)
    elif not allowed.all():
        given["attn_mask"] = allowed[:, None]
    return {"out": session(given, attributes, dtype).run(None, given)[0]}


protocol.serve(
    {"reference": "onnx-reference", "onnxruntime": "onnxruntime"}[options.runtime] + "-attention-%d" % OPSET,
    {"attention": attention},
    package="onnx" if options.runtime == "reference" else "onnxruntime",
    homepage="https://github.com/%s" % ("onnx/onnx" if options.runtime == "reference" else "microsoft/onnxruntime"),
    dtypes=["f32", "f16", "bf16", "f64"] if options.runtime == "reference" else ["f32", "f16"],
)
