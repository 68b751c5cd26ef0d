"""Hunks: changes that one edit made, such as a block that was added or a line of one that changed.

A block that is called sixteen times and changes in one line is sixteen changed layers and one hunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convcalc.analysis.costs.cost import Cost
from convcalc.checks.diff.changes import Change, Changes, Mark
from convcalc.checks.diff.records import Record
from convcalc.problems import Span

#: Up to so many lines with the same change are hunks of their own; more are one.
_MOST_ALIKE = 8


class Hunk(NamedTuple):
    """Changes that are shown as one.

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
    def follows(self) -> list[tuple[Record, Record]]:
        """What follows from all of them."""
        return [pair for change in self.changes for pair in change.follows]

    @property
    def delta_of_follows(self) -> Cost:
        """What the layers that follow cost more."""
        total = Cost()
        for change in self.changes:
            total = total.plus(change.delta_of_follows)
        return total


def hunks(found: Changes) -> list[Hunk]:
    """The changes as hunks, in the order of the first change of each."""
    joined: dict[object, list[Hunk]] = {}
    last: Hunk | None = None
    row = 0
    for hunk in _contiguous(found):
        key = _key(hunk)
        if hunk.groups:
            # Groups are one hunk only where they follow upon each other.
            if last is None or _key(last) != key or not _adjacent(last, hunk):
                row += 1
            key = (row, key)
            last = hunk
        else:
            last = None
        joined.setdefault(key, []).append(hunk)
    return _without_repetition([_joined(several) for several in joined.values()])


def single_hunks(found: Changes) -> list[Hunk]:
    """A hunk for each change."""
    return [_of_one(change) for change in found.changes]


def _of_one(change: Change) -> Hunk:
    return Hunk(change.mark, change.layer.path, 0, change.layer.span, (change,))


def _joined(several: list[Hunk]) -> Hunk:
    """Several hunks as one, named after the first."""
    changes = [change for hunk in several for change in hunk.changes]
    groups = sum(hunk.groups for hunk in several)
    return several[0]._replace(groups=groups, changes=tuple(changes))


def _without_repetition(found: list[Hunk]) -> list[Hunk]:
    """The same change on very many lines as one hunk: a changed default makes it."""
    alike: dict[object, list[Hunk]] = {}
    for hunk in found:
        if hunk.mark == "changed" and hunk.changes[0].arguments:
            alike.setdefault(hunk.changes[0].arguments, []).append(hunk)
    replaced: dict[int, Hunk | None] = {}
    for same in alike.values():
        if len(same) > _MOST_ALIKE:
            replaced.update({id(hunk): None for hunk in same[1:]})
            replaced[id(same[0])] = _joined(same)
    shown = [replaced.get(id(hunk), hunk) for hunk in found]
    return [hunk for hunk in shown if hunk is not None]


def _key(hunk: Hunk) -> object:
    """What hunks have in common that one edit made."""
    change = hunk.changes[0]
    old, new = change.old, change.new
    if hunk.groups:
        return hunk.mark, hunk.span or hunk.name, len(hunk.changes)
    if change.mark == "renamed" and old and new and old.name == new.name:
        return change.mark, old.group, new.group
    spans = (old and old.span, new and new.span)
    if spans == (None, None):
        return id(change)
    return change.mark, change.arguments, *spans


def _adjacent(one: Hunk, other: Hunk) -> bool:
    return one.changes[-1].layer.index + 1 == other.changes[0].layer.index


def _contiguous(found: Changes) -> Iterator[Hunk]:
    """Single changes, and groups that were added or removed as a whole."""
    changes = found.changes
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
            yield from _whole_groups(changes[start:end], found.records[mark == "added"])
        else:
            yield _of_one(changes[start])
        start = end


def _whole_groups(run: Sequence[Change], records: Sequence[Record]) -> Iterator[Hunk]:
    """A run of added or removed layers, cut into the largest groups that lie within it."""
    first, last = run[0].layer.index, run[-1].layer.index
    neighbours = [*records[first - 1 : first], *records[last + 1 : last + 2]]
    start = 0
    while start < len(run):
        parts = run[start].layer.path.split(".")
        end = start + 1
        for length in range(1, len(parts)):
            prefix = ".".join(parts[:length]) + "."
            if not any(neighbour.path.startswith(prefix) for neighbour in neighbours):
                while end < len(run) and run[end].layer.path.startswith(prefix):
                    end += 1
                if end > start + 1:
                    members = tuple(run[start:end])
                    span = _call_of(members, neighbours) or members[0].layer.span
                    yield Hunk(run[0].mark, prefix[:-1], 1, span, members)
                    break
        if end == start + 1:
            yield _of_one(run[start])
        start = end


def _call_of(members: Sequence[Change], neighbours: Sequence[Record]) -> Span | None:
    """The block call that made all of these layers and nothing around them."""
    calls = members[0].layer.calls
    shared = len(calls)
    for member in members:
        while member.layer.calls[:shared] != calls[:shared]:
            shared -= 1
    if not shared or any(around.calls[:shared] == calls[:shared] for around in neighbours):
        return None
    return calls[shared - 1].span
