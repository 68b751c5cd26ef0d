"""`convcalc field`: which part of the input a unit of each layer sees."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.explain import find_nodes
from convcalc.analysis.costs.rows import ROW_COSTS
from convcalc.analysis.field.fields import unit_field
from convcalc.cli import options
from convcalc.cli.explain import refuse_layer
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit_json, emit_table
from convcalc.cli.rows import View
from convcalc.graph import Network, Node
from convcalc.problems import printable
from convcalc.render.field import (
    field_data,
    field_table,
    layer_field_data,
    layer_field_table,
)
from convcalc.shapes import axis_name, cross_text


@guarded
def field(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    layer: Annotated[
        str | None,
        typer.Argument(
            metavar="LAYER", help="Show one layer, and what one of its units depends on."
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", metavar="Y,X", help="Show this unit of LAYER instead of the middle one."
        ),
    ] = None,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    depth: options.Depth = None,
    expand: options.Expand = False,
    sort: options.Sort = None,
    top: options.Top = None,
    ignore_global: Annotated[
        bool,
        typer.Option(
            "--ignore-global",
            help="Leave out what lets every unit see everything. That is group norms,"
            " squeeze and excitation, attention.",
        ),
    ] = False,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Show the receptive field of every layer's units.

    Examples:
      convcalc field vgg16
      convcalc field resnet50 --depth 1
      convcalc field resnet50 stage2             what its middle unit depends on
      convcalc field resnet50 stage2 --unit 0,0  a corner, cut at the input's end
      convcalc field efficientnet_b0 --ignore-global
      convcalc field mynet.yaml --format json

    A row has the field's size, stride and place on the input.
    Formats: table, plain, json (always every operation), csv, markdown, latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_batch(batch)
    network = options.load_network(file, sets, input_, max_layers)
    if layer is not None:
        _one_layer(network, file, layer, unit, ignore_global, style, output)
        return 0
    if unit is not None:
        refuse(
            "--unit is about the units of one layer", f"convcalc field {file} LAYER --unit {unit}"
        )
    analysis = Analysis(network, batch=batch)
    report, globals_ = analysis.report, analysis.local_readings.layers
    seen = analysis.local_fields if ignore_global else analysis.fields
    if style == "json":
        emit_json(field_data(report, seen, globals_, ignored=ignore_global), output)
        return 0
    figures = {**ROW_COSTS, "field": lambda row: seen[row.members[-1].node.path].area}
    rows = View(depth, expand, sort, top).rows(report, figures)
    table = field_table(report, seen, rows, globals_, ignored=ignore_global)
    emit_table(table, style, output)
    return 0


def _one_layer(
    network: Network,
    file: str,
    name: str,
    unit: str | None,
    ignore_global: bool,
    style: str,
    output: str | None,
) -> None:
    nodes = find_nodes(network, name) or _group(network, name)
    if not nodes:
        refuse_layer(network, file, name)
    node = nodes[-1]
    place = _place(name, node, unit)
    analysis = Analysis(network)
    readings = analysis.local_readings if ignore_global else None
    found = unit_field(network, network.nodes.index(node), place, readings)
    layer = (analysis.local_fields if ignore_global else analysis.fields)[node.path]
    if style == "json":
        emit_json(layer_field_data(network, node, layer, place, found), output)
    else:
        emit_table(layer_field_table(network, name, node, layer, place, found), style, output)


def _group(network: Network, name: str) -> list[Node]:
    """The operations of a group; the last one gives its result."""
    return [node for node in network.operations if node.path.startswith(f"{name}.")]


def _place(name: str, node: Node, unit: str | None) -> tuple[int, ...]:
    """Reads the place of a unit; the middle one by default."""
    sizes = node.shape[1:]
    if unit is None:
        return tuple([n // 2 for n in sizes])
    if not sizes:
        refuse(f"--unit: {printable(name)} has no spatial axes, all its units are taken")
    parts = re.split("[,xX]", unit)
    if len(parts) != len(sizes) or not all(
        re.fullmatch(r" *[0-9]{1,12} *", part) for part in parts
    ):
        axes = ", ".join(axis_name(axis, len(sizes)) for axis in range(len(sizes)))
        refuse(
            f"--unit takes a place on each axis ({axes}), not '{printable(unit)}'",
            f"--unit {','.join(str(n // 2) for n in sizes)}",
        )
    place = tuple([int(part) for part in parts])
    if any([y >= n for y, n in zip(place, sizes, strict=True)]):
        refuse(
            f"--unit {printable(unit)} is not on the map of {printable(name)}, {cross_text(sizes)}",
            f"places count from 0: the last is {','.join(str(n - 1) for n in sizes)}",
        )
    return place
