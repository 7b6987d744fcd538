"""Typical answers to E8.1, `unpack_tril(vec, D)` and `pack_tril(L)`.

An answer is put together from an order of the entries and a map for the diagonal, so that two
functions that do not belong together can be paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Map = Callable[[Array], Array]
Order = Callable[[int], tuple[Array, Array]]
"""From D to the rows and the columns of the entries, in the order of vec."""


def by_rows(dim: int) -> tuple[Array, Array]:
    rows, columns = numpy.tril_indices(dim)
    return rows, columns


def by_columns(dim: int) -> tuple[Array, Array]:
    columns, rows = numpy.triu_indices(dim)
    return rows, columns


def diagonal_first(dim: int) -> tuple[Array, Array]:
    rows, columns = numpy.tril_indices(dim, -1)
    first = numpy.arange(dim)
    return numpy.concatenate([first, rows]), numpy.concatenate([first, columns])


def same(values: Array) -> Array:
    return values


def unpacking(
    order: Order = by_rows, on: Map = np.exp, off: Map = same, finish: Map = same
) -> Callable[[Array, int], Array]:
    """`unpack_tril` with maps `on` and `off` the diagonal, differentiable."""

    def unpack_tril(vec: Array, D: int) -> Array:
        rows, columns = order(D)
        place = numpy.zeros((D, D), dtype=int)
        place[rows, columns] = numpy.arange(len(rows))
        entries = np.reshape(np.array(vec), (-1,))
        below = np.where(numpy.tri(D, k=-1) > 0, off(entries[place]), 0.0)
        return finish(below + np.diag(on(entries[numpy.diag(place)])))

    return unpack_tril


def packing(
    order: Order = by_rows, on: Map = numpy.log, off: Map = same
) -> Callable[[Array], Array]:
    """`pack_tril` with maps `on` and `off` the diagonal."""

    def pack_tril(L: Array) -> Array:
        rows, columns = order(len(L))
        entries = numpy.asarray(L, float)[rows, columns]
        return numpy.where(rows == columns, on(numpy.abs(entries)), off(entries))

    return pack_tril


def answer(unpack: Any = None, pack: Any = None) -> Implementation:
    return {"unpack_tril": unpack or unpacking(), "pack_tril": pack or packing()}


# Wrong


def assigned(vec: Array, D: int) -> Array:
    L = np.zeros((D, D))
    L[numpy.tril_indices(D)] = vec
    L[numpy.diag_indices(D)] = np.exp(np.diag(L))
    return L


def assigned_one_by_one(vec: Array, D: int) -> Array:
    L, k = np.zeros((D, D)), 0
    for i in range(D):
        for j in range(i + 1):
            L[i, j] = np.exp(vec[k]) if i == j else vec[k]
            k += 1
    return L


def both_branches(vec: Array, D: int) -> Array:
    place = numpy.zeros((D, D), dtype=int)
    rows, columns = numpy.tril_indices(D)
    place[rows, columns] = numpy.arange(len(rows))
    full = np.where(numpy.tri(D) > 0, vec[place], 0.0)
    return np.where(numpy.eye(D) > 0, np.exp(full), full)


def both_branches_of_vec(vec: Array, D: int) -> Array:
    rows, columns = numpy.tril_indices(D)
    scatter = numpy.zeros((len(rows), D, D))
    scatter[numpy.arange(len(rows)), rows, columns] = 1.0
    return np.tensordot(np.where(rows == columns, np.exp(vec), vec), scatter, 1)


def squares(vec: Array, D: int) -> Array:
    return np.reshape(vec, (D, D)) * numpy.tri(D)


def all_entries(L: Array) -> Array:
    return numpy.ravel(L)


def strict_entries(vec: Array, D: int) -> Array:
    L = numpy.eye(D)
    L[numpy.tril_indices(D, -1)] = vec
    return L


def strict_vector(L: Array) -> Array:
    return numpy.asarray(L)[numpy.tril_indices(len(L), -1)]


def whole_numbers(L: Array) -> Array:
    L = numpy.asarray(L)
    logs = numpy.tril(L)
    numpy.fill_diagonal(logs, numpy.log(numpy.diag(L)))
    return logs[numpy.tril_indices(len(L))]


def softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def inverse_softplus(y: Array) -> Array:
    return numpy.asarray(y + numpy.log(-numpy.expm1(-y)))


def symmetric(L: Array) -> Array:
    return L + np.tril(L, -1).T


def upper(L: Array) -> Array:
    return L.T


def ones_elsewhere(L: Array) -> Array:
    """The exponential of a diagonal matrix, entry by entry: exp(0) = 1 off the diagonal."""
    return L + 1.0 - numpy.eye(len(L))


def ones_below(L: Array) -> Array:
    return L + numpy.tri(len(L), k=-1)


def logs_of_zeros(values: Array) -> Array:
    return numpy.full(numpy.shape(values), -numpy.inf)


WRONG = (
    Wrong(
        "assigned-in-place",
        answer(assigned),
        "Your numbers are right, but autograd cannot follow an assignment into an array. Reading "
        "with an array of indices it can follow: which entry of `vec` does each place of L want?",
        also=(answer(assigned_one_by_one),),
    ),
    Wrong(
        "order-mixed",
        answer(pack=packing(by_columns)),
        "The two functions do not agree on the order of the entries: one goes by rows, the other "
        "by columns. For D = 2 that is the same; what comes out for D = 3, if you pack and unpack?",
        also=(
            answer(unpacking(by_columns)),
            answer(unpacking(diagonal_first)),
            answer(pack=packing(diagonal_first)),
        ),
    ),
    Wrong(
        "diagonal-as-it-is",
        answer(unpacking(on=same), packing(on=same)),
        "`vec` may hold any numbers, and your diagonal takes them as they are: also negative ones. "
        "Which map makes every number positive, and has the logarithm as its inverse?",
        also=(answer(unpacking(on=same)),),
    ),
    Wrong(
        "logarithm-forgotten-in-pack",
        answer(pack=packing(on=same)),
        "`unpack_tril` takes the exponential of the diagonal; which step of `pack_tril` takes it "
        "back?",
    ),
    Wrong(
        "exponential-and-logarithm-swapped",
        answer(unpacking(on=np.log), packing(on=numpy.exp)),
        "The logarithms stand in `vec`, the positive numbers in L: which of the two functions "
        "needs exp, and which log?",
        also=(answer(unpacking(on=np.log)), answer(pack=packing(on=numpy.exp))),
    ),
    Wrong(
        "exponential-of-all-entries",
        answer(unpacking(off=np.exp), packing(off=lambda x: numpy.log(numpy.abs(x)))),
        "Only the diagonal has to be positive. Below it any number is allowed, and a negative "
        "correlation needs a negative one.",
        also=(
            answer(unpacking(off=np.exp), packing(off=numpy.log)),
            answer(unpacking(off=np.exp)),
            answer(pack=packing(off=numpy.log)),
        ),
    ),
    Wrong(
        "exponential-twice",
        answer(unpacking(on=lambda x: np.exp(np.exp(x)))),
        "The diagonal went through the exponential twice: exp once in `unpack_tril`, log once in "
        "`pack_tril`.",
        also=(answer(unpacking(on=lambda x: np.exp(np.exp(x))), packing(on=lambda x: _loglog(x))),),
    ),
    Wrong(
        "exponential-of-the-zeros",
        answer(unpacking(finish=ones_elsewhere)),
        "`np.exp` and `np.log` work entry by entry, on the zeros of a diagonal matrix too: "
        "exp(0) = 1, and log(0) = −∞. What must be done first, the exponential of a vector or the "
        "matrix made from it?",
        also=(
            answer(unpacking(finish=ones_elsewhere), packing(off=logs_of_zeros)),
            answer(unpacking(finish=ones_below)),
            answer(pack=packing(off=logs_of_zeros)),
        ),
    ),
    Wrong(
        "exponential-added",
        answer(unpacking(on=lambda x: x + np.exp(x))),
        "The diagonal of your L is v + exp(v): the entries are still there when their "
        "exponentials are added. Which matrix has to lose its diagonal first?",
    ),
    Wrong(
        "log-variance-on-the-diagonal",
        answer(unpacking(on=lambda x: np.exp(x / 2)), packing(on=lambda x: 2 * numpy.log(x))),
        "Your `vec` holds log L_ii² on the diagonal. Here it is log L_ii.",
        also=(
            answer(unpacking(on=lambda x: np.exp(2 * x)), packing(on=lambda x: numpy.log(x) / 2)),
        ),
    ),
    Wrong(
        "softplus-on-the-diagonal",
        answer(unpacking(on=softplus), packing(on=inverse_softplus)),
        "Softplus does make the diagonal positive, but here `vec` is to hold its logarithm: then "
        "the entropy is a plain sum over `vec`.",
    ),
    Wrong(
        "absolute-value-on-the-diagonal",
        answer(unpacking(on=np.abs), packing(on=same)),
        "With the absolute value two different `vec` give the same L, and 0 gives no L at all. "
        "Which map is positive and can be undone?",
        also=(answer(unpacking(on=np.abs)), answer(unpacking(on=np.square), packing(on=np.sqrt))),
    ),
    Wrong(
        "upper-triangle",
        answer(unpacking(finish=upper), lambda L: packing()(numpy.asarray(L).T)),
        "Your L is upper triangular. Its zeros belong above the diagonal: row i has its entries in "
        "the columns 0 to i.",
        also=(answer(unpacking(finish=upper)),),
    ),
    Wrong(
        "symmetric-matrix",
        answer(unpacking(finish=symmetric)),
        "You fill both triangles. L is a factor of the covariance and no covariance itself: above "
        "the diagonal there are zeros.",
        also=(answer(unpacking(finish=lambda L: np.dot(L, L.T))),),
    ),
    Wrong(
        "wrong-number-of-entries",
        answer(squares, all_entries),
        "A lower triangle with its diagonal has 1 + 2 + … + D = D (D + 1)/2 entries. D² are too "
        "many, for the zeros are no parameters; D (D − 1)/2 are too few. Which did you count?",
        also=(
            answer(pack=all_entries),
            answer(strict_entries, strict_vector),
            answer(pack=strict_vector),
            answer(strict_entries),
        ),
    ),
    Wrong(
        "where-computes-both",
        answer(both_branches),
        "`np.where` computes both branches, and the exponential of a large entry *below* the "
        "diagonal overflows: the values do not show it, the gradient is NaN (lesson 6, concept 2). "
        "Take the exponential of the diagonal alone.",
        also=(answer(both_branches_of_vec),),
    ),
    Wrong(
        "whole-numbers-truncated",
        answer(pack=whole_numbers),
        "When L holds whole numbers, an array made from it holds whole numbers too, and the "
        "logarithms are cut off. Ask for dtype float.",
    ),
)


# Right


def _loglog(x: Array) -> Array:
    with numpy.errstate(all="ignore"):
        return numpy.log(numpy.log(x))


def nested_lists(vec: Array, D: int) -> Array:
    start = [i * (i + 1) // 2 for i in range(D)]
    return np.array(
        [
            [
                np.exp(vec[start[i] + j]) if i == j else vec[start[i] + j] if j < i else 0.0
                for j in range(D)
            ]
            for i in range(D)
        ]
    )


def list_of_numbers(L: Array) -> list[float]:
    return [
        math.log(L[i][j]) if i == j else float(L[i][j]) for i in range(len(L)) for j in range(i + 1)
    ]


def by_scatter(vec: Array, D: int) -> Array:
    rows, columns = numpy.tril_indices(D)
    scatter = numpy.zeros((len(rows), D * D))
    scatter[numpy.arange(len(rows)), rows * D + columns] = 1.0
    on = rows == columns
    safe = np.where(on, vec, 0.0)
    return np.reshape(np.dot(np.where(on, np.exp(safe), vec), scatter), (D, D))


def rows_stacked(vec: Array, D: int) -> Array:
    rows, start = [], 0
    for i in range(D):
        inside = np.concatenate([vec[start : start + i], np.exp(vec[start + i : start + i + 1])])
        rows.append(np.concatenate([inside, np.zeros(D - i - 1)]))
        start += i + 1
    return np.stack(rows)


RIGHT = (
    Right("column by column", answer(unpacking(by_columns), packing(by_columns))),
    Right("the diagonal first", answer(unpacking(diagonal_first), packing(diagonal_first))),
    Right("loops and lists", answer(nested_lists, list_of_numbers)),
    Right("a constant matrix that scatters", answer(by_scatter)),
    Right("rows stacked", answer(rows_stacked)),
)
