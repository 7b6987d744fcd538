"""Effect handlers: each changes what `sample`, `param` and `plate` do in the program it wraps.

    trace       record every site
    seed        draw from this generator
    replay      take the latent values of a recorded run
    condition   observe these sites
    uncondition forget the observations
    substitute  use these parameters
    block       hide sites from the handlers outside

They compose from the inside out: `trace(replay(model, guide_trace), rng)(data)` runs the model with
the guide's values and records it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, plain
from vi_lib.ppl._support import in_support
from vi_lib.ppl.primitives import STACK, Handler, Message

Program: TypeAlias = Callable[..., Any]
"""A model or a guide: a function that says `sample`, `param` and `plate`."""

Site: TypeAlias = dict[str, Any]
"""`type` ("sample", "param" or "plate"), `name`, `value`, `dist`, `observed`, `scale` and
`log_prob`, the unscaled log probability of each batch element; further entries are `plates`, and
for a parameter `init` and `transform`."""

Trace: TypeAlias = dict[str, Site]


def trace(
    fn: Program,
    rng: onp.random.Generator | None = None,
    params: Mapping[str, Array] | None = None,
) -> Callable[..., Trace]:
    """Return a function that runs `fn` and records its sites.

    Args:
        fn: The program.
        rng: Source of the draws; without one, only programs that draw nothing can be run, or those
            inside of `seed`.
        params: Parameters on the real line, as for `substitute`.

    Returns:
        A function of the program's arguments; it returns name -> site, in the order of the program.

    Raises:
        ValueError: Naming the site, if a name is used twice (a parameter may be asked for again),
            or if a value does not suit its distribution.
    """
    program = fn if params is None else substitute(fn, params)

    def run(*args: Any, **kwargs: Any) -> Trace:
        sites: Trace = {}

        def process(message: Message) -> None:
            if message["rng"] is None:
                message["rng"] = rng
            again = message["type"] == "param" and message["value"] is None
            if again and sites.get(message["name"], message)["type"] == "param":
                message["value"] = sites.get(message["name"], message)["value"]

        def postprocess(message: Message) -> None:
            name = message["name"]
            if name in sites:
                if message["type"] == sites[name]["type"] == "param":
                    return
                raise ValueError(
                    f"site {name!r} occurs twice: give every site a name of its own, as"
                    f' f"{name}_{{i}}" in a loop, and use one plate object again'
                )
            sites[name] = {k: v for k, v in message.items() if k not in ("rng", "stop", "default")}
            sites[name]["log_prob"] = _log_prob(message) if message["dist"] is not None else 0.0

        with Handler(None, process, postprocess):
            program(*args, **kwargs)
        return sites

    return run


def log_joint(trace: Trace) -> Array:
    """Return Σ scale · log p over all sample sites of a trace, latent and observed, nats."""
    samples = [site for site in trace.values() if site["type"] == "sample"]
    terms = [s["scale"] * np.sum(s["log_prob"]) for s in samples]
    return sum(terms, onp.zeros(()))


def prototype(
    model: Program, args: tuple[Any, ...], rng: onp.random.Generator | None = None
) -> Trace:
    """Run a model once to learn names, shapes and supports of its sites; the values do not matter.

    The run is hidden from the handlers outside. Without `rng` it takes a fixed stream of its own.
    """
    rng = onp.random.default_rng(0) if rng is None else rng
    outside, STACK[:] = list(STACK), []
    try:
        with onp.errstate(all="ignore"):  # draws of a wide prior may overflow
            return trace(model, rng)(*args)
    finally:
        STACK[:] = outside


def plate_depth(sites: Trace) -> int:
    """Return the largest number of batch axes of a site; enumeration leaves these free."""
    depths = [onp.ndim(plain(s["log_prob"])) for s in sites.values() if s["type"] == "sample"]
    return max(depths, default=0)


def seed(fn: Program | None, rng: onp.random.Generator) -> Handler:
    """Run `fn`, or with None the body of a `with` statement, with this source of draws."""

    def process(message: Message) -> None:
        if message["rng"] is None:
            message["rng"] = rng

    return Handler(fn, process)


def replay(fn: Program, trace: Trace) -> Handler:
    """Run `fn` with the latent values and the plates' rows of a recorded run.

    Observations stay as they are. A latent site that the trace has not is drawn afresh; the ELBO
    and `check_guide` refuse such a guide.

    Raises:
        ValueError: Naming the site, if it is observed in the trace and latent in `fn`.
    """

    def process(message: Message) -> None:
        site = trace.get(message["name"])
        if site is None or message["type"] == "param" or message["observed"]:
            return
        if site["type"] == message["type"]:
            if site["observed"]:
                raise ValueError(f"site {message['name']!r} is observed in the replayed program")
            message["value"] = site["value"]

    return Handler(fn, process)


def condition(fn: Program, data: Mapping[str, Any]) -> Handler:
    """Run `fn` with the sites named in `data` observed at these values.

    Raises:
        ValueError: Naming the site, if a value lies outside its support.
    """

    def process(message: Message) -> None:
        if message["type"] == "sample" and message["name"] in data:
            value = onp.asarray(data[message["name"]], dtype=float)
            if not onp.all(in_support(message["dist"].support, value)):
                raise ValueError(
                    f"site {message['name']!r}: the value to condition on must lie in"
                    f" {message['dist'].support!r}, got {value}"
                )
            message["value"], message["observed"] = value, True

    return Handler(fn, process)


def uncondition(fn: Program) -> Handler:
    """Run `fn` with every observed site drawn from its distribution instead."""

    def process(message: Message) -> None:
        if message["type"] == "sample" and message["observed"]:
            message["value"], message["observed"] = None, False

    return Handler(fn, process)


def substitute(fn: Program, params: Mapping[str, Array]) -> Handler:
    """Run `fn` with these parameters, given on the real line: a site's value is T⁻¹(params[name]).

    A parameter that is not in `params` keeps its first value.
    """

    def process(message: Message) -> None:
        if message["type"] == "param" and message["name"] in params:
            message["value"] = message["transform"].inverse(params[message["name"]])

    return Handler(fn, process)


def block(fn: Program, hide: Collection[str] | None = None) -> Handler:
    """Run `fn` with the sites in `hide`, by default all, invisible to the handlers outside."""

    def process(message: Message) -> None:
        message["stop"] = hide is None or message["name"] in hide

    return Handler(fn, process)


def _log_prob(message: Message) -> Array:
    """Log probability of each batch element of a site, or an error that names the site."""
    dist, value = message["dist"], message["value"]
    try:
        log_prob = dist.log_prob(value)
        wanted = onp.broadcast_shapes(dist.batch_shape, onp.shape(plain(log_prob)))
    except ValueError as error:
        raise ValueError(f"site {message['name']!r}: {error}") from error
    rows = wanted[len(wanted) - len(dist.batch_shape) :]
    for frame in message["plates"]:
        if rows[frame.dim] != frame.length:
            raise ValueError(
                f"site {message['name']!r} has {rows[frame.dim]} rows on axis {frame.dim}, where"
                f" plate {frame.name!r} has {frame.length}"
            )
    return log_prob
