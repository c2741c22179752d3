"""Findings in engines that serve models: vLLM, SGLang, LMDeploy, ExLlamaV3, tpu-inference, ONNX Runtime GenAI."""

import pathlib
import sys
import types

import mpmath
import numpy
import torch
from evidence import apart, finding, frequencies, main, outcome, random, rotated, yarn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import engines

vllm, sglang, exl, lmdeploy, tpu = engines.vllm(), engines.sglang(), engines.exllamav3(), engines.lmdeploy(), engines.tpu()


def vllm_rope(rope, width=128, longest=32768, dtype=torch.float32, served=None):
    engines.MAX_MODEL_LEN[0] = served
    return vllm.get_rope(width, longest, True, dict(rope), dtype)


def sglang_rope(rope, width=128, longest=32768, base=10000, dtype=torch.float32, neox=True):
    return sglang.get_rope(width, width, longest, base, neox, dict(rope), dtype)


def seen(turn, width=128, at=1):
    """Angles at a position and the magnitude of pair 0, seen through the call."""
    x = torch.zeros(1, width)
    x[:, : width // 2] = 1
    y = turn(torch.tensor([at]), x, x.clone())[0].double().numpy().reshape(-1)
    return numpy.arctan2(y[width // 2 :], y[: width // 2]), float(numpy.hypot(y[0], y[width // 2]))


def floats(values):
    return numpy.array([float(v) for v in values])


def longrope_magnitude(ratio, original):
    return float(mpmath.sqrt(1 + mpmath.log(ratio) / mpmath.log(original)))


QWEN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768, "rope_theta": 1000000.0}
SECTIONS = {"mrope_section": [16, 24, 24]}


@finding(78, "vLLM: YaRN with M-RoPE takes four times the original length for its ramp")
def vllm_mrope(claim):
    got, _ = seen(vllm_rope({**QWEN, **SECTIONS}))
    text, _ = seen(vllm_rope(QWEN))
    right, four = (floats(yarn(128, 1000000, 4, length)) for length in (32768, 4 * 32768))
    off = abs(got / right - 1)
    claim(abs(text / right - 1).max() < 1e-5, "the card's YaRN for Qwen2.5 without sections has the frequencies of 32768")
    claim(abs(got / four - 1).max() < 1e-5, "with mrope_section [16, 24, 24] they are those of an original length of 131072")
    claim(off.max() > 0.3, "%d of 64 pairs are off by more than 0.1 %%, pair %d by %.0f %%" % ((off > 1e-3).sum(), off.argmax(), 100 * off.max()))


@finding(79, "vLLM: rope_type dynamic scales nothing, and its table ends where scaling begins")
def vllm_dynamic(claim):
    kept = vllm_rope({"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}, longest=2048)
    plain = vllm_rope({"rope_type": "default", "rope_theta": 10000.0}, longest=2048)
    claim(torch.equal(kept.cos_sin_cache, plain.cos_sin_cache), "factor 4 of 2048: the table is that of no scaling, bit for bit")
    claim(kept.cos_sin_cache.shape[0] == 2048, "it has 2048 rows")
    x = torch.zeros(1, 128)
    claim(outcome(lambda: kept(torch.tensor([2048]), x, x)) in ("IndexError", "RuntimeError"), "forward_native: position 2048 is an error")


@finding(80, "vLLM, SGLang: rope_type linear with a whole number is a TypeError")
def whole(claim):
    rope = {"rope_type": "linear", "factor": 8, "rope_theta": 10000.0}
    claim(outcome(lambda: vllm_rope(rope)) == "TypeError", "vLLM, factor 8: TypeError, an int is not iterable; 8.0 is fine: %s" % type(vllm_rope({**rope, "factor": 8.0})).__name__)
    claim(outcome(lambda: sglang_rope(rope)) == "TypeError", "SGLang, factor 8: the same; 8.0 is fine: %s" % type(sglang_rope({**rope, "factor": 8.0})).__name__)


def longrope(**more):
    return {"rope_type": "longrope", "short_factor": [1.0] * 64, "long_factor": [4.0] * 64, "original_max_position_embeddings": 4096, "rope_theta": 10000.0, **more}


@finding(81, "vLLM, SGLang, LMDeploy, ExLlamaV3: longrope's attention_factor and factor are not read")
def magnitudes(claim):
    def of_lmdeploy(rope):
        said = types.SimpleNamespace(head_dim=128, max_position_embeddings=131072, rope_parameters=dict(rope))
        cos, sin = lmdeploy.build_rotary_embedding_from_config(said)(torch.zeros(1, 1, 128), torch.tensor([[1]]))
        return float(torch.hypot(cos, sin)[0, 0, 0])

    asked = {
        "vLLM": lambda rope: seen(vllm_rope(rope, longest=131072, served=4096))[1],
        "SGLang": lambda rope: seen(sglang_rope(rope, longest=131072))[1],
        "LMDeploy": of_lmdeploy,
        "ExLlamaV3": lambda rope: exl.RoPE("cpu", exl.RopeSettings(rope_scaling=dict(rope), max_position_embeddings=131072)).attn_factor,
    }
    ratio, four = longrope_magnitude(32, 4096), longrope_magnitude(4, 4096)
    for name, ask in asked.items():
        one, other = ask(longrope(attention_factor=1.0)), ask(longrope(factor=4.0))
        claim(abs(one - ratio) < 1e-5, "%s, attention_factor 1: magnitude %.4f" % (name, one))
        claim(abs(other - ratio) < 1e-5, "%s, factor 4: magnitude %.4f, Transformers has %.4f" % (name, other, four))


@finding(82, "vLLM, SGLang: one call in bf16 rounds the table for every later call")
def rounded(claim):
    kept = vllm_rope({"rope_type": "default", "rope_theta": 10000.0}, longest=3000)
    x = torch.from_numpy(random(1, 128))
    before = apart(kept(torch.tensor([100]), x, x)[0], rotated(x.numpy(), [100], "half"))
    kept(torch.tensor([100]), x.bfloat16(), x.bfloat16())
    after = apart(kept(torch.tensor([100]), x, x)[0], rotated(x.numpy(), [100], "half"))
    claim(before < 2e-5 and after > 1e-3, "vLLM, f32 at position 100: off by %.0e before a bf16 call, by %.0e after it" % (before, after))
    kept = sglang_rope({"rope_type": "default"}, longest=3000)
    kept._match_cos_sin_cache_dtype(x.bfloat16())
    kept._match_cos_sin_cache_dtype(x)
    after = apart(kept(torch.tensor([100]), x, x)[0], rotated(x.numpy(), [100], "half"))
    claim(after > 1e-3, "SGLang, the same function: off by %.0e" % after)


@finding(83, "SGLang: longrope gives the first token beyond the original length the rotation of position 0")
def first_beyond(claim):
    kept = sglang_rope(longrope(), longest=131072)
    angles, size = seen(kept, at=4096)
    claim(abs(angles).max() == 0 and abs(size - longrope_magnitude(32, 4096)) < 1e-5, "original length 4096, position 4096: every angle is 0, the magnitude %.4f" % size)
    x = torch.from_numpy(random(4097, 128))
    freqs = [f / 4 for f in frequencies(128)]
    right = rotated(x[-1:].numpy(), [4096], "half", freqs=freqs, magnitude=longrope_magnitude(32, 4096))
    off = apart(kept(torch.arange(4097), x, x.clone())[0][-1:], right)
    claim(off > 1, "a prompt of 4097 tokens: its last token is off by %.1f" % off)
    y = seen(kept, at=4097)[0]
    claim(abs(y[-1] - 4097 * float(freqs[-1])) < 1e-4, "position 4097 has the long factors: torch.any(positions > k), where >= is meant")


@finding(84, "SGLang: yarn does not read attention_factor")
def sglang_factor(claim):
    _, size = seen(sglang_rope({**QWEN, "attention_factor": 1.0}, base=1000000))
    claim(abs(size - float(0.1 * mpmath.log(4) + 1)) < 1e-5, "attention_factor 1: magnitude %.4f" % size)
    _, size = seen(sglang_rope({**QWEN, "attn_factor": 0.5}, base=1000000))
    claim(abs(size - 0.5 * float(0.1 * mpmath.log(4) + 1)) < 1e-5, "attn_factor 0.5, which Transformers does not know, multiplies: %.4f" % size)


@finding(85, "SGLang: YaRN with M-RoPE and mscale cannot be built")
def sglang_mscale(claim):
    rope = {**QWEN, **SECTIONS}
    got, size = seen(sglang_rope(rope, base=1000000))
    claim(abs(got / floats(yarn(128, 1000000, 4, 32768)) - 1).max() < 1e-5, "without mscale its frequencies are right")
    claim(outcome(lambda: sglang_rope({**rope, "mscale": 1.0, "mscale_all_dim": 1.0}, base=1000000)) == "TypeError", "with mscale and mscale_all_dim: TypeError; without sections both are read")


@finding(86, "SGLang: a table that is made longer forgets linear and dynamic scaling")
def longer(claim):
    x = torch.from_numpy(random(1, 128))
    for name, rope, freqs in (
        ("linear", {"rope_type": "linear", "factor": 4.0}, [f / 4 for f in frequencies(128)]),
        ("dynamic with alpha", {"rope_type": "dynamic", "alpha": 1000.0}, frequencies(128, mpmath.mpf(10000) * mpmath.mpf(1000) ** (mpmath.mpf(128) / 126))),
    ):
        kept = sglang_rope(rope, longest=1024)
        rows = kept.cos_sin_cache.shape[0]
        kept._ensure_cos_sin_cache_length(rows)
        inside = apart(kept(torch.tensor([rows - 1]), x, x)[0], rotated(x.numpy(), [rows - 1], "half", freqs=freqs))
        beyond = apart(kept(torch.tensor([rows]), x, x)[0], rotated(x.numpy(), [rows], "half", freqs=freqs))
        plain = apart(kept(torch.tensor([rows]), x, x)[0], rotated(x.numpy(), [rows], "half"))
        claim(inside < 1e-2 and beyond > 0.5, "%s: row %d is off by %.0e, row %d by %.1f" % (name, rows - 1, inside, rows, beyond))
        claim(plain < 1e-2, "row %d is that of no scaling" % rows)


@finding(87, "SGLang: the half layout of deepseek_yarn answers in another shape")
def shape(claim):
    rope = {"rope_type": "deepseek_yarn", "factor": 40.0, "original_max_position_embeddings": 4096, "mscale": 1.0, "mscale_all_dim": 1.0}
    x = torch.from_numpy(random(5, 2, 64))
    of = lambda neox: tuple(sglang_rope(rope, width=64, longest=163840, neox=neox)(torch.arange(5), x, x)[0].shape)
    claim(of(False) == (5, 2, 64), "interleaved: 5 tokens of 2 heads are (5, 2, 64)")
    claim(of(True) == (1, 5, 2, 64), "half: (1, 5, 2, 64)")


@finding(88, "SGLang: sections that do not add up are replaced, with a print")
def replaced(claim):
    kept = sglang_rope({"rope_type": "default", "mrope_section": [8, 12, 12]})
    claim(kept.mrope_section == [16, 24, 24], "[8, 12, 12] of 64 pairs becomes %s; vLLM refuses: %s" % (kept.mrope_section, outcome(lambda: vllm_rope({"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [8, 12, 12]}))))


@finding(89, "ExLlamaV3: YaRN's factor is not read, so the YaRN of Qwen's cards does nothing")
def exl_factor(claim):
    made = lambda longest: exl.RoPE("cpu", exl.RopeSettings(rope_theta=1000000.0, rope_scaling=dict(QWEN), max_position_embeddings=longest))
    kept = made(32768)
    plain = floats(frequencies(128, 1000000))
    claim(abs(kept.inv_freq.double().numpy() / plain - 1).max() < 1e-6 and kept.attn_factor == 1, "Qwen2.5 (maximum 32768, factor 4): frequencies and magnitude of no scaling")
    kept = made(40960)
    right, other = (floats(yarn(128, 1000000, s, 32768)) for s in (4, mpmath.mpf(5) / 4))
    got = kept.inv_freq.double().numpy()
    claim(abs(got / other - 1).max() < 1e-5, "Qwen3 (maximum 40960, factor 4): those of factor 1.25; the slowest pair turns %.1f times too fast" % (got / right)[-1])
    claim(abs(kept.attn_factor - 1.0223) < 1e-4, "magnitude %.4f, 1.1386 is right" % kept.attn_factor)


@finding(90, "ExLlamaV3: mscale and mscale_all_dim are not read unless the architecture asks for it")
def exl_mscale(claim):
    rope = {**QWEN, "mscale": 1.0, "mscale_all_dim": 1.0}
    kept = exl.RoPE("cpu", exl.RopeSettings(rope_theta=1000000.0, rope_scaling=rope, max_position_embeddings=131072))
    claim(abs(kept.attn_factor - 1.1386) < 1e-4, "both 1: magnitude %.4f, Transformers has 1" % kept.attn_factor)


@finding(91, "ExLlamaV3: apply_torch answers in f16, whatever it is given")
def exl_half(claim):
    kept = exl.RoPE("cpu", exl.RopeSettings())
    x = torch.full((1, 1, 1, 128), 70000.0)
    y, _ = kept.apply_torch(x, x)
    claim(y.dtype == torch.float16 and bool(torch.isinf(y).all()), "f32 queries of 70000 at position 0 become infinite")
    claim(outcome(lambda: exl.RoPE("cpu", exl.RopeSettings(partial_rotary_factor=0.5)).apply_torch(x, x)) == "RuntimeError", "a partial rotation is a RuntimeError there")


@finding(92, "LMDeploy: short_mscale and long_mscale of longrope are not read, which is Phi-3.5-MoE")
def lmdeploy_mscale(claim):
    rope = longrope(short_mscale=1.243163121016122, long_mscale=1.243163121016122)
    said = types.SimpleNamespace(head_dim=128, max_position_embeddings=131072, rope_parameters=rope)
    cos, sin = lmdeploy.build_rotary_embedding_from_config(said)(torch.zeros(1, 1, 128), torch.tensor([[1]]))
    size = float(torch.hypot(cos, sin)[0, 0, 0])
    claim(abs(size - longrope_magnitude(32, 4096)) < 1e-5, "both 1.2432: magnitude %.4f" % size)
    claim(abs(seen(vllm_rope(rope, longest=131072, served=4096))[1] - 1.2431631) < 1e-5, "vLLM reads them")


@finding(93, "LMDeploy: rope_type proportional is a KeyError")
def lmdeploy_proportional(claim):
    said = types.SimpleNamespace(head_dim=512, max_position_embeddings=131072, rope_parameters={"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1000000.0})
    claim(outcome(lambda: lmdeploy.build_rotary_embedding_from_config(said)) == "KeyError", "Gemma 4's full_attention layers: KeyError")


@finding(94, "LMDeploy: three rows of a batch are read as three axes")
def lmdeploy_rows(claim):
    said = types.SimpleNamespace(head_dim=128, max_position_embeddings=32768, rope_parameters={"rope_type": "default", "rope_theta": 10000.0, **SECTIONS})
    kept = lmdeploy.build_rotary_embedding_from_config(said)
    shape = lambda rows: tuple(kept(torch.zeros(1, 1, 128), torch.arange(rows * 5).reshape(rows, 5))[0].shape)
    claim(shape(2) == (2, 5, 128), "two rows of text positions: a table of (2, 5, 128)")
    claim(shape(3)[0] != 3, "three rows: one of %s" % (shape(3),))


def turned_by_tpu(rope, positions, theta=10000.0, width=128):
    import jax.numpy as jnp

    x = numpy.zeros((numpy.shape(positions)[-1], 1, width), "f4")
    x[..., : width // 2] = 1
    y = numpy.asarray(tpu.apply_rope(jnp.asarray(x), jnp.asarray(positions), width, theta, tpu.normalize_rope_scaling(rope))).astype("f8")[:, 0]
    return numpy.arctan2(y[:, width // 2 :], y[:, : width // 2]), numpy.hypot(y[:, 0], y[:, width // 2])


def llama3(base, factor, low, high, original, width=128):
    found = []
    for f in frequencies(width, base):
        wave = 2 * mpmath.pi / f
        smooth = min(max((original / wave - low) / (high - low), 0), 1)
        found.append((1 - smooth) * f / factor + smooth * f)
    return found


@finding(95, "tpu-inference: every rope_type is Llama 3's scaling")
def tpu_types(claim):
    angles, _ = turned_by_tpu({"rope_type": "linear", "factor": 4.0}, [1])
    other = floats(llama3(10000, 4, 1, 4, 8192))
    claim(abs(angles[0, 0] - 1) < 1e-6, "linear, factor 4: pair 0 turns by %.2f, 0.25 is right" % angles[0, 0])
    claim(abs(angles[0] / other - 1).max() < 1e-4, "all pairs turn as in llama3 with factor 4, an original length of 8192 and bands of 1 and 4")
    angles, size = turned_by_tpu({k: v for k, v in QWEN.items() if k != "rope_theta"}, [1], 1000000.0)
    right = floats(yarn(128, 1000000, 4, 32768))
    off = abs(angles[0] / right - 1)
    claim(off.max() > 0.3, "the card's YaRN for Qwen2.5: pair %d is off by %.0f %%" % (off.argmax(), 100 * off.max()))
    claim(abs(size[0] - 1) < 1e-6, "its magnitude is %.4f, 1.1386 is right" % size[0])


@finding(96, "tpu-inference: text positions of a model with sections are scaled by 8")
def tpu_text(claim):
    rope = {"rope_type": "default", **SECTIONS}
    three, _ = turned_by_tpu(rope, [[1], [1], [1]], 1000000.0)
    one, _ = turned_by_tpu(rope, [1], 1000000.0)
    claim(abs(three[0] / floats(frequencies(128, 1000000)) - 1).max() < 1e-4, "Qwen2.5-VL, positions on three axes: right")
    claim(abs(one[0] / floats(llama3(1000000, 8, 1, 4, 8192)) - 1).max() < 1e-4, "the same positions as one list: llama3 with the default factor 8, the slowest pair turns %.2f as fast" % (one / three)[0, -1])


@finding(97, "tpu-inference: M-RoPE ignores mrope_interleaved")
def tpu_interleaved(claim):
    rope = {"rope_type": "default", "mrope_section": [24, 20, 20], "mrope_interleaved": True}
    angles, _ = turned_by_tpu(rope, [[1], [0], [0]])
    turns = angles[0] > 0
    claim(bool(turns[:24].all()) and not turns[24:].any(), "Qwen3-VL's [24, 20, 20], position (1, 0, 0): pairs 0 to 23 turn, as if not interleaved")
    claim(not (turns == numpy.array([i % 3 == 0 or i >= 60 for i in range(64)])).all(), "interleaved, pairs 0, 3, 6 … 60 to 63 would")


@finding(98, "tpu-inference: longrope chooses its factors by the number of tokens in the call")
def tpu_longrope(claim):
    import jax.numpy as jnp

    rope = longrope()
    x = numpy.zeros((1, 1, 128), "f4")
    x[..., :64] = 1
    y = numpy.asarray(tpu.apply_longrope(jnp.asarray(x), jnp.asarray([5000]), 128, rope, 4096, 131072)).astype("f8")[0, 0]
    last = float(numpy.arctan2(y[127], y[63]))
    plain = 5000 * float(frequencies(128)[-1])
    claim(abs(last - plain) < 1e-4, "decoding position 5000 (one token, original length 4096): the slowest pair is at %.4f, of short_factor" % last)
    many = numpy.broadcast_to(x, (5001, 1, 128))
    y = numpy.asarray(tpu.apply_longrope(jnp.asarray(many), jnp.arange(5001), 128, rope, 4096, 131072)).astype("f8")[-1, 0]
    long = float(numpy.arctan2(y[127], y[63]))
    claim(abs(long - plain / 4) < 1e-4, "in a prompt of 5001 tokens it is at %.4f, of long_factor" % long)


def genai(**more):
    """The model builder of ONNX Runtime GenAI with the attributes that its rotary functions read."""
    import engines

    Model = engines.genai().Model
    made = object.__new__(Model)
    made.head_size, made.context_length = 128, 32768
    made.original_context_length = 32768
    made.rope_attrs = {
        "op_type": "RotaryEmbedding", "cache_length": 4, "theta": 1000000.0, "partial_rotary_factor": 1.0, "rescale_factors": 1,
        "t_dtype": torch.int64, "position_scale": 1, "mscale": 1, "mscale_policy": "", "mrope_section": [],
    }
    rope = {k: v for k, v in QWEN.items() if k != "rope_theta"}
    rope.update(more)
    made.make_rope_init(types.SimpleNamespace(rope_parameters=rope))
    return made


@finding(99, "ONNX Runtime GenAI: the model builder fails on YaRN without betas, as Qwen's cards have it")
def genai_betas(claim):
    failed = outcome(lambda: genai().make_rotary_embedding_caches_from_scratch())
    claim(failed in ("ZeroDivisionError", "AssertionError"), "factor 4, original length 32768: %s (absent betas are 0; Transformers has 32 and 1)" % failed)


@finding(100, "ONNX Runtime GenAI: the model builder never rounds the ends of YaRN's ramp")
def genai_truncate(claim):
    cos, sin = genai(beta_fast=32.0, beta_slow=1.0).make_rotary_embedding_caches_from_scratch()
    got = numpy.arctan2(sin[1, :64].double().numpy(), cos[1, :64].double().numpy())
    right, other = (floats(yarn(128, 1000000, 4, 32768, truncate=t)) for t in (True, False))
    off = abs(got / right - 1)
    claim(abs(got / other - 1).max() < 1e-4, "frequencies are those of truncate: false, which only gpt-oss says")
    claim(off.max() > 0.01, "%d of 64 pairs are off by more than 0.1 %%, pair %d by %.1f %%" % ((off > 1e-3).sum(), off.argmax(), 100 * off.max()))


@finding(101, "ONNX Runtime GenAI: attention_factor is not read, mscale alone is the magnitude, sections are dropped under yarn")
def genai_magnitude(claim):
    made = genai(beta_fast=32.0, beta_slow=1.0, attention_factor=1.0)
    claim(abs(float(made.rope_attrs["mscale"]) - 1.1386294) < 1e-5, "attention_factor 1: magnitude %.4f" % made.rope_attrs["mscale"])
    made = genai(beta_fast=32.0, beta_slow=1.0, mscale=0.5)
    claim(made.rope_attrs["mscale"] == 0.5, "mscale 0.5 alone: magnitude %.1f, Transformers has 1.1386" % made.rope_attrs["mscale"])
    made = genai(beta_fast=32.0, beta_slow=1.0, **SECTIONS)
    claim(made.rope_attrs["op_type"] == "RotaryEmbedding" and not made.rope_attrs["mrope_section"], "mrope_section beside yarn: a plain RotaryEmbedding without sections")


@finding(102, "vLLM, SGLang: the factor of rope_type proportional is not read")
def proportional(claim):
    rope = {"rope_type": "proportional", "factor": 8.0, "rope_theta": 10000.0}
    for name, kept in (("vLLM", vllm_rope(rope)), ("SGLang", sglang_rope(rope))):
        got, _ = seen(kept)
        claim(abs(got / floats(frequencies(128)) - 1).max() < 1e-5, "%s, factor 8: pair 0 turns by %.3f, 0.125 is right; so do all others" % (name, got[0]))
    kept = exl.RoPE("cpu", exl.RopeSettings(rope_scaling=rope))
    claim(abs(kept.inv_freq.double().numpy() * 8 / floats(frequencies(128)) - 1).max() < 1e-5, "ExLlamaV3 divides by it, as Transformers does")


main()
