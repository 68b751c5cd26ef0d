"""`convcalc explain`: one layer's formulas with its numbers put in."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.analysis.explain import Explanation, explain as explain_node
from convcalc.analysis.explain import explanation_lines, find_nodes
from convcalc.cli import options
from convcalc.cli.guard import guarded, unusable
from convcalc.cli.output import emit
from convcalc.diagnostics import did_you_mean, printable

FORMATS = ("table", "plain", "json", "markdown")


@guarded
def explain(
    file: options.File,
    layer: Annotated[
        str,
        typer.Argument(metavar="LAYER", help="A layer's name as `shapes` prints it, or its path."),
    ],
    sets: options.Sets = None,
    input_: options.Input = None,
    style: options.Format = "table",
    output: options.Output = None,
) -> int:
    """One layer's output shape, parameters and operations, step by step.

    \b
    Examples:
      convcalc explain lenet conv0
      convcalc explain resnet50 bottleneck0.add0.main.conv1
      convcalc explain mynet.yaml conv3 --input 3x96x96 --format json

    Formats: table, plain, json, markdown.
    """
    options.read_word("--format", style, FORMATS)
    network = options.load_network(file, sets, input_)
    nodes = find_nodes(network, layer)
    if not nodes:
        names = {node.unit for node in network.operations} | {n.path for n in network.operations}
        unusable(f"no layer is called '{printable(layer)}'", did_you_mean(layer, names))
    explanations = [explain_node(network, node) for node in nodes]
    if style == "json":
        from convcalc.render.jsons import json_text

        emit(json_text({"layers": [_data(one) for one in explanations]}), output)
        return 0
    lines = [line for one in explanations for line in explanation_lines(one)]
    text = "\n".join(lines) + "\n"
    emit(f"```\n{text}```\n" if style == "markdown" else text, output)
    return 0


def _data(explanation: Explanation) -> dict[str, object]:
    node = explanation.node
    sections = {
        "shape": explanation.shape,
        "params": explanation.params,
        "counts": explanation.counts,
        "valid_taps": explanation.valid,
    }
    return {
        "path": node.path,
        "kind": node.kind,
        "inputs": [[1, *shape] for shape in explanation.inputs],
        "output": [1, *node.shape],
        **{name: [step._asdict() for step in steps] for name, steps in sections.items()},
        "notes": explanation.notes,
    }
