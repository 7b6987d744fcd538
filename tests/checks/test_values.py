"""What passes between a check and an answer arrives as it was sent, and nothing else passes."""

from __future__ import annotations

import dataclasses
import math
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.checks.diagnose import same
from autograder.checks.values import (
    Named,
    NotAValue,
    build,
    decode,
    encode,
    generator,
    made,
    named,
    plain,
)

numbers = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(), st.text(max_size=5)
)
arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
values = st.recursive(
    numbers | arrays,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def identical(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and (a.dtype, a.shape) == (b.dtype, b.shape)
            and a.tobytes() == b.tobytes()
        )
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(identical(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return type(a) is type(b) and a == b


@given(values)
def test_decoding_gives_back_what_was_encoded(value: object) -> None:
    assert identical(decode(encode(value)), value)


@given(values)
def test_values_are_plain_already(value: object) -> None:
    assert same(plain(value), value) or value != value


@given(st.binary(max_size=60))
def test_malformed_messages_raise_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (any message will do)
        decode(data)


@given(values, st.integers(1, 30))
def test_truncated_messages_are_noticed(value: object, cut: int) -> None:
    message = encode(value)
    with pytest.raises(ValueError):  # noqa: PT011
        decode(message[: max(0, len(message) - cut)])


def test_array_of_impossible_size_is_refused() -> None:
    text = b'{"array": ["<f8", [1000000000, 1000000000]]}'
    with pytest.raises(ValueError, match="longer than the message"):
        decode(len(text).to_bytes(8, "little") + text)


def test_named_objects_survive_and_are_built() -> None:
    spec = made("autograder.checks.inputs.Gaussian", [1.0], sd=np.array([2.0]))
    bag = build(decode(encode({"q": spec})))["q"]
    assert bag.mean == [1.0]
    assert bag.sd == np.array([2.0])


def test_named_function_itself_and_fresh_generators() -> None:
    found = build(named("autograder.checks.inputs.generator"))
    assert found(3).normal() == build(generator(3)).normal() == build(generator(3)).normal()


@pytest.mark.parametrize("path", ["os.system", "builtins.eval", "autograder.records.load"])
def test_names_outside_the_library_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="expected a name under"):
        Named(path, ("true",)).build()


def test_records_arrive_as_dicts() -> None:
    pair = namedtuple("Pair", "a b")
    data = dataclasses.make_dataclass("Data", ["a", "b"])
    assert plain(pair(1, 2.0)) == plain(data(1, 2.0)) == {"a": 1, "b": 2.0}


@pytest.mark.parametrize(
    "value",
    [object(), lambda: 0, {1, 2}, 1j, np.array([object()]), np.array(["a"]), np.zeros(9_000_000)],
    ids=["object", "function", "set", "complex", "objects", "texts", "too large"],
)
def test_what_is_not_a_value_is_refused(value: object) -> None:
    with pytest.raises(NotAValue):
        plain(value)


def test_deep_nesting_is_refused() -> None:
    value: list = []
    for _ in range(50):
        value = [value]
    with pytest.raises(NotAValue, match="nested"):
        plain(value)


def test_build_copies_arrays() -> None:
    array = np.zeros(2)
    build((array, [array], {"x": array}))[0][:] = 1
    assert array.tolist() == [0.0, 0.0]
