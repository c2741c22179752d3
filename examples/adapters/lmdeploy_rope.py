"""LMDeploy's PyTorch engine: build_rotary_embedding_from_config with the default backend, applied as it does on CPUs."""

import json
import types

import engines
import protocol
import torch

lmdeploy = engines.lmdeploy()
KINDS = ["default", "linear", "dynamic", "yarn", "llama3", "longrope"]
kept = {}


def module(config, head, share):
    rope = {"rope_theta": config["rope_theta"], **engines.scaling(config, KINDS)}
    longest = config.get("max_position_embeddings", rope.get("original_max_position_embeddings", 4096))
    if rope["rope_type"] == "dynamic":
        longest = rope.pop("original_max_position_embeddings", longest)
    key = json.dumps([head, share, longest, rope])
    if key not in kept:
        said = types.SimpleNamespace(head_dim=head, max_position_embeddings=longest, rope_parameters=rope)
        if share != 1:
            said.partial_rotary_factor = share
        kept[key] = lmdeploy.build_rotary_embedding_from_config(said)
    return kept[key]


def half(x):
    return torch.cat((-x[..., x.shape[-1] // 2 :], x[..., : x.shape[-1] // 2]), dim=-1)


def rotate(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    protocol.forward_only(input)
    head = protocol.whole(config)
    grid = torch.from_numpy(protocol.positions(input, rank=3 if "mrope_section" in config else 2))
    if "mrope_section" in config and len(config["mrope_section"]) != 3:
        raise protocol.Unsupported("four sections")
    seq = grid.shape[-1]
    if config.get("rope_type") in ("dynamic", "longrope"):
        if "seq_len" not in input:
            raise protocol.Rejected("seq_len_required: the library takes it from the positions")
        length = input["seq_len"]
        if not grid.numel() or grid.max() >= length:
            raise protocol.Unsupported("a length below the largest position: it is taken from the positions")
        # A length is said with one more token, the last one, as a prompt has it.
        grid = torch.cat([grid, torch.full((*grid.shape[:-1], 1), length - 1)], dim=-1)
    given = {name: part.torch() for name, part in protocol.tensors(input).items()}
    q = given["q"]
    if grid.ndim == 2 and grid.shape[0] == 3 and "mrope_section" in config:
        raise protocol.Unsupported("three rows are read as three axes")
    cos, sin = module(config, head, 1)(q, grid)
    cos, sin = (x.reshape(q.shape[0], 1, -1, head)[:, :, :seq] for x in (cos, sin))
    return {name: x * cos + half(x) * sin for name, x in given.items()}


protocol.serve(
    "lmdeploy",
    {"rotate": rotate},
    package="lmdeploy",
    homepage="https://github.com/InternLM/lmdeploy",
    dtypes=["f32", "bf16", "f16"],
    layouts=["half"],
    rope_types=KINDS,
    directions=["forward"],
    axes=[1, 3],
    partial=False,
)
