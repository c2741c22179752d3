"""Formats by the names that people and frameworks give them."""

from __future__ import annotations

from typing import Any

NAMES = {
    "f64": "f64", "float64": "f64", "double": "f64",
    "f32": "f32", "float32": "f32", "float": "f32", "single": "f32",
    "bf16": "bf16", "bfloat16": "bf16",
    "f16": "f16", "float16": "f16", "half": "f16",
    "f8e4m3fn": "f8e4m3fn", "float8_e4m3fn": "f8e4m3fn",
    "f8e5m2": "f8e5m2", "float8_e5m2": "f8e5m2",
    "f8e4m3fnuz": "f8e4m3fnuz", "float8_e4m3fnuz": "f8e4m3fnuz",
    "f8e5m2fnuz": "f8e5m2fnuz", "float8_e5m2fnuz": "f8e5m2fnuz",
    "i64": "i64", "int64": "i64", "long": "i64",
    "i32": "i32", "int32": "i32", "int": "i32",
}  # fmt: skip
# How numpy holds each of its own.
NUMPY = {"f64": "f8", "f32": "f4", "f16": "f2", "i64": "i8", "i32": "i4"}
LONG = {
    "f64": "float64", "f32": "float32", "bf16": "bfloat16", "f16": "float16", "i64": "int64", "i32": "int32",
    "f8e4m3fn": "float8_e4m3fn", "f8e5m2": "float8_e5m2",
    "f8e4m3fnuz": "float8_e4m3fnuz", "f8e5m2fnuz": "float8_e5m2fnuz",
}  # fmt: skip
EIGHT = ("f8e4m3fn", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz")
SIZES = {"f64": 8, "f32": 4, "bf16": 2, "f16": 2, "i64": 8, "i32": 4, **dict.fromkeys(EIGHT, 1)}
FLOATS = ("f64", "f32", "bf16", "f16")
# Eight bits that the contract does not have, and 16 bits hold: exponent bits, bias, whether the largest
# exponent has numbers.
WIDENED = {"float8_e4m3": (4, 7, False)}


def spelled(dtype: Any) -> str:
    """The name that a dtype, a class or a string has in its framework, without the framework."""
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
    return str(name).rsplit(".", 1)[-1].lower()


def short(dtype: Any, what: str = "dtype", eight: bool = False) -> str:
    """f64, f32, bf16 or f16 for whatever names one of them; with `eight` the formats of eight bits too."""
    allowed = FLOATS + EIGHT if eight else FLOATS
    name = NAMES.get(spelled(dtype))
    if name is None or name not in allowed:
        raise TypeError(f"{what} is {spelled(dtype)}, allowed are {', '.join(allowed)}")
    return name
