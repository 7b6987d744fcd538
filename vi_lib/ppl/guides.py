"""Guides that write themselves, from one run of the model.

Each latent site theta of the model becomes a Gaussian zeta on the real line and theta = T⁻¹(zeta),
with the transform of its support: sites, shapes, supports and plates are the model's, so the result
is an ordinary guide. The first run of a guide looks at the model and keeps names and shapes.

`auto_normal` is mean-field. `auto_full_rank` has all correlations: with zeta = mu + L eps and L
lower triangular, the site i given those before it is Gaussian again, with mean
mu_i + Σ_{j<i} L_ij eps_j and factor L_ii, so the joint Gaussian is sampled site by site.
`auto_delta` is a point estimate.

Sources: Kucukelbir et al. (JMLR 2017), section 2, for both Gaussians; Bingham et al. (JMLR 2019)
for guides made from a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import lru_cache, partial
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, plain
from vi_lib.ppl._continuous import Gamma, Normal
from vi_lib.ppl._distribution import Distribution, Transformed
from vi_lib.ppl._multivariate import Delta, MultivariateNormal
from vi_lib.ppl._support import is_discrete
from vi_lib.ppl.checks import latent_sites
from vi_lib.ppl.handlers import Program, Site, prototype
from vi_lib.ppl.plates import plate
from vi_lib.ppl.primitives import param, sample
from vi_lib.transforms import for_support

INIT_SD = 0.1


def auto_normal(
    model: Program, init: Mapping[str, Any] | None = None, init_sd: float = INIT_SD
) -> Program:
    """Return the mean-field Gaussian guide of a model, on the real line.

    Its parameters are `<site>.loc` and `<site>.sd`; a site in a subsampled plate has one for each
    row of the whole plate.

    Args:
        model: The model; its latent sites must be continuous, or marked by `config_enumerate`.
        init: First medians by site, on the site's own scale; by default zeta = 0.
        init_sd: First standard deviation of zeta.

    Raises:
        ValueError: When it is run, naming the site, if one is discrete.
    """

    def q(site: Site, start: Array, rows: Rows) -> Distribution:
        loc = rows(param(f"{site['name']}.loc", start))
        sd = rows(param(f"{site['name']}.sd", onp.full(start.shape, init_sd), "positive"))
        return transformed(Normal(loc, sd).to_event(1), site, event_shape(site))

    return _automatic(model, q, init)


def auto_delta(model: Program, init: Mapping[str, Any] | None = None) -> Program:
    """Return the guide that puts all mass on one point: with it, `svi` finds the posterior mode.

    The mode is that of the density on the sites' own scales, without Jacobian. The parameters are
    `<site>.point`, on the real line.

    Args and errors as for `auto_normal`.
    """

    def q(site: Site, start: Array, rows: Rows) -> Distribution:
        zeta = rows(param(f"{site['name']}.point", start))
        base = Delta(zeta, 1)
        theta = transformed(base, site, event_shape(site)).theta(zeta)
        return Delta(theta, len(event_shape(site)))

    return _automatic(model, q, init)


def auto_full_rank(
    model: Program, init: Mapping[str, Any] | None = None, init_sd: float = INIT_SD
) -> Program:
    """Return the Gaussian guide with all correlations, on the real line.

    Its parameters are `auto.loc` (D,), `auto.sd` (D,), the diagonal of L, and `auto.lower`, what is
    below the diagonal, row by row. Pyro's name is AutoMultivariateNormal.

    Args and errors as for `auto_normal`; a ValueError also for latent sites in a subsampled plate.

    Raises:
        ValueError: When it is run, naming the site, if one is discrete or in a subsampled plate.
    """
    sites: dict[str, Site] = {}

    def guide(*args: Any, **kwargs: Any) -> None:
        if not sites:
            sites.update(_latent(model, args, kwargs))
        starts = {name: _start(site, init) for name, site in sites.items()}
        loc = param("auto.loc", onp.concatenate([onp.ravel(start) for start in starts.values()]))
        dim = onp.size(plain(loc))
        sd = param("auto.sd", onp.full(dim, init_sd), "positive")
        below = param("auto.lower", onp.zeros(dim * (dim - 1) // 2))
        L = np.reshape(np.dot(below, _strictly_lower(dim)), (dim, dim)) + sd[:, None] * onp.eye(dim)
        eps: list[Array] = []
        end = 0
        for name, site in sites.items():
            if site["scale"] != 1.0:
                raise ValueError(
                    f"site {name!r} is in a subsampled plate: correlations with rows that are left"
                    " out cannot be learned; use auto_normal"
                )
            here = slice(end, end + starts[name].size)
            mean, end = loc[here], here.stop
            if eps:
                mean = mean + np.dot(np.concatenate(eps, axis=-1), L[here, : here.start].T)
            base = MultivariateNormal(mean, L=L[here, here])
            rows = len(site["dist"].batch_shape)
            q = transformed(base, site, onp.shape(plain(site["value"])), held=rows)
            residual = q.zeta(sample(name, q)) - mean
            eps.append(np.dot(residual, np.linalg.inv(L[here, here]).T))

    return guide


def gaussian_gamma_guide(*args: Any) -> None:
    """q(mu, gamma) = N(mu; nu_q, prec=tau_q) Gamma(gamma; alpha_q, rate=beta_q).

    For models with the sites `mu` and `gamma`, the mean and the precision of a Gaussian; the
    family's best member is the answer of `vi_lib.cavi.cavi_gaussian_gamma`. The parameters are
    nu_q, tau_q, alpha_q and mean_q = alpha_q / beta_q: shape and mean can be learned apart from
    each other, while shape and rate lie on a ridge along which Adam creeps.
    """
    nu_q, tau_q = param("nu_q", 0.0), param("tau_q", 1.0, "positive")
    alpha_q, mean_q = param("alpha_q", 1.0, "positive"), param("mean_q", 1.0, "positive")
    sample("mu", Normal(nu_q, 1.0 / np.sqrt(tau_q)))
    sample("gamma", Gamma(alpha_q, alpha_q / mean_q))


def transformed(
    base: Distribution, site: Site, shape: tuple[int, ...], held: int = 0
) -> Transformed:
    """Return the distribution of theta = T⁻¹(zeta), zeta ~ base, for a site's support."""
    support = site["dist"].support
    return Transformed(base, for_support(support), support, shape, held)


def event_shape(site: Site) -> tuple[int, ...]:
    """Return the shape of one draw of a site, without the axes of its batch."""
    return onp.shape(plain(site["value"]))[len(site["dist"].batch_shape) :]


#: Given an array with a first axis for each row of the plates, return the rows of this run.
Rows = Callable[[Array], Array]


def _automatic(
    model: Program,
    q: Callable[[Site, Array, Rows], Distribution],
    init: Mapping[str, Any] | None,
) -> Program:
    """The guide with the distribution `q` at each site, in the plates of the model."""
    sites: dict[str, Site] = {}

    def guide(*args: Any, **kwargs: Any) -> None:
        if not sites:
            sites.update(_latent(model, args, kwargs))
        plates: dict[str, plate] = {}
        for name, site in sites.items():
            start = _start(site, init)
            with ExitStack() as stack:
                for frame in reversed(site["plates"]):
                    if frame.name not in plates:
                        plates[frame.name] = plate(frame.name, frame.size, frame.length, frame.dim)
                    stack.enter_context(plates[frame.name])
                sample(name, q(site, start, partial(_rows, site=site, plates=plates)))

    return guide


def _rows(values: Array, site: Site, plates: Mapping[str, plate]) -> Array:
    """The rows of the plates' subsamples, with all of a row's coordinates on one last axis."""
    batch = len(site["dist"].batch_shape)
    for frame in site["plates"]:
        if frame.length < frame.size:
            before = (slice(None),) * (batch + frame.dim)
            values = values[(*before, plates[frame.name].indices)]
    return np.reshape(values, (*np.shape(values)[:batch], -1))


def _latent(model: Program, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Site]:
    """Latent sites of a model that are not enumerated; all must be continuous."""
    sites = latent_sites(prototype(partial(model, **kwargs), args))
    sites = {name: site for name, site in sites.items() if not site["enumerate"]}
    for name, site in sites.items():
        if is_discrete(site["dist"].support):
            raise ValueError(
                f"site {name!r} is discrete and has no Gaussian guide: sum it out with"
                " config_enumerate(model), or write a guide with a discrete site (score function)"
            )
    if not sites:
        raise ValueError("the model has no continuous latent site: there is nothing to guide")
    return sites


def _start(site: Site, init: Mapping[str, Any] | None) -> Array:
    """First zeta of a site, with all rows of its plates."""
    transform = for_support(site["dist"].support)
    batch = list(site["dist"].batch_shape)
    with onp.errstate(all="ignore"):
        tail = onp.shape(transform.forward(plain(site["value"])))[len(batch) :]
    for frame in site["plates"]:
        batch[frame.dim] = frame.size
    start = onp.zeros((*batch, *tail))
    if init is None or site["name"] not in init:
        return start
    try:
        return start + transform.forward(onp.asarray(init[site["name"]], dtype=float))
    except ValueError as error:
        raise ValueError(f"init of site {site['name']!r}: {error}") from None


@lru_cache(maxsize=32)
def _strictly_lower(dim: int) -> Array:
    """The 0/1 matrix that places D (D - 1) / 2 numbers below the diagonal of a flat (D, D)."""
    rows, columns = onp.tril_indices(dim, -1)
    scatter = onp.zeros((rows.size, dim * dim))
    scatter[onp.arange(rows.size), rows * dim + columns] = 1.0
    return scatter
