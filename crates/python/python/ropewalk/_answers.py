"""Right answers, correctly rounded, in the framework, format and device of what is asked with."""

from __future__ import annotations

from typing import Any

from . import _native
from ._dtypes import short
from ._positions import axes_of, given
from ._spec import Spec
from ._spec import spec as find
from ._tensors import Memory, family, floats, integers, made, memory

STYLES = ("planes", "hf", "concat", "complex")


def fitted(own: Spec, width: int) -> Spec:
    """A spec for tensors of this width: the whole head, or the rotated slice alone."""
    if width in (own.head_dim, 0) or width != own.rotary_dim:
        return own
    config = {
        key: value
        for key, value in own.config.items()
        if key not in ("rotary_dim", "rotary_offset", "partial_rotary_factor")
    }
    return find(dict(config, head_dim=width), seq_len=own.seq_len)


def laid(
    held: Memory, positions: Any, own: Spec, axes: str | None, cu_seqlens: Any, name: str
) -> tuple[Spec, str, tuple]:
    """The spec, the letters and the positions for a tensor."""
    letters = axes_of(axes, held.shape, name)
    sizes = dict(zip(letters, held.shape))
    own = fitted(own, sizes["d"])
    if sizes["d"] != own.head_dim:
        raise ValueError(f"{name} has shape {list(held.shape)}: its last axis is not head_dim, {own.head_dim}")
    places = given(positions, own, sizes.get("s", 1), sizes.get("b", 1), cu_seqlens)
    return own, letters, places


def rotate(
    tensor: Any,
    positions: Any,
    config: Any,
    *,
    axes: str | None = None,
    layout: str | None = None,
    layer_type: str | None = None,
    seq_len: int | None = None,
    direction: str = "forward",
    dtype: Any = None,
    cu_seqlens: Any = None,
    keys: bool = False,
) -> Any:
    """`tensor` rotated, every element correctly rounded: a right answer instead of a second kernel.

    tensor: queries or keys, whose axes `axes` names: "bhsd" (by default its last ones), "bshd", "thd" …
    positions: integers [tokens] or [batch, tokens], with several axes [axes, (batch,) tokens]; a range;
        a list per row; one integer, where the first token stands (a step of decoding); with
        `cu_seqlens` None, for sequences that begin at 0 each.
    config: see `ropewalk.spec`, as are layout, layer_type and seq_len.
    direction: "forward"; "inverse"; "backward", for gradients.
    dtype: format of the result, by default that of `tensor`.
    keys: turn as keys are turned, which differs for xPos.

    Raises ValueError and TypeError with what is wrong and what is allowed.
    """
    own = find(config, layout=layout, layer_type=layer_type, seq_len=seq_len)
    held = floats(tensor, "tensor")
    own, letters, places = laid(held, positions, own, axes, cu_seqlens, "tensor")
    output = held.dtype if dtype is None else short(dtype, eight=True)
    data = _native.rotate(held, places, own._json, own.seq_len, letters, direction, output, keys)
    return made(output, held.shape, data, tensor)


def table(
    config: Any,
    positions: Any,
    *,
    dtype: Any = None,
    style: str = "planes",
    like: Any = None,
    layout: str | None = None,
    layer_type: str | None = None,
    seq_len: int | None = None,
) -> Any:
    """cos and sin, attention factor included, correctly rounded.

    style: "planes" (cos and sin, [tokens, planes]); "hf" (both as wide as the rotated slice, in the
        config's layout, as Transformers has them); "concat" (one tensor, cos then sin, as vLLM's cache);
        "complex" (cos + i sin, in f32 or f64).
    dtype: by default that of `like`, else f32.
    like: a tensor whose framework and device the result has, or "torch", "numpy", "jax".
    """
    if style not in STYLES:
        raise ValueError(f"style is {style!r}, allowed are {', '.join(STYLES)}")
    own = find(config, layout=layout, layer_type=layer_type, seq_len=seq_len)
    model = like if like is not None else positions if family(positions) else "numpy"
    if dtype is None:
        output = memory(like, "like").dtype if like is not None and not isinstance(like, str) else "f32"
    else:
        output = short(dtype)
    places, shape = rows(positions, own)
    cos, sin, planes = _native.table(places, own._json, own.seq_len, short(output))
    cos, sin = (made(output, (*shape, planes), data, model) for data in (cos, sin))
    if style == "planes":
        return cos, sin
    if style == "hf":
        columns = [column for column, _ in slices(own)]
        return cos[..., columns], sin[..., columns]
    return _joined(cos, sin, style, family(cos), output)


def slices(own: Spec) -> list[tuple[int, bool]]:
    """For every coordinate of the rotated slice its plane, and whether it is a real part."""
    places = {}
    for plane, (re, im, _) in enumerate(own.planes):
        places[re], places[im] = (plane, True), (plane, False)
    return [places[coordinate] for coordinate in sorted(places)]


def _joined(cos: Any, sin: Any, style: str, kind: str, dtype: str) -> Any:
    if style == "complex" and dtype not in ("f32", "f64"):
        raise ValueError(f"style is complex, dtype {dtype}: complex numbers are of f32 or f64")
    if kind == "torch":
        import torch

        return torch.cat([cos, sin], -1) if style == "concat" else torch.complex(cos, sin)
    if kind == "jax":
        import jax.numpy as xp
    else:
        import numpy as xp
    return (
        xp.concatenate([cos, sin], -1)
        if style == "concat"
        else (cos + 1j * sin).astype("c8" if dtype == "f32" else "c16")
    )


def rows(positions: Any, own: Spec) -> tuple[tuple, tuple[int, ...]]:
    """Positions of a table, and the shape of what stands at them: one row each."""
    if isinstance(positions, int) and not isinstance(positions, bool):
        return given(positions, own, 1), (1,)
    if isinstance(positions, range):
        return given(positions, own, len(positions)), (len(positions),)
    shape, flat = integers(positions, "positions")
    if own.axes > 1 and len(shape) >= 2 and shape[0] == own.axes:
        inner = shape[1:]
        size = len(flat) // own.axes
        lists = [list(flat[axis * size : (axis + 1) * size]) for axis in range(own.axes)]
        return given(lists, own, size), inner
    return given(list(flat), own, len(flat)), shape


def inv_freq(
    config: Any,
    *,
    seq_len: int | None = None,
    dtype: Any = "f32",
    like: Any = None,
    layout: str | None = None,
    layer_type: str | None = None,
) -> Any:
    """Frequencies after scaling, in radians per position, [planes], correctly rounded.

    dtype: by default f32; like: as in `table`.
    """
    own = find(config, layout=layout, layer_type=layer_type, seq_len=seq_len)
    for name, (kind, shape, data) in _native.inv_freq(own._json, own.seq_len, short(dtype)):
        if name == "inv_freq":
            return made(kind, tuple(shape), data, "numpy" if like is None else like)
    raise ValueError("this config has no frequencies")
