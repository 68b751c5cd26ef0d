"""Segments that use the same variables, evaluated once for each different row of these.

A row is what enters the first segment, and the value of each variable that a segment uses. A stage
of a large space of networks has some thousands of rows, where the space has millions of points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from convcalc.explore.columns import LARGEST, Column
from convcalc.explore.units import Group, Ranks, Totals, Unit, regrouped
from convcalc.explore.variables import Variable

#: Keys of rows that are looked up in a table; others are searched for.
_LARGEST_TABLE = 1 << 22


class Shapes:
    """The shapes between two segments, each with a number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Ranks, tuple[int, ...]], int] = {}
        self._shapes: list[tuple[Ranks, tuple[int, ...]]] = []

    def __len__(self) -> int:
        return len(self._shapes)

    def numbers(self, group: Group) -> list[int]:
        """The number of each point's shapes."""
        found = []
        for sizes in group.sizes.tolist():
            shape = (group.ranks, tuple(sizes))
            number = self._numbers.get(shape)
            if number is None:
                number = self._numbers[shape] = len(self._shapes)
                self._shapes.append(shape)
            found.append(number)
        return found

    def groups(self, numbers: Column) -> list[Group]:
        """Points by their shapes' numbers of axes."""
        different, places = np.unique(numbers, return_inverse=True)
        members: dict[Ranks, list[int]] = {}
        for place, number in enumerate(different.tolist()):
            members.setdefault(self._shapes[number][0], []).append(place)
        found = []
        for ranks, chosen in members.items():
            points = np.arange(len(numbers))
            if len(members) > 1:
                points = np.flatnonzero(np.isin(places, chosen))
            sizes = np.zeros((len(different), sum(ranks)), np.int64)
            for place in chosen:
                sizes[place] = self._shapes[int(different[place])][1]
            found.append(Group(ranks, points, sizes[places[points]]))
        return found


class Run:
    """Segments one after the other, and the rows that are known of them.

    units     finds the unit of one of the segments, by its place, for a group of points
    used      the variables that tell rows apart, by their numbers
    entering  the shapes that enter the first segment, and `leaving` those that leave the last; None
              where nothing follows
    """

    def __init__(
        self,
        parts: Sequence[int],
        unit_of: Callable[[int, Group], Unit],
        variables: Sequence[Variable],
        used: Sequence[int],
        entering: Shapes,
        leaving: Shapes | None,
        widths: tuple[int, int],
    ) -> None:
        self.parts = parts
        self._unit_of = unit_of
        self._variables = variables
        self._used = used
        self._entering = entering
        self._leaving = leaving
        self._widths = widths
        self.most = 0
        self.rows = Totals(0, *widths)
        #: The number of the shapes with which each row leaves the run.
        self.left: Column = np.zeros(0, np.int32)
        self._table: Column = np.zeros(0, np.int32)
        self._keys: Column = np.zeros(0, np.int64)
        self._numbers: Column = np.zeros(0, np.int32)

    def find(self, shapes: Column, indices: Sequence[Column]) -> Column:
        """The row of each point; `shapes` are the numbers of what enters."""
        keys = shapes.astype(np.int64)
        size = len(self._entering)
        for number in self._used:
            size *= len(self._variables[number])
            keys = keys * len(self._variables[number]) + indices[number]
        if size > 2**62:
            # Too many to number: the points that are here get numbers of their own.
            stacked = np.stack([shapes, *[indices[number] for number in self._used]])
            _, first, inverse = np.unique(stacked, axis=1, return_index=True, return_inverse=True)
            return self._computed(first, shapes, indices)[inverse.reshape(-1)]
        if size <= _LARGEST_TABLE:
            return self._looked_up(keys, size, shapes, indices)
        return self._searched(keys, shapes, indices)

    def _looked_up(
        self, keys: Column, size: int, shapes: Column, indices: Sequence[Column]
    ) -> Column:
        """By a table of all keys, which holds the row's number + 1; 0 where it is not known."""
        if size > len(self._table):
            grown = np.zeros(min(2 * size, _LARGEST_TABLE), np.int32)
            grown[: len(self._table)] = self._table
            self._table = grown
        rows = self._table[keys]
        unknown = np.flatnonzero(rows == 0)
        if len(unknown):
            missing = keys[unknown]
            # Of the points of one key, that which was written last stands for all.
            self._table[missing] = np.arange(len(missing), dtype=np.int32)
            chosen = np.unique(self._table[missing])
            self._table[missing[chosen]] = 1 + self._computed(unknown[chosen], shapes, indices)
            rows = self._table[keys]
        return rows - 1

    def _searched(self, keys: Column, shapes: Column, indices: Sequence[Column]) -> Column:
        unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        places = np.searchsorted(self._keys, unique)
        known = places < len(self._keys)
        known[known] = self._keys[places[known]] == unique[known]
        numbers = np.empty(len(unique), np.int32)
        numbers[known] = self._numbers[places[known]]
        if not known.all():
            numbers[~known] = self._computed(first[~known], shapes, indices)
            merged = np.concatenate([self._keys, unique[~known]])
            order = np.argsort(merged, kind="stable")
            self._keys = merged[order]
            self._numbers = np.concatenate([self._numbers, numbers[~known]])[order]
        return numbers[inverse.reshape(-1)]

    def _computed(self, points: Column, shapes: Column, indices: Sequence[Column]) -> Column:
        """New rows, for points of which each has another key."""
        totals = Totals(len(points), *self._widths)
        chosen = [index[points] for index in indices]
        groups = self._entering.groups(shapes[points])
        most = 0
        for part in self.parts:
            found = []
            at_most = 0
            for group in groups:
                unit = self._unit_of(part, group)
                found += unit.evaluate(group, chosen, totals)
                at_most = max(at_most, unit.most)
            most += at_most
            if most > LARGEST and totals.sums.dtype != object:
                totals.widen()
            groups = regrouped(found)
        self.most = max(self.most, most)
        left = np.zeros(len(points), np.int32)
        if self._leaving is not None:
            for group in groups:
                left[group.points] = self._leaving.numbers(group)
        first = len(self.left)
        self.left = np.concatenate([self.left, left])
        rows = self.rows
        rows.status = np.concatenate([rows.status, totals.status])
        rows.codes = np.concatenate([rows.codes, totals.codes])
        rows.sums = np.concatenate([rows.sums, totals.sums])
        rows.largest = np.concatenate([rows.largest, totals.largest])
        return np.arange(first, first + len(points), dtype=np.int32)
