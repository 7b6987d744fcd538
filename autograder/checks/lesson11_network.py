"""Checks of E11.5: `init_vae`, `mlp_decoder`, `count_parameters`, and a training run.

Which networks, which optimiser and which batches is the answer's business; a training run is judged
by where it ends, on images it has not seen. The layers' names and shapes are agreed on, so the
library can evaluate the parameters that come back, with tanh or with ReLU.

Where the training run's rate of false alarms comes from. An answer passes if one of three runs
ends above `GOAL`. Each run has digits, weights, batches and noise of its own, so the three are
independent. Measured, each run with a split of its own: of 300 runs of the bank's first right
answer (tanh, Adam 0.01, batches of 100) none missed, mean -22.53, sd 0.26, lowest -23.24; of 200
with ReLU and wide weights none, mean -21.90, sd 0.32, lowest -23.17. So, at 95 % confidence, such
a run misses with a probability below 3/300 = 1 %, and three in a row below 1e-6. Stated is
3.4e-6, which leaves room for right answers that miss in 1.5 % of their runs.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np

from autograder.checks.compare import Mismatch, array, close, number, require
from autograder.checks.lesson11_elbo import network
from autograder.checks.lesson11_terms import images
from autograder.checks.protocol import Part, Recorder, Unanswered
from autograder.checks.values import generator
from vi_lib import amortised, datasets
from vi_lib.amortised.mlp import mlp_shapes

Array = Any
Rng = np.random.Generator

SIZES, NUM_STEPS = (64, 32, 2), 300
NUM_TRAIN, NUM_TEST = 1000, 400
GOAL = -23.5
FIT_SEEDS = 3
ACTIVATIONS = (anp.tanh, amortised.relu)

_OWN_DECODER = ("vi_lib.amortised.vae:mlp_decoder", "vi_lib.amortised.mlp:mlp")
"""Forbidden inside `mlp_decoder` alone: a training run may well use the library's ELBO."""


def layers(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of all parameters of a VAE."""
    *encoder, latent = sizes
    return {
        **mlp_shapes((*encoder, 2 * latent), "enc_"),
        **mlp_shapes(tuple(reversed(tuple(sizes))), "dec_"),
    }


def _seed(rng: Rng) -> int:
    return int(rng.integers(2**31))


def _parameters(found: Any, sizes: Sequence[int], what: str) -> dict[str, Array]:
    """The parameters as finite arrays of the agreed names and shapes."""
    want = layers(sizes)
    if not isinstance(found, dict):
        raise Mismatch(f"{what}: expected a dict of arrays, got {type(found).__name__}.", got=found)
    if set(found) != set(want):
        raise Mismatch(
            f"{what}: expected the names {', '.join(want)}, got {', '.join(found) or 'none'}.",
            got=found,
        )
    params = {}
    for name, shape in want.items():
        value = array(found[name], f"{what}, `{name}`")
        if value.shape != shape:
            raise Mismatch(
                f"{what}, `{name}`: expected shape {shape}, got {value.shape}.",
                got=found,
                name="one-bias-a-layer" if "_b" in name and value.size == 1 else None,
            )
        params[name] = value.astype(float)
        if not np.isfinite(params[name]).all():
            raise Mismatch(
                f"{what}, `{name}`: expected finite numbers, got some that are not.",
                name="not-finite",
            )
    return params


def _initial(answer: Recorder, rng: Rng) -> None:
    for sizes in ((12, 5, 2), (20, 9, 6, 3)):
        what = f"`init_vae({sizes}, rng)`"
        first, other = _seed(rng), _seed(rng)
        params = _parameters(answer.call("init_vae", sizes, generator(first)), sizes, what)
        for name, value in params.items():
            if "W" in name and np.ptp(value) == 0.0:
                raise Mismatch(
                    f"{what}, `{name}`: expected different random weights, got "
                    f"{value.flat[0]:g} everywhere.",
                    got=params,
                )
        again = _parameters(answer.call("init_vae", sizes, generator(first)), sizes, what)
        changed = _parameters(answer.call("init_vae", sizes, generator(other)), sizes, what)
        weights = [name for name in params if "W" in name]
        require(
            all(np.array_equal(params[name], again[name]) for name in params),
            f"{what}: expected the same weights from two generators of one seed, got others: "
            "draw them from the `rng` you are given.",
        )
        require(
            not any(np.array_equal(params[name], changed[name]) for name in weights),
            f"{what}: expected other weights from a generator of another seed, got the same: "
            "draw them from the `rng` you are given.",
        )


def _deep_decoder(rng: Rng, sizes: Sequence[int]) -> dict[str, Array]:
    """A decoder (latent, ..., pixels) beside an encoder that it has no use for."""
    decoder = {
        name: rng.uniform(0.2, 0.7, shape) * rng.choice([-1.0, 1.0], shape)
        for name, shape in mlp_shapes(sizes, "dec_").items()
    }
    encoder = network(rng, latent=sizes[0])
    return {**{name: v for name, v in encoder.items() if "enc" in name}, **decoder}


def _decoder(answer: Recorder, rng: Rng) -> None:
    """One hidden layer, two, and none; one non-linearity throughout."""
    if answer.watch:
        answer.watch = (*answer.watch, *_OWN_DECODER)
    cases = []
    for sizes in ((2, 5, 9), (3, 4, 6, 8), (2, 7)):
        cases.append((_deep_decoder(rng, sizes), rng.normal(0.0, 1.2, (4, sizes[0]))))
    draws = rng.normal(0.0, 1.2, (3, 4, 2))
    cases.append((cases[0][0], draws))
    what = (
        "one hidden layer",
        "two hidden layers",
        "no hidden layer",
        "draws z of shape (3, 4, 2)",
    )
    found = [answer.call("mlp_decoder", *given) for given in cases]

    def compare(activation: Any) -> None:
        for name, (params, z), got in zip(what, cases, found, strict=True):
            want = amortised.mlp_decoder(params, z, activation)
            close(got, want, f"the logits of a decoder with {name}")

    try:
        compare(anp.tanh)
    except Mismatch as error:
        try:
            compare(amortised.relu)
        except Mismatch:
            raise error from None


def _count(answer: Recorder, rng: Rng) -> None:
    for sizes in ((9, 6, 2), (30, 16, 8, 3)):
        params = amortised.init_vae(sizes, rng)
        got = number(answer.call("count_parameters", params), "the number of parameters")
        what = f"the number of parameters of a VAE of sizes {sizes}"
        close(got, amortised.count_parameters(params), what)


def _short_run(answer: Recorder, rng: Rng) -> None:
    x, sizes = images(rng, 30, 8), (8, 5, 2)
    first, other = _seed(rng), _seed(rng)
    what = "`train_vae(x, (8, 5, 2), 4, rng)`"
    runs = [
        _parameters(answer.call("train_vae", x, sizes, 4, generator(seed)), sizes, what)
        for seed in (first, first, other)
    ]
    for name in runs[0]:
        require(
            np.array_equal(runs[0][name], runs[1][name]),
            f"{what}, `{name}`: expected the same result from two generators of one seed, got "
            "others: draw everything from the `rng` you are given.",
        )
    require(
        not np.array_equal(runs[0]["dec_W1"], runs[2]["dec_W1"]),
        f"{what}: expected another result from a generator of another seed, got the same: draw "
        "weights, batches and noise from the `rng` you are given.",
    )


@functools.cache
def _digits() -> Array:
    return amortised.binarise(datasets.load("digits")["X"])


def split(rng: Rng) -> tuple[Array, Array]:
    """Digits to train with and others to test with."""
    order = rng.permutation(len(_digits()))
    return _digits()[order[:NUM_TRAIN]], _digits()[order[-NUM_TEST:]]


def _training(answer: Recorder, rng: Rng) -> None:
    """Pass if one of three runs reaches the goal; the last call is short, to find a hint by."""
    small = images(rng, 30, 8)
    what = "`train_vae`"
    _parameters(answer.call("train_vae", small, (8, 5, 2), 4, generator(0)), (8, 5, 2), what)
    best = -np.inf
    for _ in range(FIT_SEEDS):
        train, test = split(rng)
        found = answer.call("train_vae", train, SIZES, NUM_STEPS, generator(_seed(rng)))
        params = _parameters(found, SIZES, what)
        eps = rng.standard_normal((5, NUM_TEST, SIZES[-1]))
        elbo, activation = max((_elbo(params, test, eps, f), k) for k, f in enumerate(ACTIVATIONS))
        best = max(best, elbo)
        if best > GOAL:
            return
    name = _symptom(params, test, elbo, ACTIVATIONS[activation])
    if _large(answer):
        name = "weights-too-large"
    answer.call("train_vae", small, (8, 5, 2), 2, generator(0))
    raise Mismatch(
        f"the ELBO on {NUM_TEST} unseen digits after {NUM_STEPS} steps: expected more than "
        f"{GOAL} nats an image, got {best:.2f} (pixels that know nothing of each other: -25.3).",
        expected=GOAL,
        got=best,
        name=name,
    )


def _large(answer: Recorder) -> bool:
    """Whether the weights that training starts from saturate every unit."""
    try:
        start = _parameters(answer.call("init_vae", SIZES, generator(0)), SIZES, "`init_vae`")
    except (Mismatch, Unanswered):
        return False
    return bool(np.std(start["enc_W1"]) * np.sqrt(SIZES[0]) > 3.0)


def _elbo(params: dict[str, Array], x: Array, eps: Array, activation: Any) -> float:
    """The ELBO of a training run's outcome; -inf if it went astray."""
    with np.errstate(all="ignore"):
        found = float(amortised.vae_elbo(params, x, eps, activation=activation))
    return found if np.isfinite(found) else -np.inf


def _symptom(params: dict[str, Array], x: Array, elbo: float, f: Any) -> str | None:
    """The mistake of the bank that the trained networks betray, whatever the code looks like."""
    mu, log_sd = np.split(amortised.encode(params, x, activation=f), 2, axis=-1)
    with np.errstate(over="ignore"):
        kl = float(np.mean(amortised.kl_diag_gaussian_standard(mu, log_sd)))
    if kl < 0.5 and elbo > -25.6:
        return "pixel-mean"
    if kl < 5.0 and elbo > -40.0:
        return "steps-too-small"
    return "kl-forgotten" if kl > 20.0 and -1000.0 < elbo < -40.0 else None


NETWORK_PARTS = (
    Part("`init_vae`: names, shapes, random weights", 1.0, _initial),
    Part("`mlp_decoder`: one hidden layer, several, none", 1.5, _decoder),
    Part("`count_parameters`", 0.5, _count),
    Part("`train_vae`: a short run", 1.0, _short_run),
    Part(f"`train_vae`: an ELBO above {GOAL} on unseen digits", 2.0, _training, false_alarm=3.4e-6),
)
