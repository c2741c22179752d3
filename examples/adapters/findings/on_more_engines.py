"""Findings in what converts, compiles and trains models: CTranslate2, TVM, torchtitan, Megatron, ExecuTorch, LiteRT, EasyDeL, OLMo-core, Tunix,
mistral-inference."""

import contextlib
import io
import pathlib
import sys
import types

import mpmath
import numpy
import torch
from evidence import apart, finding, frequencies, main, outcome, random, rotated, yarn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import engines

LLAMA = {"rope_type": "llama3", "factor": 8.0, "rope_theta": 500000.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
CARD = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}


def floats(values):
    return numpy.array([float(v) for v in values])


def llama3(base, factor, low=1, high=4, original=8192, width=128):
    found = []
    for f in frequencies(width, base):
        wave = 2 * mpmath.pi / f
        smooth = min(max((original / wave - low) / (high - low), 0), 1)
        found.append((1 - smooth) * f / factor + smooth * f)
    return floats(found)


def angles(y):
    """Angles of the pairs of a head whose first half was ones and whose second half was zeros."""
    y = numpy.asarray(y, dtype="f8").reshape(-1)
    return numpy.arctan2(y[len(y) // 2 :], y[: len(y) // 2]), float(numpy.hypot(y[0], y[len(y) // 2]))


def ones(*shape):
    x = numpy.zeros(shape, "f4")
    x[..., : shape[-1] // 2] = 1
    return x


def off(got, right):
    return abs(got / right - 1)


class Lazy:
    """What takes long to load is loaded when a finding asks for it."""

    def __init__(self, load):
        self.load, self.found = load, None

    def __call__(self):
        self.found = self.found or self.load()
        return self.found


ct, titan, megatron = Lazy(engines.CTranslate2), Lazy(engines.torchtitan), Lazy(engines.megatron)
executorch, litert, easydel, olmo = Lazy(engines.executorch), Lazy(engines.litert), Lazy(engines.easydel), Lazy(engines.olmo_core)


def turned_by_ct(written, at=1, width=128, layer=None):
    return angles(ct().apply(layer or ct().layer(written), ones(1, 1, 1, width), at))


@finding(103, "CTranslate2: Llama 3's scaling does nothing")
def ct_llama3(claim):
    written = ct().written(LLAMA, 128, 131072)
    claim("rotary_scaling_factor" not in written and "original_max_position_embeddings" not in written, "of Llama 3.1's rope the loader writes the type, low and high; the factor and the original length are not written")
    got, _ = turned_by_ct(written)
    claim(off(got, floats(frequencies(128, 500000))).max() < 1e-4, "the compiled library turns as with no scaling (factor 1 and length 0 are its defaults)")
    claim(off(got, llama3(500000, 8))[-1] > 6.9, "pair 63 turns %.1f times as fast as it should" % (got / llama3(500000, 8))[-1])


@finding(104, "CTranslate2: a config of Transformers 4 with rope_scaling loses its base")
def ct_base(claim):
    new, old = (ct().written(LLAMA, 128, 131072, version)["rotary_base"] for version in ("v5", "v4"))
    claim(new == 500000 and old == 10000, "Llama 3.1: rope_theta beside rope_scaling, as Transformers 4 has it, gives a base of %d; in rope_parameters %d" % (old, new))
    linear = {"rope_type": "linear", "factor": 2.0, "rope_theta": 25000.0}
    claim(ct().written(linear, 128, 4096, "v4")["rotary_base"] == 10000, "linear with a base of 25000: 10000")


@finding(105, "CTranslate2: Gemma 3's linear factor is not written")
def ct_gemma(claim):
    import transformers

    ropes = {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
    config = transformers.Gemma3TextConfig(
        hidden_size=64, num_attention_heads=2, num_key_value_heads=1, head_dim=64, num_hidden_layers=2, intermediate_size=8, vocab_size=16,
        layer_types=["sliding_attention", "full_attention"], rope_parameters=ropes, pad_token_id=0, bos_token_id=0, eos_token_id=0,
    )
    spec = ct().loader("Gemma3TextConfig").get_model_spec(transformers.Gemma3ForCausalLM(config))
    written = vars(spec.decoder.layer[1].self_attention)
    claim("rotary_scaling_type" not in written and "rotary_scaling_factor" not in written, "the full_attention layer of 4B, 12B and 27B has neither a type nor a factor")
    got, _ = turned_by_ct(written, width=64)
    claim(abs(got[0] - 1) < 1e-6, "its pair 0 turns by %.3f, 0.125 is right" % got[0])


@finding(106, "CTranslate2: longrope takes the long factors as soon as its table grows, and keeps them")
def ct_longrope(claim):
    rope = {"rope_type": "longrope", "short_factor": [1.0] * 64, "long_factor": [4.0] * 64, "original_max_position_embeddings": 4096, "rope_theta": 10000.0}
    written, right = ct().written(rope, 128, 131072), floats(frequencies(128))

    def slowest(layer, at):
        """Its last pair at a position, in units of the short factors."""
        return turned_by_ct(None, at, layer=layer)[0][-1] / (at * right[-1])

    layer = ct().layer(written)
    ct().apply(layer, ones(1, 1, 3000, 128), 0)
    claim(abs(slowest(layer, 2999) - 1) < 1e-3, "original length 4096, a prompt of 3000: the short factors")
    claim(abs(slowest(layer, 3000) - 0.25) < 1e-3, "the token after it (3001 of 4096): the long ones, for a table of 5048 rows; the keys before it have the short ones")
    ct().apply(layer, ones(1, 1, 100, 128), 0)
    claim(abs(slowest(layer, 99) - 0.25) < 1e-3, "the next request, 100 tokens: the long ones; in a fresh process %.2f of it" % slowest(ct().layer(written), 99))


@finding(107, "CTranslate2: ALiBi reads beyond its table when a prompt has more than 2048 tokens")
def ct_alibi(claim):
    made = ct().c.create_string_buffer(4096)
    ct().new_alibi(made, True, False, 2048)

    def biases(tokens):
        view, at = ct().view(numpy.zeros((1, 8, 1, tokens), "f4"))
        ct().add_alibi(made, at, 1.0)
        return numpy.array(view)[0, :, 0]

    claim(apart(numpy.diff(biases(2048)[0]), numpy.full(2047, 0.5)) < 1e-6, "8 heads, 2048 keys: every step of head 0 is its slope, 0.5")
    ct().new_alibi(made, True, False, 2048)
    got = biases(5000)
    claim(abs(got[0, 2047] - 1023.5) < 1e-3 and abs(got[0, 2048]) < 1e-6 and abs(got[0, 2049] - 0.25) < 1e-6, "a prompt of 5000: key 2047 has 1023.5, key 2048 has %.2f and key 2049 %.2f: those of head 1" % (got[0, 2048], got[0, 2049]))


@finding(108, "CTranslate2: Falcon's base is not read")
def ct_falcon(claim):
    import transformers

    config = transformers.FalconConfig(
        hidden_size=64, num_attention_heads=2, num_hidden_layers=1, vocab_size=16, pad_token_id=0, bos_token_id=0, eos_token_id=0,
        rope_theta=500042.0, alibi=False,
    )
    base = vars(ct().loader("FalconConfig").get_model_spec(transformers.FalconForCausalLM(config)).decoder.layer[0].self_attention)["rotary_base"]
    claim(base == 10000, "a base of 500042, as Falcon2-11B has it, is %d" % base)


def by_tvm(scaling, positions, theta=1e6, width=128, factors=None, dtype="float32"):
    import tvm
    from tvm.relax.frontend.nn.llm import position_embedding

    made = position_embedding.llama_rope_with_position_map(theta, 1.0, width, 1, 1, dtype, scaling)
    call = tvm.compile(tvm.IRModule({"main": made}), target="llvm")["main"]
    n = len(positions)
    parts = [tvm.runtime.tensor(numpy.zeros((n, 1, width), dtype)) for _ in range(3)]
    last = 1 if factors is None else tvm.runtime.tensor(numpy.array(factors, "f4"))
    call(tvm.runtime.tensor(ones(n, 3, width).astype(dtype)), tvm.runtime.tensor(numpy.array(positions, "i4")), *parts, last)
    return parts[0].numpy()[:, 0].astype("f8")


TVM_CARD = {**CARD, "beta_fast": 32, "beta_slow": 1, "inv_theta_log_scale": float(1 / (2 * mpmath.log(1000000)))}


@finding(109, "TVM: YaRN turns the two halves of a pair by different frequencies")
def tvm_halves(claim):
    y = by_tvm(TVM_CARD, [1])[0]
    right = floats(yarn(128, 1000000, 4, 32768, truncate=False))
    first, second = numpy.arccos(numpy.clip(y[:64], -1, 1)), numpy.arcsin(y[64:])
    claim(abs(first[0] - 1) < 1e-6 and abs(second[0] - 0.25) < 1e-6, "the card's YaRN for Qwen2.5, position 1: coordinate 0 is cos(%.2f), coordinate 64 is sin(%.2f)" % (first[0], second[0]))
    claim(off(second, floats(frequencies(128, 1000000)) / 4).max() < 1e-4, "all coordinates of the second half turn at a quarter: the ramp is of the coordinate's index, beyond its end from 64 on")
    x = random(1, 128)
    claim(apart(y, numpy.concatenate([numpy.cos(right), numpy.sin(right)])) > 0.5, "ones in the first half are off by %.1f at position 1; norms of pairs from %.2f to %.2f" % (apart(y, numpy.concatenate([numpy.cos(right), numpy.sin(right)])), numpy.hypot(y[:64], y[64:]).min(), numpy.hypot(y[:64], y[64:]).max()))


@finding(110, "TVM: YaRN never rounds the ends of its ramp, and has no magnitude")
def tvm_yarn(claim):
    y = by_tvm(TVM_CARD, [2000])[0]
    right, other = (floats(yarn(128, 1000000, 4, 32768, truncate=t)) for t in (True, False))
    want = [abs(y[:64] - numpy.cos(2000 * f)).max() for f in (other, right)]
    claim(want[0] < 1e-3 < 1e-2 < want[1], "position 2000: cosines are those of truncate: false (off by %.0e; by %.2f from those of the rule), with magnitude 1 for 1.1386" % tuple(want))


@finding(111, "TVM: longrope cannot be built")
def tvm_longrope(claim):
    rope = {"rope_type": "longrope", "original_max_position_embeddings": 4096, "max_position_embeddings": 131072}
    failed = outcome(lambda: by_tvm(rope, [1], 10000.0, 96, [4.0] * 48 + [1.0] * 48))
    claim(failed == "DiagnosticError", "llama_rope_with_position_map, Phi-3's numbers: %s (`if ext_factors:` asks a buffer whether it is true)" % failed)


@finding(112, "torchtitan: Llama 3.2 1B and 3B are built with Llama 3.1's factor of 8")
def titan_factor(claim):
    import ast
    import importlib.util

    rope = titan()
    folder = pathlib.Path(importlib.util.find_spec("torchtitan").submodule_search_locations[0])
    tree = ast.parse((folder / "models/llama3/__init__.py").read_text())
    for name in ("_1b", "_3b"):
        made = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name)
        call = next(node for node in ast.walk(made) if isinstance(node, ast.Call) and ast.unparse(node.func) == "ComplexRoPE.Config")
        said = {word.arg: ast.unparse(word.value) for word in call.keywords}
        claim(said["scaling"] == "'llama'" and "scaling_factor" not in said, "%s: theta %s, scaling %s, no factor" % (name, said["theta"], said["scaling"]))
    made = rope.ComplexRoPE(rope.ComplexRoPE.Config(dim=64, max_seq_len=8, theta=500000.0, scaling="llama"))
    got = made.cache[1].angle().double().numpy()
    claim(off(got, llama3(500000, 8, width=64)).max() < 1e-4, "its frequencies are those of factor 8; Llama-3.2-1B's config.json has 32: the slowest pair turns %.1f times as fast" % (got / llama3(500000, 32, width=64))[-1])


@finding(113, "torchtitan: DeepSeek-V2-Lite's softmax scale has an mscale of 0.70 for 0.707")
def titan_mscale(claim):
    import importlib.util

    folder = pathlib.Path(importlib.util.find_spec("torchtitan").submodule_search_locations[0])
    text = (folder / "models/deepseek_v3/__init__.py").read_text()
    made = text.split("def _16b(")[1].split("\ndef ")[0]
    claim("mscale=0.70," in made, "16B (DeepSeek-V2-Lite) says mscale=0.70; its config.json has 0.707")
    scale = lambda m: (0.1 * m * numpy.log(40) + 1) ** 2
    claim(abs(scale(0.70) / scale(0.707) - 1) > 4e-3, "the softmax scale is off by %.2f %%" % (100 * abs(scale(0.70) / scale(0.707) - 1)))


@finding(115, "Megatron Core: with fused kernels a packed sequence loses YaRN's magnitude and the interleaved layout")
def megatron_packed(claim):
    asked = []
    utils = megatron().utils
    before = utils.fused_apply_rotary_pos_emb_thd, utils.fused_apply_rotary_pos_emb
    utils.fused_apply_rotary_pos_emb_thd = lambda *given, **named: asked.append((given, named)) or given[0]
    try:
        t, freqs = torch.zeros(4, 1, 128), torch.zeros(4, 1, 1, 128)
        config = types.SimpleNamespace(apply_rope_fusion=True, rotary_interleaved=True, multi_latent_attention=False, mrope_section=None)
        utils.apply_rotary_pos_emb(t, freqs, config, torch.tensor([0, 2, 4]), 1.3466, megatron().group)
    finally:
        utils.fused_apply_rotary_pos_emb_thd, utils.fused_apply_rotary_pos_emb = before
    (given, named) = asked[0]
    claim(sorted(named) == ["cp_rank", "cp_size"] and len(given) == 3, "mscale 1.3466 and rotary_interleaved go in; the kernel is called with tokens, lengths, frequencies, %s" % " and ".join(sorted(named)))
    claim("mscale" in pathlib.Path(utils.__file__).read_text().split("else:\n            assert fused_apply_rotary_pos_emb_thd")[0].split("if cu_seqlens is None:")[-1], "without cu_seqlens it warns and takes the plain code for an mscale that is not 1")


@finding(116, "Megatron Core: M-RoPE cannot do the interleaved layout, and divides the caller's positions in place")
def megatron_mrope(claim):
    made = megatron().MultimodalRotaryEmbedding(128, 1.0, rotary_interleaved=True, cp_group=megatron().group)
    failed = outcome(lambda: made(torch.ones(3, 1, 5, dtype=torch.long), [16, 24, 24]))
    claim(failed == "RuntimeError", "5 tokens: %s (a view by the number of axes instead of tokens); with rotary_interleaved False it answers" % failed)
    made = megatron().MultimodalRotaryEmbedding(128, 1.0, seq_len_interpolation_factor=4.0, cp_group=megatron().group)
    positions = torch.full((3, 1, 5), 8.0)
    made(positions, [16, 24, 24])
    claim(float(positions[0, 0, 0]) == 2, "positions of 8.0 in f32, a factor of 4: the caller's are %.1f afterwards, 0.5 after the next call" % positions[0, 0, 0])


@finding(117, "ExecuTorch for Core ML: rope_scale_factor is 8, whatever the params say")
def coreml(claim):
    made = executorch().coreml()
    slowest = lambda factor: made.Rope(made.ModelArgs(dim=64, n_heads=1, rope_theta=500000.0, use_scaled_rope=True, rope_scale_factor=factor, max_context_len=4)).freqs_sin[1].double().numpy()
    claim(apart(slowest(8), slowest(32)) == 0, "rope_scale_factor 32, as Llama 3.2 has it: the table is that of 8, bit for bit (scale_factor=8 in the call overrides it)")
    right = llama3(500000, 32, width=64)
    claim(slowest(32)[-1] / right[-1] > 3.9, "the slowest pair turns %.1f times as fast as it should" % (slowest(32)[-1] / right[-1]))
    plain = made.Rope(made.ModelArgs(dim=64, n_heads=1, rope_theta=500000.0, max_context_len=4)).freqs_sin[1].double().numpy()
    claim(apart(plain, slowest(8)) == 0, "params without use_scaled_rope, as Llama 3's and Llama 2's are: scaled by 8 as well, for it is true by default")
    failed = outcome(lambda: made.Rope(made.ModelArgs(dim=64, n_heads=1, use_hf_rope=True, max_context_len=4)))
    claim(failed in ("TypeError", "AttributeError"), "use_hf_rope: %s" % failed)


@finding(118, "ExecuTorch for Qualcomm: longrope is dropped, and Llama 3.2 has a factor of 8")
def qualcomm(claim):
    made, args = executorch().static(), executorch().ModelArgs
    phi = dict(dim=128, n_heads=1, n_layers=0, head_dim=128, rope_theta=10000.0, use_hf_rope=True, partial_rotary_factor=0.75, max_context_len=8, max_seq_len=8, vocab_size=4)
    long = dict(rope_scaling_short_factor=[1.0] * 48, rope_scaling_long_factor=[4.0] * 48, original_max_position_embeddings=4096, max_position_embeddings=131072)
    table = made.LlamaModel(args(**phi, **long)).freqs_cos
    own = executorch().Rope(args(**phi, **long)).freqs_cos
    claim(float(table[0, 0]) == 1 and abs(float(own[0, 0]) - 1.1902) < 1e-4, "Phi-4-mini: magnitude %.4f; Rope of examples/models/llama has %.4f from the same arguments" % (table[0, 0], own[0, 0]))
    meta = dict(dim=64, n_heads=1, n_layers=0, head_dim=64, rope_theta=500000.0, use_scaled_rope=True, max_context_len=8, max_seq_len=8, vocab_size=4)
    model = made.LlamaModel(args(**meta))
    got = numpy.arctan2(model.freqs_sin[1].double().numpy(), model.freqs_cos[1].double().numpy())
    claim(off(got, llama3(500000, 8, width=64)).max() < 1e-4, "Llama 3.2's params.json (use_scaled_rope: true, no factor): 8; examples/models/llama/model.py sets 32 for it")


@finding(119, "ExecuTorch: use_hf_rope drops Llama 3's scaling")
def hf_rope(claim):
    made = executorch().Rope(executorch().ModelArgs(dim=64, n_heads=1, rope_theta=500000.0, use_hf_rope=True, use_scaled_rope=True, rope_scale_factor=32, max_context_len=4, max_seq_len=4))
    got = numpy.arctan2(made.freqs_sin[1, :32].double().numpy(), made.freqs_cos[1, :32].double().numpy())
    claim(off(got, floats(frequencies(64, 500000))).max() < 1e-4, "use_scaled_rope and a factor of 32 beside use_hf_rope: no scaling, no word")


def gemma(factor):
    import transformers

    full = {"rope_type": "linear", "factor": factor, "rope_theta": 1e6} if factor else {"rope_type": "default", "rope_theta": 1e6}
    return transformers.Gemma3TextConfig(
        hidden_size=64, num_attention_heads=2, num_key_value_heads=1, head_dim=32, num_hidden_layers=2, intermediate_size=32, vocab_size=64,
        layer_types=["sliding_attention", "full_attention"], rope_parameters={"full_attention": full, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}},
    )


@finding(120, "LiteRT Torch: an export with GPU composites drops every scaling")
def litert_scaling(claim):
    import transformers

    ids, chosen = torch.arange(40)[None], types.SimpleNamespace(fuse_gate_up=False, fuse_qkv=False, use_rope_composite=True)

    def three(kind, name, patch, scaled, plain):
        torch.manual_seed(0)
        model, other = kind(scaled).eval(), kind(plain).eval()
        other.load_state_dict(model.state_dict())
        with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
            right, without = model(ids).logits, other(ids).logits
            with getattr(litert().patch(name), patch)(model, chosen):
                return apart(model(ids).logits, right), apart(model(ids).logits, without)

    far, near = three(transformers.Gemma3ForCausalLM, "gemma3", "patch_gemma3_model", gemma(8.0), gemma(None))
    claim(near < 1e-5 < 1e-3 < far, "Gemma 3 with linear 8 on its full_attention layer: logits are those of a model without it (off by %.0e), %.0e from those of the model" % (near, far))
    small = dict(hidden_size=64, num_attention_heads=2, num_key_value_heads=1, head_dim=32, num_hidden_layers=1, intermediate_size=32, vocab_size=64, max_position_embeddings=131072)
    scaled = transformers.Qwen3Config(**small, rope_parameters={**CARD, "rope_theta": 1e6})
    plain = transformers.Qwen3Config(**small, rope_parameters={"rope_type": "default", "rope_theta": 1e6})
    far, near = three(transformers.Qwen3ForCausalLM, "qwen3", "patch_qwen3_model", scaled, plain)
    claim(near < 1e-5 < 1e-4 < far, "Qwen3 with the card's YaRN: the same (%.0e, %.0e)" % (near, far))


@finding(121, "LiteRT Torch: the composite takes row 0's positions for every row, and cuts the base to a whole number")
def litert_rows(claim):
    x = torch.from_numpy(ones(2, 1, 3, 8))
    y = litert().composite(x, torch.tensor([[0, 1, 2], [5, 6, 7]]))
    claim(apart(y[0], y[1]) == 0, "positions 0…2 and 5…7 in two rows: the same answer")
    got, _ = angles(litert().composite(torch.from_numpy(ones(1, 1, 1, 64)), torch.tensor([[1]]), base=1.9).numpy())
    claim(abs(got - 1).max() < 1e-6, "a base of 1.9 is 1; its attribute max_timescale says 1.9")


@finding(122, "EasyDeL: the table of llama3 ends at the original length, and every position beyond is its last row")
def easydel_llama3(claim):
    import jax.numpy as jnp

    said = easydel().RopeConfig.from_dict(LLAMA).to_dict()
    table = easydel().get_frequencies(128, 128, 131072, 500000.0, said)
    claim(table.shape[0] == 8192, "Llama 3.1 with a maximum of 131072: a table of %d rows" % table.shape[0])
    made = easydel().get_rope(head_size=128, rotary_dim=128, max_position=131072, base=500000.0, is_neox_style=True, rope_scaling=said, dtype=jnp.float32)
    x = jnp.asarray(ones(1, 3, 1, 128))
    for name, given in (("with the table", table), ("without it", None)):
        y = numpy.asarray(made(jnp.array([[8191, 8192, 100000]]), x, x, frequencies=given)[0])[0]
        claim(apart(y[0], y[1]) == 0 == apart(y[0], y[2]), "%s: positions 8191, 8192 and 100000 have one answer, no error" % name)


@finding(123, "EasyDeL: attention_factor and truncate are dropped; sections drop YaRN")
def easydel_yarn(claim):
    oss = {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False}
    made = lambda rope, width, base: numpy.asarray(easydel().get_frequencies(width, width, 32768, base, easydel().RopeConfig.from_dict(rope).to_dict()))[1].astype("f8")
    row = made(oss, 64, 150000.0)
    got = numpy.arctan2(row[32:], row[:32])
    right, other = (floats(yarn(64, 150000, 32, 4096, truncate=t)) for t in (False, True))
    claim(off(got, other).max() < 1e-4, "gpt-oss, truncate: false: the frequencies are those of true; %d of 32 pairs are off by more than 0.1 %%, pair %d by %.0f %%" % ((off(got, right) > 1e-3).sum(), off(got, right).argmax(), 100 * off(got, right).max()))
    row = made({**oss, "attention_factor": 1.0}, 64, 150000.0)
    claim(abs(numpy.hypot(row[0], row[32]) - 1.3466) < 1e-4, "attention_factor 1: magnitude %.4f" % numpy.hypot(row[0], row[32]))
    row = made({**CARD, "mrope_section": [16, 24, 24]}, 128, 1000000.0)
    claim(off(numpy.arctan2(row[64:], row[:64]), floats(frequencies(128, 1000000))).max() < 1e-4, "the card's YaRN beside mrope_section: no scaling")


@finding(124, "EasyDeL: dynamic is one fixed base for every length")
def easydel_dynamic(claim):
    table = numpy.asarray(easydel().get_frequencies(128, 128, 2048, 10000.0, easydel().RopeConfig.from_dict({"rope_type": "dynamic", "factor": 4.0}).to_dict())).astype("f8")
    got, plain = numpy.arctan2(table[1, 127], table[1, 63]), float(frequencies(128)[-1])
    claim(abs(plain / got - 13) < 1e-3, "factor 4 of 2048: the slowest pair turns 13 = 4² − 4 + 1 times slower at every length; up to 2048 tokens Transformers does not scale")


@finding(125, "EasyDeL: the models' table is in bf16")
def easydel_table(claim):
    import importlib.util

    import jax.numpy as jnp

    folder = pathlib.Path(importlib.util.find_spec("easydel").submodule_search_locations[0])
    claim(".astype(jnp.bfloat16)" in (folder / "infra/base_config.py").read_text().split("def get_basic_frequencies")[1].split("def ")[0], "get_basic_frequencies casts it, whatever the dtype of the model")
    table = easydel().get_frequencies(128, 128, 4096, 10000.0, None).astype(jnp.bfloat16)
    made = easydel().get_rope(head_size=128, rotary_dim=128, max_position=4096, base=10000.0, is_neox_style=True, dtype=jnp.float32)
    x = random(1, 1, 1, 128)
    y = numpy.asarray(made(jnp.array([[100]]), jnp.asarray(x), jnp.asarray(x), frequencies=table)[0])
    claim(apart(y[0, :, 0], rotated(x[0, :, 0], [100], "half")) > 1e-3, "f32 queries at position 100: off by %.0e" % apart(y[0, :, 0], rotated(x[0, :, 0], [100], "half")))


@finding(126, "OLMo-core: the shared cache is shared only when something is in it, and then by the base, not by the width")
def olmo_cache(claim):
    x = torch.from_numpy(random(1, 1, 8, 128))
    alone = olmo().RotaryEmbedding(head_size=128, theta=500000)(x, x)[0]

    def together(cache):
        narrow, wide = (olmo().RotaryEmbedding(head_size=size, theta=500000, cache=cache) for size in (64, 128))
        narrow(x[..., :64], x[..., :64])
        return wide(x, x)[0]

    claim(apart(alone, together(olmo().BufferCache())) == 0, "an empty cache is false, so `cache or BufferCache()` makes one for every layer: right, and a table for each")
    cache = olmo().BufferCache()
    cache["something"] = torch.zeros(1)
    got = together(cache)
    claim(apart(alone, got) > 0.5 and torch.equal(got[..., 64:], x[..., 64:]), "one that is not empty: width 128 after width 64 rotates 64 coordinates and passes the rest, off by %.1f, no error" % apart(alone, got))


@finding(127, "OLMo-core: the end of YaRN's ramp is cut to half the width")
def olmo_yarn(claim):
    made = olmo().YaRNRoPEScalingConfig(factor=4.0, old_context_len=131072)
    got = made.compute_scaled_inv_freq(10000, 128, torch.device("cpu"))[0].double().numpy()
    right = floats(yarn(128, 10000, 4, 131072))
    claim(off(got, right).max() > 0.02, "base 10000, original length 131072: %d of 64 pairs are off by more than 0.1 %%, pair %d by %.0f %%" % ((off(got, right) > 1e-3).sum(), off(got, right).argmax(), 100 * off(got, right).max()))
    made = olmo().YaRNRoPEScalingConfig(factor=8.0, old_context_len=8192)
    claim(off(made.compute_scaled_inv_freq(500000, 128, torch.device("cpu"))[0].double().numpy(), floats(yarn(128, 500000, 8, 8192))).max() < 1e-5, "OLMo 3's own numbers (500000, 8192, factor 8) do not meet it, and are right")


@finding(128, "Tunix: Llama 3.1 and 3.2 have no scaling")
def tunix_llama(claim):
    import jax.numpy as jnp

    made = engines.tunix("llama3")
    for name in ("llama3p1_8b", "llama3p2_1b"):
        said = vars(getattr(made.ModelConfig, name)())
        claim(not [key for key in said if "scal" in key or "factor" in key], "%s: rope_theta %d and nothing else of a rope" % (name, said["rope_theta"]))
    got, _ = angles(made.apply_rope(jnp.asarray(ones(1, 1, 1, 128)), jnp.array([[1]]), 128, 500000))
    claim((got / llama3(500000, 8))[-1] > 7.9, "the slowest pair turns %.1f times as fast as Llama 3.1's, %.1f times as Llama 3.2's" % ((got / llama3(500000, 8))[-1], (got / llama3(500000, 32))[-1]))


@finding(129, "mistral-inference: params without rope_theta have a base of 1000000, also beside a sliding window")
def mistral_base(claim):
    made = engines.mistral().Transformer
    said = types.SimpleNamespace(rope_theta=None, head_dim=128, sliding_window=4096)
    table = made.freqs_cis.fget(types.SimpleNamespace(args=said, _precomputed_freqs_cis=None, device=torch.device("cpu")))
    got = table[1].angle().double().numpy()
    claim(off(got, floats(frequencies(128, 1000000))).max() < 1e-4, "sliding_window 4096, no rope_theta: the base is 1000000; Mistral 7B v0.1 has 10000")


main()
