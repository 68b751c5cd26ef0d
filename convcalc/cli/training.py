"""`convcalc flops --training`: what a training step costs."""

from __future__ import annotations

from convcalc.analysis.report import Report
from convcalc.analysis.rows import TEXT_KEYS, Row
from convcalc.analysis.training import Training, train
from convcalc.cli import options
from convcalc.cli.options import View
from convcalc.cli.output import emit, emit_table
from convcalc.cli.shapes import selected_rows, title
from convcalc.render.jsons import json_text, report_data
from convcalc.render.table import Table
from convcalc.render.training import (
    SORT_KEYS,
    row_costs,
    sort_rows,
    training_csv,
    training_data,
    training_table,
)


def emit_training(
    report: Report,
    before: Report | None,
    optimizer: str,
    *,
    input_gradient: bool,
    view: View,
    style: str,
    output: str | None,
) -> None:
    """A training step of the report's network; `before` is the original's, after a what-if."""
    step = train(
        report.network, batch=report.batch, optimizer=optimizer, input_gradient=input_gradient
    )
    if style == "json":
        data = {**report_data(report, before), "training": training_data(step)}
        emit(json_text(data), output)
        return
    found = selected_rows(report, view.depth, view.expand, None, None, view.by)
    heading = title(report)
    if before is not None and report.network.altered:
        heading = f"{heading}, with {report.network.altered}"
    emit_table(_table(step, heading, found, view, style), style, output)


def _table(step: Training, heading: str, found: list[Row], view: View, style: str) -> Table:
    """The rows that the view shows."""
    options.read_count("--top", view.top)
    costs = row_costs(step, found)
    if view.sort is not None:
        columns = [*TEXT_KEYS, *SORT_KEYS]
        found = sort_rows(found, costs, options.read_word("--sort", view.sort.lower(), columns))
    found = found[: view.top]
    if style == "csv":
        return training_csv(found, costs, view.by is not None)
    return training_table(step, heading, found, costs, "name" if view.by is None else "kind")
