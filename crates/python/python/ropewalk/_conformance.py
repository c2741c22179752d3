"""Golden vectors as tests of pytest: one test a case, with stable ids."""

from __future__ import annotations

import fnmatch
import inspect
import json
import os
import sys
from typing import Any, Callable

from . import _native
from ._errors import RotationError
from ._kernel import ALIASES, Kernel, _copied, config_of, description
from ._session import SESSION, Key
from ._tensors import memory


class Suite:
    """The cases that a claim covers, made when they are needed."""

    def __init__(self, key: Key, axes: str, framework: str, device: Any, operation: str):
        self.key, self.axes, self.framework, self.device, self.operation = key, axes, framework, device, operation
        text, config, _ = key
        self.native = _native.Suite(text, config)

    def cases(self) -> list[Case]:
        """All of them."""
        return [Case(self, index, id) for index, id in enumerate(self.native.ids())]


class Case:
    """One test: `case.q`, `case.k`, `case.positions`, `case.config` … are what is asked, true to format,
    device and axes; `case.check(q, k)` judges what came of it."""

    def __init__(self, suite: Suite, index: int, id: str):
        self._suite, self._index, self.id = suite, index, id
        self._inputs: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return self.id

    @property
    def comment(self) -> str:
        """What is tested, in a line."""
        return self._suite.native.about(self._index)[0]

    @property
    def flags(self) -> list[str]:
        """Keys into `ropewalk list flags`."""
        return self._suite.native.about(self._index)[1]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        inputs = self._given(None)
        if name in inputs:
            return inputs[name]
        if name == "k" and "q" in inputs:
            # Who takes both gets both; only what is asked is judged.
            return _copied(inputs["q"])
        raise AttributeError(f"{self.id} has no {name}, only {', '.join(sorted(inputs))}")

    def _kernel(self, function: Callable[..., Any] | None) -> Kernel:
        suite = self._suite
        how = {"operation": suite.operation, "axes": suite.axes, "framework": suite.framework, "device": suite.device}
        return Kernel(function or (lambda inv_freq=None, attention_factor=None, cu_seqlens=None: None), **how)

    def _given(self, kernel: Kernel | None) -> dict[str, Any]:
        if self._inputs is None or kernel is not None:
            _, _, dtype, config, tensors, others = self._suite.native.ask(self._index)
            kernel = kernel or self._kernel(None)
            self._inputs = kernel.inputs(dtype, json.loads(config), tensors, json.loads(others))
        return self._inputs

    def check(self, *outputs: Any, **named: Any) -> None:
        """Judges outputs, in the order of the operation or by name.

        Raises RotationError; skips the test where no bound judges anything.
        """
        __tracebackhide__ = True
        kernel, inputs = self._kernel(None), self._given(None)
        if self._suite.operation == "rotate" and not named:
            own = [name for name in ("q", "k") if name in inputs]
            # Who was given a k that is not asked for gives it back.
            if not len(own) <= len(outputs) <= 2:
                raise ValueError(f"{len(outputs)} outputs are given, {' and '.join(own)} are asked for")
            named = dict(zip(own, outputs))
            named = {name: kernel._back(name, part, inputs) for name, part in named.items()}
        elif not named:
            named = kernel._named(outputs if len(outputs) != 1 else outputs[0], inputs)
        self._judge(named)

    def run(self, function: Callable[..., Any]) -> None:
        """Asks a function, and judges. What it raises goes on; NotImplementedError skips."""
        __tracebackhide__ = True
        kernel = self._kernel(function)
        try:
            inputs = self._given(kernel)
            output = kernel.call(inputs)
        except NotImplementedError as why:
            self._note("unsupported", [], str(why))
            _skip(f"unsupported: {why}")
        except Exception as error:
            self._note("errored", [], f"{type(error).__name__}: {error}")
            raise
        self._judge(output)

    def _judge(self, output: dict[str, Any]) -> None:
        __tracebackhide__ = True
        from ._audit import Report

        tensors = [(name, memory(part, name)) for name, part in output.items()]
        self._note("output", [(name, *_native.pack(held)) for name, held in tensors], "")
        report = Report(self._suite.native.judge([(self._index, ("output", tensors, ""))], False))
        case = report.cases[0]
        if case["status"] == "passed":
            return
        if case["status"] == "unjudged":
            _skip("not judged: no bound says anything at these positions")
        lines = [f"{self.id}: {case['status']}" + (f": {case['detail']}" if case["detail"] else "")]
        worst = report.worst
        if worst:
            from ._errors import element

            lines.append(
                f"  {case['wrong']} of {case['judged'] + case['unjudged']} elements; worst: {element(worst, worst['output'])}"
            )
        lines += [f"  {case['comment']}", "  flags: " + ", ".join(case["flags"])]
        raise RotationError("\n".join(lines), worst=worst, report=report, details=report.text(verbose=True))

    def _note(self, kind: str, tensors: list, words: str) -> None:
        SESSION.record(self._suite.key, self._index, (kind, tensors, words))


def _skip(why: str) -> None:
    import pytest

    pytest.skip(why)


def _suite(
    function_name: str,
    config: Any,
    *,
    operation: str,
    dtypes: Any,
    layout: str | None,
    layer_type: str | None,
    layouts: Any,
    rope_types: Any,
    directions: Any,
    position_axes: Any,
    limits: dict[str, Any] | None,
    axes: str,
    framework: str | None,
    device: Any,
) -> Suite:
    own = config_of(None, config, layout, layer_type)
    framework = framework or next((name for name in ("torch", "jax") if name in sys.modules), "numpy")
    if own is None:
        layouts, rope_types, position_axes = layouts or layout or "half", rope_types or "default", position_axes or 1
    text = description(
        function_name,
        operations=[operation],
        dtypes=dtypes,
        layouts=layouts,
        rope_types=rope_types,
        directions=directions if operation in ("rotate", "apply") else None,
        axes=position_axes,
        limits=limits,
        framework=framework,
    )
    return Suite((text, json.dumps(own._found) if own else None, function_name), axes, framework, device, operation)


def _marked(cases: list[Case], known: Any, argument: str) -> Any:
    import pytest

    globs = known_failures(known)
    parameters = []
    for case in cases:
        listed = next((glob for glob in globs if fnmatch.fnmatchcase(case.id, glob)), None)
        marks = [pytest.mark.xfail(strict=True, reason=f"known failure {listed}")] if listed else []
        parameters.append(pytest.param(case, id=case.id, marks=marks))
    return pytest.mark.parametrize(argument, parameters)


def known_failures(known: Any) -> list[str]:
    """Globs from a list of them or from a file, a glob a line, # for comments."""
    if known is None:
        return []
    if isinstance(known, (str, os.PathLike)):
        with open(known, encoding="utf-8") as file:
            known = file.read().splitlines()
    lines = (str(line).split("#")[0].strip() for line in known)
    return [line for line in lines if line]


def parametrize(
    config: Any = None,
    *,
    argument: str = "case",
    operation: str = "rotate",
    dtypes: Any = ("f32",),
    layout: str | None = None,
    layer_type: str | None = None,
    layouts: Any = None,
    rope_types: Any = None,
    directions: Any = "forward",
    position_axes: Any = None,
    limits: dict[str, Any] | None = None,
    axes: str = "bhsd",
    framework: str | None = None,
    device: Any = None,
    known_failures: Any = None,
) -> Any:
    """A mark for a test with the parameter `case` (or `argument`): one test for every question.

        @ropewalk.testing.parametrize("llama-3.1-8b", dtypes=["bf16"], axes="thd")
        def test_rope(case):
            case.check(*my_rope(case.q, case.k, case.positions))

    Parameters as those of `ropewalk.audit`; `known_failures` (globs of ids, or a file with one a line) are
    expected to fail, strictly. Without `framework`, torch or JAX if one was imported, else numpy.
    """
    suite = _suite(
        argument, config, operation=operation, dtypes=dtypes, layout=layout, layer_type=layer_type, layouts=layouts,
        rope_types=rope_types, directions=directions, position_axes=position_axes, limits=limits, axes=axes,
        framework=framework, device=device,
    )  # fmt: skip
    return _marked(suite.cases(), known_failures, argument)


def conformance(
    config: Any = None,
    *,
    model: Any = None,
    operation: str = "rotate",
    dtypes: Any = ("f32",),
    layout: str | None = None,
    layer_type: str | None = None,
    layouts: Any = None,
    rope_types: Any = None,
    directions: Any = "forward",
    position_axes: Any = None,
    limits: dict[str, Any] | None = None,
    axes: str = "bhsd",
    framework: str | None = None,
    device: Any = None,
    known_failures: Any = None,
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Makes a function that calls a kernel into tests of it, one for every question.

        @ropewalk.conformance(rope_types=["default", "llama3"], dtypes=["bf16"])
        def test_my_rope(q, k, positions, config):
            return my_rope(q, k, positions, config)

    It takes by name what it needs, as for `ropewalk.audit`; other parameters are fixtures. Parameters as
    those of `ropewalk.audit` and `parametrize`.
    """
    if model is not None and config is not None:
        raise ValueError("model and config are both given, one is needed")

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        from ._kernel import guess

        suite = _suite(
            function.__name__, config if model is None else model, operation=operation, dtypes=dtypes, layout=layout,
            layer_type=layer_type, layouts=layouts, rope_types=rope_types, directions=directions,
            position_axes=position_axes, limits=limits, axes=axes, framework=framework or guess(function), device=device,
        )  # fmt: skip
        fixtures = [name for name in inspect.signature(function).parameters if not _offered(name)]

        def test(ropewalk_case: Case, **given: Any) -> None:
            __tracebackhide__ = True
            ropewalk_case.run(_filled(function, given) if given else function)

        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(test, name, getattr(function, name))
        kind = inspect.Parameter.KEYWORD_ONLY
        own = [inspect.Parameter(name, kind) for name in ["ropewalk_case", *fixtures]]
        test.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
        return _marked(suite.cases(), known_failures, "ropewalk_case")(test)

    return decorate


KNOWN = {"q", "k", "tensor", "positions", "config", "cos", "sin", "inv_freq", "attention_factor", "dtype", "direction"}
KNOWN |= {
    "seq_len",
    "cu_seqlens",
    "head_dim",
    "rotary_dim",
    "rotary_offset",
    "rope_theta",
    "rope_type",
    "layout",
    "factor",
}
KNOWN |= {"original_max_position_embeddings", "low_freq_factor", "high_freq_factor", "query_positions", "key_positions"}


def _offered(name: str) -> bool:
    return ALIASES.get(name, name) in KNOWN


def _filled(function: Callable[..., Any], given: dict[str, Any]) -> Callable[..., Any]:
    """The function with its fixtures filled in."""
    import functools

    filled = functools.partial(function, **given)
    own = inspect.signature(function)
    rest = [parameter for name, parameter in own.parameters.items() if name not in given]
    filled.__signature__ = own.replace(parameters=rest)  # type: ignore[attr-defined]
    return filled
