"""What happens to notebooks on their way to the teacher: cells lost, doubled, broken."""

from __future__ import annotations

import copy
from collections.abc import Callable

import nbformat

Notebook = nbformat.NotebookNode
Damage = Callable[[Notebook], None]


def cell_of(notebook: Notebook, grade_id: str) -> Notebook:
    """The cell with this id; `KeyError` if there is none."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            return cell
    raise KeyError(f"expected a cell {grade_id!r} in the notebook")


def deleted(grade_id: str) -> Damage:
    """The cell is deleted."""
    return lambda notebook: notebook.cells.remove(cell_of(notebook, grade_id))


def duplicated(grade_id: str) -> Damage:
    """The cell stands twice, as after a careless copy and paste."""

    def damage(notebook: Notebook) -> None:
        cell = cell_of(notebook, grade_id)
        twin = copy.deepcopy(cell)
        twin["id"] = f"{cell['id']}-copy"
        notebook.cells.insert(notebook.cells.index(cell) + 1, twin)

    return damage


def appended(grade_id: str, code: str) -> Damage:
    """Code at the end of the cell."""

    def damage(notebook: Notebook) -> None:
        cell = cell_of(notebook, grade_id)
        cell.source = f"{cell.source}\n\n\n{code}"

    return damage


def prepended(grade_id: str, code: str) -> Damage:
    """Code at the start of the cell."""

    def damage(notebook: Notebook) -> None:
        cell = cell_of(notebook, grade_id)
        cell.source = f"{code}\n\n\n{cell.source}"

    return damage


def colon_forgotten(grade_id: str) -> Damage:
    """A syntax error: the first `def` of the cell has lost its colon."""

    def damage(notebook: Notebook) -> None:
        cell = cell_of(notebook, grade_id)
        before, colon, after = cell.source.partition("):\n")
        if not colon:
            raise ValueError(f"expected a def in the cell {grade_id!r}")
        cell.source = f"{before})\n{after}"

    return damage
