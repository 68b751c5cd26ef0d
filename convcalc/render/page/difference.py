"""One HTML file that shows what changed between two versions of a network."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import measure
from convcalc.checks.diff.diff import Diff
from convcalc.checks.diff.versions import Comparison
from convcalc.metrics import METRICS
from convcalc.problems import printable
from convcalc.quantities import BYTES
from convcalc.render.diff import diff_tables
from convcalc.render.drawing.changes import ChangeCosts, Changed, signed
from convcalc.render.drawing.drawing import draw
from convcalc.render.drawing.picture import BUDGET, change_picture, times
from convcalc.render.drawing.structure import DELETED, REMOVED
from convcalc.render.drawing.svg import escape, svg_text
from convcalc.render.numbers import excess, grouped, short
from convcalc.render.page.document import (
    FIGURES,
    Formulas,
    anchor,
    document,
    kind_text,
    layer_rows,
    section,
    table_html,
)
from convcalc.render.page.tree import EVERYTHING, drawing_data
from convcalc.shapes import cross_text

_HEADS = (
    ("layer", ""),
    ("kind", "wide"),
    ("change", "wide"),
    ("output", ""),
    ("params", "right"),
    ("MACs", "right"),
)
#: Rows of the table of changes, as in a comment on a pull request.
_MOST_CHANGES = 200


def difference_text(found: Comparison, diff: Diff, *, nodes: int = BUDGET) -> str:
    """The page about a comparison and its difference.

    nodes  how many nodes the drawing has at most, if it can be folded so far
    """
    changed = Changed(diff, (found.old_name, found.new_name), "macs")
    params = Changed(diff, (found.old_name, found.new_name), "params").costs
    shown = change_picture(changed, nodes=nodes)
    whole = change_picture(changed, nodes=EVERYTHING, unchanged=True)
    changes, totals = diff_tables(found, diff, every=False, top=_MOST_CHANGES)
    head = "".join([_figure(diff, name) for name in FIGURES])
    header = f'<h1>{escape(changed.title)}</h1><dl class="total">{head}</dl>'
    sections = [
        section("changes", "Changes", table_html(changes)),
        section("totals", "Totals", table_html(totals)),
        section("layers", "Layers", _layers(changed, params)),
    ]
    data = _data(changed)
    data["drawing"] = drawing_data(shown, whole)
    left = section("network", "Network", svg_text(draw(shown), headed=False))
    return document(f"{changed.title}: what changed", header, left, sections, data)


def _figure(diff: Diff, name: str) -> str:
    """A figure of both networks: the change, and below it both numbers."""
    metric = METRICS[name]
    before, after = [measure(Analysis(report.network), name) for report in (diff.old, diff.new)]
    unit = "B" if metric.unit == BYTES else ""
    large = f"{signed(after - before)}{unit}" if before != after else "same"
    least = "" if diff.old.complete and diff.new.complete else "at least "
    small = f"{short(before)}{unit} \u2192 {short(after)}{unit} ({excess(after, before)})"
    if before == after:
        small = f"{grouped(after)}{unit}"
    return f"<div><dt>{escape(name)}</dt><dd>{large}<small>{least}{small}</small></dd></div>"


def _layers(changed: Changed, params: ChangeCosts) -> str:
    """The table of all layers, removed ones at their old place."""
    rows = []
    for unit in changed.units:
        if not unit.members:
            continue
        index = unit.index
        path = escape(printable(unit.path.replace(REMOVED, ""), 4096))
        words = ", ".join(changed.words[index]) or changed.marks[index]
        cells = [
            f"<td><bdi>{path}</bdi></td>",
            f'<td class="wide">{escape(kind_text(unit))}</td>',
            f'<td class="wide">{escape(words)}</td>',
            f"<td>{times(cross_text(unit.output[1:]))}</td>",
            _delta(params, index),
            _delta(changed.costs, index),
        ]
        rows.append(
            f'<tr id="{anchor(unit)}" data-u="{index}" data-macs="{changed.costs.values[index]}">'
            f"{''.join(cells)}</tr>"
        )
    return layer_rows(_HEADS, rows)


def _delta(costs: ChangeCosts, index: int) -> str:
    value = costs.values[index]
    if not costs.known(index, index + 1):
        return '<td class="right" data-n="0">?</td>'
    text = f"{'+' if value > 0 else ''}{grouped(value)}".replace("-", "\u2212") if value else ""
    return f'<td class="right" data-n="{value}">{text}</td>'


def _data(changed: Changed) -> dict[str, Any]:
    """What the script shows of a layer: the lines of its formulas, in its own version."""
    formulas = Formulas(len(changed.units))
    layers: list[dict[str, Any] | None] = []
    old = changed.diff.old.network
    for unit in changed.units:
        network = old if changed.marks[unit.index] == DELETED else changed.network
        layers.append({"lines": formulas.add(network, unit)} if unit.members else None)
    return {
        "change": 1,
        "strings": formulas.strings,
        "layers": layers,
        "windows": [],
        "numbers": [],
    }
