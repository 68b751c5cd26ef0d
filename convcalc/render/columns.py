"""Tables and data of the columns that a user chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.analysis.costs.columns import LayerColumn
from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import Row
from convcalc.problems import printable
from convcalc.render.flops import FLOPS, MACS, VALID_TAPS
from convcalc.render.report import (
    UNKNOWN,
    Reports,
    csv_columns,
    incomplete_notes,
    name_column,
    report_data,
    share_column,
    totals_label,
)
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import tuple_text


def columns_table(
    reports: Reports,
    names: Sequence[str],
    chosen: Mapping[str, LayerColumn],
    rows: Sequence[Row],
    *,
    by_kind: bool = False,
) -> Table:
    """The rows with these columns, and the totals.

    chosen   the columns besides `name` and `kind`
    """
    analysis, report = reports.analysis, reports.report
    texts = [name for name in names if name not in chosen or chosen[name].style == "text"]
    # The label of the totals stands below the names, or else below the first text.
    label = min(texts, key=lambda name: (name != "name", name != "kind"), default="")

    def figure(name: str, members: Sequence[LayerReport]) -> Cell:
        value = chosen[name].figure(analysis, members)
        return "-" if value is None else value

    incomplete = [
        name
        for name, shown in chosen.items()
        if shown.whole and shown.unknown(analysis, report.layers)
    ]

    def cell(name: str, row: Row) -> Cell:
        if name not in chosen:
            return printable(row.name, 4096) if name == "name" else row.kind
        if chosen[name].unknown(analysis, row.members):
            return UNKNOWN
        return figure(name, row.members)

    def total(name: str) -> Cell:
        if name == label:
            return totals_label(not incomplete)
        if name == "output":
            return " ".join([tuple_text(shape) for shape in report.outputs.values()])
        if name not in chosen or not chosen[name].whole:
            return ""
        if name in incomplete and chosen[name].exact is not None:
            return UNKNOWN
        return figure(name, report.layers)

    notes = [*incomplete_notes(report), *_notes(report, chosen)]
    if not label:
        notes.insert(0, f"The last row is {'at least ' * bool(incomplete)}the total.")
    return Table(
        reports.heading,
        _columns(names, chosen, by_kind, report),
        [[cell(name, row) for name in names] for row in rows],
        [total(name) for name in names],
        notes,
    )


def _columns(
    names: Sequence[str], chosen: Mapping[str, LayerColumn], by_kind: bool, report: Report
) -> list[Column]:
    whole = report.totals.flops
    own = {"name": name_column(by_kind), "kind": csv_columns(by_kind)[1]}
    shown = {name: Column(one.title, one.style, whole, name) for name, one in chosen.items()}
    if "share" in shown:
        shown["share"] = share_column(whole, report.complete)
    return [own.get(name) or shown[name] for name in names]


def _notes(report: Report, chosen: Mapping[str, LayerColumn]) -> list[str]:
    """Explains the units."""
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


def columns_csv(
    reports: Reports,
    names: Sequence[str],
    chosen: Mapping[str, LayerColumn],
    rows: Sequence[Row],
    *,
    by_kind: bool = False,
) -> Table:
    """Exact figures, for programs."""
    analysis = reports.analysis

    def cell(name: str, row: Row) -> Cell:
        if name in chosen:
            if chosen[name].unknown(analysis, row.members):
                return UNKNOWN
            return chosen[name].known(analysis, row.members)
        return row.name if name == "name" else row.kind

    return Table(
        reports.heading,
        _columns(names, chosen, by_kind, reports.report),
        [[cell(name, row) for name in names] for row in rows],
    )


def columns_data(reports: Reports, chosen: Mapping[str, LayerColumn], dtype: str) -> dict[str, Any]:
    """The report, with the columns of each operation and of the totals under the key "columns".

    dtype  the type of the numbers whose bytes they show
    """
    analysis, report = reports.analysis, reports.report
    data = report_data(report, reports.before)
    for layer, entry in zip(report.layers, data["layers"], strict=True):
        entry["columns"] = {name: shown.known(analysis, [layer]) for name, shown in chosen.items()}
    data["totals"]["columns"] = {
        name: shown.known_part(analysis, report.layers)
        for name, shown in chosen.items()
        if shown.whole
    }
    data["dtype"] = dtype
    return data
