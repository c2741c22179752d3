"""Assertions about tensors, by derived bounds; and pytest parametrisation.

Every assertion judges by the bound of a right way of computing (docs/tolerances.md), says where, how far
off and what is wrong, and fails where nothing can be judged.
"""

from __future__ import annotations

import json
from typing import Any

from . import _native
from ._answers import laid, rows, slices
from ._audit import Report
from ._conformance import Case, parametrize
from ._dtypes import EIGHT
from ._errors import NotJudged, RotationError, diagnoses, element, percent, reasons, runs, written_runs
from ._fused import assert_attention, assert_chain, assert_stored
from ._spec import spec as find
from ._tensors import family, floats, memory

__all__ = [
    "Case",
    "assert_attention",
    "assert_chain",
    "assert_inv_freq",
    "assert_rotated",
    "assert_table",
    "parametrize",
]


def assert_rotated(
    actual: Any,
    tensor: Any,
    positions: Any,
    config: Any,
    *,
    axes: str | None = None,
    layout: str | None = None,
    layer_type: str | None = None,
    seq_len: int | None = None,
    direction: str = "forward",
    cu_seqlens: Any = None,
    profile: str | None = None,
    allow_unjudged: bool = False,
) -> None:
    """That `actual` is `tensor`, rotated at `positions`: what came out, and what went in.

    Parameters as `ropewalk.rotate` has them. `profile` judges by one way of computing
    (`ropewalk list profiles`) instead of the right one that fits; `allow_unjudged` lets pass what no
    bound judges.

    Raises RotationError, with `.faults`, `.remedy`, `.wrong`, `.rotated_at` and `.report`; NotJudged;
    ValueError and TypeError for what does not fit together.
    """
    __tracebackhide__ = True
    own = find(config, layout=layout, layer_type=layer_type, seq_len=seq_len)
    before, after = floats(tensor, "tensor"), floats(actual, "actual")
    if profile is not None and not isinstance(profile, str):
        raise TypeError(f"profile is {type(profile).__name__}, a name is needed: `ropewalk list profiles`")
    own, letters, places = laid(before, positions, own, axes, cu_seqlens, "tensor")
    if after.dtype in EIGHT:
        held = (after, before, positions, own, letters, direction, cu_seqlens, profile, allow_unjudged)
        return assert_stored(*held)
    said = _native.judge_rotated(
        ["tensor", "actual"], before, after, places, own._json, own.seq_len, letters, direction, profile
    )
    if said is not None:
        text, found, report, wrong, rows = said
        where = _where(wrong, dict(zip(letters, before.shape)))
        _concluded(json.loads(found), text, report, where, rows, allow_unjudged)


def _concluded(
    found: dict[str, Any], text: str, report: Any, where: dict[str, Any], rows: list, allow_unjudged: bool
) -> None:
    __tracebackhide__ = True
    at = [(tuple(row), position) for row, position in rows if position is not None]
    total = found["judged"] + found["unjudged"]
    if found["verdict"] == "unjudged":
        if allow_unjudged:
            return
        raise NotJudged(f"not judged: none of {total} elements can be judged\n{text}")
    share = found["wrong"] / total
    shape = f"{found['axes']} {found['shape']} {found['dtype']}"
    lines = [f"wrong: {found['wrong']} of {total} elements ({percent(share)}), {shape}, nearest {found['profile']}"]
    worst = found["worst_wrong"]
    if worst:
        lines.append(f"  worst: {element(worst, 'actual')}")
    if where:
        lines.append("  where: " + ", ".join(f"{axis} {written_runs(part)}" for axis, part in where.items()))
    if at:
        few = ", ".join(f"{list(row)} by {position}" for row, position in at[:3])
        lines.append(f"  really turned: {few}{', …' if len(at) > 3 else ''} ([batch, head, token] by position)")
    known, clues = diagnoses(found["diagnoses"]), found["clues"] or []
    lines += reasons(known, clues, found["plain"])
    raise RotationError(
        "\n".join(lines),
        known,
        clues,
        where,
        worst,
        share,
        at,
        report and Report(report),
        text,
    )


def _where(places: list[list[int]], sizes: dict[str, int]) -> dict[str, Any]:
    """Which indices of batch, head and token have wrong rows."""
    found: dict[str, Any] = {}
    for seen, (name, letter) in zip(places, [("batch", "b"), ("head", "h"), ("token", "s")]):
        if letter not in sizes or not seen:
            continue
        found[name] = "all" if len(seen) == sizes[letter] else runs(seen)
    return found


def assert_table(
    cos: Any,
    sin: Any,
    positions: Any,
    config: Any,
    *,
    layout: str | None = None,
    layer_type: str | None = None,
    seq_len: int | None = None,
    profile: str | None = None,
    allow_unjudged: bool = False,
) -> None:
    """That `cos` and `sin` are the table of `config` at `positions`, attention factor included.

    cos, sin: [..., planes], or as wide as the rotated slice, in the config's layout, as Transformers has
        them. With `sin` None, `cos` is a complex table, or cos and sin side by side.
    """
    __tracebackhide__ = True
    own = find(config, layout=layout, layer_type=layer_type, seq_len=seq_len)
    places, shape = rows(positions, own)
    tables = _tables(cos, sin, own)
    count = 1
    for size in shape:
        count *= size
    for what, pair in tables:
        outputs = []
        for name, part in zip(("cos", "sin"), pair):
            held = memory(part, name)
            lead = held.shape[:-1]
            size = 1
            for axis in lead:
                size *= axis
            if held.shape[-1] != len(own.planes) or size != count:
                raise ValueError(
                    f"{name} has shape {list(held.shape)}, [{count}, {len(own.planes)}] is needed: a row "
                    "for each position, a column for each plane"
                )
            outputs.append((name, held._replace(shape=lead + held.shape[-1:])))
        flat = [(name, _flattened(held, count)) for name, held in outputs]
        report = _native.judge_outputs("table", flat, places, own._json, own.seq_len, profile)
        _said(report, what, allow_unjudged)


def _flattened(held: Any, count: int) -> Any:
    """A table with one row for each position."""
    if len(held.shape) == 2:
        return held
    if len(held.shape) == 1:
        strides = held.strides and (0, *held.strides)
        return held._replace(shape=(1, *held.shape), strides=strides)
    whole = held.owner
    flat = whole.reshape(count, held.shape[-1]) if hasattr(whole, "reshape") else None
    return held._replace(shape=(count, held.shape[-1]), strides=None) if flat is None else memory(flat)


def _tables(cos: Any, sin: Any, own: Any) -> list[tuple[str, tuple[Any, Any]]]:
    """Pairs of cos and sin with one column for each plane, and what they are called."""
    planes = len(own.planes)
    for name, part in (("cos", cos), ("sin", sin)):
        if part is None and name == "sin":
            continue
        if not hasattr(part, "shape"):
            raise TypeError(f"{name} is {type(part).__name__}, a tensor is needed: numpy, torch, JAX")
        if len(part.shape) == 0:
            raise ValueError(f"{name} has shape []: a column for each plane is needed, {planes}")
    if sin is None:
        if "complex" in str(getattr(cos, "dtype", "")):
            if family(cos) == "torch":
                import torch

                parts = torch.view_as_real(cos.detach().resolve_conj())
                return [("table", (parts[..., 0], parts[..., 1]))]
            return [("table", (cos.real, cos.imag))]
        if cos.shape[-1] != 2 * planes:
            raise ValueError(f"cos has {cos.shape[-1]} columns and sin is None: {2 * planes} are needed, or complex")
        return [("table", (cos[..., :planes], cos[..., planes:]))]
    if cos.shape[-1] == planes:
        return [("table", (cos, sin))]
    found = slices(own)
    if cos.shape[-1] != len(found) or sin.shape[-1] != len(found):
        raise ValueError(
            f"cos has {cos.shape[-1]} columns, sin {sin.shape[-1]}: {planes} are allowed, one for each plane, or "
            f"{len(found)}, one for each rotated coordinate"
        )
    pairs = []
    for what, real in (("table, columns of real parts", True), ("table, columns of imaginary parts", False)):
        columns = [0] * planes
        for column, (plane, is_real) in enumerate(found):
            if is_real == real:
                columns[plane] = column
        pairs.append((what, (cos[..., columns], sin[..., columns])))
    return pairs


def _said(native: Any, what: str, allow_unjudged: bool) -> None:
    __tracebackhide__ = True
    report = Report(native)
    if report.verdict == "conforms" or report.verdict == "unjudged" and allow_unjudged:
        return
    counts = report.footer["counts"]
    if report.verdict != "diverges":
        raise NotJudged(f"{what} not judged: {report.short()}")
    total = counts["elements_judged"] + counts["elements_unjudged"]
    share = counts["elements_wrong"] / total if total else 1.0
    lines = [f"{what} wrong: {counts['elements_wrong']} of {total} elements ({percent(share)})"]
    worst = report.worst
    if worst:
        lines.append(f"  worst: {element(worst, worst['output'])}")
    lines += [f"  {case['detail']}" for case in report.failures if case["detail"]][:2]
    lines += reasons(report.diagnoses, report.clues)
    raise RotationError("\n".join(lines), report.diagnoses, report.clues, {}, worst, share, [], report, report.text())


def assert_inv_freq(
    actual: Any,
    config: Any,
    *,
    seq_len: int | None = None,
    layout: str | None = None,
    layer_type: str | None = None,
    attention_factor: float | None = None,
    profile: str | None = None,
) -> None:
    """That `actual` are the frequencies of `config` after scaling, [planes].

    `attention_factor` is judged too, if it is given.
    """
    __tracebackhide__ = True
    own = find(config, layout=layout, layer_type=layer_type, seq_len=seq_len)
    held = memory(actual, "actual")
    if held.shape != (len(own.planes),):
        raise ValueError(f"actual has shape {list(held.shape)}, [{len(own.planes)}] is needed: one for each plane")
    outputs = [("inv_freq", held)]
    if attention_factor is not None:
        outputs.append(("attention_factor", _scalar(float(attention_factor), held.dtype)))
    report = _native.judge_outputs("inv_freq", outputs, None, own._json, own.seq_len, profile)
    _said(report, "inv_freq", False)


def _scalar(number: float, dtype: str) -> Any:
    import struct

    from ._tensors import Memory

    if dtype == "bf16":
        # Nearest: what rounds a 24 bit number rounds this one, but for a tie that no factor is.
        bits = struct.unpack("<I", struct.pack("<f", number))[0]
        return Memory(dtype, (), None, struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16), None)
    return Memory(dtype, (), None, struct.pack({"f64": "<d", "f32": "<f", "f16": "<e"}[dtype], number), None)
