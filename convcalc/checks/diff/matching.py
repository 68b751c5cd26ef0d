"""Which layer of one version of a network became which layer of another.

Layers are matched by what they are: their kind and arguments with what is fused to them, the group
that they are in, and a name if they were given one. Default names only count (`conv3`): an
inserted layer renumbers those after it. They and the shapes of inputs are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from convcalc.checks.diff.alignment import Alignment, Pair
from convcalc.checks.diff.records import Part, Record

#: A key for each record, old and new.
Sides = tuple[list[int], list[int]]

#: The key of default names, and what layers with weights have in common.
_DEFAULT = -1
_WEIGHTS = "weights"
#: How far an inserted run of layers is slid to where a group begins, in layers.
_FURTHEST_SLIDE = 512


class Matching(NamedTuple):
    """The layers of two versions of a network, matched.

    pairs   (old, new) indices of layers in the same order on both sides
    moved   pairs of layers that are elsewhere in the order
    own     keys of the layers' kinds and arguments
    places  keys of their groups without numbers, and their names if they were given one
    """

    pairs: list[Pair]
    moved: list[Pair]
    own: Sides
    places: Sides


def match(old: list[Record], new: list[Record]) -> Matching:
    """Matches the layers of two versions; takes time that grows little faster than their number.

    Matching the other way round gives the same pairs.
    """
    keys = _Keys(old, new)
    turned = _turned(keys)
    pairs = _aligned(keys, turned)
    for side in (0, 1) if turned else (1, 0):
        pairs = _slid(pairs, keys, side)
    new_of, old_of = [-1] * len(old), [-1] * len(new)
    for i, j in pairs:
        new_of[i], old_of[j] = j, i
    moved: list[Pair] = []
    for sides in (keys.strict, keys.own):
        # Layers without a partner that are the only ones of their kind on both sides.
        removed, added = _only_ones(sides[0], new_of), _only_ones(sides[1], old_of)
        for key, i in removed.items():
            j = added.get(key, -1)
            if i >= 0 and j >= 0:
                new_of[i], old_of[j] = j, i
                moved.append((i, j))
    return Matching(pairs, moved, keys.own, keys.places)


class _Keys:
    """What makes records of two networks alike, as whole numbers.

    own     the layers with their arguments
    places  the group without its numbers, and the name if it was given one
    strict  both together
    """

    def __init__(self, old: list[Record], new: list[Record]) -> None:
        self.records = old, new
        self._numbers: dict[object, int] = {}
        self._by_identity: dict[int, int] = {}
        self._groups: dict[str, str] = {}
        self._differences: dict[Pair, int] = {}
        self.own = self._both(self._own)
        self._names = self._both(self._name)
        self._group_numbers = self._both(lambda record: self._number(self._group(record)))
        self._families = self._both(self._family)
        self.places = self._paired(self._names, self._group_numbers)
        self.strict = self._paired(self.own, self.places)

    def _both(self, key: Callable[[Record], int]) -> Sides:
        old, new = self.records
        return [key(record) for record in old], [key(record) for record in new]

    def _paired(self, one: Sides, other: Sides) -> Sides:
        """A key for each record from two others."""
        old, new = [
            [self._number(pair) for pair in zip(*keys, strict=True)]
            for keys in zip(one, other, strict=True)
        ]
        return old, new

    def _number(self, key: object) -> int:
        """The same number for what is equal."""
        return self._numbers.setdefault(key, len(self._numbers))

    def _own(self, record: Record) -> int:
        what = record.what
        if len(what) == 1:
            return self._value(what[0])
        return self._number(tuple([self._value(value) for value in what]))

    def _value(self, value: object) -> int:
        # Copies of a layer share one object, and comparing layers takes a while.
        number = self._by_identity.get(id(value))
        if number is None:
            number = self._by_identity[id(value)] = self._number(value)
        return number

    def _name(self, record: Record) -> int:
        """The name that a user gave it; the same number for all default names."""
        prefix = record.prefix
        name = record.name
        default = name.startswith(prefix) and name[len(prefix) :].isdigit()
        return _DEFAULT if default else self._number(name)

    def _group(self, record: Record) -> str:
        group = record.group
        shape = self._groups.get(group)
        if shape is None:
            shape = self._groups[group] = re.sub(r"[0-9]+(?=\.|\Z)", "", group) + "."
        return shape

    def _family(self, record: Record) -> int:
        """Kinds that replace each other: all pooling, all activations, all with weights."""
        layer = record.layer
        if layer is None:
            return self._number(record.prefix)
        return self._number(layer.role or (_WEIGHTS if layer.weighted else layer.prefix))

    def replaceable(self, i: int, j: int) -> bool:
        """Whether an old and a new layer may be paired though they differ."""
        if self._families[0][i] == self._families[1][j]:
            return True
        name = self._names[0][i]
        return name == self._names[1][j] != _DEFAULT

    def distance(self, i: int, j: int) -> int:
        """How much an old and a new layer differ, from 0 to 1,000."""
        old, new = self.records[0][i], self.records[1][j]
        keys = self.own[0][i], self.own[1][j]
        found = 0
        if keys[0] != keys[1]:
            if keys not in self._differences:
                self._differences[keys] = _differences(old.parts, new.parts)
            found = self._differences[keys]
        if self._names[0][i] != self._names[1][j]:
            found += 80
        if self._group_numbers[0][i] != self._group_numbers[1][j]:
            found += 60
        if old.output != new.output:
            found += 40 if old.output[:2] == new.output[:2] else 60
        if old.path != new.path:
            # Inside of a group, numbers count as well: a layer more outside does not change them.
            grouped = old.group or new.group
            found += 90 if grouped and old.name != new.name else 10
        return found


def _differences(old: Sequence[Part], new: Sequence[Part]) -> int:
    """How much the layers of two records differ, from 0 to 700."""
    one, other = old[0], new[0]
    if one.kind != other.kind:
        found = 400
    else:
        found = min(40 * len(one.arguments.items() ^ other.arguments.items()) // 2, 320)
    fused, others = [
        {(part.kind, *part.arguments.items()) for part in parts[1:]} for parts in (old, new)
    ]
    return found + min(40 * len(fused ^ others), 240)


def _aligned(keys: _Keys, turned: bool) -> list[Pair]:
    """Pairs of indices, rising on both sides."""
    (strict, new_strict), (own, new_own) = keys.strict, keys.own
    if not turned:
        return Alignment(
            [strict, own], [new_strict, new_own], keys.replaceable, keys.distance
        ).pairs()
    pairs = Alignment(
        [new_strict, new_own],
        [strict, own],
        lambda i, j: keys.replaceable(j, i),
        lambda i, j: keys.distance(j, i),
    ).pairs()
    return [(j, i) for i, j in pairs]


def _turned(keys: _Keys) -> bool:
    """Whether both sides are exchanged, so that comparing the other way round finds the same."""
    old, new = keys.records
    if len(old) != len(new):
        return len(old) > len(new)
    for i, (one, other) in enumerate(zip(*keys.strict, strict=True)):
        if one != other:
            return (repr(old[i].what), old[i].path) > (repr(new[i].what), new[i].path)
    return False


def _slid(pairs: list[Pair], keys: _Keys, side: int) -> list[Pair]:
    """The pairs with each inserted or removed run moved to where it begins and ends with a group.

    In `a b | a b` with one more `a b`, any of the three runs can be the new one. A run that begins
    in the middle of one group and ends in the middle of the next would mean nothing to a reader.
    """
    records, strict = keys.records[side], keys.strict[side]
    here = [-1, *[pair[side] for pair in pairs], len(records)]
    there = [-1, *[pair[1 - side] for pair in pairs], len(keys.strict[1 - side])]
    for number in range(len(pairs), -1, -1):
        start, end = here[number] + 1, here[number + 1]
        if start == end or there[number] + 1 != there[number + 1]:
            continue
        # Downwards: the pair below takes the run's first layer instead of its own, and so on.
        best = (_cut(records, start, end), 0)
        down = up = 0
        while (
            down < _FURTHEST_SLIDE
            and here[number + 1 + down] == end + down < len(records)
            and there[number + 1 + down] == there[number] + 1 + down
            and strict[start + down] == strict[end + down]
        ):
            down += 1
            best = min(best, (_cut(records, start + down, end + down), -down))
        while (
            up < _FURTHEST_SLIDE
            and here[number - up] == start - 1 - up >= 0
            and there[number - up] == there[number + 1] - 1 - up
            and strict[start - 1 - up] == strict[end - 1 - up]
        ):
            up += 1
            best = min(best, (_cut(records, start - up, end - up), up))
        for step in range(-best[1]):
            here[number + 1 + step] = start + step
        for step in range(best[1]):
            here[number - step] = end - 1 - step
    one, other = here[1:-1], there[1:-1]
    return list(zip(*((other, one) if side else (one, other)), strict=True))


def _cut(records: list[Record], start: int, end: int) -> int:
    """How many groups a run cuts through where it begins and where it ends."""
    groups = 0
    for place in (start, end):
        if 0 < place < len(records):
            above, below = records[place - 1].path.split("."), records[place].path.split(".")
            for one, other in zip(above[:-1], below[:-1], strict=False):
                if one != other:
                    break
                groups += 1
    return groups


def _only_ones(keys: Sequence[int], partners: Sequence[int]) -> dict[int, int]:
    """The items without a partner by key; -1 where several have the key."""
    found: dict[int, int] = {}
    for index, partner in enumerate(partners):
        if partner < 0:
            found[keys[index]] = -1 if keys[index] in found else index
    return found
