"""Findings in rotary-embedding-torch."""

import numpy
import torch
from evidence import apart, finding, main, outcome, random, rotated
from rotary_embedding_torch import RotaryEmbedding


def x(*shape):
    return torch.from_numpy(random(*shape))


@finding(2, "rotary-embedding-torch: positions in the dtype of the queries")
def positions(claim):
    for dtype, at in ((torch.bfloat16, 256), (torch.bfloat16, 257), (torch.float16, 2048), (torch.float16, 2049)):
        q = x(1, 1, 1, 64).to(dtype)
        off = apart(RotaryEmbedding(64).rotate_queries_or_keys(q, offset=at), rotated(q.float(), [at], "interleaved"))
        claim((off > 0.5) == (at % 2 == 1), "%s at position %d is off by %.4f" % (dtype, at, off))
    q = x(1, 1, 600, 64).bfloat16()
    off = apart(RotaryEmbedding(64).rotate_queries_or_keys(q), rotated(q.float(), range(600), "interleaved"))
    claim(off > 1, "a bf16 sequence of 600 tokens is off by %.2f" % off)


@finding(3, "rotary-embedding-torch: a bf16 call fills the cache that later f32 calls read")
def poisoned(claim):
    q, want = x(1, 1, 600, 64), rotated(x(1, 1, 600, 64), range(600), "interleaved")
    fresh = apart(RotaryEmbedding(64).rotate_queries_or_keys(q), want)
    claim(fresh < 1e-3, "f32 in a fresh module is off by %.1e" % fresh)
    module = RotaryEmbedding(64)
    module.rotate_queries_or_keys(q.bfloat16())
    after = apart(module.rotate_queries_or_keys(q), want)
    claim(after > 1, "the same f32 call after one bf16 call is off by %.2f" % after)


@finding(4, "rotary-embedding-torch: get_axial_freqs ignores offsets once a table is cached, and caches theirs")
def axial(claim):
    module = RotaryEmbedding(16)
    table = module.get_axial_freqs(4, 4, offsets=(0, 10))
    claim(float(table[0, 1, 16]) == 1.0, "offsets (0, 10): column 1 has angle %.0f, 11 is right" % table[0, 1, 16])
    module = RotaryEmbedding(16)
    module.get_axial_freqs(4, 4, offsets=(5, 5))
    q = x(1, 1, 4, 16)
    off = apart(module.rotate_queries_or_keys(q), rotated(q, range(4), "interleaved"))
    claim(off > 0.5, "a rotation of positions 0…3 afterwards is off by %.2f" % off)


@finding(5, "rotary-embedding-torch: a negative offset reads the end of the cache")
def negative(claim):
    q = x(1, 1, 4, 64)
    got = RotaryEmbedding(64).rotate_queries_or_keys(q, offset=-10)
    claim(torch.equal(got, q), "offset -10 in a fresh module leaves the queries as they are")
    module = RotaryEmbedding(64)
    module.rotate_queries_or_keys(x(1, 1, 8192, 64))
    got = apart(module.rotate_queries_or_keys(q, offset=-10), rotated(q, range(8182, 8186), "interleaved"))
    claim(got < 1e-2, "after a sequence of 8192 it rotates by 8182…8185 (to %.0e)" % got)
    uncached = RotaryEmbedding(64, cache_if_possible=False).rotate_queries_or_keys(q, offset=-10)
    off = apart(uncached, rotated(q, range(-10, -6), "interleaved"))
    claim(off < 1e-5, "without the cache it is right (off by %.0e)" % off)


def zeta(width):
    pairs = numpy.arange(0, width, 2)
    return (pairs + 0.4 * width) / (1.4 * width)


@finding(6, "rotary-embedding-torch: xPos with cached keys gives queries and keys different origins")
def decode(claim):
    q, k = x(1, 1, 1000, 32), torch.from_numpy(random(1, 1, 1000, 32, seed=1))
    full_q, full_k = RotaryEmbedding(32, use_xpos=True).rotate_queries_and_keys(q, k)
    full = (full_q[:, :, -1:] @ full_k.transpose(-1, -2))[0, 0, 0]
    step_q, step_k = RotaryEmbedding(32, use_xpos=True).rotate_queries_with_cached_keys(q[:, :, -1:], k)
    step = (step_q @ step_k.transpose(-1, -2))[0, 0, 0]
    off = apart(step, full)
    claim(off > 1, "logits of token 999 in a decoding step and in the whole sequence differ by %.2f (largest %.2f)" % (off, float(full.abs().max())))
    # The origin is half the length of what is passed: 0 for one query, 500 for the keys.
    ratio = array_ratio(step_q, full_q[:, :, -1:], 32)
    claim(apart(ratio, zeta(32) ** (500 / 512)) < 1e-3, "the query is too small by zeta^(500/512), %.3f to %.3f" % (ratio.min(), ratio.max()))


def array_ratio(a, b, width):
    size = lambda t: t.detach().double().numpy().reshape(width // 2, 2)
    return numpy.linalg.norm(size(a), axis=1) / numpy.linalg.norm(size(b), axis=1)


@finding(7, "rotary-embedding-torch: xPos scales of a short sequence after a long one")
def history(claim):
    q, k = x(1, 1, 100, 32), torch.from_numpy(random(1, 1, 100, 32, seed=1))
    module = RotaryEmbedding(32, use_xpos=True)
    before = module.rotate_queries_and_keys(q, k)
    module.rotate_queries_and_keys(x(1, 1, 1000, 32), x(1, 1, 1000, 32))
    after = module.rotate_queries_and_keys(q, k)
    claim(apart(before[0], after[0]) > 1, "the same 100 queries before and after a sequence of 1000 differ by %.2f" % apart(before[0], after[0]))
    logits = [(a @ b.transpose(-1, -2)) for a, b in (before, after)]
    claim(apart(*logits) < 1e-3, "their logits among themselves do not (%.0e): only keys kept from before show it" % apart(*logits))


@finding(8, "rotary-embedding-torch: seq_before_head_dim with xPos and cached keys scales by head, not by token")
def heads(claim):
    q, k = x(1, 6, 6, 32), torch.from_numpy(random(1, 6, 6, 32, seed=1))
    turned = RotaryEmbedding(32, use_xpos=True, seq_before_head_dim=True).rotate_queries_with_cached_keys(q, k)
    plain = RotaryEmbedding(32, use_xpos=True).rotate_queries_with_cached_keys(q.transpose(1, 2), k.transpose(1, 2))
    off = apart(turned[0], plain[0].transpose(1, 2))
    claim(off > 1e-3, "six heads, six tokens: the two axis orders differ by %.4f" % off)
    # Undo the rotation by comparing with plain scales along the other axis.
    wide = RotaryEmbedding(32, use_xpos=True, seq_before_head_dim=True)
    claim(outcome(lambda: wide.rotate_queries_with_cached_keys(x(1, 6, 5, 32), x(1, 6, 5, 32))) == "RuntimeError", "six tokens, five heads: RuntimeError")


@finding(9, "rotary-embedding-torch and x-transformers: dim = 2 divides by zero")
def two(claim):
    from x_transformers.x_transformers import RotaryEmbedding as Other

    claim(outcome(lambda: RotaryEmbedding(2)) == "ZeroDivisionError", "rotary-embedding-torch: ZeroDivisionError, though no rescaling is asked for")
    claim(outcome(lambda: Other(2)) == "ZeroDivisionError", "x-transformers: the same")


@finding(75, 'rotary-embedding-torch: freqs_for="constant" and custom_freqs fail with the cache that is on by default')
def constant(claim):
    q = x(1, 1, 3, 64)
    for options in ({"freqs_for": "constant", "num_freqs": 4}, {"custom_freqs": torch.rand(8)}):
        name = next(iter(options))
        claim(outcome(lambda: RotaryEmbedding(64, **options).rotate_queries_or_keys(q)) == "RuntimeError", "%s: RuntimeError" % name)
        claim(torch.is_tensor(RotaryEmbedding(64, cache_if_possible=False, **options).rotate_queries_or_keys(q)), "%s with cache_if_possible=False answers" % name)


@finding(76, "Odd widths are accepted and fail late, as a broadcast or a view")
def odd(claim):
    from x_transformers.x_transformers import RotaryEmbedding as Other, apply_rotary_pos_emb

    claim(outcome(lambda: RotaryEmbedding(7).rotate_queries_or_keys(x(1, 1, 3, 7))) == "RuntimeError", "rotary-embedding-torch, 7: built, then RuntimeError about an expansion")
    freqs, scale = Other(7)(torch.arange(3))
    claim(freqs.shape[-1] == 8, "x-transformers, 7: eight angles")
    claim(outcome(lambda: apply_rotary_pos_emb(x(1, 1, 3, 7), freqs, scale)) == "RuntimeError", "then RuntimeError about sizes")
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    module = LlamaRotaryEmbedding(LlamaConfig(hidden_size=3, num_attention_heads=1, head_dim=3))
    claim(module(torch.zeros(1), torch.tensor([[0]]))[0].shape[-1] == 4, "Transformers, head_dim 3 (allowed up to 4 on purpose): four cosines")


main()
