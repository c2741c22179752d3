"""LiteRT Torch: build_rope with apply_rope, and Llama 3's rope of its examples; or the composite of its exporter.

`--path composite` asks what takes the place of Transformers' rotation in an export for GPUs
(`use_rope_composite`, on with `apply_gpu_composites`): the base and the share of a head are all that it takes. `--path
qwen3` and `--path gemma3` ask that export: a model of Transformers with the config (Gemma 3's full_attention layer has
it), its attention replaced as for GPUs, lent the queries and keys.
"""

import contextlib
import json
import types

import engines
import protocol
import torch

litert = engines.litert()
options = protocol.arguments(path=["layers", "composite", "qwen3", "gemma3"])
KINDS = {
    "layers": ["default", "llama3"], "composite": ["default", "proportional"],
    "qwen3": ["default", "linear", "yarn", "llama3"], "gemma3": ["default", "linear"],
}[options.path]
CHOSEN = types.SimpleNamespace(fuse_gate_up=False, fuse_qkv=False, use_rope_composite=True)
kept = {}


def exported(head, rope, longest):
    """The attention of a model with this rope, replaced as an export with GPU composites does, and its width."""
    import transformers

    small = dict(hidden_size=8, num_attention_heads=1, num_key_value_heads=1, head_dim=head, intermediate_size=8, vocab_size=16, max_position_embeddings=longest)
    if options.path == "qwen3":
        model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**small, num_hidden_layers=1, rope_parameters=rope))
    else:
        ropes = {"full_attention": rope, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
        model = transformers.Gemma3ForCausalLM(transformers.Gemma3TextConfig(
            **small, num_hidden_layers=2, layer_types=["sliding_attention", "full_attention"], rope_parameters=ropes,
        ))
    with contextlib.redirect_stdout(None):
        patched = getattr(litert.patch(options.path), "patch_%s_model" % options.path)(model, CHOSEN)
        patched.__enter__()
    # The patch is undone when its context is.
    return model.model.layers[-1].self_attn, patched


def rotate(config, input, dtype):
    protocol.forward_only(input)
    rope = engines.scaling(config, KINDS, extra=())
    base = config["rope_theta"]
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    grid = torch.from_numpy(protocol.positions(input, rank=2)).to(torch.int32)
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    if options.path == "composite":
        head, share = config["head_dim"], 1.0
        if rope["rope_type"] == "proportional":
            share = config.get("partial_rotary_factor", 1.0)
            if "factor" in rope:
                raise protocol.Unsupported("the factor of proportional")
        else:
            protocol.whole(config)
        return {name: litert.composite(x, grid, base=base, head_dim=head, proportion=share) for name, x in given.items()}
    head, rotary = protocol.leading(config)
    if options.path != "layers":
        if rotary != head:
            raise protocol.Unsupported("a partial rotation")
        rope["rope_theta"] = base
        longest = config.get("max_position_embeddings", 131072)
        key = json.dumps([head, rope, longest])
        if key not in kept:
            kept[key] = exported(head, rope, longest)
        layer, q = kept[key][0], given["q"]
        hidden = torch.zeros(q.shape[0], q.shape[2], 8)
        run = lambda: layer(hidden, position_embeddings=None, attention_mask=None, position_ids=grid)
        return dict(zip(given, engines.lent(litert.file, "apply_mldrift_compatible_rope", run, q, given.get("k", q))))
    out = {name: [] for name in given}
    for b, row in enumerate(grid):
        if rope["rope_type"] == "llama3":
            cos, sin = litert.llama()._build_llama3_rope_cache(
                row, rotary, base, 1, torch.float32, torch.device("cpu"), rope["factor"], rope["low_freq_factor"],
                rope["high_freq_factor"], rope["original_max_position_embeddings"],
            )
        else:
            cos, sin = litert.rotary.build_rope(row, rotary, base)
        for name, x in given.items():
            out[name].append(litert.rotary.apply_rope(x[b : b + 1].transpose(1, 2), cos, sin).transpose(1, 2))
    return {name: torch.cat(rows) if rows else given[name] for name, rows in out.items()}


protocol.serve(
    "litert-torch" + {"layers": "", "composite": "-composite"}.get(options.path, "-export-" + options.path),
    {"rotate": rotate},
    package="litert-torch",
    homepage="https://github.com/google-ai-edge/litert-torch",
    dtypes=["f32", "bf16", "f16"],
    layouts=["half"],
    rope_types=KINDS,
    directions=["forward"],
    axes=[1],
    mrope=False,
    rotary_offset=False,
    limits={"min_position": -(2**31), "max_position": 2**31 - 1},
)
