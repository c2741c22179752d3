"""CTranslate2: what its converter makes of a config.json, and RotaryEmbeddings of its compiled library.

A model of one layer goes through the loader of its type (Llama, Phi-3, Gemma 3), as Transformers holds it; what the
loader wrote for the layer is passed on as `make_rotary_embeddings` does, with its defaults for what is absent. The
library's class is called by its symbols. The table is that of a fresh layer: of a prompt that ends at the largest position.
"""

import json

import engines
import numpy
import protocol

ct = engines.CTranslate2()
KINDS = ["default", "linear", "llama3", "longrope"]
SERVED = 131072
# --config v4: the loader is given what Transformers 4 has, rope_theta beside rope_scaling.
options = protocol.arguments(config=["v5", "v4"])
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
    key = json.dumps([head, rope, longest])
    if key not in kept:
        kept[key] = ct.written(rope, head, longest, options.config)
    grid = protocol.positions(input, rank=2)
    if rope["rope_type"] == "longrope" and length is None:
        raise protocol.Rejected("seq_len_required: the library takes it from the table's length")
    if length is not None and grid.size and grid.max() >= length:
        raise protocol.Unsupported("a length below the largest position")
    if grid.size and (grid.min() < 0 or grid.max() >= SERVED):
        raise protocol.Unsupported("a position without a row")
    out = {}
    for name, part in protocol.tensors(input, grid).items():
        y = part.numpy().copy()
        for b, row in enumerate(grid):
            made = ct.layer(kept[key])
            if grid.size:
                # A prompt has been there before: its last token makes the table.
                ct.apply(made, numpy.zeros((1, 1, 1, head), "f4"), (length or int(grid.max()) + 1) - 1)
            for s, e, p in protocol.runs(row):
                y[b : b + 1, :, s:e] = ct.apply(made, numpy.ascontiguousarray(y[b : b + 1, :, s:e]), p)
        out[name] = y
    return out


protocol.serve(
    "ctranslate2" + ("" if options.config == "v5" else "-transformers-4"),
    {"rotate": rotate},
    package="ctranslate2",
    homepage="https://github.com/OpenNMT/CTranslate2",
    dtypes=["f32"],
    layouts=["half"],
    rope_types=KINDS,
    directions=["forward"],
    axes=[1],
    mrope=False,
    partial=False,
    limits={"min_position": 0, "max_position": SERVED - 1},
)
