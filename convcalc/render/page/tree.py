"""The drawing of a network as data, from which the page's script draws it with groups that open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcalc.problems import printable
from convcalc.render.drawing.picture import (
    Cell,
    Column,
    Fan,
    Frame,
    Heads,
    Item,
    Picture,
    folded_cell,
)
from convcalc.render.drawing.structure import REMOVED, Group, Run

#: More nodes than a network has: everything is open.
EVERYTHING = 10**9


def drawing_data(shown: Picture, whole: Picture) -> dict[str, Any]:
    """What the script needs to draw any part of a network folded.

    shown  the picture that the page begins with;  whole  the same with every group open

    items   nodes, groups (with `c`, what is in them) and joins (with `r`, their branches; without
            `j` where these end); removed ones that stand beside the others have a `z`
    edges   value, node that gives it, node that reads it, by the numbers of the nodes
    shapes  of each value
    """
    opened = {(one.start, one.stop, one.block.path) for one in _frames(shown.top)}
    edges = [
        [value, whole.home[value].order, cell.order] for cell in whole.cells for value in cell.reads
    ]
    values = dict.fromkeys([edge[0] for edge in edges])
    return {
        "items": _Items(whole, opened).column(whole.top),
        "edges": edges,
        "shapes": {str(value): whole.shape_text(value) for value in values},
    }


def _frames(column: Column) -> Iterator[Frame]:
    """The open groups of a column, also those in each other."""
    for item in column.items:
        if isinstance(item, Frame):
            yield item
            yield from _frames(item.body)
        elif isinstance(item, Fan | Heads):
            for arm in item.branches:
                if arm.column is not None:
                    yield from _frames(arm.column)


class _Items:
    """Writes items as data; what is empty or 0 is left out."""

    def __init__(self, whole: Picture, opened: set[tuple[int, int, str]]) -> None:
        self.whole = whole
        self.opened = opened

    def column(self, column: Column) -> list[dict[str, Any]]:
        """The items of a column."""
        found = [self._item(item) for item in column.items]
        for place in column.aside:
            found[place]["z"] = 1
        return found

    def _item(self, item: Item) -> dict[str, Any]:
        match item:
            case Cell():
                return self._cell(item)
            case Frame(block=Group() | Run() as block):
                data = self._cell(folded_cell(self.whole, block))
                data["p"] = printable(block.path.replace(REMOVED, ""), 200)
                data["c"] = self.column(item.body)
                if (item.start, item.stop, block.path) in self.opened:
                    data["o"] = 1
                return data
            case Fan() | Heads():
                cell = item.cell if isinstance(item, Fan) else None
                named = cell is not None and cell.form == "box"
                branches = [
                    _filled(
                        v=arm.value,
                        n=cell.names.get(arm.value, "") if cell is not None and named else "",
                        c=[] if arm.column is None else self.column(arm.column),
                    )
                    for arm in item.branches
                ]
                return _filled(r=branches, j=cell and self._cell(cell))
        raise TypeError(item)

    def _cell(self, cell: Cell) -> dict[str, Any]:
        return _filled(
            a=cell.start,
            b=cell.stop,
            f="" if cell.form == "box" else cell.form,
            t=cell.sign or cell.title,
            s=cell.second,
            h=cell.share,
            k=cell.tint,
            x=cell.times if cell.times > 1 else 0,
            m=cell.mark,
        )


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value or name in {"a", "v"}}
