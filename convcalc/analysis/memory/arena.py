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

from bisect import bisect_left
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
    roots = {number: _root(number, inside) for number in lives}
    blocks: dict[int, _Block] = {}
    for number, (root, _) in roots.items():
        first, last = lives[number]
        block = blocks.get(root, _Block(graph.tensors[root].size, first, last))
        blocks[root] = _Block(block.size, min(first, block.first), max(last, block.last))
    offsets, size = _offsets(blocks)
    allocations = [
        Allocation(
            number, offsets[root] + start, *lives[number], _gathering(number, inside, gathered)
        )
        for number, (root, start) in roots.items()
    ]
    return Arena(size, allocations)


def _root(number: int, inside: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """The tensor whose block a tensor lies in, and its offset there."""
    offset = 0
    while number in inside:
        number, start = inside[number]
        offset += start
    return number, offset


def _gathering(number: int, inside: dict[int, tuple[int, int]], gathered: set[int]) -> int | None:
    """The concatenation that a tensor, or what is written in its place, is a part of."""
    while number in inside:
        if number in gathered:
            return inside[number][0]
        number = inside[number][0]
    return None


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
    gaps: list[tuple[int, int]] = []
    alive: list[tuple[int, int]] = []
    for root in by_time:
        block = blocks[root]
        while alive and alive[0][0] < block.first:
            _, dead = heappop(alive)
            _free(gaps, offsets[dead], offsets[dead] + blocks[dead].size)
        fitting = [
            (end - start, place)
            for place, (start, end) in enumerate(gaps)
            if end - start >= block.size
        ]
        if fitting:
            _, place = min(fitting)
            start, end = gaps.pop(place)
            if end - start > block.size:
                gaps.insert(place, (start + block.size, end))
        else:
            start = gaps.pop()[0] if gaps and gaps[-1][1] == size else size
            size = start + block.size
        offsets[root] = start
        heappush(alive, (block.last, root))
    return offsets, size


def _free(gaps: list[tuple[int, int]], start: int, end: int) -> None:
    """Adds a gap to the free ones, which are in order, and joins it with its neighbours."""
    place = bisect_left(gaps, (start, end))
    if place < len(gaps) and gaps[place][0] == end:
        end = gaps.pop(place)[1]
    if place and gaps[place - 1][1] == start:
        place -= 1
        start = gaps.pop(place)[0]
    gaps.insert(place, (start, end))


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
