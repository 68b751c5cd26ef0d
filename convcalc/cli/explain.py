"""`convcalc explain`: one layer's formulas with numbers."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from convcalc.analysis.costs.explain import explain as explain_node
from convcalc.analysis.costs.explain import find_nodes
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, report_problems
from convcalc.cli.output import chosen_format, emit, emit_json, emit_lines
from convcalc.graph import Network
from convcalc.problems import printable
from convcalc.render.explain import explain_data, explain_text
from convcalc.spelling import did_you_mean

FORMATS = ("table", "plain", "json", "markdown", "latex", "svg")
#: Layers of a group that an error message lists.
_SHOWN = 4


@guarded
def explain(
    file: options.File,
    layer: Annotated[
        str,
        typer.Argument(metavar="LAYER", help="Name a layer as `shapes` prints it, or its path."),
    ],
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    style: Annotated[str | None, options.FORMAT] = None,
    output: options.Output = None,
) -> int:
    """Explain one layer's figures step by step.

    A picture shows the window of a convolution or a pooling, or which keys an attention reads. In a
    file with a mistake, layers that do not depend on it are explained as well.

    Examples:
      convcalc explain lenet conv0
      convcalc explain resnet50 stage0.bottleneck0.add0.main.conv1
      convcalc explain mynet.yaml conv3 --input 3x96x96 --format json
      convcalc explain lenet conv0 --output conv0.svg

    Formats: table, plain, json, markdown and latex (formulas as mathematics), svg (the picture
    alone).
    """
    style = chosen_format(style, output, FORMATS)
    status = 0
    try:
        network = options.load_network(file, sets, input_, max_layers)
        nodes = find_nodes(network, layer)
    except options.Unfinished as error:
        # What comes before the mistake can be explained.
        if error.network is None or not (nodes := find_nodes(error.network, layer)):
            raise
        network = error.network
        report_problems(error.problems)
        status = error.status
    if not nodes:
        refuse_layer(network, file, layer)
    if style == "svg":
        from convcalc.cli.windows import emit_window

        emit_window(network, nodes, output)
        return status
    explanations = [explain_node(network, node) for node in nodes]
    if style == "json":
        emit_json(explain_data(network, explanations), output)
    elif style == "table":
        emit_lines(explain_text(explanations), output)
    elif style == "plain":
        emit(explain_text(explanations), output)
    else:
        from convcalc.render.mathematics import explain_latex, explain_markdown

        text = explain_latex(explanations) if style == "latex" else explain_markdown(explanations)
        emit(text, output)
    return status


def refuse_layer(network: Network, file: str, name: str) -> NoReturn:
    """Refuses the name of a layer, and suggests similar names."""
    units = dict.fromkeys(node.unit for node in network.operations)
    inside = [unit for unit in units if unit.startswith(f"{name}.")]
    if inside:
        more = ", ..." if len(inside) > _SHOWN else ""
        refuse(
            f"'{printable(name)}' is a group of layers, not a layer",
            f"name {'one of ' * (len(inside) > 1)}{', '.join(inside[:_SHOWN])}{more}",
        )
    alike = [unit for unit in units if unit.endswith(f".{name}")]
    if alike:
        meant = "did you mean " + " or ".join(f"'{unit}'" for unit in alike[:3]) + "?"
    else:
        meant = did_you_mean(name, [*units, *[node.path for node in network.operations]])
    refuse(
        f"no layer is called '{printable(name)}'",
        meant or f"`convcalc shapes {printable(file)}` lists the layers",
    )
