"""`convcalc shapes`: every layer's output shape and parameters."""

from __future__ import annotations

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import SORT_KEYS, TEXT_KEYS, Row, rows, sort_rows
from convcalc.cli import options
from convcalc.cli.guard import guarded, unusable
from convcalc.cli.output import TABLE_FORMATS, emit, emit_table
from convcalc.diagnostics import printable
from convcalc.render.numbers import grouped
from convcalc.render.table import Column, Table
from convcalc.shapes import tuple_text


@guarded
def shapes(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    sets: options.Sets = None,
    input_: options.Input = None,
    batch: options.Batch = 1,
    depth: options.Depth = None,
    expand: options.Expand = False,
    sort: options.Sort = None,
    top: options.Top = None,
    by: options.By = None,
    columns: options.Columns = None,
    style: options.Format = "table",
    output: options.Output = None,
) -> int:
    """Every layer's output shape and parameters, and the totals.

    Examples:
      convcalc shapes lenet
      convcalc shapes vgg11_d2l --depth 1 --format listing
      convcalc shapes mynet.yaml --set width=0.5 --input 3x96x96
      convcalc shapes resnet50 --depth 1 --columns name,output,macs,field,live
      cat mynet.yaml | convcalc shapes - --format json

    Formats: table, plain, json (always every operation), csv, markdown, listing.
    """
    options.read_word("--format", style, (*TABLE_FORMATS, "listing"))
    options.read_batch(batch)
    names = []
    if columns is not None:
        from convcalc.cli.columns import read_columns

        names = read_columns(columns, by)
        if style == "listing":
            unusable("--format listing has no columns: it goes without --columns")
    analysis = Analysis(options.load_network(file, sets, input_), batch=batch)
    report = analysis.report
    if names:
        from convcalc.cli.columns import emit_columns

        emit_columns(analysis, names, options.View(depth, expand, sort, top, by), style, output)
        return 0
    if style == "json":
        from convcalc.render.jsons import report_text

        emit(report_text(report), output)
        return 0
    found = selected_rows(report, depth, expand, sort, top, by)
    if style == "listing":
        lines = [f"{row.name} output shape:\t {tuple_text(row.output)}\n" for row in found]
        emit("".join(lines), output)
    else:
        emit_table(_table(report, found, by), style, output)
    return 0


def selected_rows(
    report: Report,
    depth: int | None,
    expand: bool,
    sort: str | None,
    top: int | None,
    by: str | None,
) -> list[Row]:
    """The rows that the table options ask for."""
    options.read_count("--depth", depth)
    options.read_count("--top", top)
    if by is not None:
        options.read_word("--by", by, ("kind",))
        if depth is not None or expand:
            unusable("--by kind sums over the whole network: it goes without --depth and --expand")
    found = rows(report, depth=depth, expand=expand, by_kind=by is not None)
    if sort is not None:
        columns = [*TEXT_KEYS, *SORT_KEYS]
        found = sort_rows(found, options.read_word("--sort", sort.lower(), columns))
    return found[:top]


def title(report: Report) -> str:
    """The network's name and its inputs."""
    inputs = report.inputs
    name = printable(report.network.name, 200)
    if len(inputs) == 1:
        return f"{name}: input {tuple_text(next(iter(inputs.values())))}"
    shapes_text = ", ".join(f"{key} {tuple_text(shape)}" for key, shape in inputs.items())
    return f"{name}: inputs {shapes_text}"


def _table(report: Report, found: list[Row], by: str | None) -> Table:
    totals = report.totals
    notes = [f"{grouped(totals.buffers)} buffers (running statistics)"] if totals.buffers else []
    if by is not None:
        return Table(
            title(report),
            [Column("kind"), Column("layers"), Column("params", "number")],
            [(row.name, row.kind, row.cost.params) for row in found],
            ("total", f"{len(report.layers)} layers", totals.params),
            notes,
        )
    return Table(
        title(report),
        [
            Column("name", "name"),
            Column("kind"),
            Column("output shape", "shape", key="output_shape"),
            Column("params", "number"),
        ],
        [(row.name, row.kind, tuple_text(row.output), row.cost.params) for row in found],
        ("total", "", " ".join(tuple_text(s) for s in report.outputs.values()), totals.params),
        notes,
    )
