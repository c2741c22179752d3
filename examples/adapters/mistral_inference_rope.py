"""mistral-inference: precompute_freqs_cis with apply_rotary_emb. Its table has 128 000 rows.

`--params mistral-7b-v0.1` takes the table of a Transformer with the params.json of that release, which stands for the
config: ask it for that model only (`ropewalk audit --model mistral-7b-v0.1`).
"""

import engines
import protocol
import torch

mistral = engines.mistral()
rope = mistral.rope
options = protocol.arguments(params=["none", "mistral-7b-v0.1"])
# As released: no rope_theta.
PARAMS = {
    "mistral-7b-v0.1": dict(
        dim=4096, n_layers=32, head_dim=128, hidden_dim=14336, n_heads=32, n_kv_heads=8, norm_eps=1e-05, sliding_window=4096, vocab_size=32000,
    ),
}
ROWS = 128_000
kept = {}


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, theta = protocol.whole(config), config["rope_theta"]
    if options.params != "none":
        engines.named(config, PARAMS[options.params]["head_dim"])
    if config["layout"] != "interleaved" or config.get("rope_type", "default") != "default":
        raise protocol.Unsupported("layout or rope_type")
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    if grid.numel() and (grid.min() < 0 or grid.max() >= ROWS):
        raise protocol.Unsupported("a position without a row")
    if (head, theta) not in kept:
        named = options.params != "none"
        kept[head, theta] = mistral.table(PARAMS[options.params]) if named else rope.precompute_freqs_cis(head, ROWS, theta)
    # Tokens are one list, heads come after them.
    flat = {name: x.transpose(1, 2).reshape(-1, x.shape[1], head) for name, x in given.items()}
    turned = rope.apply_rotary_emb(flat["q"], flat.get("k", flat["q"]), kept[head, theta][grid.reshape(-1)])
    return {name: y.reshape(grid.shape[0], grid.shape[1], -1, head).transpose(1, 2) for name, y in zip(given, turned)}


protocol.serve(
    "mistral-inference" + ("" if options.params == "none" else "-" + options.params),
    {"rotate": rotate},
    package="mistral-inference",
    homepage="https://github.com/mistralai/mistral-inference",
    dtypes=["f32", "bf16", "f16"],
    layouts=["interleaved"],
    rope_types=["default"],
    directions=["forward"],
    axes=[1],
    mrope=False,
    partial=False,
    limits={"min_position": 0, "max_position": ROWS - 1},
)
