"""`convcalc field`: which part of the input a unit of each layer sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Annotated

import typer

from convcalc.analysis.costs.explain import find_nodes
from convcalc.analysis.costs.report import Report, analyze
from convcalc.analysis.costs.rows import Row
from convcalc.analysis.field.fields import (
    AxisField,
    Crooked,
    Fields,
    LayerField,
    fields,
    unit_field,
)
from convcalc.analysis.field.reach import Found
from convcalc.cli import options
from convcalc.cli.explain import refuse_layer
from convcalc.cli.guard import guarded, unusable
from convcalc.cli.output import TABLE_FORMATS, emit, emit_table
from convcalc.cli.shapes import selected_rows, title
from convcalc.diagnostics import printable
from convcalc.graph import Network, Node
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import axis_name, cross_text, tuple_text

IDEAL = (
    "Of a unit far from all edges. Offset: the first pixel of the first unit's field, negative on"
    " padding; centre: the middle of that field."
)
#: What the units of a layer have to do with each other's fields.
MOVING, FIXED, SPREAD, DIFFER, BOUND = "moving", "fixed", "spread", "differ", "bound"
MEANINGS = {
    FIXED: "fixed: every unit sees the same pixels, whatever its place",
    SPREAD: "spread: units of a flattened map, each with the field that it had there",
    DIFFER: "differ: units differ in size, shown is the largest",
    BOUND: "bound: an upper bound, as the units follow no rule that could be told",
}
#: Misaligned joins that the notes name.
_SHOWN = 3


@guarded
def field(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    layer: Annotated[
        str | None,
        typer.Argument(metavar="[LAYER]", help="One layer, and what one of its units really sees."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="Y,X", help="That unit of LAYER, not the middle one."),
    ] = None,
    sets: options.Sets = None,
    input_: options.Input = None,
    batch: options.Batch = 1,
    depth: options.Depth = None,
    expand: options.Expand = False,
    sort: options.Sort = None,
    top: options.Top = None,
    style: options.Format = "table",
    output: options.Output = None,
) -> int:
    """The receptive field of every layer's units: its size, stride and place on the input.

    Examples:
      convcalc field vgg16
      convcalc field resnet50 --depth 1
      convcalc field resnet50 stage2             what its middle unit really sees
      convcalc field resnet50 stage2 --unit 0,0  a corner, cut at the input's end
      convcalc field mynet.yaml --format json

    Formats: table, plain, json (always every operation), csv, markdown.
    """
    options.read_word("--format", style, TABLE_FORMATS)
    options.read_batch(batch)
    network = options.load_network(file, sets, input_)
    if layer is not None:
        _one_layer(network, layer, unit, style, output)
        return 0
    if unit is not None:
        unusable(
            "--unit is about the units of one layer", f"convcalc field {file} LAYER --unit {unit}"
        )
    report = analyze(network, batch=batch)
    if style == "json":
        from convcalc.render.jsons import json_text

        emit(json_text(_report_data(report, fields(network))), output)
        return 0
    by_field = sort is not None and sort.lower() == "field"
    options.read_count("--top", top)
    found = selected_rows(report, depth, expand, None if by_field else sort, None, None)
    seen = fields(network)
    if by_field:
        found.sort(key=lambda row: -_area(seen[row.members[-1].node.path]))
    emit_table(_table(report, seen, found[:top]), style, output)
    return 0


def _area(found: LayerField) -> int:
    return max([prod([axis.size for axis in axes]) for axes in found.axes.values()], default=0)


def _table(report: Report, seen: Fields, found: Sequence[Row]) -> Table:
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
            rows.append([row.name, *["-"] * (6 if several else 5)])
    columns = ["field", "stride", "offset", "centre", "units"]
    return Table(
        title(report),
        [
            Column("name", "name"),
            *([Column("input", "name")] if several else []),
            *map(Column, columns),
        ],
        rows,
        (),
        [
            IDEAL,
            *[text for word, text in MEANINGS.items() if word in used],
            *_larger(report.network, seen, found),
            *_crooked_notes(seen.crooked),
        ],
    )


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
    """A note on the first field that is larger than the input."""
    inputs = network.inputs
    for row in found:
        for name, axes in seen[row.members[-1].node.path].axes.items():
            sizes = inputs[name][1:]
            if any([axis.size > n for axis, n in zip(axes, sizes, strict=True)]):
                where = f"Larger than the input {cross_text(sizes)} from {printable(row.name)} on"
                return [f"{where}: name a LAYER to see what is left."]
    return []


def _crooked_notes(crooked: Sequence[Crooked]) -> list[str]:
    """A note on each join whose branches do not lie on each other, the first few of them."""
    joins: dict[tuple[str, str], list[str]] = {}
    for found in crooked:
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


def _report_data(report: Report, seen: Fields) -> dict[str, object]:
    from convcalc.render.jsons import report_data

    data = report_data(report)
    for layer in data["layers"]:
        path = layer["path"]
        layer["field"] = {
            name: {**_axes_data(axes), "aligned": seen.aligned(path, name)}
            for name, axes in seen[path].axes.items()
        }
    return data


def _axes_data(axes: Sequence[AxisField]) -> dict[str, list[object]]:
    return {
        "size": [axis.size for axis in axes],
        "stride": [axis.stride and axis.stride.data for axis in axes],
        "offset": [axis.offset for axis in axes],
        "centre": [axis.centre and axis.centre.data for axis in axes],
        "whole": [axis.whole for axis in axes],
        "uneven": [axis.uneven for axis in axes],
        "at_most": [axis.at_most for axis in axes],
    }


# One layer.


def _one_layer(
    network: Network, name: str, unit: str | None, style: str, output: str | None
) -> None:
    nodes = find_nodes(network, name) or _group(network, name)
    if not nodes:
        refuse_layer(network, name)
    node = nodes[-1]
    place = _place(name, node, unit)
    found = unit_field(network, network.nodes.index(node), place)
    layer = fields(network)[node.path]
    if style == "json":
        from convcalc.render.jsons import json_text

        emit(json_text(_layer_data(network, node, layer, place, found)), output)
    else:
        emit_table(_layer_table(network, name, node, layer, place, found), style, output)


def _group(network: Network, name: str) -> list[Node]:
    """The operations of a group: the last one's result is the group's."""
    return [node for node in network.operations if node.path.startswith(f"{name}.")]


def _place(name: str, node: Node, unit: str | None) -> tuple[int, ...]:
    """The unit that was asked for, or the middle one."""
    sizes = node.shape[1:]
    if unit is None:
        return tuple([n // 2 for n in sizes])
    if not sizes:
        unusable(f"--unit: {printable(name)} has no spatial axes, all its units are taken")
    parts = re.split("[,xX]", unit)
    if len(parts) != len(sizes) or not all(
        re.fullmatch(r" *[0-9]{1,12} *", part) for part in parts
    ):
        axes = ", ".join(axis_name(axis, len(sizes)) for axis in range(len(sizes)))
        unusable(
            f"--unit takes a place on each axis ({axes}), not '{printable(unit)}'",
            f"--unit {','.join(str(n // 2) for n in sizes)}",
        )
    place = tuple([int(part) for part in parts])
    if any([y >= n for y, n in zip(place, sizes, strict=True)]):
        unusable(
            f"--unit {printable(unit)} is not on the map of {printable(name)}, {cross_text(sizes)}",
            f"places count from 0: the last is {','.join(str(n - 1) for n in sizes)}",
        )
    return place


def _layer_table(
    network: Network, layer: str, node: Node, seen: LayerField, place: tuple[int, ...], found: Found
) -> Table:
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
    whose = f"unit {shown} really sees" if place else "all units really see"
    notes = [f"First and last: the pixels that {whose}."]
    if found.cut:
        notes.append("Windows on the way hang over an edge: padding takes part.")
    notes.append(IDEAL)
    if not rows:
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


def _layer_data(
    network: Network, node: Node, layer: LayerField, place: tuple[int, ...], found: Found
) -> dict[str, object]:
    inputs: dict[str, object] = {}
    origins = {network.nodes[index].path: spans for index, spans in found.inputs.items()}
    for name, axes in layer.axes.items():
        spans = origins.get(name)
        inputs[name] = {
            "shape": [1, *network.inputs[name]],
            **_axes_data(axes),
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
        "padding": found.cut,
        "inputs": inputs,
    }
