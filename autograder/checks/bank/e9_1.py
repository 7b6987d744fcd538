"""Typical answers to E9.1: the words of the language and the handler that records them."""

from __future__ import annotations

from typing import Any

import numpy

from autograder.checks.bank.e9_languages import classes, one_recorder_at_a_time
from autograder.checks.bank.e9_words import anew, draw, words
from autograder.checks.protocol import Right, Wrong


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


RIGHT = (
    Right("messages-and-a-stack", words()),
    Right("one-recorder-at-a-time", one_recorder_at_a_time()),
    Right("classes-and-softplus", classes()),
    Right("plates-are-no-sites", words(plates_are_sites=False)),
)
