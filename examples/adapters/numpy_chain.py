"""Norm, rotation and cast one after the other in numpy, in f32, with the casts of ml_dtypes (`--cast ml_dtypes`), of
JAX on a CPU (`jax`) or of onnx's reference evaluator (`onnx`: its operator Cast, with its attribute `saturate`)."""

import chaining
import ml_dtypes
import numpy
import protocol

options = protocol.arguments(cast=["ml_dtypes", "jax", "onnx"])
NARROW = {"f32": numpy.float32, "bf16": ml_dtypes.bfloat16, "f16": numpy.float16}


def normed(asked, name, x):
    part = asked.norm
    axes = (3,) if part["over"] == "head" else (1, 3)
    if part["kind"] == "layer":
        x = x - x.mean(axes, keepdims=True)
    x = x / numpy.sqrt((x * x).mean(axes, keepdims=True) + numpy.float32(part["eps"]))
    place = (lambda t: t) if part["over"] == "head" else (lambda t: t[None, :, None, :])
    w, b = asked.parameter(name, "weight"), asked.parameter(name, "bias")
    if part["weight"] != "none":
        w = place(w.wide().astype("f4"))
        x = x * (1 + w if part["weight"] == "one_plus" else w)
    return x if b is None else x + place(b.wide().astype("f4"))


def turned(asked, x):
    head = protocol.whole(asked.rope)
    if asked.rope.get("rope_type", "default") != "default":
        raise protocol.Unsupported("rope_type")
    inv_freq = (asked.rope["rope_theta"] ** -(numpy.arange(0, head, 2) / head)).astype("f4")
    angle = asked.positions.astype("f4")[:, None, :, None] * inv_freq
    cos, sin = numpy.cos(angle), numpy.sin(angle)
    half = asked.rope["layout"] == "half"
    a, b = (x[..., : head // 2], x[..., head // 2 :]) if half else (x[..., ::2], x[..., 1::2])
    pair = [a * cos - b * sin, b * cos + a * sin]
    return numpy.concatenate(pair, -1) if half else numpy.stack(pair, -1).reshape(x.shape)


def cast(asked, name, x, out):
    part = asked.quantize
    kind = numpy.dtype(getattr(ml_dtypes, protocol.EIGHT[part["format"]]))
    largest, how = numpy.float32(ml_dtypes.finfo(kind).max), part["scale"]
    blocks = x.reshape(*x.shape[:3], -1, asked.groups(name))
    if how == "given":
        scale = asked.parameter(name, "scale").bits
    else:
        amax = abs(blocks).max(asked.blocks(name))
        scale = numpy.asarray(amax / largest, "f4")
        if how == "amax_pow2":
            scale = numpy.asarray(chaining.power_of_two(scale))
        scale = numpy.where(amax == 0, numpy.float32(1), scale)
        out[name + "_scale"] = scale
    y = (blocks / asked.spread(scale)).reshape(x.shape)
    return to_eight(y, kind, part.get("overflow", "saturate") == "saturate", largest)


def to_eight(y, kind, saturate, largest):
    if options.cast == "onnx":
        return by_onnx(y, kind, saturate)
    if saturate:
        y = numpy.clip(y, -largest, largest)
    if options.cast == "jax":
        import jax.numpy as jnp

        return numpy.asarray(jnp.asarray(y).astype(kind))
    return y.astype(kind)


def by_onnx(y, kind, saturate):
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    number = helper.np_dtype_to_tensor_dtype(kind)
    node = helper.make_node("Cast", ["x"], ["y"], to=number, saturate=int(saturate))
    value = helper.make_tensor_value_info
    graph = helper.make_graph([node], "cast", [value("x", TensorProto.FLOAT, [None] * 4)], [value("y", number, [None] * 4)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    return ReferenceEvaluator(model).run(None, {"x": y})[0].view(kind)


def chain(config, input, dtype):
    asked = chaining.Question(config, input)
    made, out = {}, {}
    for name, part in asked.tensors.items():
        x = part.wide().astype("f4")
        for stage in asked.order:
            if stage == "norm" and asked.normed(name):
                x = normed(asked, name, x)
            elif stage == "rotate" and name != "v":
                x = turned(asked, x)
        made[name] = cast(asked, name, x, out) if asked.quantized(name) else x.astype(NARROW[dtype])
    reply = asked.outputs(made)
    asked.check()
    return dict(reply, **out)


protocol.serve(
    {"ml_dtypes": "numpy-chain", "jax": "jax-cast-chain", "onnx": "onnx-cast-chain"}[options.cast],
    {"chain": chain},
    package={"jax": "jax", "onnx": "onnx"}.get(options.cast, "ml_dtypes"),
    homepage="https://github.com/jax-ml/ml_dtypes",
    dtypes=["f32", "bf16", "f16"],
    directions=["forward"],
    partial=False,
)
