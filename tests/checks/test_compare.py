"""Comparisons: what is accepted, what is not, and what is said."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.checks.compare import Mismatch, close, entry, show, unpack, z_test


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (2, 2.0),
        (np.array(2.0), 2.0),
        (np.array([2.0]), 2.0),
        ([1.0, 2.0], np.array([1.0, 2.0])),
        (np.float32(1 / 3), 1 / 3),
        (1e-20, 0.0),
        (-np.inf, -np.inf),
        ([np.inf, 1.0], [np.inf, 1.0 + 1e-12]),
        (True, 1.0),
    ],
)
def test_close_accepts(got: object, expected: object) -> None:
    close(got, expected, "x", atol=1e-12)


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (2.1, 2.0, "x: expected 2, got 2.1"),
        ([1.0], [1.0, 2.0], r"expected an array of shape \(2,\), got an array of shape \(1,\)"),
        ([[1.0, 2.0]], [1.0, 2.0], r"shape \(1, 2\)"),
        (np.nan, 1.0, "not finite"),
        ("two", 2.0, "expected numbers, got 'two'"),
        (None, 2.0, "expected numbers"),
        ([[1.0], [1.0, 2.0]], 2.0, "expected numbers"),
        (np.inf, -np.inf, "got inf"),
        (1.0 + 1e-7, 1.0, "expected 1, got 1.0000001"),
        (np.float32(1.001), 1.0, r"expected 1, got 1.001, in single precision \(float32\)"),
    ],
)
def test_close_refuses_and_says_why(got: object, expected: object, words: str) -> None:
    with pytest.raises(Mismatch, match=words):
        close(got, expected, "x")


def test_close_notices_a_change_of_sign() -> None:
    with pytest.raises(Mismatch) as found:
        close([-1.0, 2.0], [1.0, -2.0], "x")
    assert found.value.name == "negated"


def test_small_entries_are_compared_beside_large_ones() -> None:
    with pytest.raises(Mismatch):
        close([1e6, 1e-3], [1e6, 2e-3], "x")


@pytest.mark.parametrize("value", [(1, 2), [1, 2], np.array([1, 2]), {"a": 1, "b": 2}])
def test_unpack_takes_any_pair(value: object) -> None:
    assert unpack(value, ("a", "b"), "f") == (1, 2)


def test_unpack_goes_by_name_where_there_are_names() -> None:
    assert unpack({"b": 2, "a": 1}, ("a", "b"), "f") == (1, 2)


@pytest.mark.parametrize("value", [1.0, (1, 2, 3), None])
def test_unpack_says_what_was_expected(value: object) -> None:
    with pytest.raises(Mismatch, match=r"f: expected 2 results \(a, b\)"):
        unpack(value, ("a", "b"), "f")


def test_entry_says_which_keys_came() -> None:
    assert entry({"a": 1}, "a", "f") == 1
    with pytest.raises(Mismatch, match=r"expected the key 'b', got the keys \['a'\]"):
        entry({"a": 1}, "b", "f")
    with pytest.raises(Mismatch, match="expected a dict"):
        entry((1, 2), "b", "f")


def test_z_test_keeps_its_false_alarm_rate() -> None:
    # With alpha = 0.01 and 4,000 repetitions, 10 to 85 rejections has probability > 1 - 1e-6.
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(4_000):
        try:
            z_test(rng.normal(3.0, 2.0, size=(30, 2)), [3.0, 3.0], "x", alpha=0.01)
        except Mismatch:
            rejected += 1
    assert 10 <= rejected <= 85


def test_z_test_finds_a_shift_and_a_sign() -> None:
    draws = np.random.default_rng(1).normal(1.0, 0.1, size=(100, 1))
    with pytest.raises(Mismatch, match="expected a mean of"):
        z_test(draws, [1.2], "x")
    with pytest.raises(Mismatch) as found:
        z_test(draws, [-1.0], "x")
    assert found.value.name == "negated"


def test_z_test_takes_a_constant() -> None:
    z_test(np.full(30, 2.0), 2.0, "x")
    with pytest.raises(Mismatch):
        z_test(np.full(30, 2.0), 2.1, "x")


def test_show_is_short_and_fixed() -> None:
    assert show(np.array([1.0, 2.0])) == "[1., 2.]"
    assert len(show(np.arange(1000.0))) < 80
    assert show({"mu": 1.0, "sd": np.array([2.0])}) == "{mu: 1, sd: [2.]}"
