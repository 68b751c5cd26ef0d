"""The rows of a layer table: one a unit, an operation, a group down to some depth, or a kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcalc.analysis.costs.report import Cost, LayerReport
from convcalc.shapes import Shape


class Row:
    """Operations shown as one line: a name, what they are, the last one's output, their cost."""

    __slots__ = ("cost", "kind", "members", "name", "output")

    def __init__(self, name: str, kind: str, members: Sequence[LayerReport]) -> None:
        self.name = name
        self.kind = kind
        self.members = tuple(members)
        self.output: Shape = members[-1].output
        self.cost = members[0].cost
        for member in members[1:]:
            self.cost = self.cost.plus(member.cost)


#: Figures that rows can be sorted by, the largest first.
SORT_KEYS: dict[str, Callable[[Cost], int]] = {
    "params": lambda cost: cost.params,
    "buffers": lambda cost: cost.buffers,
    "multiplies": lambda cost: cost.counts.multiplies,
    "adds": lambda cost: cost.counts.adds,
    "divides": lambda cost: cost.counts.divides,
    "compares": lambda cost: cost.counts.compares,
    "specials": lambda cost: cost.counts.specials,
    "other": lambda cost: cost.counts.divides + cost.counts.compares + cost.counts.specials,
    "macs": lambda cost: cost.macs,
    "flops": lambda cost: cost.flops,
}

#: Texts that rows can be sorted by, from A to Z.
TEXT_KEYS: dict[str, Callable[[Row], str]] = {
    "name": lambda row: row.name,
    "kind": lambda row: row.kind,
}


def rows(
    layers: Sequence[LayerReport],
    *,
    depth: int | None = None,
    expand: bool = False,
    by_kind: bool = False,
) -> list[Row]:
    """The layers as rows, in the order of their last operation; kinds in that of their first.

    A layer with what is fused behind it is one row; `expand` gives each operation a row, `depth`
    keeps that many parts of a path, `by_kind` sums over all layers of a kind.
    """
    groups: dict[str, list[LayerReport]] = {}
    for layer in layers:
        node = layer.node
        if by_kind:
            key = node.kind
        elif depth is not None:
            key = ".".join((node.path if expand else node.unit).split(".")[:depth])
        else:
            key = node.path if expand else node.unit
        members = groups.get(key, [])
        members.append(layer)
        if not by_kind:
            # A group goes on where its last operation stands: a join comes after its branches.
            groups.pop(key, None)
        groups[key] = members
    return [Row(key, _kind(key, members, by_kind), members) for key, members in groups.items()]


def sort_rows(found: Sequence[Row], key: str) -> list[Row]:
    """The rows by name or kind, or with the largest of a figure first; equal ones stay in order."""
    if key in TEXT_KEYS:
        text = TEXT_KEYS[key]
        return sorted(found, key=text)
    value = SORT_KEYS[key]
    return sorted(found, key=lambda row: -value(row.cost))


def _kind(name: str, members: Sequence[LayerReport], by_kind: bool) -> str:
    if by_kind:
        return f"{len(members)} layer{'s' if len(members) > 1 else ''}"
    first = members[0].node
    if all(member.node.unit == first.unit for member in members):
        return " + ".join([first.layer.summary(), *[member.node.kind for member in members[1:]]])
    units = len({member.node.unit for member in members})
    return f"{units} layers"
