"""Findings in x-transformers."""

import torch
from evidence import apart, finding, main, outcome, random, rotated
from x_transformers.x_transformers import RotaryEmbedding, ScaledSinusoidalEmbedding, apply_rotary_pos_emb


@finding(10, "x-transformers: module.to(bfloat16) rounds the frequencies and then the positions")
def cast(claim):
    q = torch.from_numpy(random(1, 1, 1, 32))
    for dtype, at, least in ((torch.bfloat16, 257, 0.2), (torch.bfloat16, 1000, 0.5), (torch.float16, 2049, 0.2)):
        freqs, scale = RotaryEmbedding(32).to(dtype)(torch.tensor([at]))
        off = apart(apply_rotary_pos_emb(q, freqs, scale), rotated(q, [at], "interleaved"))
        claim(off > least, "%s: f32 queries at %d are off by %.2f" % (dtype, at, off))
    claim("inv_freq" in RotaryEmbedding(32).state_dict(), "inv_freq is a persistent buffer, so a checkpoint keeps the rounded values")


@finding(11, "x-transformers: RotaryEmbedding.forward(t, offset) ignores its offset")
def offset(claim):
    module = RotaryEmbedding(32)
    same = torch.equal(module(torch.arange(10), offset=100)[0], module(torch.arange(10))[0])
    claim(same, "offset=100 and offset=0 give the same angles")


@finding(12, "x-transformers: ScaledSinusoidalEmbedding fails for left-padded batches")
def padded(claim):
    module, tokens = ScaledSinusoidalEmbedding(32), torch.zeros(2, 5, 32)
    claim(tuple(module(tokens).shape) == (5, 32), "without seq_start_pos it answers")
    claim(outcome(lambda: module(tokens, seq_start_pos=torch.tensor([0, 1]))) == "RuntimeError", "with seq_start_pos, which its signature has, einsum raises RuntimeError")


main()
