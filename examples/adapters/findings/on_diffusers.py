"""Findings in diffusers."""

import inspect

import numpy
import torch
from diffusers import FluxPipeline
from diffusers.models.embeddings import apply_rotary_emb, get_1d_rotary_pos_embed, get_2d_rotary_pos_embed, get_timestep_embedding
from diffusers.models.transformers.transformer_flux import FluxPosEmbed
from evidence import apart, finding, main, outcome, random, rotated


@finding(40, "diffusers: get_timestep_embedding of width 2 or 3 is NaN")
def narrow(claim):
    for width in (2, 3):
        made = get_timestep_embedding(torch.tensor([5.0]), width)
        claim(bool(torch.isnan(made[0, :2]).all()), "width %d: %s (0 divided by half_dim - downscale_freq_shift = 0)" % (width, made[0].tolist()))
    fine = get_timestep_embedding(torch.tensor([5.0]), 2, downscale_freq_shift=0)
    claim(bool(torch.isfinite(fine).all()), "with downscale_freq_shift=0 it is finite")


@finding(41, "diffusers: apply_rotary_emb(use_real=False) turns by the head when the number of heads is D/2")
def by_head(claim):
    x, table = torch.from_numpy(random(1, 5, 4, 8)), get_1d_rotary_pos_embed(8, 5)
    want = rotated(x.transpose(1, 2), range(5), "interleaved").swapaxes(1, 2)
    off = apart(apply_rotary_emb(x, table, use_real=False), want)
    claim(off > 1, "4 heads of width 8 with the table that get_1d_rotary_pos_embed returns: off by %.2f" % off)
    claim(apart(apply_rotary_emb(x, table[None], use_real=False), want) < 1e-5, "with a batch axis before the table it is right")
    wrong = outcome(lambda: apply_rotary_emb(torch.zeros(1, 5, 3, 8), table, use_real=False))
    claim(wrong == "RuntimeError", "3 heads: an error")


@finding(42, "diffusers: FLUX's image ids travel in bf16, so rows and columns from 257 on collapse")
def flux(claim):
    source = inspect.getsource(FluxPipeline._prepare_latent_image_ids) + inspect.getsource(FluxPipeline.prepare_latents)
    claim("latent_image_ids.to(device=device, dtype=dtype)" in source, "the pipeline casts the ids to the dtype of the model")
    ids = FluxPipeline._prepare_latent_image_ids(1, 1, 300, "cpu", torch.bfloat16)
    exact = FluxPipeline._prepare_latent_image_ids(1, 1, 300, "cpu", torch.float32)
    embed = FluxPosEmbed(10000, (16, 56, 56))
    got, want = embed(ids)[0], embed(exact)[0]
    claim(torch.equal(got[256], got[257]), "columns 256 and 257 of a bf16 pipeline have one embedding")
    claim(apart(got, want) > 0.5, "cos is off by up to %.2f (latents wider than 256, images above 4096 pixels)" % apart(got, want))
    claim(apart(got[:257], want[:257]) == 0, "up to column 256 it is exact")


@finding(43, "diffusers: a half-split table with apply_rotary_emb's default is no rotation")
def mixed(claim):
    x = torch.from_numpy(random(1, 2, 8, 64))
    table = get_1d_rotary_pos_embed(64, 8, use_real=True, repeat_interleave_real=False)
    y = apply_rotary_emb(x, table)
    ratio = (y.norm(dim=-1) / x.norm(dim=-1))
    claim(float((ratio - 1).abs().max()) > 0.02, "norms change by up to %.0f %%, without an error" % (100 * float((ratio - 1).abs().max())))
    right = apply_rotary_emb(x, table, use_real_unbind_dim=-2)
    claim(apart(right, rotated(x, range(8), "half")) < 1e-5, "use_real_unbind_dim=-2 is right")


@finding(44, "diffusers: ntk_factor multiplies the base, which is not the NTK rule")
def ntk(claim):
    got = get_1d_rotary_pos_embed(64, torch.tensor([1]), ntk_factor=4.0).angle()[0].double().numpy()
    i = numpy.arange(32)
    claim(apart(got / (40000.0 ** (-2 * i / 64)), 1) < 1e-5, "factor 4: frequencies of base 40000")
    rule = (10000 * 4 ** (64 / 62)) ** (-2 * i / 64)
    claim(apart(got / rule, 1) > 0.04, "the NTK rule has base 10000 * 4^(d/(d-2)); the last pair differs by %.1f %%" % (100 * apart(got / rule, 1)))


@finding(45, "diffusers: get_2d_rotary_pos_embed encodes columns first, though the code says height")
def order(claim):
    cos, sin = get_2d_rotary_pos_embed(8, ((0, 0), (2, 3)), (2, 3))
    first, second = torch.atan2(sin, cos)[:, 0], torch.atan2(sin, cos)[:, 4]
    claim(numpy.allclose(first, [0, 1, 2, 0, 1, 2], atol=1e-6), "the first half of the channels turns with the column")
    claim(numpy.allclose(second, [0, 0, 0, 1, 1, 1], atol=1e-6), "the second half with the row (the names in the code are the reverse)")


main()
