"""ggml's attention on a CPU, through ctypes: `--how flash` is ggml_flash_attn_ext, `--how softmax` the graph of
llama.cpp without it (mul_mat, soft_max_ext, mul_mat). Softcap, sinks and ALiBi's max_bias are ggml's own.

Queries are f32 (f16 ones are widened, exactly, and the f32 that comes out is cast back); keys and values are as they are.
ggml multiplies a mask of distances by the slopes that it makes from `max_bias`; masks of `flash` are f16, so
distances beyond 2048 are rounded, and declined here, as is such a bias of T5, which goes into the mask.
"""

import attending
import ggml_library
import numpy
import protocol
from ggml_library import F, P, base

options = protocol.arguments(how=["flash", "softmax"])

for name, takes in [
    ("ggml_flash_attn_ext", [P, P, P, P, P, F, F, F]),
    ("ggml_flash_attn_ext_add_sinks", [P, P]),
    ("ggml_soft_max_ext", [P, P, P, F, F]),
    ("ggml_soft_max_add_sinks", [P, P]),
    ("ggml_mul_mat", [P, P, P]),
    ("ggml_cont", [P, P]),
    ("ggml_transpose", [P, P]),
    ("ggml_scale", [P, P, F]),
    ("ggml_tanh", [P, P]),
]:
    function = getattr(base, name)
    function.restype, function.argtypes = P, takes
base.ggml_flash_attn_ext_add_sinks.restype = base.ggml_soft_max_add_sinks.restype = None


def attention(config, input, dtype):
    asked = attending.Question(config, input, take=("softcap", "sinks"))
    kind = asked.one_format()
    if kind != dtype:
        raise protocol.Unsupported("mixed formats")
    if not asked.grouped():
        raise protocol.Unsupported("heads that are no multiple of the key heads")
    top, bias = 0.0, asked.bias()
    if asked.alibi is not None:
        if asked.t5 is not None or asked.alibi["slopes"] != "code" or "head_dim" in asked.alibi:
            raise protocol.Unsupported("another bias than ALiBi's own")
        # ggml multiplies by the slopes.
        top = float(asked.alibi.get("alibi_bias_max", 8))
        bias = numpy.rint(bias / attending.slopes_of(asked.alibi)[None, :, None, None])[:, :1]
    asked.check()
    config.check()
    input.check()
    allowed = asked.allowed()[:, None]
    if bias is None:
        mask = None if allowed.all() and not top else numpy.where(allowed, 0.0, -numpy.inf)
    else:
        mask = numpy.where(allowed, bias, -numpy.inf)
    if mask is not None and options.how == "flash" and bias is not None and (mask.astype("f2").astype("f8") != mask).any():
        raise protocol.Unsupported("a bias that is no f16 number: the mask is f16")
    if not asked.keys:
        raise protocol.Unsupported("no keys: ggml has no empty tensors")
    q = asked.q.wide().astype("f4")
    made = numpy.empty((asked.batch, asked.heads, asked.queries, asked.width), "f4")
    for b in range(asked.batch):
        made[b] = call(asked, kind, q[b], asked.k.bits[b], asked.v.bits[b], None if mask is None else mask[b], top)
    return {"out": made.astype("f2") if dtype == "f16" else made}


def call(asked, kind, q, k, v, mask, top):
    context = base.ggml_init(ggml_library.Params((q.nbytes + k.nbytes + v.nbytes) * 16 + (64 << 20), None, False))
    try:
        tensor = lambda x, d: ggml_library.tensor(context, numpy.ascontiguousarray(x), d)
        a, keys, values = tensor(q, "f32"), tensor(k, kind), tensor(v, kind)
        flash = options.how == "flash"
        place = None if mask is None else tensor(mask.astype("f2" if flash else "f4"), "f16" if flash else "f32")
        sinks = None if asked.sinks is None else tensor(asked.sinks.wide().astype("f4"), "f32")
        scale, cap = asked.factor(), asked.softcap or 0.0
        if flash:
            result = base.ggml_flash_attn_ext(context, a, keys, values, place, scale, top, cap)
            if sinks is not None:
                base.ggml_flash_attn_ext_add_sinks(result, sinks)
        else:
            scores = base.ggml_mul_mat(context, keys, a)
            if cap:
                scores = base.ggml_scale(context, scores, scale / cap)
                scores = base.ggml_scale(context, base.ggml_tanh(context, scores), cap)
                scale = 1.0
            weights = base.ggml_soft_max_ext(context, scores, place, scale, top)
            if sinks is not None:
                base.ggml_soft_max_add_sinks(weights, sinks)
            result = base.ggml_mul_mat(context, base.ggml_cont(context, base.ggml_transpose(context, values)), weights)
        if flash:
            return ggml_library.compute(context, result, (asked.queries, asked.heads, asked.width)).transpose(1, 0, 2)
        return ggml_library.compute(context, result, (asked.heads, asked.queries, asked.width))
    finally:
        base.ggml_free(context)


protocol.serve(
    "ggml-attention-" + options.how,
    {"attention": attention},
    number=ggml_library.number,
    language="C",
    homepage="https://github.com/ggml-org/ggml",
    dtypes=["f32", "f16"],
)
