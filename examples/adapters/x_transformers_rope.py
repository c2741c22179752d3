"""x-transformers: rotary (layout interleaved), ALiBi, T5 buckets."""

import protocol
import torch
from x_transformers.x_transformers import (
    AlibiPositionalBias, RelativePositionBias, RotaryEmbedding, apply_rotary_pos_emb,
)

TORCH = {"f64": torch.float64, "f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}

options = protocol.arguments(cast=["none", "bf16", "f16"])
modules = {}


def module(rotary, theta, factor):
    key = (rotary, theta, factor)
    if key not in modules:
        made = RotaryEmbedding(rotary, base=theta, interpolation_factor=factor)
        modules[key] = made if options.cast == "none" else made.to(TORCH[options.cast])
    return modules[key]


def rotate(config, input, dtype):
    if config["layout"] != "interleaved":
        raise protocol.Unsupported("layout")
    _, rotary = protocol.leading(config)
    kind = config.get("rope_type", "default")
    if kind not in ("default", "linear"):
        raise protocol.Unsupported("rope_type")
    protocol.forward_only(input)
    turn = module(rotary, config["rope_theta"], config["factor"] if kind == "linear" else 1.0)
    freqs, scale = turn(torch.from_numpy(protocol.positions(input, rank=2)))
    return {name: apply_rotary_pos_emb(x.torch(), freqs, scale) for name, x in protocol.tensors(input).items()}


def bias(config, input, dtype):
    if config["slopes"] != "code" or config["form"] != "symmetric":
        raise protocol.Unsupported("the symmetric form with the code's slopes only")
    made = AlibiPositionalBias(config["num_heads"]).to(TORCH[dtype])
    queries = torch.from_numpy(protocol.positions(input, "query_positions"))
    return {"bias": made.forward_custom_pos(queries, torch.from_numpy(protocol.positions(input, "key_positions")))}


def bucket(config, input, dtype):
    queries = torch.from_numpy(protocol.positions(input, "query_positions"))
    keys = torch.from_numpy(protocol.positions(input, "key_positions"))
    found = RelativePositionBias._relative_position_bucket(
        keys[None, :] - queries[:, None],
        causal=not config["bidirectional"],
        num_buckets=config["num_buckets"],
        max_distance=config["max_distance"],
    )
    return {"bucket": found.to(torch.int32)}


protocol.serve(
    "x-transformers" + ("" if options.cast == "none" else "-cast-" + options.cast),
    {"rotate": rotate, "alibi_bias": bias, "t5_bucket": bucket},
    package="x-transformers",
    homepage="https://github.com/lucidrains/x-transformers",
    capabilities=[
        {
            "operations": ["rotate"], "dtypes": ["f32", "bf16", "f16"], "layouts": ["interleaved"],
            "rope_types": ["default", "linear"], "directions": ["forward"],
        },
        {"operations": ["alibi_bias", "t5_bucket"], "dtypes": ["f32", "bf16", "f16", "i32"]},
    ],
)
