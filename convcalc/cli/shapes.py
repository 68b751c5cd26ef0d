"""`convcalc shapes`: every layer's output shape and parameters."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit, emit_table
from convcalc.cli.rows import View
from convcalc.quantities import DEFAULT_DTYPE
from convcalc.render.listing import STYLES, shapes_listing
from convcalc.render.report import Reports, report_text
from convcalc.render.shapes import shapes_table

FORMATS = (*TABLE_FORMATS, "listing")


@guarded
def shapes(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    depth: options.Depth = None,
    expand: options.Expand = False,
    sort: options.Sort = None,
    top: options.Top = None,
    by: options.By = None,
    columns: options.Columns = None,
    no_batch: Annotated[
        bool, typer.Option("--no-batch", help="Leave out the batch axis of shapes.")
    ] = False,
    edition: Annotated[
        str | None,
        typer.Option("--style", metavar="NAME", help="Print a listing as this framework: torch."),
    ] = None,
    dtype: options.ColumnsDtype = None,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Show every layer's output shape and parameters.

    Examples:
      convcalc shapes lenet
      convcalc shapes vgg11_d2l --depth 1 --format listing
      convcalc shapes lenet --format listing --style torch
      convcalc shapes mynet.yaml --set width=0.5 --input 3x96x96
      convcalc shapes resnet50 --depth 1 --columns name,output,macs,field,live
      cat mynet.yaml | convcalc shapes - --format json

    Formats: table, plain, json (always every operation), csv, markdown, latex,
    listing.
    """
    style = chosen_format(style, output, FORMATS)
    options.read_batch(batch)
    if edition is not None:
        options.read_word("--style", edition, STYLES)
        if style != "listing":
            refuse("--style is about --format listing", "--format listing --style torch")
    if no_batch and (batch != 1 or columns is not None or style == "json"):
        refuse("--no-batch goes without --batch, --columns and --format json")
    names = []
    numbers = DEFAULT_DTYPE
    if columns is not None or dtype is not None:
        from convcalc.cli.columns import read_dtype

        numbers = read_dtype(dtype, columns)
    if columns is not None:
        from convcalc.cli.columns import read_columns

        names = read_columns(columns, by)
        if style == "listing":
            refuse("--format listing has no columns: it goes without --columns")
    analysis = Analysis(options.load_network(file, sets, input_, max_layers), batch=batch)
    report = analysis.report
    view = View(depth, expand, sort, top, by)
    if names:
        from convcalc.cli.columns import emit_columns

        emit_columns(Reports(analysis), names, view, numbers, style, output)
    elif style == "json":
        emit(report_text(report), output, "json")
    elif style == "listing":
        found = view.rows(report)
        emit(shapes_listing(found, edition or STYLES[0], batch=not no_batch), output)
    else:
        found = view.rows(report)
        table = shapes_table(report, found, by_kind=view.by_kind, batch=not no_batch)
        emit_table(table, style, output)
    return 0
