"""The rows of a sweep as a table, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from convcalc.codes import CODES
from convcalc.layers.fields import decimal_text
from convcalc.metrics import METRICS
from convcalc.problems import printable
from convcalc.quantities import BYTES
from convcalc.render.table import Cell, Column, Table


class SweepRow(NamedTuple):
    """A variant.

    values   of what varies
    figures  of each metric; None where a figure is not known
    code     what is wrong where it is no network, or of unknown cost, and `error` in words
    breaks   the limits that it breaks
    front    whether it is on the Pareto front; None where none was asked for
    least    the metrics of which only a part is known, by their places
    """

    values: tuple[Any, ...]
    figures: tuple[int | None, ...]
    code: str = ""
    error: str = ""
    breaks: tuple[str, ...] = ()
    front: bool | None = None
    least: tuple[int, ...] = ()


class Layout(NamedTuple):
    """Which columns a sweep has.

    variables, metrics  by name
    keep                whether variants that break a limit are shown
    front               whether there is a Pareto front
    """

    variables: tuple[str, ...]
    metrics: tuple[str, ...]
    keep: bool
    front: bool

    @property
    def keys(self) -> list[str]:
        """The names of the columns; an argument that is called as a metric is `args.NAME`."""
        taken = {*self.metrics, "front", "breaks", "code", "error"}
        names = [f"args.{name}" if name in taken else name for name in self.variables]
        marks = [*(["front"] if self.front else []), *(["breaks"] if self.keep else [])]
        return [*names, *self.metrics, *marks, "code", "error"]


def value_text(value: Any) -> str:
    """A value of an argument as a user writes it."""
    if isinstance(value, Fraction):
        return decimal_text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def meaning(code: str) -> str:
    """A code in words; "" for none."""
    return CODES[code].meaning if code else ""


def _cells(row: SweepRow, layout: Layout) -> list[Cell]:
    cells: list[Cell] = [v if type(v) is int else value_text(v) for v in row.values]
    cells += row.figures
    if layout.front:
        cells.append("*" if row.front else "")
    if layout.keep:
        cells.append(", ".join(row.breaks))
    return [*cells, row.code, row.error]


def csv_head(layout: Layout) -> str:
    """The first line of a CSV file."""
    return _csv([layout.keys])


def csv_lines(rows: Sequence[SweepRow], layout: Layout) -> str:
    """Rows as lines of CSV."""
    cells = [["" if cell is None else cell for cell in _cells(row, layout)] for row in rows]
    return _csv(cells)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def row_data(row: SweepRow, layout: Layout) -> dict[str, Any]:
    """A row as plain data."""
    known = any(figure is not None for figure in row.figures) or not row.code
    data: dict[str, Any] = {
        "args": {n: json_value(v) for n, v in zip(layout.variables, row.values, strict=True)},
        "metrics": dict(zip(layout.metrics, row.figures, strict=True)) if known else None,
    }
    if row.least:
        data["complete"] = False
    if layout.front:
        data["front"] = bool(row.front)
    if layout.keep:
        data["breaks"] = list(row.breaks)
    if row.code:
        data["code"], data["error"] = row.code, row.error
    return data


def json_value(value: Any) -> Any:
    """A value of an argument in JSON: a text where no decimal number is exact."""
    if isinstance(value, Fraction):
        text = decimal_text(value)
        return text if "/" in text else float(text)
    return [json_value(item) for item in value] if isinstance(value, list | tuple) else value


def json_lines(rows: Sequence[SweepRow], layout: Layout) -> str:
    """Rows as JSON, one a line."""
    return "".join([json.dumps(row_data(row, layout)) + "\n" for row in rows])


def sweep_data(
    network: str, rows: Sequence[SweepRow], layout: Layout, counts: Mapping[str, Any]
) -> dict[str, Any]:
    """All rows as one document."""
    return {
        "schema": "convcalc.sweep/1",
        "network": network,
        **counts,
        "variants": [row_data(row, layout) for row in rows],
    }


def sweep_table(
    network: str, rows: Sequence[SweepRow], layout: Layout, notes: Sequence[str], dtype: str
) -> Table:
    """A row for each variant."""
    columns = [
        Column(name, "number" if _whole(rows, i) else "text")
        for i, name in enumerate(layout.variables)
    ]
    columns += [Column(METRICS[name].title, "number", key=name) for name in layout.metrics]
    if layout.front:
        columns.append(Column("front"))
    if layout.keep:
        columns.append(Column("breaks"))
    wrong = any(row.code for row in rows)
    if wrong:
        columns.append(Column("what is wrong", "prose"))
    cells = []
    for row in rows:
        *found, code, error = _cells(row, layout)
        for place in row.least:
            found[len(row.values) + place] = f"at least {row.figures[place]:,}"
        cells.append([*found, f"{code}: {error}" if code else ""] if wrong else found)
    if any(METRICS[name].unit == BYTES for name in layout.metrics):
        notes = [*notes, f"Bytes are those of numbers in {dtype}."]
    return Table(printable(network), columns, cells, (), notes)


def _whole(rows: Sequence[SweepRow], place: int) -> bool:
    return all(type(row.values[place]) is int for row in rows)
