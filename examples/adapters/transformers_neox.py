"""Hugging Face Transformers, GPT-NeoX: layout half, partial rotation of the first coordinates."""

import protocol
import torch
from transformers import GPTNeoXConfig
from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXRotaryEmbedding, apply_rotary_pos_emb

modules = {}


def module(head, share, theta):
    key = (head, share, theta)
    if key not in modules:
        rope = {"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": share}
        modules[key] = GPTNeoXRotaryEmbedding(
            GPTNeoXConfig(hidden_size=head, num_attention_heads=1, rope_parameters=rope)
        )
    return modules[key]


def rotate(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    head, rotary = protocol.leading(config)
    share = config.get("partial_rotary_factor", rotary / head)
    if int(head * share) != rotary:
        raise protocol.Unsupported("a rotary_dim that no partial_rotary_factor gives")
    protocol.forward_only(input)
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    q = given["q"]
    cos, sin = module(head, share, config["rope_theta"])(q, grid)
    return dict(zip(given, apply_rotary_pos_emb(q, given.get("k", q), cos, sin)))


protocol.serve(
    "transformers-neox",
    {"rotate": rotate},
    package="transformers",
    homepage="https://github.com/huggingface/transformers",
    dtypes=["f32", "bf16", "f16"],
    layouts=["half"],
    rope_types=["default"],
    directions=["forward"],
)
