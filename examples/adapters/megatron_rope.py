"""Megatron Core: RotaryEmbedding, YarnRotaryEmbedding and MultimodalRotaryEmbedding, applied by apply_rotary_pos_emb.

The device that they ask torch for is a CPU here. Llama 3's other numbers than the factor are constants there.
`--kernel fused` sets `apply_rope_fusion`, whose kernels are Transformer Engine's; of these its own code without a GPU is
taken. `--batch packed` makes every row a sequence of one packed batch, in which a token stands where its position says.
"""

import json

import engines
import protocol
import torch

options = protocol.arguments(kernel=["plain", "fused"], batch=["rows", "packed"])
megatron = engines.megatron()
if options.kernel == "fused":
    megatron.fuse()
# More elements of a packed batch fill the memory.
ELEMENTS = 1 << 25
SERVED = 131072
KINDS = ["default", "linear", "yarn", "llama3"]
kept = {}


def module(rope, head, rotary, theta, interleaved):
    kind = rope["rope_type"]
    common = dict(kv_channels=head, rotary_percent=rotary / head, rotary_interleaved=interleaved, rotary_base=theta, cp_group=megatron.group)
    if "mrope_section" in rope:
        if kind == "linear":
            common["seq_len_interpolation_factor"] = rope["factor"]
        elif kind != "default":
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


def packed(made, given, grid, interleaved):
    """Rows as sequences that begin at 0: each is as long as its largest position needs."""
    lengths = [int(row.max()) + 1 if len(row) else 0 for row in grid]
    if sum(lengths) * max(x.shape[1] * x.shape[3] for x in given.values()) > ELEMENTS:
        raise protocol.Unsupported("a packed batch so long")
    if any(len(set(row.tolist())) < len(row) for row in grid):
        raise protocol.Unsupported("two tokens at one position")
    starts = torch.tensor([0, *lengths]).cumsum(0)
    where = (starts[:-1, None] + grid).reshape(-1)
    found = made(max(lengths))
    freqs, scale = found if isinstance(found, tuple) else (found, 1.0)
    out = {}
    for name, x in given.items():
        tokens = torch.zeros(int(starts[-1]), x.shape[1], x.shape[3], dtype=x.dtype)
        tokens[where] = x.transpose(1, 2).reshape(-1, x.shape[1], x.shape[3])
        turned = megatron.apply(tokens, freqs, interleaved, scale, starts.int(), apply_rope_fusion=options.kernel == "fused")
        out[name] = turned[where].reshape(x.shape[0], x.shape[2], x.shape[1], -1).transpose(1, 2)
    return out


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, rotary = protocol.leading(config)
    rope = engines.scaling(config, KINDS, extra=("mrope_section",))
    if config.get("mrope_interleaved", False):
        raise protocol.Unsupported("axes that alternate")
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
    if options.batch == "packed" and grid.numel():
        if sections:
            raise protocol.Unsupported("sections in a packed batch")
        return packed(kept[key], given, grid, interleaved)
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
            turned = megatron.apply(
                x[b].transpose(0, 1).unsqueeze(1), freqs, interleaved, scale, apply_rope_fusion=options.kernel == "fused", mrope_section=sections
            )
            out[name][b] = turned[:, 0].transpose(0, 1)
    return out


protocol.serve(
    "megatron-core" + ("" if options.kernel == "plain" else "-fused") + ("" if options.batch == "rows" else "-packed"),
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
