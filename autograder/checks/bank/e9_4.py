"""Typical answers to E9.4: a guide that writes itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy

from autograder.checks.bank.e9_words import Hook, latents, layer, plain
from autograder.checks.protocol import Right, Wrong
from vi_lib import ppl
from vi_lib.transforms import Softplus, for_support


def normal(z: Any, loc: Any, sd: Any) -> Any:
    return -0.5 * ((z - loc) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2.0 * np.pi)


def jacobian(transform: Any, zeta: Any) -> Any:
    """Log d theta / d zeta, entry by entry."""
    return transform.log_abs_det_jacobian(np.reshape(zeta, (*np.shape(zeta), 1)))


@dataclass
class Pushed:
    """theta = T⁻¹(zeta), zeta ~ N(loc, sd), entry by entry."""

    loc: Any
    sd: Any
    transform: Any
    support: Any
    slope: Hook = jacobian

    def sample(self, rng: Any) -> Any:
        """Draw zeta and map it."""
        eps = rng.standard_normal(numpy.shape(plain(self.loc)))
        return self.transform.inverse(self.loc + self.sd * eps)

    def log_prob(self, v: Any) -> Any:
        """Return log q(zeta) minus the log of the slope, entry by entry."""
        zeta = self.transform.forward(v)
        return normal(zeta, self.loc, self.sd) - self.slope(self.transform, zeta)


def _loc_and_sd(words: dict[str, Any], name: str, shape: Any) -> tuple[Any, Any]:
    loc = words["param"](f"{name}.loc", numpy.zeros(shape))
    return loc, words["param"](f"{name}.sd", numpy.full(shape, 0.1), "positive")


def _samples(trace: Any) -> Any:
    return {name: site for name, site in trace.items() if site["type"] == "sample"}


def automatic(
    *,
    which: Callable[[Any], Any] = latents,
    shape: Hook = lambda site: numpy.shape(plain(site["value"])),
    params: Hook = _loc_and_sd,
    transform: Hook = for_support,
    dist: Hook = lambda loc, sd, t, site: Pushed(loc, sd, t, site["dist"].support),
    in_plates: bool = True,
    words: dict[str, Any] | None = None,
) -> dict[str, Any]:
    words = layer() if words is None else words

    def auto_normal(model: Any) -> Any:
        def guide(*args: Any) -> None:
            sites = which(words["trace"](model, numpy.random.default_rng(0))(*args))
            for name, site in sites.items():
                loc, sd = params(words, name, shape(site))
                q = dist(loc, sd, transform(site["dist"].support), site)
                with ExitStack() as stack:
                    for plate in reversed(site["plates"] if in_plates else ()):
                        stack.enter_context(words["plate"](*plate))
                    words["sample"](name, q)

        return guide

    return {**words, "auto_normal": auto_normal}


def _pushed(**changed: Any) -> dict[str, Any]:
    return automatic(
        dist=lambda loc, sd, t, site: Pushed(loc, sd, t, site["dist"].support, **changed)
    )


def _signed_sd(words: dict[str, Any], name: str, shape: Any) -> tuple[Any, Any]:
    param = words["param"]
    return param(f"{name}.loc", numpy.zeros(shape)), param(f"{name}.sd", numpy.full(shape, 0.1))


def _far(words: dict[str, Any], name: str, shape: Any) -> tuple[Any, Any]:
    param = words["param"]
    loc = param(f"{name}.loc", numpy.full(shape, 25.0))
    return loc, param(f"{name}.sd", numpy.full(shape, 0.1), "positive")


def _wide(words: dict[str, Any], name: str, shape: Any) -> tuple[Any, Any]:
    param = words["param"]
    loc = param(f"{name}.loc", numpy.zeros(shape))
    return loc, param(f"{name}.sd", numpy.full(shape, 50.0), "positive")


def _without_name(words: dict[str, Any], name: str, shape: Any) -> tuple[Any, Any]:
    return _loc_and_sd(words, "q", shape)


def _sd_fixed(words: dict[str, Any], name: str, shape: Any) -> tuple[Any, Any]:
    return words["param"](f"{name}.loc", numpy.zeros(shape)), numpy.full(shape, 0.1)


def _untransformed(support: Any) -> Any:
    return for_support("real")


def _always_log(support: Any) -> Any:
    return for_support("positive")


class _Point:
    """All mass at loc: no noise, and a log q of 0."""

    def __init__(self, loc: Any, transform: Any, support: Any) -> None:
        self.loc, self.transform, self.support = loc, transform, support

    def sample(self, rng: Any) -> Any:
        return self.transform.inverse(self.loc)

    def log_prob(self, v: Any) -> Any:
        return 0.0 * v


WRONG = (
    Wrong(
        "no-jacobian",
        _pushed(slope=lambda transform, zeta: 0.0),
        "Your site says how dense *zeta* is. A density of theta integrates to 1 over theta: which "
        "term of E7.2 is missing?",
    ),
    Wrong(
        "jacobian-sign",
        _pushed(slope=lambda transform, zeta: -jacobian(transform, zeta)),
        "log q(theta) = log q(zeta) ∓ log |d theta / d zeta|. Where theta is stretched, is it less "
        "dense or more?",
    ),
    Wrong(
        "sd-may-become-negative",
        automatic(params=_signed_sd),
        "Nothing keeps your sd above 0: a gradient step may take it below. What does the third "
        "argument of `param` do?",
    ),
    Wrong(
        "starts-far-out",
        automatic(params=_far),
        "Your guide starts so far out that the first gradients say nothing. Start near zeta = 0, "
        "with an sd of about 0.1.",
        also=(automatic(params=_wide),),
    ),
    Wrong(
        "data-in-the-guide",
        automatic(which=_samples),
        "Your guide samples the observed sites too. What would E9.3 say to that?",
    ),
    Wrong(
        "plates-forgotten",
        automatic(in_plates=False),
        "In the model a row of a subsample counts N / B times. Does it in your guide? Otherwise "
        "the entropy of q weighs less than the log joint it belongs to.",
    ),
    Wrong(
        "no-transform",
        automatic(transform=_untransformed),
        "A Gaussian for a precision gives negative values. Which transform belongs to the site's "
        "support?",
    ),
    Wrong(
        "log-for-every-site",
        automatic(transform=_always_log),
        "Not every site is positive. Ask each site's distribution for its `support`.",
    ),
    Wrong(
        "one-number-for-a-vector",
        automatic(shape=lambda site: ()),
        "A site of the model is a vector, your guide gives it one number. Which shape do loc and "
        "sd need?",
    ),
    Wrong(
        "parameters-share-a-name",
        automatic(params=_without_name),
        "All sites ask for the same parameter, and so they share one loc and one sd. Put the "
        "site's name into the parameter's.",
    ),
    Wrong(
        "sd-not-learned",
        automatic(params=_sd_fixed),
        "Your sds stay at their first value whatever the data: they are no `param`.",
    ),
    Wrong(
        "prior-as-guide",
        automatic(dist=lambda loc, sd, t, site: site["dist"]),
        "Your guide samples from the model's own prior, and nothing in it can be learned. Where do "
        "loc and sd come in?",
    ),
    Wrong(
        "a-point-and-no-spread",
        automatic(dist=lambda loc, sd, t, site: _Point(loc, t, site["dist"].support)),
        "Your guide has no spread at all: the same value in every run. That gives a mode, no "
        "posterior.",
    ),
)


def _softplus(support: Any) -> Any:
    return Softplus() if support == "positive" else for_support(support)


def _log_sd(words: dict[str, Any], name: str, shape: Any) -> tuple[Any, Any]:
    loc = words["param"](f"{name}_mu", numpy.full(shape, 0.2))
    return loc, np.exp(words["param"](f"{name}_log_sd", numpy.full(shape, -1.5)))


def _library_words() -> dict[str, Any]:
    words = {name: getattr(ppl, name) for name in ("sample", "param", "trace", "block")}

    def auto_normal(model: Any) -> Any:
        sites: dict[str, Any] = {}

        def guide(*args: Any) -> None:
            if not sites:
                hidden = ppl.block(ppl.trace(model, numpy.random.default_rng(1)))
                sites.update(latents(hidden(*args)))
            for name, site in sites.items():
                loc, sd = _loc_and_sd(words, name, numpy.shape(site["value"]))
                support = site["dist"].support
                with ExitStack() as stack:
                    for frame in site["plates"]:
                        stack.enter_context(ppl.plate(frame.name, frame.size, frame.length))
                    words["sample"](name, _Rows(loc, sd, for_support(support), support))

        return guide

    return {**words, "plate": ppl.plate, "auto_normal": auto_normal}


class _Rows(Pushed):
    """`Pushed` with the two members that the library's plates and checks ask for."""

    event_dim = 0
    pathwise = True

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return numpy.shape(plain(self.loc))

    def expand(self, shape: tuple[int, ...]) -> Any:
        assert tuple(shape) == self.batch_shape
        return self


RIGHT = (
    Right("own-distribution", automatic()),
    Right("softplus", automatic(transform=_softplus)),
    Right("log-sd-and-another-start", automatic(params=_log_sd)),
    Right("library-words", _library_words()),
)
