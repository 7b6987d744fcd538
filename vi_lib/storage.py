"""Files without pickle: the library's values as one .npz of arrays and a JSON text.

Reading such a file runs nothing: arrays come back as arrays, and only the dataclasses listed here
are built, from their fields.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vi_lib.families import CouplingFlow, FullRank, LowRank, MeanField, Mixture
from vi_lib.layout import Layout, Param
from vi_lib.transforms import Identity, Log, Logit, Ordered, Simplex, Softplus

CLASSES = {
    cls.__name__: cls
    for cls in (
        CouplingFlow,
        FullRank,
        Identity,
        Layout,
        Log,
        Logit,
        LowRank,
        MeanField,
        Mixture,
        Ordered,
        Param,
        Simplex,
        Softplus,
    )
}


def write(path: str | Path, value: Any) -> None:
    """Write a value made of dictionaries, sequences, numbers, texts, arrays and our dataclasses.

    Raises:
        TypeError: If something else is in it.
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_encode(value, arrays))
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, json=np.array(text), **arrays)


def read(path: str | Path, enums: Mapping[str, type[enum.Enum]] | None = None) -> Any:
    """Read what `write` wrote.

    Args:
        path: The file.
        enums: Enumerations that may occur, by name.

    Raises:
        ValueError: If the file is no such file.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
        with file:
            arrays = {name: file[name] for name in file.files}
        text = json.loads(str(arrays.pop("json")))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        # NumPy's text for any other file is about pickles and how to load them unsafely.
        why = error if zipfile.is_zipfile(path) else "it is no archive of arrays"
        raise ValueError(f"{path} was not written by vi_lib: {why}") from None
    return _decode(text, arrays, enums or {})


def text(value: Any) -> str:
    """One text for a value, the same for equal values."""
    arrays: dict[str, np.ndarray] = {}
    structure = json.dumps(_encode(value, arrays), sort_keys=True)
    return structure + json.dumps([array.tolist() for array in arrays.values()])


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value as JSON, with its arrays put into `arrays`."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {"kind": "array", "name": name}
    if isinstance(value, enum.Enum):
        return {"kind": "enum", "class": type(value).__name__, "name": value.name}
    if type(value) in CLASSES.values():
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, "fields": _encode(fields, arrays)}
    if isinstance(value, Mapping):
        items = [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]
        return {"kind": "mapping", "items": items}
    if isinstance(value, tuple):
        return {"kind": "tuple", "items": [_encode(v, arrays) for v in value]}
    if isinstance(value, list):
        return [_encode(v, arrays) for v in value]
    raise TypeError(
        f"cannot save a {type(value).__name__}: only numbers, texts, arrays, containers and the"
        f" classes {', '.join(CLASSES)} can be saved"
    )


def _decode(
    value: Any, arrays: Mapping[str, np.ndarray], enums: Mapping[str, type[enum.Enum]]
) -> Any:
    if isinstance(value, list):
        return [_decode(v, arrays, enums) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value["kind"]
    if kind == "array":
        return arrays[value["name"]]
    if kind == "enum":
        return enums[value["class"]][value["name"]]
    if kind == "mapping":
        return {_decode(k, arrays, enums): _decode(v, arrays, enums) for k, v in value["items"]}
    if kind == "tuple":
        return tuple(_decode(v, arrays, enums) for v in value["items"])
    return CLASSES[kind](**_decode(value["fields"], arrays, enums))
