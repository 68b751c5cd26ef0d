"""The columns that a user chooses: `shapes --columns ...` and `flops --columns ...`."""

from __future__ import annotations

from convcalc.analysis.columns import Shown, Subject, column_names, columns_of, sort_by_column
from convcalc.analysis.report import Report
from convcalc.analysis.rows import SORT_KEYS, TEXT_KEYS, Row
from convcalc.cli import options
from convcalc.cli.guard import unusable
from convcalc.cli.options import View
from convcalc.cli.output import emit_table
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
    report: Report,
    names: list[str],
    view: View,
    style: str,
    output: str | None,
    *,
    changed: bool = False,
) -> None:
    """The rows that the view shows, with these columns; `changed` says that a what-if was."""
    subject = Subject(report, expand=view.expand)
    chosen = columns_of(names)
    options.read_count("--top", view.top)
    sort = None if view.sort is None else view.sort.lower()
    numbers = {name: shown for name, shown in chosen.items() if shown.style != "text"}
    if sort in numbers and sort not in SORT_KEYS:
        found = selected_rows(report, view.depth, view.expand, None, None, view.by)
        found = sort_by_column(found, numbers[sort], subject)
    else:
        if sort is not None:
            options.read_word("--sort", sort, [*TEXT_KEYS, *dict.fromkeys([*SORT_KEYS, *numbers])])
        found = selected_rows(report, view.depth, view.expand, sort, None, view.by)
    heading = f"{title(report)}, with {report.network.altered}" if changed else title(report)
    table = _table(subject, heading, names, chosen, found[: view.top], view.by)
    emit_table(table, style, output)


def _table(
    subject: Subject,
    heading: str,
    names: list[str],
    chosen: dict[str, Shown],
    found: list[Row],
    by: str | None,
) -> Table:
    report = subject.report
    first = {"name": "name" if by is None else "kind", "kind": "kind" if by is None else "layers"}

    def column(name: str) -> Column:
        if name in first:
            return Column(first[name], "name" if name == "name" else "text")
        shown = chosen[name]
        whole = report.totals.flops if shown.style == "share" else 0
        return Column(shown.title, shown.style, whole, key=name)

    def cell(name: str, row: Row) -> Cell:
        if name in first:
            return printable(row.name, 4096) if name == "name" else row.kind
        return chosen[name].row(subject, row.members)

    def total(name: str) -> Cell:
        if name == names[0] and (name in first or chosen[name].style == "text"):
            return "total"
        if name == "output":
            return " ".join([tuple_text(shape) for shape in report.outputs.values()])
        if name in first or not chosen[name].whole:
            return ""
        return chosen[name].row(subject, report.layers)

    return Table(
        heading,
        [column(name) for name in names],
        [[cell(name, row) for name in names] for row in found],
        [total(name) for name in names],
        _notes(report, chosen),
    )


def _notes(report: Report, chosen: dict[str, Shown]) -> list[str]:
    """What the figures are."""
    units: dict[str, list[str]] = {}
    for shown in chosen.values():
        if shown.unit:
            units.setdefault(shown.unit, []).append(shown.title)
    notes = [f"{', '.join(titles)}: {unit}." for unit, titles in units.items()]
    if not chosen.keys().isdisjoint(("macs", "flops", "share")) or report.valid_taps:
        from convcalc.cli.flops import RULE, VALID_TAPS

        notes += [*RULE, *([VALID_TAPS] if report.valid_taps else [])]
    whole = [shown.title for shown in chosen.values() if shown.whole_taps]
    if whole and report.valid_taps:
        notes.append(f"{', '.join(whole)}: padding is counted as well.")
    return notes
