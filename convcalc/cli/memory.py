"""`convcalc memory`: what is in memory while a network runs or is trained."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.memory.inference import measure_memory
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit_json, emit_parts, emit_table
from convcalc.quantities import DEFAULT_DTYPE
from convcalc.render.report import report_data, report_heading

ORDERS = ("written", "least")


@guarded
def memory(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    dtype: options.Dtype = DEFAULT_DTYPE,
    weights: options.WeightsDtype = None,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="NAME",
            help="Order the steps as written, or for the least peak: least.",
        ),
    ] = "written",
    concat_in_place: Annotated[
        bool,
        typer.Option(
            "--concat-in-place", help="Compute the parts of a concat in its result where possible."
        ),
    ] = False,
    fused_attention: Annotated[
        bool,
        typer.Option("--fused-attention", help="Hold no scores and probabilities of an attention."),
    ] = False,
    training: options.Training = False,
    optimizer: options.Optimizer = None,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    depth: options.Depth = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Show the figures of the network, without its steps.")
    ] = False,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Show weights, activations and what is alive at each step.

    Examples:
      convcalc memory lenet
      convcalc memory resnet50 --summary        the figures alone
      convcalc memory resnet50 --depth 2        the most within each group
      convcalc memory mobilenet_v2 --dtype float16 --weights int8
      convcalc memory unet --order least        the order that needs the least
      convcalc memory mynet.yaml --format json  with a static allocation
      convcalc memory resnet50 --training --optimizer adam --batch 32
      convcalc memory vit.yaml --fused-attention

    An operation's inputs and its result are alive while it runs; element-wise layers may be written
    over an input that is needed no more. Formats: table, plain, json, csv (the steps), markdown,
    latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_dtypes(dtype, weights)
    options.read_word("--order", order, ORDERS)
    options.read_batch(batch)
    options.read_count("--depth", depth)
    if summary and depth is not None:
        refuse("--summary shows no steps: it goes without --depth")
    chosen = options.read_optimizer(training, optimizer)
    if training:
        from convcalc.cli.training import read_memory_options

        read_memory_options(dtype, weights, order, concat_in_place)
    analysis = Analysis(options.load_network(file, sets, input_, max_layers), batch=batch)
    report = analysis.report
    if training:
        from convcalc.cli.training import emit_training_memory

        emit_training_memory(
            analysis, dtype, chosen, fused_attention, depth, style, output, summary=summary
        )
        return 0
    found = measure_memory(
        report,
        dtype=dtype,
        weights=weights,
        concat_in_place=concat_in_place,
        least=order == "least",
        fused_attention=fused_attention,
    )
    from convcalc.render.memory import (
        figures_table,
        memory_page,
        memory_summary,
        timeline,
    )

    if style == "json":
        emit_json({**report_data(report), "memory": found.to_dict()}, output)
    elif summary and style == "csv":
        emit_table(figures_table(found), style, output)
    elif summary:
        emit_parts(memory_summary(found, report_heading(report)), style, output)
    elif style == "csv":
        emit_table(timeline(found, "", depth, bars=False), style, output)
    else:
        emit_parts(memory_page(found, report_heading(report), depth), style, output)
    return 0
