"""What could be read of a network with mistakes: the shapes up to the first that does not fit."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.costs.dropped import Dropped, dropped
from convcalc.analysis.units import description
from convcalc.graph import Network, Node
from convcalc.language.building.spec import NetworkError
from convcalc.problems import Meant, Problem, facts_of, printable
from convcalc.render.diagnostics import diagnostics_text
from convcalc.render.table import Column, Table, plain_text
from convcalc.shapes import axis_name, tuple_text, with_batch

#: Layers that are shown, and places where positions were dropped.
_MOST_ROWS = 12
_MOST_DROPS = 6


def partial_text(error: NetworkError, width: int | None = None) -> str:
    """The notes on the network, and the last layers before the first that does not fit.

    Empty where there is neither. `width` is that of a terminal.
    """
    network = error.network
    if network is None:
        return ""
    parts = []
    notes = _new_notes(network, error.problems)
    if notes:
        parts.append(diagnostics_text(notes, "note", width))
    nodes = [node for node in network.nodes[: error.reached] if not node.is_input]
    if nodes:
        title = f"shapes up to the {'first ' * (len(error.problems) > 1)}mistake"
        parts.append(plain_text(_shapes(network, nodes, title)))
    return "".join([f"\n{part}" for part in parts])


def _new_notes(network: Network, problems: Sequence[Problem]) -> list[Problem]:
    """The notes that offer what no problem offers."""
    offered = {fact for problem in problems for fact in facts_of(problem.facts, Meant)}
    return [note for note in network.notes if offered.isdisjoint(facts_of(note.facts, Meant))]


def _shapes(network: Network, nodes: Sequence[Node], title: str) -> Table:
    units: dict[str, list[Node]] = {}
    for node in nodes:
        units.setdefault(node.unit, []).append(node)
    rows = [
        (unit, _kind(network, members), _shape(members[-1]))
        for unit, members in [*units.items()][-_MOST_ROWS:]
    ]
    before = len(units) - len(rows)
    title += f", {before} earlier layer{'s' * (before > 1)} left out:" if before else ":"
    columns = [Column("name", "name"), Column("kind"), Column("output shape", "shape")]
    drops = _drops(network, nodes)
    notes = [f"rounded down: {', '.join(drops)}"] if drops else []
    return Table(title, columns, rows, notes=notes)


def _kind(network: Network, members: Sequence[Node]) -> str:
    inputs = network.input_shapes(members[0])
    return description(members, inputs)


def _shape(node: Node) -> str:
    return tuple_text(with_batch(node.shape, 1))


def _drops(network: Network, nodes: Sequence[Node]) -> list[str]:
    """The last places where positions were dropped: "89 -> 44 at pool2"."""
    found: list[str] = []
    for node in reversed(nodes):
        shapes = network.input_shapes(node)
        axes = dropped(node.layer, shapes)
        if axes:
            rank = len(shapes[0]) - 1
            found.append(f"{', '.join(_sizes(axes, rank))} at {printable(node.unit, 200)}")
        if len(found) == _MOST_DROPS:
            break
    return found[::-1]


def _sizes(axes: Sequence[Dropped], rank: int) -> list[str]:
    """Sizes before and after, with the axes' names where they are not the same on all."""
    texts = [f"{one.before} -> {one.after}" for one in axes]
    if len(texts) == rank and len(set(texts)) == 1:
        return texts[:1]
    return [f"{axis_name(one.axis, rank)} {text}" for one, text in zip(axes, texts, strict=True)]
