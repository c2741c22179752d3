"""Attention as Transformers computes it eagerly, in the model's format: `--model gemma2` (scores with a softcap),
`gpt-oss` (sinks), `t5` (its buckets and table), `mpt` and `bloom` (their modules and their ALiBi).

Masks are what Transformers makes of them: 0, and the most negative number of the format where a key is masked
(`mpt`: booleans). The linear layers around MPT's and BLOOM's attention are replaced by what hands the numbers on;
queries that a chunk does not have are zeros, whose answers are dropped; zeros are appended to narrow values.
"""

import types

import attending
import numpy
import protocol
import torch

options = protocol.arguments(model=["gemma2", "gpt-oss", "t5", "mpt", "bloom"])
TORCH = {"f64": torch.float64, "f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
TAKES = {"gemma2": ("softcap",), "gpt-oss": ("sinks",), "t5": (), "mpt": (), "bloom": ()}
BIASES = {"t5": ("t5",), "mpt": ("alibi",), "bloom": ("alibi",)}


class Passing(torch.nn.Module):
    """A linear layer that changes nothing."""

    def forward(self, x):
        return x


def attention(config, input, dtype):
    asked = attending.Question(config, input, take=TAKES[options.model] + BIASES.get(options.model, ()), biases=False)
    if asked.one_format() != dtype or (asked.sinks is not None and asked.sinks.dtype != dtype):
        raise protocol.Unsupported("mixed formats")
    if not asked.grouped():
        raise protocol.Unsupported("heads that are no multiple of the key heads")
    if options.model == "gpt-oss" and asked.sinks is None:
        raise protocol.Unsupported("no sinks")
    if options.model in BIASES and asked.alibi is None and asked.t5 is None:
        raise protocol.Unsupported("no bias")
    allowed = torch.from_numpy(asked.allowed())[:, None]
    mask = torch.zeros(allowed.shape, dtype=TORCH[dtype]).masked_fill(~allowed, torch.finfo(TORCH[dtype]).min)
    return {"out": MODELS[options.model](asked, config, input, dtype, allowed, mask)}


def eager(module):
    def call(asked, config, input, dtype, allowed, mask, **more):
        asked.check()
        config.check()
        input.check()
        layer = types.SimpleNamespace(
            num_key_value_groups=asked.heads // asked.key_heads, training=False,
            sinks=None if asked.sinks is None else asked.sinks.torch(),
        )
        forward = module.eager_attention_forward
        q, k, v = asked.q.torch(), asked.k.torch(), asked.v.torch()
        return forward(layer, q, k, v, mask, scaling=asked.factor(), **more)[0].transpose(1, 2)

    return call


def gemma2(asked, *rest):
    from transformers.models.gemma2 import modeling_gemma2

    return eager(modeling_gemma2)(asked, *rest, softcap=asked.softcap)


def gpt_oss(*rest):
    from transformers.models.gpt_oss import modeling_gpt_oss

    return eager(modeling_gpt_oss)(*rest)


def t5(asked, config, input, dtype, allowed, mask):
    from transformers.models.t5 import modeling_t5

    part, table = asked.t5, input.tensor("table")
    if table.dtype != dtype:
        raise protocol.Unsupported("mixed formats")
    apart = torch.from_numpy(asked.of[:, None, :] - asked.at[:, :, None])
    bucket = modeling_t5.T5Attention._relative_position_bucket
    buckets = bucket(apart, part["bidirectional"], part["num_buckets"], part["max_distance"])
    bias = torch.nn.functional.embedding(buckets, table.torch()).permute(0, 3, 1, 2)
    if asked.key_heads != asked.heads:
        raise protocol.Unsupported("grouped heads")
    return eager(modeling_t5)(asked, config, input, dtype, allowed, mask, position_bias=bias)


def whole(asked, allowed):
    """q, k, v, mask, all with as many queries as keys: the last ones are those that are asked."""
    if asked.width > asked.dim:
        raise protocol.Unsupported("values wider than keys")
    more = asked.keys - asked.queries
    if more < 0:
        raise protocol.Unsupported("more queries than keys")
    if asked.scale is not None:
        raise protocol.Unsupported("a scale")
    q = torch.nn.functional.pad(asked.q.torch(), (0, 0, more, 0))
    k, v = asked.repeated(asked.k).torch(), asked.repeated(asked.v).torch()
    v = torch.nn.functional.pad(v, (0, asked.dim - asked.width))
    return q, k, v, torch.nn.functional.pad(allowed, (0, 0, more, 0), value=True)


def slopes(asked, form):
    part = asked.alibi
    if part["slopes"] != "code" or part["form"] != form or "head_dim" in part:
        raise protocol.Unsupported("another ALiBi")
    if part["num_heads"] != asked.heads or (asked.of != numpy.arange(asked.keys)).any() or asked.lengths is not None:
        raise protocol.Unsupported("keys that do not count from 0")
    return part.get("alibi_bias_max", 8)


def mpt(asked, config, input, dtype, allowed, mask):
    from transformers import MptConfig
    from transformers.models.mpt import modeling_mpt

    bias = modeling_mpt.build_mpt_alibi_tensor(asked.heads, asked.keys, slopes(asked, "mpt"))
    q, k, v, left = whole(asked, allowed)
    asked.check()
    made = modeling_mpt.MptAttention(MptConfig(d_model=asked.heads * asked.dim, n_heads=asked.heads))
    made.Wqkv = made.out_proj = Passing()
    rows = torch.cat([x.transpose(1, 2).flatten(2) for x in (q, k, v)], 2)
    out = made.eval()(rows, bias.to(TORCH[dtype]), attention_mask=~left)[0]
    return out.unflatten(2, (asked.heads, asked.dim)).transpose(1, 2)[:, :, asked.keys - asked.queries :, : asked.width]


def bloom(asked, config, input, dtype, allowed, mask):
    from transformers import BloomConfig
    from transformers.models.bloom import modeling_bloom

    if slopes(asked, "key") != 8:
        raise protocol.Unsupported("alibi_bias_max")
    q, k, v, left = whole(asked, allowed)
    asked.check()
    bias = modeling_bloom.build_alibi_tensor(torch.ones(asked.batch, asked.keys, dtype=torch.int64), asked.heads, TORCH[dtype])
    made = modeling_bloom.BloomAttention(BloomConfig(hidden_size=asked.heads * asked.dim, n_head=asked.heads, attention_dropout=0.0, hidden_dropout=0.0), 0)
    made.query_key_value = made.dense = Passing()
    rows = torch.stack([x.transpose(1, 2) for x in (q, k, v)], 3).flatten(2)
    whole_mask = torch.zeros(left.shape, dtype=TORCH[dtype]).masked_fill(~left, torch.finfo(TORCH[dtype]).min)
    out = made.eval()(rows, torch.zeros(*rows.shape[:2], asked.heads * asked.dim, dtype=TORCH[dtype]), bias, whole_mask)[0]
    return out.unflatten(2, (asked.heads, asked.dim)).transpose(1, 2)[:, :, asked.keys - asked.queries :, : asked.width]


MODELS = {"gemma2": gemma2, "gpt-oss": gpt_oss, "t5": t5, "mpt": mpt, "bloom": bloom}

protocol.serve(
    "transformers-attention-" + options.model,
    {"attention": attention},
    package="transformers",
    homepage="https://github.com/huggingface/transformers",
    dtypes=["f32", "bf16", "f16"],
)
