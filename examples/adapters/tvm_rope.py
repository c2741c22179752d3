"""Apache TVM: llama_rope_with_position_map, the kernel that MLC LLM's models rotate with, compiled for a CPU.

`rope_scaling` is the config's, with what MLC's models add to it: `inv_theta_log_scale` for yarn, the maximum and the
factors for longrope. A kernel is built for each config, width and format.
"""

import json
import math

import engines
import numpy
import protocol
import tvm
from tvm.relax.frontend.nn.llm import position_embedding

KINDS = ["default", "yarn", "llama3", "longrope"]
NAMES = {"f32": "float32", "f16": "float16"}
built = {}


def kernel(scaling, theta, head, rotary, dtype):
    key = json.dumps([scaling, theta, head, rotary, dtype])
    if key not in built:
        made = position_embedding.llama_rope_with_position_map(theta, 1.0, head, 1, 1, NAMES[dtype], scaling, rotary)
        built[key] = tvm.compile(tvm.IRModule({"main": made}), target="llvm")["main"]
    return built[key]


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head, rotary = protocol.leading(config)
    scaling, theta = engines.scaling(config, KINDS, extra=()), config["rope_theta"]
    kind = scaling["rope_type"]
    layout = config["layout"]
    if layout == "interleaved":
        if kind != "default":
            raise protocol.Unsupported("a scaled rope in the interleaved layout")
        scaling = {"rope_type": "gptj"}
    elif kind == "default":
        scaling = {}
    factors = []
    if kind == "yarn":
        scaling["inv_theta_log_scale"] = 1 / (2 * math.log(theta))
        scaling.setdefault("beta_fast", 32)
        scaling.setdefault("beta_slow", 1)
    elif kind == "longrope":
        original = scaling["original_max_position_embeddings"]
        scaling["max_position_embeddings"] = config.get("max_position_embeddings", int(original * scaling.get("factor", 1)))
        # The kernel has them in one, and decides by the number of tokens of the call.
        factors = [numpy.array(scaling.pop("long_factor") + scaling.pop("short_factor"), "f4")]
        if "seq_len" not in input:
            raise protocol.Rejected("seq_len_required: the kernel takes the number of tokens")
    grid = protocol.positions(input, rank=2)
    if grid.size and abs(grid).max() > 2**31 - 1:
        raise protocol.Unsupported("a position of more than 32 bits")
    given = {name: part.numpy() for name, part in protocol.tensors(input, grid).items()}
    call = kernel(scaling, theta, head, rotary, dtype)
    if kind == "longrope" and input["seq_len"] != grid.size:
        raise protocol.Unsupported("a length that is not the number of tokens")
    out = {name: numpy.empty_like(x) for name, x in given.items()}
    where = tvm.runtime.tensor(grid.reshape(-1).astype("i4"))
    for name, x in given.items():
        for h in range(x.shape[1] if grid.size else 0):
            # Tokens are one list, heads are asked one by one, as query and as key.
            tokens = x[:, h].reshape(-1, head)
            fused = numpy.stack([tokens, tokens, tokens], axis=1)
            parts = [tvm.runtime.tensor(numpy.zeros((len(tokens), 1, head), x.dtype)) for _ in range(3)]
            last = [tvm.runtime.tensor(f) for f in factors] or [1]
            call(tvm.runtime.tensor(fused), where, *parts, *last)
            out[name][:, h] = parts[0 if name == "q" else 1].numpy().reshape(x[:, h].shape)
    return out


protocol.serve(
    "tvm",
    {"rotate": rotate},
    package="apache-tvm",
    homepage="https://github.com/apache/tvm",
    capabilities=[
        dict(operations=["rotate"], dtypes=["f32", "f16"], layouts=layouts, rope_types=kinds, directions=["forward"], axes=[1],
             mrope=False, rotary_offset=False, limits={"min_position": -(2**31), "max_position": 2**31 - 1})
        for layouts, kinds in ((["half"], KINDS), (["interleaved"], ["default"]))
    ],
)
