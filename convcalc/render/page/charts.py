"""Charts of a page, as SVG that needs no script: costs in the order of execution, and memory."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.units import Unit
from convcalc.quantities import DEFAULT_DTYPE, DTYPES
from convcalc.render.drawing.costs import Costs, share_text
from convcalc.render.drawing.svg import escape, number
from convcalc.render.drawing.text import shortened, width
from convcalc.render.numbers import grouped, short

_ACROSS, _ROW = 720.0, 22.0
_HEIGHT = 220.0
#: Rows of groups above the layers.
_DEEPEST = 4
_LABEL = 11.0


def cost_chart(units: Sequence[Unit], costs: Costs) -> str:
    """Groups above their layers, each as wide as it costs, in the order of execution."""
    title = costs.metric.title
    if not costs.whole:
        return f"<p>No layer has {escape(title)}.</p>"
    deepest = min(_DEEPEST, max([unit.path.count(".") for unit in units], default=0))
    boxes = []
    for depth in range(deepest + 1):
        for path, start, stop in _groups(units, depth):
            value = costs.of(start, stop)
            # What is narrower than half a unit is hardly seen.
            if 2 * value * _ACROSS < costs.whole:
                continue
            x = costs.of(0, start) * _ACROSS / costs.whole
            across = value * _ACROSS / costs.whole
            text = f"{path}: {grouped(value)} {title}, {share_text(value, costs.whole)}"
            tint = 1 + (4 * value > costs.whole) + (10 * value > costs.whole)
            tint += (30 * value > costs.whole) + (100 * value > costs.whole)
            box = f'<rect x="{number(x)}" y="{number(depth * _ROW)}" width="{number(across)}"'
            boxes.append(
                f'<g class="node" data-a="{start}" data-b="{stop}"><title>{escape(text)}</title>'
                f'{box} height="{number(_ROW - 1)}" class="k{tint}"/>'
                f"{_name(path, x, across, depth)}</g>"
            )
    height = number((deepest + 1) * _ROW)
    return (
        f'<svg class="chart" viewBox="0 0 {number(_ACROSS)} {height}" role="img"'
        f' aria-label="{escape(title)} of the layers in the order of execution">'
        f"{''.join(boxes)}</svg>"
    )


def _name(path: str, x: float, across: float, depth: int) -> str:
    name = path.rpartition(".")[2]
    if width(name, _LABEL) + 8 > across:
        return ""
    y = number(depth * _ROW + 15)
    return f'<text x="{number(x + 4)}" y="{y}">{escape(shortened(name, 40))}</text>'


def _groups(units: Sequence[Unit], depth: int) -> list[tuple[str, int, int]]:
    """The neighbours whose paths agree to a depth, those with a deeper path at the last one."""
    found: list[tuple[str, int, int]] = []
    for unit in units:
        parts = unit.path.split(".")
        if len(parts) <= depth:
            continue
        path = ".".join(parts[: depth + 1])
        if found and found[-1][0] == path and found[-1][2] == unit.index:
            found[-1] = (path, found[-1][1], unit.index + 1)
        else:
            found.append((path, unit.index, unit.index + 1))
    return found


def memory_chart(analysis: Analysis) -> str:
    """The static allocation: a box for each tensor, from its first step to its last one."""
    arena = analysis.arena
    memory = analysis.memory(in_place=True)
    size = DTYPES[DEFAULT_DTYPE]
    steps = max([one.last for one in arena.allocations], default=0) + 1
    if not arena.size:
        return "<p>Nothing is in memory.</p>"
    merged: dict[tuple[int, int], tuple[int, int, str]] = {}
    nodes = analysis.network.nodes
    for one in arena.allocations:
        tensor = memory.tensors[one.tensor]
        path = nodes[tensor.node].path
        key = (one.offset, tensor.size)
        before = merged.get(key)
        # What is written in place of a tensor continues its box.
        if before is not None and before[1] >= one.first - 1:
            merged[key] = (before[0], max(before[1], one.last), before[2])
        elif before is None:
            merged[key] = (one.first, one.last, path)
        else:
            merged[one.offset, -one.tensor] = (one.first, one.last, path)
    boxes = []
    for (offset, count), (first, last, path) in merged.items():
        elements = count if count > 0 else memory.tensors[-count].size
        x, across = first * _ACROSS / steps, (last - first + 1) * _ACROSS / steps
        y = _HEIGHT - (offset + elements) * _HEIGHT / arena.size
        down = elements * _HEIGHT / arena.size
        text = f"{path}: {grouped(elements * size)} bytes, steps {first} to {last}"
        boxes.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(across)}"'
            f' height="{number(max(down, 0.3))}" class="k3"><title>{escape(text)}</title></rect>'
        )
    label = f"static allocation of {grouped(arena.size * size)} bytes over {steps} steps"
    return (
        f'<svg class="chart" viewBox="0 0 {number(_ACROSS)} {number(_HEIGHT + 18)}" role="img"'
        f' aria-label="{label}">{"".join(boxes)}'
        f'<text x="0" y="{number(_HEIGHT + 14)}">step 0</text>'
        f'<text x="{number(_ACROSS)}" y="{number(_HEIGHT + 14)}" text-anchor="end">'
        f"step {steps - 1}; {short(arena.size * size)}B high</text></svg>"
    )
