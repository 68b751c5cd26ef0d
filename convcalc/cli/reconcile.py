"""`convcalc reconcile`: where a quoted figure comes from."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from convcalc.analysis.costs.report import analyze
from convcalc.cli import options
from convcalc.cli.guard import guarded, unusable
from convcalc.cli.output import TABLE_FORMATS, emit, emit_table
from convcalc.diagnostics import WRONG, printable
from convcalc.graph import Network
from convcalc.render.numbers import excess, grouped
from convcalc.render.table import Column, Table
from convcalc.shapes import tuple_text
from convcalc.transform.reconcile import Explanation, Quote, Reconciled, read_quote
from convcalc.transform.reconcile import reconcile as reconciled

#: Explanations that are too many to tell apart.
_MANY = 10
#: A smaller figure than any cost that is quoted without a unit.
_SMALL = 1000


@guarded
def reconcile(
    file: options.File,
    figure: Annotated[
        str, typer.Argument(metavar="FIGURE", help="What is quoted: 4.13G, 300M, 4,089,184,256.")
    ],
    sets: options.Sets = None,
    input_: options.Input = None,
    batch: options.Batch = 1,
    style: options.Format = "table",
    output: options.Output = None,
) -> int:
    """Which counter and which what-if give a quoted cost.

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
    options.read_word("--format", style, TABLE_FORMATS)
    options.read_batch(batch)
    quote = read_quote(figure) or _no_figure(figure)
    network = options.load_network(file, sets, input_)
    found = reconciled(network, quote, batch=batch)
    if style == "json":
        from convcalc.render.jsons import json_text

        emit(json_text(_data(network, figure, quote, found)), output)
    else:
        emit_table(_table(network, figure, quote, found, batch), style, output)
    return 0 if found.fits else WRONG


def _no_figure(text: str) -> NoReturn:
    unusable(
        f"a figure above 0 is expected, not '{printable(text)}'",
        "such as 4.13G, 300M, 0.58GFLOPs, 4.1e9 or 4,089,184,256",
    )


def _table(network: Network, figure: str, quote: Quote, found: Reconciled, batch: int) -> Table:
    shown = found.fits or [(each, "") for each in found.nearest]
    shapes = {name: tuple_text((batch, *shape)) for name, shape in network.inputs.items()}
    inputs = f"input {next(iter(shapes.values()))}"
    if len(shapes) > 1:
        inputs = "inputs " + ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    verdict = "what gives" if found.fits else "nothing gives"
    notes = [f"{name} is left out: {reason}." for name, reason in found.left_out.items()]
    if not found.fits:
        notes[:0] = ["These are the nearest.", *_hints(network, figure, quote)]
    elif found.rounded:
        zeros = "zero is" if found.rounded == 1 else f"{found.rounded} zeros are"
        notes.insert(0, f"Nothing gives every digit: the last {zeros} taken as rounding.")
    elif len(shown) > _MANY:
        notes.insert(0, "A figure with more digits fits less.")
    return Table(
        f"{printable(network.name)}, {inputs}: {verdict} {printable(figure)}",
        [
            Column("counted by", "prose", key="counted_by"),
            Column("what-if", key="what_if"),
            Column("total", "number"),
            Column("off", "number"),
            Column("fit"),
        ],
        [
            [
                ", ".join(each.conventions),
                each.what_if or "as it is",
                each.total,
                _off(quote, each.total),
                fit,
            ]
            for each, fit in shown
        ],
        (),
        notes,
    )


def _hints(network: Network, figure: str, quote: Quote) -> list[str]:
    """What a figure may be that no count gives."""
    text = printable(figure.strip())
    params = analyze(network).totals.params
    if quote.fit(params):
        return [f"{text} fits the parameters: {grouped(params)}."]
    if quote.nearest_whole < _SMALL and text[-1].isdigit():
        return [f"{text} has no unit: write {text}M or {text}G if it is millions or billions."]
    return ["It may be of another network or variant: docs/flops.md tells of one."]


def _off(quote: Quote, total: int) -> str:
    figure, scaled = quote.scaled(total)
    return excess(scaled, figure)


def _data(network: Network, figure: str, quote: Quote, found: Reconciled) -> dict[str, object]:
    return {
        "schema": "convcalc.reconcile/1",
        "name": network.name,
        "source": network.source,
        "figure": figure,
        "value": quote.nearest_whole,
        "fits": [{**_explanation(each), "fit": fit} for each, fit in found.fits],
        "nearest": [_explanation(each) for each in found.nearest],
        "left_out": found.left_out,
        "rounded_zeros": found.rounded,
    }


def _explanation(each: Explanation) -> dict[str, object]:
    return {
        "conventions": list(each.conventions),
        "what_if": each.what_if,
        "total": each.total,
    }
