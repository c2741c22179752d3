"""Hugging Face Transformers, ALiBi as BLOOM, Falcon and MPT build it (`--model`)."""

import protocol
import torch
from transformers.models.bloom.modeling_bloom import build_alibi_tensor as bloom
from transformers.models.falcon.modeling_falcon import build_alibi_tensor as falcon
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor as mpt

TORCH = {"f64": torch.float64, "f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
FORMS = {"bloom": "key", "falcon": "key", "mpt": "mpt"}

options = protocol.arguments(model=["bloom", "falcon", "mpt"])


def heads_of(config):
    if config["slopes"] != "code":
        raise protocol.Unsupported("slopes of the paper")
    return config["num_heads"]


def bias(config, input, dtype):
    heads, largest = heads_of(config), config.get("alibi_bias_max", 8)
    if config["form"] != FORMS[options.model]:
        raise protocol.Unsupported("form")
    keys, queries = protocol.positions(input, "key_positions"), protocol.positions(input, "query_positions")
    if len(keys) == 0 or keys.min() < 0 or keys.max() > 1 << 20:
        raise protocol.Unsupported("keys outside 0 … 2^20")
    length = int(keys.max()) + 1
    if options.model == "mpt":
        made = mpt(heads, length, largest).to(TORCH[dtype])
    else:
        if largest != 8:
            raise protocol.Unsupported("alibi_bias_max")
        build = bloom if options.model == "bloom" else falcon
        made = build(torch.ones(1, length, dtype=torch.int64), heads, TORCH[dtype])
    made = made.reshape(heads, 1, length)[:, :, torch.from_numpy(keys)]
    return {"bias": made.expand(heads, len(queries), len(keys))}


def slopes(config, input, dtype):
    heads = heads_of(config)
    config.allow("form")
    if options.model == "mpt":
        made = -mpt(heads, 2, config.get("alibi_bias_max", 8)).to(TORCH[dtype])[:, 0, 0]
    else:
        build = bloom if options.model == "bloom" else falcon
        made = build(torch.ones(1, 2, dtype=torch.int64), heads, TORCH[dtype])[:, 0, 1]
    return {"slopes": made}


protocol.serve(
    "transformers-alibi-" + options.model,
    {"alibi_bias": bias, "alibi_slopes": slopes},
    package="transformers",
    homepage="https://github.com/huggingface/transformers",
    dtypes=["f32", "bf16", "f16"],
)
