"""Findings in LitGPT, IBM's foundation-model-stack, torchscale, fair-esm and Megatron-Core."""

import importlib.util
import pathlib

import numpy
import torch
from evidence import apart, finding, frequencies, main, outcome, random, rotated, yarn


def load(package, *parts):
    path = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0]).joinpath(*parts)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@finding(46, "LitGPT: the YaRN ramp is reversed")
def litgpt(claim):
    from litgpt.model import build_rope_cache

    extra = {"factor": 40.0, "beta_fast": 32, "beta_slow": 1, "original_max_seq_len": 4096}
    cos, sin = build_rope_cache(2, 64, base=10000, extra_config=extra)
    got = numpy.arctan2(sin[1, :32].double().numpy(), cos[1, :32].double().numpy())
    plain = numpy.array([float(f) for f in frequencies(64)])
    want = numpy.array([float(f) for f in yarn(64, 10000, 40, 4096)])
    claim(abs(got[0] - 0.025) < 1e-6, "DeepSeek's numbers: pair 0 is divided by 40 (turns by %.3f), 1 is right" % got[0])
    claim(abs(got[31] / plain[31] - 1) < 1e-5, "the slowest pair is not divided at all; %.3f of its frequency is right" % (want / plain)[31])
    middle = got / plain + want / plain - (1 + 1 / 40)
    claim(abs(middle).max() < 0.25, "in between the blend runs from divided to kept instead of from kept to divided")


@finding(47, "ibm-fms: Alibi cannot be built")
def alibi(claim):
    from fms.modules.positions import Alibi

    claim(outcome(lambda: Alibi(8)) == "AttributeError", "Alibi(8): AttributeError, math has no function sign")


@finding(48, "ibm-fms: RotaryEmbedding fails by the order of lengths")
def lengths(claim):
    from fms.modules.positions import RotaryEmbedding

    x = torch.from_numpy(random(1, 4, 1, 64))
    at = lambda module, p: module.adjusted_qk(x, x, torch.arange(p, p + 4)[None])[0]
    plain = RotaryEmbedding(64, max_seq_len=128)
    at(plain, 10)
    claim(outcome(lambda: at(plain, 300)) == "IndexError", "positions 10, then 300 with max_seq_len 128: IndexError (documented: recomputed)")
    plain = RotaryEmbedding(64, max_seq_len=128)
    claim(torch.is_tensor(at(plain, 300)) and torch.is_tensor(at(plain, 10)), "300 first, then 10: fine")
    ntk = RotaryEmbedding(64, max_seq_len=128, scaling={"rope_type": "ntk"})
    at(ntk, 300)
    claim(outcome(lambda: at(ntk, 10)) == "KeyError", "ntk, 300 first, then 10: KeyError")
    ntk = RotaryEmbedding(64, max_seq_len=128, scaling={"rope_type": "ntk"})
    at(ntk, 10)
    claim(torch.is_tensor(at(ntk, 300)), "10 first, then 300: fine")
    plain = RotaryEmbedding(64, max_seq_len=128)
    turned = plain.adjusted_qk(x, x, torch.tensor([[-1, 0, 1, 2]]))[0][:, :1]
    last = plain.adjusted_qk(x, x, torch.tensor([[127, 0, 1, 2]]))[0][:, :1]
    claim(torch.equal(turned, last), "position -1 is rotated as 127")


@finding(49, "torchscale: XPOS in half precision rounds the angles before their sine")
def torchscale(claim):
    XPOS = load("torchscale", "component", "xpos_relative_position.py").XPOS
    x = torch.from_numpy(random(1, 1, 64))
    right = XPOS(64)(x, offset=1000)
    for module, least in ((XPOS(64).to(torch.bfloat16), 0.2), (XPOS(64).half(), 0.02)):
        off = apart(module(x, offset=1000), right)
        claim(off > least, "%s: f32 queries at position 1000 differ by %.2f" % (module.scale.dtype, off))


@finding(50, "fair-esm: RotaryEmbedding().half() rounds inv_freq, and the table is kept for the next dtype")
def esm(claim):
    Rotary = load("esm", "rotary_embedding.py").RotaryEmbedding
    x, want = torch.from_numpy(random(1, 1001, 64)), rotated(random(1, 1001, 64), range(1001), "half")
    module = Rotary(64).half()
    off = apart(module(x.half(), x.half())[0], want)
    claim(off > 0.5, "half precision, 1001 tokens: off by %.2f" % off)
    module.float()
    off = apart(module(x, x)[0], want)
    claim(off > 0.5, "the same module back in f32: still off by %.2f (inv_freq is a persistent buffer)" % off)
    module = Rotary(64)
    module(x, x)
    claim(module.half()(x.half(), x.half())[0].dtype == torch.float32, "f32 first, then half, same length: the answer is f32 (the table is keyed by its length)")


@finding(51, "Megatron-Core: YarnRotaryEmbedding ignores rotary_percent and seq_len_interpolation_factor")
def megatron(claim):
    torch.cuda.current_device = lambda: "cpu"  # the class asks for a GPU; nothing else of it needs one
    from megatron.core.models.common.embeddings.rotary_pos_embedding import RotaryEmbedding
    from megatron.core.models.common.embeddings.yarn_rotary_pos_embedding import YarnRotaryEmbedding

    options = {"rotary_percent": 0.5, "use_cpu_initialization": True}
    claim(RotaryEmbedding(128, **options)(4).shape[-1] == 64, "rotary_percent 0.5 of 128: RotaryEmbedding rotates 64")
    claim(YarnRotaryEmbedding(128, scaling_factor=4.0, **options)(4)[0].shape[-1] == 128, "YarnRotaryEmbedding rotates 128")
    options = {"rotary_percent": 1.0, "seq_len_interpolation_factor": 4.0, "use_cpu_initialization": True}
    claim(float(RotaryEmbedding(128, **options)(4)[1, 0, 0, 0]) == 0.25, "seq_len_interpolation_factor 4: RotaryEmbedding turns pair 0 by 0.25")
    claim(float(YarnRotaryEmbedding(128, scaling_factor=1.0, **options)(4)[0][1, 0, 0, 0]) == 1.0, "YarnRotaryEmbedding by 1")


main()
