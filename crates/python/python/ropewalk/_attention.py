"""Attention with what encodes positions in it: masked, biased scores, a softmax, the values."""

from __future__ import annotations

import json
from typing import Any

from ._dtypes import FLOATS, short
from ._given import Asked, heads, integer_list, places, returned
from ._spec import spec as find
from ._spec import worded
from ._tensors import Memory, memory

NAMES = "causal, scale, window, softcap, rope, alibi, t5, query_positions, key_positions, key_lengths, sinks, table"
NAMES += ", seq_len"


def asked(
    q: Any,
    k: Any,
    v: Any,
    settings: dict[str, Any],
    *,
    lse: bool,
    axes: str | None,
    dtype: str | None,
) -> Asked:
    """The request of attention.

    settings: the keys of the config and the inputs beside q, k, v, by the names of the contract.

    Raises ValueError and TypeError for what does not fit together.
    """
    settings = {name: part for name, part in settings.items() if part is not None}
    held, letters = {}, ""
    for name, part in (("q", q), ("k", k), ("v", v)):
        held[name], own = heads(part, axes, name)
        letters = letters or own
    batch, _, queries, _ = held["q"].shape
    keys = held["k"].shape[2]
    config: dict[str, Any] = {"causal": settings.pop("causal", False)}
    seq_len = settings.pop("seq_len", None)
    count = 1
    if "rope" in settings:
        rope = find(settings.pop("rope"), seq_len=seq_len)
        config["rope"], count = rope.config, rope.axes
    for key in ("scale", "window", "softcap", "alibi", "t5"):
        if key in settings:
            config[key] = worded(settings.pop(key), key)
    others: dict[str, Any] = {"lse": True} if lse else {}
    if seq_len is not None:
        others["seq_len"] = seq_len
    own = settings.pop("query_positions", None)
    if own is None and queries != keys:
        raise ValueError(
            f"query_positions is missing: of {queries} queries and {keys} keys nobody knows which stand where"
        )
    others["query_positions"] = places(range(queries) if own is None else own, count, batch, queries)
    own = settings.pop("key_positions", None)
    others["key_positions"] = places(range(keys) if own is None else own, count, batch, keys)
    if "key_lengths" in settings:
        others["key_lengths"] = integer_list(settings.pop("key_lengths"), "key_lengths")
    tensors = list(held.items())
    for name in ("sinks", "table"):
        if name in settings:
            tensors.append((name, memory(settings.pop(name), name)))
    if settings:
        raise TypeError(f"attention has no {next(iter(settings))}, allowed are {NAMES}")
    output = dtype or held["q"].dtype
    return Asked("attention", output, json.dumps(config), tensors, json.dumps(others), letters, q)


def outputs_of(out: Any, lse: Any, axes: str | None) -> list[tuple[str, Memory]]:
    """What came out, as the contract has it: out as q lies, lse without d in the order batch, heads, queries."""
    held, letters = heads(out, axes, "out")
    found = [("out", held)]
    if lse is not None:
        own = memory(lse, "lse")
        kept = [letter for letter in "bhs" if letter in letters]
        if len(own.shape) != len(kept):
            raise ValueError(f"lse has shape {list(own.shape)}, {len(kept)} axes are needed: {' '.join(kept)}")
        sizes = dict(zip(kept, own.shape))
        own = own._replace(
            shape=tuple(sizes.get(letter, 1) for letter in "bhs"),
            strides=None if own.strides is None else _strides(kept, own.strides),
        )
        found.append(("lse", own))
    return found


def _strides(kept: list[str], strides: tuple[int, ...]) -> tuple[int, ...]:
    own = dict(zip(kept, strides))
    return tuple(own.get(letter, 0) for letter in "bhs")


def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    causal: bool = False,
    scale: float | None = None,
    window: Any = None,
    softcap: float | None = None,
    rope: Any = None,
    alibi: dict[str, Any] | None = None,
    t5: dict[str, Any] | None = None,
    query_positions: Any = None,
    key_positions: Any = None,
    key_lengths: Any = None,
    sinks: Any = None,
    table: Any = None,
    seq_len: int | None = None,
    lse: bool = False,
    axes: str | None = None,
    dtype: Any = None,
) -> Any:
    """softmax of masked, biased scores, times the values, every element correctly rounded once.

    q: queries with the axes of `axes` ("bhsd" by default, "bshd", "thd" …); k, v likewise, with as many heads
        or fewer: query head h reads key head ⌊h · H_k / H_q⌋.
    causal, scale (1/√D by default), window ([left, right], None for no limit), softcap, alibi, t5: as
        docs/operations.md has them; rope: whatever `ropewalk.spec` takes, turns q and k.
    query_positions, key_positions: as `ropewalk.rotate` has positions; by default from 0 on, for queries only
        where there are as many as keys. Masks and biases go by positions, never by places.
    key_lengths: how many keys each row of the batch has; sinks: [heads]; table: of T5, [num_buckets, heads].
    lse: also give ln of the sum of exponentials, [batch, heads, queries].
    dtype: format of the result, by default that of q.

    Gives out, or (out, lse), in framework and on the device of q. Raises ValueError and TypeError with what is
    wrong and what is allowed.
    """
    settings = {
        "causal": causal, "scale": scale, "window": window, "softcap": softcap, "rope": rope, "alibi": alibi,
        "t5": t5, "query_positions": query_positions, "key_positions": key_positions, "sinks": sinks,
        "key_lengths": key_lengths, "table": table, "seq_len": seq_len,
    }  # fmt: skip
    output = None if dtype is None else short(dtype)
    request = asked(q, k, v, settings, lse=lse, axes=axes, dtype=output)
    if request.dtype not in FLOATS:
        raise TypeError(f"q is {request.dtype}: dtype= must say the format of the result, {', '.join(FLOATS)}")
    found = dict(request.answer())
    out = returned(found["out"], request.letters, "bhsd", q)
    if not lse:
        return out
    kept = "".join(letter for letter in "bhs" if letter in request.letters)
    return out, returned(found["lse"], kept, "bhs", q)
