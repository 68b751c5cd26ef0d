"""The explanations of a quoted figure as a table and as data."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.costs.report import unknown_data, unknown_operations
from convcalc.facts import problems_data
from convcalc.graph import Network
from convcalc.problems import printable
from convcalc.render.numbers import excess, grouped
from convcalc.render.report import inputs_text
from convcalc.render.table import Column, Table
from convcalc.transform.reconcile import Explanation, Quote, Reconciled

#: More explanations than this call for a figure with more digits.
_MANY = 10
#: A figure below this probably lacks its unit.
_SMALL = 1000


def reconcile_table(
    network: Network, figure: str, quote: Quote, found: Reconciled, batch: int
) -> Table:
    """The explanations of a figure, or the nearest totals; `figure` is the text as written."""
    shown = found.fits or [(each, "") for each in found.nearest]
    inputs = inputs_text({name: (batch, *shape) for name, shape in network.inputs.items()})
    verdict = "what gives" if found.fits else "nothing gives"
    notes = [f"{name} is left out: {reason}." for name, reason in found.left_out.items()]
    if found.untried:
        sizes = ", ".join([f"{size}x{size}" for size in found.untried])
        notes.append(f"The network is too large to try it on inputs of {sizes}.")
    if not found.fits:
        notes[:0] = ["These are the nearest.", *_hints(figure, quote, found.params)]
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


def _hints(figure: str, quote: Quote, params: int | None) -> list[str]:
    """Hints for a figure that no count explains."""
    text = printable(figure.strip())
    if params is not None and quote.fit(params):
        return [f"{text} fits the parameters: {grouped(params)}."]
    if quote.nearest_whole < _SMALL and text[-1].isdigit():
        return [f"{text} has no unit: write {text}M or {text}G if it is millions or billions."]
    return ["It may be of another network or variant: docs/flops.md has an example."]


def _off(quote: Quote, total: int) -> str:
    figure, scaled = quote.scaled(total)
    return excess(scaled, figure)


def reconcile_data(
    network: Network, figure: str, quote: Quote, found: Reconciled
) -> dict[str, Any]:
    """The explanations as plain data."""
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
        "untried_sizes": list(found.untried),
        "notes": problems_data(network.notes),
        **unknown_data(unknown_operations(network)),
    }


def _explanation(each: Explanation) -> dict[str, Any]:
    return {
        "conventions": list(each.conventions),
        "what_if": each.what_if,
        "total": each.total,
    }
