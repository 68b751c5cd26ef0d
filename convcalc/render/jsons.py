"""Reports as JSON, the stable interface: integers exact, keys only ever added."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from convcalc.analysis.costs.cost import Cost, LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.metrics import COSTS
from convcalc.collection import collector_paused
from convcalc.diagnostics import Call
from convcalc.metrics import SUMS

SCHEMA = "convcalc.report/1"


@collector_paused()
def report_text(report: Report, before: Report | None = None) -> str:
    """The report as JSON; with a what-if, `before` is the original's."""
    return json_text(report_data(report, before))


def json_text(data: Mapping[str, object]) -> str:
    """Data as JSON, a line for each key, and in a list of objects one for each of them."""
    return "".join(_lines(data, "")) + "\n"


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
    return {name: figure(cost) for name, figure in COSTS.items() if name in SUMS}


def _lines(data: Mapping[str, object], indent: str) -> Iterator[str]:
    inner = indent + "  "
    start = "{\n"
    for key, value in data.items():
        yield f"{start}{inner}{_one(key)}: "
        start = ",\n"
        if isinstance(value, dict) and any(_is_layered(part) for part in value.values()):
            yield from _lines(value, inner)
        elif _is_layered(value):
            yield "[\n" + ",\n".join([f"{inner}  {_one(item)}" for item in value]) + f"\n{inner}]"
        else:
            yield _one(value)
    yield f"\n{indent}}}"


def _is_layered(value: object) -> TypeGuard[list[dict[str, object]]]:
    """Whether it is a list of objects, such as a network's layers."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


_one = json.JSONEncoder(ensure_ascii=False).encode
