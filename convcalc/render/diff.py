"""A diff of two networks as tables, as Markdown for a pull request, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import Report, unknown_data, unknown_text
from convcalc.checks.diff.changes import Change, Mark, difference
from convcalc.checks.diff.diff import Diff
from convcalc.checks.diff.hunks import Hunk, hunks, single_hunks
from convcalc.checks.diff.records import Record
from convcalc.checks.diff.versions import STATUSES, Comparison
from convcalc.checks.diff.wording import follower_text, hunk_text, size_text
from convcalc.facts import problems_data
from convcalc.metrics import METRICS
from convcalc.problems import Span, printable
from convcalc.render.numbers import excess, grouped
from convcalc.render.report import UNKNOWN, at_least, figure
from convcalc.render.table import (
    Cell,
    Column,
    Table,
    csv_text,
    escaped,
    markdown_text,
    plain_text,
)

SCHEMA = "convcalc.diff/1"

_SIGNS: dict[Mark, str] = {
    "added": "+",
    "removed": "-",
    "changed": "~",
    "moved": ">",
    "renamed": "=",
}
_COLOURS: dict[Mark, str] = {
    "added": "green",
    "removed": "red",
    "changed": "yellow",
    "moved": "magenta",
    "renamed": "blue",
}
_FOLLOWS = "dim"
#: Characters of a Markdown text: a comment on GitHub must stay below 65,536.
_LONGEST_MARKDOWN = 64_000
#: Characters of a drawing in it: longer ones are not shown by GitHub.
_LONGEST_DRAWING = 40_000
#: Nodes of a drawing in it: fewer than in a picture of its own.
_DRAWN_NODES = 20
#: Rows of each of its tables: the first number that is short enough.
_MARKDOWN_ROWS = (200, 60, 20, 5)


def diff_parts(
    comparisons: Sequence[Comparison], *, every: bool, top: int | None
) -> list[Table | str]:
    """The tables of all comparisons in order, with lines between them.

    every  a row for each layer, also where many changed alike
    top    the first so many rows of changes only
    """
    parts: list[Table | str] = []
    for comparison in comparisons:
        if comparison.diff:
            changes, totals = diff_tables(comparison, comparison.diff, every, top)
            space = ["\n"] if parts and parts[-1] != "\n" else []
            parts += [*space, changes, "\n", totals, "\n"]
        else:
            parts.append(f"{heading(comparison)}\n")
    if len(comparisons) != 1:
        parts.append(f"{_count(comparisons)}\n")
    elif len(parts) > 1:
        parts.pop()  # nothing follows the totals
    return parts


def diff_text(comparisons: Sequence[Comparison], *, every: bool, top: int | None) -> str:
    """All comparisons as plain text."""
    return "".join(
        part if isinstance(part, str) else plain_text(part)
        for part in diff_parts(comparisons, every=every, top=top)
    )


def diff_markdown(
    comparisons: Sequence[Comparison], *, every: bool, top: int | None, drawn: bool = False
) -> str:
    """All comparisons as Markdown, the totals of each first: they are what a reviewer looks for.

    Short enough for a comment on a pull request: without `top`, long tables lose their last rows,
    and where that does not do, the last networks are only counted.

    drawn  with drawings of what changed that GitHub shows, as far as there is room for them
    """
    text = _tables_markdown(comparisons, every, top)
    if not drawn:
        return text
    parts = [text]
    space = _LONGEST_MARKDOWN - len(text)
    for comparison in comparisons:
        drawing = _drawing(comparison)
        space -= len(drawing) + 1
        if drawing and space >= 0:
            parts.append(drawing)
    return "\n".join(parts)


def _drawing(comparison: Comparison) -> str:
    """What changed as a drawing in Markdown, folded; "" where nothing did."""
    if not comparison.diff:
        return ""
    from convcalc.render.drawing.changes import Changed
    from convcalc.render.drawing.graph_text import mermaid_text
    from convcalc.render.drawing.picture import change_picture

    names = (comparison.old_name, comparison.new_name)
    changed = Changed(comparison.diff, names, "macs")
    text = mermaid_text(change_picture(changed, nodes=_DRAWN_NODES))
    if len(text) > _LONGEST_DRAWING:
        return ""
    name = escaped(printable(comparison.new_name, 200))
    summary = f"<details><summary>What changed in {name}, drawn</summary>"
    # No name in a drawing has a backtick that could end the fence.
    return f"{summary}\n\n```mermaid\n{text}```\n\n</details>\n"


def _tables_markdown(comparisons: Sequence[Comparison], every: bool, top: int | None) -> str:
    count = f"{_count(comparisons)}\n" if len(comparisons) != 1 else ""
    space = _LONGEST_MARKDOWN - len(count)
    parts: list[str] = []
    for most in _MARKDOWN_ROWS if top is None else (top,):
        parts = [_markdown(comparison, every, most) for comparison in comparisons]
        if top is not None or sum(len(part) + 1 for part in parts) <= space:
            return "\n".join([*parts, *([count] if count else [])])
    kept = 0
    while space >= 0:
        space -= len(parts[kept]) + 1
        kept += 1
    left_out = len(parts) - kept + 1
    return "\n".join([*parts[: kept - 1], f"{left_out} not shown here. {count}"])


def _markdown(comparison: Comparison, every: bool, top: int) -> str:
    if not comparison.diff:
        return f"{escaped(heading(comparison))}\n"
    changes, totals = diff_tables(comparison, comparison.diff, every, top)
    first = markdown_text(totals._replace(title=changes.title))
    return f"{first}\n{markdown_text(changes._replace(title=''))}"


def heading(comparison: Comparison) -> str:
    """Which versions are compared, and all there is to say where no layer changed."""
    old, new = printable(comparison.old_name, 200), printable(comparison.new_name, 200)
    if comparison.new is None:
        return f"{old}: deleted, {_size_of(comparison.old)}"
    if comparison.old is None:
        return f"{new}: new, {_size_of(comparison.new)}"
    renamed = " (renamed)" if comparison.status == "renamed" else ""
    same = "" if comparison.diff else f": the same network, {_size_of(comparison.new)}"
    return f"{old} -> {new}{renamed}{same}"


def _size_of(report: Report | None) -> str:
    """A network's size in a few words."""
    if report is None:
        return ""
    layers = len({layer.node.unit for layer in report.layers})
    totals = report.totals
    params, macs = grouped(totals.params), grouped(totals.macs)
    least = "" if report.complete else "at least "
    return f"{layers} layers, {least}{params} params, {macs} MACs"


def _count(comparisons: Sequence[Comparison]) -> str:
    """How many networks became what."""
    found = [comparison.status for comparison in comparisons]
    counts = [f"{found.count(status)} {status}" for status in STATUSES if status in found]
    return f"{len(found)} networks: {', '.join(counts)}" if found else "No network changed."


def diff_data(comparisons: Sequence[Comparison], base: dict[str, str] | None) -> dict[str, Any]:
    """All comparisons as plain data, in the order of the documented keys."""
    return {
        "schema": SCHEMA,
        "base": base,
        "networks": [_comparison_data(comparison) for comparison in comparisons],
    }


def diff_csv(comparisons: Sequence[Comparison]) -> str:
    """A line for each layer that changed or follows, and one for each file that came or went."""
    names = ["network", "change", "old", "new", "what", "params", "macs", "flops", "file", "line"]
    lines: list[tuple[Cell, ...]] = []
    for comparison in comparisons:
        network = comparison.new_name or comparison.old_name
        if comparison.diff is None:
            before, after = [
                report.totals if report else Cost() for report in (comparison.old, comparison.new)
            ]
            delta = difference(before, after)
            change: Cell = comparison.status
            costs = _cells(delta)
            lines.append((network, change, comparison.old_name, comparison.new_name, "", *costs))
            continue
        for hunk in single_hunks(comparison.diff):
            own = hunk.changes[0]
            lines.append((network, *_line(own.mark, own.old, own.new, own.delta, hunk_text(hunk))))
            for old, new in own.follows:
                delta = difference(old.cost, new.cost)
                lines.append((network, *_line("follows", old, new, delta, follower_text(old, new))))
    rows = [(*line, *[""] * (len(names) - len(line))) for line in lines]
    return csv_text(Table("", [Column(name) for name in names], rows))


def _line(
    change: str, old: Record | None, new: Record | None, delta: Cost, what: str
) -> tuple[Cell, ...]:
    layer = new or old
    span = layer.span if layer else None
    return (
        change,
        old.path if old else "",
        new.path if new else "",
        what,
        *_cells(delta),
        span.source.name if span else "",
        span.line if span else "",
    )


def _cells(delta: Cost) -> list[Cell]:
    return [figure(delta, name) for name in ("params", "macs", "flops")]


# Tables.


def diff_tables(
    comparison: Comparison, diff: Diff, every: bool, top: int | None
) -> tuple[Table, Table]:
    """The changes, and the totals; `every` and `top` as in `diff_parts`."""
    found = single_hunks(diff) if every else hunks(diff)
    rows = list(_rows(diff, found, every))
    shown = rows[:top]
    notes = [f"{len(rows) - len(shown)} more rows."] if len(shown) < len(rows) else []
    elsewhere = _files(diff, found) - _compared_files(diff)
    notes += [f"Lines of {printable(file, 200)}." for file in elsewhere]
    if diff.results:
        before, after = _results(diff.old), _results(diff.new)
        notes.append(f"Results: {before} -> {after}.")
    columns = [
        Column("", key="change"),
        Column("layer", "name"),
        Column("what", "prose"),
        Column("params", "delta"),
        Column("MACs", "delta"),
        Column("line"),
    ]
    cells = [row for _, row in shown]
    colours = [colour for colour, _ in shown]
    return Table(heading(comparison), columns, cells, (), notes, colours), _totals(diff)


def _totals(diff: Diff) -> Table:
    old, new = diff.old.totals, diff.new.totals
    changed = _changed(diff.changes)
    layers = [sum(1 for one in records if not one.is_input) for records in diff.records]
    pairs = [
        ("layers", layers[0], layers[1]),
        ("params", old.params, new.params),
        ("buffers", old.buffers, new.buffers),
        ("macs", old.macs, new.macs),
        ("flops", old.flops, new.flops),
    ]
    rows: list[tuple[Cell, ...]] = []
    for name, before, after in pairs:
        if not before and not after:
            continue
        title = at_least(METRICS[name].title, old.misses(name) or new.misses(name))
        change: tuple[Cell, Cell] = (after - before, excess(after, before))
        rows.append((title, before, after, *((UNKNOWN,) * 2 if changed.misses(name) else change)))
    notes = [
        f"{when}: {unknown_text(report.unknown)}."
        for when, report in (("before", diff.old), ("after", diff.new))
        if not report.complete
    ]
    columns = [
        Column("total"),
        Column("before", "number"),
        Column("after", "number"),
        Column("change", "delta"),
        Column("percent", "number"),
    ]
    colours = ["" if row[3] == 0 else "bold" for row in rows]
    return Table("", columns, rows, (), notes, colours)


def _changed(changes: Sequence[Change]) -> Cost:
    """What all changes cost more, with what follows them."""
    total = Cost()
    for change in changes:
        total = total.plus(change.delta).plus(change.delta_of_follows)
    return total


def _rows(diff: Diff, found: list[Hunk], every: bool) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    files = _files(diff, found)
    for hunk in found:
        delta = hunk.delta
        place = _place(hunk.span, files)
        cells = (_SIGNS[hunk.mark], hunk.name, hunk_text(hunk), *_cells(delta)[:2], place)
        yield _COLOURS[hunk.mark], cells
        follows = hunk.follows
        if every or len(follows) == 1:
            for old, new in follows:
                costs = _cells(difference(old.cost, new.cost))[:2]
                cells = (
                    "",
                    f"  {new.path}",
                    follower_text(old, new),
                    *costs,
                    _place(new.span, files),
                )
                yield _FOLLOWS, cells
        elif follows:
            after = hunk.delta_of_follows
            name, what = f"  {follows[0][1].path} ...", f"{len(follows)} layers follow"
            yield _FOLLOWS, ("", name, what, *_cells(after)[:2], "")


def _results(report: Report) -> str:
    """The network's results with their shapes."""
    return ", ".join(f"{name} {size_text(shape)}" for name, shape in report.outputs.items())


def _compared_files(diff: Diff) -> set[str]:
    return {diff.old.network.source, diff.new.network.source}


def _files(diff: Diff, found: Sequence[Hunk]) -> set[str]:
    """The files whose lines need no name: those compared, or the one that holds all the layers."""
    named = {hunk.span.source.name for hunk in found if hunk.span is not None}
    return named if len(named) == 1 else _compared_files(diff)


def _place(span: Span | None, files: set[str]) -> str:
    """The line, with its file where that does not go without saying."""
    if span is None:
        return ""
    name = span.source.name
    return str(span.line) if name in files else f"{printable(name, 200)}:{span.line}"


# Data.


def _comparison_data(comparison: Comparison) -> dict[str, Any]:
    diff = comparison.diff
    data: dict[str, Any] = {
        "status": comparison.status,
        "old": _network_data(comparison.old, comparison.old_name),
        "new": _network_data(comparison.new, comparison.new_name),
        "changes": [_change_data(change) for change in diff.changes] if diff else [],
        "kept": diff.kept if diff is not None else 0,
    }
    before = comparison.old.totals if comparison.old else Cost()
    after = comparison.new.totals if comparison.new else Cost()
    costs = [before.to_dict(), after.to_dict()]
    changed = _changed(diff.changes) if diff else difference(before, after)
    data["totals"] = {
        key: {
            "before": value,
            "after": costs[1][key],
            "change": None if changed.misses(key) else costs[1][key] - value,
        }
        for key, value in costs[0].items()
    }
    return data


def _network_data(report: Report | None, source: str) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "name": report.network.name,
        "source": source,
        "inputs": {name: list(shape) for name, shape in report.inputs.items()},
        "outputs": {name: list(shape) for name, shape in report.outputs.items()},
        "notes": problems_data(report.network.notes),
        **unknown_data(report.unknown),
    }


def _change_data(change: Change) -> dict[str, Any]:
    return {
        "change": change.mark,
        "old": _layer_data(change.old),
        "new": _layer_data(change.new),
        "arguments": [argument._asdict() for argument in change.arguments],
        **_deltas(change.delta),
        "follows": [
            {
                "old": _layer_data(old),
                "new": _layer_data(new),
                **_deltas(difference(old.cost, new.cost)),
            }
            for old, new in change.follows
        ],
    }


def _layer_data(layer: Record | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    return {
        "path": layer.path,
        "kind": layer.kind,
        "fused": [part.kind for part in layer.parts[1:]],
        "file": layer.span.source.name if layer.span else None,
        "line": layer.span.line if layer.span else None,
        "output": list(layer.output),
        **_deltas(layer.cost),
    }


def _deltas(cost: Cost) -> dict[str, int | None]:
    return {name: cost.known(name) for name in ("params", "macs", "flops")}
