"""torchtune: layout interleaved, a table for positions from 0; Llama 3.1 scaling in a class of its own.

The package itself needs an older torchao to import, so the modules are loaded from their files.
"""

import importlib.util
import pathlib

import protocol
import torch

ROWS = 1 << 17
TORCH = {"bf16": torch.bfloat16, "f16": torch.float16}

options = protocol.arguments(cast=["none", "bf16", "f16"])
package = pathlib.Path(importlib.util.find_spec("torchtune").submodule_search_locations[0])
modules = {}


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Plain = load(package / "modules" / "position_embeddings.py").RotaryPositionalEmbeddings
Llama3 = load(package / "models" / "llama3_1" / "_position_embeddings.py").Llama3ScaledRoPE


def module(config):
    """The embedding of a model with this config, made once."""
    head, theta = protocol.whole(config), config["rope_theta"]
    if config.get("rope_type", "default") == "llama3":
        names = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        key = (head, theta, *(config[name] for name in names))
        make = lambda: Llama3(head, ROWS, theta, *key[2:])
    elif config.get("rope_type", "default") == "default":
        key, make = (head, theta), lambda: Plain(head, ROWS, theta)
    else:
        raise protocol.Unsupported("rope_type")
    if key not in modules:
        # A table is 128 MiB for a head of 128: keep a few.
        while len(modules) > 3:
            modules.pop(next(iter(modules)))
        made = make()
        modules[key] = made if options.cast == "none" else made.to(TORCH[options.cast])
    return modules[key]


def rotate(config, input, dtype):
    if config["layout"] != "interleaved":
        raise protocol.Unsupported("layout")
    protocol.forward_only(input)
    grid = torch.from_numpy(protocol.positions(input, rank=2))
    turn = module(config)
    given = protocol.tensors(input)
    return {name: turn(x.torch().transpose(1, 2), input_pos=grid).transpose(1, 2) for name, x in given.items()}


protocol.serve(
    "torchtune" + ("" if options.cast == "none" else "-cast-" + options.cast),
    {"rotate": rotate},
    package="torchtune",
    homepage="https://github.com/meta-pytorch/torchtune",
    dtypes=["f32", "bf16", "f16"],
    layouts=["interleaved"],
    rope_types=["default", "llama3"],
    directions=["forward"],
    limits={"min_position": 0, "max_position": ROWS - 1},
)
