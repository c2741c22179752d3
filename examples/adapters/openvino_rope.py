"""OpenVINO: the rotation of a Hugging Face model as a graph, which its CPU plugin fuses into one RoPE operation.

The frequencies are a constant of the graph, as in an export; `layout` decides which of the patterns that it knows.
"""

import json

import numpy
import openvino
import openvino.opset13 as op
import protocol

core = openvino.Core()
kept = {}


def numbers(*values):
    return op.constant(numpy.array(values))


def build(head, theta, half):
    x = op.parameter([-1, -1, -1, head], numpy.float32)
    positions = op.parameter([-1, -1], numpy.int64)
    freqs = 1 / theta ** (numpy.arange(0, head, 2, dtype="f4") / head)
    batch = op.gather(op.shape_of(positions), numbers(0), op.constant(numpy.array(0)))
    wide = op.broadcast(op.constant(freqs.astype("f4").reshape(1, -1, 1)), op.concat([batch, numbers(head // 2), numbers(1)], 0))
    angles = op.transpose(op.matmul(wide, op.convert(op.unsqueeze(positions, numbers(1)), "f32"), False, False), numbers(0, 2, 1))
    if half:
        both = op.concat([angles, angles], -1)
        part = lambda a, b: op.slice(x, numbers(a), numbers(b), numbers(1), numbers(3))
        turned = op.concat([op.multiply(part(head // 2, 2**62), op.constant(numpy.float32(-1))), part(0, head // 2)], -1)
    else:
        flat = op.reshape(op.unsqueeze(angles, numbers(-1)), numbers(0, 0, head // 2, 1), True)
        both = op.reshape(op.broadcast(flat, op.concat([op.shape_of(angles), numbers(2)], 0)), numbers(0, 0, head), True)
        part = lambda a: op.slice(x, numbers(a), numbers(2**62), numbers(2), numbers(3))
        pairs = [op.unsqueeze(y, numbers(-1)) for y in (op.multiply(part(1), op.constant(numpy.float32(-1))), part(0))]
        turned = op.reshape(op.concat(pairs, -1), numbers(0, 0, 0, head), True)
    cos, sin = (op.unsqueeze(f(both), numbers(1)) for f in (op.cos, op.sin))
    y = op.add(op.multiply(x, cos), op.multiply(turned, sin))
    return core.compile_model(openvino.Model([y], [x, positions], "rope"), "CPU")


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, half = protocol.whole(config), config["layout"] == "half"
    if config.get("rope_type", "default") != "default" or head % 2:
        raise protocol.Unsupported("rope_type")
    grid = protocol.positions(input, rank=2)
    key = json.dumps([head, config["rope_theta"], half])
    if key not in kept:
        kept[key] = build(head, config["rope_theta"], half)
    given = {name: part.numpy() for name, part in protocol.tensors(input, grid).items()}
    return {name: kept[key]([x, grid])[0] if x.size else x for name, x in given.items()}


protocol.serve(
    "openvino",
    {"rotate": rotate},
    package="openvino",
    homepage="https://github.com/openvinotoolkit/openvino",
    dtypes=["f32"],
    layouts=["interleaved", "half"],
    rope_types=["default"],
    directions=["forward"],
    axes=[1],
    mrope=False,
    partial=False,
)
