"""What other counters report: `flops --as NAME` and `flops --compare`."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.costs.rows import ROW_COSTS
from convcalc.analysis.counters.counting import (
    BY_NAME,
    CounterReport,
    counter_reports,
    require_rules,
)
from convcalc.cli import options
from convcalc.cli.guard import refuse
from convcalc.cli.output import emit_json, emit_table
from convcalc.cli.rows import View
from convcalc.render.counters import (
    comparison_data,
    comparison_table,
    counted_data,
    counted_table,
)
from convcalc.render.report import Reports

#: The sort key of the counter's figures.
AS = "as"


def read_options(
    as_: str | None, compare: bool, partial: bool, valid_taps: bool, view: View
) -> None:
    """Refuses unknown conventions, and options that do not go together."""
    if as_ is not None:
        options.read_word("--as", as_, list(BY_NAME))
        if compare:
            refuse("--as shows one convention and --compare all of them: one or the other")
        if valid_taps:
            refuse(
                "--as goes without --valid-taps: no counter leaves out taps that fall on padding",
                "--compare --valid-taps holds them against the MACs that are left",
            )
    elif not compare:
        refuse("--partial belongs to --as or --compare")
    elif view != View():
        refuse(
            "--compare has a row for each convention: it goes without --depth, --expand, --sort,"
            " --top and --by",
            "--as NAME shows one convention's rows",
        )


def emit_comparison(reports: Reports, partial: bool, style: str, output: str | None) -> None:
    """Writes all conventions side by side."""
    found = counter_reports(reports.report)
    before = counter_reports(reports.before) if reports.before else []
    _require_rules([*found, *before], partial)
    if style == "json":
        emit_json(comparison_data(reports, found, before), output)
    else:
        emit_table(comparison_table(reports, found, before, every=style == "csv"), style, output)


def emit_counted(
    reports: Reports, name: str, partial: bool, view: View, style: str, output: str | None
) -> None:
    """Writes the network as one counter reports it."""
    (found,) = counter_reports(reports.report, [BY_NAME[name]])
    before = counter_reports(reports.before, [BY_NAME[name]])[0] if reports.before else None
    _require_rules([found, *([before] if before else [])], partial)
    if style == "json":
        emit_json(counted_data(reports, found, before), output)
        return
    figures = {**ROW_COSTS, AS: lambda row: found.of(row.members).figure or 0}
    rows = view.rows(reports.report, figures)
    originals = view.all_rows(reports.before) if reports.before else []
    every = style == "csv"
    table = counted_table(
        reports, found, before, rows, originals, by_kind=view.by_kind, every=every
    )
    emit_table(table, style, output)


def _require_rules(found: Sequence[CounterReport], partial: bool) -> None:
    if not partial:
        require_rules(found)
