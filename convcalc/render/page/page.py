"""One HTML file that shows a network: drawing, costs, memory, layers, conventions and the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.counters.counting import counter_reports
from convcalc.analysis.metrics import measure
from convcalc.analysis.units import Unit
from convcalc.arithmetic import Ratio
from convcalc.metrics import METRICS
from convcalc.problems import ConvcalcError, Source, printable
from convcalc.quantities import BYTES
from convcalc.render.counters import comparison_table
from convcalc.render.drawing.costs import Costs, costs_of
from convcalc.render.drawing.drawing import draw
from convcalc.render.drawing.picture import BUDGET, picture, times
from convcalc.render.drawing.svg import escape, svg_text
from convcalc.render.drawing.window import Scene
from convcalc.render.numbers import grouped, short
from convcalc.render.page.charts import cost_chart, memory_chart
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
from convcalc.render.page.windows import Windows
from convcalc.render.report import Reports, inputs_text
from convcalc.shapes import cross_text

#: The costs that the chart can show.
_COSTS = ("macs", "params", "activations")
_MEMORY_NOTE = (
    '<p class="note">Across: the steps of the written order. Upwards: the place in memory, in'
    " float32. What is written in place of a tensor continues its box. The line is what is alive,"
    " the mark the chosen layer, or else the peak.</p>"
)
_HEADS = (
    ("layer", ""),
    ("kind", "wide"),
    ("output", ""),
    ("params", "right"),
    ("MACs", "right"),
    ("FLOPs", "rare right"),
    ("share", "wide right"),
)


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
    data = _data(analysis, units, macs, scenes or {})
    data["drawing"] = drawing_data(shown, picture(network, units, macs, nodes=EVERYTHING))
    header = (
        f"<h1>{escape(name)}</h1>"
        f"<p>{escape(inputs_text(analysis.report.inputs))}</p>{_head(analysis)}"
    )
    sections = [
        section("costs", "Costs in the order of execution", _cost_views(analysis, units)),
        section("memory", "Memory of one static allocation", memory),
        section("layers", "Layers", _layers(units, macs)),
        section("conventions", "What other counters report", _conventions(reports)),
        _file(units),
    ]
    left = section("network", "Network", drawing)
    return document(f"{name}: what it costs", header, left, sections, data)


def _head(analysis: Analysis) -> str:
    """The figures of the whole network, each with its exact number."""
    least = "" if analysis.report.complete else "at least "
    parts = []
    for name in FIGURES:
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


def _layers(units: Sequence[Unit], macs: Costs) -> str:
    """The table of all layers, which the script sorts and filters."""
    rows = []
    for unit in units:
        if not unit.members:
            continue
        path, kind = escape(printable(unit.path, 4096)), escape(kind_text(unit))
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
            f'<tr id="{anchor(unit)}" data-u="{unit.index}" data-macs="{unit.cost.macs}">'
            f"{''.join(cells)}</tr>"
        )
    return layer_rows(_HEADS, rows)


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
            link = f'<a href="#{anchor(made[0])}">{escape(shape + more)}</a>'
        known = " ".join([str(unit.index) for unit in made])
        marked = f' data-u="{known}"' if made else ""
        lines.append(
            f'<div class="line"{marked}><b>{number}</b><span>{escape(text)}</span>{link}</div>'
        )
    return section("file", "The file", f'<div class="file" tabindex="0">{"".join(lines)}</div>')


def _data(
    analysis: Analysis, units: Sequence[Unit], macs: Costs, scenes: Mapping[int, Scene]
) -> dict[str, Any]:
    """What the script shows of a layer: the lines of its formulas, its field, its window."""
    windows = Windows()
    formulas = Formulas(len(units))
    layers: list[dict[str, Any] | None] = []
    steps = {path: step for step, path in enumerate(analysis.live(in_place=True))}
    for unit in units:
        if not unit.members:
            layers.append(None)
            continue
        lines = formulas.add(analysis.network, unit)
        layer: dict[str, Any] = {"lines": lines, **_field(analysis, unit)}
        paths = [member.node.path for member in unit.members]
        taken = [steps[path] for path in paths if path in steps]
        if taken:  # what is only a view of a tensor takes no step
            layer["steps"] = [taken[0], len(taken)]
        if unit.index in scenes:
            layer["window"] = windows.add(scenes[unit.index])
        layers.append(layer)
    return {
        "macs": macs.whole,
        "strings": formulas.strings,
        "layers": layers,
        "windows": windows.scenes,
        "numbers": windows.numbers,
    }


def _field(analysis: Analysis, unit: Unit) -> dict[str, Any]:
    """The receptive field: its size, and of the middle unit its place on the input, if known."""
    try:
        field = analysis.fields[unit.nodes[-1].path]
    except (ConvcalcError, KeyError):
        return {"field": ""}
    data: dict[str, Any] = {"field": times(field.size_text())}
    sizes = unit.output[2:]
    if len(field.axes) == 1 and len(sizes) == 2:
        ((name, axes),) = field.axes.items()
        if len(axes) == 2 and all([one.offset is not None for one in axes]):
            starts = [
                (axis.offset or 0) + _first(axis.stride, size // 2)
                for axis, size in zip(axes, sizes, strict=True)
            ]
            data["seen"] = [*analysis.network.inputs[name][1:], *starts, axes[0].size, axes[1].size]
    return data


def _first(stride: Ratio | None, place: int) -> int:
    """How far a unit's field lies from the first one's; 0 where fields do not move."""
    return 0 if stride is None else stride.numerator * place // stride.denominator
