"""Tensors of any framework as memory, and memory as tensors of that framework.

No framework is imported here that is not imported already.
"""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

from . import _native
from ._dtypes import LONG, NAMES, NUMPY, SIZES, WIDENED, spelled


INTEGERS = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")


class Memory(NamedTuple):
    """Where numbers lie: strides in bytes (None: side by side), a pointer or bytes, and the owner."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    data: int | bytes
    owner: Any


def family(tensor: Any) -> str:
    """The framework of a tensor: torch, jax, mlx, numpy …; empty if it has none."""
    for kind in type(tensor).__mro__:
        root = kind.__module__.split(".")[0]
        if root in ("torch", "jax", "jaxlib", "mlx", "numpy"):
            return "jax" if root == "jaxlib" else root
    return ""


def memory(tensor: Any, name: str = "tensor") -> Memory:
    """What a tensor holds; copied only where it does not lie in this machine's memory.

    Raises TypeError for what is no tensor or has a format that nobody knows.
    """
    kind = family(tensor)
    if kind == "torch":
        return _torch(tensor, name)
    if kind == "jax":
        tensor = _jax(tensor, name)
    if hasattr(tensor, "__array_interface__"):
        return _array(tensor, name)
    if hasattr(tensor, "__dlpack__"):
        return _capsule(tensor, name)
    if callable(getattr(tensor, "numpy", None)):
        return _array(tensor.numpy(), name)
    try:
        view = memoryview(tensor)
    except TypeError:
        raise TypeError(
            f"{name} is {type(tensor).__name__}, a tensor is needed: numpy, torch, JAX, or whatever "
            "speaks DLPack or the buffer protocol"
        ) from None
    return _buffer(view, name)


def floats(tensor: Any, name: str) -> Memory:
    """What a tensor of floating-point numbers holds. Raises TypeError for others."""
    held = memory(tensor, name)
    if held.dtype in ("i64", "i32"):
        raise TypeError(f"{name} has integers, {held.dtype}, allowed are f64, f32, bf16, f16 and formats of eight bits")
    return held


def _torch(tensor: Any, name: str) -> Memory:
    if tensor.device.type == "meta":
        raise ValueError(f"{name} lies on the device meta: it has no numbers")
    if tensor.layout is not sys.modules["torch"].strided:
        raise TypeError(f"{name} is {tensor.layout}, a strided tensor is needed")
    own = tensor.detach().resolve_neg().cpu()
    dtype = _dtype(spelled(own.dtype), name)
    shape, size = tuple(own.shape), own.element_size()
    strides = tuple(stride * size for stride in own.stride())
    return Memory(dtype, shape, strides, own.data_ptr(), own)


def _jax(tensor: Any, name: str) -> Any:
    import numpy

    try:
        return numpy.asarray(tensor)
    except Exception as error:
        if "Tracer" in type(error).__name__ or "Tracer" in type(tensor).__name__:
            raise TypeError(f"{name} is being traced: it has no numbers inside of jit or grad") from None
        raise


def _array(array: Any, name: str) -> Memory:
    if hasattr(array, "filled"):
        raise TypeError(
            f"{name} is a masked array: nobody knows what stands where it is masked; pass .data or .filled()"
        )
    about = array.__array_interface__
    dtype = _dtype(spelled(array.dtype), name)
    shape = tuple(about["shape"])
    little = about["typestr"][0] != (">" if sys.byteorder == "little" else "<")
    if dtype in WIDENED:
        return Memory("f16", shape, None, bytes(_native.widen_f8(array.tobytes(), *WIDENED[dtype])), None)
    if not little:
        array = array.astype(array.dtype.newbyteorder("="))
        about = array.__array_interface__
    return Memory(dtype, shape, about.get("strides"), about["data"][0], array)


def _capsule(tensor: Any, name: str) -> Memory:
    capsule = tensor.__dlpack__()
    try:
        dtype, shape, strides, pointer = _native.dlpack(capsule)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    return Memory(dtype, tuple(shape), None if strides is None else tuple(strides), pointer, (capsule, tensor))


def _buffer(view: memoryview, name: str) -> Memory:
    kinds = {"d": "f64", "f": "f32", "e": "f16", "q": "i64", "i": "i32", "l": "i64" if view.itemsize == 8 else "i32"}
    dtype = kinds.get(view.format.lstrip("@=<"))
    if dtype is None:
        raise TypeError(f"{name} has the buffer format {view.format!r}, allowed are d, f, e, q, i, l")
    return Memory(dtype, tuple(view.shape or ()), None, view.tobytes(), None)


def _dtype(dtype: str, name: str) -> str:
    known = dtype if dtype in WIDENED else NAMES.get(dtype)
    if known is None:
        raise TypeError(
            f"{name} is {dtype}, allowed are f64, f32, bf16, f16, float8_e4m3fn, float8_e5m2 and their fnuz"
        )
    return known


def integers(part: Any, name: str) -> tuple[tuple[int, ...], list[int] | bytes]:
    """Integers of a tensor or of nested lists: their shape, and all of them as i64 or bytes."""
    if isinstance(part, (list, tuple, range)):
        if not isinstance(part, range) and any(
            isinstance(item, (list, tuple, range)) or hasattr(item, "shape") and item.shape != () for item in part
        ):
            inner = [integers(item, name) for item in part]
            shapes = {shape for shape, _ in inner}
            if len(shapes) != 1:
                raise ValueError(f"{name} is ragged: its rows have lengths {[shape[-1] for shape, _ in inner]}")
            flat = [number for _, row in inner for number in (row if isinstance(row, list) else _numbers(row))]
            return (len(inner), *shapes.pop()), flat
        return (len(part),), [_integer(item, name) for item in part]
    dtype = spelled(getattr(part, "dtype", "int64"))
    if dtype not in INTEGERS:
        raise TypeError(f"{name} is {dtype}, integers are needed")
    if dtype == "uint64":
        # Numbers of Python: some have no place among 64 signed bits.
        return tuple(part.shape), _flat([part.tolist()])
    held = memory(_whole(part, dtype), name)
    if held.dtype not in ("i64", "i32"):
        raise TypeError(f"{name} is {held.dtype}, integers are needed")
    return held.shape, _numbers(held)


def _numbers(held: Any) -> list[int]:
    if isinstance(held, bytes):
        return list(memoryview(held).cast("q"))
    if held.owner is not None and hasattr(held.owner, "tolist"):
        return _flat(held.owner.tolist())
    if isinstance(held.data, bytes):
        return list(memoryview(held.data).cast("q" if held.dtype == "i64" else "i"))
    return _flat(held.owner[1].tolist())


def _flat(part: Any) -> list[int]:
    return [number for item in part for number in _flat(item)] if isinstance(part, list) else [part]


def _whole(part: Any, dtype: str) -> Any:
    """Integers of other widths as 64 bits."""
    if dtype in ("int64", "int32"):
        return part
    if family(part) == "torch":
        return part.long()
    # JAX has no 64 bits unless it is told so.
    return (_jax(part, dtype) if family(part) == "jax" else part).astype("int64")


def _integer(item: Any, name: str) -> int:
    try:
        return item.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"{name} has {item!r}, an integer is needed") from None


def made(dtype: str, shape: tuple[int, ...], data: bytes | bytearray, like: Any = None) -> Any:
    """A tensor of these bytes in the framework and on the device of another one; in numpy where that
    is none or a framework that cannot be filled."""
    kind = like if isinstance(like, str) else family(like)
    if isinstance(like, str) and like not in ("numpy", "torch", "jax", "mlx"):
        raise ValueError(f"like is {like!r}, allowed are numpy, torch, jax, mlx, or a tensor")
    if not isinstance(data, bytearray):
        data = bytearray(data)
    if kind == "torch":
        import torch

        own = getattr(torch, LONG[dtype])
        count = math.prod(shape)
        tensor = torch.frombuffer(data, dtype=own, count=count) if count else torch.empty(0, dtype=own)
        tensor = tensor.reshape(shape)
        return tensor if isinstance(like, str) else tensor.to(like.device)
    import numpy

    if dtype not in NUMPY:
        try:
            import ml_dtypes
        except ImportError:
            raise TypeError(f"numpy has no {dtype}: install ml_dtypes, or pass a torch or JAX tensor") from None
        array = numpy.frombuffer(data, getattr(ml_dtypes, LONG[dtype])).reshape(shape)
    else:
        array = numpy.frombuffer(data, NUMPY[dtype]).reshape(shape)
    if kind == "jax":
        import jax

        if isinstance(like, str):
            return jax.numpy.asarray(array)
        devices = like.devices() if callable(getattr(like, "devices", None)) else set()
        return jax.device_put(array, next(iter(devices))) if len(devices) == 1 else jax.numpy.asarray(array)
    if kind == "mlx":
        import mlx.core as mx

        if SIZES[dtype] == 1:
            raise TypeError(f"MLX has no {dtype}: pass like= of another framework")
        return mx.array(array.view("u2")).view(mx.bfloat16) if dtype == "bf16" else mx.array(array)
    return array


def strides_of(held: Memory) -> tuple[int, ...]:
    """Bytes from one index to the next on every axis."""
    if held.strides is not None:
        return held.strides
    strides, step = [], SIZES[held.dtype]
    for length in reversed(held.shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))
