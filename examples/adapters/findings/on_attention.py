"""Findings in attention and in what is fused around it: PyTorch, JAX, MLX, ONNX, ggml, Transformers."""

import os
import pathlib
import sys

import mpmath
import numpy
import torch
from evidence import apart, finding, main, outcome, random

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))


def exact(q, k, v, left, scale=None, softcap=None, bias=None):
    """softmax(scale·⟨q, k⟩ …) v of [seq, width] by mpmath; 0 for a query without keys. And the logarithms."""
    q, k, v = (numpy.asarray(x, "f8") for x in (q, k, v))
    scale = 1 / mpmath.sqrt(q.shape[1]) if scale is None else mpmath.mpf(scale)
    out, lse = numpy.zeros((len(q), v.shape[1])), numpy.full(len(q), -numpy.inf)
    for i in range(len(q)):
        weights = {}
        for j in numpy.flatnonzero(left[i]):
            s = scale * mpmath.fdot(map(mpmath.mpf, q[i].tolist()), map(mpmath.mpf, k[j].tolist()))
            s = s if softcap is None else softcap * mpmath.tanh(s / softcap)
            weights[j] = mpmath.exp(s if bias is None else s + mpmath.mpf(float(bias[i][j])))
        if weights:
            total = mpmath.fsum(weights.values())
            out[i] = [float(mpmath.fsum(w * mpmath.mpf(v[j, d]) for j, w in weights.items()) / total) for d in range(v.shape[1])]
            lse[i] = float(mpmath.log(total))
    return out, lse


def survives(function):
    """None where a function returns in a process of its own, else the signal that ended it."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            function()
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None


# The first query is before both keys.
LEFT = numpy.array([[False, False], [True, True]])


def sample():
    q, k, v = random(2, 8), random(2, 8) * 0.5, random(2, 8) + 1
    want, lse = exact(q, k, v, LEFT)
    return q, k, v, want, lse


@finding(131, "PyTorch: the flash operator of a CPU ends the process where there are no keys")
def flash_without_keys(claim):
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    q, none = torch.zeros(1, 1, 2, 8), torch.zeros(1, 1, 0, 8)
    claim(survives(lambda: flash(q, none, none)) == 8, "_scaled_dot_product_flash_attention_for_cpu with 0 keys: SIGFPE, no exception")
    public = torch.nn.functional.scaled_dot_product_attention
    claim(apart(public(q, none, none), 0) == 0, "scaled_dot_product_attention chooses another operator then, and answers 0")


@finding(132, "PyTorch: the flash operator of a CPU says 0 for the logarithm of an empty sum")
def flash_logarithm(claim):
    q, k, v, want, lse = sample()
    put = lambda x: torch.from_numpy(x)[None, None]
    mask = torch.zeros(2, 2).masked_fill(~torch.from_numpy(LEFT), -torch.inf)
    out, got = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(put(q), put(k), put(v), attn_mask=mask)
    claim(apart(out[0, 0], want) < 1e-6 and abs(float(got[0, 0, 1]) - lse[1]) < 1e-6, "values are right, and so is the logarithm of a query with keys")
    claim(float(got[0, 0, 0]) == 0, "a query without keys: lse 0, where the sum is 0 and its logarithm −∞")
    # What ring attention does with two parts: weights e^lse.
    both = torch.logaddexp(got[0, 0], torch.tensor([lse[1], lse[1]], dtype=torch.float32))
    merged = torch.exp(got[0, 0, 0] - both[0]) * out[0, 0, 0] + torch.exp(torch.tensor(lse[1]) - both[0]) * torch.from_numpy(want[1])
    off = apart(merged, want[1])
    claim(off > 0.1, "merged with a part that has keys, as context parallelism does, the answer is off by %.2f" % off)
    from torch.nn.attention.flex_attention import AuxRequest, create_block_mask, flex_attention

    left = torch.from_numpy(LEFT)
    mask = create_block_mask(lambda b, h, i, j: left[i, j], None, None, 2, 2, device="cpu")
    flex = flex_attention(put(q), put(k), put(v), block_mask=mask, return_aux=AuxRequest(lse=True))[1].lse
    claim(float(flex[0, 0, 0]) == -numpy.inf, "flex_attention says −∞")


def averages(claim, name, out, v, want):
    off = apart(out[0], v.mean(0))
    claim(off < 1e-5, "%s: a query all of whose keys are masked gets their mean (off from it by %.0e)" % (name, off))
    claim(apart(out[1], want[1]) < 1e-5, "%s: the other query is right" % name)


@finding(133, "MLX, JAX, Transformers: a query without keys gets the mean of what is masked")
def mean_of_masked(claim):
    q, k, v, want, lse = sample()
    import mlx.core as mx

    mx.set_default_device(mx.cpu)
    put = lambda x: mx.array(x)[None, None]
    out = mx.fast.scaled_dot_product_attention(put(q), put(k), put(v), scale=8**-0.5, mask=mx.array(LEFT))
    averages(claim, "MLX, booleans", numpy.array(out)[0, 0], v, want)
    numbers = mx.array(numpy.where(LEFT, 0, -numpy.inf).astype("f4"))
    out = mx.fast.scaled_dot_product_attention(put(q), put(k), put(v), scale=8**-0.5, mask=numbers)
    claim(bool(numpy.isnan(numpy.array(out)[0, 0, 0]).all()), "MLX, numbers with −∞: NaN")
    import jax

    row = lambda x: x[None, :, None]
    out, got = jax.nn.dot_product_attention(row(q), row(k), row(v), mask=LEFT[None, None], return_residual=True)
    averages(claim, "JAX, mask", numpy.asarray(out)[0, :, 0], v, want)
    claim(-numpy.inf < float(got[0, 0, 0]) < -1e38, "JAX: its logarithm is %.3g, a finite number" % float(got[0, 0, 0]))
    none = numpy.array([0], "i4")
    out = jax.nn.dot_product_attention(row(q), row(k), row(v), key_value_seq_lengths=none)
    claim(apart(numpy.asarray(out)[0, :, 0], numpy.broadcast_to(v.mean(0), v.shape)) < 1e-5, "JAX, key_value_seq_lengths 0: the mean of the padding, for every query")
    from types import SimpleNamespace

    from transformers.models.gemma2.modeling_gemma2 import eager_attention_forward

    put = lambda x: torch.from_numpy(x)[None, None]
    mask = torch.zeros(1, 1, 2, 2).masked_fill(~torch.from_numpy(LEFT), torch.finfo(torch.float32).min)
    layer = SimpleNamespace(num_key_value_groups=1, training=False, head_dim=8)
    out = eager_attention_forward(layer, put(q), put(k), put(v), mask)[0]
    averages(claim, "Transformers, eager", out[0, :, 0].numpy(), v, want)
    out = torch.nn.functional.scaled_dot_product_attention(put(q), put(k), put(v), attn_mask=torch.from_numpy(LEFT))
    claim(apart(out[0, 0], want) < 1e-6, "PyTorch's scaled_dot_product_attention, which Transformers uses by default: 0")


def onnx_model(kind, opset, **attributes):
    from onnx import TensorProto, helper

    value = lambda name: helper.make_tensor_value_info(name, getattr(TensorProto, kind), [None] * 4)
    node = helper.make_node("Attention", ["Q", "K", "V"], ["Y"], **attributes)
    graph = helper.make_graph([node], "attention", [value(name) for name in "QKV"], [value("Y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def onnx_attention(q, k, v, opset=24, kind="DOUBLE", **attributes):
    from onnx.reference import ReferenceEvaluator

    put = lambda x: numpy.ascontiguousarray(x)[None, None]
    return ReferenceEvaluator(onnx_model(kind, opset, **attributes)).run(None, {"Q": put(q), "K": put(k), "V": put(v)})[0][0, 0]


@finding(134, "onnx's reference evaluator: float64 with a `scale` has the accuracy of float32")
def onnx_double(claim):
    q, k, v = (random(*shape).astype("f8") for shape in ((2, 8), (3, 8), (3, 8)))
    every = numpy.ones((2, 3), bool)
    plain = apart(onnx_attention(q, k, v), exact(q, k, v, every)[0])
    claim(plain < 1e-15, "without attributes it is off by %.0e" % plain)
    off = apart(onnx_attention(q, k, v, scale=0.125), exact(q, k, v, every, 0.125)[0])
    claim(1e-10 < off < 1e-6, "scale 0.125, a power of two: off by %.0e, for its square root is taken in float32" % off)
    off = apart(onnx_attention(q, k, v, scale=0.25), exact(q, k, v, every, 0.25)[0])
    claim(off < 1e-15, "scale 0.25, whose root float32 holds: off by %.0e" % off)


@finding(135, "onnx, ONNX Runtime, OpenVINO, flex_attention: no keys are an error")
def errors_without_keys(claim):
    q, none = random(2, 8), numpy.zeros((0, 8), "f4")
    claim(outcome(lambda: onnx_attention(q, none, none, kind="FLOAT")) == "ValueError", "onnx's reference evaluator: ValueError, an empty maximum")
    import onnxruntime

    def run():
        model = onnx_model("FLOAT", 24)
        quiet = onnxruntime.SessionOptions()
        quiet.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), quiet, providers=["CPUExecutionProvider"])
        return session.run(None, {"Q": q[None, None], "K": none[None, None], "V": none[None, None]})

    claim(outcome(run) == "Fail", "ONNX Runtime: an error about kv_sequence_length")
    import openvino
    from openvino import opset13

    def compiled(queries, causal):
        rows = [numpy.ones((1, 1, n, 8), "f4") for n in (queries, 0, 0)]
        nodes = [opset13.parameter(list(x.shape), x.dtype) for x in rows]
        model = openvino.Model([opset13.scaled_dot_product_attention(*nodes, causal=causal)], nodes)
        return openvino.Core().compile_model(model, "CPU")(rows)[0]

    claim(outcome(lambda: compiled(1, True)) == "RuntimeError", "OpenVINO, one query, causal: RuntimeError, object is not initialized")
    claim(apart(compiled(1, False), 0) == 0 == apart(compiled(2, True), 0), "OpenVINO, not causal, or two queries: 0")
    from torch.nn.attention.flex_attention import flex_attention

    put = lambda x: torch.from_numpy(x)[None, None]
    claim(outcome(lambda: flex_attention(put(q), put(none), put(none))) == "IndexError", "flex_attention, not compiled: IndexError")


def ggml_attended(q, k, v, mask):
    import ggml_library
    from ggml_library import F, P, base

    base.ggml_flash_attn_ext.restype, base.ggml_flash_attn_ext.argtypes = P, [P, P, P, P, P, F, F, F]
    context = base.ggml_init(ggml_library.Params(64 << 20, None, False))
    put = lambda x, kind: ggml_library.tensor(context, numpy.ascontiguousarray(x), kind)
    result = base.ggml_flash_attn_ext(
        context, put(q[None], "f32"), put(k[None], "f32"), put(v[None], "f32"), put(mask.astype("f2"), "f16"), q.shape[1] ** -0.5, 0.0, 0.0
    )
    out = ggml_library.compute(context, result, (len(q), v.shape[1]))
    base.ggml_free(context)
    return out


@finding(136, "ggml: what flash_attn_ext adds to scores is f16")
def ggml_mask(claim):
    q, k, v = random(2, 8), random(3, 8), random(3, 8)
    bias = (random(2, 3) * 8).astype("f4")
    every = numpy.ones((2, 3), bool)
    off = apart(ggml_attended(q, k, v, bias), exact(q, k, v, every, bias=bias)[0])
    claim(off > 1e-4, "f32 throughout, with a bias of T5's size in the mask: off by %.0e" % off)
    rounded = bias.astype("f2").astype("f4")
    off = apart(ggml_attended(q, k, v, rounded), exact(q, k, v, every, bias=rounded)[0])
    claim(off < 1e-6, "with a bias that f16 holds: off by %.0e" % off)


@finding(137, "JAX: dot_product_attention in float64 takes its softmax in float32, and keeps its logarithm in the format of the keys")
def jax_formats(claim):
    import jax

    q, k, v = (random(*shape).astype("f8") for shape in ((2, 8), (3, 8), (3, 8)))
    row = lambda x: x[None, :, None]
    want, lse = exact(q, k, v, numpy.ones((2, 3), bool))
    jax.config.update("jax_enable_x64", True)
    try:
        out = jax.nn.dot_product_attention(row(q), row(k), row(v))
        off = apart(numpy.asarray(out)[0, :, 0], want)
        claim(out.dtype == "float64" and 1e-10 < off < 1e-6, "float64 in, float64 out, off by %.0e" % off)
    finally:
        jax.config.update("jax_enable_x64", False)
    short = [row(x).astype(jax.numpy.bfloat16) for x in (q, k, v)]
    got = jax.nn.dot_product_attention(*short, return_residual=True)[1]
    claim(str(got.dtype) == "bfloat16", "bfloat16 keys: a logarithm in bfloat16; e^lse is then off by up to %.1f %%" % (100 * 2**-9 * abs(lse).max()))


@finding(138, "PyTorch: a cast to float8_e4m3fn saturates, casts to the three other formats do not")
def casts(claim):
    import ml_dtypes

    beyond = torch.tensor([1e6, numpy.inf])
    found = {kind: beyond.to(getattr(torch, "float8_" + kind)).float().tolist() for kind in ("e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz")}
    claim(found["e4m3fn"] == [448, 448], "e4m3fn: 1e6 and ∞ become 448")
    claim(found["e5m2"] == [numpy.inf, numpy.inf], "e5m2: ∞")
    claim(all(numpy.isnan(found[kind]).all() for kind in ("e4m3fnuz", "e5m2fnuz")), "e4m3fnuz, e5m2fnuz: NaN")
    other = numpy.array([1e6, numpy.inf], "f4").astype(ml_dtypes.float8_e4m3fn).astype("f4")
    claim(numpy.isnan(other).all(), "ml_dtypes, and with it numpy and JAX: e4m3fn is NaN as well")


main()
