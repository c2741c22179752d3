"""torchtitan: ComplexRoPE (interleaved) and CosSinRoPE (half) of torchtitan.models.common.rope.

YaRN's magnitude is not theirs: the models fold it into the softmax scale, so the adapter asks for configs whose
magnitude is 1 only.
"""

import json

import engines
import protocol
import torch

titan = engines.torchtitan()
SERVED = 131072
KINDS = ["default", "yarn", "llama3"]
kept = {}


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head = protocol.whole(config)
    rope = engines.scaling(config, KINDS, extra=())
    kind, layout = rope.pop("rope_type"), config["layout"]
    said = dict(dim=head, max_seq_len=SERVED, theta=config["rope_theta"])
    if kind == "llama3":
        said.update(scaling="llama", scaling_factor=rope.pop("factor"), **rope)
    elif kind == "yarn":
        if rope.pop("attention_factor", None) != 1:
            raise protocol.Unsupported("a magnitude: it is the model's")
        said.update(scaling="yarn", rope_factor=rope.pop("factor"), original_seq_len=rope.pop("original_max_position_embeddings"))
        said.update({name: rope[name] for name in ("beta_fast", "beta_slow", "truncate") if name in rope})
        if "mscale" in rope or "mscale_all_dim" in rope:
            config.allow("mscale", "mscale_all_dim")
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    given = {name: part.torch().transpose(1, 2) for name, part in protocol.tensors(input).items()}
    if grid.numel() and (grid.min() < 0 or grid.max() >= SERVED):
        raise protocol.Unsupported("a position without a row")
    key = json.dumps([said, layout])
    if key not in kept:
        found = titan.ComplexRoPE if layout == "interleaved" else titan.CosSinRoPE
        kept[key] = found(found.Config(**said))
    q = given["q"]
    turned = kept[key](q, given.get("k", q), grid)
    return {name: y.transpose(1, 2) for name, y in zip(given, turned)}


protocol.serve(
    "torchtitan",
    {"rotate": rotate},
    package="torchtitan",
    homepage="https://github.com/pytorch/torchtitan",
    # The half layout refuses Llama 3's scaling, and says so.
    capabilities=[
        dict(operations=["rotate"], dtypes=["f32", "bf16", "f16"], layouts=layouts, rope_types=kinds, directions=["forward"],
             axes=[1], mrope=False, partial=False, limits={"min_position": 0, "max_position": SERVED - 1})
        for layouts, kinds in ((["interleaved"], KINDS), (["half"], ["default", "yarn"]))
    ],
)
