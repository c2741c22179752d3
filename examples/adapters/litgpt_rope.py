"""LitGPT: build_rope_cache with apply_rope, layout half, a table for positions from 0."""

import json

import protocol
import torch
from litgpt.model import apply_rope, build_rope_cache

ROWS = 1 << 17
NAMES = {
    "linear": {"factor": "factor"},
    "llama3": {
        "factor": "factor", "low_freq_factor": "low_freq_factor", "high_freq_factor": "high_freq_factor",
        "original_max_seq_len": "original_max_position_embeddings",
    },
    "yarn": {
        "factor": "factor", "beta_fast": "beta_fast", "beta_slow": "beta_slow", "truncate": "truncate", "mscale": "mscale",
        "mscale_all_dim": "mscale_all_dim", "original_max_seq_len": "original_max_position_embeddings",
    },
}
DEFAULTS = {"beta_fast": 32, "beta_slow": 1}
tables = {}


def table(config, rotary, rows):
    kind = config.get("rope_type", "default")
    if kind not in ("default", *NAMES):
        raise protocol.Unsupported("rope_type")
    extra = None
    if kind != "default":
        extra = {ours: config[theirs] for ours, theirs in NAMES[kind].items() if theirs in config}
        if kind == "yarn":
            extra = {**DEFAULTS, **extra}
    theta = config["rope_theta"]
    key = json.dumps([rotary, theta, extra, rows])
    if key not in tables:
        while len(tables) > 3:
            tables.pop(next(iter(tables)))
        tables[key] = build_rope_cache(rows, rotary, base=theta, extra_config=extra)
    return tables[key]


def rotate(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    head, rotary = protocol.leading(config)
    protocol.forward_only(input)
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    cos, sin = table(config, rotary, max(4096, 1 << int(grid.max() if grid.numel() else 0).bit_length()))
    out = {}
    for name, part in protocol.tensors(input).items():
        x = part.torch()
        turned = apply_rope(x[..., :rotary], cos[grid], sin[grid])
        out[name] = torch.cat([turned, x[..., rotary:]], dim=-1)
    return out


protocol.serve(
    "litgpt",
    {"rotate": rotate},
    package="litgpt",
    homepage="https://github.com/Lightning-AI/litgpt",
    dtypes=["f32", "bf16", "f16"],
    layouts=["half"],
    rope_types=["default", *NAMES],
    directions=["forward"],
    limits={"min_position": 0, "max_position": ROWS - 1},
)
