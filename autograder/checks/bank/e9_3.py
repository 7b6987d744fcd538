"""Typical answers to E9.3: does a guide fit its model?"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy

from autograder.checks.bank.e9_languages import one_recorder_at_a_time
from autograder.checks.bank.e9_words import latents, layer
from autograder.checks.protocol import Right, Wrong

Names = Callable[[Any], Any]


def _shape(site: Any) -> tuple[int, ...]:
    return numpy.shape(site["value"])


def _raise(problems: list[str]) -> None:
    if problems:
        raise ValueError("the guide does not fit: " + "; ".join(problems))


def checker(
    *,
    missing: bool = True,
    extra: bool = True,
    observed: bool = True,
    shapes: bool = True,
    of_model: Names = latents,
    of_guide: Names = latents,
    more: Callable[[Any, Any], list[str]] = lambda model, guide: [],
    end: Callable[[list[str]], Any] = _raise,
    plates_are_sites: bool = True,
) -> dict[str, Any]:
    words = layer({"plates_are_sites": plates_are_sites})

    def check_guide(model: Any, guide: Any, *args: Any) -> Any:
        rng = numpy.random.default_rng(0)
        theirs, ours = words["trace"](model, rng)(*args), words["trace"](guide, rng)(*args)
        wanted, given = of_model(theirs), of_guide(ours)
        problems = []
        if missing:
            problems += [f"{name} is missing" for name in wanted if name not in given]
        if extra:
            problems += [f"{name} is not in the model" for name in given if name not in wanted]
        if observed:
            seen = [n for n, s in ours.items() if s["type"] == "sample" and s["observed"]]
            problems += [f"{name} is observed in the guide" for name in seen]
        if shapes:
            both = [name for name in wanted if name in given]
            problems += [f"{n}: shapes" for n in both if _shape(wanted[n]) != _shape(given[n])]
        return end(problems + more(theirs, ours))

    return {**words, "check_guide": check_guide}


def _nameless(problems: list[str]) -> None:
    if problems:
        raise ValueError("the guide does not fit the model")


def _first_only(problems: list[str]) -> None:
    _raise(problems[:1])


def _assertion(problems: list[str]) -> None:
    assert not problems, "; ".join(problems)


def _samples(trace: Any) -> Any:
    return {name: site for name, site in trace.items() if site["type"] == "sample"}


def _not_observed(trace: Any) -> Any:
    return {name: s for name, s in trace.items() if not s["observed"] and s["type"] != "plate"}


def _no_params(trace: Any) -> Any:
    return {name: s for name, s in trace.items() if not s["observed"] and s["type"] != "param"}


def _order(model: Any, guide: Any) -> list[str]:
    wanted, given = list(latents(model)), list(latents(guide))
    return [] if wanted == given else [f"the order is {given} and should be {wanted}"]


def _distributions(model: Any, guide: Any) -> list[str]:
    wanted, given = latents(model), latents(guide)
    kinds = {n: type(s["dist"]).__name__ for n, s in wanted.items()}
    return [
        f"{n} should be a {kind}"
        for n, kind in kinds.items()
        if n in given and type(given[n]["dist"]).__name__ != kind
    ]


def _without_arguments() -> dict[str, Any]:
    found = checker()
    return {**found, "check_guide": lambda model, guide, *args: found["check_guide"](model, guide)}


def _data_kept(trace: Any) -> Any:
    return {n: s for n, s in _samples(trace).items()}


WRONG = (
    Wrong(
        "only-missing-reported",
        checker(extra=False),
        "A guide that samples a site which the model does not have: what does its log q enter for? "
        "Report those as well.",
        also=(checker(extra=False, observed=False, shapes=False),),
    ),
    Wrong(
        "only-extra-reported",
        checker(missing=False),
        "A latent site that the guide forgets would silently keep its prior. That is the mistake "
        "to catch above all.",
    ),
    Wrong(
        "first-problem-only",
        checker(end=_first_only),
        "One site is missing and another is too many, and your message names one of them. Collect "
        "all problems first, then raise.",
    ),
    Wrong(
        "error-without-the-name",
        checker(end=_nameless),
        "Your error says that something is wrong, but not with which site.",
    ),
    Wrong(
        "another-error",
        checker(end=_assertion),
        "The problem is found and named. Asked for is a ValueError, which, other than an `assert`, "
        "is raised under `python -O` too.",
    ),
    Wrong(
        "returned-instead-of-raised",
        checker(end=lambda problems: not problems),
        "Who looks at the returned value? A guide that does not fit must stop the run: raise.",
        also=(
            checker(end=lambda problems: None),
            checker(end=lambda problems: problems),
        ),
    ),
    Wrong(
        "order-compared",
        checker(more=_order),
        "A guide that samples the same sites in another order is fine: names are a set.",
    ),
    Wrong(
        "params-counted-as-sites",
        checker(of_guide=_not_observed),
        "You complain about the guide's parameters. They are not random: which `type` has to be "
        "compared?",
        also=(checker(of_guide=_not_observed, of_model=_not_observed),),
    ),
    Wrong(
        "plates-counted-as-sites",
        checker(of_guide=_no_params, of_model=_no_params),
        "The model's plate is no random variable; a guide may do without it. Which `type` has to "
        "be compared?",
    ),
    Wrong(
        "data-demanded-of-the-guide",
        checker(of_model=_samples),
        "You ask the guide to sample the observed sites too. Only what is latent in the model "
        "needs a q.",
    ),
    Wrong(
        "observed-in-the-guide-accepted",
        checker(observed=False),
        "A guide that observes something has seen the data twice: in the model and in q. Refuse "
        "it.",
        also=(checker(observed=False, of_guide=_data_kept),),
    ),
    Wrong(
        "shapes-not-compared",
        checker(shapes=False),
        "The guide gives one number where the model wants three. Broadcasting would hide it: "
        "compare the shapes of the values.",
    ),
    Wrong(
        "same-distribution-demanded",
        checker(more=_distributions),
        "You ask for the same distribution as in the model. A guide is free to use another one: "
        "that is what it is for.",
    ),
    Wrong(
        "arguments-not-passed-on",
        _without_arguments(),
        "Model and guide have the same arguments: `check_guide(model, guide, *args)` passes them "
        "on to both.",
    ),
)


def _warned(problems: list[str]) -> bool:
    for problem in problems:
        warnings.warn(problem, UserWarning, stacklevel=2)
    if problems:
        raise ValueError(" AND ".join(problems))
    return True


def _sets() -> dict[str, Any]:
    words = one_recorder_at_a_time()

    def check_guide(model: Any, guide: Any, *args: Any) -> None:
        run = [words["trace"](fn, numpy.random.default_rng(7))(*args) for fn in (model, guide)]
        kinds = [
            {(n, numpy.shape(s.value), s.observed) for n, s in t.items() if s.type == "sample"}
            for t in run
        ]
        bad = {site for site in kinds[1] if site[2]}
        difference = {s for s in kinds[0] ^ kinds[1] if not s[2]} | bad
        if difference:
            raise ValueError(f"no match: {sorted(difference)}")

    return {**words, "check_guide": check_guide}


RIGHT = (
    Right("all-problems-in-one-list", checker()),
    Right("warnings-and-an-error", checker(end=_warned)),
    Right("sets", _sets()),
    Right("plates-are-no-sites", checker(plates_are_sites=False)),
)
