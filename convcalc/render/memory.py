"""A network's memory as tables and as data."""

from __future__ import annotations

from collections.abc import Iterable

from convcalc.analysis.memory.inference import MemoryReport, Moment
from convcalc.problems import printable
from convcalc.quantities import short_bytes
from convcalc.render.numbers import grouped, percent
from convcalc.render.report import at_least, headline, incomplete_notes
from convcalc.render.table import Cell, Column, Part, Table, spaced


def timeline(memory: MemoryReport, title: str, depth: int | None, *, bars: bool = True) -> Table:
    """Bytes alive at each step; with a depth, the maximum in each group of that depth."""
    levels = [(node.path, live, in_place) for node, live, in_place in memory.levels()]
    # Beside its inputs and its result an unknown operation may need any other memory.
    unknown = {one.name for one in memory.report.unknown}
    if depth is not None:
        levels = _grouped(levels, depth)
        unknown = {".".join(name.split(".")[:depth]) for name in unknown}
    most = max([live for _, live, _ in levels], default=0)
    most_in_place = max([in_place for _, _, in_place in levels], default=0)
    rows: list[list[Cell]] = []
    for path, live, in_place in levels:
        mark = _MARKS[live == most, in_place == most_in_place]
        if path in unknown:
            mark = f"{mark}, at least" if mark else "at least"
        rows.append([path, live, in_place, *([in_place] if bars else []), mark])
    share = [Column("of its peak", "share", most_in_place)] if bars else []
    order = "the order with the least peak" if memory.by_least else "the written order"
    fused = ", fused attention" if memory.fused_attention else ""
    return Table(
        f"{title}, {memory.dtype}, {order}{fused}",
        [
            Column("step", "name"),
            Column("alive", "number"),
            Column("in place", "number", key="alive_in_place"),
            *share,
            Column("", key="mark"),
        ],
        rows,
        (),
        incomplete_notes(memory.report),
    )


#: How a step is marked: at the peak or not, and at the in-place peak or not.
_MARKS = {
    (False, False): "",
    (True, False): "peak",
    (False, True): "peak in place",
    (True, True): "both peaks",
}


def _grouped(levels: Iterable[tuple[str, int, int]], depth: int) -> list[tuple[str, int, int]]:
    """Merges neighbours of one group, with the maximum alive in it."""
    rows: list[tuple[str, int, int]] = []
    for path, live, in_place in levels:
        name = ".".join(path.split(".")[:depth])
        if rows and rows[-1][0] == name:
            _, before, before_in_place = rows.pop()
            live, in_place = max(live, before), max(in_place, before_in_place)  # noqa: PLW2901
        rows.append((name, live, in_place))
    return rows


def alive_tables(memory: MemoryReport) -> list[Table]:
    """Tables of the tensors alive at the peak, and at the peak in place."""
    moments = memory.peak_moments()
    if not moments:
        return []
    first, other = moments
    levels = memory.levels()
    shown = " of this order" if memory.by_least else ""
    shown = at_least(shown, not memory.report.complete)
    plain = _at(first, first.live, [live for _, live, _ in levels])
    in_place = _at(other, other.in_place, [live for _, _, live in levels])
    return [
        _alive(first, f"Peak{shown}: {plain}", False),
        _alive(other, f"Peak in place{shown}: {in_place}", True),
    ]


def _at(moment: Moment, size: int, levels: list[int]) -> str:
    times = levels.count(size)
    more = f", the first of {times} steps" if times > 1 else ""
    return f"{grouped(size)} bytes at {printable(moment.node.path, 500)}{more}"


def _alive(moment: Moment, title: str, in_place: bool) -> Table:
    rows: list[list[Cell]] = []
    for node, size in moment.alive:
        note = "being written" if node is moment.node else ""
        if in_place and node in moment.within:
            note = "written over"
            size = 0  # noqa: PLW2901
        rows.append([node.path, node.kind, size, note])
    total = moment.in_place if in_place else moment.live
    return Table(
        title,
        [Column("alive", "name"), Column("kind"), Column("bytes", "number"), Column("")],
        rows,
        ["total", "", total, ""],
    )


def figures_table(memory: MemoryReport) -> Table:
    """Every figure in bytes."""
    totals = memory.report.totals
    lines: list[tuple[str, int, str]] = [
        (f"weights ({memory.weights_dtype})", memory.weights, _weights_note(memory)),
        ("inputs", memory.inputs, ""),
        ("activations, summed up", memory.activations, "every result, views left out"),
        ("peak", memory.peak, "written order, nothing in place"),
        ("peak in place", memory.peak_in_place, _in_place_note(memory)),
        ("least peak", memory.peak_least, _least_note(memory)),
        ("arena", memory.arena_bytes, _arena_note(memory)),
    ]
    metrics = ("weights", "activations", "activations", *["peak_memory"] * 4)
    return Table(
        "",
        [
            Column("memory"),
            Column("bytes", "number"),
            Column("", key="size"),
            Column("", "prose", key="note"),
        ],
        [
            [at_least(name, totals.misses(metric)), size, short_bytes(size), note]
            for metric, (name, size, note) in zip(metrics, lines, strict=True)
        ],
    )


def _weights_note(memory: MemoryReport) -> str:
    if not memory.buffers:
        return "parameters"
    return f"parameters {grouped(memory.parameters)}, buffers {grouped(memory.buffers)}"


def _in_place_note(memory: MemoryReport) -> str:
    what = "element-wise layers and concat" if memory.concat_in_place else "element-wise layers"
    return f"written order, {what} in place"


def _least_note(memory: MemoryReport) -> str:
    if memory.least.exact:
        return "any order, in place: exact, no order needs less"
    return f"best order found, in place: no order is below {grouped(memory.least_bound)}"


def _arena_note(memory: MemoryReport) -> str:
    order = "the least peak's order" if memory.by_least else "the written order"
    if not memory.shown_peak:
        return ""
    share = percent(memory.arena_bytes, memory.shown_peak)
    return f"one static block for {order}, {share} of its in-place peak"


def memory_page(memory: MemoryReport, title: str, depth: int | None) -> list[Part]:
    """The peak, and all tables: steps, tensors alive at the peaks, and every figure."""
    tables = [timeline(memory, title, depth), *alive_tables(memory), figures_table(memory)]
    return [_headline(memory), "\n", *spaced(tables)]


def memory_summary(memory: MemoryReport, title: str) -> list[Part]:
    """The peak and every figure, without the steps."""
    table = figures_table(memory)._replace(title=title, notes=incomplete_notes(memory.report))
    return [_headline(memory), "\n", table]


def _headline(memory: MemoryReport) -> str:
    moments = memory.peak_moments()
    if not moments:
        return headline(memory.report, "peak memory", 0, "peak_memory")
    what = "peak memory of the order with the least" if memory.by_least else "peak memory"
    place = f", at {printable(moments[0].node.path, 500)}"
    return headline(memory.report, what, moments[0].live, "peak_memory", place)
