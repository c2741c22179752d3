"""mlx-lm: initialize_rope, which chooses a class by the rope_type of a config.json."""

import importlib.util
import pathlib
import sys

import mlx.core as mx
import protocol

spec = importlib.util.find_spec("mlx_lm")
path = pathlib.Path(spec.submodule_search_locations[0]) / "models" / "rope_utils.py"
# The file alone: the package wants tokenizers and a hub client.
spec = importlib.util.spec_from_file_location("rope_utils", path)
rope_utils = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rope_utils)

mx.set_default_device(mx.cpu)
DTYPES = {"f32": mx.float32, "bf16": mx.bfloat16, "f16": mx.float16}
TYPES = ["default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional"]
NUMBERS = (
    "factor attention_factor beta_fast beta_slow truncate mscale mscale_all_dim low_freq_factor "
    "high_freq_factor short_factor long_factor original_max_position_embeddings partial_rotary_factor"
).split()


def rotate(config, input, dtype):
    kind = config.get("rope_type", "default")
    if kind not in TYPES:
        raise protocol.Unsupported("rope_type")
    rotary = config["head_dim"] if kind == "proportional" else protocol.leading(config)[1]
    scaling = {"rope_type": kind}
    scaling.update({name: config[name] for name in NUMBERS if name in config})
    longest = config.get("max_position_embeddings", scaling.get("original_max_position_embeddings"))
    if kind == "dynamic":
        longest = scaling.pop("original_max_position_embeddings", longest)
    rope = rope_utils.initialize_rope(
        rotary, config["rope_theta"], config["layout"] == "interleaved", scaling, longest
    )
    length = input.get("seq_len")
    protocol.forward_only(input)
    grid = protocol.positions(input, rank=2)
    if grid.size and abs(grid).max() > 2**31 - 1:
        raise protocol.Unsupported("an offset of more than 32 bits")
    if length is not None and (grid.shape[1] == 0 or (grid != grid[:1]).any() or grid[0, -1] != length - 1 or (grid[0, 1:] - grid[0, :-1] != 1).any()):
        raise protocol.Unsupported("a length that is not the last position plus 1")
    out = {}
    for name, part in protocol.tensors(input, grid).items():
        x = mx.array(part.bits).view(DTYPES[part.dtype])
        rows = []
        for b, row in enumerate(grid):
            pieces = [rope(x[b : b + 1, :, s:e], offset=p) for s, e, p in protocol.runs(row)]
            rows.append(mx.concatenate(pieces, axis=2) if pieces else x[b : b + 1])
        made = mx.concatenate(rows)
        if made.dtype != DTYPES[part.dtype]:
            raise TypeError("the kernel answered in %s" % made.dtype)
        import numpy

        bits = numpy.array(made.view(mx.uint16 if made.itemsize == 2 else mx.uint32))
        out[name] = protocol.Tensor(part.dtype, bits.view(protocol.NUMPY[part.dtype]))
    return out


protocol.serve(
    "mlx-lm",
    {"rotate": rotate},
    package="mlx-lm",
    homepage="https://github.com/ml-explore/mlx-lm",
    dtypes=["f32", "bf16", "f16"],
    layouts=["interleaved", "half"],
    rope_types=TYPES,
    directions=["forward"],
    limits={"min_position": -(2**31), "max_position": 2**31 - 1},
)
