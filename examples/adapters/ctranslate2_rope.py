"""CTranslate2: what its converter makes of a config.json, and RotaryEmbeddings and Alibi of its compiled library.

A model of one layer goes through the loader of its type (`--loader llama`, which is Phi-3's for longrope; Gemma 3, whose
full_attention layer has the rope; Falcon), as Transformers holds it; what the loader wrote for the layer is passed on as
`make_rotary_embeddings` does, with its defaults for what is absent. The library's classes are called by their symbols. A
layer is kept for each config, as in a model: `seq_len` is a prompt of so many tokens, whose last one makes the table.
"""

import json
import math

import engines
import numpy
import protocol

ct = engines.CTranslate2()
SERVED = 131072
# More scores than these fill the memory.
SCORES = 1 << 24
# --config v4: the loader is given what Transformers 4 has, rope_theta beside rope_scaling.
options = protocol.arguments(config=["v5", "v4"], loader=["llama", "gemma3", "falcon"])
KINDS = {"llama": ["default", "linear", "llama3", "longrope"], "gemma3": ["default", "linear"], "falcon": ["default"]}[options.loader]
kept = {}


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head = protocol.whole(config)
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    rope = engines.scaling(config, KINDS, extra=())
    rope["rope_theta"] = config["rope_theta"]
    original = rope.get("original_max_position_embeddings")
    longest = config.get("max_position_embeddings", original or 4096)
    length = input.get("seq_len")
    grid = protocol.positions(input, rank=2)
    if rope["rope_type"] == "longrope" and length is None:
        raise protocol.Rejected("seq_len_required: the library takes it from the table's length")
    if length is not None and grid.size and grid.max() >= length:
        raise protocol.Unsupported("a length below the largest position")
    if grid.size and (grid.min() < 0 or grid.max() >= SERVED):
        raise protocol.Unsupported("a position without a row")
    key = json.dumps([head, rope, longest])
    if key not in kept:
        kept[key] = ct.layer(ct.written(rope, head, longest, options.config, options.loader))
    made, out = kept[key], {}
    if grid.size:
        # A prompt has been there before: its last token makes the table.
        ct.apply(made, numpy.zeros((1, 1, 1, head), "f4"), (length or int(grid.max()) + 1) - 1)
    for name, part in protocol.tensors(input, grid).items():
        y = part.numpy().copy()
        for b, row in enumerate(grid):
            for s, e, p in protocol.runs(row):
                y[b : b + 1, :, s:e] = ct.apply(made, numpy.ascontiguousarray(y[b : b + 1, :, s:e]), p)
        out[name] = y
    return out


def alibi_bias(config, input, dtype):
    """Keys are 0, 1, 2 …: as many as the largest position needs, of which those that are asked are taken."""
    heads, form = config["num_heads"], config["form"]
    if form not in ("key", "mpt"):
        raise protocol.Unsupported("form %s" % form)
    if config.get("alibi_bias_max", 8) != 8 or (config["slopes"] != "code" and heads & (heads - 1)):
        raise protocol.Unsupported("other slopes than those of the released code")
    at, keys = protocol.positions(input, "query_positions"), protocol.positions(input, "key_positions")
    count = int(keys.max()) + 1 if keys.size else 0
    if not keys.size or keys.min() < 0 or heads * len(at) * count > SCORES:
        raise protocol.Unsupported("no key, a key below 0, or one so far")
    scale = 1 / math.sqrt(config["head_dim"]) if "head_dim" in config else 1.0
    key = (heads, form, scale)
    if key not in kept:
        kept[key] = ct.alibi(form == "key", "head_dim" in config)
    found = ct.biased(kept[key], numpy.zeros((1, heads, len(at), count), "f4"), scale)
    return {"bias": found[0][:, :, keys]}


name = "ctranslate2" + {"llama": "", "gemma3": "-gemma3", "falcon": "-falcon"}[options.loader]
operations = [
    dict(operations=["rotate"], dtypes=["f32"], layouts=["half"], rope_types=KINDS, directions=["forward"], axes=[1], mrope=False,
         partial=False, limits={"min_position": 0, "max_position": SERVED - 1}),
]
if options.loader == "llama":
    operations.append(dict(operations=["alibi_bias"], dtypes=["f32"], limits={"min_position": 0, "max_position": SERVED - 1}))
protocol.serve(
    name + ("" if options.config == "v5" else "-transformers-4"),
    {"rotate": rotate, "alibi_bias": alibi_bias},
    package="ctranslate2",
    homepage="https://github.com/OpenNMT/CTranslate2",
    capabilities=operations,
)
