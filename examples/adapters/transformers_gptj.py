"""Hugging Face Transformers, GPT-J: layout interleaved, a table of sines for positions from 0, base 10000."""

import protocol
import torch
from transformers import GPTJConfig
from transformers.models.gptj.modeling_gptj import GPTJRotaryEmbedding, apply_rotary_pos_emb

ROWS = 1 << 17
TORCH = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}

options = protocol.arguments(default=["f32", "bf16", "f16"])
modules = {}


def module(rotary):
    """The table of a model, made once, under the default dtype that `--default` names."""
    if rotary not in modules:
        before = torch.get_default_dtype()
        torch.set_default_dtype(TORCH[options.default])
        try:
            modules[rotary] = GPTJRotaryEmbedding(
                GPTJConfig(n_embd=rotary, n_head=1, rotary_dim=rotary, n_positions=ROWS)
            )
        finally:
            torch.set_default_dtype(before)
    return modules[rotary]


def rotate(config, input, dtype):
    if config["layout"] != "interleaved" or config["rope_theta"] != 10000:
        raise protocol.Unsupported("interleaved with base 10000 only")
    head, rotary = protocol.leading(config)
    protocol.forward_only(input)
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    out = {}
    for name, x in given.items():
        # GPT-J works on [batch, seq, heads, D].
        x = x.transpose(1, 2)
        sin, cos = module(rotary)(x, grid)
        turned = apply_rotary_pos_emb(x[..., :rotary], sin, cos)
        out[name] = torch.cat([turned, x[..., rotary:]], dim=-1).transpose(1, 2)
    return out


protocol.serve(
    "transformers-gptj" + ("" if options.default == "f32" else "-default-" + options.default),
    {"rotate": rotate},
    package="transformers",
    homepage="https://github.com/huggingface/transformers",
    dtypes=["f32", "bf16", "f16"],
    layouts=["interleaved"],
    rope_types=["default"],
    directions=["forward"],
    limits={"min_position": 0, "max_position": ROWS - 1},
)
