"""A training step: its costs, `flops --training`, and its memory, `memory --training`."""

from __future__ import annotations

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.memory.training import training_memory
from convcalc.cli.guard import refuse
from convcalc.cli.output import emit_json, emit_parts, emit_table
from convcalc.cli.rows import View
from convcalc.quantities import DTYPES
from convcalc.render.report import Reports, report_data
from convcalc.render.training import (
    kept_table,
    row_figures,
    step_memory_table,
    training_csv,
    training_memory_data,
    training_memory_page,
    training_memory_summary,
    training_table,
)
from convcalc.spelling import did_you_mean

#: Types of numbers that training can compute with.
TRAINING_DTYPES = ("float32", "float16", "bfloat16")


def emit_training(
    reports: Reports,
    optimizer: str,
    input_gradient: bool,
    view: View,
    style: str,
    output: str | None,
) -> None:
    """Writes the costs of a training step."""
    report = reports.report
    step = reports.analysis.training(optimizer, input_gradient=input_gradient)
    if style == "json":
        data = {**report_data(report, reports.before), "training": step.to_dict()}
        emit_json(data, output)
        return
    rows = view.rows(report, row_figures(step))
    make = training_csv if style == "csv" else training_table
    emit_table(make(step, reports.heading, rows, by_kind=view.by_kind), style, output)


def read_memory_options(dtype: str, weights: str | None, order: str, concat_in_place: bool) -> None:
    """Refuses options that `memory --training` does not support."""
    if dtype not in TRAINING_DTYPES:
        refuse(
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
            refuse(f"{option} is about running a network: it goes without --training")


def emit_training_memory(
    analysis: Analysis,
    dtype: str,
    optimizer: str,
    fused_attention: bool,
    depth: int | None,
    style: str,
    output: str | None,
    *,
    summary: bool,
) -> None:
    """Writes the memory of a training step; JSON also has the memory of inference."""
    report = analysis.report
    step = analysis.training(optimizer)
    found = training_memory(step, DTYPES[dtype], fused_attention=fused_attention)
    if style == "json":
        from convcalc.analysis.memory.inference import measure_memory

        running = measure_memory(report, dtype=dtype, fused_attention=fused_attention)
        memory = running.to_dict()
        memory["training"] = training_memory_data(step, found, dtype)
        emit_json({**report_data(report), "memory": memory}, output)
    elif summary and style == "csv":
        emit_table(step_memory_table(report.totals, step, found, dtype), style, output)
    elif summary:
        emit_parts(training_memory_summary(report, step, found, dtype), style, output)
    elif style == "csv":
        emit_table(kept_table(found, "", depth, bars=False), style, output)
    else:
        emit_parts(training_memory_page(report, step, found, dtype, depth), style, output)
