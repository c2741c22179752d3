"""Findings in tinygrad."""

import pathlib
import sys
import tempfile
import types

import gguf
import numpy
from evidence import finding, frequencies, main
from tinygrad import Tensor, dtypes, nn
from tinygrad.helpers import Context

# The wheel of 0.14.0 lacks tinygrad.llm.kernels, which the model module imports for AMD cards only.
try:
    from tinygrad.llm import model
except ModuleNotFoundError:
    stub = types.ModuleType("tinygrad.llm.kernels.amd")
    stub.Linear, stub.gated_delta_prefill, stub.flash_attention = nn.Linear, None, None
    stub.amd_custom_kernels_supported = lambda *_: False
    sys.modules["tinygrad.llm.kernels"] = types.ModuleType("tinygrad.llm.kernels")
    sys.modules["tinygrad.llm.kernels.amd"] = stub
    from tinygrad.llm import model


def llama(path, scaled):
    """A tiny Llama 3.1 as llama.cpp's converter writes it: the scaling is in the tensor rope_freqs.weight."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(128)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(500000.0)
    writer.add_rope_dimension_count(128)
    writer.add_token_list(["a", "b"])
    shapes = {
        "token_embd": (2, 128), "output": (2, 128), "blk.0.attn_q": (128, 128), "blk.0.attn_k": (128, 128), "blk.0.attn_v": (128, 128),
        "blk.0.attn_output": (128, 128), "blk.0.ffn_gate": (32, 128), "blk.0.ffn_up": (32, 128), "blk.0.ffn_down": (128, 32),
    }
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        shapes[name] = (128,)
    for name, shape in shapes.items():
        writer.add_tensor(name + ".weight", numpy.ones(shape, "f4"))
    if scaled:
        factors = []
        for f in frequencies(128, 500000):
            wave = float(2 * numpy.pi / float(f))
            smooth = (8192 / wave - 1) / 3
            factors.append(1.0 if wave < 2048 else 8.0 if wave > 8192 else 1 / ((1 - smooth) / 8 + smooth))
        writer.add_tensor("rope_freqs.weight", numpy.array(factors, "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@finding(59, "tinygrad: the frequency factors of a GGUF file (rope_freqs.weight: Llama 3.1 and later) are not used")
def factors(claim):
    tables = []
    for scaled in (False, True):
        path = pathlib.Path(tempfile.mkdtemp()) / "model.gguf"
        llama(path, scaled)
        made, _ = model.Transformer.from_gguf(Tensor(path), 256)
        block = made.blk[0]
        block._init_state(Tensor.zeros(1, 1, 128))
        tables.append(block.freqs_cis.numpy())
    claim((tables[0] == tables[1]).all(), "the tables of a file with and without the factors are the same bits")
    angle = float(numpy.arctan2(tables[1][1, 127], tables[1][1, 63]))
    right = float(frequencies(128, 500000)[63]) / 8
    claim(abs(angle / right - 8) < 1e-2, "the slowest pair turns by %.3e, %.3e is right" % (angle, right))


@finding(60, "tinygrad: cos is sin(pi/2 - x) with the difference in f32, so the table is no rotation at large positions")
def norm(claim):
    table = model.precompute_freqs_cis(128, 131072, 10000.0).numpy().astype("f8")
    size = numpy.abs(table[:, :64] ** 2 + table[:, 64:] ** 2 - 1).max(axis=1)
    for at, least in ((1000, 1e-6), (32767, 1e-4), (131071, 1e-4)):
        worst = size[: at + 1].max()
        claim(worst > least, "up to position %d: cos² + sin² is off by %.1e" % (at, worst))


@finding(63, "tinygrad: apply_rope answers in f32, whatever the dtype of its input")
def promoted(claim):
    table = model.precompute_freqs_cis(64, 16, 10000.0)[:4]
    for dtype in (dtypes.float16, dtypes.bfloat16):
        y = model.apply_rope(Tensor.ones(1, 1, 4, 64, dtype=dtype), table)
        claim(y.dtype == dtypes.float32, "%s in, %s out" % (dtype.name, y.dtype.name))


@finding(77, "tinygrad: precompute_freqs_cis computes in the default float, and is cached without it")
def default_float(claim):
    f = numpy.array([float(v) for v in frequencies(64)])
    plain = model.precompute_freqs_cis(64, 4096, 10000.0)
    with Context(DEFAULT_FLOAT="HALF"):
        kept = model.precompute_freqs_cis(64, 4096, 10000.0)
        claim(kept.dtype == plain.dtype, "made in f32, then asked for under DEFAULT_FLOAT=HALF: the f32 table")
        half = model.precompute_freqs_cis(64, 4096, 10000.5).numpy().astype("f8")
    for at, least in ((100, 0.02), (2047, 0.3), (4095, 0.5)):
        off = numpy.abs(half[at, :32] * numpy.sin(at * f) - half[at, 32:] * numpy.cos(at * f)).max()
        claim(off > least, "a table made under HALF is off by %.2f rad at position %d" % (off, at))


main()
