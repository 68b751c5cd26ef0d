"""Observed and predicted shapes as a table and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcalc.facts import problems_data
from convcalc.problems import printable
from convcalc.quantities import short_bytes
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import tuple_text, with_batch

if TYPE_CHECKING:
    from convcalc.executor.verify import Verification
    from convcalc.graph import Network

SCHEMA = "convcalc.verify/1"


def _verdict(found: Verification) -> str:
    """The result as one line."""
    count = len(found.checks)
    differ = len(found.differences)
    if differ:
        return f"{differ} of {count} observed shapes differ from the predicted ones"
    return f"all {count} observed shapes are as predicted"


def verification_table(network: Network, found: Verification) -> Table:
    """A row for each operation; the time of a fused one is in the row of its layer."""
    rows: list[list[Cell]] = [
        [
            check.node.path,
            check.node.kind,
            tuple_text(check.predicted),
            tuple_text(check.observed) + ("" if check.agrees else " differs"),
            "fused" if check.seconds is None else _microseconds(check.seconds),
            check.bytes,
        ]
        for check in found.checks
    ]
    inputs = ", ".join(
        tuple_text(with_batch(shape, found.batch)) for shape in network.inputs.values()
    )
    of_runs = f", medians of {found.runs} runs" if found.runs > 1 else ""
    kernels = sum([check.seconds or 0 for check in found.checks])
    return Table(
        f"{printable(network.name)}: input {inputs}",
        [
            Column("name", "name"),
            Column("kind"),
            Column("predicted", "shape"),
            Column("observed", "shape"),
            Column("microseconds", "number"),
            Column("bytes", "number"),
        ],
        rows,
        ["total", "", "", "", _microseconds(kernels), ""],
        [
            f"{found.seconds:.3f} s with making the weights{of_runs}",
            f"predicted peak of memory: {short_bytes(found.peak)}",
            _verdict(found),
        ],
    )


def _microseconds(seconds: float) -> int:
    """Rounds a time to microseconds."""
    return round(seconds * 1e6)


def verification_data(
    network: Network, found: Verification, settings: dict[str, Any]
) -> dict[str, Any]:
    """The verification as plain data."""
    nodes = network.nodes
    return {
        "schema": SCHEMA,
        "name": network.name,
        "source": network.source,
        "verdict": "differ" if found.differences else "agree",
        "batch": found.batch,
        **settings,
        "runs": found.runs,
        "inputs": {
            name: list(with_batch(shape, found.batch)) for name, shape in network.inputs.items()
        },
        "outputs": {
            name: list(with_batch(nodes[index].shape, found.batch))
            for name, index in network.outputs.items()
        },
        "notes": problems_data(network.notes),
        "layers": [
            {
                "name": check.node.name,
                "path": check.node.path,
                "kind": check.node.kind,
                "file": check.node.span.source.name if check.node.span else None,
                "line": check.node.span.line if check.node.span else None,
                "predicted": list(check.predicted),
                "observed": list(check.observed),
                "agrees": check.agrees,
                "seconds": check.seconds,
                "bytes": check.bytes,
            }
            for check in found.checks
        ],
        "totals": {
            "layers": len(found.checks),
            "differences": len(found.differences),
            "seconds": found.seconds,
            "predicted_peak_bytes": found.peak,
        },
    }
