"""The shipped networks side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from convcalc.render.table import Column, Table
from convcalc.shapes import Shape, cross_text


class Entry(NamedTuple):
    """A shipped network; costs for one sample."""

    name: str
    inputs: dict[str, Shape]
    params: int
    macs: int
    flops: int
    depth: int


def zoo_table(entries: Sequence[Entry]) -> Table:
    """A row for each network."""
    rows = [
        (
            one.name,
            ", ".join(cross_text(shape) for shape in one.inputs.values()),
            one.params,
            one.macs,
            one.flops,
            one.depth,
        )
        for one in entries
    ]
    columns = [
        Column("name", "name"),
        Column("input"),
        Column("params", "number"),
        Column("MACs", "number"),
        Column("FLOPs", "number"),
        Column("depth", "number"),
    ]
    notes = ["One sample each. FLOPs: every scalar operation counts one; see `convcalc flops`."]
    return Table("", columns, rows, (), notes)


def zoo_data(entries: Sequence[Entry]) -> dict[str, Any]:
    """The networks as plain data."""
    return {"schema": "convcalc.zoo/1", "networks": [_entry_data(entry) for entry in entries]}


def _entry_data(entry: Entry) -> dict[str, Any]:
    inputs = {name: list(shape) for name, shape in entry.inputs.items()}
    return {**entry._asdict(), "inputs": inputs}
