"""`convcalc balance`: operations for each byte moved, and the least time on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.balance import Balance, Bound, Figures, bound, intensity_text, total
from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import Row
from convcalc.analysis.field.traces import Ratio
from convcalc.cli import options
from convcalc.cli.guard import guarded, unusable
from convcalc.cli.output import TABLE_FORMATS, emit, emit_table
from convcalc.cli.shapes import selected_rows, title
from convcalc.diagnostics import printable
from convcalc.language.device import Device, read_device
from convcalc.quantities import DTYPES
from convcalc.render.numbers import short
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
#: Columns that rows can be sorted by here, the largest first, beside those of every table.
SORT_KEYS = ("operations", "bytes", "intensity", "time")


@guarded
def balance(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="NAME|FILE",
            help="Bound the time on this device: a100, cortex_m7, laptop_core, or a file.",
        ),
    ] = None,
    dtype: Annotated[
        str, typer.Option("--dtype", metavar="TYPE", help="Of inputs and results.")
    ] = "float32",
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="TYPE", help="Of weights, if it is another one."),
    ] = None,
    sets: options.Sets = None,
    input_: options.Input = None,
    batch: options.Batch = 1,
    depth: options.Depth = None,
    expand: options.Expand = False,
    sort: options.Sort = None,
    top: options.Top = None,
    by: options.By = None,
    style: options.Format = "table",
    output: options.Output = None,
) -> int:
    """Arithmetic intensity: the operations of each layer for each byte that it must move.

    Examples:
      convcalc balance mobilenet_v2
      convcalc balance mobilenet_v2 --device laptop_core --sort time --top 10
      convcalc balance resnet50 --device a100 --dtype float16 --batch 32 --depth 1
      convcalc balance ds_cnn --device cortex_m7 --dtype int8
      convcalc balance mynet.yaml --device myboard.yaml --format json

    With a device, the least time that each layer takes there, and whether computing or memory
    bounds it (roofline): a bound, not a prediction.
    Formats: table, plain, json (always every operation), csv, markdown.
    """
    options.read_word("--format", style, TABLE_FORMATS)
    options.read_word("--dtype", dtype, tuple(DTYPES))
    if weights is not None:
        options.read_word("--weights", weights, tuple(DTYPES))
    options.read_batch(batch)
    machine = None if device is None else _machine(device, dtype)
    network = options.load_network(file, sets, input_)
    found = Analysis(network, batch=batch).balance(dtype, weights)
    if style == "json":
        from convcalc.render.jsons import json_text

        emit(json_text(_data(found, machine)), output)
        return 0
    rows = _rows(found, machine, depth, expand, sort, top, by)
    # A row of a kind cannot hold what is fused behind another kind: each is priced alone there.
    fused = not expand and by is None
    table = _exact_table if style == "csv" else _table
    emit_table(table(found, machine, rows, fused, by), style, output)
    return 0


def _machine(path: str, dtype: str) -> Device:
    machine = read_device(path)
    if dtype not in machine.operations:
        unusable(
            f"{printable(path, 200)} states no peak for {dtype}",
            "--dtype " + " or ".join(machine.operations),
        )
    return machine


def _rows(
    found: Balance,
    machine: Device | None,
    depth: int | None,
    expand: bool,
    sort: str | None,
    top: int | None,
    by: str | None,
) -> list[Row]:
    key = "" if sort is None else sort.lower()
    if key not in SORT_KEYS:
        if sort is not None:
            from convcalc.analysis.costs.rows import SORT_KEYS as COSTS
            from convcalc.analysis.costs.rows import TEXT_KEYS

            options.read_word("--sort", key, (*TEXT_KEYS, *SORT_KEYS, *COSTS))
        return selected_rows(found.report, depth, expand, sort, top, by)
    if key == "time" and machine is None:
        unusable("--sort time: only a device gives times", "--device laptop_core")
    options.read_count("--top", top)
    rows = selected_rows(found.report, depth, expand, None, None, by)
    fused = not expand and by is None

    def order(row: Row) -> Ratio | int:
        parts = found.of(row.members, fused=fused)
        figures = total(parts)
        if key == "time" and machine is not None:
            return bound(parts, machine, found.dtype).picoseconds
        if key == "intensity":
            # Compared to the millionth, in integers.
            return figures.operations * 10**6 // max(figures.bytes, 1)
        return figures.operations if key == "operations" else figures.bytes

    return sorted(rows, key=order, reverse=True)[:top]


def _table(
    found: Balance, machine: Device | None, rows: Sequence[Row], fused: bool, by: str | None
) -> Table:
    every = found.of(found.report.layers, fused=fused)
    whole = None if machine is None else bound(every, machine, found.dtype)

    def cells(name: str, parts: Sequence[Figures]) -> list[Cell]:
        figures = total(parts)
        shown: list[Cell] = [name, figures.operations, figures.bytes, _intensity(figures)]
        if machine is not None:
            least = bound(parts, machine, found.dtype)
            shown += [time_text(least.picoseconds), least.by, least.picoseconds]
        return shown

    columns = [
        Column("name" if by is None else "kind", "name"),
        Column("operations", "number"),
        Column("bytes", "number"),
        Column("op/byte", "number"),
    ]
    if whole is not None:
        columns += [
            Column("at least", "number"),
            Column("bound by"),
            Column("share", "share", whole.picoseconds),
        ]
    totals = cells("total", every)
    if whole is not None:
        totals[-1] = ""
    return Table(
        title(found.report),
        columns,
        [cells(row.name, found.of(row.members, fused=fused)) for row in rows],
        totals,
        [*_notes(found), *(_device_notes(machine, found.dtype) if machine else [])],
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
    """A time in a unit that suits it, three digits, rounded down as a bound must be.

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


def _exact_table(
    found: Balance, machine: Device | None, rows: Sequence[Row], fused: bool, by: str | None
) -> Table:
    """Every figure on its own, for programs."""
    lines: list[list[Cell]] = []
    for row in rows:
        parts = found.of(row.members, fused=fused)
        figures = total(parts)
        intensity = figures.intensity
        line: list[Cell] = [row.name, row.kind, *figures, figures.bytes]
        line.append(None if intensity is None else intensity.data)
        if machine is not None:
            least = bound(parts, machine, found.dtype)
            line += [least.picoseconds, least.by]
        lines.append(line)
    columns = [Column("name"), Column("kind")] if by is None else [Column("kind"), Column("layers")]
    columns += [Column(name, "number") for name in (*Figures._fields, "bytes", "intensity")]
    if machine is not None:
        columns += [Column("at_least_ps", "number"), Column("bound_by")]
    return Table("", columns, lines)


def _data(found: Balance, machine: Device | None) -> dict[str, object]:
    from convcalc.render.jsons import report_data

    def figures_data(parts: Sequence[Figures]) -> dict[str, object]:
        figures = total(parts)
        intensity = figures.intensity
        data: dict[str, object] = {
            **figures._asdict(),
            "bytes": figures.bytes,
            "intensity": None if intensity is None else intensity.data,
        }
        if machine is not None:
            least: Bound = bound(parts, machine, found.dtype)
            data["at_least_ps"] = least.picoseconds
            data["bound_by"] = least.by or None
        return data

    report: Report = found.report
    data = report_data(report)
    for layer, entry in zip(report.layers, data["layers"], strict=True):
        entry["balance"] = figures_data([found.operations[layer.node.path]])
    data["balance"] = {
        "dtype": found.dtype,
        "weights": found.weights,
        "device": None if machine is None else machine._asdict(),
        "layers": [{"name": unit, **figures_data([one])} for unit, one in found.units.items()],
        "totals": figures_data(list(found.units.values())),
    }
    return data
