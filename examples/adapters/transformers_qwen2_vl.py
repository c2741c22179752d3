"""Hugging Face Transformers, Qwen2-VL: M-RoPE with sections, layout half, positions on three axes."""

import protocol
import torch
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLRotaryEmbedding, apply_rotary_pos_emb

modules = {}


def module(head, theta, section):
    key = (head, theta, tuple(section))
    if key not in modules:
        rope = {"rope_type": "default", "rope_theta": theta, "mrope_section": section}
        modules[key] = Qwen2VLRotaryEmbedding(
            Qwen2VLTextConfig(hidden_size=head, num_attention_heads=1, num_key_value_heads=1, rope_parameters=rope)
        )
    return modules[key]


def rotate(config, input, dtype):
    if config["layout"] != "half" or config.get("mrope_interleaved", False):
        raise protocol.Unsupported("layout half with sections one after the other only")
    head, section = protocol.whole(config), config["mrope_section"]
    protocol.forward_only(input)
    grid = torch.from_numpy(protocol.positions(input, rank=3))
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    q = given["q"]
    cos, sin = module(head, config["rope_theta"], section)(q, grid)
    return dict(zip(given, apply_rotary_pos_emb(q, given.get("k", q), cos, sin)))


protocol.serve(
    "transformers-qwen2-vl",
    {"rotate": rotate},
    package="transformers",
    homepage="https://github.com/huggingface/transformers",
    dtypes=["f32", "bf16", "f16"],
    layouts=["half"],
    rope_types=["default"],
    directions=["forward"],
    axes=[3],
)
