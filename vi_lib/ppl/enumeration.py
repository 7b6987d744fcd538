"""Sum discrete latent sites out of a model, exactly and in one run.

`config_enumerate(model)` marks the sites. When the log joint is needed, each marked site takes
*all* its values at once, on an array axis of its own to the left of the plates; what follows
broadcasts. Every site's log probability is then a factor, a table over those axes, and the sum over
the values of the product of the factors is computed by elimination, from the innermost plate
outwards:

    log Σ_z Π_n p(z_n) p(x_n | z_n)  =  Σ_n log Σ_k p(z_n = k) p(x_n | z_n = k),

so rows of a plate cost a sum, not a product. The sums are differentiable, and the derivative of the
result with respect to a factor of z is the posterior distribution of z (`posterior_of_discrete`).

Source: Obermeyer, Bingham et al., Tensor Variable Elimination for Plated Factor Graphs (ICML 2019);
Darwiche (2003) for the derivative.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import autograd.numpy as np
import numpy as onp
from autograd import grad

from vi_lib._check import Array, plain
from vi_lib.ppl.handlers import Program, Site, Trace, plate_depth, replay, trace
from vi_lib.ppl.primitives import Frame, Handler, Message

Dims = frozenset[int]


def config_enumerate(fn: Program, sites: Collection[str] | None = None) -> Handler:
    """Mark the discrete latent sites of a program to be summed out.

    Args:
        fn: The model.
        sites: Names of the sites; by default all latent ones with finitely many values.

    Raises:
        ValueError: Naming the site, if one in `sites` has no finite list of values.
    """

    def process(message: Message) -> None:
        if message["type"] != "sample" or message["observed"] or message["value"] is not None:
            return
        finite = hasattr(_innermost(message["dist"]), "enumerate_support")
        if sites is None:
            message["enumerate"] = finite
        elif message["name"] in sites:
            if not finite:
                raise ValueError(
                    f"site {message['name']!r} cannot be enumerated: its values,"
                    f" {message['dist'].support!r}, have no finite list"
                )
            message["enumerate"] = True

    return Handler(fn, process)


def enumerated_trace(
    model: Program, first: int, args: tuple[Any, ...], rng: onp.random.Generator | None = None
) -> tuple[Trace, dict[str, int]]:
    """Run a model with every marked site at all its values.

    Args:
        model: Latent sites that are not marked must have values already (`replay`) or `rng`.
        first: The first free axis from the right, -1 - the number of plates' axes.
        args: The model's arguments.
        rng: Source of draws.

    Returns:
        The trace and the axis of each enumerated site.

    Raises:
        ValueError: Naming the site, if its event has axes.
    """
    axes: dict[str, int] = {}

    def process(message: Message) -> None:
        if message["type"] != "sample" or not message["enumerate"]:
            return
        if message["value"] is None and not message["observed"]:
            dim = first - len(axes)
            axes[message["name"]] = dim
            if message["dist"].event_dim:
                raise ValueError(
                    f"site {message['name']!r}: an event with axes cannot be enumerated: leave out"
                    " to_event, or use a plate"
                )
            values = _innermost(message["dist"]).enumerate_support()
            message["value"] = onp.reshape(values, (-1, *(1,) * (-dim - 1)))

    # Innermost would miss the mark, which the handler of `config_enumerate` sets: from outside.
    return trace(Handler(model, process), rng)(*args), axes


def log_density(
    model: Program,
    args: tuple[Any, ...],
    values: Trace,
    rng: onp.random.Generator | None = None,
    keep: Dims = frozenset(),
) -> tuple[Trace, Array | None]:
    """Run a model with the latent values of a trace.

    Returns:
        The trace, whose sites' log probabilities are to be added up; and, if sites are enumerated,
        the log joint with those summed out, over the axes in `keep`, else None.

    Raises:
        ValueError: Naming the site, if the program does not broadcast over the enumerated values,
            so that the tables are not its log probabilities.
    """
    sites, tables, axes = _tables(model, args, values, rng)
    return sites, (marginal_log_joint(tables, axes, keep) if axes else None)


def marginal_log_joint(sites: Trace, axes: dict[str, int], keep: Dims = frozenset()) -> Array:
    """Return log Σ_z p(x, z), the log joint with the enumerated sites summed out, nats.

    Args:
        sites: Trace of `enumerated_trace`.
        axes: The axis of each enumerated site.
        keep: Axes not to be summed over, such as that of particles.

    Returns:
        A number, or an array over the axes in `keep`.

    Raises:
        ValueError: Naming the sites, if they couple the rows of two plates, so that no order of
            elimination avoids a sum over all combinations, or if they are in a loop over a plate
            with a subsample.
    """
    samples = {name: site for name, site in sites.items() if site["type"] == "sample"}
    return _eliminate({n: s["log_prob"] for n, s in samples.items()}, samples, axes, keep)


def posterior_of_discrete(
    model: Program, args: tuple[Any, ...], values: Trace, rng: onp.random.Generator | None = None
) -> dict[str, Array]:
    """Return p(z = k | x, other latents) of each enumerated site, `(K, *batch)`, exactly.

    Args:
        model: A model marked by `config_enumerate`.
        args: Its arguments.
        values: Trace with the values of its other latent sites, such as one of the guide; empty if
            there are none.
        rng: Source of draws for latents that `values` has not.
    """
    rng = onp.random.default_rng(0) if rng is None else rng
    ordinary, sites, axes = _tables(model, args, values, rng)
    samples = {name: site for name, site in sites.items() if site["type"] == "sample"}
    tables = {name: plain(site["log_prob"]) for name, site in samples.items()}
    posterior = {}
    for name, dim in axes.items():

        def evidence(table: Array, name: str = name) -> Array:
            return _eliminate({**tables, name: table}, samples, axes, frozenset())

        # A joint distribution, if the probabilities of this site depend on another enumerated one.
        joint = grad(evidence)(tables[name]) / samples[name]["scale"]
        others = tuple(a for a in axes.values() if a != dim and onp.ndim(joint) >= -a)
        marginal = onp.sum(joint, axis=others)
        posterior[name] = onp.reshape(marginal, (-1, *ordinary[name]["dist"].batch_shape))
    return posterior


def _eliminate(tables: dict[str, Array], samples: Trace, axes: dict[str, int], keep: Dims) -> Array:
    """Sum over the enumerated axes and the plates' rows, from the innermost plate outwards."""
    names = {dim: name for name, dim in axes.items()}
    home = {axes[name]: _frames(samples[name], tables[name], axes, keep) for name in axes}
    live = []
    for name, table in tables.items():
        frames = _frames(samples[name], table, axes, keep)
        rest = samples[name]["scale"] / math.prod(f.size / f.length for f in frames)
        if rest != 1.0:  # of a loop over the rows of a plate
            if _enumerated(table, axes):
                raise ValueError(
                    f"site {name!r} depends on an enumerated site and is in a loop over a plate"
                    " with a subsample: write the plate with `with`"
                )
            table = rest * table
        live.append((frames, table))

    total = np.zeros(1)
    while live:
        here = max((frames for frames, _ in live), key=len)
        factors = [table for frames, table in live if frames == here]
        live = [(frames, table) for frames, table in live if frames != here]
        for dim in sorted(d for d in home if home[d] == here):  # the last sampled first
            if any(dim in _enumerated(table, axes) for _, table in live):
                raise ValueError(f"enumerated site {names[dim]!r} is used outside of its plate")
            touched = [f for f in factors if dim in _enumerated(f, axes)]
            factors = [f for f in factors if dim not in _enumerated(f, axes)]
            factors.append(_logsumexp(sum(touched[1:], touched[0]), dim))
        for factor in factors:
            left = _enumerated(factor, axes)
            outer = frozenset().union(*(home[dim] for dim in left))
            if not outer < here and left:
                raise ValueError(
                    f"enumerated sites {', '.join(repr(names[dim]) for dim in left)} couple the"
                    " rows of their plates: the sum over all combinations does not factorise"
                )
            for frame in here - outer:
                factor = np.sum(factor, axis=frame.dim, keepdims=True) * frame.size / frame.length
            if left:
                live.append((outer, factor))
            else:
                total = total + np.reshape(factor, (-1,))
    return total if keep else total[0]


def _tables(
    model: Program, args: tuple[Any, ...], values: Trace, rng: onp.random.Generator | None
) -> tuple[Trace, Trace, dict[str, int]]:
    """An ordinary run; and, if it has sites to enumerate, the run over all their values."""
    sites = trace(replay(model, values), rng)(*args)
    if not any(site.get("enumerate") and not site["observed"] for site in sites.values()):
        return sites, sites, {}
    first = -1 - plate_depth(sites)
    chosen = {n: s for n, s in sites.items() if not (s["observed"] or s.get("enumerate"))}
    tables, axes = enumerated_trace(replay(model, chosen), first, args, rng)
    _require_same_program(sites, tables, axes)
    return sites, tables, axes


def _require_same_program(sites: Trace, tables: Trace, axes: dict[str, int]) -> None:
    """Compare the tables, at the values of an ordinary run, with that run."""
    for name, site in tables.items():
        if site["type"] != "sample":
            continue
        expected = onp.asarray(plain(sites[name]["log_prob"]))
        table = onp.asarray(plain(site["log_prob"]))
        for other, dim in axes.items():
            if dim in _enumerated(table, axes):
                k = onp.asarray(plain(sites[other]["value"])).astype(int)
                k = onp.reshape(k, (1,) * (table.ndim - k.ndim) + k.shape)
                table = onp.take_along_axis(table, k, axis=table.ndim + dim)
        first = table.shape[: max(table.ndim - expected.ndim, 0)]
        same = set(first) <= {1} and onp.allclose(
            table, expected, rtol=1e-8, atol=1e-8, equal_nan=True
        )
        if not same or table.size != expected.size:
            raise ValueError(
                f"site {name!r} does not broadcast over enumerated values, which have axes to the"
                " left of the plates: index from the right, and do not sum over rows"
            )


def _frames(site: Site, table: Array, axes: dict[str, int], keep: Dims) -> frozenset[Frame]:
    """The plates of a site; an axis that no plate owns counts as one of its own."""
    shape = onp.shape(plain(table))
    frames = [frame for frame in site["plates"] if frame.dim not in keep]
    owned = {frame.dim for frame in frames} | set(axes.values()) | keep
    for dim in range(-1, -len(shape) - 1, -1):
        if dim not in owned and shape[dim] > 1:
            frames.append(Frame("", dim, shape[dim], shape[dim]))
    return frozenset(frames)


def _enumerated(table: Array, axes: dict[str, int]) -> list[int]:
    """The enumerated axes that a table really has."""
    shape = onp.shape(plain(table))
    return [dim for dim in axes.values() if len(shape) >= -dim and shape[dim] > 1]


def _logsumexp(table: Array, axis: int) -> Array:
    highest = onp.max(plain(table), axis=axis, keepdims=True)
    highest = onp.where(onp.isfinite(highest), highest, 0.0)
    return highest + np.log(np.sum(np.exp(table - highest), axis=axis, keepdims=True))


def _innermost(dist: Any) -> Any:
    """The distribution below `expand` and `to_event`."""
    while hasattr(dist, "base"):
        dist = dist.base
    return dist
