"""Rows in order, and those that no other beats: the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from convcalc.explore.columns import Column
from convcalc.explore.sweep import Rows
from convcalc.problems import refused

#: Rows that are held to be sorted.
MOST_SORTED = 5_000_000


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows one below the other."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    return Rows(
        np.concatenate([part.points for part in parts]),
        [np.concatenate(pair) for pair in zip(*[part.indices for part in parts], strict=True)],
        {name: np.concatenate([p.figures[name] for p in parts]) for name in first.figures},
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.broken for part in parts]),
    )


class Ranking:
    """Holds rows to sort them; of many only the first, if no more are wanted.

    order      the numbers by which rows are sorted; None for the order of the points
    ascending  whether the smallest comes first
    top        how many are wanted; None for all
    """

    def __init__(
        self, order: Callable[[Rows], Column] | None, *, ascending: bool, top: int | None
    ) -> None:
        self._order = order
        self._ascending = ascending
        self._top = top
        self._parts: list[Rows] = []
        self._held = 0

    def add(self, rows: Rows) -> None:
        """Adds rows; raises ConvcalcError where they are too many."""
        self._parts.append(rows)
        self._held += len(rows.points)
        if self._top is not None and self._order and self._held > 2 * self._top + 100_000:
            self._parts = [self.rows()]
            self._held = len(self._parts[0].points)
        if self._held > MOST_SORTED:
            message = f"there are more than {MOST_SORTED:,} rows to sort"
            raise refused("too-many-points", message, "--top 1000 keeps the first of them")

    def rows(self) -> Rows:
        """The rows in order; equal ones in that of the points, and last what is no network."""
        found = joined(self._parts)
        if self._order is not None:
            figures = self._order(found)
            order = np.argsort(figures if self._ascending else -figures, kind="stable")
            wrong = found.codes[order] != ""
            found = found.chosen(np.concatenate([order[~wrong], order[wrong]]))
        return (
            found if self._top is None else found.chosen(np.arange(len(found.points))[: self._top])
        )


def front(figures: Sequence[Column], largest: Sequence[bool]) -> Column:
    """Which rows no other beats: at least as good in every figure, and better in one.

    largest  for each figure, whether larger is better

    >>> front([np.array([1, 2, 3, 3]), np.array([5, 4, 4, 3])], [False, False]).tolist()
    [True, True, False, True]
    """
    costs = [-c if large else c for c, large in zip(figures, largest, strict=True)]
    # Ranks compare as the figures do, which may be integers of any size.
    ranks = np.stack([np.unique(cost, return_inverse=True)[1].reshape(-1) for cost in costs])
    unique, inverse = np.unique(ranks, axis=1, return_inverse=True)
    left = np.arange(unique.shape[1])
    best = np.zeros(unique.shape[1], bool)
    # Columns are in lexical order: the first that is left is beaten by none that is.
    while len(left):
        chosen = left[0]
        best[chosen] = True
        left = left[1:][(unique[:, left[1:]] < unique[:, [chosen]]).any(axis=0)]
    return best[inverse.reshape(-1)]
