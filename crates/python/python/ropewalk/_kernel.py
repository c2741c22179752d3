"""A function of Python as a kernel: what it takes, in which framework, and what it gave back."""

from __future__ import annotations

import inspect
import json
import sys
import traceback
from typing import Any, Callable

from . import _native
from ._dtypes import LONG, short
from ._spec import Spec
from ._spec import spec as find
from ._tensors import family, made, memory

# Parameters by other names.
ALIASES = {
    "x": "tensor", "input": "tensor", "query": "q", "key": "k", "xq": "q", "xk": "k", "queries": "q", "keys": "k",
    "pos": "positions", "position": "positions", "position_ids": "positions", "cfg": "config",
    "base": "rope_theta", "theta": "rope_theta", "dim": "rotary_dim",
}  # fmt: skip
OFFERED = (
    "q, k (or x, one after the other), positions, cos, sin, config, inv_freq, attention_factor, dtype, direction, "
)
OFFERED += "seq_len, cu_seqlens, and every key of a flat config"
FRAMEWORKS = ("torch", "jax", "numpy")


class Kernel:
    """A function, and how it is called."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        operation: str,
        axes: str,
        framework: str | None,
        device: Any,
    ):
        self.function, self.operation, self.device = function, operation, device
        if not isinstance(axes, str):
            raise TypeError(f"axes is {type(axes).__name__}, letters are needed, as bhsd, bshd, thd")
        self.axes = axes.lower().replace("t", "s")
        if sorted(self.axes) not in (sorted("bhsd"), sorted("hsd")) or self.axes[-1] != "d":
            raise ValueError(f"axes is {axes!r}, allowed are bhsd, bshd, sbhd and thd, in any order with d last")
        self.framework = framework or guess(function)
        if self.framework not in FRAMEWORKS:
            raise ValueError(f"framework is {framework!r}, allowed are torch, jax, numpy")
        self.names = parameters(function)

    def __call__(self, id: str, operation: str, dtype: str, config: str, tensors: list, others: str) -> tuple:
        """An answer to a question of the auditor. Only what is no Exception goes through."""
        try:
            inputs = self.inputs(dtype, json.loads(config), tensors, json.loads(others))
        except MemoryError:
            return ("unsupported", [], "it does not fit into memory")
        try:
            output = self.call(inputs)
        except NotImplementedError as why:
            return ("unsupported", [], str(why))
        except Exception as error:
            return ("errored", [], trace(error, self.function))
        try:
            return ("output", [(name, memory(part, name)) for name, part in output.items()], "")
        except (TypeError, ValueError) as error:
            return ("errored", [], str(error))

    def inputs(self, dtype: str, config: dict[str, Any], tensors: list, others: dict[str, Any]) -> dict[str, Any]:
        """Everything that a function may ask for, by name."""
        given: dict[str, Any] = dict(config)
        given.update(others, config=config, dtype=self._dtype(dtype), direction=others.get("direction", "forward"))
        given.setdefault("seq_len", None)
        for name, (own, shape, data) in tensors:
            given[name] = self._tensor(name, own, tuple(shape), data)
        wanted = set(self.names or ())
        given["batch"], _, seq, _ = next((shape for name, (_, shape, _) in tensors if name == "q"), (1, 1, 0, 0))
        if "cu_seqlens" in wanted:
            batch = given["batch"]
            ends = b"".join((seq * row).to_bytes(4, "little") for row in range(batch + 1))
            given["cu_seqlens"] = self._placed(made("i32", (batch + 1,), ends, self.framework))
        if wanted & {"inv_freq", "attention_factor"}:
            own = "f64" if dtype == "f64" else "f32"
            for name, (kind, shape, data) in _native.inv_freq(json.dumps(config), others.get("seq_len"), own):
                if name in wanted:
                    part = self._placed(made(kind, tuple(shape), data, self.framework))
                    given[name] = part if shape else float(part)
        return given

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The function's outputs by the names of the operation."""
        if self.operation not in ("rotate", "apply"):
            return self._named(self._once(inputs, {}), inputs)
        own = [name for name in ("q", "k") if name in inputs]
        names = self.names or {}
        if "tensor" in names or "k" in own and self.names is not None and "k" not in names:
            single = "tensor" if "tensor" in names else "q"
            output: dict[str, Any] = {}
            for name in own:
                result = self._once(inputs, {single: inputs[name]})
                if isinstance(result, dict):
                    result = result.get(name, next(iter(result.values()), None))
                if isinstance(result, (tuple, list)) and len(result) == 1:
                    result = result[0]
                output[name] = inputs[name] if result is None else result
        else:
            missing = "k" in names and "k" not in own
            # Who takes both gets both, and may change both.
            result = self._once(inputs, {"k": _copied(inputs["q"])} if missing else {})
            if result is None:
                result = tuple(inputs[name] for name in own)
            if isinstance(result, dict):
                output = result
            else:
                parts = list(result) if isinstance(result, (tuple, list)) else [result]
                output = (
                    dict(zip(own, parts[: len(own)]))
                    if missing or len(parts) == len(own)
                    else dict(zip(("q", "k", "third"), parts))
                )
        return {name: self._back(name, part, inputs) for name, part in output.items()}

    def _once(self, inputs: dict[str, Any], changed: dict[str, Any]) -> Any:
        given = {**inputs, **changed}
        if self.names is None:
            return self.function(**given)
        arguments = {}
        for name, (own, required, _) in self.names.items():
            if name in given:
                arguments[own] = given[name]
            elif required:
                raise TypeError(f"parameter {own} of the kernel is not known here; there are {OFFERED}")
        first = [arguments.pop(own) for name, (own, _, only) in self.names.items() if only and own in arguments]
        return self.function(*first, **arguments)

    def _named(self, result: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        if isinstance(result, dict):
            return result
        names = {
            "table": ("cos", "sin"),
            "score": ("score",),
            "inv_freq": ("inv_freq", "attention_factor", "softmax_factor"),
        }
        parts = result if isinstance(result, (tuple, list)) else [result]
        return dict(zip(names.get(self.operation, (self.operation,)), parts))

    def _dtype(self, name: str) -> Any:
        if self.framework == "torch":
            import torch

            return getattr(torch, LONG[name])
        if self.framework == "jax":
            import jax.numpy

            return getattr(jax.numpy, LONG[name])
        return LONG[name]

    def _tensor(self, name: str, dtype: str, shape: tuple[int, ...], data: bytes) -> Any:
        tensor = self._placed(made(dtype, shape, data, self.framework))
        if name in ("q", "k"):
            return self._turned(tensor, "bhsd", self.axes)
        if name == "positions" and "b" not in self.axes and len(shape) >= 2:
            return tensor.reshape((*shape[:-2], shape[-2] * shape[-1]))
        return tensor

    def _placed(self, tensor: Any) -> Any:
        if self.device is None:
            return tensor
        if self.framework == "torch":
            return tensor.to(self.device)
        if self.framework == "jax":
            import jax

            return jax.device_put(tensor, self.device)
        return tensor

    def _turned(self, tensor: Any, have: str, want: str) -> Any:
        """With its axes in another order; without b, tokens of all rows follow each other."""
        if "b" not in want:
            batch, heads, seq, dim = tensor.shape
            tensor = _permuted(tensor, [0, 2, 1, 3]).reshape((batch * seq, heads, dim))
            return _permuted(tensor, ["shd".index(letter) for letter in want])
        if have == want:
            return tensor
        return _permuted(tensor, [have.index(letter) for letter in want])

    def _back(self, name: str, part: Any, inputs: dict[str, Any]) -> Any:
        """An output as [batch, heads, tokens, head_dim]; what has another shape stays as it is."""
        shape = tuple(getattr(part, "shape", ()))
        expected = inputs.get(name)
        if expected is None or shape != tuple(expected.shape):
            return part
        if "b" in self.axes:
            order = [self.axes.index(letter) for letter in "bhsd"]
            return part if order == [0, 1, 2, 3] else _permuted(part, order)
        batch = inputs["batch"]
        part = _permuted(part, [self.axes.index(letter) for letter in "shd"])
        tokens, heads, dim = part.shape
        return _permuted(part.reshape((batch, tokens // batch, heads, dim)), [0, 2, 1, 3])


def _copied(tensor: Any) -> Any:
    return tensor.clone() if family(tensor) == "torch" else tensor.copy()


def _permuted(tensor: Any, order: list[int]) -> Any:
    """Lying as a kernel gets it: side by side."""
    if family(tensor) == "torch":
        return tensor.permute(order).contiguous()
    turned = tensor.transpose(order)
    return turned.copy() if family(tensor) == "numpy" else turned


def parameters(function: Callable[..., Any]) -> dict[str, tuple[str, bool, bool]] | None:
    """What a function takes: by our name its own, whether it is required, whether it is positional
    only. None if it takes everything."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise TypeError(f"{function!r} has no signature; wrap it in a function with names: {OFFERED}") from None
    found: dict[str, tuple[str, bool, bool]] = {}
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            return None if not found else found
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        name = ALIASES.get(parameter.name, parameter.name)
        required = parameter.default is parameter.empty
        found[name] = (parameter.name, required, parameter.kind is parameter.POSITIONAL_ONLY)
    return found


def called(function: Callable[..., Any]) -> str:
    """The name of a function, or of what is called like one."""
    return str(getattr(function, "__name__", type(function).__name__))


def guess(function: Callable[..., Any]) -> str:
    """The framework that a function's own module uses; else the one that is there."""
    inner = inspect.unwrap(getattr(function, "__func__", function))
    inner = getattr(inner, "fn", inner) if not hasattr(inner, "__globals__") else inner
    if not hasattr(inner, "__globals__"):
        inner = getattr(type(inner), "forward", None) or getattr(type(inner), "__call__", inner)
    names = getattr(inner, "__globals__", {})
    code = getattr(inner, "__code__", None)
    used = set(code.co_names) if code else set()
    for names_used in (used, set(names)):
        roots = {family_of(names[name]) for name in names_used if name in names}
        for framework in ("torch", "jax"):
            if framework in roots:
                return framework
        if "numpy" in roots:
            return "numpy"
    return next((framework for framework in FRAMEWORKS if framework in sys.modules), "numpy")


def family_of(thing: Any) -> str:
    """The framework that a module, a class or a function is of."""
    name = thing.__name__ if inspect.ismodule(thing) else getattr(thing, "__module__", None)
    return str(name or "").split(".")[0]


def trace(error: Exception, function: Callable[..., Any]) -> str:
    """An exception of a kernel as text, from its own frames on."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/ropewalk/_" not in frame.filename.replace("\\", "/")] or frames
    lines = traceback.format_list(own[-6:]) + traceback.format_exception_only(error)
    return "".join(lines).rstrip()


def description(
    name: str,
    *,
    operations: list[str],
    dtypes: Any,
    layouts: Any = None,
    rope_types: Any = None,
    directions: Any = None,
    axes: Any = None,
    limits: dict[str, Any] | None = None,
    framework: str = "numpy",
) -> str:
    """What a kernel claims, as an adapter of the protocol says it."""
    claims: dict[str, Any] = {"operations": operations, "dtypes": [short(dtype, "dtypes") for dtype in listed(dtypes)]}
    for key, value in (("layouts", layouts), ("rope_types", rope_types), ("directions", directions), ("axes", axes)):
        if value is not None:
            claims[key] = listed(value)
    limits = dict(limits or {})
    if framework == "jax":
        import jax

        if not jax.config.jax_enable_x64:
            if "f64" in claims["dtypes"]:
                raise ValueError("dtypes has f64, and JAX has none unless jax_enable_x64 is set")
            # Its integers have 32 bits.
            limits.setdefault("max_position", 2**31 - 1)
            limits.setdefault("min_position", -(2**31))
    if limits:
        claims["limits"] = limits
    kernel = {"name": name, "language": "Python"}
    return json.dumps({"protocol": 1, "kernel": kernel, "capabilities": [claims]})


def listed(value: Any) -> list[Any]:
    """One or several as a list."""
    return [value] if isinstance(value, (str, int)) or not hasattr(value, "__iter__") else list(value)


def config_of(model: Any, config: Any, layout: str | None, layer_type: str | None) -> Spec | None:
    """The spec of `model=` or `config=`, which say the same."""
    if model is not None and config is not None:
        raise ValueError("model and config are both given, one is needed")
    named = model if model is not None else config
    return None if named is None else find(named, layout=layout, layer_type=layer_type)
