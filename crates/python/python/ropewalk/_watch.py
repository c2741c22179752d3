"""A running model of Transformers, its rotations judged in flight."""

from __future__ import annotations

import functools
import inspect
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable

from ._errors import NotJudged, RotationError
from ._spec import Spec
from ._spec import spec as find

APPLY = (
    "apply_rotary_pos_emb",
    "apply_rotary_pos_emb_interleave",
    "apply_rotary_emb",
    "apply_multimodal_rotary_pos_emb",
)


@dataclass
class Seen:
    """One thing that was judged: where, what (`table`, `q`, `k`), and the error if it is wrong."""

    where: str
    what: str
    error: AssertionError | None


class Watch:
    """What a model's rotary modules computed while it ran; see `watch`."""

    def __init__(self, model: Any, config: Any, layout: str | None, most: int):
        if not hasattr(model, "named_modules"):
            raise TypeError(f"model is {type(model).__name__}, a module of torch is needed")
        if config is None and not hasattr(model, "config"):
            raise ValueError(f"config is missing: {type(model).__name__} has none of its own")
        self.model, self.most = model, most
        self.config = model.config if config is None else config
        self.layout = layout
        self.seen: list[Seen] = []
        self.unknown: Counter[str] = Counter()
        self._tables: dict[int, tuple[Any, Any, Any]] = {}
        self._calls: Counter[str] = Counter()
        self._undo: list[Callable[[], None]] = []
        self._specs: dict[str, Spec] = {}

    def __enter__(self) -> Watch:
        modules = set()
        for name, module in self.model.named_modules():
            modules.add(type(module).__module__)
            if type(module).__name__.endswith("RotaryEmbedding"):
                hook = module.register_forward_hook(functools.partial(self._table, name), with_kwargs=True)
                self._undo.append(hook.remove)
        for module in sorted(modules):
            home = sys.modules.get(module)
            for name in APPLY:
                original = getattr(home, name, None)
                if callable(original):
                    setattr(home, name, self._wrapped(f"{module.rsplit('.', 1)[-1]}.{name}", original))
                    self._undo.append(functools.partial(setattr, home, name, original))
        return self

    def __exit__(self, *_: object) -> None:
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        self._tables.clear()

    def _spec(self, layer_type: Any, positions: Any) -> Spec:
        own = find(self.config, layout=self.layout, layer_type=layer_type)
        if own.needs_seq_len:
            return find(own, seq_len=int(positions.max()) + 1)
        return own

    def _table(self, name: str, module: Any, inputs: tuple, named: dict[str, Any], output: Any) -> None:
        """What a rotary module gave: remembered, and judged."""
        if not isinstance(output, tuple) or len(output) != 2:
            self.unknown[f"{name}: its output is no pair of cos and sin"] += 1
            return
        given = inspect.signature(module.forward).bind_partial(*inputs, **named).arguments
        positions, layer_type = given.get("position_ids"), given.get("layer_type")
        if positions is None:
            self.unknown[f"{name}: it takes no position_ids"] += 1
            return
        cos, sin = output
        # Kept while it is watched, so that no other table gets its identity.
        self._tables[id(cos)] = (cos, positions.detach().clone(), layer_type)
        if self._calls[name] < self.most and cos.shape[:-1] == positions.shape:
            self._calls[name] += 1
            from .testing import assert_table

            self._judge(name, "table", lambda: assert_table(cos, sin, positions, self._spec(layer_type, positions)))

    def _wrapped(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def apply(*inputs: Any, **named: Any) -> Any:
            arguments = signature.bind_partial(*inputs, **named).arguments
            cos = arguments.get("cos")
            known = self._tables.get(id(cos))
            judged = known is not None and self._calls[name] < self.most
            # It may work in place.
            before = [(part, arguments[part].detach().clone()) for part in ("q", "k") if judged and part in arguments]
            output = original(*inputs, **named)
            if known is None:
                self.unknown[f"{name}: cos is from no module that is watched"] += 1
            elif judged and isinstance(output, tuple):
                self._calls[name] += 1
                axes = "bshd" if arguments.get("unsqueeze_dim", 1) == 2 else "bhsd"
                for (part, tensor), turned in zip(before, output):
                    self._rotated(name, part, tensor, turned, known, axes)
            return output

        return apply

    def _rotated(self, name: str, part: str, tensor: Any, turned: Any, known: tuple, axes: str) -> None:
        from .testing import assert_rotated

        _, positions, layer_type = known
        own = self._spec(layer_type, positions)
        self._judge(name, part, lambda: assert_rotated(turned.detach(), tensor, positions, own, axes=axes))

    def _judge(self, where: str, what: str, assertion: Callable[[], None]) -> None:
        try:
            assertion()
        except AssertionError as error:
            self.seen.append(Seen(where, what, error))
        except (TypeError, ValueError) as why:
            self.unknown[f"{where}, {what}: {why}"] += 1
        else:
            self.seen.append(Seen(where, what, None))

    @property
    def wrong(self) -> list[Seen]:
        """What is wrong, in the order in which it happened."""
        return [one for one in self.seen if isinstance(one.error, RotationError)]

    def __repr__(self) -> str:
        lines = [f"{len(self.seen)} judged, {len(self.wrong)} wrong"]
        counts = Counter((one.where, one.what, one.error is None) for one in self.seen)
        lines += [
            f"  {where}, {what}: {n} {'right' if right else 'not right'}" for (where, what, right), n in counts.items()
        ]
        lines += [f"  not judged, {n} times: {why}" for why, n in self.unknown.items()]
        return "\n".join(lines)

    def assert_all_right(self) -> None:
        """Raises the first RotationError; NotJudged if nothing was judged."""
        __tracebackhide__ = True
        for one in self.wrong:
            error = one.error
            assert isinstance(error, RotationError)
            error.text = f"{one.where}, {one.what}: {error.text}\n{self!r}"
            raise error
        if not any(one.error is None for one in self.seen):
            raise NotJudged(f"nothing was judged\n{self!r}")


def watch(model: Any, *, config: Any = None, layout: str | None = None, most: int = 64) -> Watch:
    """Hooks the rotary modules of a Transformers model, and judges what they compute while it runs.

        with ropewalk.watch(model) as watched:
            model.generate(**batch)
        watched.assert_all_right()

    Judged are the tables that its `…RotaryEmbedding` modules give, and the queries and keys that
    `apply_rotary_pos_emb` turns by them, `most` calls of each. `config` is by default the model's.
    """
    return Watch(model, config, layout, most)
