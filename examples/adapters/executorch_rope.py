"""ExecuTorch: Rope of examples/models/llama, with a KV cache: its own rope (interleaved) or Hugging Face's (half).

Llama 3's scaling (two of its numbers are constants) and longrope are params for both, so both are asked.
`--file coreml` asks the copy of Rope in examples/apple/coreml/llama; `--file qualcomm` the table and the rotation of
LlamaModel in examples/qualcomm/oss_scripts/llama, whose params of a Llama are Meta's params.json: that says
`use_scaled_rope` and no factor.
"""

import json

import engines
import protocol
import torch

executorch = engines.executorch()
options = protocol.arguments(file=["llama", "coreml", "qualcomm"])
file = executorch.coreml() if options.file == "coreml" else executorch
SERVED = 131072
kept = {}


def static(said):
    """The model for Qualcomm: the rotation of a layer, and the tables."""
    made = executorch.static()
    args = executorch.ModelArgs(**dict(said, dim=said["head_dim"], n_layers=0, vocab_size=4))
    model = made.LlamaModel(args)
    return made.LlamaAttention(0, args).apply_rope_emb, model.freqs_cos, model.freqs_sin


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, rotary = protocol.leading(config)
    rope = engines.scaling(config, ["default", "llama3", "longrope"], extra=())
    kind, half = rope["rope_type"], config["layout"] == "half"
    said = dict(dim=head, n_heads=1, head_dim=head, rope_theta=config["rope_theta"], use_hf_rope=half, use_kv_cache=True, max_seq_len=SERVED, max_context_len=SERVED)
    if options.file == "coreml":
        if half:
            raise protocol.Unsupported("layout")
        del said["use_kv_cache"]
    elif options.file == "qualcomm":
        if not half:
            raise protocol.Unsupported("layout")
        said["use_hf_rope"] = kind != "llama3"
    if half:
        if int(head * (rotary / head)) != rotary:
            raise protocol.Unsupported("a width that no factor gives")
        said["partial_rotary_factor"] = rotary / head
    elif rotary != head:
        raise protocol.Unsupported("a partial rotation")
    if kind == "llama3":
        if (rope["low_freq_factor"], rope["original_max_position_embeddings"]) != (1, 8192):
            raise protocol.Unsupported("other bands than those of Llama 3")
        said["use_scaled_rope"] = True
        if options.file != "qualcomm":
            said.update(rope_scale_factor=rope["factor"], high_freq_factor=rope["high_freq_factor"])
        elif rope["high_freq_factor"] != 4 or rotary != head:
            raise protocol.Unsupported("other bands than those of Llama 3, or a part of a head")
    elif kind == "longrope":
        original = rope["original_max_position_embeddings"]
        if "factor" in rope:
            raise protocol.Unsupported("the factor of longrope")
        said.update(
            rope_scaling_short_factor=rope["short_factor"], rope_scaling_long_factor=rope["long_factor"],
            original_max_position_embeddings=original, max_position_embeddings=config.get("max_position_embeddings", original),
        )
        if "attention_factor" in rope:
            said["rope_scaling_attention_factor"] = rope["attention_factor"]
        if "seq_len" not in input:
            raise protocol.Rejected("seq_len_required: the table is made for the longest context")
        # The longest context that the model is exported for decides.
        said["max_context_len"] = input["seq_len"]
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    given = {name: part.torch().transpose(1, 2) for name, part in protocol.tensors(input).items()}
    if grid.numel() and (grid.min() < 0 or grid.max() >= said["max_context_len"]):
        raise protocol.Unsupported("a position without a row")
    key = json.dumps(said)
    if key not in kept:
        kept[key] = static(said) if options.file == "qualcomm" else file.Rope(file.ModelArgs(**said))
    out = {name: torch.empty_like(x) for name, x in given.items()}
    for b, row in enumerate(grid):
        if options.file == "qualcomm":
            turn, cos, sin = kept[key]
            for name, x in given.items():
                out[name][b] = turn(x[b : b + 1].transpose(1, 2), cos[row], sin[row])[0].transpose(0, 1)
            continue
        if options.file == "coreml":
            # It takes the first position of a call and its length.
            found = [kept[key].get_freqs(row[s : s + 1], e - s) for s, e, _ in protocol.runs(row.tolist())]
            cos, sin = (torch.cat(parts) for parts in zip(*found)) if found else kept[key].get_freqs(torch.zeros(1, dtype=torch.long), 0)
        else:
            cos, sin = kept[key].get_freqs(row, len(row))
        pair = [given[name][b : b + 1] for name in given]
        if half:
            turned = kept[key](*(x.transpose(1, 2) for x in (pair[0], pair[-1])), cos[None], sin[None])
            turned = [y.transpose(1, 2) for y in turned]
        else:
            turned = kept[key](pair[0], pair[-1], cos, sin)
        for name, y in zip(given, turned):
            if y.dtype != out[name].dtype:
                out[name] = out[name].to(y.dtype)
            out[name][b] = y[0]
    return {name: y.transpose(1, 2) for name, y in out.items()}


protocol.serve(
    "executorch" + ("" if options.file == "llama" else "-" + options.file),
    {"rotate": rotate},
    package="executorch",
    homepage="https://github.com/pytorch/executorch",
    capabilities=[
        dict(operations=["rotate"], dtypes=dtypes, layouts=layouts, rope_types=kinds, directions=["forward"], axes=[1], mrope=False,
             rotary_offset=False, limits={"min_position": 0, "max_position": SERVED - 1})
        for layouts, kinds, dtypes in (
            (["interleaved"], ["default", "llama3"], ["f32", "bf16", "f16"]), (["half"], ["default", "llama3", "longrope"], ["f32"]),
        )[{"llama": slice(0, 2), "coreml": slice(0, 1), "qualcomm": slice(1, 2)}[options.file]]
    ],
)
