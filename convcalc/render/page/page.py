"""One HTML file that shows a network: drawing, costs, memory, layers, conventions and the file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.explain import explain
from convcalc.analysis.counters.counting import counter_reports
from convcalc.analysis.metrics import measure
from convcalc.analysis.units import Unit, description
from convcalc.metrics import METRICS
from convcalc.problems import ConvcalcError, Source, printable
from convcalc.quantities import BYTES
from convcalc.render.counters import comparison_table
from convcalc.render.drawing.costs import Costs, costs_of
from convcalc.render.drawing.drawing import draw
from convcalc.render.drawing.picture import BUDGET, picture, times
from convcalc.render.drawing.svg import escape, svg_text
from convcalc.render.drawing.window import Scene
from convcalc.render.explain import explanation_lines
from convcalc.render.numbers import grouped, short
from convcalc.render.page.charts import cost_chart, memory_chart
from convcalc.render.page.tree import drawing_data
from convcalc.render.page.windows import Windows
from convcalc.render.report import Reports, inputs_text
from convcalc.render.table import RIGHT, Cell, Table, cell_text
from convcalc.shapes import cross_text

#: The figures of the head, and the costs that the chart can show.
_FIGURES = ("params", "macs", "flops", "weights", "peak_in_place", "layers")
_COSTS = ("macs", "params", "activations")
#: Nothing is loaded and nothing is sent, whatever a name in the file says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_MEMORY_NOTE = (
    '<p class="note">Across: the steps of the written order. Upwards: the place in memory, in'
    " float32. What is written in place of a tensor continues its box.</p>"
)
#: Layers of which formulas are shown; a page of more would grow too large.
_MOST_FORMULAS = 1500


#: The scripts, each after those that it uses.
_SCRIPTS = ("drawing.js", "window.js", "page.js")
#: More nodes than a network has: everything is open.
_ALL = 10**9


def page_text(
    reports: Reports, *, nodes: int = BUDGET, scenes: Mapping[int, Scene] | None = None
) -> str:
    """The page; raises ConvcalcError where a metric has no rule for a kind.

    nodes   how many nodes the drawing has at most, if it can be folded so far
    scenes  the windows of units that have one, by their index
    """
    analysis = reports.analysis
    network = analysis.network
    units = analysis.report.units
    macs = costs_of(analysis, units, "macs")
    name = printable(network.name, 200)
    shown = picture(network, units, macs, nodes=nodes)
    drawing = svg_text(draw(shown), headed=False)
    memory = memory_chart(analysis) + _MEMORY_NOTE
    layer = 'id="layer" aria-live="polite" aria-label="Selected layer" class="none"'
    sections = [
        _section("network", "Network", drawing),
        "<div>",
        _section("costs", "Costs in the order of execution", _cost_views(analysis, units)),
        _section("memory", "Memory of one static allocation", memory),
        _section("layers", "Layers", _layers(units, macs)),
        _section("conventions", "What other counters report", _conventions(reports)),
        _file(units),
        "</div>",
        f"<section {layer}></section>",
    ]
    scripts = '"use strict";\n' + "".join([_part(name) for name in _SCRIPTS])
    data = _data(analysis, units, macs, scenes or {})
    data["drawing"] = drawing_data(shown, picture(network, units, macs, nodes=_ALL))
    return (
        "\n".join(
            [
                '<!doctype html><html lang="en"><head><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width,initial-scale=1">',
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
                f"<title>{escape(name)}: what it costs</title>",
                f"<style>{_part('page.css')}</style></head>",
                f"<body><header><h1>{escape(name)}</h1>",
                f"<p>{escape(inputs_text(analysis.report.inputs))}</p>{_head(analysis)}</header>",
                "<main>",
                *sections,
                "</main>",
                f'<script type="application/json" id="data">{_json(data)}</script>',
                f"<script>{scripts}</script></body></html>",
            ]
        )
        + "\n"
    )


def _part(name: str) -> str:
    """A style sheet or a script without indentation and comments, which a page does not need."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    lines = [line.lstrip() for line in text.splitlines()]
    return "".join([f"{line}\n" for line in lines if line and not line.startswith("//")])


def _section(name: str, heading: str, content: str) -> str:
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{heading}</h2>{content}</section>'
    )


def _head(analysis: Analysis) -> str:
    """The figures of the whole network, each with its exact number."""
    least = "" if analysis.report.complete else "at least "
    parts = []
    for name in _FIGURES:
        metric, value = METRICS[name], measure(analysis, name)
        unit = "B" if metric.unit == BYTES else ""
        parts.append(
            f"<div><dt>{escape(name)}</dt><dd>{least}{short(value)}{unit}"
            f"<small>{grouped(value)}</small></dd></div>"
        )
    return f'<dl class="total">{"".join(parts)}</dl>'


def _cost_views(analysis: Analysis, units: Sequence[Unit]) -> str:
    """One chart for each cost; radio buttons choose it, without a script."""
    choices, charts = [], []
    for number, name in enumerate(_COSTS):
        costs = costs_of(analysis, units, name)
        checked = " checked" if number == 0 else ""
        choices.append(
            f'<input type="radio" name="cost" id="cost-{name}"{checked}>'
            f'<label for="cost-{name}">{escape(costs.metric.title)}</label>'
        )
        charts.append(f"<div>{cost_chart(units, costs)}</div>")
    return f'<div class="views">{"".join(choices)}{"".join(charts)}</div>'


def _kind(unit: Unit) -> str:
    inputs = [shape[1:] for shape in unit.members[0].inputs] if unit.members else []
    return times(description(list(unit.nodes), inputs)) if unit.members else "input"


def _anchor(unit: Unit) -> str:
    return f"l-{unit.index}"


def _layers(units: Sequence[Unit], macs: Costs) -> str:
    """The table of all layers, which the script sorts and filters."""
    rows = []
    for unit in units:
        if not unit.members:
            continue
        path, kind = escape(printable(unit.path, 4096)), escape(_kind(unit))
        cells = [
            # The marks keep a path whose beginning is cut from being read from right to left.
            f"<td><bdi>{path}</bdi></td>",
            f'<td class="wide">{kind}</td>',
            f"<td>{times(cross_text(unit.output[1:]))}</td>",
            *[_figure(unit.cost.known(name)) for name in ("params", "macs")],
            _figure(unit.cost.known("flops"), "rare right"),
            _share(macs, unit),
        ]
        rows.append(
            f'<tr id="{_anchor(unit)}" data-u="{unit.index}" data-macs="{unit.cost.macs}">'
            f"{''.join(cells)}</tr>"
        )
    titles = ["layer", "kind", "output", "params", "MACs", "FLOPs", "share"]
    kinds = ["", "wide", "", "right", "right", '"rare right"', '"wide right"']
    heads = [
        f'<th scope="col"{f" class={kind}" if kind else ""}>{title}</th>'
        for title, kind in zip(titles, kinds, strict=True)
    ]
    return (
        '<div class="controls pick" hidden><label>Filter <input type="search" id="filter"></label>'
        '<span id="shown" role="status"></span></div><div class="scroll"><table>'
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _figure(value: int | None, kind: str = "right") -> str:
    if value is None:
        return f'<td class="{kind}" data-n="-1">?</td>'
    return f'<td class="{kind}" data-n="{value}">{grouped(value)}</td>'


def _share(macs: Costs, unit: Unit) -> str:
    share = escape(macs.share(unit.index, unit.index + 1))
    return f'<td class="wide right" data-n="{macs.values[unit.index]}">{share}</td>'


def _conventions(reports: Reports) -> str:
    found = counter_reports(reports.report)
    return table_html(comparison_table(reports, found, []))


def table_html(table: Table) -> str:
    """A neutral table as HTML, without its title."""
    columns = table.columns

    def row(cells: Sequence[Cell], tag: str) -> str:
        texts = []
        for cell, column in zip(cells, columns, strict=True):
            kind = ' class="right"' if column.style in RIGHT else ""
            texts.append(f"<{tag}{kind}>{escape(cell_text(cell, column))}</{tag}>")
        return f"<tr>{''.join(texts)}</tr>"

    kinds = [" class=right" if column.style in RIGHT else "" for column in columns]
    heads = [
        f'<th scope="col"{kind}>{escape(column.title)}</th>'
        for kind, column in zip(kinds, columns, strict=True)
    ]
    foot = f"<tfoot>{row(table.totals, 'td')}</tfoot>" if table.totals else ""
    notes = "".join([f'<p class="note">{escape(note)}</p>' for note in table.notes])
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{"".join(heads)}</tr></thead>'
        f"<tbody>{''.join([row(cells, 'td') for cells in table.rows])}</tbody>{foot}</table></div>"
        f"{notes}"
    )


def _file(units: Sequence[Unit]) -> str:
    """The text of the network's file, with the shapes that each line makes at its right."""
    source: Source | None = None
    of_line: dict[int, list[Unit]] = {}
    # What is written in another file that this one uses stands where it is used.
    for unit in units:
        span = unit.calls[0].span if unit.calls else unit.span
        if span is None:
            continue
        source = source or span.source
        if span.source == source and unit.members:
            of_line.setdefault(span.line, []).append(unit)
    if source is None or not source.named:
        return ""
    lines = []
    for number, text in enumerate(source.text.splitlines(), 1):
        made = of_line.get(number, [])
        link = ""
        if made:
            shape = times(cross_text(made[-1].output[1:]))
            more = f" ({len(made)} layers)" if len(made) > 1 else ""
            link = f'<a href="#{_anchor(made[0])}">{escape(shape + more)}</a>'
        known = " ".join([str(unit.index) for unit in made])
        marked = f' data-u="{known}"' if made else ""
        lines.append(
            f'<div class="line"{marked}><b>{number}</b><span>{escape(text)}</span>{link}</div>'
        )
    return _section("file", "The file", f'<div class="file" tabindex="0">{"".join(lines)}</div>')


def _data(
    analysis: Analysis, units: Sequence[Unit], macs: Costs, scenes: Mapping[int, Scene]
) -> dict[str, Any]:
    """What the script shows of a layer: the lines of its formulas, its field, its window."""
    strings: dict[str, int] = {}
    windows = Windows()
    layers: list[dict[str, Any] | None] = []
    few = len(units) <= _MOST_FORMULAS
    for unit in units:
        if not unit.members:
            layers.append(None)
            continue
        layer: dict[str, Any] = {"lines": [], "field": _field(analysis, unit)}
        for member in unit.members if few else ():
            texts = explanation_lines(explain(analysis.network, member.node), drawn=False)
            layer["lines"].append([strings.setdefault(line, len(strings)) for line in texts])
        if unit.index in scenes:
            layer["window"] = windows.add(scenes[unit.index])
        layers.append(layer)
    return {
        "macs": macs.whole,
        "strings": list(strings),
        "layers": layers,
        "windows": windows.scenes,
        "numbers": windows.numbers,
    }


def _json(data: object) -> str:
    """JSON that no name in it can leave."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _field(analysis: Analysis, unit: Unit) -> str:
    """The size of the receptive field, where one is known."""
    try:
        return times(analysis.fields[unit.nodes[-1].path].size_text())
    except (ConvcalcError, KeyError):
        return ""
