"""What other counters report: all of them side by side, or one of them by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import Row
from convcalc.analysis.counters.counting import Counted, CounterReport, partial_text
from convcalc.render.numbers import excess, grouped, ratio
from convcalc.render.report import (
    Reports,
    csv_columns,
    figure,
    incomplete_notes,
    name_column,
    report_data,
    totals_label,
)
from convcalc.render.table import Cell, Column, Table

# --- All conventions ------------------------------------------------------------------------------


def comparison_table(
    reports: Reports,
    found: Sequence[CounterReport],
    before: Sequence[CounterReport],
    *,
    every: bool = False,
) -> Table:
    """A row for each convention, below convcalc's own figures.

    before   with a what-if, the counters' reports of the unchanged network
    every    include every column, for programs
    """
    report, original = reports.report, reports.before
    macs = report.totals.macs
    missing = [len(entry.uncovered) for entry in found]
    if before:
        pairs = zip(missing, before, strict=True)
        missing = [max(now, len(was.uncovered)) for now, was in pairs]
    marked = every or any(missing)

    def row(
        names: Sequence[Cell], was: int | None, now: int, ignored: str = "", mark: str = ""
    ) -> list[Cell]:
        figures: list[Cell] = [now] if was is None else [was, now, ratio(was, now)]
        nothing: list[Cell] = [ignored] if every else []
        return [*names, *figures, excess(now, macs), *nothing, *([mark] if marked else [])]

    own = [report.totals.macs, report.totals.flops]
    earlier = [original.totals.macs, original.totals.flops] if original else [None, None]
    own_mark = partial_text(report.totals.unknown)
    lines = [
        row(["convcalc", "", unit], was, now, mark=own_mark)
        for unit, was, now in zip(("MACs", "FLOPs"), earlier, own, strict=True)
    ]
    for place, entry in enumerate(found):
        convention = entry.convention
        names = [convention.name, convention.version, convention.unit]
        was = before[place].total if before else None
        mark = partial_text(missing[place])
        lines.append(row(names, was, entry.total, _ignored(entry), mark))
    figures = [Column("total", "number")]
    if original:
        figures += [
            Column("after", "number", key="total_after"),
            Column("ratio", "number", key="total_ratio"),
        ]
    return Table(
        reports.heading,
        [
            Column("convention"),
            Column("version"),
            Column("unit"),
            *figures,
            Column("vs MACs", "number", key="vs_macs"),
            *([Column("charged nothing", key="charged_nothing")] if every else []),
            *([Column("note", key="note")] if marked else []),
        ],
        lines,
        (),
        _comparison_notes(report, found),
    )


def _comparison_notes(report: Report, found: Sequence[CounterReport]) -> list[str]:
    padding = " without padding" if report.valid_taps else ""
    macs = grouped(report.totals.macs)
    exact = "exact" if report.complete else "known"
    notes = incomplete_notes(report)
    notes.append(f"vs MACs: the difference from the {exact} MACs{padding}, {macs}.")
    ignoring: dict[str, list[str]] = {}
    for entry in found:
        ignoring.setdefault(_ignored(entry), []).append(entry.convention.name)
    ignoring.pop("", None)
    notes += [f"Charged nothing by {', '.join(names)}: {what}." for what, names in ignoring.items()]
    if report.valid_taps:
        notes.append("The counters' figures hold taps that fall on padding as well.")
    return notes


def _ignored(found: CounterReport) -> str:
    """The kinds that compute something and that the counter reports as 0."""
    return ", ".join([f"{count} {kind}" for kind, count in found.ignored_kinds().items()])


def comparison_data(
    reports: Reports, found: Sequence[CounterReport], before: Sequence[CounterReport]
) -> dict[str, Any]:
    """The report, with all conventions under the key "conventions"."""
    data = report_data(reports.report, reports.before)
    data["conventions"] = [_convention_data(entry) for entry in found]
    if before:
        data["before"]["conventions"] = [_convention_data(entry) for entry in before]
    return data


def _convention_data(found: CounterReport) -> dict[str, Any]:
    convention = found.convention
    data: dict[str, Any] = {
        "name": convention.name,
        "unit": convention.unit,
        "total": found.total,
        "version": convention.version,
        "charged_nothing": found.ignored_kinds(),
    }
    if found.partial:
        data["partial"] = found.partial
    return data


# --- One convention -------------------------------------------------------------------------------


def counted_table(
    reports: Reports,
    found: CounterReport,
    before: CounterReport | None,
    rows: Sequence[Row],
    originals: Sequence[Row],
    *,
    by_kind: bool = False,
    every: bool = False,
) -> Table:
    """The rows as one counter reports them.

    before, originals   with a what-if, the report and all rows of the unchanged network
    every               include every column, for programs
    """
    convention = found.convention
    title = f"{convention.name} {convention.unit}"
    missing = max(len(found.uncovered), len(before.uncovered) if before else 0)
    marked = every or missing > 0
    old = {row.name: before.of(row.members) for row in originals} if before else {}
    share = [] if every else [Column("share", "share", found.total)]
    if before:
        figures = [
            Column(title, "number", key="as"),
            Column("after", "number", key="as_after"),
            Column("ratio", "number", key="as_ratio"),
        ]
        total: list[Cell] = [before.total, found.total, ratio(before.total, found.total)]
    else:
        figures = [Column("MACs", "number", key="macs"), Column(title, "number", key="as"), *share]
        total = [reports.report.totals.macs, found.total, *[""] * len(share)]

    def cells(row: Row) -> list[Cell]:
        now = found.of(row.members)
        name: list[Cell] = [row.name, row.kind] if every else [row.name]
        if row.name in old:
            was = old[row.name]
            lacking = max(was.missing, now.missing)
            shown: list[Cell] = [was.figure, now.figure, _change(was, now)]
        else:
            lacking = now.missing
            shown = [figure(row.cost, "macs"), now.figure, *[now.figure] * len(share)]
        return [*name, *shown, *([partial_text(lacking)] if marked else [])]

    return Table(
        f"{reports.heading}, as {convention.name} {convention.version} counts",
        [
            *(csv_columns(by_kind) if every else [name_column(by_kind)]),
            *figures,
            *([Column("note")] if marked else []),
        ],
        [cells(row) for row in rows],
        [
            totals_label(reports.report.complete),
            *([""] if every else []),
            *total,
            *([partial_text(missing)] if marked else []),
        ],
        _counted_notes(reports.report, found, missing),
    )


def _change(was: Counted, now: Counted) -> str:
    if was.figure is None or now.figure is None:
        return ""
    return ratio(was.figure, now.figure)


def _counted_notes(report: Report, found: CounterReport, missing: int) -> list[str]:
    convention = found.convention
    kinds = {layer.node.kind for layer in report.layers}
    notes = [
        *incomplete_notes(report),
        f"{convention.name}: {convention.counter}, version {convention.version}.",
        f"{convention.unit} = {convention.formula(kinds)}.",
        convention.about,
    ]
    ignored = _ignored(found)
    if ignored:
        notes.append(f"Charged nothing: {ignored}.")
    if convention.deviations:
        notes.append(f"Known deviations: it {'; it '.join(convention.deviations)}.")
    if missing:
        notes.insert(0, f"{partial_text(missing)}.".capitalize())
    return notes


def counted_data(
    reports: Reports, found: CounterReport, before: CounterReport | None
) -> dict[str, Any]:
    """The report, with the counter's figures under the key "as"."""
    data = report_data(reports.report, reports.before)
    _add_counts(data, found)
    if before:
        _add_counts(data["before"], before)
    return data


def _add_counts(data: dict[str, Any], found: CounterReport) -> None:
    convention = found.convention
    data["as"] = {
        "name": convention.name,
        "counter": convention.counter,
        "version": convention.version,
        "unit": convention.unit,
        "formula": convention.formula(),
        "about": convention.about,
        "deviations": list(convention.deviations),
        "total": found.total,
        "partial": found.partial,
        "not_covered": [layer.node.path for layer in found.uncovered],
        "charged_nothing": found.ignored_kinds(),
    }
    for layer, counted in zip(data["layers"], found.layers, strict=True):
        layer["as"] = counted
    data["totals"]["as"] = found.total
