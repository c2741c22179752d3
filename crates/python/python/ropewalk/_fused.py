"""Assertions about fused kernels, attention, and what is stored in eight bits."""

from __future__ import annotations

import json
from typing import Any

from . import _attention, _chain, _native
from ._audit import Report
from ._errors import NotJudged, RotationError, element, percent, reasons, runs, written_runs
from ._given import Asked, arranged, places
from ._spec import Spec
from ._tensors import Memory


def assert_chain(
    actual: Any,
    stages: Any,
    *,
    axes: str | None = None,
    dtype: Any = None,
    profile: str | None = None,
    allow_unjudged: bool = False,
    **inputs: Any,
) -> None:
    """That `actual` is what the chain `stages` makes of `inputs` (docs/chains.md).

    actual: a tensor, a tuple in the order q, k, v (or q and the caches), or a dict by the names of the
        contract (q, k, key_cache, value_cache, and the scales that are made). Eight-bit tensors are judged in
        their own format.
    stages, axes, inputs: as `ropewalk.chain` has them; `dtype` is by default that of an output of 16 bits or
        more, or of q.
    profile: judge by one way of computing instead of the right one that fits.
    allow_unjudged: let pass what no bound judges.

    Everything is answered exactly: some ten thousand numbers take a second.

    Raises RotationError; NotJudged, also if one output alone has nothing that can be judged; ValueError and
    TypeError for what does not fit together, with the sentence of the program.
    """
    __tracebackhide__ = True
    if inputs.get("q") is None:
        raise ValueError("q is missing")
    outputs = _chain.outputs_of(actual, stages, inputs, axes)
    request, _ = _chain.asked(stages, inputs, outputs, axes=axes, dtype=dtype)
    _concluded(request, outputs, False, profile, allow_unjudged)


def assert_attention(
    out: Any,
    q: Any,
    k: Any,
    v: Any,
    *,
    lse: Any = None,
    axes: str | None = None,
    profile: str | None = None,
    allow_unjudged: bool = False,
    **settings: Any,
) -> None:
    """That `out` is attention of q, k and v, and `lse` its logarithms, if they are given.

    out: with the axes of q; its format is the one that is judged. lse: [batch, heads, queries], natural
        logarithms; of another format than `out` it is judged by itself.
    settings: causal, scale, window, softcap, rope, alibi, t5, query_positions, key_positions, key_lengths,
        sinks, table, seq_len, as `ropewalk.attention` has them.
    profile, allow_unjudged: as `assert_chain` has them.

    Raises RotationError, NotJudged, ValueError and TypeError as `assert_chain` does.
    """
    __tracebackhide__ = True
    outputs = _attention.outputs_of(out, lse, axes)
    # A logarithm in f32 beside values in bf16 is asked for in its own format.
    together = len({held.dtype for _, held in outputs}) == 1
    for part in [outputs] if together else [[one] for one in outputs]:
        wanted = any(name == "lse" for name, _ in part)
        request = _attention.asked(q, k, v, settings, lse=wanted, axes=axes, dtype=part[0][1].dtype)
        _concluded(request, part, not together, profile, allow_unjudged)


def assert_stored(
    after: Memory,
    before: Memory,
    positions: Any,
    own: Spec,
    letters: str,
    direction: str,
    cu_seqlens: Any,
    profile: str | None,
    allow_unjudged: bool,
) -> None:
    """That `after`, of eight bits, is `before` rotated: the ladder has no lanes for them, so one by one."""
    __tracebackhide__ = True
    held = arranged(before, letters)
    batch, _, tokens, _ = held.shape
    others: dict[str, Any] = {"positions": places(positions, own.axes, batch, tokens, cu_seqlens)}
    others["direction"] = direction
    if own.seq_len is not None:
        others["seq_len"] = own.seq_len
    request = Asked("rotate", after.dtype, own._json, [("q", held)], json.dumps(others), letters, None)
    _concluded(request, [("q", arranged(after, letters))], False, profile, allow_unjudged, "q")


def _concluded(
    request: Asked,
    outputs: list[tuple[str, Memory]],
    partial: bool,
    profile: str | None,
    allow_unjudged: bool,
    only: str | None = None,
) -> None:
    __tracebackhide__ = True
    native, found = _native.judge_given(request, outputs, partial, profile)
    report = Report(native)
    if report.verdict == "conforms":
        return
    if report.verdict != "diverges":
        if allow_unjudged:
            return
        silent = [name for name, (elements, telling, _), _, _ in found if elements and not telling]
        raise NotJudged(f"not judged: nothing of {' and '.join(silent) or 'it'} can be judged\n{report.text()}")
    case = report.cases[0]
    counts = [sizes for _, sizes, _, _ in found]
    total, wrong = sum(sizes[0] for sizes in counts), sum(sizes[2] for sizes in counts)
    share = wrong / total if total else 1.0
    shapes = ", ".join(f"{name} {list(held.shape)} {held.dtype}" for name, held in outputs)
    lines = [f"wrong: {wrong} of {total} elements ({percent(share)}), {shapes}, nearest {case['profile']}"]
    where = {}
    for name, (elements, _, bad), axes, first in found:
        if not bad:
            continue
        where[name] = {axis: "all" if len(seen) == length else runs(seen) for axis, length, seen in axes}
        lines.append(f"  {name}: {bad} of {elements} ({percent(bad / elements)})")
        if axes:
            told = ", ".join(f"{axis} {written_runs(part)}" for axis, part in where[name].items())
            row = ", ".join(f"{axis} {index}" for (axis, _, _), index in zip(axes, first))
            lines += [f"    where: {told}", f"    first wrong row: {row}"]
    worst = report.worst
    if worst:
        worst["index"] = _lying(worst["output"], worst["index"], request.letters)
        lines.append(f"  worst: {element(worst, worst['output'])}")
    lines += [f"  {case['detail']}"] if case["detail"] else []
    lines += reasons(report.diagnoses, report.clues)
    wrong_at: dict[str, Any] = where.get(only, {}) if only else where
    raise RotationError(
        "\n".join(lines), report.diagnoses, report.clues, wrong_at, worst, share, [], report, report.text(verbose=True)
    )


def _lying(name: str, index: list[int], letters: str) -> list[int]:
    """An index of the contract's axes as one of the axes that were given."""
    if name not in ("q", "k", "v", "out", "lse"):
        return index
    own = dict(zip("bhsd", index))
    order = letters if name != "lse" else [letter for letter in "bhs" if letter in letters]
    return [own[letter] for letter in order]
