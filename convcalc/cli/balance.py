"""`convcalc balance`: operations for each byte moved, and the least time on a device."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.rows import ROW_COSTS
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit_json, emit_table
from convcalc.cli.rows import View
from convcalc.language.device import Device, read_device
from convcalc.problems import printable
from convcalc.quantities import DEFAULT_DTYPE
from convcalc.render.balance import balance_csv, balance_table, row_figures


@guarded
def balance(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="NAME|FILE",
            help="Bound the time on this device. One that ships, such as cortex_m7, or a file.",
        ),
    ] = None,
    dtype: options.Dtype = DEFAULT_DTYPE,
    weights: options.WeightsDtype = None,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    depth: options.Depth = None,
    expand: options.Expand = False,
    sort: options.Sort = None,
    top: options.Top = None,
    by: options.By = None,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Show every layer's operations for each byte that it moves.

    Examples:
      convcalc balance mobilenet_v2
      convcalc balance mobilenet_v2 --device laptop_core --sort time --top 10
      convcalc balance resnet50 --device a100 --dtype float16 --batch 32 --depth 1
      convcalc balance ds_cnn --device cortex_m7 --dtype int8
      convcalc balance mynet.yaml --device myboard.yaml --format json

    The operations for each byte are the arithmetic intensity.
    With a device, the least time that each layer takes there, and whether computing or memory
    bounds it (roofline): a bound, not a prediction.
    Formats: table, plain, json (always every operation), csv, markdown, latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_dtypes(dtype, weights)
    options.read_batch(batch)
    machine = None if device is None else _machine(device, dtype)
    analysis = Analysis(options.load_network(file, sets, input_, max_layers), batch=batch)
    found = analysis.balance(dtype, weights)
    if style == "json":
        emit_json(found.to_dict(machine), output)
        return 0
    view = View(depth, expand, sort, top, by)
    # With --by kind, what is fused to a layer is of another kind: count each operation alone.
    fused = not expand and by is None
    if sort is not None and sort.lower() == "time" and machine is None:
        refuse("--sort time: only a device gives times", "--device laptop_core")
    rows = view.rows(analysis.report, {**row_figures(found, machine, fused=fused), **ROW_COSTS})
    make = balance_csv if style == "csv" else balance_table
    emit_table(make(found, machine, rows, fused=fused, by_kind=view.by_kind), style, output)
    return 0


def _machine(path: str, dtype: str) -> Device:
    machine = read_device(path)
    if dtype not in machine.operations:
        refuse(
            f"{printable(path, 200)} states no peak for {dtype}",
            "--dtype " + " or ".join(machine.operations),
        )
    return machine
