"""How large a returned value may be, measured by what the checks make of it.

A message of a few bytes can stand for a value that takes far more memory in NumPy's hands: texts in
a list are all padded to the longest, and an array without entries may have any other dimensions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.values import MAX_BYTES, NotAValue

MAX_CHARACTERS = MAX_BYTES
"""Of all items as texts of the same length; NumPy takes four bytes for each."""
_NUMBER_AS_TEXT = 32


def require_modest(value: Any) -> None:
    """`NotAValue` if an array made of the value, or a sum along one, could be too large."""
    count = longest = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        count += 1
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, (list, tuple)):
            waiting += item
        elif isinstance(item, str):
            longest = max(longest, len(item), _NUMBER_AS_TEXT)
        elif isinstance(item, np.ndarray):
            count += item.size
            if math.prod(max(size, 1) for size in item.shape) * item.itemsize > MAX_BYTES:
                raise NotAValue(f"expected at most {MAX_BYTES} bytes, got shape {item.shape}")
    if longest * count > MAX_CHARACTERS:
        raise NotAValue(f"expected numbers, got {count} items with texts among them")
