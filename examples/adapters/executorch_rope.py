"""ExecuTorch: Rope of examples/models/llama, with a KV cache: its own rope (interleaved) or Hugging Face's (half).

Its own takes Llama 3's scaling, of which two numbers are constants; Hugging Face's takes longrope.
`--file coreml` asks the copy of Rope in examples/apple/coreml/llama.
"""

import json

import engines
import protocol
import torch

executorch = engines.executorch()
options = protocol.arguments(file=["llama", "coreml"])
file = executorch if options.file == "llama" else executorch.coreml()
SERVED = 131072
kept = {}


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
    if half:
        if int(head * (rotary / head)) != rotary:
            raise protocol.Unsupported("a width that no factor gives")
        said["partial_rotary_factor"] = rotary / head
    elif rotary != head:
        raise protocol.Unsupported("a partial rotation")
    if kind == "llama3":
        if (rope["low_freq_factor"], rope["original_max_position_embeddings"]) != (1, 8192):
            raise protocol.Unsupported("other bands than those of Llama 3")
        said.update(use_scaled_rope=True, rope_scale_factor=rope["factor"], high_freq_factor=rope["high_freq_factor"])
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
        kept[key] = file.Rope(file.ModelArgs(**said))
    out = {name: torch.empty_like(x) for name, x in given.items()}
    for b, row in enumerate(grid):
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
    "executorch" + ("" if options.file == "llama" else "-coreml"),
    {"rotate": rotate},
    package="executorch",
    homepage="https://github.com/pytorch/executorch",
    capabilities=[
        dict(operations=["rotate"], dtypes=dtypes, layouts=layouts, rope_types=kinds, directions=["forward"], axes=[1], mrope=False,
             rotary_offset=False, limits={"min_position": 0, "max_position": SERVED - 1})
        for layouts, kinds, dtypes in (
            (["interleaved"], ["default", "llama3"], ["f32", "bf16", "f16"]), (["half"], ["default", "longrope"], ["f32"]),
        )[: 2 if options.file == "llama" else 1]
    ],
)
