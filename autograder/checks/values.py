"""What may pass between a check and a student's answer: plain values, never objects.

A check runs either beside the answer (in the notebook) or in another process (in the grader). So
that both see the same thing, everything that passes is reduced to numbers, strings, arrays, lists,
tuples and dicts. What cannot be a value, such as a log joint, a transform or a random generator, is
passed as `Named`: a name in the library and its arguments, from which either side builds the object
itself.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 12
_BUILDERS = ("vi_lib.", "autograder.checks.inputs.", "autograder.checks.scenes.")
_DTYPE_KINDS = "fiub"


class NotAValue(TypeError):
    """Something came back that is not a number, a string, an array, or a container of them."""


@dataclasses.dataclass(frozen=True)
class Named:
    """An object given by its name in the library, built where it is needed.

    `path` is a dotted name under `vi_lib`, or that of a function of `autograder.checks.inputs` or
    `autograder.checks.scenes`. With `call=True` the named function or class is called with `args`
    and `kwargs`, which may hold further `Named`.
    """

    path: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    call: bool = True

    def build(self) -> Any:
        """Return the object; `ValueError` for a name outside the library."""
        if not self.path.startswith(_BUILDERS):
            raise ValueError(f"expected a name under {' or '.join(_BUILDERS)}, got {self.path!r}")
        module, _, name = self.path.rpartition(".")
        found = getattr(importlib.import_module(module), name)
        if not self.call:
            return found
        return found(*build(self.args), **build(dict(self.kwargs)))


def made(path: str, *args: Any, **kwargs: Any) -> Named:
    """The object that the named function or class returns for these arguments."""
    return Named(path, args, kwargs)


def named(path: str) -> Named:
    """The named function or class itself."""
    return Named(path, call=False)


def generator(seed: int) -> Named:
    """A fresh `np.random.Generator` with this seed, on either side."""
    return made("autograder.checks.inputs.generator", seed)


def build(value: Any) -> Any:
    """Copy `value`, with every `Named` in it replaced by the object it names."""
    return _walk(value, lambda leaf: leaf.build() if isinstance(leaf, Named) else _copy(leaf))


def _copy(leaf: Any) -> Any:
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _walk(value: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _walk(item, leaf) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, leaf) for item in value]
    if type(value) is tuple:
        return tuple(_walk(item, leaf) for item in value)
    return leaf(value)


def plain(value: Any, depth: int = 0) -> Any:
    """Reduce what a student's function returned to values.

    Named tuples and dataclasses become dicts of their fields; NumPy scalars become 0-d arrays.
    `NotAValue` is raised for anything else and for more than 64 MiB.
    """
    if depth > MAX_DEPTH:
        raise NotAValue("the result is nested too deeply")
    if value is None or isinstance(value, (bool, int, float, str)):
        return _bounded_text(value) if isinstance(value, str) else _plain_number(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain_array(np.asarray(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return plain(fields, depth)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return plain(dict(zip(value._fields, value, strict=True)), depth)
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item, depth + 1) for item in value)
    raise NotAValue(f"expected numbers or arrays, got an object of type {type(value).__name__}")


def _plain_number(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return float("inf") if value > 0 else float("-inf")
    return value if type(value) in (type(None), bool, int, float) else float(value)


def _bounded_text(value: str) -> str:
    if len(value) > MAX_BYTES // 64:
        raise NotAValue(f"expected a short text, got one of {len(value)} characters")
    return str(value)


def _plain_array(array: np.ndarray) -> np.ndarray:
    if array.dtype == object:
        try:
            array = array.astype(float)
        except (TypeError, ValueError):
            raise NotAValue("expected an array of numbers, got an array of objects") from None
    if array.dtype.kind not in _DTYPE_KINDS:
        raise NotAValue(f"expected an array of real numbers, got dtype {array.dtype}")
    if array.nbytes > MAX_BYTES:
        raise NotAValue(f"expected at most {MAX_BYTES} bytes, got {array.nbytes}")
    if array.dtype.itemsize > 8:
        array = array.astype(float)
    return np.array(array, order="C")


# A message is one line of JSON with the shapes, followed by the raw bytes of the arrays.


def encode(value: Any) -> bytes:
    """Write values and `Named` as bytes: JSON for structure, little-endian bytes for arrays."""
    buffers: list[bytes] = []
    text = json.dumps(_to_json(value, buffers)).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(buffers)


def decode(data: bytes) -> Any:
    """Read what `encode` wrote; `ValueError` for anything malformed."""
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        structure = json.loads(data[8:end])
        value, used = _from_json(structure, memoryview(data), end)
    except (KeyError, TypeError, IndexError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"malformed message: {error}") from None
    if used != len(data):
        raise ValueError(f"malformed message: {len(data) - used} bytes left over")
    return value


def _to_json(value: Any, buffers: list[bytes]) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind not in _DTYPE_KINDS:
            raise NotAValue(f"cannot send an array of dtype {array.dtype}")
        little = np.array(array, dtype=array.dtype.newbyteorder("<"), order="C")
        buffers.append(little.tobytes())
        return {"array": [little.dtype.str, list(little.shape)]}
    if isinstance(value, Named):
        parts = [value.path, list(value.args), dict(value.kwargs), value.call]
        return {"named": [_to_json(part, buffers) for part in parts]}
    if isinstance(value, dict):
        keys = list(value)
        return {"dict": [keys, [_to_json(value[key], buffers) for key in keys]]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_to_json(item, buffers) for item in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise NotAValue(f"cannot send an object of type {type(value).__name__}")


def _from_json(node: Any, data: memoryview, at: int) -> tuple[Any, int]:
    if not isinstance(node, dict):
        return node, at
    ((kind, content),) = node.items()
    if kind == "array":
        return _read_array(content, data, at)
    if kind == "dict":
        keys, nodes = content
        items, at = _read_items(nodes, data, at)
        return dict(zip([str(key) for key in keys], items, strict=True)), at
    if kind == "named":
        (path, args, kwargs, call), at = _read_items(content, data, at)
        return Named(path, tuple(args), kwargs, call), at
    if kind not in ("list", "tuple"):
        raise ValueError(f"malformed message: unknown kind {kind!r}")
    items, at = _read_items(content, data, at)
    return (tuple(items) if kind == "tuple" else items), at


def _read_items(nodes: list[Any], data: memoryview, at: int) -> tuple[list[Any], int]:
    items = []
    for node in nodes:
        item, at = _from_json(node, data, at)
        items.append(item)
    return items, at


def _read_array(content: Any, data: memoryview, at: int) -> tuple[np.ndarray, int]:
    name, shape = content
    dtype = np.dtype(name)
    if dtype.kind not in _DTYPE_KINDS or dtype.itemsize > 8:
        raise ValueError(f"malformed message: dtype {name!r}")
    if any(not isinstance(size, int) or size < 0 for size in shape):
        raise ValueError(f"malformed message: shape {shape!r}")
    count = int(np.prod(shape, dtype=object)) if shape else 1
    end = at + count * dtype.itemsize
    if end > len(data):
        raise ValueError("malformed message: an array is longer than the message")
    return np.frombuffer(data[at:end], dtype=dtype).reshape(shape).copy(), end
