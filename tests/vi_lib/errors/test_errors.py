"""Every documented error, raised: the class is the documented one and the message is of use.

A row of a table is (name, call, error, words): the public name of what is called, the mistake, the
exact class of the exception and words of its message, what was expected and then what came.
"""

from __future__ import annotations

import documented
import errors_amortised
import errors_checking
import errors_conjugate
import errors_distributions
import errors_fitting
import errors_models
import errors_ppl
import numpy as np
import pytest

TABLES = (
    errors_distributions,
    errors_conjugate,
    errors_fitting,
    errors_models,
    errors_ppl,
    errors_amortised,
    errors_checking,
)
ROWS = [row for table in TABLES for row in table.ROWS]


@pytest.mark.parametrize(("name", "call", "error", "words"), ROWS, ids=[row[0] for row in ROWS])
def test_the_error_says_what_was_expected_and_what_came(name, call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    # NumPy's own message names the matrix's fault only.
    assert len(words) >= (1 if error is np.linalg.LinAlgError else 2)
    message = str(caught.value)
    for word in words:
        assert word in message


def test_functions_and_constructors_document_what_they_raise():
    """Methods need not: the shapes that they want are in the text of their class or protocol."""
    silent = []
    for name, thing in documented.public().items():
        if thing.__qualname__ == thing.__name__:
            known = documented.raises(thing)
            silent += [
                f"{name}: {error.__name__}" for error in documented.raised(thing)
                if not any(issubclass(error, other) for other in known)
            ]  # fmt: skip
    assert not silent, "raised, but not under Raises:\n" + "\n".join(sorted(silent))


def test_every_documented_error_has_a_row_and_every_row_is_documented():
    pairs = {
        (name, error) for name, thing in documented.public().items()
        for error in documented.raises(thing)
    }  # fmt: skip
    rows = {(documented.key(documented.resolve(name)), error) for name, _, error, _ in ROWS}
    assert len(pairs) > 250
    missing = sorted(f"{name}: {error.__name__}" for name, error in pairs - rows)
    undocumented = sorted(f"{name}: {error.__name__}" for name, error in rows - pairs)
    assert not missing, "documented, but in no table:\n" + "\n".join(missing)
    assert not undocumented, "in a table, but not documented:\n" + "\n".join(undocumented)
