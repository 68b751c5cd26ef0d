"""`convcalc shapes`: every layer's output shape and parameters."""

from __future__ import annotations

from convcalc.analysis.analysis import Analysis
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit, emit_table
from convcalc.cli.rows import View
from convcalc.render.report import Reports, report_text
from convcalc.render.shapes import shapes_listing, shapes_table


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
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Show every layer's output shape and parameters.

    Examples:
      convcalc shapes lenet
      convcalc shapes vgg11_d2l --depth 1 --format listing
      convcalc shapes mynet.yaml --set width=0.5 --input 3x96x96
      convcalc shapes resnet50 --depth 1 --columns name,output,macs,field,live
      cat mynet.yaml | convcalc shapes - --format json

    Formats: table, plain, json (always every operation), csv, markdown, latex,
    listing.
    """
    style = chosen_format(style, output, (*TABLE_FORMATS, "listing"))
    options.read_batch(batch)
    names = []
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

        emit_columns(Reports(analysis), names, view, style, output)
    elif style == "json":
        emit(report_text(report), output, "json")
    elif style == "listing":
        emit(shapes_listing(view.rows(report)), output)
    else:
        emit_table(shapes_table(report, view.rows(report), by_kind=view.by_kind), style, output)
    return 0
