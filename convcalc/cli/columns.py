"""The columns that a user chooses: `shapes --columns ...` and `flops --columns ...`."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.columns import (
    LayerColumn,
    column_names,
    columns_of,
    sort_by_column,
)
from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import SORT_KEYS, TEXT_KEYS, Row
from convcalc.cli import options
from convcalc.cli.guard import unusable
from convcalc.cli.options import View
from convcalc.cli.output import emit, emit_table
from convcalc.cli.shapes import selected_rows, title
from convcalc.diagnostics import printable
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import tuple_text


def read_columns(text: str, by: str | None) -> list[str]:
    """The names of the columns, each known and given once."""
    names = [name.strip().lower() for name in text.split(",")]
    if not any(names):
        unusable("--columns names no column", "--columns name,output,params,macs,field,live")
    known = column_names()
    for name in names:
        options.read_word("--columns", name, known)
        if names.count(name) > 1:
            unusable(f"--columns: '{name}' is given twice")
    chosen = columns_of(names)
    for name, shown in chosen.items():
        if by is not None and not shown.whole and name != "share":
            unusable(f"--columns: '{name}' is of one layer: it goes without --by kind")
    return names


def emit_columns(
    analysis: Analysis,
    names: list[str],
    view: View,
    style: str,
    output: str | None,
    *,
    before: Report | None = None,
    altered: str = "",
) -> None:
    """The rows that the view shows, with these columns. JSON has every operation, as everywhere.

    before   the report without a what-if
    altered  the options that make the network another than the file's
    """
    report = analysis.report
    if style == "json":
        from convcalc.render.jsons import json_text

        chosen = columns_of(names, fused=False)
        emit(json_text(_data(analysis, before, chosen)), output)
        return
    chosen = columns_of(names, fused=not view.expand)
    options.read_count("--top", view.top)
    sort = None if view.sort is None else view.sort.lower()
    numbers = {name: shown for name, shown in chosen.items() if shown.style != "text"}
    if sort in numbers and sort not in SORT_KEYS:
        found = selected_rows(report, view.depth, view.expand, None, None, view.by)
        found = sort_by_column(found, numbers[sort], analysis)
    else:
        if sort is not None:
            options.read_word("--sort", sort, [*TEXT_KEYS, *dict.fromkeys([*SORT_KEYS, *numbers])])
        found = selected_rows(report, view.depth, view.expand, sort, None, view.by)
    heading = title(report) if before is None else f"{title(report)}, with {altered}"
    make = _exact_table if style == "csv" else _table
    emit_table(make(analysis, heading, names, chosen, found[: view.top], view.by), style, output)


def _data(
    analysis: Analysis, before: Report | None, chosen: dict[str, LayerColumn]
) -> dict[str, object]:
    """The report, with the columns of every operation, and of all together, as a further key."""
    from convcalc.render.jsons import report_data

    report = analysis.report
    data = report_data(report, before)
    for layer, entry in zip(report.layers, data["layers"], strict=True):
        entry["columns"] = {
            name: _exact(analysis, shown, [layer]) for name, shown in chosen.items()
        }
    data["totals"]["columns"] = {
        name: _exact(analysis, shown, report.layers)
        for name, shown in chosen.items()
        if shown.whole
    }
    return data


def _exact(analysis: Analysis, shown: LayerColumn, members: Sequence[LayerReport]) -> Cell:
    """A figure for programs: whole, or a fraction as text."""
    if shown.exact is None:
        return shown.figure(analysis, members)
    found = shown.exact(analysis, members)
    return None if found is None else found.data


def _column(name: str, chosen: dict[str, LayerColumn], by: str | None, whole: int) -> Column:
    if name == "name":
        return Column("name" if by is None else "kind", "name")
    if name == "kind":
        return Column("kind" if by is None else "layers")
    shown = chosen[name]
    return Column(shown.title, shown.style, whole, key=name)


def _exact_table(
    analysis: Analysis,
    heading: str,
    names: list[str],
    chosen: dict[str, LayerColumn],
    found: list[Row],
    by: str | None,
) -> Table:
    """Every figure as it is, for programs."""
    own = {"name": lambda row: row.name, "kind": lambda row: row.kind}

    def cell(name: str, row: Row) -> Cell:
        return own[name](row) if name in own else _exact(analysis, chosen[name], row.members)

    columns = [_column(name, chosen, by, 0) for name in names]
    return Table(heading, columns, [[cell(name, row) for name in names] for row in found])


def _table(
    analysis: Analysis,
    heading: str,
    names: list[str],
    chosen: dict[str, LayerColumn],
    found: list[Row],
    by: str | None,
) -> Table:
    report = analysis.report
    texts = [name for name in names if name not in chosen or chosen[name].style == "text"]
    # The total's row is called so below the names, or below the first text that there is.
    label = min(texts, key=lambda name: (name != "name", name != "kind"), default="")

    def figure(name: str, members: Sequence[LayerReport]) -> Cell:
        value = chosen[name].figure(analysis, members)
        return "-" if value is None else value

    def cell(name: str, row: Row) -> Cell:
        if name not in chosen:
            return printable(row.name, 4096) if name == "name" else row.kind
        return figure(name, row.members)

    def total(name: str) -> Cell:
        if name == label:
            return "total"
        if name == "output":
            return " ".join([tuple_text(shape) for shape in report.outputs.values()])
        if name not in chosen or not chosen[name].whole:
            return ""
        return figure(name, report.layers)

    notes = _notes(report, chosen)
    if not label:
        notes.insert(0, "The last row is the total.")
    return Table(
        heading,
        [_column(name, chosen, by, report.totals.flops) for name in names],
        [[cell(name, row) for name in names] for row in found],
        [total(name) for name in names],
        notes,
    )


def _notes(report: Report, chosen: dict[str, LayerColumn]) -> list[str]:
    """What the figures are."""
    from convcalc.cli.flops import FLOPS, MACS, VALID_TAPS

    units: dict[str, list[str]] = {}
    for shown in chosen.values():
        if shown.unit:
            units.setdefault(shown.unit, []).append(shown.title)
    notes = [f"{', '.join(titles)}: {unit}." for unit, titles in units.items()]
    if "flops" in chosen or "share" in chosen:
        notes.append(f"{FLOPS}.")
    if "macs" in chosen:
        notes.append(f"{MACS}.")
    if report.valid_taps:
        notes.append(VALID_TAPS)
        whole = [shown.title for shown in chosen.values() if shown.whole_taps]
        if whole:
            notes.append(f"{', '.join(whole)}: padding is counted as well.")
    return notes
