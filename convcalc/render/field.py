"""Receptive fields as tables and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.analysis.costs.report import (
    Report,
    unknown_data,
    unknown_operations,
    unknown_text,
)
from convcalc.analysis.costs.rows import Row
from convcalc.analysis.field.dependencies import Dependencies
from convcalc.analysis.field.fields import (
    AxisField,
    Fields,
    LayerField,
    Misalignment,
    axes_data,
)
from convcalc.analysis.field.global_reads import GlobalLayer
from convcalc.facts import problems_data
from convcalc.graph import Network, Node
from convcalc.problems import printable
from convcalc.render.report import UNKNOWN, report_data, report_heading
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import axis_name, cross_text, tuple_text

IDEAL = (
    "Of a unit far from all edges. Offset: the first pixel of the first unit's field, negative on"
    " padding; centre: the middle of that field."
)
#: How the fields of a layer's units relate to each other.
MOVING, FIXED, SPREAD, DIFFER, BOUND = "moving", "fixed", "spread", "differ", "bound"
MEANINGS = {
    FIXED: "fixed: every unit sees the same pixels, whatever its place",
    SPREAD: "spread: units of a flattened map, each with the field that it had there",
    DIFFER: "differ: units differ in size, shown is the largest",
    BOUND: "bound: an upper bound, as the units follow no rule that could be told",
}
#: Misaligned joins that the notes list.
_SHOWN = 3


def field_table(
    report: Report,
    seen: Fields,
    found: Sequence[Row],
    globals_: Sequence[GlobalLayer],
    *,
    ignored: bool = False,
) -> Table:
    """The field of each row's last operation on every input that it depends on.

    globals_  the layers that make fields global, and whether they are `ignored`
    """
    several = len(report.inputs) > 1
    rows: list[list[Cell]] = []
    used: set[str] = set()
    for row in found:
        layer = seen[row.members[-1].node.path]
        for name, axes in layer.axes.items():
            alone = LayerField({name: axes})
            units = _units(axes)
            used.add(units)
            texts = (alone.size_text(), alone.stride_text(), alone.offset_text())
            rows.append(
                [row.name, *([name] if several else []), *texts, alone.centre_text(), units]
            )
        if not layer.axes:
            shown = UNKNOWN if layer.unknown else "-"
            rows.append([row.name, *[shown] * (6 if several else 5)])
    columns = ["field", "stride", "offset", "centre", "units"]
    return Table(
        report_heading(report),
        [
            Column("name", "name"),
            *([Column("input", "name")] if several else []),
            *map(Column, columns),
        ],
        rows,
        (),
        [
            IDEAL,
            *_unknown_notes(report),
            *[text for word, text in MEANINGS.items() if word in used],
            *_larger(report.network, seen, found),
            *_global_notes(globals_, ignored=ignored),
            *_misaligned_notes(seen.misaligned),
        ],
    )


def _unknown_notes(report: Report) -> list[str]:
    """A note where fields are unknown."""
    if report.complete:
        return []
    return [f"?: what is read there, or before, is unknown: {unknown_text(report.unknown)}."]


def _units(axes: Sequence[AxisField]) -> str:
    if any([axis.at_most for axis in axes]):
        return BOUND
    if any([axis.uneven for axis in axes]):
        return DIFFER
    if not axes:
        return "-"  # plain features
    if any([axis.stride is not None for axis in axes]):
        return MOVING
    return FIXED if all([axis.whole for axis in axes]) else SPREAD


def _larger(network: Network, seen: Fields, found: Sequence[Row]) -> list[str]:
    """A note on the first field that is larger than its input."""
    inputs = network.inputs
    for row in found:
        for name, axes in seen[row.members[-1].node.path].axes.items():
            sizes = inputs[name][1:]
            if any([axis.size > n for axis, n in zip(axes, sizes, strict=True)]):
                where = f"Larger than the input {cross_text(sizes)} from {printable(row.name)} on"
                return [f"{where}: name a LAYER to see what is left."]
    return []


def _global_notes(found: Sequence[GlobalLayer], *, ignored: bool) -> list[str]:
    """A note on the layers that make fields global: the first, and how many more there are."""
    if not found:
        return []
    first, *others = found
    name = printable(first.node.path, 200)
    what = f"{first.node.kind} reads every position"
    if first.through is not None:
        through = f"{printable(first.through.path, 200)} ({first.through.kind})"
        what = f"{first.node.kind} joins what {through} reads of every position"
    more = f", and so do {len(others)} more layers" if len(others) > 1 else ""
    more = ", and so does 1 more layer" if len(others) == 1 else more
    if ignored:
        return [f"Left out is what makes fields global, at {name}: {what}{more}."]
    return [f"Global from {name} on: {what}{more}. --ignore-global leaves that out."]


def _misaligned_notes(misaligned: Sequence[Misalignment]) -> list[str]:
    """A note on each join whose branches are misaligned, for the first few joins."""
    joins: dict[tuple[str, str], list[str]] = {}
    for found in misaligned:
        places = ", ".join(
            f"{printable(unit)} stride {stride} centre {centre}"
            for unit, stride, centre in found.branches
        )
        axes = joins.setdefault((printable(found.node.path), places), [])
        axes.append(axis_name(found.axis, found.rank))
    notes = [
        f"Misaligned branches in {join} ({', '.join(axes)}): {places}"
        for (join, places), axes in joins.items()
    ]
    more = len(notes) - _SHOWN
    if more > 0:
        notes[_SHOWN:] = [f"and {more} more misaligned; --format json marks them all"]
    return notes


def field_data(
    report: Report, seen: Fields, globals_: Sequence[GlobalLayer], *, ignored: bool = False
) -> dict[str, Any]:
    """The report, with the field of each operation under the key "field"."""
    data = report_data(report)
    data["ignore_global"] = ignored
    data["global"] = [
        {
            "path": one.node.path,
            "kind": one.node.kind,
            "through": one.through.path if one.through else None,
        }
        for one in globals_
    ]
    fields = seen.to_dict()
    for layer in data["layers"]:
        layer["field"] = fields[layer["path"]]
    return data


def layer_field_table(
    network: Network,
    layer: str,
    node: Node,
    seen: LayerField,
    place: tuple[int, ...],
    found: Dependencies,
) -> Table:
    """What one unit of a layer depends on, by input and axis; `layer` is the name to print."""
    rows: list[list[Cell]] = []
    used: set[str] = set()
    origins = {network.nodes[index].path: spans for index, spans in found.inputs.items()}
    for name, axes in seen.axes.items():
        sizes = network.inputs[name][1:]
        spans: Sequence[tuple[int, int] | None] = origins.get(name, (None,) * len(sizes))
        for number, (axis, n, span) in enumerate(zip(axes, sizes, spans, strict=True)):
            units = _units([axis])
            used.add(units)
            rows.append(
                [
                    name,
                    axis_name(number, len(sizes)),
                    n,
                    axis.size,
                    *[
                        "-" if value is None else str(value)
                        for value in (axis.stride, axis.offset, axis.centre)
                    ],
                    units,
                    span and span[0],
                    span and span[1],
                ]
            )
    shown = tuple_text(place) if len(place) > 1 else "".join(map(str, place))
    whose = f"unit {shown} depends on" if place else "all units depend on"
    notes = [f"First and last: the pixels that {whose}."]
    if found.cut:
        notes.append("Windows in between extend beyond an edge: padding takes part.")
    notes.append(IDEAL)
    if seen.unknown:
        unknown = unknown_text(unknown_operations(network))
        notes = [f"It is unknown what it depends on: {unknown}."]
    elif not rows:
        notes = ["No pixel of an input: it depends on inputs without spatial axes, or on none."]
    units = f"unit {shown} of {cross_text(node.shape[1:])}" if place else "all its units"
    return Table(
        f"{printable(layer)} of {printable(network.name)}: {units}",
        [
            Column("input", "name"),
            Column("axis"),
            Column("size", "number"),
            Column("field", "number"),
            Column("stride", "number"),
            Column("offset", "number"),
            Column("centre", "number"),
            Column("units"),
            Column("first", "number"),
            Column("last", "number"),
        ],
        rows,
        (),
        [*notes, *[text for word, text in MEANINGS.items() if word in used]],
    )


def layer_field_data(
    network: Network, node: Node, layer: LayerField, place: tuple[int, ...], found: Dependencies
) -> dict[str, Any]:
    """What one unit of a layer depends on, as plain data."""
    inputs: dict[str, object] = {}
    origins = {network.nodes[index].path: spans for index, spans in found.inputs.items()}
    for name, axes in layer.axes.items():
        spans = origins.get(name)
        inputs[name] = {
            "shape": [1, *network.inputs[name]],
            **axes_data(axes),
            "first": None if spans is None else [first for first, _ in spans],
            "last": None if spans is None else [last for _, last in spans],
        }
    return {
        "schema": "convcalc.field/1",
        "name": network.name,
        "path": node.path,
        "kind": node.kind,
        "output": [1, *node.shape],
        "unit": list(place),
        "padding": None if layer.unknown else found.cut,
        "inputs": None if layer.unknown else inputs,
        "notes": problems_data(network.notes),
        **unknown_data(unknown_operations(network)),
    }
