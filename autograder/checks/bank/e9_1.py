"""Typical answers to E9.1: the words of the language and the handler that records them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import autograd.numpy as np
import numpy

from autograder.checks.bank.e9_words import anew, draw, some_rows, words
from autograder.checks.protocol import Right, Wrong
from vi_lib.transforms import for_support


def _fresh(message: Any) -> Any:
    return message["dist"].sample(numpy.random.default_rng(1))


def _own(message: Any) -> Any:
    return message["dist"].sample(numpy.random.default_rng())


def _never_missing(message: Any) -> Any:
    rng = numpy.random.default_rng(0) if message["rng"] is None else message["rng"]
    return message["dist"].sample(rng)


def _nameless(message: Any) -> Any:
    if message["rng"] is None:
        raise ValueError("no generator")
    return draw(message)


def _overwrite(sites: Any, message: Any) -> None:
    if message["type"] != "param" or message["name"] not in sites:
        sites[message["name"]] = message


def _keep_first(sites: Any, message: Any) -> None:
    sites.setdefault(message["name"], message)


def _nameless_twice(sites: Any, message: Any) -> None:
    if message["name"] in sites and message["type"] != "param":
        raise ValueError("duplicate name")
    sites.setdefault(message["name"], message)


def _params_twice_refused(sites: Any, message: Any) -> None:
    if message["name"] in sites:
        raise ValueError(f"the name {message['name']} occurs twice")
    sites[message["name"]] = message


def _second_mention(sites: Any, message: Any) -> None:
    if message["name"] in sites and message["type"] != "param":
        raise ValueError(f"the name {message['name']} occurs twice")
    sites[message["name"]] = message


def _other_key(sites: Any, message: Any) -> None:
    if message["name"] in sites and message["type"] != "param":
        raise KeyError(message["name"])
    sites.setdefault(message["name"], message)


def _all_rows(rng: Any, name: str, size: int, length: int) -> Any:
    return numpy.arange(length)


def _with_replacement(rng: Any, name: str, size: int, length: int) -> Any:
    if length == size:
        return numpy.arange(size)
    rows = rng.integers(size, size=length)
    rows[-1] = rows[0]
    return rows


def _site_as_value(value: Any, message: Any) -> Any:
    return message


WRONG = (
    Wrong(
        "parameter-asked-for-twice-refused",
        words(twice=_params_twice_refused),
        "Two `sample` statements of one name are an error. To ask for a parameter twice is not: "
        "it is the same parameter.",
    ),
    Wrong(
        "duplicate-overwritten",
        words(twice=_overwrite),
        "A program says `sample` twice with one name, and your trace keeps the second site only: "
        "its joint would lack a factor. What should happen instead, and what should the message "
        "say?",
        also=(words(twice=_keep_first),),
    ),
    Wrong(
        "duplicate-raises-another-error",
        words(twice=_other_key),
        "You do notice the name that occurs twice. Which kind of error was asked for? Those who "
        "use your language catch that one.",
    ),
    Wrong(
        "error-without-the-name",
        words(twice=_nameless_twice, draw=_nameless),
        "Your error does not say which site it is about. In a program of fifty sites, how would "
        "one find it?",
        also=(words(twice=_nameless_twice), words(draw=_nameless)),
    ),
    Wrong(
        "observation-drawn-anyway",
        words(observation=lambda obs, message: None),
        "With `obs` the site's value is the observation. Yours is a draw: who looks at the data "
        "then?",
    ),
    Wrong(
        "truth-of-the-observation",
        words(observed=lambda obs: bool(obs)),
        "`if obs:` asks whether the datum is true. What is the truth of 0.0, and of an array? Ask "
        "`obs is not None`.",
        also=(words(observed=lambda obs: obs is not None and bool(numpy.any(obs))),),
    ),
    Wrong(
        "everything-is-latent",
        words(site=lambda message: {**message, "observed": False}),
        "How will a guide know which sites it has to sample? Your `observed` is False for the data "
        "too.",
    ),
    Wrong(
        "site-returned-for-its-value",
        words(given=_site_as_value),
        "`sample` gives the program the whole record. The program wants to go on computing with "
        "the number: return the value.",
    ),
    Wrong(
        "draws-without-a-generator",
        words(draw=_never_missing),
        "Nobody gave a generator, and yet you draw. From which one? A silent default makes every "
        "run the same, or none reproducible: raise, and name the site.",
    ),
    Wrong(
        "seed-reset-inside",
        words(draw=_fresh),
        "All your draws start from the same seed, so sites that should be independent move "
        "together. Where in the message is the generator that `trace` was given?",
    ),
    Wrong(
        "own-generator",
        words(draw=_own),
        "Two traces with the same seed should be equal; yours differ. Draw with the `rng` that "
        "`trace` was given, and with no other.",
    ),
    Wrong(
        "density-instead-of-its-log",
        words(log_prob=lambda m: numpy.exp(m["dist"].log_prob(m["value"]))),
        "The entry is called log_prob: log densities, which add. Where does the exponential come "
        "from?",
    ),
    Wrong(
        "mean-log-probability",
        words(log_prob=lambda m: numpy.mean(m["dist"].log_prob(m["value"]))),
        "The log probability of a vector site is the sum over its entries. You have their mean.",
    ),
    Wrong(
        "log-prob-already-scaled",
        words(log_prob=lambda m: m["scale"] * m["dist"].log_prob(m["value"])),
        "Your `log_prob` contains the scale already. Then log_joint, which multiplies by `scale`, "
        "would do it twice: keep the two apart.",
    ),
    Wrong(
        "parameter-starts-anew",
        words(param_value=anew),
        "A program asks for the same parameter twice, the second time with another first value, "
        "and gets two values. A parameter is one number: the first mention decides.",
    ),
    Wrong(
        "second-mention-recorded",
        words(twice=_second_mention),
        "A parameter that is asked for twice stands in your trace as it was the second time, with "
        "another `init`. Its first value is that of the first mention.",
    ),
    Wrong(
        "params-ignored",
        words(param_value=lambda name, init, transform, params: init),
        "`trace(fn, rng, params)` was given values for the parameters, and your `param` still "
        "returns the first value. How does the dict get from `trace` to `param`?",
    ),
    Wrong(
        "constraint-forgotten",
        words(param_value=lambda name, init, transform, params: params.get(name, init)),
        "The values in `params` live on the real line. At a negative one your positive parameter "
        "is negative: which function maps it back?",
    ),
    Wrong(
        "init-on-the-parameters-scale",
        words(init=lambda zeta: numpy.exp(zeta)),
        "`init` is the first value *on the real line*, so that `params = {name: init}` gives the "
        "first value back. Which way does the transform have to go?",
    ),
    Wrong(
        "scale-upside-down",
        words(rescale=lambda scale, size, length: scale * length / size),
        "Three rows stand for twelve: should their log probabilities count more, or less?",
    ),
    Wrong(
        "nested-plates-forgotten",
        words(rescale=lambda scale, size, length: size / length),
        "A plate of 2 of 10 rows inside one of 3 of 6: how many rows does each of yours stand for? "
        "Multiply what is there already.",
    ),
    Wrong(
        "scale-forgotten",
        words(rescale=lambda scale, size, length: scale),
        "Your plate does not tell the sites inside that their rows stand for more than themselves. "
        "By which factor?",
    ),
    Wrong(
        "plate-never-ends",
        words(plate_ends=False),
        "A site after the `with` block is still scaled. What takes your plate off the stack?",
    ),
    Wrong(
        "first-rows-always",
        words(rows=_all_rows),
        "Your subsample is always the first B rows: the others would never be seen. Draw the rows "
        "with the generator.",
    ),
    Wrong(
        "rows-with-replacement",
        words(rows=_with_replacement),
        "A row occurs twice in your subsample. Draw without replacement.",
    ),
    Wrong(
        "handlers-left-after-an-error",
        words(restores=False, stops=False),
        "A program raised an error, and your handler is still on the stack: the next program is "
        "recorded twice, or scaled by a plate that is over. What runs in Python whether or not "
        "there was an error?",
    ),
    Wrong(
        "runs-at-once",
        words(runs_at_once=True),
        "`trace(fn, rng)` returns a *function*, and that one is called with the program's "
        "arguments. Yours runs the program at once.",
    ),
)


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
    """The handlers of `_classes`."""


def _classes() -> dict[str, Any]:
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


RIGHT = (
    Right("messages-and-a-stack", words()),
    Right("one-recorder-at-a-time", one_recorder_at_a_time()),
    Right("classes-and-softplus", _classes()),
    Right("plates-are-no-sites", words(plates_are_sites=False)),
)
