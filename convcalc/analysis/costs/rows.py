"""The rows of a layer table: one for each unit, operation, group of a depth, or kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from convcalc.analysis.costs.cost import COSTS, Cost, LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.units import description
from convcalc.shapes import Shape


class Row:
    """Operations in one line of a table: their name, kind, last output and total cost."""

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
SORT_KEYS = COSTS


def _of_row(figure: Callable[[Cost], int]) -> Callable[[Row], int]:
    return lambda row: figure(row.cost)


#: The same figures, of a row.
ROW_COSTS: dict[str, Callable[[Row], int]] = {
    name: _of_row(figure) for name, figure in SORT_KEYS.items()
}

#: Texts that rows can be sorted by, from A to Z.
TEXT_KEYS: dict[str, Callable[[Row], str]] = {
    "name": lambda row: row.name,
    "kind": lambda row: row.kind,
}


def rows(
    report: Report, *, depth: int | None = None, expand: bool = False, by_kind: bool = False
) -> list[Row]:
    """The rows of a report, ordered by their last operation; kinds by their first.

    A unit is one row; `expand` gives each operation a row, `depth` keeps that many parts of a path,
    `by_kind` sums over all operations of a kind.
    """
    groups: dict[str, list[LayerReport]] = {}
    if by_kind:
        for layer in report.layers:
            groups.setdefault(layer.node.kind, []).append(layer)
        return [Row(kind, _counted(len(found), "layer"), found) for kind, found in groups.items()]
    if not expand and depth is None:
        units = [unit for unit in report.units if unit.members]
        return [Row(unit.path, _description(unit.members), unit.members) for unit in units]
    for layer in report.layers:
        path = layer.node.path if expand else layer.node.unit
        key = path if depth is None else ".".join(path.split(".")[:depth])
        # A group stands where its last operation does: a join comes after its branches.
        members = groups.pop(key, [])
        members.append(layer)
        groups[key] = members
    return [Row(key, _summary(members), members) for key, members in groups.items()]


def sort_rows(
    found: Sequence[Row], key: str, figures: Mapping[str, Callable[[Row], int]] = ROW_COSTS
) -> list[Row]:
    """The rows by name or kind, or with the largest of a figure first; equal ones stay in order."""
    if key in TEXT_KEYS:
        return sorted(found, key=TEXT_KEYS[key])
    return sorted(found, key=figures[key], reverse=True)


def _summary(members: Sequence[LayerReport]) -> str:
    """The kind of a row: of its unit, or the number of its units."""
    units = {member.node.unit for member in members}
    if len(units) > 1:
        return _counted(len(units), "layer")
    return _description(members)


def _description(members: Sequence[LayerReport]) -> str:
    """One unit: its layer, with what is fused to it."""
    inputs = [shape[1:] for shape in members[0].inputs]
    return description([member.node for member in members], inputs)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}"
