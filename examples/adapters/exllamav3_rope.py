"""ExLlamaV3: RoPE of exllamav3.util.rope and its apply_torch, which answers in f16 whatever it is given.

Where a config has no `max_position_embeddings` it is the original length, as in a file that a model card's YaRN was
added to.
"""

import json

import engines
import protocol
import torch

rope = engines.exllamav3()
SERVED = 131072
KINDS = ["default", "linear", "yarn", "llama3", "longrope", "proportional"]
kept = {}


def rotate(config, input, dtype):
    protocol.forward_only(input)
    scaling = engines.scaling(config, KINDS, extra=())
    kind = scaling["rope_type"]
    head = config["head_dim"] if kind == "proportional" else protocol.whole(config)
    share = config.get("partial_rotary_factor", 1.0) if kind == "proportional" else 1.0
    original = scaling.get("original_max_position_embeddings")
    length = input.get("seq_len")
    longest = config.get("max_position_embeddings", original)
    key = json.dumps([head, share, scaling, config["rope_theta"], longest, config["layout"], length])
    if key not in kept:
        kept[key] = rope.RoPE("cpu", rope.RopeSettings(
            head_dim=head, rope_theta=config["rope_theta"], rope_scaling=scaling, partial_rotary_factor=share,
            max_position_embeddings=longest, override_max_position_embeddings=length,
            rope_style=rope.RopeStyle.NEOX if config["layout"] == "half" else rope.RopeStyle.GPTJ,
        ))
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    if not grid.numel():
        return given
    q, k = (given.get(name, given["q"]).transpose(1, 2) for name in ("q", "k"))
    turned = kept[key].apply_torch(q, k, position_ids=grid)
    return {name: y.transpose(1, 2) for name, y in zip(given, turned)}


protocol.serve(
    "exllamav3",
    {"rotate": rotate},
    package="exllamav3",
    homepage="https://github.com/turboderp-org/exllamav3",
    dtypes=["f16"],
    layouts=["interleaved", "half"],
    rope_types=KINDS,
    directions=["forward"],
    mrope=False,
    partial=False,
    limits={"min_position": 0, "max_position": SERVED - 1},
)
