"""Changes that a reader takes for one: a whole block that is new, one line of a block used often.

A block called sixteen times and changed in one line is sixteen changed layers, and one edit. A diff
that shows the edit can be read; which layers it touched is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.units import Unit
from convcalc.checks.diff.diff import Change, Diff, Mark
from convcalc.problems import Span

#: Lines with the same change that are told one by one; more are told as one.
_MOST_ALIKE = 8


class Gathered(NamedTuple):
    """Changes told as one.

    name     the path of the first layer, or of the group that was added or removed as a whole
    groups   how many such groups there are; 0 where single layers changed
    span     where the first is written: the call of a group that a block makes, else the layer
    changes  all of them, in order
    """

    mark: Mark
    name: str
    groups: int
    span: Span | None
    changes: tuple[Change, ...]

    @property
    def delta(self) -> Cost:
        """What the layers cost more, without what follows them."""
        total = Cost()
        for change in self.changes:
            total = total.plus(change.delta)
        return total

    @property
    def follows(self) -> list[tuple[Unit, Unit]]:
        """What follows from all of them."""
        return [pair for change in self.changes for pair in change.follows]

    @property
    def delta_of_follows(self) -> Cost:
        """What the layers that follow cost more."""
        total = Cost()
        for change in self.changes:
            total = total.plus(change.delta_of_follows)
        return total


def gathered(diff: Diff) -> list[Gathered]:
    """The changes of a diff as few as a reader needs, in the order of the first of each."""
    found: dict[object, list[Gathered]] = {}
    last: Gathered | None = None
    row = 0
    for piece in _pieces(diff):
        key = _key(piece)
        if piece.groups:
            # Groups are told together only where they follow upon each other.
            if last is None or _key(last) != key or not _adjacent(last, piece):
                row += 1
            key = (row, key)
            last = piece
        else:
            last = None
        found.setdefault(key, []).append(piece)
    return _fewer([_joined(pieces) for pieces in found.values()])


def singly(diff: Diff) -> list[Gathered]:
    """Each change on its own."""
    return [
        Gathered(change.mark, change.layer.path, 0, change.layer.span, (change,))
        for change in diff.changes
    ]


def _joined(pieces: list[Gathered]) -> Gathered:
    """Several pieces as one, named after the first."""
    changes = [change for piece in pieces for change in piece.changes]
    groups = sum(piece.groups for piece in pieces)
    return pieces[0]._replace(groups=groups, changes=tuple(changes))


def _fewer(pieces: list[Gathered]) -> list[Gathered]:
    """The same change on very many lines as one, which a changed default makes."""
    alike: dict[object, list[Gathered]] = {}
    for piece in pieces:
        if piece.mark == "changed" and piece.changes[0].arguments:
            alike.setdefault(piece.changes[0].arguments, []).append(piece)
    joined: dict[int, Gathered | None] = {}
    for same in alike.values():
        if len(same) > _MOST_ALIKE:
            joined.update({id(piece): None for piece in same[1:]})
            joined[id(same[0])] = _joined(same)
    told = [joined.get(id(piece), piece) for piece in pieces]
    return [piece for piece in told if piece is not None]


def _key(piece: Gathered) -> object:
    change = piece.changes[0]
    old, new = change.old, change.new
    if piece.groups:
        return piece.mark, piece.span or piece.name, len(piece.changes)
    if (
        change.mark == "renamed"
        and old
        and new
        and old.path.split(".")[-1] == new.path.split(".")[-1]
    ):
        return change.mark, old.group, new.group
    spans = (old and old.span, new and new.span)
    if spans == (None, None):
        return id(change)
    return change.mark, change.arguments, *spans


def _adjacent(one: Gathered, other: Gathered) -> bool:
    return one.changes[-1].layer.index + 1 == other.changes[0].layer.index


def _pieces(diff: Diff) -> Iterator[Gathered]:
    """Single changes, and groups that were added or removed as a whole."""
    changes = diff.changes
    start = 0
    while start < len(changes):
        end = start + 1
        mark = changes[start].mark
        if mark in ("added", "removed"):
            while (
                end < len(changes)
                and changes[end].mark == mark
                and changes[end].layer.index == changes[end - 1].layer.index + 1
            ):
                end += 1
            yield from _whole_groups(changes[start:end], diff.units[mark == "added"])
        else:
            change = changes[start]
            yield Gathered(mark, change.layer.path, 0, change.layer.span, (change,))
        start = end


def _whole_groups(run: Sequence[Change], units: Sequence[Unit]) -> Iterator[Gathered]:
    """A run of added or removed layers, cut into the largest groups that lie within it."""
    first, last = run[0].layer.index, run[-1].layer.index
    above = units[first - 1].path if first else ""
    below = units[last + 1].path if last + 1 < len(units) else ""
    neighbours = [unit.calls for unit in (*units[first - 1 : first], *units[last + 1 : last + 2])]
    start = 0
    while start < len(run):
        layer = run[start].layer
        parts = layer.path.split(".")
        end = start + 1
        for length in range(1, len(parts)):
            prefix = ".".join(parts[:length]) + "."
            if not above.startswith(prefix) and not below.startswith(prefix):
                while end < len(run) and run[end].layer.path.startswith(prefix):
                    end += 1
                if end > start + 1:
                    members = tuple(run[start:end])
                    span = _call_of(members, neighbours) or layer.span
                    yield Gathered(run[0].mark, prefix[:-1], 1, span, members)
                    break
        if end == start + 1:
            yield Gathered(run[0].mark, layer.path, 0, layer.span, (run[start],))
        start = end


def _call_of(members: Sequence[Change], neighbours: Sequence[Sequence[object]]) -> Span | None:
    """Where the block call stands that made all of these layers and nothing around them."""
    calls = members[0].layer.calls
    shared = len(calls)
    for member in members:
        while member.layer.calls[:shared] != calls[:shared]:
            shared -= 1
    if not shared or any(around[:shared] == calls[:shared] for around in neighbours):
        return None
    return calls[shared - 1].span
