"""EasyDeL: get_rope with the table of get_frequencies, as its models have it, jax on a CPU.

The config's table is in bf16; `--table f32` leaves it as it is computed.
"""

import json

import engines
import jax.numpy as jnp
import protocol

easydel = engines.easydel()
options = protocol.arguments(table=["f32", "bf16"])
SERVED = 32768
# A table of more rows fills the memory.
ROWS = 1 << 20
KINDS = ["default", "linear", "yarn", "llama3", "longrope", "dynamic"]
kept = {}


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, rotary = protocol.leading(config)
    rope = engines.scaling(config, KINDS)
    kind, half = rope["rope_type"], config["layout"] == "half"
    original = rope.get("original_max_position_embeddings")
    longest = config.get("max_position_embeddings", int((original or SERVED) * (rope.get("factor", 1) if original else 1)))
    if kind == "dynamic":
        # The config's maximum is the length that it was trained on.
        longest = rope.pop("original_max_position_embeddings", longest)
        if "seq_len" not in input:
            raise protocol.Rejected("seq_len_required")
        input.allow("seq_len")
    elif kind == "longrope":
        if "seq_len" not in input:
            raise protocol.Rejected("seq_len_required: the library takes the longest sequence")
        longest = input["seq_len"]
    elif kind in ("default", "linear"):
        longest = max(longest, SERVED)
    if (original or 0) * rope.get("factor", 1) > ROWS or longest > ROWS:
        raise protocol.Unsupported("a table of so many rows")
    if "mrope_section" in rope and (len(rope["mrope_section"]) != 3 or not half):
        raise protocol.Unsupported("other sections than Qwen's")
    grid = protocol.positions(input, rank=3 if "mrope_section" in rope else 2)
    given = {name: part.numpy() for name, part in protocol.tensors(input).items()}
    if grid.size and (grid.min() < 0 or grid.max() >= longest):
        raise protocol.Unsupported("a position beyond the maximum of the config")
    key = json.dumps([head, rotary, rope, longest, half, config["rope_theta"]])
    if key not in kept:
        said = easydel.RopeConfig.from_dict(dict(rope)).to_dict()
        table = easydel.get_frequencies(head, rotary, longest, config["rope_theta"], said)
        made = easydel.get_rope(
            head_size=head, rotary_dim=rotary, max_position=longest, base=config["rope_theta"], is_neox_style=half,
            rope_scaling=said, dtype=jnp.float32,
        )
        kept[key] = made, table.astype(jnp.bfloat16) if options.table == "bf16" else table
    made, table = kept[key]
    flat = {name: jnp.asarray(x).swapaxes(1, 2) for name, x in given.items()}
    turned = made(jnp.asarray(grid), flat["q"], flat.get("k", flat["q"]), frequencies=table)
    return {name: jnp.asarray(y).swapaxes(1, 2) for name, y in zip(given, turned)}


protocol.serve(
    "easydel" + ("" if options.table == "f32" else "-bf16"),
    {"rotate": rotate},
    package="easydel",
    homepage="https://github.com/erfanzar/EasyDeL",
    capabilities=[
        dict(operations=["rotate"], dtypes=["f32", "bf16", "f16"], layouts=layouts, rope_types=kinds, directions=["forward"],
             axes=[1, 3], rotary_offset=False, limits={"min_position": 0, "max_position": SERVED - 1})
        for layouts, kinds in ((["half"], KINDS), (["interleaved"], ["default", "linear", "yarn", "llama3"]))
    ],
)
