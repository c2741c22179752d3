"""Findings in ONNX Runtime and in the reference evaluator of the onnx package."""

import numpy
import onnxruntime
from evidence import apart, finding, frequencies, main, outcome, random, rotated
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

onnxruntime.set_default_logger_severity(4)
ANGLES = numpy.outer(numpy.arange(16), [float(f) for f in frequencies(8)])
COS, SIN = numpy.cos(ANGLES).astype("f4"), numpy.sin(ANGLES).astype("f4")
IDS = numpy.array([[0, 1, 2, 3], [5, 6, 7, 8]])
X = random(2, 3, 4, 8)


def turn(runtime, x, ids, cos, sin, dtype=TensorProto.FLOAT, **attributes):
    """RotaryEmbedding: `runtime` is reference, onnx (opset 23 in ONNX Runtime) or contrib (com.microsoft)."""
    contrib = runtime == "contrib"
    names = ["x", "ids", "cos", "sin"] if contrib else ["x", "cos", "sin", "ids"]
    node = helper.make_node("RotaryEmbedding", names, ["y"], domain="com.microsoft" if contrib else "", **attributes)
    value = lambda name, rank, kind: helper.make_tensor_value_info(name, kind, [None] * rank)
    known = {"x": value("x", x.ndim, dtype), "cos": value("cos", 2, dtype), "sin": value("sin", 2, dtype), "ids": value("ids", 2, TensorProto.INT64)}
    graph = helper.make_graph([node], "g", [known[n] for n in names], [value("y", x.ndim, dtype)])
    opsets = [helper.make_opsetid("", 23)] + ([helper.make_opsetid("com.microsoft", 1)] if contrib else [])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    feeds = {"x": x, "ids": ids, "cos": cos, "sin": sin}
    if runtime == "reference":
        return ReferenceEvaluator(model).run(None, feeds)[0]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


@finding(52, "ONNX Runtime: an odd rotated width leaves one element of every head uninitialised")
def odd(claim):
    for runtime in ("onnx", "contrib"):
        for width, rotary in ((7, 0), (8, 5)):
            x, half = numpy.ones((8, 8, 16, width), "f4"), (rotary or width) // 2
            extra = {"rotary_embedding_dim": rotary} if rotary else {}
            if runtime == "contrib" and rotary:
                extra["num_heads"] = 8
            ids = numpy.tile(numpy.arange(16), (8, 1))
            y = turn(runtime, x, ids, numpy.ones((16, half), "f4"), numpy.zeros((16, half), "f4"), **extra)
            last = y[..., 2 * half]
            claim((last != 1).any(), "%s, width %d, rotary_embedding_dim %d: the identity's table, ones in; element %d is %s … in %d of %d rows" % (
                runtime, width, rotary, 2 * half, ", ".join("%.3g" % v for v in last[last != 1][:3]), (last != 1).sum(), last.size))
    seen = set()
    for _ in range(40):
        y = turn("onnx", numpy.ones((1, 2, 3, 7), "f4"), IDS[:1, :3], numpy.ones((16, 3), "f4"), numpy.zeros((16, 3), "f4"))
        seen.update(float(v) for v in y[..., 6].ravel() if v != 1)
    claim(len(seen) > 1, "40 small calls: %d other values, among them %s" % (len(seen), ", ".join("%.3g" % v for v in sorted(seen, key=abs)[-3:])))
    claim(outcome(lambda: turn("reference", numpy.ones((1, 2, 3, 7), "f4"), IDS[:1, :3], COS[:, :3], SIN[:, :3])) == "ValueError", "the reference evaluator refuses an odd width")


@finding(53, "ONNX Runtime: the scale attribute of com.microsoft RotaryEmbedding has no effect")
def scale(claim):
    plain = turn("contrib", X, IDS, COS, SIN)
    for value in (2.0, 0.5):
        claim((turn("contrib", X, IDS, COS, SIN, scale=value) == plain).all(), "scale=%g: the same bits as without (its schema: custom scale will be used if specified)" % value)


@finding(54, "onnx reference evaluator: a negative position id reads the end of the table")
def negative(claim):
    ids = IDS.copy()
    ids[0, 3] = -1
    y = turn("reference", X, ids, COS, SIN)
    claim(apart(y[0, :, 3], rotated(X[0, :, 3:], [15], "half")[:, 0]) < 1e-6, "id -1 is rotated as 15, the last row")
    claim(outcome(lambda: turn("onnx", X, ids, COS, SIN)) == "InvalidArgument", "ONNX Runtime refuses it")


@finding(55, "onnx reference evaluator: shapes and types that the operator's definition forbids are broadcast and promoted")
def loose(claim):
    import ml_dtypes

    y = turn("reference", X, IDS[:1], COS, SIN)
    claim(y.shape == X.shape, "position_ids of one row for two: broadcast")
    claim(outcome(lambda: turn("onnx", X, IDS[:1], COS, SIN)) == "InvalidArgument", "ONNX Runtime refuses it")
    y = turn("reference", X.astype(ml_dtypes.bfloat16), IDS, COS, SIN, dtype=TensorProto.BFLOAT16)
    claim(y.dtype == numpy.float32, "bf16 input with an f32 table: an f32 output from a node declared bf16")


@finding(68, "ONNX Runtime: more tokens than the table has rows is an error, though every id is inside")
def rows(claim):
    x, ids = random(1, 2, 64, 8), numpy.arange(64)[None] % 16
    for runtime in ("onnx", "contrib"):
        said = outcome(lambda: turn(runtime, x, ids, COS, SIN))
        claim(said == "RuntimeException", "%s, 64 tokens with ids 0…15 (packed documents) and 16 rows: %s, Updating cos_cache … is not currently supported" % (runtime, said))
    claim(turn("reference", x, ids, COS, SIN).shape == x.shape, "the reference evaluator answers")


main()
