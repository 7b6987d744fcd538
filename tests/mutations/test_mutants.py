"""The mutation run itself: it makes the mistakes it claims, and tells killed from not."""

from __future__ import annotations

import textwrap

import pytest
from equivalent import EQUIVALENT, FIRST
from mutants import mutants
from record import LIBRARY, keyed, load, modules, name_of
from run import MARKS, TESTS, _fails, own_tests


@pytest.fixture
def labels(tmp_path):
    def of(source):
        path = tmp_path / "module.py"
        path.write_text(textwrap.dedent(source))
        return [mutant.label for mutant in mutants(path)]

    return of


def test_kinds_of_mistake(labels):
    found = labels(
        """
        def f(zeta, sd, lam, scale):
            total = log_prior + scale * np.sum(log_lik) + t.log_abs_det_jacobian(zeta)
            values = log_p - q.log_prob(lam, z)
            return -np.sqrt(sd**2) + total
        """
    )
    assert "scale: scale * np.sum(log_lik)  ->  np.sum(log_lik)" in found
    assert "entropy: log_p - q.log_prob(lam, z)  ->  log_p" in found
    assert any(label.startswith("jacobian") for label in found)
    assert "square: sd ** 2  ->  sd" in found
    assert "square: np.sqrt(sd ** 2)  ->  sd ** 2" in found
    assert "sign: -np.sqrt(sd ** 2)  ->  np.sqrt(sd ** 2)" in found
    assert len(found) == 10


def test_indices_shapes_conditions_and_messages_are_left_alone(labels):
    assert not labels(
        """
        def f(x, n):
            if n - k > 0:
                raise ValueError(f"{n - 1} and {-x}")
            return x[n - k : -k], np.zeros(n + k), x > -k, "a" + "b", n + 1
        """
    )


@pytest.mark.slow
def test_every_mutant_was_noticed_or_changes_nothing():
    """Whoever changes a formula runs `python tests/mutations/run.py MODULE` for it."""
    record = load()
    current = {(name_of(p), key): m.label for p in modules() for key, m in keyed(p)}
    labels = {(name, label) for (name, _), label in current.items()}
    assert set(EQUIVALENT) <= labels
    missing = [
        f"{name}: {label}"
        for (name, key), label in current.items()
        if key not in record.get(name, ()) and (name, label) not in EQUIVALENT
    ]
    assert not missing, missing
    assert all((TESTS / file).exists() for files in FIRST.values() for file in files)


@pytest.mark.slow
def test_killed_and_not_killed_are_told_apart():
    """One mistake of each kind is noticed; the unchanged module is not taken for one."""
    for name, kind, words in [
        ("families", "sign", "mu + np.exp(omega)"),
        ("families", "square", "u ** 2"),
        ("model", "jacobian", "log_abs_det_jacobian"),
        ("estimators", "entropy", "log_prob"),
        ("model", "scale", "scale"),
    ]:
        path = LIBRARY / f"{name}.py"
        chosen = next(m for m in mutants(path) if m.kind == kind and words in m.before)
        assert _fails(name, path, chosen.source, own_tests(name), MARKS[0]), chosen.label
    path = LIBRARY / "families.py"
    assert not _fails("families", path, path.read_text(), own_tests("families"), MARKS[0])
