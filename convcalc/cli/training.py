"""What a training step costs, `flops --training`, and holds, `memory --training`."""

from __future__ import annotations

from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import TEXT_KEYS, Row
from convcalc.analysis.memory.training import training_memory
from convcalc.analysis.training.step import Training, train
from convcalc.cli import options
from convcalc.cli.guard import unusable
from convcalc.cli.options import View
from convcalc.cli.output import emit, emit_table, terminal
from convcalc.cli.shapes import selected_rows, title
from convcalc.diagnostics import did_you_mean
from convcalc.quantities import DTYPES
from convcalc.render.jsons import json_text, report_data
from convcalc.render.table import Table, markdown_text, plain_text
from convcalc.render.training import (
    SORT_KEYS,
    kept_table,
    row_costs,
    sort_rows,
    training_csv,
    training_data,
    training_memory_data,
    training_memory_table,
    training_table,
)

#: What the passes of a training step may compute with.
TRAINING_DTYPES = ("float32", "float16", "bfloat16")


def emit_training(
    report: Report,
    before: Report | None,
    optimizer: str,
    altered: str,
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
    if before is not None and altered:
        heading = f"{heading}, with {altered}"
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


def read_memory_options(dtype: str, weights: str | None, order: str, concat_in_place: bool) -> None:
    """Refuses what `memory --training` cannot answer."""
    if dtype not in TRAINING_DTYPES:
        unusable(
            f"--training goes with a floating-point type, not --dtype {dtype}",
            did_you_mean(dtype, TRAINING_DTYPES),
        )
    others = {
        "--weights": weights is not None,
        "--order": order != "written",
        "--concat-in-place": concat_in_place,
    }
    for option, given in others.items():
        if given:
            unusable(f"{option} is about running a network: it goes without --training")


def emit_training_memory(
    report: Report,
    dtype: str,
    optimizer: str,
    depth: int | None,
    style: str,
    output: str | None,
) -> None:
    """What a training step of the report's network holds; JSON has what running it takes beside."""
    step = train(report.network, batch=report.batch, optimizer=optimizer)
    found = training_memory(step, DTYPES[dtype])
    if style == "json":
        from convcalc.analysis.memory.inference import measure_memory
        from convcalc.render.memory import memory_data

        memory = memory_data(measure_memory(report, dtype=dtype))
        memory["training"] = training_memory_data(step, found, dtype)
        emit(json_text({**report_data(report), "memory": memory}), output)
        return
    heading = f"{title(report)}, {dtype}"
    heading += ", kept for the backward pass"
    kept = kept_table(found, heading, depth, bars=style != "csv")
    if style == "csv":
        emit_table(kept, style, output)
        return
    pages = [kept, training_memory_table(step, found, dtype)]
    if style == "table" and output is None and terminal():
        for place, table in enumerate(pages):
            if place:
                emit("\n", output)
            emit_table(table, style, output)
    else:
        text = markdown_text if style == "markdown" else plain_text
        emit("\n".join([text(table) for table in pages]), output)
