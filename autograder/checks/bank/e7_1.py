"""Typical answers to E7.1: the transforms and the log |det J| of their inverses."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np
import numpy
from autograd import elementwise_grad

from autograder.checks.bank.transform_pieces import (
    FORMULAS,
    answer,
    interval,
    interval_slope,
    inverse_softplus,
    log_sigmoid,
    logit,
    same,
    sigmoid,
    softplus,
    with_slopes,
)
from autograder.checks.protocol import Right, Wrong


def _plain_numpy() -> dict[str, type]:
    return answer(
        Log=(numpy.log, numpy.exp, same),
        Softplus=(
            lambda y: y + numpy.log(-numpy.expm1(-y)),
            lambda x: numpy.logaddexp(0.0, x),
            lambda x: -numpy.logaddexp(0.0, -x),
        ),
    )


def _naive_sigmoid(x: Any) -> Any:
    return np.exp(x) / (1.0 + np.exp(x))


def _slope_in_theta(zeta: Any, a: float, b: float) -> Any:
    return np.log((zeta - a) * (b - zeta) / (b - a))


def _identity_of_one_number() -> type:
    class Identity:
        def forward(self, theta: Any) -> Any:
            return theta

        def inverse(self, zeta: Any) -> Any:
            return zeta

        def log_abs_det_jacobian(self, zeta: Any) -> Any:
            return 0.0

    return Identity


WRONG = (
    Wrong(
        "jacobian-sign",
        with_slopes(lambda slope: lambda *args: -slope(*args)),
        "Try your transform on any density of theta: does the density of zeta still integrate to "
        "1? You have log |d zeta / d theta|; the density of zeta needs log |d theta / d zeta|.",
    ),
    Wrong(
        "jacobian-of-forward",
        answer(
            Log=(np.log, np.exp, lambda z: -np.log(np.abs(z))),
            Softplus=(inverse_softplus, softplus, lambda z: -np.log(np.abs(np.expm1(-z)))),
            Logit=(
                logit,
                interval,
                lambda z, a, b: np.log(np.abs(1.0 / (z - a) + 1.0 / (b - z))),
            ),
        ),
        "You differentiated `forward` and put zeta into the result. Write theta as a function of "
        "zeta first, then take the slope of that function.",
    ),
    Wrong(
        "slope-in-theta",
        answer(Logit=(logit, interval, _slope_in_theta)),
        "The slope (theta - a) (b - theta) / (b - a) is right, as a function of theta. What "
        "`log_abs_det_jacobian` is given is zeta: put theta = inverse(zeta) into it, or write the "
        "slope in zeta.",
        also=(
            answer(
                Log=(np.log, np.exp, np.log),
                Softplus=(inverse_softplus, softplus, lambda z: np.log(-np.expm1(-z))),
                Logit=(logit, interval, _slope_in_theta),
            ),
        ),
    ),
    Wrong(
        "softplus-jacobian-is-zeta",
        answer(Softplus=(inverse_softplus, softplus, same)),
        "log |J| = zeta belongs to exp. What is the slope of log(1 + exp(zeta))? It is a sigmoid; "
        "take its log.",
    ),
    Wrong(
        "identity-is-log",
        answer(Identity=FORMULAS["Log"]),
        "What is the log of a negative number? A parameter that already lives on the whole real "
        "line must be left as it is: zeta = theta.",
    ),
    Wrong(
        "interval-width-forgotten",
        answer(
            Logit=(logit, interval, lambda z, a, b: log_sigmoid(z) + log_sigmoid(-z)),
        ),
        "A wider interval stretches theta more. Where is log(b - a) in your log |det J|?",
    ),
    Wrong(
        "interval-not-scaled",
        answer(
            Logit=(
                logit,
                lambda z, a, b: a + sigmoid(z),
                lambda z, a, b: log_sigmoid(z) + log_sigmoid(-z),
            ),
        ),
        "The sigmoid runs from 0 to 1. Does your `inverse` of `Logit(a, b)` reach b?",
    ),
    Wrong(
        "logit-slope-half",
        answer(Logit=(logit, interval, lambda z, a, b: np.log(b - a) + log_sigmoid(z))),
        "The slope of a sigmoid s is s (1 - s): it must fall off on both sides. Which factor is "
        "missing in your log |det J|?",
    ),
    Wrong(
        "forward-and-inverse-swapped",
        answer(
            Log=(np.exp, np.log, same),
            Softplus=(softplus, inverse_softplus, log_sigmoid),
            Logit=(interval, logit, interval_slope),
        ),
        "`forward` leads from theta to zeta, from the support to the real line. Can what you "
        "return there be negative?",
    ),
    Wrong(
        "softplus-forward-is-log",
        answer(Softplus=(np.log, softplus, log_sigmoid)),
        "log undoes exp. What undoes log(1 + exp(zeta))? Solve theta = log(1 + exp(zeta)) for "
        "zeta.",
    ),
    Wrong(
        "logit-upside-down",
        answer(Logit=(lambda t, a, b: np.log(b - t) - np.log(t - a), interval, interval_slope)),
        "`forward` of `Logit` falls where `inverse` rises. Where does it send a theta close to a?",
    ),
    Wrong(
        "bounds-forgotten-in-forward",
        answer(Logit=(lambda t, a, b: np.log(t) - np.log(1.0 - t), interval, interval_slope)),
        "log(theta / (1 - theta)) is for the unit interval. Which fraction of the way from a to b "
        "is theta?",
    ),
    Wrong(
        "mean-over-coordinates",
        answer(lambda slope: np.mean(slope, axis=-1)),
        "The determinant of a diagonal J is a product of D slopes. Is its log their mean, or "
        "their sum?",
    ),
    Wrong(
        "jacobian-without-log",
        answer(
            lambda slope: np.exp(np.sum(slope, axis=-1)),
        ),
        "You return |det J| itself. Log densities add, so the method returns its logarithm.",
    ),
    Wrong(
        "determinant-of-the-log",
        answer(lambda slope: np.prod(slope, axis=-1)),
        "J is diagonal, so det J is the product of the slopes. What is the log of a product? "
        "It is not the product of the logs (log |det J|, not det log J).",
    ),
    Wrong(
        "log-of-the-sum",
        answer(lambda slope: np.log(np.sum(np.exp(slope), axis=-1))),
        "J is diagonal: is its determinant the sum of the slopes, or their product?",
    ),
    Wrong(
        "identity-is-one-number",
        {**answer(), "Identity": _identity_of_one_number()},
        "The log |det J| of the identity is 0 for *each* row: (S, D) -> (S,), an array of zeros. "
        "You return a single 0.",
    ),
    Wrong(
        "not-summed",
        answer(same),
        "You return one number per coordinate. A row of zeta is one point with one determinant: "
        "sum over the last axis, (S, D) -> (S,).",
    ),
    Wrong(
        "summed-over-everything",
        answer(np.sum),
        "Each row of zeta is a point of its own. Sum over the last axis only, (S, D) -> (S,).",
    ),
    Wrong(
        "naive-softplus",
        answer(
            Softplus=(
                lambda y: np.log(np.exp(y) - 1.0),
                lambda x: np.log(1.0 + np.exp(x)),
                lambda z: np.log(1.0 / (1.0 + np.exp(-z))),
            )
        ),
        "Your formulas are right on paper, but exp(800) is not a floating point number. Which form "
        "of log(1 + exp(x)) never exponentiates a large number? See `np.logaddexp` and `np.expm1`.",
    ),
    Wrong(
        "naive-sigmoid",
        answer(
            Logit=(
                lambda t, a, b: np.log((t - a) / (b - t)),
                lambda z, a, b: a + (b - a) * _naive_sigmoid(z),
                lambda z, a, b: np.log((b - a) * _naive_sigmoid(z) * (1.0 - _naive_sigmoid(z))),
            ),
        ),
        "At zeta = 800 your sigmoid is inf / inf, and the log of a slope that has become 0 is "
        "-inf. Write log sigmoid(x) = -log(1 + exp(-x)) with `np.logaddexp`.",
    ),
    Wrong(
        "clipped",
        answer(
            Softplus=(
                inverse_softplus,
                lambda x: softplus(np.clip(x, -30.0, 30.0)),
                lambda z: log_sigmoid(np.clip(z, -30.0, 30.0)),
            ),
            Logit=(
                logit,
                lambda z, a, b: interval(np.clip(z, -30.0, 30.0), a, b),
                lambda z, a, b: interval_slope(np.clip(z, -30.0, 30.0), a, b),
            ),
        ),
        "Clipping keeps the numbers finite but makes the function flat outside: its gradient dies "
        "there. Use a form that is right everywhere.",
    ),
    Wrong(
        "log-of-an-underflowed-slope",
        answer(
            Softplus=(
                inverse_softplus,
                softplus,
                lambda z: np.log(elementwise_grad(softplus)(z)),
            ),
            Logit=(
                logit,
                interval,
                lambda z, a, b: np.log(elementwise_grad(lambda x: interval(x, a, b))(z)),
            ),
        ),
        "At zeta = -800 your log |det J| is -inf; the right value is -800. A slope of exp(-800) "
        "becomes 0, and exp(800) overflows, before the log is taken: write down the log of the "
        "slope itself, with `np.logaddexp`.",
    ),
    Wrong(
        "sigmoid-as-a-quotient",
        answer(
            Logit=(
                logit,
                lambda z, a, b: a + (b - a) / (1.0 + np.exp(-z)),
                interval_slope,
            )
        ),
        "The values are right, but the gradient of 1 / (1 + exp(800)) is inf / inf, and ADVI would "
        "stop with `nan`. The exponential of a stable log sigmoid has a finite gradient.",
    ),
)


def _by_cases(x: Any) -> Any:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _rows_by_loop(log_slope: Any) -> Any:
    if np.ndim(log_slope) == 1:
        return sum(log_slope[d] for d in range(len(log_slope)))
    return np.array([_rows_by_loop(row) for row in log_slope])


class _KeywordLogit:
    def __init__(self, a: float = 0.0, b: float = 1.0) -> None:
        self.low, self.width = float(a), float(b) - float(a)

    def forward(self, theta: Any) -> Any:
        u = (theta - self.low) / self.width
        return np.log(u) - np.log1p(-u)

    def inverse(self, zeta: Any) -> Any:
        return self.low + self.width * 0.5 * (1.0 + np.tanh(0.5 * zeta))

    def log_abs_det_jacobian(self, zeta: Any) -> Any:
        size = np.abs(zeta)
        return (np.log(self.width) - size - 2.0 * np.log1p(np.exp(-size))).sum(axis=-1)


RIGHT = (
    Right(
        "max-plus-log1p",
        answer(
            Softplus=(
                lambda y: np.where(y > 30.0, y, np.log(np.expm1(np.where(y > 30.0, 1.0, y)))),
                _by_cases,
                lambda z: z - _by_cases(z),
            )
        ),
    ),
    Right("loop-over-rows", answer(_rows_by_loop)),
    Right("plain-numpy", _plain_numpy()),
    Right("tanh-and-abs", {**answer(), "Logit": _KeywordLogit}),
    Right(
        "einsum-and-zeros",
        answer(
            lambda slope: np.einsum("...d->...", slope),
            Identity=(same, same, lambda zeta: np.zeros(np.shape(zeta))),
        ),
    ),
)
