"""Columns that a user chooses: `shapes --columns` and `flops --columns`."""

from __future__ import annotations

from convcalc.analysis.costs.columns import column_names, columns_of, sort_figures
from convcalc.analysis.costs.rows import ROW_COSTS
from convcalc.cli import options
from convcalc.cli.guard import refuse
from convcalc.cli.output import emit_json, emit_table
from convcalc.cli.rows import View
from convcalc.problems import printable
from convcalc.quantities import DEFAULT_DTYPE, DTYPES
from convcalc.render.columns import columns_csv, columns_data, columns_table
from convcalc.render.report import Reports


def read_dtype(dtype: str | None, columns: str | None) -> str:
    """Reads the type of the numbers whose bytes columns show."""
    if dtype is None:
        return DEFAULT_DTYPE
    if columns is None:
        refuse(
            "--dtype is about bytes, which the chosen columns show",
            f"--columns name,output,weights,live --dtype {printable(dtype)}",
        )
    return options.read_word("--dtype", dtype, tuple(DTYPES))


def read_columns(text: str, by: str | None) -> list[str]:
    """Reads the names of columns: each must be known, and given once."""
    names = [name.strip().lower() for name in text.split(",")]
    if not any(names):
        refuse("--columns names no column", "--columns name,output,params,macs,field,live")
    known = column_names()
    for name in names:
        options.read_word("--columns", name, known)
        if names.count(name) > 1:
            refuse(f"--columns: '{name}' is given twice")
    chosen = columns_of(names)
    for name, shown in chosen.items():
        if by is not None and not shown.whole and name != "share":
            refuse(f"--columns: '{name}' is of one layer: it goes without --by kind")
    return names


def emit_columns(
    reports: Reports, names: list[str], view: View, dtype: str, style: str, output: str | None
) -> None:
    """Writes the selected rows with these columns; JSON always has every operation."""
    if style == "json":
        emit_json(columns_data(reports, columns_of(names, fused=False, dtype=dtype), dtype), output)
        return
    # A row of a kind has no operations of other kinds, even if they are fused to it.
    chosen = columns_of(names, fused=not view.expand and not view.by_kind, dtype=dtype)
    figures = {**ROW_COSTS, **sort_figures(chosen, reports.analysis), **ROW_COSTS}
    rows = view.rows(reports.report, figures)
    make = columns_csv if style == "csv" else columns_table
    emit_table(make(reports, names, chosen, rows, by_kind=view.by_kind), style, output)
