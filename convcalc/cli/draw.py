"""`convcalc draw`: a picture of a network, with shapes on the lines and costs on the nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import chosen_format, emit, emit_bytes, refuse_terminal
from convcalc.cli.versions import Base, New, versions
from convcalc.graph import Network
from convcalc.problems import printable
from convcalc.render.drawing.costs import LAYER_METRICS, costs_of
from convcalc.render.drawing.picture import BUDGET, Picture, change_picture, picture
from convcalc.render.drawing.structure import REMOVED

#: Formats, the first being the default.
FORMATS = ("svg", "mermaid", "dot", "png", "pdf")
_PICTURES = ("svg", "png", "pdf")


@guarded
def draw(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    new: New = None,
    base: Base = None,
    depth: Annotated[
        int | None, typer.Option("--depth", metavar="N", help="Open groups to this depth.")
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            "--nodes",
            metavar="N",
            help=f"Open groups, a depth at a time, up to N nodes. By default {BUDGET}.",
        ),
    ] = None,
    open_: Annotated[
        list[str] | None,
        typer.Option(
            "--open", metavar="PATH", help="Open this group and those around it. Repeatable."
        ),
    ] = None,
    cost: Annotated[
        str,
        typer.Option("--cost", metavar="METRIC", help="Show this by tints and bars: params, live."),
    ] = "macs",
    wide: Annotated[
        bool, typer.Option("--wide", help="Break a tall drawing into columns, for a page or slide.")
    ] = False,
    volumes: Annotated[
        bool,
        typer.Option("--volumes", help="Draw maps as boxes, as books do. Only without joins."),
    ] = False,
    dark: Annotated[
        bool, typer.Option("--dark", help="Use dark colours, whatever the reader's screen has.")
    ] = False,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    style: Annotated[str | None, options.FORMAT] = None,
    output: options.Output = None,
) -> int:
    """Draw a network, with shapes on lines and costs on nodes.

    With NEW, or --base, a picture of what changed: added, removed and changed layers have outlines,
    and each node says how much more it costs.

    Examples:
      convcalc draw lenet --output lenet.svg
      convcalc draw resnet50 --open stage0.bottleneck0 --output resnet50.svg
      convcalc draw vgg16 --volumes --output vgg16.svg
      convcalc draw googlenet --wide --cost params --output googlenet.pdf
      convcalc draw unet --format mermaid           for a README on GitHub
      convcalc draw densenet121 --nodes 60 --dark --output densenet.png
      convcalc draw resnet18 resnet34 --output change.svg
      convcalc draw mynet.yaml --base main --format mermaid

    Formats: svg, mermaid, dot, png, pdf; the suffix of --output chooses one as well. PNG and PDF
    need `pip install "convcalc[images]"`.
    """
    if style is None:
        refuse_terminal("a picture", output, ".svg")
    style = chosen_format(style, output, FORMATS)
    options.read_word("--cost", cost, LAYER_METRICS)
    options.read_count("--nodes", nodes)
    if depth is not None:
        if depth < 0:
            refuse(f"--depth must be at least 0, not {depth}")
        if nodes is not None:
            refuse("--depth and --nodes both say how far groups are opened: give one")
    for option, given in (("--wide", wide), ("--volumes", volumes), ("--dark", dark)):
        if given and style not in _PICTURES:
            refuse(f"{option} is for pictures, not for {style}", f"--format svg {option}")
    if output is None and style in {"png", "pdf"}:
        refuse(f"--format {style} needs a file", f"--output net.{style}")
    if volumes:
        _refuse_beside_volumes(
            {"NEW": new, "--base": base, "--depth": depth, "--nodes": nodes, "--open": open_},
            wide=wide,
            cost=cost,
        )
        _emit_volumes(options.load_network(file, sets, input_, max_layers), style, output, dark)
        return 0
    both = versions(file, new, base, sets, input_, max_layers)
    if both is not None:
        from convcalc.render.drawing.changes import CHANGE_METRICS, Changed

        options.read_word("--cost", cost, CHANGE_METRICS)
        found, diff = both
        change = Changed(diff, (found.old_name, found.new_name), cost)
        paths = _open_paths(open_, [unit.path.replace(REMOVED, "") for unit in change.units])
        made = change_picture(change, nodes=nodes or BUDGET, depth=depth, open_paths=paths)
    else:
        network = options.load_network(file, sets, input_, max_layers)
        analysis = Analysis(network)
        units = analysis.report.units
        costs = costs_of(analysis, units, cost)
        paths = _open_paths(open_, [unit.path for unit in units])
        most = nodes or BUDGET
        made = picture(network, units, costs, nodes=most, depth=depth, open_paths=paths)
    if style in _PICTURES:
        _emit_picture(made, style, output, wide=wide, dark=dark)
    else:
        from convcalc.render.drawing.graph_text import dot_text, mermaid_text

        emit(mermaid_text(made) if style == "mermaid" else dot_text(made), output)
    return 0


def _emit_picture(made: Picture, style: str, output: str | None, *, wide: bool, dark: bool) -> None:
    from convcalc.render.drawing.drawing import draw as laid_out
    from convcalc.render.drawing.svg import svg_text

    _emit_svg(svg_text(laid_out(made, broken=wide), dark=dark), style, output)


def _refuse_beside_volumes(given: dict[str, object], *, wide: bool, cost: str) -> None:
    """Refuses options of the other drawings, which have no meaning for this one."""
    others = [option for option, value in given.items() if value is not None]
    others += ["--wide"] * wide + ["--cost"] * (cost != "macs")
    if others:
        refuse(f"--volumes draws all of one network: it does not go with {', '.join(others)}")


def _emit_volumes(network: Network, style: str, output: str | None, dark: bool) -> None:
    from convcalc.render.drawing.volumes import volumes as chain
    from convcalc.render.drawing.volumes_svg import volumes_svg

    made = chain(network, Analysis(network).report.units)
    _emit_svg(volumes_svg(made, dark=dark), style, output)


def _emit_svg(svg: str, style: str, output: str | None) -> None:
    if style == "svg" or output is None:
        emit(svg, output, "xml")
        return
    from convcalc.render.drawing.images import image

    emit_bytes(image(svg, style), output)


def _open_paths(paths: list[str] | None, units: list[str]) -> list[str]:
    """Checks that there are such groups."""
    for path in paths or ():
        if not any([unit.startswith(f"{path}.") for unit in units]):
            from convcalc.spelling import did_you_mean  # only a mistake needs it

            groups = {unit.rpartition(".")[0] for unit in units}
            groups |= {group.partition(".")[0] for group in groups}
            meant = did_you_mean(path, sorted(groups - {""}))
            refuse(f"--open: there is no group '{printable(path)}'", meant)
    return list(paths or ())
