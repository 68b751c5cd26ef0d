"""`convcalc sizes`: the input sizes that work."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli import options, spaces
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import chosen_format, emit_json, emit_lines
from convcalc.problems import WRONG
from convcalc.shapes import axis_name, cross_text

FORMATS = ("text", "json")
#: The most sizes of an axis: of two axes it is a million points.
_LARGEST = 4096


@guarded
def sizes(
    network: spaces.Network,
    sets: options.Sets = None,
    most: Annotated[
        int, typer.Option("--most", metavar="N", help="Look at sizes from 1 to N.")
    ] = 1024,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Find the input sizes that work, and how they repeat.

    Examples:
      convcalc sizes unet
      convcalc sizes mynet.yaml --set depth=5 --most 2048

    Every size from 1 to --most is looked at, of two axes every combination. A row is dropped where
    a stride does not divide the size, so that an upsampling does not lead back. Exit status: 0; 1
    where no size works. Formats: text, json.
    """
    from convcalc.explore.sizes import sizes as sizes_of
    from convcalc.render.sizes import SizesShown, sizes_data, sizes_text

    style = chosen_format(style, output, FORMATS)
    if not 8 <= most <= _LARGEST:
        refuse(f"--most is from 8 to {_LARGEST}, not {most}")
    max_layers = options.read_max_layers(max_layers)
    read, args = spaces.spec_of(network, sets, max_layers)
    found = sizes_of(read, args, most=most, max_layers=max_layers)
    axes = [
        (axis_name(axis, len(found.axes)), works, whole)
        for axis, (works, whole) in enumerate(zip(found.axes, found.whole, strict=True))
    ]
    inputs = ", ".join([cross_text(shape) for shape in read.shapes(args).values()])
    shown = SizesShown(read.name, inputs, tuple(axes), found.product, found.together)
    if style == "json":
        emit_json(sizes_data(shown), output)
    else:
        emit_lines(sizes_text(shown), output)
    return 0 if any(works.sizes for works in found.axes) else WRONG
