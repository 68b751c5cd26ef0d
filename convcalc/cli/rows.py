"""Selects and sorts the rows of a layer table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import ROW_COSTS, TEXT_KEYS, Row, rows, sort_rows
from convcalc.cli import options
from convcalc.cli.guard import refuse
from convcalc.record import Record


class View(Record):
    """The options that select and sort a table's rows."""

    depth: int | None = None
    expand: bool = False
    sort: str | None = None
    top: int | None = None
    by: str | None = None

    @property
    def by_kind(self) -> bool:
        """Whether there is one row for each kind of layer."""
        return self.by is not None

    def rows(
        self, report: Report, figures: Mapping[str, Callable[[Row], int]] = ROW_COSTS
    ) -> list[Row]:
        """The selected rows of a report; `figures` are the sort keys besides name and kind."""
        options.read_count("--depth", self.depth)
        options.read_count("--top", self.top)
        if self.by is not None:
            options.read_word("--by", self.by, ("kind",))
            if self.depth is not None or self.expand:
                refuse(
                    "--by kind sums over the whole network: it goes without --depth and --expand"
                )
        found = rows(report, depth=self.depth, expand=self.expand, by_kind=self.by_kind)
        if self.sort is not None:
            key = options.read_word("--sort", self.sort.lower(), [*TEXT_KEYS, *figures])
            found = sort_rows(found, key, figures)
        return found[: self.top]

    def all_rows(self, report: Report) -> list[Row]:
        """The selected rows in the network's order, without the limit of `--top`."""
        return self._replace(sort=None, top=None).rows(report)
