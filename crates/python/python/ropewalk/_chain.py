"""What a fused kernel computes: norm, rotation, quantisation, store (docs/chains.md)."""

from __future__ import annotations

import json
import os
from typing import Any

from ._given import Asked, arranged, format_of, heads, integer_list, places, returned, whole
from ._spec import spec as find
from ._spec import worded
from ._tensors import Memory, memory

PARTS = ("q", "k", "v")
CACHES = ("key_cache", "value_cache")
SCALES = ("q_scale", "k_scale", "v_scale")


def stages_of(stages: Any, seq_len: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config of a chain with its rope in the flat form, and its stages by name.

    `stages`: a list of stages, {"stages": [...]}, or the path of a JSON file with that. What `rotate` says
    is whatever `ropewalk.spec` takes.
    """
    if isinstance(stages, (str, os.PathLike)):
        with open(stages, encoding="utf-8") as file:
            stages = json.load(file)
    config = dict(stages) if isinstance(stages, dict) else {"stages": stages}
    if not isinstance(config.get("stages"), (list, tuple)):
        raise TypeError('stages must be a list of stages, {"stages": […]}, or a file with that')
    listed, named = [], {}
    for stage in config["stages"]:
        if not isinstance(stage, dict):
            raise TypeError(f"a stage is {type(stage).__name__}, a dict with one key is needed")
        own = {}
        for kind, what in stage.items():
            own[kind] = find(what, seq_len=seq_len).config if kind == "rotate" else worded(what, kind)
            named[kind] = own[kind]
        listed.append(own)
    return {**config, "stages": listed}, named


def orders(named: dict[str, Any], letters: str, name: str, rank: int) -> tuple[str, str]:
    """Letters of an input or output as it is given, and as the contract has it; empty for what has none.

    A scale for every token is [batch, heads, tokens], for every group it has one axis more: their axes
    are those of q, too.
    """
    if name in PARTS:
        return letters, "bhsd"
    per = (named.get("quantize") or {}).get("per")
    if name in SCALES and per in ("token", "group") and rank == len(letters) - (per == "token"):
        return (letters, "bhsd") if per == "group" else (letters.replace("d", ""), "bhs")
    return "", ""


def asked(
    stages: Any,
    inputs: dict[str, Any],
    outputs: list[tuple[str, Memory]],
    *,
    axes: str | None,
    dtype: Any,
) -> tuple[Asked, dict[str, Any]]:
    """The request of a chain, and its stages by name.

    Raises ValueError and TypeError for what does not fit together.
    """
    inputs = {name: part for name, part in inputs.items() if part is not None}
    if "q" not in inputs:
        raise ValueError("q is missing")
    seq_len = inputs.pop("seq_len", None)
    config, named = stages_of(stages, seq_len)
    q, letters = heads(inputs["q"], axes, "q")
    batch, _, tokens, _ = q.shape
    others: dict[str, Any] = {} if seq_len is None else {"seq_len": seq_len}
    tensors = []
    cu_seqlens = inputs.pop("cu_seqlens", None)
    positions = inputs.pop("positions", None)
    if positions is not None or cu_seqlens is not None:
        count = find(named["rotate"]).axes if "rotate" in named else 1
        others["positions"] = places(positions, count, batch, tokens, cu_seqlens)
    for name, part in inputs.items():
        if name == "slots":
            others[name] = integer_list(part, name)
        elif name == "direction":
            others[name] = part
        elif name in PARTS:
            tensors.append((name, heads(part, axes, name)[0]))
        else:
            held = whole(part, name)
            own, order = orders(named, letters, name, len(held.shape))
            tensors.append((name, arranged(held, own, order) if own else held))
    output = format_of(dtype, [pair for pair in outputs if pair[0] in PARTS], q)
    return Asked("chain", output, json.dumps(config), tensors, json.dumps(others), letters, inputs["q"]), named


def output_names(inputs: dict[str, Any], named: dict[str, Any]) -> list[str]:
    """The names of the outputs that are no scales, in the order of the contract."""
    given = [name for name in PARTS if inputs.get(name) is not None]
    stored = {"k": "key_cache", "v": "value_cache"} if "store" in named else {}
    return [stored.get(name, name) for name in given]


def outputs_of(actual: Any, stages: Any, inputs: dict[str, Any], axes: str | None) -> list[tuple[str, Memory]]:
    """What came out, by name, as the contract has it."""
    _, named = stages_of(stages, inputs.get("seq_len"))
    if not isinstance(actual, dict):
        names = output_names(inputs, named)
        parts = list(actual) if isinstance(actual, (tuple, list)) else [actual]
        if len(parts) != len(names):
            raise ValueError(f"actual has {len(parts)} tensors, {', '.join(names)} are the outputs; scales go by name")
        actual = dict(zip(names, parts))
    found = []
    for name, part in actual.items():
        if name in PARTS:
            found.append((name, heads(part, axes, name)[0]))
            continue
        held = whole(part, name) if name in SCALES else memory(part, name)
        letters = heads(inputs["q"], axes, "q")[1] if name in SCALES else ""
        own, order = orders(named, letters, name, len(held.shape))
        found.append((name, arranged(held, own, order) if own else held))
    return found


def chain(stages: Any, *, axes: str | None = None, dtype: Any = None, **inputs: Any) -> dict[str, Any]:
    """What a chain makes of its inputs, every element correctly rounded once, by the names of the contract.

    stages: the stages of docs/chains.md, a list, or a file with {"stages": [...]}; `rotate` takes whatever
        `ropewalk.spec` takes, `format` of `quantize` also a dtype of torch or ml_dtypes.
    inputs: q, k, v with the axes of `axes` ("bhsd" by default, "bshd", "thd" …); positions, slots,
        direction, seq_len, cu_seqlens as `ropewalk.rotate` has them; weights, scales and caches by their names
        (q_weight, k_scale, key_cache …). A scale may be a number.
    dtype: format of what is not quantised, by default that of q.

    Gives a dict: q and k, or key_cache and value_cache, and the scales that are made. Framework and device
    are those of q. Raises ValueError and TypeError with what is wrong and what is allowed.
    """
    request, named = asked(stages, inputs, [], axes=axes, dtype=dtype)
    letters = request.letters
    found = {}
    for name, part in request.answer():
        rank = len(part[1])
        own, order = orders(named, letters, name, rank if name in PARTS else rank - (4 - len(letters)))
        found[name] = returned(part, own, order, request.like)
    return found
