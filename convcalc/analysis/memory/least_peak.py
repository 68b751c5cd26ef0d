"""The least memory that any order of a network's operations needs.

The problem: operations are run one at a time, each once, after those that make what it reads. What
is alive at each step follows from `convcalc.analysis.memory.liveness`; the peak is the
most that is alive at any step. Which order has the least peak, and how much is it?

For graphs in general the problem is NP-hard (Sethi, Complete register allocation problems, SIAM J.
Comput. 4, 1975). It is solved here in three steps, none of which loses the least peak:

1. An operation that every other one comes before or after runs at the same point of every order.
   Between two such operations lies a piece that can be ordered on its own (most pieces of most
   networks are empty: a chain has one order). The peak is the highest of the pieces' peaks, so a
   piece that is written no worse than what is needed elsewhere is left as it is.
2. A piece is made small by reductions that keep an order with the least peak
   (`convcalc.analysis.memory.pieces`).
3. What is left is searched, by the least peak at which each state can be reached
   (`convcalc.analysis.memory.states`).

Steps 2 and 3 rest on one property: what is alive after a set of operations is submodular in the
set, also where tensors have several readers and results are written in place. So if running U
instead of going on elsewhere climbs no higher than what is needed anyway, and leaves the least that
anything within U could, it can be run at once: in any other order, moving U to the front leaves
no later state with more alive than it had.

A search that would take too long is given up: then the peak is the least that was found, and the
bound, which no order goes below, is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Literal, NamedTuple

from convcalc.analysis.memory.liveness import Memory, steps
from convcalc.analysis.memory.pieces import Piece
from convcalc.analysis.memory.states import least_peak_order, narrow_order
from convcalc.collection import collector_paused

#: Moves that all searches together may try: a second or two.
_BUDGET = 100_000
#: Moves after which a search pauses until it knows more.
_FIRST = 2_000

#: Operations of a piece up to which it is looked up what each needs alive.
_MOST_NEEDED = 1_500


class LeastPeak(NamedTuple):
    """The least peak that was found, in elements of one sample.

    peak   the most alive at once in `order`
    bound  no order has a lower peak
    order  the operations in the order that reaches it, as places in `Memory.operations`
    """

    peak: int
    bound: int
    order: list[int]

    @property
    def exact(self) -> bool:
        """Whether it is proven that no order has a lower peak."""
        return self.peak == self.bound


@collector_paused()
def least_peak(memory: Memory, budget: int = _BUDGET) -> LeastPeak:
    """The least peak over all orders, in place where `memory` says so.

    >>> import convcalc
    >>> from convcalc.analysis.memory.liveness import memory_of
    >>> found = least_peak(memory_of(convcalc.load("resnet50"), in_place=True))
    >>> found.peak * 4, found.exact
    (7225344, True)
    """
    operations, tensors = memory.operations, memory.tensors
    order = list(range(len(operations)))
    live: list[int] = []
    levels = [sum(tensors[number].size for number in memory.inputs)]
    for step in steps(memory, listed=False):
        made = tensors[operations[step.operation].writes].size
        live.append(step.live)
        levels.append(levels[-1] + made - sum(tensors[t].size for t in step.frees))
    writers = [-1] * len(tensors)
    for place, operation in enumerate(operations):
        writers[operation.writes] = place
    fixed = _fixed(memory, writers)
    floor = max([live[place] for place in fixed], default=levels[0] if not order else 0)
    pieces = []
    for before, after in zip([-1, *fixed], [*fixed, len(order)], strict=True):
        if after - before > 1:
            pieces.append((max(live[before + 1 : after]), before + 1, after))
    search = _Search(memory, writers, budget)
    peak = floor
    for highest, low, high in sorted(pieces, reverse=True):
        if highest <= floor:
            break
        found = search.piece(low, high, levels[low], floor, highest)
        if found.order:
            order[low:high] = found.order
        floor = max(floor, found.bound)
        peak = max(peak, found.peak)
    return LeastPeak(max(peak, floor), floor, order)


class _Search:
    """The searches of one network, which share a budget of moves."""

    def __init__(self, memory: Memory, writers: list[int], budget: int) -> None:
        self.memory = memory
        self.writers = writers
        self.left = budget

    def piece(self, low: int, high: int, level: int, floor: int, ceiling: int) -> LeastPeak:
        """The least peak of a piece, if it is between a floor and what it is as written.

        The order is empty where the written one is as good.
        """
        piece = Piece(self.memory, self.writers, low, high)
        found, best = self._run(piece, level, floor, ceiling, min(_FIRST, self.left))
        if best:
            return LeastPeak(found, found, best)
        order: list[int] = []
        bound = min(found, ceiling)
        # Two simpler pieces give a higher bound and good orders: often they agree.
        ways: tuple[Literal["last", "never"], ...] = ("last", "never")
        for shared in ways:
            if bound == ceiling or piece.tangled:
                break
            other = Piece(self.memory, self.writers, low, high, shared)
            found, tried = self._run(other, level, floor, 2 * ceiling, self.left // 4)
            if tried and (reached := self._peak(tried, low, high)) < ceiling:
                order, ceiling = tried, reached
            if shared == "last":
                bound = max(bound, min(found, ceiling))
        if bound < ceiling and not piece.tangled:
            elements, works = piece.elements()
            short = narrow_order(elements, level, self.left)
            tried = [place for i in short for place in works[i]]
            if tried and (reached := self._peak(tried, low, high)) < ceiling:
                order, ceiling = tried, reached
            bound = max(bound, min(self._needed(low, high, level), ceiling))
        if bound < ceiling and not piece.tangled:
            found, best = self._run(piece, level, bound, ceiling, self.left)
            if best:
                return LeastPeak(found, found, best)
            bound = found
        return LeastPeak(ceiling, bound, order)

    def _run(
        self, piece: Piece, level: int, floor: int, ceiling: int, budget: int
    ) -> tuple[int, list[int]]:
        elements, works = piece.elements()
        found = least_peak_order(elements, level, floor, ceiling, max(budget, 1000))
        self.left -= found.spent
        return found.bound, [place for i in found.order or () for place in works[i]]

    def _peak(self, order: list[int], low: int, high: int) -> int:
        """What is alive at most while the piece runs in an order."""
        whole = [*range(low), *order]
        ran = steps(self.memory, whole, listed=False)
        return max([step.live for step in islice(ran, low, high)])

    def _needed(self, low: int, high: int, level: int) -> int:
        """What must be alive while some operation runs, whatever the order."""
        tensors, operations = self.memory.tensors, self.memory.operations
        count = high - low
        if count > _MOST_NEEDED:
            return 0
        behind = [0] * count
        ahead = [0] * count
        for place in range(count):
            for read in operations[low + place].reads:
                source = self.writers[read] - low
                if source >= 0:
                    ahead[place] |= ahead[source] | 1 << source
        for place in reversed(range(count)):
            for reader in tensors[operations[low + place].writes].readers:
                if reader < high:
                    behind[place] |= behind[reader - low] | 1 << (reader - low)
        alive = [level] * count
        touched = {read for operation in operations[low:high] for read in operation.reads}
        touched.update([operation.writes for operation in operations[low:high]])
        for number in touched:
            tensor = tensors[number]
            source = self.writers[number] - low
            stays = tensor.kept or bool(tensor.readers and tensor.readers[-1] >= high)
            span = 0
            for reader in tensor.readers:
                if low <= reader < high:
                    span |= ahead[reader - low] | 1 << (reader - low)
            if source >= 0:
                span = behind[source] if stays else span & behind[source]
                for place in _bits(span):
                    alive[place] += tensor.size
            elif not stays:
                for place in _bits(((1 << count) - 1) & ~span):
                    alive[place] -= tensor.size
        for place in range(count):
            operation = operations[low + place]
            sizes = [tensors[number].size for number in operation.reusable]
            saved = sum(sizes) if operation.gathers else max(sizes, default=0)
            alive[place] += tensors[operation.writes].size - saved
        return max(alive)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


def _fixed(memory: Memory, writers: list[int]) -> list[int]:
    """The operations that all others come before or after.

    They are those that are alone in being able to run next, both from the start and, backwards,
    from the end.
    """
    before = [
        {writers[read] for read in operation.reads if writers[read] >= 0}
        for operation in memory.operations
    ]
    after: list[list[int]] = [[] for _ in before]
    for place, sources in enumerate(before):
        for source in sources:
            after[source].append(place)
    forwards = _alone(range(len(before)), [len(s) for s in before], after)
    backwards = _alone(
        range(len(before) - 1, -1, -1), [len(a) for a in after], [list(s) for s in before]
    )
    return sorted(forwards & backwards)


def _alone(order: range, waits: list[int], then: list[list[int]]) -> set[int]:
    """The operations that were alone in being ready when they ran, in this order."""
    ready = sum(1 for count in waits if not count)
    found = set()
    for place in order:
        if ready == 1:
            found.add(place)
        ready -= 1
        for other in then[place]:
            waits[other] -= 1
            ready += not waits[other]
    return found
