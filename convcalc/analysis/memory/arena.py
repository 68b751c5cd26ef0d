"""A static allocation: one block of memory, and the offset of every tensor in it.

Devices without an allocator reserve one block of memory, the arena, and give each tensor a fixed
offset in it. No arena is smaller than the peak of the live tensors. To find the smallest is
NP-hard. Here tensors are placed one by one, each in the tightest gap that is free while it is
alive: by size, by length of life, and by time; and by time at the two ends, which suits a chain.
The smallest of the four arenas is kept.

Source: Pisarchyk and Lee, Efficient memory management for deep neural net inference,
arXiv:2001.03288 (greedy by size); Wilson et al., Dynamic storage allocation, 1995 (best fit).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from convcalc.analysis.memory.liveness import TensorGraph, live_sets

#: Pairs of blocks alive at once up to which all rules are tried. With more of them that takes too
#: long, and blocks are placed once, in the order of time.
_MOST_PAIRS = 500_000


class Allocation(NamedTuple):
    """Where a tensor lies, in elements of one sample.

    tensor  its number
    offset  from the arena's start
    first   the first step of the order in which it is alive
    last    and the last one
    within  the tensor of the concatenation that it is a part of, if it is made within that
    """

    tensor: int
    offset: int
    first: int
    last: int
    within: int | None


class Arena(NamedTuple):
    """The size of an arena, and what lies where; the tensors in the order of their first steps."""

    size: int
    allocations: list[Allocation]


class _Block(NamedTuple):
    """Memory for one tensor, and for those that lie in it, from a first step to a last one."""

    size: int
    first: int
    last: int


def allocate(graph: TensorGraph, order: Sequence[int] | None = None) -> Arena:
    """Places every tensor for an order of execution; for the written one if none is given.

    Tensors that are written in place of each other, where the graph says so, share a block. A
    concatenation whose parts are made within it has its block from the first of them on.
    """
    lives: dict[int, tuple[int, int]] = {}
    inside: dict[int, tuple[int, int]] = {}
    gathered: set[int] = set()
    end = max(len(graph.operations) - 1, 0)
    for number in graph.inputs:
        lives[number] = (0, end)
    for step, live_set in enumerate(live_sets(graph, order, listed=False)):
        operation = graph.operations[live_set.operation]
        lives[operation.writes] = (step, end)
        for number in live_set.frees:
            lives[number] = (lives[number][0], step)
        starts = dict(operation.starts)
        for reused in live_set.in_place:
            inside[reused] = (operation.writes, starts.get(reused, 0))
        if operation.gathers:
            gathered.update(live_set.in_place)
    # By tensor, the one whose block it lies in, its offset there, and the concatenation's tensor
    # that it is a part of. A tensor lies in one that is written later: the last ones come first.
    places: dict[int, tuple[int, int, int | None]] = {}
    for number in reversed(lives):
        places[number] = (number, 0, None)
        if number in inside:
            outer, start = inside[number]
            root, offset, within = places[outer]
            places[number] = (root, offset + start, outer if number in gathered else within)
    blocks: dict[int, _Block] = {}
    for number, (first, last) in lives.items():
        root = places[number][0]
        block = blocks.get(root, _Block(graph.tensors[root].size, first, last))
        blocks[root] = _Block(block.size, min(first, block.first), max(last, block.last))
    offsets, size = _offsets(blocks)
    allocations = []
    for number, (first, last) in lives.items():
        root, start, within = places[number]
        allocations.append(Allocation(number, offsets[root] + start, first, last, within))
    return Arena(size, allocations)


def _offsets(blocks: dict[int, _Block]) -> tuple[dict[int, int], int]:
    """An offset for each block, and the size of the arena."""
    by_time = sorted(blocks, key=lambda r: (blocks[r].first, -blocks[r].size))
    if _pairs(by_time, blocks) > _MOST_PAIRS:
        return _online_best_fit(by_time, blocks)
    beside: dict[int, list[int]] = {root: [] for root in blocks}
    alive: list[int] = []
    for root in by_time:
        alive = [other for other in alive if blocks[other].last >= blocks[root].first]
        for other in alive:
            beside[root].append(other)
            beside[other].append(root)
        alive.append(root)
    by_size = sorted(blocks, key=lambda r: (-blocks[r].size, blocks[r].first))
    by_life = sorted(
        blocks, key=lambda r: (blocks[r].first - blocks[r].last, -blocks[r].size, blocks[r].first)
    )
    tried = [_best_fit(rule, blocks, beside) for rule in (by_size, by_life, by_time)]
    tried.append(_at_ends(by_time, blocks, beside))
    return min(tried, key=lambda found: found[1])


def _pairs(by_time: list[int], blocks: dict[int, _Block]) -> int:
    """How many pairs of blocks are alive at once."""
    lasts = sorted([block.last for block in blocks.values()])
    return sum(
        [place - bisect_left(lasts, blocks[root].first) for place, root in enumerate(by_time)]
    )


def _online_best_fit(by_time: list[int], blocks: dict[int, _Block]) -> tuple[dict[int, int], int]:
    """Places blocks as they come alive, each in the tightest gap between those alive then."""
    offsets: dict[int, int] = {}
    size = 0
    gaps = _Gaps()
    alive: list[tuple[int, int]] = []
    for root in by_time:
        block = blocks[root]
        while alive and alive[0][0] < block.first:
            _, dead = heappop(alive)
            gaps.free(offsets[dead], offsets[dead] + blocks[dead].size)
        start = gaps.take(block.size)
        if start is None:
            start = gaps.take_last(size)
            size = start + block.size
        offsets[root] = start
        heappush(alive, (block.last, root))
    return offsets, size


class _Gaps:
    """The free places between blocks, in the order of their starts and in that of their sizes."""

    def __init__(self) -> None:
        self._by_start: list[tuple[int, int]] = []
        self._by_size: list[tuple[int, int]] = []

    def free(self, start: int, end: int) -> None:
        """Adds a gap, joined with its neighbours."""
        place = bisect_left(self._by_start, (start, end))
        if place < len(self._by_start) and self._by_start[place][0] == end:
            end = self._remove(place)[1]
        if place and self._by_start[place - 1][1] == start:
            start = self._remove(place - 1)[0]
        self._add(start, end)

    def take(self, size: int) -> int | None:
        """Where the tightest gap of at least this size starts, which is filled from there."""
        tightest = bisect_left(self._by_size, (size, -1))
        if tightest == len(self._by_size):
            return None
        length, start = self._by_size[tightest]
        self._remove(bisect_left(self._by_start, (start, start + length)))
        if length > size:
            self._add(start + size, start + length)
        return start

    def take_last(self, end: int) -> int:
        """Where the gap before `end` starts, which is taken whole; `end` if there is none."""
        if self._by_start and self._by_start[-1][1] == end:
            return self._remove(len(self._by_start) - 1)[0]
        return end

    def _add(self, start: int, end: int) -> None:
        insort(self._by_start, (start, end))
        insort(self._by_size, (end - start, start))

    def _remove(self, place: int) -> tuple[int, int]:
        start, end = self._by_start.pop(place)
        self._by_size.pop(bisect_left(self._by_size, (end - start, start)))
        return start, end


def _best_fit(
    order: list[int], blocks: dict[int, _Block], beside: dict[int, list[int]]
) -> tuple[dict[int, int], int]:
    """Places blocks one by one, each in the tightest gap, or behind all others alive with it."""
    offsets: dict[int, int] = {}
    size = 0
    for root in order:
        needed = blocks[root].size
        taken = sorted(
            [(offsets[o], offsets[o] + blocks[o].size) for o in beside[root] if o in offsets]
        )
        top = 0
        best: tuple[int, int] | None = None
        for start, end in taken:
            gap = start - top
            if gap >= needed and (best is None or gap < best[0]):
                best = (gap, top)
            top = max(top, end)
        offsets[root] = top if best is None else best[1]
        size = max(size, offsets[root] + needed)
    return offsets, size


def _at_ends(
    order: list[int], blocks: dict[int, _Block], beside: dict[int, list[int]]
) -> tuple[dict[int, int], int]:
    """Places blocks in the order of time, at the low end if it is free, or else as high as fits.

    The tensors of a chain, of which two are alive at once, then lie at the two ends of an arena
    that is as large as the peak.
    """
    height = 0
    for root in order:
        there = [o for o in beside[root] if blocks[o].first <= blocks[root].first]
        height = max(height, blocks[root].size + sum([blocks[o].size for o in there]))
    offsets: dict[int, int] = {}
    size = 0
    for root in order:
        needed = blocks[root].size
        placed = [other for other in beside[root] if other in offsets]
        taken = sorted([(offsets[other], offsets[other] + blocks[other].size) for other in placed])
        top = 0
        gaps = []
        for start, end in [*taken, (height, height)]:
            if start - top >= needed:
                gaps.append((top, start - needed))
            top = max(top, end)
        if not gaps:
            offsets[root] = max([end for _, end in taken], default=0)
        else:
            offsets[root] = 0 if gaps[0][0] == 0 else gaps[-1][1]
        size = max(size, offsets[root] + needed)
    return offsets, size
