"""The shipped networks as a table and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from convcalc.metrics import METRICS
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import Shape, cross_text

#: The metrics that are shown.
SHOWN = ("params", "macs", "flops", "depth")


class Entry(NamedTuple):
    """A shipped network, with the metrics of `SHOWN` for one sample."""

    name: str
    inputs: dict[str, Shape]
    metrics: dict[str, int]


def zoo_table(entries: Sequence[Entry]) -> Table:
    """A row for each network."""
    rows: list[list[Cell]] = []
    for one in entries:
        inputs = ", ".join(cross_text(shape) for shape in one.inputs.values())
        rows.append([one.name, inputs, *[one.metrics[metric] for metric in SHOWN]])
    figures = [Column(METRICS[metric].title, "number") for metric in SHOWN]
    columns = [Column("name", "name"), Column("input"), *figures]
    notes = ["One sample each. FLOPs: every scalar operation counts one; see `convcalc flops`."]
    return Table("", columns, rows, (), notes)


def zoo_data(entries: Sequence[Entry]) -> dict[str, Any]:
    """The networks as plain data."""
    return {"schema": "convcalc.zoo/1", "networks": [_entry_data(entry) for entry in entries]}


def _entry_data(entry: Entry) -> dict[str, Any]:
    inputs = {name: list(shape) for name, shape in entry.inputs.items()}
    return {"name": entry.name, "inputs": inputs, **entry.metrics}
