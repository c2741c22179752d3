"""Transformers' Llama rope on a CUDA device: the same code as transformers_llama.py, other sin, cos and
pow. NOT RUN BY US: it needs an NVIDIA card."""

import protocol
import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

modules = {}


def rotate(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    head, theta = protocol.whole(config), config["rope_theta"]
    protocol.forward_only(input)
    if (head, theta) not in modules:
        rope = {"rope_type": "default", "rope_theta": theta}
        made = LlamaConfig(hidden_size=head, num_attention_heads=1, head_dim=head, rope_parameters=rope)
        modules[head, theta] = LlamaRotaryEmbedding(made).cuda()
    given = {name: part.torch().cuda() for name, part in protocol.tensors(input).items()}
    q = given["q"]
    cos, sin = modules[head, theta](q, torch.from_numpy(protocol.positions(input, rank=2)).cuda())
    return {name: y.cpu() for name, y in zip(given, apply_rotary_pos_emb(q, given.get("k", q), cos, sin))}


protocol.serve(
    "transformers-llama-cuda", {"rotate": rotate}, package="transformers",
    homepage="https://github.com/huggingface/transformers",
    dtypes=["f32", "bf16", "f16"], layouts=["half"], rope_types=["default"], directions=["forward"],
)
