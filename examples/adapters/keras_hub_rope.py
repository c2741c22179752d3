"""keras-hub on the jax backend: RotaryEmbedding (layout half), Llama's variant, SinePositionEncoding, AlibiBias.

The layer's dtype policy is the dtype of the request.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras_hub
import numpy
import protocol
from keras_hub.src.models.llama.llama_rotary_embedding import LlamaRotaryEmbedding

POLICY = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}
TYPES = ["default", "linear", "ntk", "yarn", "llama3"]


def layer(config, dtype):
    kind, head = config.get("rope_type", "default"), protocol.whole(config)
    options = {"max_wavelength": config["rope_theta"], "sequence_axis": 2, "dtype": POLICY[dtype]}
    if kind == "llama3":
        return head, LlamaRotaryEmbedding(
            frequency_adjustment_factor=config["factor"],
            low_freq_factor=config["low_freq_factor"],
            high_freq_factor=config["high_freq_factor"],
            pretraining_sequence_length=config["original_max_position_embeddings"],
            **options,
        )
    if kind not in TYPES:
        raise protocol.Unsupported("rope_type")
    if kind != "default":
        # "dynamic" is what the layer calls a constant factor on NTK's formula.
        options.update(rope_type="dynamic" if kind == "ntk" else kind, scaling_factor=config["factor"])
    if kind == "yarn":
        options.update(
            beta_fast=config.get("beta_fast", 32), beta_slow=config.get("beta_slow", 1),
            truncate=config.get("truncate", True),
            original_max_position_embeddings=config["original_max_position_embeddings"],
        )
    return head, keras_hub.layers.RotaryEmbedding(**options)


def rotate(config, input, dtype):
    if config["layout"] != "half":
        raise protocol.Unsupported("layout")
    _, turn = layer(config, dtype)
    protocol.forward_only(input)
    grid = protocol.positions(input, rank=2)
    return {name: turn(x.numpy(), positions=grid) for name, x in protocol.tensors(input).items()}


def sinusoidal(config, input, dtype):
    if (config["layout"], config["divisor"], config["order"]) != ("interleaved", "half", "sin_first"):
        raise protocol.Unsupported("interleaved, half, sin_first only")
    turn = keras_hub.layers.SinePositionEncoding(max_wavelength=config.get("base", 10000), dtype=POLICY[dtype])
    width = config["dim"]
    rows = []
    for a, b, p in protocol.runs(protocol.positions(input, rank=1)):
        rows.append(numpy.asarray(turn(numpy.zeros((1, b - a, width), "f4"), start_index=p))[0])
    return {"embedding": numpy.concatenate(rows)}


def bias(config, input, dtype):
    if config["slopes"] != "code" or config["form"] != "mpt":
        raise protocol.Unsupported("the code's slopes and the form mpt only")
    keys, queries = protocol.positions(input, "key_positions"), protocol.positions(input, "query_positions")
    if len(keys) == 0 or keys.min() < 0 or keys.max() > 1 << 16:
        raise protocol.Unsupported("keys outside 0 … 2^16")
    heads = config["num_heads"]
    made = keras_hub.layers.AlibiBias(alibi_bias_max=config.get("alibi_bias_max", 8), dtype=POLICY[dtype])
    scores = numpy.zeros((1, heads, len(queries), int(keys.max()) + 1), "f4")
    return {"bias": numpy.asarray(made(scores))[0][:, :, keys]}


protocol.serve(
    "keras-hub",
    {"rotate": rotate, "sinusoidal": sinusoidal, "alibi_bias": bias},
    package="keras-hub",
    homepage="https://github.com/keras-team/keras-hub",
    capabilities=[
        {
            "operations": ["rotate"], "dtypes": ["f32", "bf16", "f16"], "layouts": ["half"], "rope_types": TYPES,
            "directions": ["forward"],
        },
        {"operations": ["sinusoidal", "alibi_bias"], "dtypes": ["f32", "bf16", "f16"]},
    ],
)
