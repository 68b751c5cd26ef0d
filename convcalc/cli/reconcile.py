"""`convcalc reconcile`: where a quoted figure comes from."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit_json, emit_table
from convcalc.problems import WRONG, printable
from convcalc.render.reconcile import reconcile_data, reconcile_table
from convcalc.transform.reconcile import read_quote
from convcalc.transform.reconcile import reconcile as reconciled


@guarded
def reconcile(
    file: options.File,
    figure: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE", help="Give the quoted figure: 4.13G, 300M, 4,089,184,256."
        ),
    ],
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Find which counter and which what-if give a quoted cost.

    Examples:
      convcalc reconcile resnet50 4.13G
      convcalc reconcile vgg16 30.96GFLOPs
      convcalc reconcile mynet.yaml 300M --set width=0.5

    A figure fits what it is when rounded, or cut off, to the digits that are printed; zeros at the
    end of one without a point are taken as rounding where nothing fits otherwise. Tried are
    convcalc's own MACs and FLOPs and every convention of `flops --compare`, as they are and with
    one what-if: twice, half, another input size, without the classifier, with biases, with
    batchnorm. Exit status: 0 something fits, 1 nothing does, and the nearest are shown.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_batch(batch)
    quote = read_quote(figure) or _no_figure(figure)
    network = options.load_network(file, sets, input_, max_layers)
    found = reconciled(network, quote, batch=batch)
    if style == "json":
        emit_json(reconcile_data(network, figure, quote, found), output)
    else:
        emit_table(reconcile_table(network, figure, quote, found, batch), style, output)
    return 0 if found.fits else WRONG


def _no_figure(text: str) -> NoReturn:
    refuse(
        f"a figure above 0 is expected, not '{printable(text)}'",
        "such as 4.13G, 300M, 0.58GFLOPs, 4.1e9 or 4,089,184,256",
    )
