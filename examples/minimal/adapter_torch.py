"""A Ropewalk adapter in PyTorch: rotate in f32, bf16 and f16, default, linear, llama3 and yarn.

It stands on examples/adapters/protocol.py, which does the talking; take that file along.
"""
import math, pathlib, sys
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adapters"))
import protocol


def rotate(q, cos, sin, layout):
    """Your kernel goes here: q is [batch, heads, seq, head_dim], cos and sin [batch, seq, pairs]."""
    cos, sin, r = cos[:, None].to(q.dtype), sin[:, None].to(q.dtype), 2 * cos.shape[-1]
    turned, rest = q[..., :r], q[..., r:]
    a, b = turned.chunk(2, -1) if layout == "half" else (turned[..., ::2], turned[..., 1::2])
    pair = (a * cos - b * sin, a * sin + b * cos)
    out = torch.cat(pair, -1) if layout == "half" else torch.stack(pair, -1).flatten(-2)
    return torch.cat((out, rest), -1)


def frequencies(config, r):
    """inv_freq in f32, and attention_factor, as a config.json means them."""
    base, kind = config["rope_theta"], config.get("rope_type", "default")
    inv, magnitude = 1.0 / base ** (torch.arange(0, r, 2, dtype=torch.float64) / r), 1.0
    if kind == "linear":
        inv = inv / config["factor"]
    elif kind == "llama3":
        low, high = config["low_freq_factor"], config["high_freq_factor"]
        waves = config["original_max_position_embeddings"] * inv / (2 * math.pi)
        smooth = ((waves - low) / (high - low)).clamp(0, 1)
        inv = (1 - smooth) * inv / config["factor"] + smooth * inv
    elif kind == "yarn":
        length, factor = config["original_max_position_embeddings"], config["factor"]
        ends = [r * math.log(length / (config[key] * 2 * math.pi)) / (2 * math.log(base))
                for key in ("beta_fast", "beta_slow")]
        low, high = (math.floor(ends[0]), math.ceil(ends[1])) if config.get("truncate", True) else ends
        low, high = max(low, 0), min(high, r - 1)
        ramp = ((torch.arange(r // 2, dtype=torch.float64) - low) / (max(high - low, 0.001))).clamp(0, 1)
        inv = inv * (1 - ramp) + inv / factor * ramp
        grown = lambda weight: 0.1 * weight * math.log(max(factor, 1)) + 1
        if "mscale" in config and "mscale_all_dim" in config:
            magnitude = grown(config["mscale"]) / grown(config["mscale_all_dim"])
        else:
            magnitude = grown(1)
        magnitude = config.get("attention_factor", magnitude)
    elif kind != "default":
        raise protocol.Unsupported("rope_type %s" % kind)
    return inv.float(), magnitude


def answer(config, input, dtype):
    head, r = protocol.leading(config)  # declines a slice that does not begin at 0
    inv, factor = frequencies(config, r)
    positions = torch.from_numpy(protocol.positions(input, rank=2))  # declines several axes
    angles = positions[..., None].float() * inv
    if input.get("direction", "forward") != "forward":
        angles = -angles
    cos, sin = angles.cos() * factor, angles.sin() * factor
    given = protocol.tensors(input, positions.numpy())
    return {name: rotate(x.torch(), cos, sin, config["layout"]) for name, x in given.items()}


protocol.serve("minimal with torch", {"rotate": answer}, package="torch", dtypes=["f32", "bf16", "f16"],
               layouts=["half", "interleaved"], rope_types=["default", "linear", "llama3", "yarn"],
               axes=[1], rotary_offset=False, limits={"min_position": -2**24, "max_position": 2**24})
