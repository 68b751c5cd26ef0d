"""`convcalc report`: one HTML page about a network."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.cli import options
from convcalc.cli.guard import guarded
from convcalc.cli.output import chosen_format, emit, refuse_terminal
from convcalc.cli.versions import Base, New, versions
from convcalc.cli.windows import scenes_of
from convcalc.render.drawing.picture import BUDGET
from convcalc.render.page.page import page_text
from convcalc.render.report import Reports

FORMATS = ("html",)


@guarded
def report(
    file: options.File,
    new: New = None,
    base: Base = None,
    nodes: Annotated[
        int,
        typer.Option("--nodes", metavar="N", help="Draw at most N nodes."),
    ] = BUDGET,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    output: options.Output = None,
) -> int:
    """Write one HTML page about a network.

    It has a drawing, costs, memory, layers, what other counters report, and the file. It is a
    single file that loads nothing: it can be mailed, kept and printed. With scripts its views are
    linked, and its table sorts and filters; it is complete without them.

    Examples:
      convcalc report resnet50 --output resnet50.html
      convcalc report mynet.yaml --nodes 60 --output mynet.html
      convcalc report resnet18 resnet34 --output change.html
      convcalc report mynet.yaml --base main --output change.html

    With NEW, or --base, the page is about what changed.
    """
    refuse_terminal("a page", output, ".html")
    chosen_format(None, output, FORMATS)
    options.read_count("--nodes", nodes)
    both = versions(file, new, base, sets, input_, max_layers)
    if both is not None:
        from convcalc.render.page.difference import difference_text

        found, diff = both
        emit(difference_text(found, diff, nodes=nodes), output)
        return 0
    loaded = options.load_file(file, sets, input_, max_layers)
    reports = Reports(Analysis(loaded.network), None, loaded.altered)
    emit(page_text(reports, nodes=nodes, scenes=scenes_of(reports.analysis)), output)
    return 0
