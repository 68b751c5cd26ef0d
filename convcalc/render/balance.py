"""Arithmetic intensity, and the least time on a device, as tables and as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcalc.analysis.costs.balance import Balance, Figures, bound, intensity_text, total
from convcalc.analysis.costs.rows import Row
from convcalc.arithmetic import Ratio
from convcalc.language.device import Device
from convcalc.problems import printable
from convcalc.render.numbers import short
from convcalc.render.report import (
    UNKNOWN,
    csv_columns,
    incomplete_notes,
    name_column,
    report_heading,
    share_column,
    totals_label,
)
from convcalc.render.table import Cell, Column, Table

MOVED = "Bytes: each input value that is used, each weight and each result once."
DONE = (
    "Operations: FLOPs as `convcalc flops` counts them. A layer's norm and activation run before"
    " its result is written."
)
BOUND = (
    "At least: a bound, not a prediction, for runs that do the operations counted (Winograd's"
    " method does fewer) and read and write memory once for each layer."
)

#: The figures in CSV, by name.
_FIGURES = ("operations", "read", "weights", "written", "bytes", "intensity")


def row_figures(
    found: Balance, device: Device | None, *, fused: bool
) -> dict[str, Callable[[Row], int]]:
    """The sort keys of rows, largest first; time needs a device."""

    def of(figure: Callable[[list[Figures]], int]) -> Callable[[Row], int]:
        return lambda row: figure(found.of(row.members, fused=fused))

    def intensity(parts: list[Figures]) -> int:
        figures = total(parts)
        # Compare to the millionth, in integers.
        return figures.operations * 10**6 // max(figures.bytes, 1)

    figures = {
        "operations": of(lambda parts: total(parts).operations),
        "bytes": of(lambda parts: total(parts).bytes),
        "intensity": of(intensity),
    }
    if device is not None:
        figures["time"] = of(lambda parts: bound(parts, device, found.dtype).picoseconds)
    return figures


def balance_table(
    found: Balance,
    machine: Device | None,
    rows: Sequence[Row],
    *,
    fused: bool = True,
    by_kind: bool = False,
) -> Table:
    """Operations, bytes and intensity of each row and, with a device, the least time.

    fused   count a layer together with what is fused to it
    """
    every = found.of(found.report.layers, fused=fused)
    whole = None if machine is None else bound(every, machine, found.dtype)

    def cells(name: str, parts: Sequence[Figures]) -> list[Cell]:
        figures = total(parts)
        shown: list[Cell] = [name, figures.operations, figures.bytes, _intensity(figures)]
        if machine is not None:
            least = bound(parts, machine, found.dtype)
            shown += [time_text(least.picoseconds), least.by, least.picoseconds]
        return shown

    def row_cells(row: Row) -> list[Cell]:
        parts = found.of(row.members, fused=fused)
        shown = cells(row.name, parts)
        return [row.name, *[UNKNOWN] * (len(shown) - 1)] if total(parts).unknown else shown

    columns = [
        name_column(by_kind),
        Column("operations", "number"),
        Column("bytes", "number"),
        Column("op/byte", "number"),
    ]
    if whole is not None:
        columns += [
            Column("at least", "number"),
            Column("bound by"),
            share_column(whole.picoseconds, found.report.complete),
        ]
    totals = cells(totals_label(found.report.complete), every)
    if whole is not None:
        totals[-1] = ""
    if not found.report.complete:
        totals[3] = UNKNOWN
    return Table(
        report_heading(found.report),
        columns,
        [row_cells(row) for row in rows],
        totals,
        [
            *incomplete_notes(found.report),
            *_notes(found),
            *(_device_notes(machine, found.dtype) if machine else []),
        ],
    )


def _intensity(figures: Figures) -> str:
    return intensity_text(figures.intensity)


def _notes(found: Balance) -> list[str]:
    types = f"{found.dtype} values"
    if found.weights != found.dtype:
        types += f", {found.weights} weights"
    return [MOVED, DONE, f"Types: {types}."]


def _device_notes(machine: Device, dtype: str) -> list[str]:
    peak = machine.operations[dtype]
    ridge = intensity_text(Ratio.of(peak, machine.bytes))
    most = f"{short(peak)} operations ({dtype}) and {short(machine.bytes)}B a second"
    return [
        BOUND,
        f"{printable(machine.name)}: {most}; ridge at {ridge} op/byte.",
        f"Source: {printable(machine.source, 300)}",
    ]


def time_text(picoseconds: int) -> str:
    """A time with three digits and a unit, rounded down because it is a lower bound.

    >>> time_text(1234567), time_text(59_999_999_999_999), time_text(0)
    ('1.23 us', '59.9 s', '0')
    """
    for unit, scale in (("s", 10**12), ("ms", 10**9), ("us", 10**6), ("ns", 10**3)):
        if picoseconds >= scale:
            whole = picoseconds // scale
            decimals = max(3 - len(str(whole)), 0)
            if not decimals:
                return f"{whole:,} {unit}"
            part = picoseconds % scale * 10**decimals // scale
            return f"{whole}.{part:0{decimals}d} {unit}"
    return f"{picoseconds} ps" if picoseconds else "0"


def balance_csv(
    found: Balance,
    machine: Device | None,
    rows: Sequence[Row],
    *,
    fused: bool = True,
    by_kind: bool = False,
) -> Table:
    """Every figure, for programs."""
    lines: list[list[Cell]] = []
    for row in rows:
        parts = found.of(row.members, fused=fused)
        figures = total(parts)
        intensity = figures.intensity
        if figures.unknown:
            lines.append([row.name, row.kind, *[UNKNOWN] * (len(_FIGURES) + 2 * bool(machine))])
            continue
        line: list[Cell] = [row.name, row.kind, *figures[:4], figures.bytes]
        line.append(None if intensity is None else intensity.data)
        if machine is not None:
            least = bound(parts, machine, found.dtype)
            line += [least.picoseconds, least.by]
        lines.append(line)
    columns = csv_columns(by_kind)
    columns += [Column(name, "number") for name in _FIGURES]
    if machine is not None:
        columns += [Column("at_least_ps", "number"), Column("bound_by")]
    return Table("", columns, lines)
