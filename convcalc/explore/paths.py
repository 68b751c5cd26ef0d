"""Paths: what a computation decides leads each point to the trace that holds for it.

The guards of all traces form a tree. A point goes down it by its own decisions; where it comes to a
branch that no trace took, it is traced itself, and its trace joins the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

from convcalc.explore.columns import Column, Columns
from convcalc.polynomials import Guard, Polynomial, Trace

L = TypeVar("L")
#: Paths of one tree, beyond which points are no longer traced.
MOST_PATHS = 400


class _Fork(Generic[L]):
    """A guard, and where its outcomes lead."""

    __slots__ = ("branches", "kind", "of")

    def __init__(self, guard: Guard) -> None:
        self.kind = guard.kind
        self.of: Polynomial = guard.of
        self.branches: dict[int, _Fork[L] | L] = {}


class Paths(Generic[L]):
    """The paths of one computation.

    trace      computes at a point; the trace, and what it came to
    may_go_on  whether effort is left to sort points and to trace them
    leaves     what each traced path came to, and `traces` how
    """

    def __init__(
        self,
        trace: Callable[[int], tuple[Trace, L]],
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._trace = trace
        self._may_go_on = may_go_on
        self._root: dict[int, _Fork[L] | L] = {}
        self.leaves: list[L] = []
        self.traces: list[Trace] = []

    def sort(self, columns: Columns, count: int) -> list[tuple[L | None, Column]]:
        """The points of each path, by their numbers; of no path those that take too long."""
        found: list[tuple[L | None, Column]] = []
        waiting: list[tuple[dict[int, _Fork[L] | L], int, Column]] = [
            (self._root, 1, np.arange(count))
        ]
        while waiting:
            branches, outcome, points = waiting.pop()
            if not len(points):
                continue
            place = branches.get(outcome)
            if not self._may_go_on() or (place is None and len(self.leaves) >= MOST_PATHS):
                found.append((None, points))
            elif place is None:
                self._add(*self._trace(int(points[0])))
                waiting.append((branches, outcome, points))
            elif isinstance(place, _Fork):
                waiting += self._forked(place, columns, points)
            else:
                found.append((place, points))
        return found

    def _forked(
        self, fork: _Fork[L], columns: Columns, points: Column
    ) -> list[tuple[dict[int, _Fork[L] | L], int, Column]]:
        values = np.asarray(columns.of(fork.of))
        values = values[points] if values.ndim else np.full(len(points), values)
        if fork.kind == "value":
            return [
                (fork.branches, int(value), points[values == value]) for value in np.unique(values)
            ]
        holds = (values < 0 if fork.kind == "negative" else values == 0).astype(bool)
        return [(fork.branches, 1, points[holds]), (fork.branches, 0, points[~holds])]

    def _add(self, trace: Trace, leaf: L) -> None:
        branches, outcome = self._root, 1
        for guard in trace.guards:
            place: Any = branches.get(outcome)
            if place is None:
                place = branches[outcome] = _Fork(guard)
            if not isinstance(place, _Fork) or place.of is not guard.of or place.kind != guard.kind:
                raise RuntimeError("the same decisions led to different ones")
            branches, outcome = place.branches, int(guard.outcome)
        if outcome in branches:
            raise RuntimeError("two points of one path were traced")
        branches[outcome] = leaf
        self.leaves.append(leaf)
        self.traces.append(trace)
