"""Typical answers to E9.5: a step of SVI, and the guide of the Gaussian model."""

from __future__ import annotations

from typing import Any

import numpy

from autograder.checks.bank import e9_guides as guides
from autograder.checks.bank import e9_steps as steps
from autograder.checks.bank.e9_steps import stepping
from autograder.checks.protocol import Right, Wrong
from vi_lib import ppl
from vi_lib.optimizers import adam

WRONG = (
    Wrong(
        "descends",
        stepping(sign=-1.0),
        "Your steps go downhill. We maximise the ELBO: add the increment (or turn the sign of "
        "both, never of one).",
    ),
    Wrong(
        "loss-returned",
        stepping(told=lambda value: -value),
        "The steps are right, the third result is minus the ELBO.",
    ),
    Wrong(
        "log-q-forgotten",
        stepping(elbo=steps.no_log_q),
        "Your objective is the mean log joint. What keeps q from shrinking to a point? "
        "ELBO = log joint of the model's trace minus that of the guide's.",
    ),
    Wrong(
        "log-q-added",
        stepping(elbo=steps.plus_log_q),
        "log q is subtracted: E[log p − log q].",
    ),
    Wrong(
        "prior-forgotten",
        stepping(elbo=steps.likelihood_only),
        "Your model's trace counts the data only. Its latent sites have a prior.",
    ),
    Wrong(
        "model-not-replayed",
        stepping(elbo=steps.not_replayed),
        "Model and guide draw values of their own, so the model is judged at other values than q. "
        "What is `replay` for?",
    ),
    Wrong(
        "starts-at-zero",
        stepping(first=steps.zeros),
        "With empty params you start at 0 on the real line. A parameter has a first value: the "
        "entry `init` of its site.",
    ),
    Wrong(
        "starts-at-the-values",
        stepping(first=steps.values),
        "The first values are on the parameters' own scales, `params` on the real line: take the "
        "entry `init`, not `value`.",
    ),
    Wrong(
        "values-returned",
        stepping(returned=steps.constrained),
        "What you return are the parameters' values. The next step, and `trace`, want them on the "
        "real line.",
    ),
    Wrong(
        "parameters-of-the-model-forgotten",
        stepping(first=steps.guide_only),
        "A model may have parameters too, such as a mean to be found by maximum likelihood. Look "
        "for them in both traces.",
    ),
    Wrong(
        "state-recreated",
        stepping(carried=False),
        "Your optimiser forgets everything after each step. Pass it the `opt_state` you were "
        "given, and return the new one.",
    ),
    Wrong(
        "same-noise-every-step",
        stepping(noise=lambda rng: numpy.random.default_rng(0)),
        "Other generators, the same estimate: your step makes a generator of its own. Use the "
        "`rng` you are given, and let it move on.",
    ),
    Wrong(
        "own-priors",
        stepping(model_for=steps.own_model),
        "You fit a model with priors of its own, not the one that is passed. The answer of CAVI "
        "belongs to the same model (with other priors nothing can be compared).",
    ),
    Wrong(
        "gamma-by-rejection",
        stepping(guide=guides.guide_of(guides.rejection)),
        "`rng.gamma(...)` rejects candidates until one fits: a draw is no smooth function of shape "
        "and rate, so half of the gradient is missing. Use a distribution whose `sample` can be "
        "differentiated.",
    ),
    Wrong(
        "normal-for-a-precision",
        stepping(guide=guides.guide_of(guides.normal_gamma)),
        "Your guide gives gamma a Gaussian, and a precision cannot be negative.",
    ),
    Wrong(
        "guide-without-parameters",
        stepping(guide=guides.guide_of(guides.constants)),
        "There is nothing to learn in your guide: its numbers are constants. Which of them should "
        "be a `param`?",
    ),
    Wrong(
        "other-site-names",
        stepping(guide=guides.guide_of(guides.sd_for_gamma)),
        "The model's sites are called mu and gamma; those of your guide are not.",
    ),
    Wrong(
        "data-in-the-guide",
        stepping(guide=guides.guide_of(guides.data_too)),
        "Your guide observes the data. It has to know them through its parameters alone.",
    ),
    Wrong(
        "steps-too-small",
        stepping(optimizer=adam(1e-3)),
        "All is right, but so slow: after 200 steps q has hardly left its start. What step size "
        "does Adam need to cross a distance of 2 in 200 steps?",
    ),
    Wrong(
        "two-results",
        stepping(results=lambda params, state, elbo: (params, elbo)),
        "Three things come back: the parameters, the optimiser's state, the ELBO.",
    ),
)


def _library_words() -> dict[str, Any]:
    return {n: getattr(ppl, n) for n in ("sample", "param", "plate", "trace", "replay")}


RIGHT = (
    Right("adam-and-shape-and-rate", stepping()),
    Right(
        "plain-ascent",
        stepping(optimizer=steps.plain_ascent, guide=guides.guide_of(guides.mean_and_shape)),
    ),
    Right("four-particles", stepping(particles=4, guide=guides.guide_of(guides.mean_and_shape))),
    Right(
        "log-normal-and-library-words",
        stepping(guide=guides.guide_of(guides.log_normal), words=_library_words()),
    ),
)
