"""Typical answers to E9.2: the log joint of a trace, and replaying a program."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np

from autograder.checks.bank.e9_languages import one_recorder_at_a_time
from autograder.checks.bank.e9_words import Hook, changed_replay, latents, layer, takes, total
from autograder.checks.protocol import Right, Wrong
from vi_lib import ppl


def _observed_too(source: Any, message: Any) -> bool:
    name = message["name"]
    return name in source and source[name]["type"] == message["type"] != "param"


def _or_key_error(source: Any, message: Any) -> bool:
    if message["type"] != "sample" or message["observed"]:
        return False
    return bool(source[message["name"]]) or True


def _or_zero(source: Any, message: Any) -> bool:
    if message["type"] == "sample" and not message["observed"] and message["name"] not in source:
        message["value"] = 0.0
    return takes(source, message)


def _everything(message: Any, site: Any) -> None:
    message.update({key: site[key] for key in ("value", "dist", "scale")})


def _becomes_observed(message: Any, site: Any) -> None:
    message.update(value=site["value"], observed=True)


def _adds_the_rest(words: dict[str, Any], replay: Hook) -> Hook:
    def wrong(fn: Any, trace: Any) -> Any:
        def run(*args: Any) -> Any:
            said: list[str] = []
            with_names = replay(fn, trace)
            result = with_names(*args)
            recorded = words["trace"](fn, _generator())(*args)
            said += list(recorded)
            for name, site in trace.items():
                if name not in said:
                    words["sample"](name, site["dist"], obs=site["value"])
            return result

        return run

    return wrong


def _generator() -> Any:
    import numpy

    return numpy.random.default_rng(0)


def _at_once(words: dict[str, Any], replay: Hook) -> Hook:
    return lambda fn, trace: {**trace}


def _uses_up(message: Any, site: Any) -> None:
    message["value"] = site["value"]
    site["value"] = None


def _in_order(words: dict[str, Any], replay: Hook) -> Hook:
    def wrong(fn: Any, trace: Any) -> Any:
        def run(*args: Any) -> Any:
            recorded = latents(words["trace"](fn, _generator())(*args))
            values = [site["value"] for site in latents(trace).values()]
            renamed = {
                name: {**site, "value": value}
                for (name, site), value in zip(recorded.items(), values, strict=False)
            }
            return replay(fn, renamed)(*args)

        return run

    return wrong


WRONG = (
    Wrong(
        "data-left-out",
        layer(log_joint=lambda trace: total(latents(trace))),
        "Your sum has the prior only. Which sites make it the log of the *joint* density?",
    ),
    Wrong(
        "scale-ignored",
        layer(log_joint=lambda trace: total(trace, weight=lambda site: 1.0)),
        "Rows of a subsample stand for more than themselves. Which entry of a site says how much "
        "it counts?",
    ),
    Wrong(
        "scale-divided",
        layer(log_joint=lambda trace: total(trace, weight=lambda site: 1.0 / site["scale"])),
        "A subsample of 3 of 12 rows: should it weigh 4 or 1/4 times what it says?",
    ),
    Wrong(
        "mean-over-rows",
        layer(log_joint=lambda trace: total(trace, reduce=np.mean)),
        "Independent rows: their log probabilities add. Where does the mean come from?",
    ),
    Wrong(
        "product-of-log-probabilities",
        layer(
            log_joint=lambda trace: np.prod(
                np.array(
                    [
                        s["scale"] * np.sum(s["log_prob"])
                        for s in trace.values()
                        if s["type"] == "sample"
                    ]
                )
            )
        ),
        "Probabilities are multiplied. What happens to their logarithms?",
    ),
    Wrong(
        "joint-without-log",
        layer(log_joint=lambda trace: np.exp(total(trace))),
        "You return the joint density. Asked is its logarithm, which does not underflow.",
    ),
    Wrong(
        "loss-returned",
        layer(log_joint=lambda trace: -total(trace)),
        "Right but for the sign: a log joint, not a loss.",
    ),
    Wrong(
        "replay-draws-anew",
        layer(takes=lambda source, message: False),
        "The replayed program does not care about the trace: its latent sites have fresh values. "
        "Before a site draws, look it up.",
    ),
    Wrong(
        "observed-sites-replayed",
        layer(takes=_observed_too),
        "On new data your replayed program still has the old ones. A site with `obs` keeps its "
        "`obs`: which sites may take a value from the trace?",
    ),
    Wrong(
        "whole-site-copied",
        layer(copy=_everything),
        "You copy more than the value. The model has to say how probable *it* finds that value: "
        "with its own distribution, not with that of the guide.",
    ),
    Wrong(
        "replayed-sites-observed",
        layer(copy=_becomes_observed),
        "A replayed site is still a latent one, `observed` is False: nobody has seen it.",
    ),
    Wrong(
        "unknown-site-is-an-error",
        layer(takes=_or_key_error),
        "A latent site that the trace does not have: it is drawn, as without `replay`. Predictions "
        "for new data need that. Yours raises an error.",
    ),
    Wrong(
        "unknown-site-is-zero",
        layer(takes=_or_zero),
        "A latent site that the trace does not have gets the value 0. Draw it instead.",
    ),
    Wrong(
        "sites-of-the-trace-added",
        changed_replay(_adds_the_rest),
        "There are sites in your replayed trace which the program never said. A replayed program "
        "says the same words as before; only values are taken over.",
    ),
    Wrong(
        "values-in-order",
        changed_replay(_in_order),
        "You hand out the trace's values in order. A guide may sample in another order than its "
        "model: go by the names.",
    ),
    Wrong(
        "replay-returns-a-trace",
        changed_replay(_at_once),
        "`replay(fn, trace)` returns a *program*: a function that can be called, or traced again.",
    ),
    Wrong(
        "trace-used-up",
        layer(copy=_uses_up),
        "After your replay the trace that was given is no longer what it was. Read from it, and "
        "leave it alone.",
    ),
)


def _library_words(replay: Hook) -> dict[str, Any]:
    """The library's words, allowed where they are not asked for, and an own replay."""
    return {
        **{name: getattr(ppl, name) for name in ("sample", "param", "plate", "trace")},
        "replay": replay,
        "log_joint": _recomputed,
    }


def _recomputed(trace: Any) -> Any:
    value = 0.0
    for site in trace.values():
        if site["dist"] is not None:
            value = value + site["scale"] * np.sum(site["dist"].log_prob(site["value"]))
    return value


def _with_their_handler(fn: Any, trace: Any) -> Any:
    known = {n: site["value"] for n, site in latents(trace).items()}

    def process(message: Any) -> None:
        if message["value"] is None:
            message["value"] = known.get(message["name"])

    return ppl.Handler(fn, process)


RIGHT = (
    Right("handlers", layer()),
    Right("objects-and-one-recorder", one_recorder_at_a_time()),
    Right("library-words-and-own-replay", _library_words(_with_their_handler)),
    Right("log-joint-recomputed", layer(log_joint=_recomputed)),
)
