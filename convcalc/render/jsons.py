"""Reports as JSON, the stable interface: integers exact, keys only ever added."""

from __future__ import annotations

import json
from typing import Any

from convcalc.analysis.report import Cost, LayerReport, Report
from convcalc.diagnostics import Call

SCHEMA = "convcalc.report/1"


def report_text(report: Report, before: Report | None = None) -> str:
    """The report as JSON; with a what-if, `before` is the original's."""
    return json_text(report_data(report, before))


def json_text(data: object) -> str:
    """Data as JSON: indented, except that a layer or a list of numbers stands on one line."""
    return _lines(data, 0) + "\n"


def report_data(report: Report, before: Report | None = None) -> dict[str, Any]:
    """The report as plain data, in the order of the documented keys."""
    network = report.network
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "name": network.name,
        "source": network.source,
        "inputs": {name: list(shape) for name, shape in report.inputs.items()},
        "outputs": {name: list(shape) for name, shape in report.outputs.items()},
        "layers": _layers(report),
        "totals": _cost(report.totals),
    }
    if before is not None:
        data["before"] = {"layers": _layers(before), "totals": _cost(before.totals)}
    return data


def _layers(report: Report) -> list[dict[str, Any]]:
    nodes = report.network.nodes
    return [
        _layer(layer, [nodes[index].path for index in layer.node.inputs]) for layer in report.layers
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
        "inputs": [list(shape) for shape in layer.inputs],
        "output": list(layer.output),
        **_cost(layer.cost),
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "block": call.block,
        "file": call.span.source.name,
        "line": call.span.line,
        "copy": call.copy,
        "copies": call.copies,
    }


def _cost(cost: Cost) -> dict[str, int]:
    return {
        "params": cost.params,
        "buffers": cost.buffers,
        **cost.counts._asdict(),
        "macs": cost.macs,
        "flops": cost.flops,
    }


def _lines(data: object, depth: int) -> str:
    if isinstance(data, dict) and data and depth < 3:
        inner = [f"{'  ' * (depth + 1)}{_one(k)}: {_lines(v, depth + 1)}" for k, v in data.items()]
        # A mapping of plain values is short enough for one line, save the report itself.
        if depth and not any(isinstance(value, dict | list) for value in data.values()):
            return _one(data)
        if depth and "path" in data:
            return _one(data)
        return "{\n" + ",\n".join(inner) + "\n" + "  " * depth + "}"
    if isinstance(data, list) and data and isinstance(data[0], dict):
        inner = [f"{'  ' * (depth + 1)}{_one(item)}" for item in data]
        return "[\n" + ",\n".join(inner) + "\n" + "  " * depth + "]"
    return _one(data)


def _one(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)
