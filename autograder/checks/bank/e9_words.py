"""A small language of its own, from which the typical answers of lesson 9 are made.

Every hook is one place at which answers differ; by default all is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import getval

from vi_lib.transforms import for_support

Message = dict[str, Any]
Hook = Callable[..., Any]


def draw(message: Message) -> Any:
    if message["rng"] is None:
        raise ValueError(f"site {message['name']} must be drawn: give trace a generator")
    return message["dist"].sample(message["rng"])


def refuse_twice(sites: dict[str, Any], message: Message) -> None:
    """The first of two parameters stays, two sites of one name are an error."""
    name = message["name"]
    if name not in sites:
        sites[name] = message
    elif message["type"] != "param":
        raise ValueError(f"the name {name} occurs twice")


def some_rows(rng: Any, name: str, size: int, length: int) -> Any:
    if length == size:
        return numpy.arange(size)
    if rng is None:
        raise ValueError(f"plate {name} must draw its rows: give trace a generator")
    return rng.permutation(size)[:length]


def value_of_param(name: str, init: Any, transform: Any, params: Any) -> Any:
    return transform.inverse(params[name]) if name in params else init


def nothing(message: Message) -> None:
    """Leave the message as it is."""


@dataclass
class Handler:
    """What is done with a message before and after it has a value."""

    before: Hook = nothing
    after: Hook = nothing


def language(
    *,
    observed: Hook = lambda obs: obs is not None,
    observation: Hook = lambda obs, message: obs,
    draw: Hook = draw,
    given: Hook = lambda value, message: value,
    twice: Hook = refuse_twice,
    rows: Hook = some_rows,
    rescale: Hook = lambda scale, size, length: scale * size / length,
    param_value: Hook = value_of_param,
    log_prob: Hook = lambda message: message["dist"].log_prob(message["value"]),
    restores: bool = True,
    stops: bool = True,
    plate_ends: bool = True,
    runs_at_once: bool = False,
    site: Hook = lambda message: message,
    plates_are_sites: bool = True,
    init: Hook = lambda zeta: zeta,
) -> dict[str, Any]:
    """The words, and `within`, the means to add further handlers."""
    stack: list[Handler] = []

    def send(message: Message) -> Any:
        heard = []
        for handler in reversed(stack):
            heard.append(handler)
            handler.before(message)
            if message["stop"]:
                break
        if message["value"] is None:
            message["value"] = message["default"](message)
        for handler in heard:
            handler.after(message)
        return message["value"]

    @contextmanager
    def within(handler: Handler) -> Iterator[None]:
        depth = len(stack)
        stack.append(handler)
        if not restores:
            yield
            stack.pop()
            return
        try:
            yield
        finally:
            del stack[depth:]

    def sample(name: str, dist: Any, obs: Any = None) -> Any:
        message = {
            "type": "sample", "name": name, "dist": dist, "value": None, "scale": 1.0,
            "observed": observed(obs), "rng": None, "stop": False, "default": draw,
            "plates": (), "params": {},
        }  # fmt: skip
        if message["observed"]:
            message["value"] = observation(obs, message)
        return given(send(message), message)

    def param(name: str, start: Any, constraint: Any = "real") -> Any:
        transform = for_support(constraint)
        return send({
            "type": "param", "name": name, "dist": None, "value": None, "scale": 1.0,
            "observed": False, "rng": None, "stop": False, "plates": (), "params": {},
            "init": init(transform.forward(numpy.asarray(start, dtype=float))),
            "default": lambda m: param_value(name, start, transform, m["params"]),
        })  # fmt: skip

    @contextmanager
    def plate(name: str, size: int, subsample_size: int | None = None) -> Iterator[Any]:
        length = size if subsample_size is None else subsample_size
        chosen = send({
            "type": "plate", "name": name, "dist": None, "value": None, "scale": 1.0,
            "observed": False, "rng": None, "stop": False, "plates": (), "params": {},
            "default": lambda m: rows(m["rng"], name, size, length),
        })  # fmt: skip

        def before(message: Message) -> None:
            if message["type"] == "sample":
                message["scale"] = rescale(message["scale"], size, length)
                message["plates"] = ((name, size, length), *message["plates"])

        if not plate_ends:
            stack.append(Handler(before))
            yield chosen
            return
        with within(Handler(before)):
            yield chosen

    def trace(fn: Any, rng: Any = None, params: Any = None) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            sites: dict[str, Any] = {}
            seen: dict[str, Any] = {}

            def before(message: Message) -> None:
                if message["rng"] is None:
                    message["rng"] = rng
                message["params"] = params or {}
                message["stop"] = stops
                if message["type"] == "param" and message["name"] in seen:
                    message["value"] = seen[message["name"]]

            def after(message: Message) -> None:
                message["log_prob"] = log_prob(message) if message["dist"] is not None else 0.0
                if message["type"] == "plate" and not plates_are_sites:
                    return
                if message["type"] == "param" and param_value is not anew:
                    seen.setdefault(message["name"], message["value"])
                twice(sites, message)

            with within(Handler(before, after)):
                fn(*args, **kwargs)
            return {name: site(message) for name, message in sites.items()}

        return run() if runs_at_once else run

    return {
        "sample": sample, "param": param, "plate": plate, "trace": trace,
        "STACK": stack, "within": within,
    }  # fmt: skip


def anew(name: str, init: Any, transform: Any, params: Any) -> Any:
    """The first value each time that a parameter is asked for: `value_of_param` with no memory."""
    return value_of_param(name, init, transform, params)


def words(**hooks: Any) -> dict[str, Any]:
    """The four words of E9.1, and the stack under the name that it has in the lesson."""
    found = language(**hooks)
    return {name: found[name] for name in found if name != "within"}


# The second layer, E9.2


def total(trace: Any, weight: Hook = lambda s: s["scale"], reduce: Hook = np.sum) -> Any:
    sites = [site for site in trace.values() if site["type"] == "sample"]
    return sum(weight(site) * reduce(site["log_prob"]) for site in sites)


def takes(source: Any, message: Message) -> bool:
    """Whether a replayed message gets its value from the trace."""
    name = message["name"]
    return (
        name in source and message["type"] in ("sample", "plate") and not message["observed"]
        and source[name]["type"] == message["type"]
    )  # fmt: skip


def replaying(
    within: Any,
    takes: Hook = takes,
    copy: Hook = lambda message, site: message.update(value=site["value"]),
) -> Hook:
    def replay(fn: Any, trace: Any) -> Any:
        def before(message: Message) -> None:
            if takes(trace, message):
                copy(message, trace[message["name"]])

        def run(*args: Any) -> Any:
            with within(Handler(before)):
                return fn(*args)

        return run

    return replay


def layer(
    hooks: dict[str, Any] | None = None, log_joint: Hook = total, **changed: Any
) -> dict[str, Any]:
    """All of E9.1 and E9.2."""
    found = language(**(hooks or {}))
    within = found.pop("within")
    return {**found, "log_joint": log_joint, "replay": replaying(within, **changed)}


def changed_replay(change: Callable[[dict[str, Any], Hook], Hook]) -> dict[str, Any]:
    """All of E9.1 and E9.2, with a `replay` made from the words and the right one."""
    found = layer()
    return {**found, "replay": change(found, found["replay"])}


# The third: checking, guides and steps


def latents(trace: Any) -> dict[str, Any]:
    return {n: s for n, s in trace.items() if s["type"] == "sample" and not s["observed"]}


def plain(value: Any) -> Any:
    return numpy.asarray(getval(value))
