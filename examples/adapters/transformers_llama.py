"""Hugging Face Transformers, the Llama rotary embedding: layout half, every rope_type it knows.

One module is kept for each config, as a model keeps it, so what a call leaves behind is seen by the
next. `--cast bf16` and `--cast f16` convert the module first, as `model.to(torch.bfloat16)` does.
"""

import json

import protocol
import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

TYPES = ["default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional"]
NUMBERS = (
    "factor attention_factor beta_fast beta_slow truncate mscale mscale_all_dim low_freq_factor "
    "high_freq_factor short_factor long_factor original_max_position_embeddings"
).split()
TORCH = {"f64": torch.float64, "f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}

options = protocol.arguments(cast=["none", "bf16", "f16"])
modules = {}


def parameters(config):
    """`rope_parameters` as a config.json has them."""
    found = {"rope_type": config.get("rope_type", "default"), "rope_theta": config["rope_theta"]}
    if found["rope_type"] not in TYPES:
        raise protocol.Unsupported("rope_type %s" % found["rope_type"])
    for name in NUMBERS:
        if name in config:
            found[name] = config[name]
    if found["rope_type"] == "proportional":
        found["partial_rotary_factor"] = config.get("partial_rotary_factor", 1.0)
    return found


def module(config, head):
    """The rotary embedding of a model with this config, made once."""
    rope = parameters(config)
    original = rope.get("original_max_position_embeddings")
    longest = config.get("max_position_embeddings", original or 2048)
    if rope["rope_type"] == "dynamic":
        # Transformers reads the original length under the other name.
        rope.pop("original_max_position_embeddings", None)
        longest = original or longest
    key = json.dumps([head, longest, rope], sort_keys=True)
    if key not in modules:
        made = LlamaRotaryEmbedding(
            LlamaConfig(
                hidden_size=head, num_attention_heads=1, head_dim=head,
                max_position_embeddings=longest, rope_parameters=rope,
            )
        )
        modules[key] = made if options.cast == "none" else made.to(TORCH[options.cast])
    return modules[key]


def tables(config, head, grid, input, dtype):
    """cos and sin [batch, seq, head]. A total length is said with one more token at its end."""
    length = None
    if config.get("rope_type") in ("dynamic", "longrope"):
        if "seq_len" not in input:
            raise protocol.Rejected("seq_len_required: the library would infer it from the positions")
        length = input["seq_len"]
    if length is not None and grid.max() >= length:
        raise protocol.Unsupported("a length below the largest position: it is inferred from the positions")
    grid = torch.from_numpy(grid)
    seq = grid.shape[1]
    if length is not None:
        grid = torch.cat([grid, torch.full((grid.shape[0], 1), length - 1)], dim=1)
    cos, sin = module(config, head)(torch.zeros(1, dtype=TORCH[dtype]), grid)
    return cos[:, :seq], sin[:, :seq]


def head_of(config):
    return config["head_dim"] if config.get("rope_type") == "proportional" else protocol.whole(config)


def rotate(config, input, dtype):
    head = head_of(config)
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    protocol.forward_only(input)
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    q = given["q"]
    cos, sin = tables(config, head, protocol.positions(input, rank=2), input, input.tensor("q").dtype)
    out = apply_rotary_pos_emb(q, given.get("k", q), cos, sin)
    return dict(zip(given, out))


def table(config, input, dtype):
    head = head_of(config)
    config["layout"]
    grid = protocol.positions(input, rank=1)[None]
    cos, sin = tables(config, head, grid, input, dtype)
    half = cos.shape[-1] // 2
    return {"cos": cos[0, :, :half], "sin": sin[0, :, :half]}


protocol.serve(
    "transformers-llama" + ("" if options.cast == "none" else "-cast-" + options.cast),
    {"rotate": rotate, "table": table},
    package="transformers",
    homepage="https://github.com/huggingface/transformers",
    dtypes=["f32", "bf16", "f16"],
    layouts=["half"],
    rope_types=TYPES,
    directions=["forward"],
    limits={"equal_heads": False},
)
