"""OLMo-core: RotaryEmbedding (half) and ComplexRotaryEmbedding (interleaved), with its scalings.

Its llama3 has shares of the spectrum for the bands; they are computed from the factors.
"""

import json

import engines
import protocol
import torch

olmo = engines.olmo_core()
SERVED = 131072
KINDS = ["default", "linear", "yarn", "llama3"]
kept = {}
# --cache shared: one BufferCache for all modules, with something in it: an empty one is not shared.
options = protocol.arguments(cache=["own", "shared"])
shared = olmo.BufferCache()
shared["something"] = torch.zeros(1)


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, rotary = protocol.leading(config)
    rope = engines.scaling(config, KINDS, extra=())
    kind, half = rope.pop("rope_type"), config["layout"] == "half"
    if int(head * (rotary / head)) != rotary:
        raise protocol.Unsupported("a width that no factor gives")
    said = dict(head_size=head, theta=config["rope_theta"])
    if half:
        said["partial_rotary_factor"] = rotary / head
    elif rotary != head or kind != "default":
        raise protocol.Unsupported("a partial or scaled rope in the interleaved layout")
    scaling = None
    if kind == "linear":
        scaling = olmo.PIRoPEScalingConfig(factor=rope["factor"])
    elif kind == "yarn":
        original = rope.pop("original_max_position_embeddings")
        factor = rope.pop("factor")
        if not rope.pop("truncate", True) or set(rope) - {"beta_fast", "beta_slow"}:
            raise protocol.Unsupported("yarn with %s" % ", ".join(sorted(rope)))
        scaling = olmo.YaRNRoPEScalingConfig(factor=factor, old_context_len=original, **rope)
    elif kind == "llama3":
        scaling = olmo.StepwiseRoPEScalingConfig(
            factor=rope["factor"], low_freq_proportion=1 - 1 / rope["low_freq_factor"], high_freq_proportion=1 / rope["high_freq_factor"],
            old_context_len=rope["original_max_position_embeddings"],
        )
    if scaling is not None:
        said["scaling"] = scaling
    grid = protocol.positions(input, rank=2)
    given = {name: part.torch() for name, part in protocol.tensors(input, grid).items()}
    if grid.size and (grid.min() < 0 or grid.max() >= SERVED):
        raise protocol.Unsupported("a position so far")
    key = json.dumps([kind, rope, head, rotary, config["rope_theta"], half, repr(scaling)])
    if key not in kept:
        found = olmo.RotaryEmbedding if half else olmo.ComplexRotaryEmbedding
        kept[key] = found(**said, cache=shared if options.cache == "shared" else None)
    out = {name: x.clone() for name, x in given.items()}
    q = given["q"]
    k = given.get("k", q)
    for b, row in enumerate(grid):
        for s, e, p in protocol.runs(row):
            turned = kept[key](q[b : b + 1, :, s:e], k[b : b + 1, :, s:e], start_pos=p)
            for name, y in zip(given, turned):
                out[name][b, :, s:e] = y[0]
    return out


protocol.serve(
    "olmo-core" + ("" if options.cache == "own" else "-shared-cache"),
    {"rotate": rotate},
    package="ai2-olmo-core",
    homepage="https://github.com/allenai/OLMo-core",
    capabilities=[
        dict(operations=["rotate"], dtypes=["f32", "bf16", "f16"], layouts=layouts, rope_types=kinds, directions=["forward"],
             axes=[1], mrope=False, rotary_offset=False, limits={"min_position": 0, "max_position": SERVED - 1})
        for layouts, kinds in ((["half"], KINDS), (["interleaved"], ["default"]))
    ],
)
