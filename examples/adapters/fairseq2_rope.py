"""fairseq2: RotaryEncoder (interleaved, with Llama 3's scaling), ReferenceRotaryEncoder and OLMo's YaRNRotaryEncoder (half)."""

import json
import types

import engines
import protocol
import torch

fairseq2 = engines.fairseq2()
SERVED = 131072
kept = {}


def encoder(rope, head, theta, half):
    kind = rope["rope_type"]
    if half and kind == "yarn":
        if "attention_factor" in rope:
            raise protocol.Unsupported("attention_factor")
        said = {name: rope[name] for name in ("beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate") if name in rope}
        return fairseq2.YaRNRotaryEncoder(
            head, SERVED, theta=theta, scale_factor=rope["factor"], original_max_seq_len=rope["original_max_position_embeddings"], **said
        )
    if half and kind == "default":
        return fairseq2.ReferenceRotaryEncoder(head, SERVED, theta=theta)
    if half or kind == "yarn":
        raise protocol.Unsupported("rope_type of the other layout")
    scale = None
    if kind == "llama3":
        scale = types.SimpleNamespace(
            original_context_length=rope["original_max_position_embeddings"], factor=rope["factor"],
            frequency_factors=(rope["low_freq_factor"], rope["high_freq_factor"]),
        )
    init = scale and (lambda made: fairseq2.init_llama_rope_freqs(made, scale))
    return fairseq2.RotaryEncoder(head, SERVED, theta=theta, freqs_init_fn=init)


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, half = protocol.whole(config), config["layout"] == "half"
    rope = engines.scaling(config, ["default", "llama3", "yarn"], extra=())
    grid = protocol.positions(input, rank=2)
    given = {name: part.torch().transpose(1, 2) for name, part in protocol.tensors(input, grid).items()}
    if grid.size and (grid.min() < 0 or grid.max() >= SERVED):
        raise protocol.Unsupported("a position without a row")
    key = json.dumps([rope, head, config["rope_theta"], half])
    if key not in kept:
        kept[key] = encoder(rope, head, config["rope_theta"], half).eval()
    out = {name: x.clone() for name, x in given.items()}
    for name, x in given.items():
        for b, row in enumerate(grid):
            for s, e, p in protocol.runs(row):
                layout = types.SimpleNamespace(packed=False, padded=False, width=e - s, max_seq_len=e - s)
                out[name][b : b + 1, s:e] = kept[key](x[b : b + 1, s:e], layout, state_bag=types.SimpleNamespace(step_nr=p))
    return {name: y.transpose(1, 2) for name, y in out.items()}


protocol.serve(
    "fairseq2",
    {"rotate": rotate},
    package="fairseq2",
    homepage="https://github.com/facebookresearch/fairseq2",
    capabilities=[
        dict(operations=["rotate"], dtypes=["f32", "bf16", "f16"], layouts=layouts, rope_types=kinds, directions=["forward"],
             axes=[1], mrope=False, partial=False, limits={"min_position": 0, "max_position": SERVED - 1})
        for layouts, kinds in ((["interleaved"], ["default", "llama3"]), (["half"], ["default", "yarn"]))
    ],
)
