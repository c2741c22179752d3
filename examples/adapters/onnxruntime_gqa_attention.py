"""ONNX Runtime's GroupQueryAttention (com.microsoft) on a CPU: causal, its own rotation by a table of the caller,
`local_window_size`, `softcap` and `head_sink`.

It knows one order of positions: keys from 0 on, and queries among them. A request whose queries are some of the
tokens is asked as the whole prompt, with zeros for the queries that are not asked. With `--cache past` the keys before the first
query go in as `past_key` where nothing is rotated, for one row. ALiBi and T5's bias are its `attention_bias`.
"""

import attending
import numpy
import onnxruntime
import protocol
from onnx import TensorProto, helper

options = protocol.arguments(cache=["off", "past"])
TYPES = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT16}
INPUTS = [
    "query", "key", "value", "past_key", "past_value", "seqlens_k", "total_sequence_length", "cos_cache", "sin_cache",
    "position_ids", "attention_bias", "head_sink",
]
INTEGERS = {"seqlens_k": TensorProto.INT32, "total_sequence_length": TensorProto.INT32, "position_ids": TensorProto.INT64}
sessions = {}


def session(given, attributes, kind):
    key = (tuple(given), tuple(sorted(attributes.items())), kind)
    if key not in sessions:
        last = max(INPUTS.index(name) for name in given) + 1
        listed = [name if name in given else "" for name in INPUTS[:last]]
        outputs = ["output", "present_key", "present_value"]
        node = helper.make_node("GroupQueryAttention", listed, outputs, domain="com.microsoft", **attributes)

        def value(name, rank):
            return helper.make_tensor_value_info(name, INTEGERS.get(name, TYPES[kind]), [None] * rank)

        made = [value("output", 3), value("present_key", 4), value("present_value", 4)]
        graph = helper.make_graph([node], "gqa", [value(name, feed.ndim) for name, feed in given.items()], made)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        quiet = onnxruntime.SessionOptions()
        quiet.log_severity_level = 4
        sessions[key] = onnxruntime.InferenceSession(model.SerializeToString(), quiet, providers=["CPUExecutionProvider"])
    return sessions[key]


def attention(config, input, dtype):
    asked = attending.Question(config, input, take=("softcap", "sinks", "rope"))
    if asked.one_format() != dtype or (asked.sinks is not None and asked.sinks.dtype != dtype):
        raise protocol.Unsupported("mixed formats")
    if not asked.grouped():
        raise protocol.Unsupported("heads that are no multiple of the key heads")
    keys, queries = asked.keys, asked.queries
    lengths = numpy.array([keys] * asked.batch if asked.lengths is None else asked.lengths)
    if not asked.causal or keys == 0 or (lengths < 1).any() or (asked.of != numpy.arange(keys)).any():
        raise protocol.Unsupported("another mask than the causal one of keys from 0 on")
    if asked.at.min() < 0 or (asked.at >= lengths[:, None]).any() or any(len(set(row)) < queries for row in asked.at.tolist()):
        raise protocol.Unsupported("queries that are none of the keys' tokens, or twice the same")
    left, right = asked.window or (None, None)
    del right  # Nothing is after a causal query.
    attributes = {"num_heads": asked.heads, "kv_num_heads": asked.key_heads, "scale": asked.factor()}
    attributes["local_window_size"] = -1 if left is None else left + 1
    if asked.softcap is not None:
        attributes["softcap"] = float(asked.softcap)
    bias = asked.bias()
    if asked.rope is not None and (asked.dim != asked.width or asked.dim % 8):
        raise protocol.Unsupported("a rotation, and values of another width, or a width that is no multiple of 8")
    q, k, v = (part.numpy() for part in (asked.padded(8) if asked.rope is None else (asked.q, asked.k, asked.v)))
    table = None if asked.rope is None else angles(asked)
    asked.check()
    config.check()
    input.check()
    past = int(asked.at.min()) if options.cache == "past" and table is None and bias is None and asked.batch == 1 else 0
    if past and (queries != keys - past or (asked.at != numpy.arange(past, keys)).any() or (lengths != keys).any()):
        past = 0
    whole = numpy.zeros((asked.batch, asked.heads, keys - past, q.shape[3]), q.dtype)
    for b, row in enumerate(asked.at):
        whole[b, :, row - past] = q[b].transpose(1, 0, 2)
    flat = lambda x: numpy.ascontiguousarray(x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1))
    given = {"query": flat(whole), "key": flat(k[:, :, past:]), "value": flat(v[:, :, past:])}
    if past:
        given.update(past_key=k[:, :, :past].copy(), past_value=v[:, :, :past].copy())
    given.update(seqlens_k=(lengths - 1).astype("i4"), total_sequence_length=numpy.array([keys], "i4"))
    if table is not None:
        attributes.update(do_rotary=1, rotary_interleaved=int(asked.rope["layout"] == "interleaved"))
        given.update({name: part.astype(q.dtype) for name, part in zip(("cos_cache", "sin_cache"), table)})
    if bias is not None:
        every = numpy.zeros((asked.batch, asked.heads, keys, keys))
        for b, row in enumerate(asked.at):
            every[b, :, row] = bias[b].transpose(1, 0, 2)
        given["attention_bias"] = every.astype(q.dtype)
    if asked.sinks is not None:
        given["head_sink"] = asked.sinks.numpy()
    out = session(given, attributes, dtype).run(["output"], given)[0]
    out = out.reshape(asked.batch, keys - past, asked.heads, -1).transpose(0, 2, 1, 3)
    rows = numpy.stack([out[b][:, row - past] for b, row in enumerate(asked.at)])
    return {"out": rows[..., : asked.width]}


def angles(asked):
    """The caller's table: rounded once from f64."""
    rope = asked.rope
    rope.allow("layout")
    head, rotary = protocol.leading(rope)
    if rope.get("rope_type", "default") != "default" or head != asked.dim:
        raise protocol.Unsupported("rope_type")
    angle = numpy.arange(asked.keys)[:, None] * rope["rope_theta"] ** -(numpy.arange(0, rotary, 2) / rotary)
    return numpy.cos(angle), numpy.sin(angle)


protocol.serve(
    "onnxruntime-gqa-attention",
    {"attention": attention},
    package="onnxruntime",
    homepage="https://github.com/microsoft/onnxruntime",
    dtypes=["f32", "f16"],
)
