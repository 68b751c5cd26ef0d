"""A report as plain data, and what the tables of reports share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.cost import COSTS, Cost, LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.gc_pause import gc_paused
from convcalc.metrics import SUMS
from convcalc.problems import Call, printable
from convcalc.record import Record
from convcalc.render.problems import problems_data
from convcalc.render.table import Column
from convcalc.shapes import Shape, tuple_text

SCHEMA = "convcalc.report/1"
#: The metrics of a cost that are the sum over layers.
_SUMMED = [(name, figure) for name, figure in COSTS.items() if name in SUMS]


class Reports(Record):
    """The analysis of a network and, after a what-if, the report of the unchanged network.

    altered   the options that make the network differ from the file's
    """

    analysis: Analysis
    before: Report | None = None
    altered: str = ""

    @property
    def report(self) -> Report:
        """The network's costs."""
        return self.analysis.report

    @property
    def heading(self) -> str:
        """The network's name, its inputs, and the options that changed it."""
        return report_heading(self.report) + (f", with {self.altered}" if self.altered else "")


def report_heading(report: Report) -> str:
    """The network's name and its inputs."""
    return f"{printable(report.network.name, 200)}: {inputs_text(report.inputs)}"


def inputs_text(inputs: Mapping[str, Shape]) -> str:
    """Input shapes as text, with names if there are several."""
    if len(inputs) == 1:
        return f"input {tuple_text(next(iter(inputs.values())))}"
    return "inputs " + ", ".join([f"{name} {tuple_text(s)}" for name, s in inputs.items()])


def name_column(by_kind: bool) -> Column:
    """The column of a row's name."""
    return Column("kind" if by_kind else "name", "name")


def csv_columns(by_kind: bool) -> list[Column]:
    """The columns of a row's name and kind, for programs."""
    return [Column("kind"), Column("layers")] if by_kind else [Column("name"), Column("kind")]


@gc_paused()
def report_text(report: Report, before: Report | None = None) -> str:
    """The report as JSON; its data is gone before the garbage collector would look through it."""
    from convcalc.render.jsons import json_text

    return json_text(report_data(report, before))


def report_data(report: Report, before: Report | None = None) -> dict[str, Any]:
    """The report as plain data, in the order of the documented keys."""
    network = report.network
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "name": network.name,
        "source": network.source,
        "inputs": {name: list(shape) for name, shape in report.inputs.items()},
        "outputs": {name: list(shape) for name, shape in report.outputs.items()},
        "notes": problems_data(network.notes),
        "layers": _layers(report),
        "totals": cost_data(report.totals),
    }
    if before is not None:
        data["before"] = {"layers": _layers(before), "totals": cost_data(before.totals)}
    return data


def _layers(report: Report) -> list[dict[str, Any]]:
    nodes = report.network.nodes
    return [
        _layer(layer, [nodes[index].path for index in layer.node.reads]) for layer in report.layers
    ]


def _layer(layer: LayerReport, sources: list[str]) -> dict[str, Any]:
    node = layer.node
    span = node.span
    return {
        "name": node.name,
        "path": node.path,
        "kind": node.kind,
        "file": span.source.name if span else None,
        "line": span.line if span else None,
        "calls": [_call(call) for call in node.calls],
        "from": sources,
        "inputs": [list(shape) for shape in layer.inputs] if sources else [],
        "output": list(layer.output),
        **cost_data(layer.cost),
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "block": call.block,
        "file": call.span.source.name,
        "line": call.span.line,
        "copy": call.copy,
        "copies": call.copies,
    }


def cost_data(cost: Cost) -> dict[str, int]:
    """A cost's metrics by name."""
    return {name: figure(cost) for name, figure in _SUMMED}
