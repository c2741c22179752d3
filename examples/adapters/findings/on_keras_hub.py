"""Findings in keras-hub."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_hub
import numpy
from evidence import apart, finding, frequencies, main, outcome, random, rotated
from keras_hub.src.models.llama.llama_rotary_embedding import LlamaRotaryEmbedding

Rotary = keras_hub.layers.RotaryEmbedding


def angles(layer, width=64):
    """The angles at position 1, seen through the layer's call."""
    x = numpy.zeros((1, 1, 1, width), "f4")
    x[..., : width // 2] = 1
    y = numpy.asarray(layer(x, start_index=1))[0, 0, 0].astype("f8")
    return numpy.arctan2(y[width // 2 :], y[: width // 2])


@finding(13, 'keras-hub: rope_type="dynamic" divides every frequency by factor^(d/(d-2))')
def dynamic(claim):
    got = angles(Rotary(rope_type="dynamic", scaling_factor=2.0))
    plain = numpy.array([float(f) for f in frequencies(64)])
    want = numpy.array([float(f) for f in frequencies(64, 10000 * 2 ** (64 / 62))])
    claim(abs(got[0] - 0.48894) < 1e-4, "factor 2: pair 0 turns by %.4f, 1 is right for every NTK rule" % got[0])
    claim(numpy.ptp(got / plain) < 1e-5, "all pairs are divided by the same %.4f" % (plain / got)[0])
    claim(abs((want / plain)[31] - 0.5) < 1e-6, "NTK divides them by 1 (pair 0) to %.4f (the last)" % (plain / want)[31])


@finding(14, "keras-hub: an unknown rope_type is accepted and means no scaling")
def unknown(claim):
    x = random(1, 6, 1, 64)
    for name in ("llama3", "longrope", "yarnn", None):
        y = Rotary(rope_type=name, scaling_factor=8.0)(x)
        claim(bool((numpy.asarray(y) == numpy.asarray(Rotary()(x))).all()), "rope_type=%r, factor 8: the unscaled answer, bit for bit" % (name,))


@finding(15, "keras-hub: LlamaRotaryEmbedding ignores position_scaling_factor")
def llama(claim):
    got = angles(LlamaRotaryEmbedding(position_scaling_factor=4.0))
    claim(abs(got[0] - 1) < 1e-6, "position_scaling_factor=4: pair 0 turns by %.3f at position 1, 0.25 is right" % got[0])
    claim(abs(angles(Rotary(scaling_factor=4.0))[0] - 0.25) < 1e-6, "the base class with scaling_factor=4 turns by 0.25")


@finding(16, "keras-hub: LlamaRotaryEmbedding cannot be rebuilt from its own config")
def config(claim):
    layer = LlamaRotaryEmbedding(
        frequency_adjustment_factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, pretraining_sequence_length=8192
    )
    claim(outcome(lambda: LlamaRotaryEmbedding.from_config(layer.get_config())) == "TypeError", "from_config(get_config()) raises TypeError")
    left = {"original_max_embeddings", "scaling_factor"} & set(layer.get_config())
    claim(len(left) == 2, "get_config has %s, which the constructor does not take" % " and ".join(sorted(left)))


@finding(17, "keras-hub: SinePositionEncoding computes positions and frequencies in the compute dtype")
def sine(claim):
    def table(dtype, rows):
        return numpy.asarray(keras_hub.layers.SinePositionEncoding(dtype=dtype)(numpy.zeros((1, rows, 64), "f4")))[0].astype("f8")

    def want(rows):
        f = numpy.array([float(v) for v in frequencies(64)])
        angle = numpy.outer(numpy.arange(rows), f)
        return numpy.stack([numpy.sin(angle), numpy.cos(angle)], -1).reshape(rows, 64)

    for dtype, rows in (("bfloat16", 200), ("bfloat16", 1000), ("float16", 1000)):
        off = apart(table(dtype, rows), want(rows))
        claim(off > 0.05, "%s, %d rows: off by %.2f" % (dtype, rows, off))
    last = table("bfloat16", 1000)
    claim((last[998] == last[999]).all(), "bfloat16: rows 998 and 999 are the same")
    claim(apart(table("float32", 1000), want(1000)) < 1e-4, "float32 is right to 1e-4")


@finding(18, "keras-hub: a start_index of one entry per row is added along the sequence")
def start(claim):
    x = numpy.repeat(random(1, 6, 1, 64), 6, 0)
    y = numpy.asarray(Rotary()(x, start_index=numpy.array([0, 7, 4095, 1, 2, 3])))
    claim(bool((y[0] == y[1]).all()), "six rows, six tokens: row 1 (start 7) equals row 0 (start 0)")
    want = rotated(x[0].swapaxes(0, 1), [0, 8, 4097, 4, 6, 8], "half")
    claim(apart(y[0].swapaxes(0, 1), want) < 1e-3, "the tokens have positions 0, 8, 4097, 4, 6, 8: token t got t + start[t]")
    claim(outcome(lambda: Rotary()(x[:3], start_index=numpy.array([0, 7, 4095]))) == "TypeError", "three rows, six tokens: an error")


@finding(19, "keras-hub: YaRN ignores denominator_dim, and a factor below 1 shrinks the magnitude")
def edges(claim):
    plain = numpy.asarray(Rotary(rope_type="yarn", scaling_factor=4.0)._get_inverse_freq(64))
    other = numpy.asarray(Rotary(rope_type="yarn", scaling_factor=4.0, denominator_dim=128)._get_inverse_freq(64))
    claim((plain == other).all(), "denominator_dim=128 changes nothing for yarn")
    linear = numpy.asarray(Rotary(denominator_dim=128)._get_inverse_freq(64))
    claim(abs(linear[1] - 10000 ** (-2 / 128)) < 1e-6, "for linear it does")
    y = numpy.asarray(Rotary(rope_type="yarn", scaling_factor=0.5)(numpy.ones((1, 1, 1, 64), "f4")))[0, 0, 0, 0]
    claim(abs(y - 0.930685) < 1e-5, "factor 0.5: magnitude %.6f, where Transformers has 1 for factors up to 1" % y)


@finding(65, "keras-hub on jax: positions from 2^31 on wrap to negative ones")
def wide(claim):
    x = random(1, 1, 1, 64)
    at = lambda p: numpy.asarray(Rotary()(x, positions=numpy.array([p])))
    claim((at(2**31) == at(-(2**31))).all(), "position 2^31 has the answer of -2^31 (jax cuts int64 to int32 unless told otherwise)")
    claim(apart(at(2**32 + 5), at(5)) == 0, "position 2^32 + 5 that of 5")


@finding(74, "keras-hub: AlibiBias in bf16 gives neighbouring keys one bias, in f16 it overflows")
def alibi(claim):
    row = lambda dtype, keys: numpy.asarray(keras_hub.layers.AlibiBias(dtype=dtype)(numpy.zeros((1, 8, 1, keys), "f4")))[0, 0, 0].astype("f8")
    claim(len(set(row("bfloat16", 600))) < 500, "bfloat16, 600 keys: %d different biases for slope 1/2" % len(set(row("bfloat16", 600))))
    claim(numpy.isinf(row("float16", 140000)[0]), "float16, 140000 keys: the first bias is %s" % row("float16", 140000)[0])


main()
