"""Orders of work as hills and valleys, and how they combine at the least peak.

While a sequence of operations runs, the memory alive rises and falls. What matters of it to others
are a few segments: how far the memory climbs within each, its hill, and what it leaves behind, its
net. Cut well, the segments stand in the order in which it is best to run them: first those that set
memory free, the lowest hill first, then those that fill it, the one with the deepest descent from
its hill to its end first. Then any number of such sequences that do not depend on each other run
best when their segments are merged in this order, and a sequence behind another is appended, its
segments combined where they are out of order. Each takes time in proportion to the segments.

Source: Abdel-Wahab and Kameda, Scheduling to minimize maximum cumulative cost subject to
series-parallel precedence constraints, Operations Research 26, 1978; Liu, An application of
generalized tree pebbling to sparse matrix factorization, SIAM J. Alg. Disc. Meth. 8, 1987.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: Operations in their order, as a tree of pairs: joining two takes no time.
Work = int | None | tuple["Work", "Work"]


class Segment(NamedTuple):
    """A piece of a sequence.

    hill  the most that is alive within it, above what is alive at its start
    net   what is alive at its end, above its start
    work  its operations
    """

    hill: int
    net: int
    work: Work

    def then(self, other: Segment) -> Segment:
        """This segment and, straight behind it, another."""
        hill = max(self.hill, self.net + other.hill)
        return Segment(hill, self.net + other.net, (self.work, other.work))


def urgency(segment: Segment) -> tuple[int, int]:
    """By this, ascending, independent segments are best run."""
    hill, net, _ = segment
    return (0, hill) if net < 0 else (1, net - hill)


def appended(first: list[Segment], second: Iterable[Segment]) -> list[Segment]:
    """A sequence and behind it another; `first` is changed.

    >>> appended([Segment(9, 4, 0)], [Segment(3, -2, 1)])
    [Segment(hill=9, net=2, work=(0, 1))]
    """
    for segment in second:
        last = segment
        while first and urgency(first[-1]) >= urgency(last):
            last = first.pop().then(last)
        first.append(last)
    return first


def merged(first: list[Segment], second: list[Segment]) -> list[Segment]:
    """Two sequences that do not depend on each other, as one.

    >>> [s.work for s in merged([Segment(9, 4, 0)], [Segment(3, -2, 1), Segment(9, 1, 2)])]
    [1, 2, 0]
    """
    return sorted(first + second, key=urgency)


def operations_of(work: Work) -> list[int]:
    """The operations of a piece of work in their order."""
    found: list[int] = []
    waiting = [work]
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, tuple):
            waiting += (piece[1], piece[0])
        elif piece is not None:
            found.append(piece)
    return found
