"""Scenes of lesson 9: programs in an answer's own words, and what its handlers make of them.

A program cannot be passed as a value, and is of no use without the `sample` it says. So a check
names a scene, which is played where the answer lives: it writes a program with the answer's words,
hands it to the answer's functions, and reports numbers. Nothing is judged here.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

import autograd.numpy as np
import numpy as onp
from autograd import grad
from autograd.tracer import getval, isbox

from autograder.checks.compare import show
from autograder.checks.scene_programs import PROGRAMS
from vi_lib.ppl import Delta

Array = Any
Words = Any
"""The answer's names as attributes: `sample`, `param`, `plate`, `trace` and what it adds."""


def scene(play: Callable[..., Any]) -> Callable[..., Any]:
    """A scene that leaves nothing on the answer's stack, if it is where the lesson puts it.

    Otherwise one mistake, a handler that stays after an error, would spoil all that follows.
    """

    @functools.wraps(play)
    def tidy(words: Words, *args: Any) -> Any:
        stack = words.namespace.get("STACK")
        depth = len(stack) if isinstance(stack, list) else 0
        try:
            return play(words, *args)
        finally:
            if isinstance(stack, list):
                del stack[depth:]

    return tidy


def look(site: Any, key: str) -> Any:
    """An entry of a site, which may be a dict or an object; None if there is none."""
    return site.get(key) if isinstance(site, Mapping) else getattr(site, key, None)


class NoValue(TypeError):
    """A word gave a program something that is not a site's value."""


class NoFunction(TypeError):
    """There should be a function."""


class NoTrace(TypeError):
    """There should be a trace."""


class Said:
    """The words `sample`, `param` and `plate`, with a look at what they give to a program."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.plate = words.plate

    def sample(self, name: str, dist: Any, obs: Any = None) -> Any:
        """`sample`, whose value must suit its distribution."""
        value = self.words.sample(name, dist, obs=obs)
        like = obs if obs is not None else np.zeros(dist.batch_shape)
        return _usable(value, like, f"`sample({name!r}, ...)`")

    def param(self, name: str, *args: Any) -> Any:
        """`param`, whose value must have the shape of its first one."""
        return _usable(self.words.param(name, *args), args[0], f"`param({name!r}, ...)`")


def _usable(value: Any, like: Any, what: str) -> Any:
    """A site's value as the program gets it; lists become arrays."""
    if isbox(value):
        return value
    try:
        found = onp.asarray(value)
    except ValueError:
        found = onp.asarray(None)
    shape = onp.shape(getval(like))
    if found.dtype.kind not in "fiub" or found.size != onp.prod(shape, dtype=int):
        kind = f"an array of shape {shape}" if shape else "one number"
        came = f"one of shape {found.shape}" if found.dtype.kind in "fiub" else show(value)
        raise NoValue(
            f"in a program {what} must give the site's value: expected {kind}, got {came}"
        )
    return found


def program(words: Words, spec: tuple[Any, ...]) -> Callable[..., Any]:
    """The program with this name and these settings, in the answer's words."""
    name, *settings = spec
    return PROGRAMS[name](Said(words), *settings)


def tracing(words: Words, fn: Any, rng: Any = None, params: Any = None) -> Callable[..., Any]:
    """`trace(fn, rng, params)`; what is None is not mentioned."""
    given = {} if params is None else {"params": params}
    found = words.trace(fn, **given) if rng is None else words.trace(fn, rng, **given)
    return runnable(found, "trace(fn, rng)")


def runnable(found: Any, what: str) -> Callable[..., Any]:
    """What must be a function; `NoFunction` otherwise."""
    if not callable(found):
        raise NoFunction(f"`{what}`: expected a function, got {show(found)}")
    return found


def run(sites: Any) -> Mapping[str, Any]:
    """What must be a trace; `NoTrace` otherwise."""
    if not isinstance(sites, Mapping):
        raise NoTrace(f"`trace(fn, rng)(...)`: expected a dict of sites, got {show(sites)}")
    return sites


def plain_sites(sites: Any) -> dict[str, dict[str, Any]]:
    """The entries of a trace as values, with each log probability as one number."""
    return {str(name): _plain_site(site) for name, site in run(sites).items()}


def _plain_site(site: Any) -> dict[str, Any]:
    log_prob = look(site, "log_prob")
    return {
        "type": look(site, "type"),
        "name": look(site, "name"),
        "value": _number(look(site, "value")),
        "observed": look(site, "observed"),
        "scale": _number(look(site, "scale")),
        "log_prob": None if log_prob is None else float(np.sum(np.asarray(getval(log_prob)))),
        "support": _support(look(site, "dist")),
        "init": _number(look(site, "init")),
    }


def _number(value: Any) -> Any:
    """A copy, so that what happens to the original later does not show."""
    return onp.array(getval(value)) if isinstance(value, onp.ndarray) else getval(value)


def _support(dist: Any) -> Any:
    found = getattr(dist, "support", None)
    return found if found is None or isinstance(found, tuple) else str(found)


@scene
def record(
    words: Words, spec: tuple[Any, ...], data: tuple[Any, ...], seed: int | None, params: Any = None
) -> Any:
    """The trace of a program."""
    rng = None if seed is None else onp.random.default_rng(seed)
    return plain_sites(tracing(words, program(words, spec), rng, params)(*data))


@scene
def many(words: Words, spec: tuple[Any, ...], data: tuple[Any, ...], seed: int, count: int) -> Any:
    """The values of all unobserved sites in `count` runs with one generator, one row a run."""
    once = tracing(words, program(words, spec), onp.random.default_rng(seed))
    rows = []
    for _ in range(count):
        sites = [site for site in run(once(*data)).values() if look(site, "type") == "sample"]
        latent = [look(site, "value") for site in sites if not look(site, "observed")]
        rows.append(onp.concatenate([onp.ravel(value) for value in latent]))
    return onp.stack(rows)


@scene
def refusal(
    words: Words,
    spec: tuple[Any, ...],
    data: tuple[Any, ...],
    seed: int | None,
    names: tuple[str, ...],
    text: bool = False,
) -> Any:
    """The kind of error that a trace of the program raises, and which of the names it says."""
    return _refused(lambda: record(words, spec, data, seed), names, text)


def _refused(action: Callable[[], Any], names: tuple[str, ...], text: bool) -> Any:
    """Without the text, two answers that differ in their wording only give the same outcome."""
    kind, message = "none", ""
    try:
        action()
    except (NotImplementedError, NameError):
        raise
    except Exception as error:
        kind, message = "ValueError" if isinstance(error, ValueError) else "another", f"{error}"
    if text:
        return message[:2000]
    return {"error": kind, "named": [name for name in names if name in message]}


@scene
def after_an_error(
    words: Words, spec: tuple[Any, ...], good: tuple[Any, ...], data: tuple[Any, ...], seed: int
) -> Any:
    """The trace of a good program after that of one that raises `ZeroDivisionError`."""
    fn, rng = program(words, spec), onp.random.default_rng(seed)
    with contextlib.suppress(ZeroDivisionError):
        tracing(words, fn, rng)(*data)
    return plain_sites(tracing(words, program(words, good), rng)(*data))


@scene
def inside(
    words: Words, inner: tuple[Any, ...], data: tuple[Any, ...], after: tuple[Any, ...], seed: int
) -> Any:
    """The trace of a program that traces another one before it says anything itself."""
    rng = onp.random.default_rng(seed)

    def fn(*args: Any) -> None:
        tracing(words, program(words, inner), rng)(*args)
        program(words, after)(*args)

    return plain_sites(tracing(words, fn, rng)(*data))


@scene
def slope(
    words: Words, spec: tuple[Any, ...], data: tuple[Any, ...], params: dict[str, Any]
) -> Any:
    """The gradient, in the parameters, of the sum of all log probabilities of a program."""
    fn = program(words, spec)

    def total(given: Any) -> Any:
        sites = run(tracing(words, fn, params={name: given[name] for name in params})(*data))
        return sum(
            np.sum(look(s, "log_prob")) for s in sites.values() if look(s, "type") == "sample"
        )

    return grad(total)({name: onp.asarray(value, float) for name, value in params.items()})


def at_points(words: Words, values: Mapping[str, Any]) -> Any:
    """The trace of a program that draws exactly these values."""

    def points(*_: Any) -> None:
        for name, value in values.items():
            value = onp.asarray(value, dtype=float)
            words.sample(name, Delta(value, onp.ndim(value)))

    return run(tracing(words, points, onp.random.default_rng(0))())


@scene
def joint(words: Words, spec: tuple[Any, ...], data: tuple[Any, ...], seed: int | None) -> Any:
    """`log_joint` of the trace of a program."""
    rng = None if seed is None else onp.random.default_rng(seed)
    sites = tracing(words, program(words, spec), rng)(*data)
    before = plain_sites(sites)
    value = words.log_joint(sites)
    return {"value": getval(value), "unchanged": _alike(before, plain_sites(sites))}


@scene
def replayed(
    words: Words,
    spec: tuple[Any, ...],
    data: tuple[Any, ...],
    values: Mapping[str, Any],
    seed: int | None = None,
) -> Any:
    """The trace and log joint of a program, replayed with given values of some sites."""
    source = at_points(words, values)
    before = plain_sites(source)
    rng = None if seed is None else onp.random.default_rng(seed)
    fn = runnable(words.replay(program(words, spec), source), "replay(fn, trace)")
    sites = tracing(words, fn, rng)(*data)
    return {
        "sites": plain_sites(sites),
        "unchanged": _alike(before, plain_sites(source)),
    }


@scene
def replayed_on_new_data(
    words: Words, spec: tuple[Any, ...], old: tuple[Any, ...], new: tuple[Any, ...], seed: int
) -> Any:
    """A program's own trace, and the program replayed with it on other data."""
    fn = program(words, spec)
    first = run(tracing(words, fn, onp.random.default_rng(seed))(*old))
    again = runnable(words.replay(fn, first), "replay(fn, trace)")
    sites = tracing(words, again, onp.random.default_rng(seed + 1))(*new)
    return {"first": plain_sites(first), "sites": plain_sites(sites)}


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    return bool(onp.array_equal(onp.asarray(a, object), onp.asarray(b, object)))


@scene
def verdict_on_guide(
    words: Words,
    model: tuple[Any, ...],
    guide: tuple[Any, ...],
    data: tuple[Any, ...],
    names: tuple[str, ...] = (),
    text: bool = False,
) -> Any:
    """What `check_guide` says of a model and a guide, as in `refusal`."""
    p, q = program(words, model), program(words, guide)
    return _refused(lambda: words.check_guide(p, q, *data), names, text)
