"""Config keys of a model type set to other values than its class's, where its code reads them.

A released config.json is rarely its class's defaults. Every key that has to do with positions or
with the widths of a head is changed, one at a time, and the old spellings of files on the Hub are
tried; `every.py --variants` asks about each.
"""

import importlib
import inspect
import re

SPEAKS = re.compile(r"rope|rotary|alibi|position_embeddings?_type|interleave|nope|use_mla|mrope")
WORDS = ["rope", "rotary", "alibi", "absolute", "nope", "none", "relative_key", "relative_key_query", "relative",
         "sinusoidal", "learned"]
WIDTHS = ["head_dim", "global_head_dim", "attention_head_dim", "kv_channels", "hidden_size", "d_model", "n_embd", "dim",
          "embed_dim", "num_attention_heads", "n_head", "n_heads", "num_heads", "qk_rope_head_dim", "qk_nope_head_dim",
          "v_head_dim", "rotary_dim", "num_key_value_heads"]
SHARES = ["partial_rotary_factor", "rotary_pct", "rope_pct", "rotary_emb_fraction"]
LAYERS = ["num_hidden_layers", "n_layer", "n_layers", "num_layers"]

YARN = {"factor": 4.0, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1}
SCALINGS = [
    {"rope_type": "linear", "factor": 4.0},
    {"rope_type": "yarn", **YARN},
    {"rope_type": "yarn", **YARN, "mscale": 1.0, "mscale_all_dim": 0.8},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 8192},
]
OLD = [
    {"type": "linear", "factor": 4.0},
    {"type": "yarn", **YARN, "mscale": 0.707, "mscale_all_dim": 0.707},
    {"type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 8192},
]


def code(config):
    """The source of a config's class and of its model."""
    name = type(config).__module__
    modules = [name, name.replace("configuration_", "modeling_")]
    return "".join(inspect.getsource(importlib.import_module(module)) for module in modules)


def fewer_layers(saved):
    """Enough layers to have every kind of them, and few enough to be built in no time."""
    return {key: 8 for key in LAYERS if isinstance(saved.get(key), int) and saved[key] > 8}


def variants(config, saved):
    """The keys to set, for a config and its config.json."""
    source = code(config)
    for key, value in saved.items():
        reads = re.search(rf"\b{key}\b", source.split("class ", 1)[-1])
        if not reads:
            continue
        if isinstance(value, bool) and SPEAKS.search(key):
            yield {key: not value}
        elif re.fullmatch(r"position_embeddings?_type", key):
            yield from ({key: word} for word in WORDS if f'"{word}"' in source and word != value)
        elif key in WIDTHS and isinstance(value, int) and not isinstance(value, bool) and value > 1:
            yield {key: 2 * value}
            yield {key: value // 2}
        elif key in SHARES and isinstance(value, float):
            yield {key: 0.5 if value != 0.5 else 0.25}
    if "head_dim" in saved:
        yield {"head_dim": None}
    if "head_dim" in source and not saved.get("head_dim"):
        yield {"head_dim": 96}
    layers = next((saved[key] for key in LAYERS if isinstance(saved.get(key), int)), 8)
    layers = min(layers, 8)
    types = saved.get("layer_types")
    for kind in sorted(set(types or [])):
        yield {"layer_types": [kind] * layers}
    if types and len(set(types)) > 1:
        yield {"layer_types": list(reversed(types[:layers]))}
    if "sliding_window" in saved and "sliding_window" in source:
        yield {"sliding_window": None}
        yield {"sliding_window": 512}
    if "no_rope_layers" in source:
        yield {"no_rope_layers": [1] * layers}
        yield {"no_rope_layers": [index % 2 for index in range(layers)]}
        yield {"no_rope_layer_interval": 3}
    parameters = saved.get("rope_parameters")
    if not isinstance(parameters, dict):
        return
    nested = {key: value for key, value in parameters.items() if isinstance(value, dict)}
    if nested:
        yield {"rope_parameters": {key: {**value, "rope_theta": 12345.0 + index}
                                   for index, (key, value) in enumerate(nested.items())}}
        for scaling in SCALINGS:
            yield {"rope_parameters": {key: {"rope_theta": 12345.0, **scaling} for key in nested}}
    else:
        kept = {key: value for key, value in parameters.items() if key in ("mrope_section", "partial_rotary_factor")}
        yield {"rope_parameters": {**parameters, "rope_theta": 12345.0}}
        if parameters.get("rope_type") != "axial":
            for scaling in SCALINGS:
                yield {"rope_parameters": {"rope_theta": 12345.0, **kept, **scaling}}
    yield {"rope_theta": 12345.0}
    if not nested and parameters.get("rope_type") == "axial":
        return
    for scaling in OLD:
        yield {"rope_theta": 12345.0, "rope_scaling": scaling}
    yield {"rope_theta": 12345.0, "rope_scaling": None}
