"""SGLang: get_rope, which chooses a class by the rope_type of a config.json, and its forward_native.

As SGLang's model runner does, the table is made longer (`_ensure_cos_sin_cache_length`) before a position
beyond it is asked for.
"""

import engines
import protocol
import torch

sglang = engines.sglang()
TORCH = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
# A table of more rows fills the memory.
ROWS = 1 << 22
SERVED = 131072
KINDS = ["default", "linear", "yarn", "llama3", "longrope", "proportional"]


def rotate(config, input, dtype):
    protocol.forward_only(input)
    rope = engines.scaling(config, KINDS)
    kind = rope["rope_type"]
    if "factor" in rope:
        rope["factor"] = float(rope["factor"])
    head, rotary = (config["head_dim"], config["head_dim"]) if kind == "proportional" else protocol.leading(config)
    share = config.get("partial_rotary_factor", 1.0) if kind == "proportional" else 1.0
    original = rope.get("original_max_position_embeddings")
    longest = config.get("max_position_embeddings", original or 4096)
    if "mrope_section" in rope and len(rope["mrope_section"]) != 3:
        raise protocol.Unsupported("four sections")
    if (original or 0) * rope.get("factor", 1) > ROWS:
        raise protocol.Unsupported("a table of so many rows")
    length = input.get("seq_len")
    grid = torch.from_numpy(protocol.positions(input, rank=3 if "mrope_section" in rope else 2))
    if kind == "longrope":
        longest = config.get("max_position_embeddings", int(original * rope.get("factor", 1)))
        if length is None:
            raise protocol.Rejected("seq_len_required: the library takes it from the positions")
        if not grid.numel() or grid.max() >= length:
            raise protocol.Unsupported("a length below the largest position: it is taken from the positions")
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    kept = sglang.get_rope(head, rotary, longest, config["rope_theta"], config["layout"] == "half", rope, TORCH[dtype], share)
    if kind != "longrope" and grid.numel():
        kept._ensure_cos_sin_cache_length(int(grid.max()))
    flat = {name: x.transpose(1, 2).reshape(-1, x.shape[1] * x.shape[3]) for name, x in given.items()}
    tokens = grid.reshape(3, -1) if grid.ndim == 3 else grid.reshape(-1)
    if kind == "longrope":
        # A length is said with one more token, the last one, as a prompt has it.
        tokens = torch.cat([tokens, torch.tensor([length - 1])])
        flat = {name: torch.cat([x, x[:1]]) for name, x in flat.items()}
    turned = kept.forward(tokens, flat["q"].clone(), flat.get("k", flat["q"]).clone())
    out = {}
    for name, y in zip(given, turned):
        batch, heads, seq, width = given[name].shape
        out[name] = y[: batch * seq].reshape(batch, seq, heads, width).transpose(1, 2)
    return out


protocol.serve(
    "sglang",
    {"rotate": rotate},
    package="sglang",
    homepage="https://github.com/sgl-project/sglang",
    # Its longrope is for the half layout only, and says so.
    capabilities=[
        dict(
            operations=["rotate"], dtypes=["f32", "bf16", "f16"], layouts=layouts, rope_types=kinds, axes=[1, 3],
            directions=["forward"], rotary_offset=False, limits={"min_position": 0, "max_position": SERVED - 1},
        )
        for layouts, kinds in ((["interleaved", "half"], [kind for kind in KINDS if kind != "longrope"]), (["half"], ["longrope"]))
    ],
)
