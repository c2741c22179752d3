"""A request of any operation, from tensors as people have them: axes by letters, positions, lists."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from . import _native
from ._dtypes import FLOATS, short
from ._positions import axes_of, given
from ._tensors import Memory, integers, made, memory, strides_of

ORDER = "bhsd"


class Asked(NamedTuple):
    """What is asked, as the contract has it."""

    operation: str
    dtype: str
    config: str
    tensors: list[tuple[str, Memory]]
    others: str
    letters: str
    """Of q as it was given."""
    like: Any
    """The tensor whose framework and device answers have."""

    def answer(self) -> list[tuple[str, tuple[str, list[int], bytes]]]:
        """The right outputs: name, and dtype, shape and bytes, in the order of the contract."""
        return _native.answer_given(self)


class Axes(NamedTuple):
    """How many axes the positions of a rope have."""

    axes: int


def arranged(held: Memory, letters: str, order: str = ORDER) -> Memory:
    """The same numbers with the axes of `order`; those that have no letter have length 1."""
    strides = dict(zip(letters, strides_of(held)))
    sizes = dict(zip(letters, held.shape))
    shape = tuple(sizes.get(letter, 1) for letter in order)
    return held._replace(shape=shape, strides=tuple(strides.get(letter, 0) for letter in order))


def returned(part: tuple[str, list[int], bytes], letters: str, order: str, like: Any) -> Any:
    """An output with axes `order` as a tensor with axes `letters`, in the framework of `like`."""
    dtype, shape, data = part
    held = Memory(dtype, tuple(shape), None, data, None)
    if letters != order:
        held = arranged(held, order, letters)
        data = _native.pack(held)[2]
    return made(dtype, held.shape, data, like)


def heads(tensor: Any, axes: str | None, name: str) -> tuple[Memory, str]:
    """A tensor as [batch, heads, tokens, D], and the letters that it was given with."""
    held = memory(tensor, name)
    letters = axes_of(axes, held.shape, name)
    return arranged(held, letters), letters


def whole(tensor: Any, name: str) -> Memory:
    """A tensor as it is; a number of Python as f32."""
    if isinstance(tensor, (int, float)) and not isinstance(tensor, bool):
        return Memory("f32", (), None, struct.pack("<f", tensor), None)
    return memory(tensor, name)


def places(positions: Any, axes: int, batch: int, tokens: int, cu_seqlens: Any = None) -> Any:
    """Positions as nested lists, [batch][tokens], with several axes [axis][batch][tokens]."""
    found = given(positions, Axes(axes), tokens, batch, cu_seqlens)  # type: ignore[arg-type]
    if len(found) == 3:
        first, step, count = found
        lists = [[first + step * i for i in range(count)]]
    else:
        count, data = found
        flat = list(memoryview(data).cast("q"))
        size = len(flat) // max(count, 1)
        lists = [flat[axis * size : (axis + 1) * size] for axis in range(count)]
    # JSON's integers are exact up to 2^53; strings go beyond.
    rows = [[p if abs(p) < 2**53 else str(p) for p in one] for one in lists]
    split = [
        [row] * batch if len(row) == tokens else [row[b * tokens : (b + 1) * tokens] for b in range(batch)]
        for row in rows
    ]
    return split[0] if axes <= 1 else [split[axis if len(split) > 1 else 0] for axis in range(axes)]


def integer_list(part: Any, name: str) -> list[int]:
    """Integers in the order of their axes."""
    return [int(number) for number in integers(part, name)[1]]


def format_of(dtype: Any, outputs: list[tuple[str, Memory]], q: Memory) -> str:
    """The format of a request: what is asked for, or that of an output of 16 bits or more, or of q."""
    if dtype is not None:
        return short(dtype, eight=True)
    for _, held in outputs:
        if held.dtype in FLOATS:
            return held.dtype
    return q.dtype
