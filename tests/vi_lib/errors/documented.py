"""What the library's docstrings say under `Raises:`, for everything public."""

from __future__ import annotations

import builtins
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

import vi_lib
from vi_lib import _check

ENTRY = re.compile(r"((?:[\w.]+(?:, )?)+): ")


def modules() -> Iterator[Any]:
    yield vi_lib
    for info in pkgutil.walk_packages(vi_lib.__path__, "vi_lib."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            yield importlib.import_module(info.name)


def key(thing: Any) -> str:
    """One name for a function or class, by whichever public module it was reached."""
    return f"{thing.__module__}.{thing.__qualname__}"


def plain_function(member: Any) -> Any:
    """The function behind a property, a cached property or a class method."""
    for inside in ("fget", "func", "__func__"):
        member = getattr(member, inside, member)
    return member


def exported(module: Any) -> Iterator[Any]:
    """Functions and classes of a module: those of its `__all__`, or those defined in it."""
    for name, thing in vars(module).items():
        if inspect.isfunction(thing) or inspect.isclass(thing):
            own = name in getattr(module, "__all__", ()) or thing.__module__ == module.__name__
            if own and not name.startswith("_") and thing.__module__.startswith("vi_lib"):
                yield thing


@cache
def public() -> dict[str, Any]:
    """Every public function, class and method, by its key."""
    found = {}
    for thing in (thing for module in modules() for thing in exported(module)):
        found[key(thing)] = thing
        for name, member in vars(thing).items() if inspect.isclass(thing) else ():
            method = plain_function(member)
            if inspect.isfunction(method) and not name.startswith("_"):
                found[key(method)] = method
    return found


def error_class(name: str) -> type[BaseException]:
    last = name.split(".")[-1]
    for place in (_check, builtins, np.linalg):
        if hasattr(place, last):
            return getattr(place, last)
    raise LookupError(f"which exception is {name}?")


def raises(thing: Any) -> set[type[BaseException]]:
    """The exceptions under `Raises:`; a line may name several, and its text go on below it."""
    lines = (inspect.getdoc(thing) or "").splitlines()
    if "Raises:" not in lines:
        return set()
    below, names = lines[lines.index("Raises:") + 1 :], []
    indent = len(below[0]) - len(below[0].lstrip())
    for line in below:
        if line and not line.startswith(" "):
            break
        if len(line) - len(line.lstrip()) == indent and line.strip():
            entry = ENTRY.match(line.strip())
            assert entry, f"{key(thing)}: no exception in the line {line.strip()!r} of its Raises"
            names += entry[1].split(", ")
    return {error_class(name) for name in names}


def resolve(path: str) -> Any:
    """The object that a table names, such as `cavi.cavi_ising` or `transforms.Log.forward`."""
    parts = path.split(".")
    split = max(n for n in range(1, len(parts)) if ".".join(["vi_lib", *parts[:n]]) in sys.modules)
    thing: Any = sys.modules[".".join(["vi_lib", *parts[:split]])]
    for part in parts[split:]:
        owner, thing = thing, getattr(thing, part)
        if inspect.isclass(owner):
            thing = plain_function(inspect.getattr_static(owner, part))
    return thing
