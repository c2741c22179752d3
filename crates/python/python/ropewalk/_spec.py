"""Configs as people have them: a dict, a file, a Hugging Face config, the name of a model."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from . import _native
from ._dtypes import NAMES, spelled

KEYS = ("layout", "layer_type", "seq_len")


class Spec:
    """A rope, every rule checked and every default filled in.

    `config` is the flat form (docs/config.md). Whatever takes a config takes a Spec.
    """

    def __init__(self, found: dict[str, Any], seq_len: int | None):
        self.config: dict[str, Any] = found["config"]
        self.head_dim: int = found["head_dim"]
        self.axes: int = found["axes"]
        self.needs_seq_len: bool = found["needs_seq_len"]
        self.heads: tuple[int, int] = tuple(found["heads"])
        """Heads of queries and of keys, by which questions are drawn; 32 and 8 where the config does not say."""
        self.seq_len = seq_len
        self._json = json.dumps(self.config)
        self._found = found

    def __repr__(self) -> str:
        length = "" if self.seq_len is None else f", seq_len={self.seq_len}"
        return f"ropewalk.spec({self._json}{length})"

    @property
    def layout(self) -> str:
        """`half` (GPT-NeoX, Transformers) or `interleaved` (GPT-J, Meta)."""
        return self.config["layout"]

    @property
    def rope_type(self) -> str:
        """The scaling rule."""
        return self.config.get("rope_type", "default")

    @property
    def rotary_dim(self) -> int:
        """How many coordinates of a head are turned."""
        return 2 * len(self.planes)

    @property
    def planes(self) -> list[tuple[int, int, int]]:
        """Coordinates of real and imaginary part of every plane, and the axis of its position."""
        return _native.planes(self._json, self.seq_len)

    def inv_freq(self, dtype: Any = "f32", like: Any = None) -> Any:
        """Frequencies in radians per position, [planes]."""
        from ._answers import inv_freq

        return inv_freq(self, dtype=dtype, like=like)

    @property
    def attention_factor(self) -> float:
        """What cos and sin are multiplied by."""
        return self._factor("attention_factor")

    @property
    def softmax_factor(self) -> float:
        """What scores are multiplied by, beside 1/√head_dim."""
        return self._factor("softmax_factor")

    def _factor(self, name: str) -> float:
        import struct

        for own, (_, _, data) in _native.inv_freq(self._json, self.seq_len, "f64"):
            if own == name:
                return struct.unpack("<d", data)[0]
        return 1.0

    def table(self, positions: Any, dtype: Any = "f32", style: str = "planes", like: Any = None) -> Any:
        """cos and sin; see `ropewalk.table`."""
        from ._answers import table

        return table(self, positions, dtype=dtype, style=style, like=like)

    def rotate(self, tensor: Any, positions: Any, **how: Any) -> Any:
        """A rotated tensor; see `ropewalk.rotate`."""
        from ._answers import rotate

        return rotate(tensor, positions, self, **how)


def spec(config: Any, *, layout: str | None = None, layer_type: str | None = None, seq_len: int | None = None) -> Spec:
    """A rope from whatever says which one is meant.

    `config` is a dict (Ropewalk's flat form, or a config.json), a Hugging Face config object, the path
    of a config.json or of its folder, a released model's name (`ropewalk.models()`), or a Spec.
    `layout` is by default the config's, and for a config.json the one in which Transformers computes its
    model type; `layer_type` chooses where layers differ; `seq_len` is the total length, for rope types
    that depend on it.

    Raises ValueError with the rule that is broken, TypeError for what is no config.
    """
    for name, word in (("layout", layout), ("layer_type", layer_type)):
        if word is not None and not isinstance(word, str):
            raise TypeError(f"{name} is {type(word).__name__}, a word is needed")
    if layout is not None:
        layout = {"neox": "half", "gptj": "interleaved", "gpt-neox": "half", "gpt-j": "interleaved"}.get(layout, layout)
    if isinstance(config, Spec):
        if layout is None and layer_type is None and seq_len in (None, config.seq_len):
            return config
        seq_len = config.seq_len if seq_len is None else seq_len
        if layout is None and layer_type is None:
            return Spec(config._found, _length(seq_len))
        config = config.config
    if isinstance(config, os.PathLike):
        kind, what = "file", os.fspath(config)
    elif isinstance(config, str):
        kind = "file" if config.endswith(".json") or os.path.exists(config) else "model"
        what = config
    else:
        if hasattr(config, "to_dict"):
            config = _plain(config.to_dict())
        if not isinstance(config, dict):
            raise TypeError(
                f"config is {type(config).__name__}, allowed are a dict, a Hugging Face config, the path of a "
                "config.json, the name of a model"
            )
        kind, what = "json", json.dumps(worded(config, "config"))
    if kind == "file" and os.path.isdir(what):
        what = os.path.join(what, "config.json")
    length = _length(seq_len)
    return Spec(json.loads(_native.resolve(kind, what, layout, layer_type)), length)


def worded(part: Any, name: str) -> Any:
    """A config as JSON can hold it: dtypes by their names, numbers of numpy and torch as numbers.

    Raises TypeError and ValueError, by the name of the key, for what no config has.
    """
    if isinstance(part, dict):
        try:
            return {str(key): worded(value, f"{name}.{key}") for key, value in part.items()}
        except RecursionError:
            raise ValueError("config stands within itself") from None
    if isinstance(part, (list, tuple)):
        return [worded(item, name) for item in part]
    if isinstance(part, float) and not math.isfinite(part):
        raise ValueError(f"{name} is {part}, a finite number is needed")
    if part is None or isinstance(part, (bool, int, float)):
        return part
    if isinstance(part, str):
        return NAMES[part] if part.startswith("float8") and part in NAMES else part
    if getattr(part, "shape", None) == () and hasattr(part, "item"):
        return worded(part.item(), name)
    if spelled(part) in NAMES:
        return NAMES[spelled(part)]
    if hasattr(part, "tolist"):
        return worded(part.tolist(), name)
    raise TypeError(f"{name} is {type(part).__name__}, which no config has")


def _length(seq_len: Any) -> int | None:
    if seq_len is not None and (isinstance(seq_len, bool) or not isinstance(seq_len, int) or seq_len < 1):
        raise ValueError(f"seq_len is {seq_len!r}, a positive integer is needed")
    return seq_len


def _plain(part: Any) -> Any:
    """A config without what JSON cannot hold: dtypes of torch, for example."""
    if isinstance(part, dict):
        return {str(key): _plain(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(item) for item in part]
    return part if isinstance(part, (str, int, float, bool)) or part is None else str(part)
