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
_GROUP_ROWS = 2
_LABEL = 11.0


def cost_chart(units: Sequence[Unit], costs: Costs) -> str:
    """Groups above their layers, each as wide as it costs, in the order of execution."""
    title = costs.metric.title
    if not costs.whole:
        return f"<p>No layer has {escape(title)}.</p>"
    rows = [_groups(units, depth) for depth in range(_GROUP_ROWS)]
    rows = [row for row in rows if any([stop - start > 1 for _, start, stop in row])]
    rows.append([(unit.path.rpartition(".")[2], unit.index, unit.index + 1) for unit in units])
    boxes = []
    for depth, row in enumerate(rows):
        for name, start, stop in row:
            value = costs.of(start, stop)
            # What is narrower than half a unit is hardly seen.
            if 2 * value * _ACROSS < costs.whole:
                continue
            x = costs.of(0, start) * _ACROSS / costs.whole
            across = value * _ACROSS / costs.whole
            text = f"{name}: {grouped(value)} {title}, {share_text(value, costs.whole)}"
            boxes.append(
                f'<g data-a="{start}" data-b="{stop}"><title>{escape(text)}</title>'
                f'<rect x="{number(x)}" y="{number(depth * _ROW)}" width="{number(across)}"'
                f' height="{number(_ROW - 1)}" class="k{costs.tint(start, stop)}"/>'
                f"{_name(name, x, across, depth, numbered=0 < depth < len(rows) - 1)}</g>"
            )
    height = number(len(rows) * _ROW)
    return (
        f'<svg class="chart" viewBox="0 0 {number(_ACROSS)} {height}" role="img"'
        f' aria-label="{escape(title)} of the layers in the order of execution">'
        f"{''.join(boxes)}</svg>"
    )


def _name(name: str, x: float, across: float, depth: int, *, numbered: bool) -> str:
    """The name where there is room for it, or else its number if `numbered`."""
    digits = name[len(name.rstrip("0123456789")) :] if numbered else ""
    shown = next((text for text in (name, digits) if width(text, _LABEL) + 8 <= across), "")
    if not shown:
        return ""
    y = number(depth * _ROW + 15)
    return f'<text x="{number(x + 4)}" y="{y}">{escape(shortened(shown, 40))}</text>'


def _groups(units: Sequence[Unit], depth: int) -> list[tuple[str, int, int]]:
    """The groups of a depth, from 0: the name and the units of each."""
    found: list[tuple[str, int, int]] = []
    before: list[str] = []
    for unit in units:
        parts = unit.path.split(".")
        prefix = parts[: depth + 1]
        # A layer itself stands in the row of layers.
        if len(parts) > depth + 1:
            if prefix == before:
                found[-1] = (prefix[-1], found[-1][1], unit.index + 1)
            else:
                found.append((prefix[-1], unit.index, unit.index + 1))
                before = prefix
        else:
            before = []
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
        if 2 * down < 1:
            continue  # hardly seen
        text = f"{path}: {grouped(elements * size)} bytes, steps {first} to {last}"
        boxes.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(across)}"'
            f' height="{number(down)}"><title>{escape(text)}</title></rect>'
        )
    label = f"static allocation of {grouped(arena.size * size)} bytes over {steps} steps"
    live = list(analysis.live(in_place=True).values())
    peak = max(live)
    # The step at which most is alive, until a layer is chosen.
    at = f'x="{number(live.index(peak) * _ACROSS / steps)}" width="{number(_ACROSS / steps)}"'
    path = "".join(
        [
            f"{'L' if step else 'M'}{number(step * _ACROSS / steps)} {number(height)}"
            f"H{number((step + 1) * _ACROSS / steps)}"
            for step, height in enumerate([_HEIGHT * (1 - one / arena.size) for one in live])
        ]
    )
    return (
        f'<svg class="chart" viewBox="0 0 {number(_ACROSS)} {number(_HEIGHT + 18)}" role="img"'
        f' aria-label="{label}" data-steps="{steps}"><g class="k3">{"".join(boxes)}</g>'
        f'<rect class="at" {at} y="0" height="{number(_HEIGHT)}"/><path class="live" d="{path}"/>'
        f'<text x="0" y="{number(_HEIGHT + 14)}">step 0</text>'
        f'<text x="{number(_ACROSS)}" y="{number(_HEIGHT + 14)}" text-anchor="end">'
        f"step {steps - 1}; {short(arena.size * size)}B high</text></svg>"
    )
