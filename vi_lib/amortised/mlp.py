"""Multilayer perceptrons as pure functions of their parameters.

    h_0 = x,    h_l = activation(h_{l-1} W_l + b_l),    output = h_{L-1} W_L + b_L

The last layer is linear: an activation there would bound a mean, a log variance or a logit. The
parameters are a dict of arrays W1, b1, W2, b2, ... or one flat vector in this order, each W row by
row. Leading axes of the parameters are samples of the weights, as a Bayesian net has them.

Autograd differentiates the dict as a whole, so nothing is flattened inside a step: `pack` and
`unpack` only slice and reshape.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, cast

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, ShapeError, require_shape

Params: TypeAlias = dict[str, Array]
"""Name -> array, in the order in which `pack` joins them."""

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
Activation: TypeAlias = Callable[[Array], Array]
Scheme: TypeAlias = Literal["glorot", "he"]


def relu(x: Array) -> Array:
    """Return max(x, 0), elementwise."""
    return np.where(x > 0.0, x, 0.0)


def mlp_shapes(sizes: Sequence[int], prefix: str = "") -> dict[str, tuple[int, ...]]:
    """Return name -> shape of the parameters: W1 (sizes[0], sizes[1]), b1 (sizes[1],), ...

    Raises:
        ValueError: unless sizes are at least two whole numbers of at least 1.
    """
    whole = all(isinstance(n, (int, onp.integer)) and n >= 1 for n in sizes)
    if len(sizes) < 2 or not whole:
        raise ValueError(f"sizes must be two or more whole numbers of at least 1, got {sizes!r}")
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes), start=1):
        shapes[f"{prefix}W{layer}"] = (int(fan_in), int(fan_out))
        shapes[f"{prefix}b{layer}"] = (int(fan_out),)
    return shapes


def init_mlp(
    sizes: Sequence[int],
    rng: onp.random.Generator,
    scheme: Scheme = "glorot",
    *,
    prefix: str = "",
) -> Params:
    """Draw weights; biases are 0.

    "glorot": sd = sqrt(2 / (fan_in + fan_out)), for tanh (Glorot and Bengio 2010). "he": sd =
    sqrt(2 / fan_in), for ReLU, which sets half of the signal to 0 (He et al. 2015).

    Args:
        sizes: widths of the layers, input and output included.
        rng: source of the weights.
        scheme: rule for the scale.
        prefix: put before each name, so that two nets can share a dict.

    Returns:
        W1 (sizes[0], sizes[1]), b1 (sizes[1],), W2, b2, ...

    Raises:
        ValueError: if sizes or scheme is out of range.
    """
    if scheme not in ("glorot", "he"):
        raise ValueError(f"scheme must be 'glorot' or 'he', got {scheme!r}")
    params: Params = {}
    for name, shape in mlp_shapes(sizes, prefix).items():
        if len(shape) == 1:
            params[name] = onp.zeros(shape)
        else:
            variance = 2.0 / (sum(shape) if scheme == "glorot" else shape[0])
            params[name] = math.sqrt(variance) * rng.standard_normal(shape)
    return params


def mlp(
    params: Params | Array,
    x: Array,
    activation: Activation = np.tanh,
    *,
    sizes: Sequence[int] | None = None,
    prefix: str = "",
) -> Array:
    """Return the net's output; the last layer is linear.

    Args:
        params: a dict W1, b1, ..., or, with `sizes`, a flat vector (..., P). Leading axes (M, ...)
            are M nets, all applied to the same x.
        x: inputs (..., N, sizes[0]).
        activation: elementwise non-linearity between the layers.
        sizes: widths of the layers; only for flat parameters.
        prefix: of the names in the dict.

    Returns:
        outputs (..., N, sizes[-1]).

    Raises:
        ShapeError: if the input's or the flat vector's length does not fit, or the net is empty.
    """
    if sizes is None:
        net = cast(Params, params)
    else:
        net = unpack(cast(Array, params), mlp_shapes(sizes, prefix))
    if f"{prefix}W1" not in net:
        raise ShapeError(f"params must hold {prefix}W1, got {', '.join(net)}")
    require_shape("x", x, (..., np.shape(net[f"{prefix}W1"])[-2]))
    stacked = np.ndim(net[f"{prefix}W1"]) > 2
    # Two axes are what the fast matrix product takes; stacks of weights are paired by np.matmul.
    h = x if stacked or np.ndim(x) < 3 else np.reshape(x, (-1, np.shape(x)[-1]))
    layer = 1
    while True:
        W, b = net[f"{prefix}W{layer}"], net[f"{prefix}b{layer}"]
        h = np.matmul(h, W) + b[..., None, :] if stacked else np.dot(h, W) + b
        layer += 1
        if f"{prefix}W{layer}" not in net:
            return h if stacked else np.reshape(h, (*np.shape(x)[:-1], np.shape(h)[-1]))
        h = activation(h)


def pack(params: Params) -> Array:
    """Join the arrays of a dict, in its order, to one flat vector (P,)."""
    return np.concatenate([np.reshape(value, -1) for value in params.values()])


def unpack(flat: Array, shapes: Shapes) -> Params:
    """Cut a flat vector (..., P) into a dict of arrays (..., *shape), in the order of `shapes`.

    Raises:
        ShapeError: unless the last axis has as many entries as the shapes.
    """
    total = sum(math.prod(shape) for shape in shapes.values())
    require_shape("flat", flat, (..., total))
    leading = np.shape(flat)[:-1]
    params, start = {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        params[name] = np.reshape(flat[..., start:stop], (*leading, *shape))
        start = stop
    return params


def shapes_of(params: Params) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of a dict of arrays, what `unpack` needs to undo `pack`."""
    return {name: np.shape(value) for name, value in params.items()}


def count_parameters(params: Params) -> int:
    """Return the number of parameters, biases included."""
    return sum(math.prod(shape) for shape in shapes_of(params).values())
