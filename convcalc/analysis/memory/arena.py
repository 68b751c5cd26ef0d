"""A static allocation: one block of memory, and the offset of every tensor in it.

Devices without an allocator reserve one block, the arena, and give each tensor a fixed place in it
for as long as it is alive. No arena is smaller than the peak of the live tensors. To find the
smallest is NP-hard; here tensors are placed one by one, each in the tightest gap that is free while
it is alive, by size, by length of life and by time; and by time at the two ends, which is best for
a chain. The smallest result is kept.

Source: Pisarchyk and Lee, Efficient memory management for deep neural net inference,
arXiv:2001.03288 (greedy by size); Wilson et al., Dynamic storage allocation, 1995 (best fit).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from convcalc.analysis.memory.liveness import Memory, steps

#: Pairs of blocks alive at once up to which several rules are tried; more would take too long, and
#: blocks are placed once, in the order of time.
_MOST_PAIRS = 500_000


class Place(NamedTuple):
    """Where a tensor lies, in elements of one sample.

    tensor  its place in `Memory.tensors`
    offset  from the arena's start
    first   the step of the order in which it is alive first
    last    and that in which it is alive last
    within  the tensor of the concatenation that it is made within, or None
    """

    tensor: int
    offset: int
    first: int
    last: int
    within: int | None


class Arena(NamedTuple):
    """An arena's size and what lies where; tensors in the order in which they are alive first."""

    size: int
    places: list[Place]


class _Block(NamedTuple):
    size: int
    first: int
    last: int


def arena(memory: Memory, order: Sequence[int] | None = None) -> Arena:
    """Places every tensor for an order of execution; the written one if none is given.

    Tensors that are written in place of each other, where `memory` says so, share a block. A
    concatenation whose parts are made within it has its block from the first of them on.
    """
    lives: dict[int, tuple[int, int]] = {}
    inside: dict[int, tuple[int, int]] = {}
    gathered: set[int] = set()
    end = max(len(memory.operations) - 1, 0)
    for number in memory.inputs:
        lives[number] = (0, end)
    for time, step in enumerate(steps(memory, order, listed=False)):
        operation = memory.operations[step.operation]
        lives[operation.writes] = (time, end)
        for number in step.frees:
            lives[number] = (lives[number][0], time)
        starts = dict(operation.starts)
        for read in step.in_place:
            inside[read] = (operation.writes, starts.get(read, 0))
        if operation.gathers:
            gathered.update(step.in_place)
    roots = {number: _root(number, inside) for number in lives}
    blocks: dict[int, _Block] = {}
    for number, (root, _) in roots.items():
        first, last = lives[number]
        block = blocks.get(root, _Block(memory.tensors[root].size, first, last))
        blocks[root] = _Block(block.size, min(first, block.first), max(last, block.last))
    offsets, size = _offsets(blocks)
    places = [
        Place(number, offsets[root] + start, *lives[number], _holder(number, inside, gathered))
        for number, (root, start) in roots.items()
    ]
    return Arena(size, places)


def _root(number: int, inside: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """The tensor whose block a tensor lies in, and where in it."""
    offset = 0
    while number in inside:
        number, start = inside[number]
        offset += start
    return number, offset


def _holder(number: int, inside: dict[int, tuple[int, int]], gathered: set[int]) -> int | None:
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
        return _placed_in_turn(by_time, blocks)
    met: dict[int, list[int]] = {root: [] for root in blocks}
    alive: list[int] = []
    for root in by_time:
        alive = [other for other in alive if blocks[other].last >= blocks[root].first]
        for other in alive:
            met[root].append(other)
            met[other].append(root)
        alive.append(root)
    by_size = sorted(blocks, key=lambda r: (-blocks[r].size, blocks[r].first))
    by_life = sorted(
        blocks, key=lambda r: (blocks[r].first - blocks[r].last, -blocks[r].size, blocks[r].first)
    )
    tried = [_placed(rule, blocks, met) for rule in (by_size, by_life, by_time)]
    tried.append(_placed_at_ends(by_time, blocks, met))
    return min(tried, key=lambda found: found[1])


def _pairs(by_time: list[int], blocks: dict[int, _Block]) -> int:
    """How many pairs of blocks are alive at once."""
    lasts = sorted([block.last for block in blocks.values()])
    return sum(
        [place - bisect_left(lasts, blocks[root].first) for place, root in enumerate(by_time)]
    )


def _placed_in_turn(by_time: list[int], blocks: dict[int, _Block]) -> tuple[dict[int, int], int]:
    """Places blocks as they come alive, each in the tightest gap that the dead have left."""
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
    """Adds a gap to those that are free, in their order, and joins it with its neighbours."""
    place = bisect_left(gaps, (start, end))
    if place < len(gaps) and gaps[place][0] == end:
        end = gaps.pop(place)[1]
    if place and gaps[place - 1][1] == start:
        place -= 1
        start = gaps.pop(place)[0]
    gaps.insert(place, (start, end))


def _placed(
    order: list[int], blocks: dict[int, _Block], met: dict[int, list[int]]
) -> tuple[dict[int, int], int]:
    """Places blocks one by one, each in the tightest gap, or on top."""
    offsets: dict[int, int] = {}
    size = 0
    for root in order:
        needed = blocks[root].size
        taken = sorted(
            [(offsets[o], offsets[o] + blocks[o].size) for o in met[root] if o in offsets]
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


def _placed_at_ends(
    order: list[int], blocks: dict[int, _Block], met: dict[int, list[int]]
) -> tuple[dict[int, int], int]:
    """Places blocks in the order of time, at the low end where it is free, or else high up.

    A chain's tensors, of which two are alive at once, then lie at the two ends of an arena that is
    as large as the peak.
    """
    height = 0
    for root in order:
        there = [o for o in met[root] if blocks[o].first <= blocks[root].first]
        height = max(height, blocks[root].size + sum([blocks[o].size for o in there]))
    offsets: dict[int, int] = {}
    size = 0
    for root in order:
        needed = blocks[root].size
        placed = [other for other in met[root] if other in offsets]
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
