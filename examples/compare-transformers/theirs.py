"""Transformers' side: the config class and the rotary module of a model type."""

import contextlib
import copy
import importlib
import inspect
import json
import logging

import torch
import transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

logging.disable(logging.CRITICAL)
transformers.logging.set_verbosity_error()

VERSION, TORCH = transformers.__version__, torch.__version__

# Where the text model stands in a config of several.
NESTS = ["thinker_config", "text_config", "language_config", "llm_config"]


class Refused(Exception):
    """Transformers cannot be asked: no such class, no rotary module, or an error of its own."""


@contextlib.contextmanager
def doubled():
    """Runs code that asks for torch.float in f64."""
    saved = torch.float, torch.float32, torch.Tensor.float
    torch.float = torch.float32 = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.float, torch.float32, torch.Tensor.float = saved
        torch.set_default_dtype(torch.float32)


def rotary_class(config):
    """The module that computes inv_freq for the text model of this config."""
    package = type(config).__module__.rsplit(".", 1)[0]
    name = package.rsplit(".", 1)[1]
    module = importlib.import_module(f"{package}.modeling_{name}")
    classes = [
        value for key, value in vars(module).items()
        if inspect.isclass(value) and key.endswith("RotaryEmbedding")
        and not any(word in key for word in ("Vision", "Audio", "Encoder"))
        and "config" in inspect.signature(value.__init__).parameters
    ]
    # A multimodal module has several: the one of this config's own name comes first.
    stem = type(config).__name__.removesuffix("Config").removesuffix("Text")
    classes.sort(key=lambda c: (not c.__name__.startswith(stem + "Text"), not c.__name__.startswith(stem)))
    if not classes:
        raise Refused("its model has no rotary module that takes a config")
    return classes[0]


def text(config):
    for nest in NESTS:
        inner = getattr(config, nest, None)
        if inner is not None and not isinstance(inner, dict):
            return text(inner)
    return config


def saved():
    """(model_type, config.json as Transformers saves it, layer types) of every class that rotates."""
    for model_type in sorted(CONFIG_MAPPING.keys()):
        try:
            config = CONFIG_MAPPING[model_type]()
            inner = text(config)
            parameters = inner.rope_parameters
            rotary_class(inner)
        except Exception:  # no defaults, no rope, no modelling code, or a missing dependency
            continue
        if not parameters:
            continue
        layers = [key for key, value in parameters.items() if isinstance(value, dict)]
        yield model_type, json.loads(config.to_json_string(use_diff=False)), layers or [None]


def inv_freq(case, in_f64):
    """(frequencies, attention factor) as Transformers computes them for one layer type."""
    model = copy.deepcopy(case.model)
    kind = model.pop("model_type", None)
    if kind not in CONFIG_MAPPING:
        raise Refused(f"no config class for model_type {kind}")
    try:
        config = text(CONFIG_MAPPING[kind](**model))
        with doubled() if in_f64 else contextlib.nullcontext():
            return frequencies(config, case)
    except Refused:
        raise
    except Exception as error:  # its errors are of every kind
        raise Refused(f"{type(error).__name__}: {' '.join(str(error).split())}") from error


def frequencies(config, case):
    parameters = config.rope_parameters
    layer = case.layer_type if case.layer_type and case.layer_type in parameters else None
    inside = parameters[layer] if layer else parameters
    kind = inside["rope_type"]
    if case.seq_len is not None:
        keys = {"layer_type": layer} if layer else {}
        values, factor = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=case.seq_len, **keys)
        return values.tolist(), float(factor)
    module = rotary_class(config)(config)
    prefix = f"{layer}_" if layer else ""
    values = getattr(module, f"{prefix}inv_freq", None)
    if values is None:
        raise Refused(f"its rotary module has no inv_freq for {layer or 'all layers'}")
    return values.flatten().tolist(), float(getattr(module, f"{prefix}attention_scaling", 1.0))
