"""`convcalc flops`: what every layer costs, as it is and after a what-if."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit, emit_table
from convcalc.cli.rows import View
from convcalc.quantities import DEFAULT_DTYPE
from convcalc.render.flops import flops_csv, flops_table, what_if_table
from convcalc.render.report import Reports, report_text
from convcalc.render.table import Table


@guarded
def flops(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    double_channels: options.DoubleChannels = False,
    scale_channels: options.ScaleChannels = None,
    double_padding: options.DoublePadding = False,
    kernel: options.Kernel = None,
    as_: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="Show what another counter reports, such as fvcore."
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Show what every known counter reports.")
    ] = False,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="With --as, leave out layers that it has no rule for."),
    ] = False,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    valid_taps: options.ValidTaps = False,
    training: options.Training = False,
    optimizer: options.Optimizer = None,
    input_gradient: options.InputGradient = False,
    depth: options.Depth = None,
    expand: options.Expand = False,
    sort: options.Sort = None,
    top: options.Top = None,
    by: options.By = None,
    columns: options.Columns = None,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Count every layer's multiplies, adds and other operations.

    Examples:
      convcalc flops lenet
      convcalc flops resnet50 --by kind
      convcalc flops vgg16 --sort macs --top 5
      convcalc flops resnet50 --double-channels     before, after and ratio
      convcalc flops resnet50 --compare             as ten counters have it
      convcalc flops resnet50 --as thop             and one of them, by layer
      convcalc flops lenet --kernel 1 --format json
      convcalc flops resnet50 --training --optimizer adam --batch 32
      convcalc flops resnet50 --depth 1 --columns name,macs,fvcore,thop,backward

    Formats: table, plain, json (always every operation), csv, markdown, latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_batch(batch)
    view = View(depth, expand, sort, top, by)
    counted = as_ is not None or compare
    if counted or partial:
        from convcalc.cli.counters import read_options

        read_options(as_, compare, partial, valid_taps, view)
    chosen = options.read_optimizer(training, optimizer, input_gradient)
    if training and (counted or valid_taps):
        other = "--valid-taps" if valid_taps else "--as" if as_ else "--compare"
        refuse(f"--training goes without {other}: it counts every product, by convcalc's rules")
    names = []
    if columns is not None:
        from convcalc.cli.columns import read_columns

        if counted or training:
            refuse(
                "--columns chooses among all figures: it goes without --as, --compare, --training"
            )
        names = read_columns(columns, by)
    loaded = options.load_file(file, sets, input_, max_layers)
    network, altered = loaded.network, loaded.altered
    reports = Reports(Analysis(network, batch=batch, valid_taps=valid_taps))
    what_if = options.read_what_if(double_channels, scale_channels, double_padding, kernel)
    if what_if is not None:
        from convcalc.transform.whatif import applied

        changed, what_ifs = applied(network, **what_if._asdict())
        after = Analysis(changed, batch=batch, valid_taps=valid_taps)
        altered = " ".join([altered, *what_ifs]).strip()
        reports = Reports(after, reports.report, altered)
    if as_ is not None:
        from convcalc.cli.counters import emit_counted

        emit_counted(reports, as_, partial, view, style, output)
    elif compare:
        from convcalc.cli.counters import emit_comparison

        emit_comparison(reports, partial, style, output)
    elif training:
        from convcalc.cli.training import emit_training

        emit_training(reports, chosen, input_gradient, view, style, output)
    elif names:
        from convcalc.cli.columns import emit_columns

        emit_columns(reports, names, view, DEFAULT_DTYPE, style, output)
    elif style == "json":
        emit(report_text(reports.report, reports.before), output, "json")
    else:
        emit_table(_table(reports, view, style), style, output)
    return 0


def _table(reports: Reports, view: View, style: str) -> Table:
    report, before = reports.report, reports.before
    if before is None:
        rows = view.rows(report)
        if style == "csv":
            return flops_csv(rows, by_kind=view.by_kind)
        return flops_table(report, rows, by_kind=view.by_kind)
    # A what-if is about single operations: fused behind a convolution, a batchnorm's additions
    # would hide that the convolution's own are four times as many.
    if view.depth is None and not view.by_kind:
        view = view._replace(expand=True)
    rows, originals = view.rows(report), view.all_rows(before)
    every = style == "csv"
    return what_if_table(reports, before, originals, rows, by_kind=view.by_kind, every=every)
