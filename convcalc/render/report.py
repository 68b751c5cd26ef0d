"""A report as plain data, and what the tables of reports share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import Report, Unknown, unknown_text
from convcalc.gc_pause import gc_paused
from convcalc.problems import printable
from convcalc.quantities import short_bytes
from convcalc.record import Record
from convcalc.render.numbers import grouped
from convcalc.render.table import Cell, Column
from convcalc.shapes import Shape, tuple_text

#: What stands in place of a figure that is unknown, in every format but JSON, which has null.
UNKNOWN = "?"


class Reports(Record):
    """The analysis of a network and, after a what-if, the report of the unchanged network.

    altered   the options that make the network differ from the file's
    """

    analysis: Analysis
    before: Report | None = None
    altered: str = ""

    @property
    def report(self) -> Report:
        """The network's costs."""
        return self.analysis.report

    @property
    def heading(self) -> str:
        """The network's name, its inputs, and the options that changed it."""
        return report_heading(self.report) + (f", with {self.altered}" if self.altered else "")


def report_heading(report: Report, *, batch: bool = True) -> str:
    """The network's name and its inputs, with or without the batch axis."""
    inputs = {name: shape if batch else shape[1:] for name, shape in report.inputs.items()}
    return f"{printable(report.network.name, 200)}: {inputs_text(inputs)}"


def headline(report: Report, what: str, size: int, metric: str, more: str = "") -> str:
    """The one figure that most people look for, in bytes, as a line of its own."""
    what = at_least(what, report.totals.misses(metric))
    name = printable(report.network.name, 200)
    return f"{name}: {what} {grouped(size)} bytes ({short_bytes(size)}){more}\n"


def inputs_text(inputs: Mapping[str, Shape]) -> str:
    """Input shapes as text, with names if there are several."""
    if len(inputs) == 1:
        return f"input {tuple_text(next(iter(inputs.values())))}"
    return "inputs " + ", ".join([f"{name} {tuple_text(s)}" for name, s in inputs.items()])


def figure(cost: Cost, name: str) -> Cell:
    """A figure of a cost as a cell."""
    return known(cost.known(name))


def known(cell: Cell) -> Cell:
    """A figure as a cell, marked where it is unknown."""
    return UNKNOWN if cell is None else cell


def totals_label(complete: bool) -> str:
    """What stands before totals."""
    return "total" if complete else "at least"


def share_column(whole: int, complete: bool) -> Column:
    """The column of shares of a total."""
    return Column("share" if complete else "share of known", "share", whole, "share")


def incomplete_notes(report: Report) -> list[str]:
    """What the totals leave out, where they are incomplete."""
    totals = report.totals
    figures = f"{grouped(totals.params)} params, {grouped(totals.macs)} MACs"
    return unknown_notes(f"{figures}, {grouped(totals.flops)} FLOPs", report.unknown)


def unknown_notes(figures: str, unknown: Sequence[Unknown]) -> list[str]:
    """The same of other figures."""
    return [f"At least {figures}, {unknown_text(unknown)}."] if unknown else []


def at_least(name: str, incomplete: bool) -> str:
    """The name of a figure that may be incomplete."""
    return f"{name}, at least" if incomplete else name


def name_column(by_kind: bool) -> Column:
    """The column of a row's name."""
    return Column("kind" if by_kind else "name", "name")


def csv_columns(by_kind: bool) -> list[Column]:
    """The columns of a row's name and kind, for programs."""
    return [Column("kind"), Column("layers")] if by_kind else [Column("name"), Column("kind")]


@gc_paused()
def report_text(report: Report, before: Report | None = None) -> str:
    """The report as JSON; its data is gone before the garbage collector would look through it."""
    from convcalc.render.jsons import json_text

    return json_text(report_data(report, before))


def report_data(report: Report, before: Report | None = None) -> dict[str, Any]:
    """The report as plain data, and that of the unchanged network after a what-if."""
    data = report.to_dict()
    if before is not None:
        data["before"] = before.figures()
    return data
