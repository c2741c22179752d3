"""Megatron Core: RotaryEmbedding, YarnRotaryEmbedding and MultimodalRotaryEmbedding, applied by apply_rotary_pos_emb.

The device that they ask torch for is a CPU here. Llama 3's other numbers than the factor are constants there.
"""

import json

import engines
import protocol
import torch

megatron = engines.megatron()
SERVED = 131072
KINDS = ["default", "linear", "yarn", "llama3"]
kept = {}


def module(rope, head, rotary, theta, interleaved):
    kind = rope["rope_type"]
    common = dict(kv_channels=head, rotary_percent=rotary / head, rotary_interleaved=interleaved, rotary_base=theta, cp_group=megatron.group)
    if "mrope_section" in rope:
        if kind != "default":
            raise protocol.Unsupported("sections and a scaling")
        return megatron.MultimodalRotaryEmbedding(**common)
    common["use_cpu_initialization"] = True
    if kind == "yarn":
        if "attention_factor" in rope:
            raise protocol.Unsupported("attention_factor")
        said = dict(scaling_factor=rope["factor"])
        said.update({name: rope[name] for name in ("original_max_position_embeddings", "beta_fast", "beta_slow", "mscale", "mscale_all_dim") if name in rope})
        if "truncate" in rope:
            said["correction_range_round_to_int"] = rope["truncate"]
        return megatron.YarnRotaryEmbedding(**common, **said)
    if kind == "llama3":
        if (rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]) != (1, 4, 8192):
            raise protocol.Unsupported("other bands than those of Llama 3")
        common.update(rope_scaling=True, rope_scaling_factor=rope["factor"])
    elif kind == "linear":
        common["seq_len_interpolation_factor"] = rope["factor"]
    return megatron.RotaryEmbedding(**common)


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, rotary = protocol.leading(config)
    rope = engines.scaling(config, KINDS, extra=("mrope_section",))
    interleaved = config["layout"] == "interleaved"
    key = json.dumps([rope, head, rotary, config["rope_theta"], interleaved])
    if key not in kept:
        kept[key] = module(rope, head, rotary, config["rope_theta"], interleaved)
    sections = rope.get("mrope_section")
    if sections and len(sections) != 3:
        raise protocol.Unsupported("four sections")
    grid = torch.from_numpy(protocol.positions(input, rank=3 if sections else 2))
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    if grid.numel() and (grid.min() < 0 or grid.max() >= SERVED):
        raise protocol.Unsupported("a position that is no index")
    out, scale = {name: torch.empty_like(x) for name, x in given.items()}, 1.0
    for b in range(grid.shape[-2]):
        if sections:
            freqs = kept[key](grid[:, b : b + 1], sections)
        else:
            row = grid[b]
            found = kept[key](int(row.max()) + 1 if len(row) else 1)
            freqs, scale = found if isinstance(found, tuple) else (found, 1.0)
            freqs = freqs[row]
        for name, x in given.items():
            turned = megatron.apply(x[b].transpose(0, 1).unsqueeze(1), freqs, interleaved, scale)
            out[name][b] = turned[:, 0].transpose(0, 1)
    return out


protocol.serve(
    "megatron-core",
    {"rotate": rotate},
    package="megatron-core",
    homepage="https://github.com/NVIDIA/Megatron-LM",
    # Its YaRN is for the half layout only, and says so.
    capabilities=[
        dict(operations=["rotate"], dtypes=["f32", "bf16", "f16"], layouts=layouts, rope_types=kinds, directions=["forward"],
             axes=[1, 3], rotary_offset=False, limits={"min_position": 0, "max_position": SERVED - 1})
        for layouts, kinds in ((["half"], KINDS), (["interleaved"], [kind for kind in KINDS if kind != "yarn"]))
    ],
)
