"""Findings in Hugging Face Transformers."""

import os

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy
import torch
from evidence import apart, finding, frequencies, main, outcome, random, rotated, yarn
from transformers import AutoModelForCausalLM, CodeGenConfig, GPTJConfig, LlamaConfig, MptConfig, PretrainedConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaForCausalLM, LlamaRotaryEmbedding, apply_rotary_pos_emb


def llama(head=64, longest=2048, **rope):
    rope.setdefault("rope_theta", 10000.0)
    return LlamaRotaryEmbedding(
        LlamaConfig(hidden_size=head, num_attention_heads=1, head_dim=head, max_position_embeddings=longest, rope_parameters=rope)
    )


def cos(module, *rows):
    return module(torch.zeros(1), torch.stack([torch.as_tensor(row) for row in rows]))[0].clone()


@finding(24, "Transformers: a dynamic rope keeps the table of the longest sequence it has seen")
def dynamic(claim):
    module = llama(rope_type="dynamic", factor=4.0, longest=256)
    at_256, at_300 = cos(module, range(256)), cos(module, range(300))
    cos(module, range(1024))
    claim(apart(cos(module, range(300)), at_300) > 1, "300 tokens before and after 1024: cos differs by %.2f" % apart(cos(module, range(300)), at_300))
    claim(apart(cos(module, range(256)), at_256) > 1, "256 tokens, the original length itself: by %.2f" % apart(cos(module, range(256)), at_256))
    cos(module, range(255))
    claim(torch.equal(cos(module, range(256)), at_256), "255 tokens reset it, and 256 are right again (the reset asks for less than the original length)")


@finding(25, "Transformers: the longest row of a batch decides a dynamic rope for all rows")
def batch(claim):
    module = llama(rope_type="dynamic", factor=4.0, longest=256)
    alone = cos(module, range(100))[0]
    together = cos(module, range(100), range(900, 1000))[0]
    claim(apart(alone, together) > 1, "100 short tokens alone and beside a row that ends at 999 differ by %.2f" % apart(alone, together))


@finding(26, "Transformers: from_config(dtype=bfloat16) builds the tables of GPT-J and CodeGen from bf16 frequencies")
def from_config(claim):
    small = dict(n_embd=64, n_head=1, rotary_dim=64, n_layer=1, n_positions=2048, vocab_size=32, bos_token_id=0, eos_token_id=0)
    f = numpy.array([float(v) for v in frequencies(64)])
    want = numpy.cos(numpy.outer(numpy.arange(2048), f))
    for config in (GPTJConfig(**small), CodeGenConfig(**dict(small, n_ctx=2048, n_head=4, n_embd=256))):
        for dtype, wrong in ((torch.float32, False), (torch.bfloat16, True)):
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
            table = next(b for name, b in model.named_buffers() if "embed_positions" in name)
            half = table.shape[1] // 2
            off = apart(table[:, half:], want) if table.shape[1] == 64 else float("nan")
            claim((off > 0.5) == wrong, "%s, %s: cosines to position 2047 are off by %.1e" % (type(config).__name__, dtype, off))


@finding(27, "Transformers: model.to(bfloat16) and model.half() round inv_freq")
def cast(claim):
    config = LlamaConfig(hidden_size=64, num_attention_heads=1, num_key_value_heads=1, head_dim=64, intermediate_size=64, num_hidden_layers=1, vocab_size=32)
    for dtype in (torch.bfloat16, torch.float16):
        table = LlamaForCausalLM(config).to(dtype).model.rotary_emb.inv_freq
        claim(table.dtype == dtype, "LlamaForCausalLM(config).to(%s): inv_freq is %s" % (dtype, table.dtype))
    q = torch.from_numpy(random(1, 1, 1, 64))
    module = llama(rope_type="default").to(torch.bfloat16)
    turned = apply_rotary_pos_emb(q, q, *module(q, torch.tensor([[1000]])))[0]
    off = apart(turned, rotated(q, [1000], "half"))
    claim(off > 0.3, "f32 queries at position 1000 are then off by %.2f" % off)
    kept = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).model.rotary_emb.inv_freq.dtype
    claim(kept == torch.float32, "from_config(dtype=bfloat16) keeps f32")


@finding(28, "Transformers: Llama with rope_type default accepts partial_rotary_factor and ignores it")
def partial(claim):
    width = cos(llama(rope_type="default", partial_rotary_factor=0.5), range(4)).shape[-1]
    claim(width == 64, "partial_rotary_factor 0.5 of a head of 64: %d coordinates are rotated" % width)
    other = cos(llama(rope_type="linear", factor=1.0, partial_rotary_factor=0.5), range(4)).shape[-1]
    claim(other == 32, "with rope_type linear: %d" % other)


@finding(29, "Transformers: negative and missing rows of GPT-J's table: -1 reads the last row")
def wraps(claim):
    from transformers.models.gptj.modeling_gptj import GPTJRotaryEmbedding

    module = GPTJRotaryEmbedding(GPTJConfig(n_embd=64, n_head=1, rotary_dim=64, n_positions=2048))
    x = torch.zeros(1)
    same = torch.equal(module(x, torch.tensor([[-1]]))[0], module(x, torch.tensor([[2047]]))[0])
    claim(same, "position -1 has the sines of position 2047")
    claim(outcome(lambda: module(x, torch.tensor([[2048]]))) == "IndexError", "position 2048 of 2048 rows is an IndexError")


@finding(30, "Transformers: a base of 0, below 0 or NaN, and a factor of 0, give NaN without an error")
def bad_numbers(claim):
    for name, value in (("rope_theta", 0.0), ("rope_theta", -1.0), ("rope_theta", float("nan"))):
        made = cos(llama(rope_type="default", **{name: value}), range(4))
        claim(not torch.isfinite(made).all(), "%s %s is accepted; cos has NaN" % (name, value))
    made = cos(llama(rope_type="linear", factor=0.0), range(4))
    claim(not torch.isfinite(made).all(), "linear with factor 0 is accepted (a warning); cos has NaN")


@finding(31, "Transformers: longrope factors of the wrong length are a warning, and a list of one is spread over all pairs")
def lists(claim):
    rope = dict(rope_type="longrope", original_max_position_embeddings=64, factor=4.0)
    made = cos(llama(short_factor=[2.0], long_factor=[2.0], **rope), range(4))
    claim(tuple(made.shape) == (1, 4, 64), "one factor for 32 pairs answers")
    wrong = outcome(lambda: llama(short_factor=[1.0] * 31, long_factor=[1.0] * 31, **rope))
    claim(wrong == "RuntimeError", "31 factors: %s when the module is built, after a config that was accepted" % wrong)


@finding(32, "Transformers: MPT ignores attn_config.alibi_bias_max")
def mpt(claim):
    from transformers.models.mpt.modeling_mpt import MptModel

    seen = []
    for largest in (8, 16):
        config = MptConfig(d_model=32, n_heads=4, n_layers=1, vocab_size=16, max_seq_len=8, attn_config={"alibi_bias_max": largest})
        model, kept = MptModel(config), {}
        build = model.build_mpt_alibi_tensor
        model.build_mpt_alibi_tensor = lambda *a, **k: kept.setdefault("bias", build(*a, **k))
        model(torch.tensor([[1, 2, 3]]))
        seen.append(kept["bias"])
    claim(torch.equal(*seen), "the model's bias for alibi_bias_max 8 and 16 is the same tensor")
    slope = -float(seen[1][0, 0, -2])
    claim(slope == 0.25, "first of 4 slopes: %g, with 16 it is 2^-4 = 0.0625" % slope)


@finding(33, "Transformers: truncate of a per-layer YaRN config is never read")
def truncate(claim):
    rope = {"rope_type": "yarn", "rope_theta": 150000.0, "factor": 32.0, "original_max_position_embeddings": 4096, "truncate": False}

    class Config(PretrainedConfig):
        layer_types = ["full_attention"]
        hidden_size, num_attention_heads, head_dim, max_position_embeddings = 64, 1, 64, 131072

    flat, nested = Config(), Config()
    flat.rope_parameters, nested.rope_parameters = dict(rope), {"full_attention": dict(rope)}
    want = [float(f) for f in yarn(64, 150000, 32, 4096, truncate=False)]
    good = ROPE_INIT_FUNCTIONS["yarn"](flat, None)[0].double().numpy()
    claim(apart(good / want, 1) < 1e-5, "flat rope_parameters: right to %.0e" % apart(good / want, 1))
    bad = ROPE_INIT_FUNCTIONS["yarn"](nested, None, layer_type="full_attention")[0].double().numpy()
    claim(apart(bad / want, 1) > 0.7, "the same under its layer type: pair %d is off by %.0f %%" % (abs(bad / want - 1).argmax(), 100 * apart(bad / want, 1)))


@finding(34, "Transformers: ALiBi of BLOOM in bf16 and of Falcon in every dtype gives neighbouring keys one bias")
def alibi(claim):
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor as bloom
    from transformers.models.falcon.modeling_falcon import build_alibi_tensor as falcon

    mask = torch.ones(1, 2048, dtype=torch.int64)
    for name, build, dtype in (("BLOOM, bf16", bloom, torch.bfloat16), ("Falcon, f32", falcon, torch.float32)):
        row = build(mask, 8, dtype)[0, 0].double()
        claim(len(row.unique()) < 1024, "%s: 2048 keys have %d different biases for slope 1/2" % (name, len(row.unique())))
    row = bloom(mask, 8, torch.float32)[0, 0].double()
    claim(len(row.unique()) == 2048, "BLOOM, f32: 2048")


@finding(35, "Transformers: an odd partial width is rounded up and its exponents divided by the odd number")
def odd(claim):
    from transformers import GPTNeoXConfig
    from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXRotaryEmbedding

    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.3}
    module = GPTNeoXRotaryEmbedding(GPTNeoXConfig(hidden_size=64, num_attention_heads=1, rope_parameters=rope))
    f = module.inv_freq.double().numpy()
    claim(len(f) == 10, "64 × 0.3 is 19.2, cut to 19; 20 coordinates are rotated")
    claim(abs(f[1] - 10000 ** (-2 / 19)) < 1e-7, "inv_freq[1] is 10000^(-2/19)")


@finding(70, "Transformers: longrope and dynamic change the angles of tokens whose keys are cached")
def cached(claim):
    rope = dict(rope_type="longrope", short_factor=[1.0] * 32, long_factor=[8.0] * 32, original_max_position_embeddings=64, factor=4.0)
    module = llama(**rope)
    before, after = cos(module, range(64)), cos(module, range(65))[:, :64]
    claim(apart(before, after) > 1, "longrope: the cosines of positions 0…63 at length 64 and 65 differ by %.2f; a cache keeps the first" % apart(before, after))
    module = llama(rope_type="dynamic", factor=4.0, longest=64)
    before, after = cos(module, range(64)), cos(module, range(128))[:, :64]
    claim(apart(before, after) > 0.5, "dynamic: at 64 and 128 by %.2f" % apart(before, after))


@finding(71, "Transformers: dynamic takes max_position_embeddings for the original length, whatever the original length is given as")
def original(claim):
    module = llama(rope_type="dynamic", factor=4.0, original_max_position_embeddings=256, longest=1024)
    plain = llama(rope_type="default")
    claim(torch.equal(cos(module, range(512)), cos(plain, range(512))), "original 256, maximum 1024: 512 tokens are not scaled (a warning: unrecognized key)")


@finding(72, "Transformers: yarn and llama3 without original_max_position_embeddings take the extended length for it")
def fallback(claim):
    module = llama(rope_type="yarn", factor=4.0, longest=16384)
    want = [float(f) for f in yarn(64, 10000, 4, 16384)]
    claim(apart(module.inv_freq.double().numpy() / want, 1) < 1e-5, "yarn, maximum 16384: the ramp of an original length of 16384")
    right = [float(f) for f in yarn(64, 10000, 4, 4096)]
    off = apart(module.inv_freq.double().numpy() / right, 1)
    claim(off > 0.1, "a model trained on 4096 has frequencies up to %.0f %% away" % (100 * off))


@finding(73, "Transformers: yarn reads mscale only beside mscale_all_dim, and attn_factor not at all")
def mscale(claim):
    rope = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=256)
    plain = llama(**rope).attention_scaling
    for key, value in (("mscale", 0.5), ("attn_factor", 2.0), ("mscale_all_dim", 1.0)):
        claim(llama(**rope, **{key: value}).attention_scaling == plain, "%s %g alone: magnitude %.4f as without" % (key, value, plain))


main()
