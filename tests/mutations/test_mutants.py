"""The mutation run itself: it makes the mistakes it claims, and tells killed from not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from equivalent import EQUIVALENT, FIRST
from mutants import mutants
from record import keyed, load, modules, name_of
from run import TESTS


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


#: Run in a process of its own, as the script is: here the library has been loaded by other tests.
TRIAL = """
from mutants import mutants
from record import LIBRARY
from run import MARKS, _fails, own_tests

def seen(name, source):
    return _fails(name, LIBRARY / f"{name}.py", source, own_tests(name), MARKS[0])

for name, kind, words in [
    ("families", "sign", "mu + np.exp(omega)"),
    ("model", "jacobian", "log_abs_det_jacobian"),
    ("model", "scale", "scale"),
]:
    found = mutants(LIBRARY / f"{name}.py")
    chosen = next(m for m in found if m.kind == kind and words in m.before)
    print(kind, seen(name, chosen.source))
print("unchanged", seen("families", (LIBRARY / "families.py").read_text()))
"""


@pytest.mark.slow
def test_killed_and_not_killed_are_told_apart():
    """Mistakes are noticed; the unchanged module is not taken for one."""
    run = subprocess.run(
        [sys.executable, "-c", TRIAL], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    assert run.stdout.split("\n")[:-1] == [
        "sign True", "jacobian True", "scale True", "unchanged False",
    ], run.stderr  # fmt: skip
