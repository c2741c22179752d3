"""Findings in torchtune. Its modules are loaded from their files, for the package wants an older torchao."""

import importlib.util
import pathlib

import torch
from evidence import apart, finding, main, outcome, random, rotated

package = pathlib.Path(importlib.util.find_spec("torchtune").submodule_search_locations[0])


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Rotary = load(package / "modules" / "position_embeddings.py").RotaryPositionalEmbeddings
Llama3 = load(package / "models" / "llama3_1" / "_position_embeddings.py").Llama3ScaledRoPE


@finding(36, "torchtune: positions beyond max_seq_len are an error, where the documentation promises a longer table")
def end(claim):
    module, x = Rotary(64, max_seq_len=128), torch.from_numpy(random(1, 1, 1, 64))
    claim("if exceeded the cached freqs will be recomputed" in Rotary.__doc__.replace("\n", " ").replace("            ", " "), "the docstring: if exceeded the cached freqs will be recomputed")
    claim(outcome(lambda: module(x, input_pos=torch.tensor([[128]]))) == "IndexError", "position 128 of 128: IndexError")
    claim(outcome(lambda: module(torch.zeros(1, 129, 1, 64))) == "RuntimeError", "129 tokens without input_pos: RuntimeError about a view")
    turned = module(x, input_pos=torch.tensor([[-1]]))
    claim(torch.equal(turned, module(x, input_pos=torch.tensor([[127]]))), "position -1 is rotated as 127")


@finding(37, "torchtune: RotaryPositionalEmbeddings from the meta device runs on uninitialised memory")
def meta(claim):
    with torch.device("meta"):
        plain, scaled = Rotary(64, 16), Llama3(64, 16)
    plain, scaled = plain.to_empty(device="cpu"), scaled.to_empty(device="cpu")
    x = torch.ones(1, 2, 1, 64)
    claim(float(plain.theta[0]) != 1.0, "after to_empty its first frequency is %g, 1 is right" % float(plain.theta[0]))
    claim(torch.is_tensor(plain(x)), "a call answers")
    claim(outcome(lambda: scaled(x)) == "RuntimeError", "Llama3ScaledRoPE refuses (RuntimeError: RoPE cache is not built)")


@finding(38, "torchtune: build_rope_cache after module.to(bfloat16) uses bf16 frequencies and positions")
def cast(claim):
    x = torch.from_numpy(random(1, 1, 1, 64))
    at = torch.tensor([[4000]])
    module = Rotary(64, 4096).to(torch.bfloat16)
    off = apart(module(x, input_pos=at), rotated(x[:, :, 0], [4000], "interleaved")[:, :, None])
    claim(off < 0.02, "module.to(bfloat16): the table is rounded, position 4000 is off by %.4f" % off)
    module.build_rope_cache(4096)
    off = apart(module(x, input_pos=at), rotated(x[:, :, 0], [4000], "interleaved")[:, :, None])
    claim(off > 0.5, "a table built again in that module is off by %.2f" % off)


@finding(39, "f64 in, f64 out, f32 accuracy: torchtune, diffusers, rotary-embedding-torch, Transformers")
def double(claim):
    import diffusers.models.embeddings as d
    from rotary_embedding_torch import RotaryEmbedding
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    x, at = torch.from_numpy(random(1, 1, 1, 64)).double(), 131071
    want = {layout: rotated(x, [at], layout) for layout in ("interleaved", "half")}
    hf = LlamaRotaryEmbedding(LlamaConfig(hidden_size=64, num_attention_heads=1, head_dim=64))
    for name, layout, got in (
        ("torchtune", "interleaved", Rotary(64, at + 1)(x, input_pos=torch.tensor([[at]]))),
        ("diffusers", "interleaved", d.apply_rotary_emb(x, d.get_1d_rotary_pos_embed(64, torch.tensor([at]), use_real=True))),
        ("rotary-embedding-torch", "interleaved", RotaryEmbedding(64).rotate_queries_or_keys(x, offset=at)),
        ("Transformers", "half", apply_rotary_pos_emb(x, x, *hf(x, torch.tensor([[at]])))[0]),
    ):
        off = apart(got, want[layout])
        claim(got.dtype == torch.float64 and off > 1e-5, "%s: float64 at 131071, off by %.1e" % (name, off))


main()
