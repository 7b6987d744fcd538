"""Right but different answers to E9.1: two whole languages that share no code with the lesson's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import autograd.numpy as np
import numpy

from autograder.checks.bank.e9_words import some_rows
from vi_lib.transforms import for_support


@dataclass
class _Site:
    """A site as an object rather than a dict."""

    type: str
    name: str
    value: Any = None
    dist: Any = None
    observed: bool = False
    scale: float = 1.0
    log_prob: Any = 0.0
    init: Any = None


def one_recorder_at_a_time() -> dict[str, Any]:
    """No stack and no messages: the words write straight into the current record."""
    now: dict[str, Any] = {"sites": None, "rng": None, "params": {}, "scale": 1.0, "old": {}}

    def put(site: _Site) -> Any:
        sites = now["sites"]
        if sites is not None:
            if site.name in sites:
                raise ValueError(f"{site.name} is already taken")
            sites[site.name] = site
        return site.value

    def sample(name: str, dist: Any, obs: Any = None) -> Any:
        value = obs
        if obs is None and name in now["old"]:
            value = now["old"][name].value
        elif obs is None:
            if now["rng"] is None:
                raise ValueError(f"cannot draw {name}: no rng")
            value = dist.sample(now["rng"])
        return put(
            _Site("sample", name, value, dist, obs is not None, now["scale"], dist.log_prob(value))
        )

    def param(name: str, init: Any, constraint: Any = "real") -> Any:
        if now["sites"] is not None and name in now["sites"]:
            return now["sites"][name].value
        transform = for_support(constraint)
        zeta = transform.forward(numpy.asarray(init, dtype=float))
        value = transform.inverse(now["params"][name]) if name in now["params"] else init
        return put(_Site("param", name, value, init=zeta))

    @contextmanager
    def plate(name: str, size: int, subsample_size: int | None = None) -> Iterator[Any]:
        length = subsample_size or size
        rows = some_rows(now["rng"], name, size, length)
        before = now["scale"]
        now["scale"] = before * size / length
        try:
            yield rows
        finally:
            now["scale"] = before

    def trace(fn: Any, rng: Any = None, params: Any = None) -> Any:
        def run(*args: Any) -> Any:
            before = dict(now)
            now.update(sites={}, rng=rng, params=params or {}, scale=1.0, old={})
            try:
                fn(*args)
                return now["sites"]
            finally:
                now.update(before)

        return run

    def replay(fn: Any, trace: Any) -> Any:
        def run(*args: Any) -> Any:
            before, now["old"] = now["old"], trace
            try:
                return fn(*args)
            finally:
                now["old"] = before

        return run

    def log_joint(trace: Any) -> Any:
        samples = [site for site in trace.values() if site.type == "sample"]
        return sum((np.sum(site.log_prob) * site.scale for site in samples), 0.0)

    return {"sample": sample, "param": param, "plate": plate, "trace": trace,
            "replay": replay, "log_joint": log_joint}  # fmt: skip


class _Stack(list[Any]):
    """The handlers of `classes`."""


def classes() -> dict[str, Any]:
    """Handlers as classes with `with`, softplus for positive parameters, plates no sites."""
    stack = _Stack()

    class Plate:
        def __init__(self, name: str, size: int, subsample_size: int | None = None) -> None:
            self.factor = 1.0 if subsample_size is None else size / subsample_size
            self.rows = list(range(size))
            if subsample_size is not None:
                (rng,) = [layer.rng for layer in stack[-1:]]
                self.rows = list(rng.choice(size, subsample_size, replace=False))

        def __enter__(self) -> Any:
            stack.append(self)
            return numpy.array(self.rows)

        def __exit__(self, *error: Any) -> None:
            stack.remove(self)

        @property
        def rng(self) -> Any:
            return next(layer.rng for layer in reversed(stack[: stack.index(self)]))

    @dataclass
    class Trace:
        rng: Any
        params: Any
        sites: dict[str, Any] = field(default_factory=dict)
        factor: float = 1.0

        def put(self, site: dict[str, Any]) -> None:
            if site["name"] in self.sites:
                raise ValueError(f"{site['name']!r} again")
            self.sites[site["name"]] = site

    def recorder() -> Any:
        return next((layer for layer in reversed(stack) if isinstance(layer, Trace)), None)

    def sample(name: str, dist: Any, obs: Any = None) -> Any:
        to = recorder()
        if obs is None and (to is None or to.rng is None):
            raise ValueError(f"no generator to draw {name!r} with")
        value = dist.sample(to.rng) if obs is None else numpy.asarray(obs)
        inner = stack[stack.index(to) :] if to is not None else []
        factor = float(numpy.prod([layer.factor for layer in inner]))
        if to is not None:
            to.put({"type": "sample", "name": name, "dist": dist, "value": value, "scale": factor,
                    "observed": obs is not None, "log_prob": dist.log_prob(value)})  # fmt: skip
        return value

    def param(name: str, init: Any, constraint: Any = "real") -> Any:
        to = recorder()
        if name in to.sites:
            return to.sites[name]["value"]
        positive = constraint == "positive"
        zeta = numpy.log(numpy.expm1(init)) if positive else numpy.asarray(init, dtype=float)
        value = init
        if to.params and name in to.params:
            value = to.params[name]
            value = np.logaddexp(0.0, value) if positive else value
        to.put({"type": "param", "name": name, "dist": None, "value": value, "scale": 1,
                "observed": 0, "log_prob": 0, "init": zeta})  # fmt: skip
        return value

    def trace(fn: Any, rng: Any = None, params: Any = None) -> Any:
        def run(*args: Any) -> Any:
            layer, depth = Trace(rng, params), len(stack)
            stack.append(layer)
            try:
                fn(*args)
            finally:
                del stack[depth:]
            return layer.sites

        return run

    return {"sample": sample, "param": param, "plate": Plate, "trace": trace}
