"""torchtitan: ComplexRoPE (interleaved) and CosSinRoPE (half) of torchtitan.models.common.rope.

YaRN's magnitude is not theirs: the models fold it into the softmax scale, so the adapter asks for configs whose
magnitude is 1 only. `--model` asks what a registry of models builds under a name, as a training run does: the name stands
for the config, so ask it for that model only (`ropewalk audit --model llama-3.2-1b`). `inv_freq` is then asked of
DeepSeek's attention, whose softmax scale has YaRN's magnitude.
"""

import json

import engines
import numpy
import protocol
import torch

titan = engines.torchtitan()
options = protocol.arguments(model=["none", "llama3-1B", "llama3-3B", "llama3-8B", "deepseek_v3-16B", "deepseek_v3-671B"])
SERVED = 131072
KINDS = ["default", "yarn", "llama3"]
kept = {}


def written(config):
    """The rope of a config in torchtitan's words."""
    head = protocol.whole(config)
    rope = engines.scaling(config, KINDS, extra=())
    kind = rope.pop("rope_type")
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
    key = json.dumps([said, config["layout"]])
    if key not in kept:
        found = titan.ComplexRoPE if config["layout"] == "interleaved" else titan.CosSinRoPE
        kept[key] = found(found.Config(**said))
    return kept[key], 0, head


def named(config):
    """The rope of the model whose name was given, where it begins, and how wide a head is."""
    if options.model not in kept:
        said, attention = titan.attention(*options.model.split("-"))
        rope = said.rope.build() if attention is None else attention.rope
        kept[options.model] = rope, said, attention
    rope, said, _ = kept[options.model]
    offset = getattr(said, "qk_nope_head_dim", 0)
    asked = protocol.slice_of(config)
    if asked != (offset + rope.config.dim, rope.config.dim, offset) or config["layout"] != "interleaved":
        raise protocol.Unsupported("another head than that of %s" % options.model)
    config.allow(*config.items)
    return rope, offset, offset + rope.config.dim


def rotate(config, input, dtype):
    protocol.forward_only(input)
    rope, offset, _ = written(config) if options.model == "none" else named(config)
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    given = {name: part.torch().transpose(1, 2) for name, part in protocol.tensors(input).items()}
    if grid.numel() and (grid.min() < 0 or grid.max() >= rope.config.max_seq_len):
        raise protocol.Unsupported("a position without a row")
    q = given["q"]
    turned = rope(q[..., offset:], given.get("k", q)[..., offset:], grid)
    return {name: torch.cat([x[..., :offset], y], -1).transpose(1, 2) for (name, x), y in zip(given.items(), turned)}


def inv_freq(config, input, dtype):
    rope, offset, head = named(config)
    attention, said = kept[options.model][2], rope.config
    pairs = numpy.arange(said.dim // 2)
    if attention is None or dtype != "f32":
        raise protocol.Unsupported("no attention of its own")
    return {
        "inv_freq": titan.yarn(said.dim, said.theta, said.rope_factor, said.beta_fast, said.beta_slow, said.original_seq_len, said.truncate),
        "attention_factor": rope.cache[0, 0].abs(),
        "softmax_factor": numpy.float32(attention.softmax_scale * head**0.5),
        "planes": (offset + 2 * pairs[:, None] + numpy.arange(2)).astype("i4"),
        "axis": numpy.zeros(len(pairs), "i4"),
    }


claims = [
    dict(operations=["rotate"], dtypes=["f32", "bf16", "f16"], layouts=layouts, rope_types=kinds, directions=["forward"],
         axes=[1], mrope=False, **more, limits={"min_position": 0, "max_position": SERVED - 1})
    # The half layout refuses Llama 3's scaling, and says so.
    for layouts, kinds, more in (
        ((["interleaved"], KINDS, {"partial": False}), (["half"], ["default", "yarn"], {"partial": False}))
        if options.model == "none"
        else ((["interleaved"], ["llama3" if "llama" in options.model else "yarn"], {}),)
    )
]
if "deepseek" in options.model:
    claims.append(dict(operations=["inv_freq"], dtypes=["f32"], layouts=["interleaved"], rope_types=["yarn"]))
protocol.serve(
    "torchtitan" + ("" if options.model == "none" else "-" + options.model),
    {"rotate": rotate, "inv_freq": inv_freq},
    package="torchtitan",
    homepage="https://github.com/pytorch/torchtitan",
    capabilities=claims,
)
