"""Tables of output shapes and parameters."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import Row
from convcalc.problems import printable
from convcalc.render.numbers import grouped
from convcalc.render.report import figure, incomplete_notes, report_heading, totals_label
from convcalc.render.table import Column, Table
from convcalc.shapes import tuple_text


def shapes_table(
    report: Report, rows: Sequence[Row], *, by_kind: bool = False, batch: bool = True
) -> Table:
    """The rows of a report with their output shapes and parameters, and the totals.

    batch  whether shapes have the batch axis
    """
    shown = tuple_text if batch else lambda shape: tuple_text(shape[1:])
    totals = report.totals
    label = totals_label(not totals.unlisted)
    notes = incomplete_notes(report)
    if totals.buffers:
        constants = any(
            [layer.node.layer.constant and layer.cost.buffers for layer in report.layers]
        )
        what = "running statistics and constants" if constants else "running statistics"
        least = "at least " * bool(totals.unlisted)
        notes.append(f"{least}{grouped(totals.buffers)} buffers ({what})")
    heading = report_heading(report, batch=batch)
    if by_kind:
        return Table(
            heading,
            [Column("kind"), Column("layers"), Column("params", "number")],
            [(row.name, row.kind, figure(row.cost, "params")) for row in rows],
            (label, f"{len(report.layers)} layers", totals.params),
            notes,
        )
    outputs = " ".join([shown(shape) for shape in report.outputs.values()])
    return Table(
        heading,
        [
            Column("name", "name"),
            Column("kind"),
            Column("output shape", "shape", key="output_shape"),
            Column("params", "number"),
        ],
        [(row.name, row.kind, shown(row.output), figure(row.cost, "params")) for row in rows],
        (label, "", outputs, totals.params),
        [*notes, *_remarks(rows)],
    )


def _remarks(rows: Sequence[Row]) -> list[str]:
    """What the first layer does that may not be expected, and how many do so too."""
    found = [
        (row.name, remark)
        for row in rows
        for member in row.members
        if (remark := member.node.layer.remark([shape[1:] for shape in member.inputs]))
    ]
    if not found:
        return []
    name, remark = found[0]
    others = len(found) - 1
    more = f" (and so for {others} more)" if others else ""
    return [f"{printable(name, 200)} {remark}{more}."]
