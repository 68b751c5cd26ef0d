"""`convcalc animate`: a layer's window that moves, for a page or a slide."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.analysis.costs.explain import find_nodes
from convcalc.cli import options
from convcalc.cli.explain import refuse_layer
from convcalc.cli.guard import guarded
from convcalc.cli.output import chosen_format, refuse_terminal
from convcalc.cli.windows import emit_window

FORMATS = ("svg",)


@guarded
def animate(
    file: options.File,
    layer: Annotated[
        str,
        typer.Argument(metavar="LAYER", help="Name a layer as `shapes` prints it, or its path."),
    ],
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    output: options.Output = None,
) -> int:
    """Animate a layer's window on its input, as an SVG.

    It shows the products and the sum of every position, on a part of the layer that is small enough
    to be seen, with numbers that a run of it gives. Who prefers no motion sees one position.

    Examples:
      convcalc animate lenet conv0 --output conv0.svg
      convcalc animate unet conv_transpose0 --output up.svg
      convcalc animate mynet.yaml attention0 --output attention0.svg
    """
    refuse_terminal("a picture", output, ".svg")
    chosen_format(None, output, FORMATS)
    network = options.load_network(file, sets, input_, max_layers)
    nodes = find_nodes(network, layer)
    if not nodes:
        refuse_layer(network, file, layer)
    emit_window(network, nodes, output, animated=True)
    return 0
