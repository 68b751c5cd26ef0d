"""Tables of operation counts, with and without a what-if."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.costs.cost import COSTS, Cost
from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import Row
from convcalc.counts import Counts
from convcalc.metrics import METRICS
from convcalc.render.numbers import grouped, ratio
from convcalc.render.report import (
    UNKNOWN,
    Reports,
    csv_columns,
    figure,
    incomplete_notes,
    name_column,
    report_heading,
    share_column,
    totals_label,
)
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import tuple_text

FLOPS = "FLOPs = multiplies + adds + divides + compares + specials, each counting 1"
MACS = "MACs = products that are summed, as in convolutions and dense layers"
#: The metrics of the table; `other` is the classes that it does not show.
_SHOWN = ("multiplies", "adds", "other", "macs", "flops")
VALID_TAPS = "Taps that fall on padding are left out (--valid-taps)."


def flops_table(report: Report, rows: Sequence[Row], *, by_kind: bool = False) -> Table:
    """The operations of each row, and the report's totals."""
    totals = report.totals

    def cells(name: str, cost: Cost) -> list[Cell]:
        return [name, *[figure(cost, metric) for metric in _SHOWN]]

    return Table(
        report_heading(report),
        [
            name_column(by_kind),
            *[Column(METRICS[metric].title, "number") for metric in _SHOWN],
            share_column(totals.flops, report.complete),
        ],
        [[*cells(row.name, row.cost), figure(row.cost, "flops")] for row in rows],
        [totals_label(report.complete), *[COSTS[metric](totals) for metric in _SHOWN], ""],
        [
            *incomplete_notes(report),
            *_other_note(report),
            f"{FLOPS};",
            f"{MACS}.",
            *([VALID_TAPS] if report.valid_taps else []),
        ],
    )


def flops_csv(rows: Sequence[Row], *, by_kind: bool = False) -> Table:
    """Every class of operations on its own, for programs."""
    figures = [*Counts._fields, "macs", "flops"]
    return Table(
        "",
        [*csv_columns(by_kind), *[Column(name, "number") for name in figures]],
        [[row.name, row.kind, *[figure(row.cost, name) for name in figures]] for row in rows],
    )


def _other_note(report: Report) -> list[str]:
    counts = report.totals.counts
    named = (
        ("divides", counts.divides),
        ("compares", counts.compares),
        ("specials", counts.specials),
    )
    parts = [f"{grouped(count)} {name}" for name, count in named if count]
    other = "other" if report.complete else "other, at least"
    return [f"{other}: {', '.join(parts)}."] if parts else []


def what_if_table(
    reports: Reports,
    before: Report,
    originals: Sequence[Row],
    rows: Sequence[Row],
    *,
    by_kind: bool = False,
    every: bool = False,
) -> Table:
    """Compares a network before and after a what-if.

    originals   all rows of the network before, which have the same names
    every       include rows without a multiplication or addition
    """
    old, new = before.totals.counts, reports.report.totals.counts
    original = {row.name: row for row in originals}
    lines: list[list[Cell]] = []
    reshaped: list[str] = []
    empty = 0
    for row in rows:
        was, now = original[row.name].cost.counts, row.cost.counts
        if original[row.name].cost.unknown or row.cost.unknown:
            lines.append([row.name, *[UNKNOWN] * 6])
        elif not every and was.multiplies + was.adds + now.multiplies + now.adds == 0:
            empty += 1
        else:
            pairs = [*_pair(was.multiplies, now.multiplies), *_pair(was.adds, now.adds)]
            lines.append([row.name, *pairs])
        # The user asked for other channels; report other spatial sizes.
        if original[row.name].output[2:] != row.output[2:] and not by_kind:
            shapes = f"{tuple_text(original[row.name].output)} -> {tuple_text(row.output)}"
            reshaped.append(f"{row.name}: {shapes}")
    complete = before.complete and reports.report.complete
    notes = [*reshaped, *([VALID_TAPS] if before.valid_taps else [])]
    if reshaped:
        notes.insert(0, "New output shapes:")
    if empty:
        notes.insert(0, f"Not shown: {empty} without a multiplication or addition.")
    if reports.report.network is before.network:
        notes.insert(0, "The what-if changes nothing in this network.")
    notes[:0] = incomplete_notes(reports.report)
    return Table(
        reports.heading,
        [
            name_column(by_kind),
            Column("multiplies", "number"),
            Column("after", "number", key="multiplies_after"),
            Column("ratio", "number", key="multiplies_ratio"),
            Column("adds", "number"),
            Column("after", "number", key="adds_after"),
            Column("ratio", "number", key="adds_ratio"),
        ],
        lines,
        [
            totals_label(complete),
            *_pair(old.multiplies, new.multiplies, complete),
            *_pair(old.adds, new.adds, complete),
        ],
        notes,
    )


def _pair(before: int, after: int, complete: bool = True) -> list[Cell]:
    return [before, after, ratio(before, after) if complete else UNKNOWN]
