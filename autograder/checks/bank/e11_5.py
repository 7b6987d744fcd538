"""Typical answers to E11.5: `init_vae`, `mlp_decoder`, `count_parameters` and `train_vae`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as np
import numpy as onp
from autograd import value_and_grad

from autograder.checks.bank.e11_training import (
    Array,
    Climb,
    Params,
    count,
    decoder,
    initial,
    no_change,
    relu,
    sigmoid,
    training,
)
from autograder.checks.protocol import Implementation, Right, Wrong
from vi_lib import amortised


def _with(**functions: Any) -> Implementation:
    """A right answer in which some functions are others."""
    return {
        "init_vae": initial(),
        "mlp_decoder": decoder(),
        "count_parameters": count(),
        "train_vae": training(),
        **functions,
    }


def _started_by(init: Callable[..., Params]) -> Implementation:
    return _with(init_vae=init, train_vae=training(init=init))


def _trained(**pieces: Any) -> Implementation:
    return _with(train_vae=training(**pieces))


def three_sizes(sizes: Sequence[int], rng: Any) -> Params:
    pixels, hidden, latent = sizes
    return initial()((pixels, hidden, latent), rng)


WRONG = (
    Wrong(
        "no-non-linearity",
        _with(mlp_decoder=decoder(no_change)),
        "Without something between the layers, two matrices in a row are one matrix: your decoder "
        "is linear however deep. Which function comes after each hidden layer?",
    ),
    Wrong(
        "output-squashed",
        _with(mlp_decoder=decoder(last=sigmoid)),
        "The last layer's output is the logit, and may be any number. The sigmoid is part of the "
        "likelihood in E11.1: with yours it would be applied twice.",
        also=(
            _with(mlp_decoder=decoder(relu, sigmoid)),
            _with(mlp_decoder=decoder(last=lambda h: 1.0 * (sigmoid(h) > 0.5))),
        ),
    ),
    Wrong(
        "activation-on-the-output",
        _with(mlp_decoder=decoder(last=np.tanh)),
        "You apply the activation to the last layer, too: no logit can leave (−1, 1), or be "
        "negative with ReLU. The last layer is linear.",
        also=(_with(mlp_decoder=decoder(relu, relu)),),
    ),
    Wrong(
        "other-activation",
        _with(mlp_decoder=decoder(sigmoid)),
        "Your hidden layers use another function than tanh or ReLU. Others may work as well, but "
        "so that your networks can be evaluated, take one of these two.",
        also=(
            _with(mlp_decoder=decoder(lambda h: np.log1p(np.exp(h)))),
            _with(mlp_decoder=decoder(np.sin)),
        ),
    ),
    Wrong(
        "always-two-layers",
        _with(mlp_decoder=decoder(num_layers=2)),
        "Your decoder has two layers whatever `params` holds. Go on as long as there is a next "
        "`dec_W…`: the sizes 784-256-64-2 have three.",
        also=(_with(mlp_decoder=decoder(relu, num_layers=2)),),
    ),
    Wrong(
        "biases-unused",
        _with(mlp_decoder=decoder(bias=False)),
        "Your decoder multiplies and never adds the biases, `dec_b1` and so on. Without the last "
        "one every pixel would have probability ½ at z = 0.",
        also=(_with(mlp_decoder=decoder(relu, bias=False)),),
    ),
    Wrong(
        "encoder-for-decoder",
        _with(mlp_decoder=decoder(prefix="enc_")),
        "You use the layers `enc_…`. Those map images to codes; the decoder's are called `dec_…`.",
    ),
    Wrong(
        "biases-not-counted",
        _with(count_parameters=count("b")),
        "Your count is that of the weights alone. Biases are learnt as well: count them.",
    ),
    Wrong(
        "arrays-counted",
        _with(count_parameters=len),
        "You counted the arrays in the dict. How many numbers do they hold?",
        also=(
            _with(count_parameters=lambda params: sum(len(v) for v in params.values())),
            _with(count_parameters=lambda params: sum(v.ndim for v in params.values())),
            _with(count_parameters=count("enc")),
            _with(count_parameters=count("dec")),
        ),
    ),
    Wrong(
        "weights-all-zero",
        _started_by(initial(lambda a, b: 0.0)),
        "All weights of a layer are equal, so all its units compute the same and get the same "
        "gradient, for ever. Random weights break the symmetry; biases may start at 0.",
        also=(_started_by(lambda sizes, rng: {k: v + 0.1 for k, v in zeros(sizes, rng).items()}),),
    ),
    Wrong(
        "three-sizes-only",
        _with(init_vae=three_sizes),
        "Your `init_vae` expects exactly three sizes. The sizes 784-256-64-2 have two hidden "
        "layers: loop over neighbouring widths instead.",
    ),
    Wrong(
        "weights-too-large",
        _started_by(initial(lambda a, b: 1.0)),
        "Weights of sd 1 with many inputs make sums that drive every tanh to ±1, where its slope "
        "is 0, and codes that are far out. How should the sd depend on the number of inputs?",
    ),
    Wrong(
        "one-head",
        _with(init_vae=initial(heads=1)),
        "The encoder has D outputs. It must return two numbers for each latent coordinate, a mean "
        "and a log sd: how wide is its last layer?",
    ),
    Wrong(
        "decoder-not-reversed",
        _with(init_vae=initial(mirrored=False)),
        "Your decoder starts with as many inputs as an image has pixels. It goes from the code to "
        "the image: the sizes in reverse.",
    ),
    Wrong(
        "weights-transposed",
        _with(init_vae=initial(turned=True)),
        "Your weights have shape (out, in). Draws and images are rows here, so a layer is "
        "h @ W + b, with W of shape (in, out).",
    ),
    Wrong(
        "biases-missing",
        _with(init_vae=initial(bias=False)),
        "`init_vae` returns no biases, `enc_b1` and so on. Each layer has one, an entry for each "
        "unit.",
    ),
    Wrong(
        "one-bias-a-layer",
        _started_by(
            lambda sizes, rng: {k: v if "W" in k else 0.0 for k, v in initial()(sizes, rng).items()}
        ),
        "Your biases are one number for a whole layer. Every unit has its own: an array of shape "
        "(out,), zeros if you like.",
    ),
    Wrong(
        "own-generator",
        _started_by(initial(seed=0)),
        "The weights do not depend on the `rng` you are given. Draw them from it, so that another "
        "seed gives another start.",
        also=(_with(init_vae=initial(seed=0)), _trained(seed=0)),
    ),
    Wrong(
        "pixel-mean",
        _trained(climbs=Climb(per_pixel=True)),
        "The codes have collapsed: q is the prior for every image, and the decoder draws the "
        "average digit. Is the log likelihood summed over the pixels, or averaged? (If summed, "
        "training has hardly begun: codes come to life after some steps, so take longer ones.)",
        also=(_trained(climbs=Climb(beta=64.0)),),
    ),
    Wrong(
        "latent-means-decoded",
        _trained(climbs=Climb(at_the_mean=True)),
        "In training you decode the means of q. The sds are never tried out then, so nothing "
        "teaches the decoder to live with a draw. Sample: z = mu + sd · eps.",
    ),
    Wrong(
        "kl-forgotten",
        _trained(climbs=Climb(beta=0.0)),
        "The codes lie far from the prior and are very narrow: the KL has been left out, or has "
        "almost no weight. What is trained then is an autoencoder, not a VAE.",
    ),
    Wrong(
        "descends",
        _trained(sign=-1.0),
        "The ELBO falls during your training. We maximise: add the step along the gradient, or "
        "negate the ELBO if your optimiser minimises.",
    ),
    Wrong(
        "never-trained",
        _trained(steps=0),
        "The parameters come back as they were initialised. Are the updated ones kept after each "
        "step, and returned?",
        also=(_trained(steps=1), _trained(rate=0.0)),
    ),
    Wrong(
        "steps-too-small",
        _trained(rate=1e-3),
        "The ELBO rises, but 300 steps are not enough at this pace. Adam with a step of 0.01 gets "
        "there; plain gradient ascent needs care with its step size.",
        also=(_trained(rate=1e-4), _trained(rate=1e-3, rule="plain")),
    ),
)


def zeros(sizes: Sequence[int], rng: Any) -> Params:
    return initial(lambda a, b: 0.0)(sizes, rng)


# Right


def small_weights(fan_in: int, fan_out: int) -> float:
    return 0.1


def he(fan_in: int, fan_out: int) -> float:
    return float((2.0 / fan_in) ** 0.5)


def one_vector(x: Array, sizes: Sequence[int], num_steps: int, rng: Any) -> Params:
    """All parameters in one vector, the library's ELBO and its Adam, batches in order."""
    from vi_lib.optimizers import adam

    params = initial()(sizes, rng)
    shapes, flat = amortised.shapes_of(params), amortised.pack(params)
    step, state = adam(0.02), None
    for t in range(num_steps):
        rows = onp.arange(t * 80, t * 80 + 80) % len(x)
        eps = rng.standard_normal((len(rows), sizes[-1]))

        def loss(flat: Array, rows: Array = rows, eps: Array = eps) -> Array:
            return -amortised.vae_elbo(amortised.unpack(flat, shapes), x[rows], eps)

        _, gradient = value_and_grad(loss)(flat)
        increment, state = step(-gradient, state)
        flat = flat + increment
    return amortised.unpack(flat, shapes)


RIGHT = (
    Right("gradients by hand, Adam for each array", _with()),
    Right(
        "ReLU throughout, wide weights",
        _with(
            init_vae=initial(he),
            mlp_decoder=decoder(relu),
            train_vae=training(Climb(rectified=True), init=initial(he)),
        ),
    ),
    Right(
        "one vector, the library's ELBO and Adam",
        _with(init_vae=initial(small_weights), train_vae=one_vector),
    ),
)
