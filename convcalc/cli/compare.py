"""What other counters would report: `flops --as NAME` and `flops --compare`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import Row
from convcalc.analysis.counters.counting import (
    BY_NAME,
    CounterReport,
    counter_reports,
    partial_text,
    require_rules,
)
from convcalc.cli import options
from convcalc.cli.guard import unusable
from convcalc.cli.options import View
from convcalc.cli.output import emit, emit_table
from convcalc.cli.shapes import selected_rows, title
from convcalc.render.numbers import excess, grouped, ratio
from convcalc.render.table import Cell, Column, Table

#: `--sort` by what the counter reports.
AS = "as"


class Reports(NamedTuple):
    """The network's report, and with a what-if that of the network before it.

    altered  the options that make the network another than the file's
    """

    report: Report
    before: Report | None
    altered: str


def read_options(
    as_: str | None, compare: bool, partial: bool, valid_taps: bool, view: View
) -> None:
    """Refuses options that say nothing together, and conventions that are not known."""
    if as_ is not None:
        options.read_word("--as", as_, list(BY_NAME))
        if compare:
            unusable("--as shows one convention and --compare all of them: one or the other")
        if valid_taps:
            unusable(
                "--as goes without --valid-taps: no counter leaves out taps that fall on padding",
                "--compare --valid-taps holds them against the MACs that are left",
            )
    elif not compare:
        unusable("--partial belongs to --as or --compare")
    elif view != View():
        unusable(
            "--compare has a row for each convention: it goes without --depth, --expand, --sort,"
            " --top and --by",
            "--as NAME shows one convention's rows",
        )


# --- All conventions ------------------------------------------------------------------------------


def emit_comparison(reports: Reports, partial: bool, style: str, output: str | None) -> None:
    """All conventions side by side."""
    report, before, _ = reports
    found = counter_reports(report)
    originally = counter_reports(before) if before else None
    if not partial:
        require_rules(found)
        require_rules(originally or [])
    if style == "json":
        from convcalc.render.jsons import json_text, report_data

        data = report_data(report, before)
        data["conventions"] = _entries(found)
        if originally:
            data["before"]["conventions"] = _entries(originally)
        emit(json_text(data), output)
        return
    emit_table(_comparison(reports, found, originally, every=style == "csv"), style, output)


def _entries(found: list[CounterReport]) -> list[dict[str, Any]]:
    entries = []
    for entry in found:
        convention = entry.convention
        data: dict[str, Any] = {
            "name": convention.name,
            "unit": convention.unit,
            "total": entry.total,
            "version": convention.version,
            "charged_nothing": entry.ignored_kinds(),
        }
        if entry.partial:
            data["partial"] = entry.partial
        entries.append(data)
    return entries


def _comparison(
    reports: Reports,
    found: list[CounterReport],
    originally: list[CounterReport] | None,
    *,
    every: bool,
) -> Table:
    """A row for each convention, below convcalc's own figures; `every` column for programs."""
    report, before, _ = reports
    totals = report.totals
    own = ("convcalc", "")
    lines: list[list[Cell]] = []
    # Which conventions ignore the same kinds.
    ignoring: dict[str, list[str]] = {}

    def add(
        names: tuple[str, str], unit: str, was: int | None, now: int, ignored: str, mark: str
    ) -> None:
        figures: list[Cell] = [now] if was is None else [was, now, ratio(was, now)]
        marks: list[Cell] = [mark] if marked else []
        nothing: list[Cell] = [ignored] if every else []
        lines.append([*names, unit, *figures, excess(now, totals.macs), *nothing, *marks])

    marked = every or any([entry.uncovered for entry in [*found, *(originally or [])]])
    add(own, "MACs", before.totals.macs if before else None, totals.macs, "", "")
    add(own, "FLOPs", before.totals.flops if before else None, totals.flops, "", "")
    for place, entry in enumerate(found):
        was = originally[place] if originally else None
        missing = max(len(entry.uncovered), len(was.uncovered) if was else 0)
        convention = entry.convention
        names = (convention.name, convention.version)
        old = was.total if was else None
        ignored, mark = _ignored(entry), partial_text(missing)
        add(names, convention.unit, old, entry.total, ignored, mark)
        if ignored:
            ignoring.setdefault(ignored, []).append(convention.name)
    padding = " without padding" if report.valid_taps else ""
    notes = [f"vs MACs: the difference from the exact MACs{padding}, {grouped(totals.macs)}."]
    notes += [f"Charged nothing by {', '.join(names)}: {what}." for what, names in ignoring.items()]
    if report.valid_taps:
        notes.append("The counters' figures hold taps that fall on padding as well.")
    figures = [Column("total", "number")]
    if before:
        figures = [
            Column("total", "number"),
            Column("after", "number", key="total_after"),
            Column("ratio", "number", key="total_ratio"),
        ]
    altered = reports.altered if before else ""
    return Table(
        f"{title(report)}, with {altered}" if altered else title(report),
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
        notes,
    )


# --- One convention -------------------------------------------------------------------------------


def emit_counted(
    reports: Reports, name: str, view: View, partial: bool, style: str, output: str | None
) -> None:
    """The network as one counter would report it."""
    report, before, _ = reports
    (found,) = counter_reports(report, [BY_NAME[name]])
    was = counter_reports(before, [BY_NAME[name]])[0] if before else None
    if not partial:
        require_rules([found, *([was] if was else [])])
    if style == "json":
        from convcalc.render.jsons import json_text, report_data

        data = report_data(report, before)
        _add_counts(data, found)
        if was:
            _add_counts(data["before"], was)
        emit(json_text(data), output)
        return
    chosen = _selected(report, found, view)
    emit_table(_counted(reports, found, was, chosen, view, every=style == "csv"), style, output)


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
    for layer, figure in zip(data["layers"], found.layers, strict=True):
        layer["as"] = figure
    data["totals"]["as"] = found.total


class _Sum(NamedTuple):
    """What a counter reports for the operations of a row, and how many of them have no rule.

    The figure is None where none has a rule: it is not known to be 0.
    """

    figure: int | None
    missing: int


def _sums(found: CounterReport, report: Report, chosen: list[Row]) -> list[_Sum]:
    by_path: Mapping[str, int | None] = {
        layer.node.path: figure for layer, figure in zip(report.layers, found.layers, strict=True)
    }
    sums = []
    for row in chosen:
        parts = [by_path[member.node.path] for member in row.members]
        known = [part for part in parts if part is not None]
        sums.append(_Sum(sum(known) if known else None, len(parts) - len(known)))
    return sums


def _selected(report: Report, found: CounterReport, view: View) -> list[Row]:
    depth, expand, sort, top, by = view
    if sort is None or sort.lower() != AS:
        return selected_rows(report, depth, expand, sort, top, by)
    chosen = selected_rows(report, depth, expand, None, None, by)
    options.read_count("--top", top)
    pairs = list(zip(_sums(found, report, chosen), chosen, strict=True))
    return [row for _, row in sorted(pairs, key=lambda pair: -(pair[0].figure or 0))][:top]


def _counted(
    reports: Reports,
    found: CounterReport,
    was: CounterReport | None,
    chosen: list[Row],
    view: View,
    *,
    every: bool,
) -> Table:
    report, before, _ = reports
    convention = found.convention
    sums = _sums(found, report, chosen)
    marked = every or bool(found.uncovered) or bool(was and was.uncovered)
    if before and was:
        # Rows have the same names before and after a what-if, whatever they are sorted by.
        originals = selected_rows(before, view.depth, view.expand, None, None, view.by)
        old = {
            row.name: part
            for row, part in zip(originals, _sums(was, before, originals), strict=True)
        }
        figures = [
            Column(f"{convention.name} {convention.unit}", "number", key="as"),
            Column("after", "number", key="as_after"),
            Column("ratio", "number", key="as_ratio"),
        ]
    else:
        old = {}
        figures = [
            Column("MACs", "number", key="macs"),
            Column(f"{convention.name} {convention.unit}", "number", key="as"),
        ]
        if not every:
            figures.append(Column("share", "share", found.total))

    def cells(name: str, row: Row, part: _Sum) -> list[Cell]:
        if old:
            first = old[name]
            missing = max(first.missing, part.missing)
            both = first.figure is not None and part.figure is not None
            change = ratio(first.figure or 0, part.figure or 0) if both else ""
            shown: list[Cell] = [first.figure, part.figure, change]
        else:
            missing = part.missing
            shown = [row.cost.macs, part.figure, *([] if every else [part.figure])]
        kind: list[Cell] = [row.kind] if every else []
        return [name, *kind, *shown, *([partial_text(missing)] if marked else [])]

    if was:
        total: list[Cell] = [was.total, found.total, ratio(was.total, found.total)]
    else:
        total = [report.totals.macs, found.total, *([] if every else [""])]
    missing = max(len(found.uncovered), len(was.uncovered) if was else 0)
    altered = reports.altered if before else ""
    name = "name" if view.by is None else "kind"
    second = [Column("kind" if view.by is None else "layers")] if every else []
    return Table(
        f"{title(report)}{f', with {altered}' if altered else ''}, as {convention.name}"
        f" {convention.version} counts",
        [Column(name, "name"), *second, *figures, *([Column("note")] if marked else [])],
        [cells(row.name, row, part) for row, part in zip(chosen, sums, strict=True)],
        ["total", *([""] if every else []), *total, *([partial_text(missing)] if marked else [])],
        _notes(report, found, missing),
    )


def _notes(report: Report, found: CounterReport, missing: int) -> list[str]:
    convention = found.convention
    kinds = {layer.node.kind for layer in report.layers}
    notes = [
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


def _ignored(found: CounterReport) -> str:
    """What computes something and is reported as 0, so that no zero is silent."""
    return ", ".join([f"{count} {kind}" for kind, count in found.ignored_kinds().items()])
