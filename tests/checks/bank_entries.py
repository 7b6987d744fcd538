"""What the tests of single lessons share: entries of a bank by name, and results that are none."""

from __future__ import annotations

from typing import Any

import numpy as np

#: A check must judge all of these, whatever it asks for.
ODD_RESULTS = {
    "None": None,
    "text": "0.5",
    "nan": float("nan"),
    "empty": [],
    "ragged": [[1.0], [1.0, 2.0]],
    "pair": (1.0, 2.0),
    "pair of Nones": (None, None),
    "pair of vectors": (np.ones(3), np.ones(3)),
    "three": (1.0, 2.0, 3.0),
    "three texts": ("a", "b", "c"),
    "cube": np.ones((3, 3, 3)),
}


def entry(bank: Any, name: str) -> Any:
    """The one wrong or right answer of this name."""
    (found,) = (answer for answer in (*bank.WRONG, *bank.RIGHT) if answer.name == name)
    return found
