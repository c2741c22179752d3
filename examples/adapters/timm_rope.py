"""timm: build_rotary_pos_embed in its language mode over one axis, with apply_rot_embed.

A table is made for the whole axis, from its first position on.
"""

import engines
import protocol
import torch

layers = engines.timm()
SERVED = 16384
kept = {}


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, half = protocol.whole(config), config["layout"] == "half"
    if config.get("rope_type", "default") != "default":
        raise protocol.Unsupported("rope_type")
    if head % 2:
        raise protocol.Unsupported("an odd width")
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    if grid.numel() and (grid.min() < 0 or grid.max() >= SERVED):
        raise protocol.Unsupported("a position without a row")
    key = (head, half, config["rope_theta"])
    if key not in kept:
        # num_bands is dim // 4, for images; one axis has half of them.
        kept[key] = layers.build_rotary_pos_embed(
            [SERVED], dim=2 * head, temperature=config["rope_theta"], in_pixels=False, rotate_half=half
        )
    sin, cos = (x[grid][:, None] for x in kept[key])
    return {name: layers.apply_rot_embed(x, sin, cos, half=half) for name, x in given.items()}


protocol.serve(
    "timm",
    {"rotate": rotate},
    package="timm",
    homepage="https://github.com/huggingface/pytorch-image-models",
    dtypes=["f32", "bf16", "f16"],
    layouts=["interleaved", "half"],
    rope_types=["default"],
    directions=["forward"],
    axes=[1],
    mrope=False,
    partial=False,
    limits={"min_position": 0, "max_position": SERVED - 1},
)
