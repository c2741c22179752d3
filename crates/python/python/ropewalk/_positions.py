"""Positions as people have them, and axes by their letters."""

from __future__ import annotations

import struct
from typing import Any

from ._spec import Spec
from ._tensors import integers

Given = tuple  # (first, step, count), or (number of lists, bytes)
LETTERS = ("b", "h", "s", "d")


def axes_of(axes: str | None, shape: tuple[int, ...], name: str) -> str:
    """The letters of a tensor's axes: b batch, h heads, s or t tokens, d head_dim, in any order."""
    if axes is None:
        if not 1 <= len(shape) <= 4:
            raise ValueError(f"{name} has shape {shape}: axes= must say what its axes are")
        return "bhsd"[4 - len(shape) :]
    if not isinstance(axes, str):
        raise TypeError(f"axes is {type(axes).__name__}, letters are needed, as bhsd, bshd, thd")
    letters = axes.replace(" ", "").lower().replace("t", "s").replace("n", "h")
    if sorted(letters) != sorted(set(letters)) or not set(letters) <= set(LETTERS) or "d" not in letters:
        raise ValueError(f"axes is {axes!r}, allowed are b, h, s (or t) and d, each once, as bhsd, bshd, thd")
    if len(letters) != len(shape):
        raise ValueError(f"axes is {axes!r}, {name} has shape {shape}")
    if letters[-1] != "d":
        raise ValueError(f"axes is {axes!r}: d, the coordinates of a head, must be last")
    return letters


def given(
    positions: Any,
    spec: Spec,
    tokens: int,
    batch: int = 1,
    cu_seqlens: Any = None,
) -> Given:
    """Positions for the extension: for `tokens` tokens in each of `batch` rows."""
    if cu_seqlens is not None:
        if positions is None:
            return _lists([[i for length in _lengths(cu_seqlens, tokens) for i in range(length)]])
        _lengths(cu_seqlens, tokens)
        if (
            isinstance(positions, (list, tuple))
            and positions
            and all(isinstance(p, (list, tuple, range)) for p in positions)
        ):
            lengths = _lengths(cu_seqlens, tokens)
            if [len(p) for p in positions] == lengths:
                return _lists([[integer for part in positions for integer in part]])
    if positions is None:
        return _span(0, 1, tokens)
    if isinstance(positions, bool):
        raise TypeError("positions is a bool, integers are needed")
    if isinstance(positions, int):
        return _span(positions, 1, tokens)
    if isinstance(positions, range):
        _count(len(positions), tokens)
        return _span(positions.start, positions.step, len(positions))
    shape, flat = integers(positions, "positions")
    return _arranged(shape, flat, spec.axes, tokens, batch)


def _arranged(shape: tuple[int, ...], flat: Any, axes: int, tokens: int, batch: int) -> Given:
    rows = (batch, tokens)
    if shape == (1,) and tokens == 1 or shape == (tokens,) or shape == rows:
        if shape == rows and axes > 1 and batch == axes and batch > 1:
            raise ValueError(
                f"positions have shape {shape}: with {axes} axes and {batch} rows that is either; "
                f"give [{axes}, {batch}, {tokens}]"
            )
        return _lists([flat])
    if shape == () or shape == (1,):
        return _span(flat[0], 1, tokens)
    if shape == (1, tokens):
        return _lists([flat])
    if shape == (batch, 1) and tokens > 1:
        return _lists([[first + i for first in flat for i in range(tokens)]])
    if axes > 1 and shape in ((axes, tokens), (axes, batch, tokens), (axes, 1, tokens)):
        size = len(flat) // axes
        return _lists([flat[axis * size : (axis + 1) * size] for axis in range(axes)])
    allowed = [f"[{tokens}]", f"[{batch}, {tokens}]"]
    if axes > 1:
        allowed += [f"[{axes}, {tokens}]", f"[{axes}, {batch}, {tokens}]"]
    raise ValueError(f"positions have shape {list(shape)}, allowed are {', '.join(dict.fromkeys(allowed))}")


def _span(first: int, step: int, count: int) -> Given:
    """Evenly spaced positions."""
    for position in (first, first + step * max(count - 1, 0)):
        if abs(position) > 2**62:
            raise ValueError(f"position {position} is not within ±2^62")
    return (first, step if count > 1 else 1, count)


def _count(got: int, tokens: int) -> None:
    if got != tokens:
        raise ValueError(f"positions are {got}, the tensor has {tokens} tokens")


def _lists(lists: list[Any]) -> Given:
    flat = [number for one in lists for number in one]
    try:
        return (len(lists), struct.pack(f"<{len(flat)}q", *flat))
    except struct.error:
        far = next(number for number in flat if not -(2**63) <= number < 2**63)
        raise ValueError(f"position {far} is not within ±2^62") from None


def _lengths(cu_seqlens: Any, tokens: int) -> list[int]:
    shape, ends = integers(cu_seqlens, "cu_seqlens")
    ends = list(ends)
    if len(shape) != 1 or len(ends) < 2 or ends[0] != 0 or ends[-1] != tokens or sorted(ends) != ends:
        raise ValueError(f"cu_seqlens is {ends}: it must rise from 0 to the number of tokens, {tokens}")
    return [end - start for start, end in zip(ends, ends[1:])]
