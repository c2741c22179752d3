"""Hugging Face Transformers, the relative position buckets of T5."""

import protocol
import torch
from transformers.models.t5.modeling_t5 import T5Attention


def bucket(config, input, dtype):
    queries = torch.from_numpy(protocol.positions(input, "query_positions"))
    keys = torch.from_numpy(protocol.positions(input, "key_positions"))
    found = T5Attention._relative_position_bucket(
        keys[None, :] - queries[:, None],
        bidirectional=config["bidirectional"],
        num_buckets=config["num_buckets"],
        max_distance=config["max_distance"],
    )
    return {"bucket": found.to(torch.int32)}


def bias(config, input, dtype):
    index = bucket(config, input, dtype)["bucket"].long()
    return {"bias": input.tensor("table").torch()[index].permute(2, 0, 1)}


protocol.serve(
    "transformers-t5",
    {"t5_bucket": bucket, "t5_bias": bias},
    package="transformers",
    homepage="https://github.com/huggingface/transformers",
    dtypes=["f64", "f32", "bf16", "f16", "i32"],
)
