"""Finds an order of operations with the least peak, by a search from both ends.

A state is a set of operations that have run, written as the bits of an integer. A search visits
states in the order of the least peak at which they can be reached, as Dijkstra's algorithm visits
nodes in the order of distance. One search starts where nothing has run, another, backwards, where
everything has. They take turns, each profits from the peak that the other has proven, and the first
to arrive at the other end has the answer. Forwards, branches that end with less alive than they
begin with are done early; backwards, those that end with more.

Most moves need no alternative. Let f(S) be what is alive after the operations S. It is submodular:
f(A | B) + f(A & B) <= f(A) + f(B). Let x be an operation that can run after S, with no more alive
meanwhile than is needed anyway, and f(S + x) <= f(S). Then x can run at once. In any other order,
move x forward to this point: each state T in between becomes T + x, and f(T + x) <= f(T). Nor is
more alive while another operation y runs: that is f(T) + h(T), where h is the size of y's result
less the tensors that it is written over, which only grow the more has run. Backwards, x moves to
the end, T becomes T - x, and what is alive while y runs is f(T + y) + g(T), where g is the size of
the tensors that die with y less those that it is written over. That only grows with T.

Effort is counted in moves within a small segment; what limits it limits time and memory. In a large
one a move takes more: a state has a bit for each operation of the segment, and a move looks at the
tensors that its operation reads and at the operations that read its result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import NamedTuple

from convcalc.analysis.memory.liveness import TensorGraph

#: Effort after which it is the other search's turn.
_TURN = 500
#: So many operations in a segment, and tensors read or readers of a result, are one move more.
_OPERATIONS_A_MOVE = 4_000
_TENSORS_A_MOVE = 16
#: States that `_beam_search` keeps.
_BEAM = 8


class Found(NamedTuple):
    """What a search found.

    peak    the least peak of any order that was found
    bound   no order has a lower peak
    order   an order with the peak `peak`; None if that is the ceiling, the peak of the known order
    effort  what the search took
    """

    peak: int
    bound: int
    order: list[int] | None
    effort: int


class Segment:
    """The operations from `low` up to, not including, `high`, numbered from 0.

    All operations before `low` must run before all of these, and those from `high` on after them.

    count   how many operations there are
    before  by operation, the operations whose results it reads
    after   by operation, the operations that read its result
    effort  by operation, what a move of it takes
    """

    def __init__(self, graph: TensorGraph, writers: list[int], low: int, high: int) -> None:
        tensors = graph.tensors
        self.count = high - low
        self.before: list[list[int]] = [[] for _ in range(self.count)]
        self.after: list[list[int]] = [[] for _ in range(self.count)]
        # By operation: the size of its result, how much of that stays alive, the tensors that may
        # die with it as (other readers, size, reusable), and whether it reuses all or one of them.
        self._effects: list[tuple[int, int, list[tuple[int, int, bool]], bool]] = []
        readers_of: dict[int, int] = {}
        for number, operation in enumerate(graph.operations[low:high]):
            mortal = []
            for read in operation.reads:
                tensor = tensors[read]
                writer = writers[read] - low
                if writer >= 0:
                    self.before[number].append(writer)
                    self.after[writer].append(number)
                if not tensor.result and tensor.readers[-1] < high:
                    if read not in readers_of:
                        inside = [reader - low for reader in tensor.readers if reader >= low]
                        readers_of[read] = _bits(inside)
                    others = readers_of[read] ^ 1 << number
                    mortal.append((others, tensor.size, read in operation.reusable))
            made = tensors[operation.writes]
            stays = made.size if made.readers or made.result else 0
            self._effects.append((made.size, stays, mortal, operation.gathers))
        self.effort = [
            (1 + self.count // _OPERATIONS_A_MOVE)
            * (1 + (len(effect[2]) + len(readers)) // _TENSORS_A_MOVE)
            for effect, readers in zip(self._effects, self.after, strict=True)
        ]

    def effect(self, waiting: int, operation: int) -> tuple[int, int]:
        """The elements that an operation adds to what is alive: while it runs, and after it.

        waiting  the operations that have not run, as bits; itself included or not
        """
        size, stays, mortal, gathers = self._effects[operation]
        dies = saved = 0
        for others, tensor_size, reusable in mortal:
            if not others & waiting:
                dies += tensor_size
                if reusable:
                    saved = saved + tensor_size if gathers else tensor_size
        return size - saved, stays - dies


def least_peak_order(
    segment: Segment, start: int, end: int, floor: int, ceiling: int, budget: int
) -> Found:
    """An order with the least peak, or the best order found if the search is given up.

    start    what is alive before the segment
    end      what is alive after it
    floor    a peak that the network has anyway; lower ones are no better
    ceiling  the peak of a known order
    budget   the effort after which the search is given up
    """
    searches = (
        _Search(_Direction(segment, backwards=False, budget=budget), start, floor, ceiling),
        _Search(_Direction(segment, backwards=True, budget=budget), end, floor, ceiling),
    )
    bound = floor
    effort = sum([each.effort for each in searches])
    while effort <= budget:
        for search in searches:
            bound = search.advance(bound)
            effort = sum([each.effort for each in searches])
            if search.finished:
                return Found(bound, bound, search.order, effort)
    peak, order = _beam_search(segment, start, ceiling, budget)
    return Found(peak, bound, order, effort)


def _beam_search(
    segment: Segment, start: int, ceiling: int, budget: int
) -> tuple[int, list[int] | None]:
    """A good order and its peak: keeps the best few of the states with each number of operations.

    Returns the ceiling and None if it finds no lower peak with an effort of `budget`.
    """
    forwards = _Direction(segment, backwards=False, budget=budget)
    kept = [(0, forwards.first(start))]
    for _ in range(segment.count):
        offered: list[tuple[int, int, _State, _Move]] = []
        for highest, state in kept:
            for operation in state.ready:
                if forwards.effort > budget:
                    return ceiling, None
                move = forwards.move(state.left, state.level, operation)
                peak = max(move.peak, highest)
                if peak < ceiling:
                    offered.append((peak, move.level, state, move))
        if not offered:
            return ceiling, None
        offered.sort(key=lambda offer: offer[:2])
        # Only the best are looked up by their bits: integers that differ in one bit have 61 hashes.
        best: dict[int, tuple[int, _State]] = {}
        for peak, _, state, move in offered:
            left = state.left ^ 1 << move.operation
            if left not in best:
                best[left] = peak, forwards.after(state, move)
                if len(best) == _BEAM:
                    break
        kept = list(best.values())
    peak, state = kept[0]
    return peak, state.path()


class _State:
    """A state and how it was reached.

    left    the operations that the search has not passed yet, as bits
    level   what is alive
    origin  the state before it, None for the first
    run     the operations that led here from there
    ready   the operations that can be next
    """

    __slots__ = ("left", "level", "origin", "ready", "run")

    def __init__(self, left: int, level: int, origin: _State | None, run: list[int]) -> None:
        self.left = left
        self.level = level
        self.origin = origin
        self.run = run
        self.ready: list[int] = []

    def path(self) -> list[int]:
        """The operations that led here, in their order."""
        runs = []
        state: _State | None = self
        while state is not None:
            runs.append(state.run)
            state = state.origin
        return [operation for run in reversed(runs) for operation in run]


class _Move(NamedTuple):
    """One operation that can be next in a state.

    peak   what is alive while it runs
    level  what is alive behind it, in the direction of the search
    """

    operation: int
    peak: int
    level: int


class _Direction:
    """The moves through the states of a segment, forwards or backwards.

    effort  what all moves took until now
    """

    def __init__(self, segment: Segment, *, backwards: bool, budget: int) -> None:
        self.backwards = backwards
        self.effort = 0
        self._budget = budget
        self._whole = (1 << segment.count) - 1
        self._effect = segment.effect
        self._effort = segment.effort
        behind, ahead = segment.before, segment.after
        if backwards:
            behind, ahead = ahead, behind
        self._waits_for = [_bits(operations) for operations in behind]
        self._ahead = ahead

    def first(self, level: int) -> _State:
        """The state at this end; `level` elements are alive in it."""
        state = _State(self._whole, level, None, [])
        state.ready = [i for i, others in enumerate(self._waits_for) if not others]
        return state

    def after(self, state: _State, move: _Move) -> _State:
        """The state after a move."""
        left = state.left ^ 1 << move.operation
        after = _State(left, move.level, state, [move.operation])
        after.ready = state.ready.copy()
        after.ready.remove(move.operation)
        after.ready += self._enabled(left, move.operation)
        return after

    def move(self, left: int, level: int, operation: int) -> _Move:
        """The move that runs an operation; `left` are those not passed yet, itself included."""
        self.effort += self._effort[operation]
        if not self.backwards:
            rise, change = self._effect(left, operation)
            return _Move(operation, level + rise, level + change)
        # Backwards, the operations that have not run are those that the search has passed.
        rise, change = self._effect(self._whole ^ left, operation)
        return _Move(operation, level - change + rise, level - change)

    def settle(self, state: _State, bound: int) -> list[_Move]:
        """Makes the moves that need no alternative, changing the state; returns the others.

        Once the budget is spent, it makes none.
        """
        others: list[_Move] = []
        ready = deque(state.ready)
        while ready:
            move = self.move(state.left, state.level, ready.popleft())
            if (
                move.peak <= bound
                and self.effort <= self._budget
                and self._descend(state, move, bound, ready)
            ):
                ready += [other.operation for other in others]
                others.clear()
            else:
                others.append(move)
        state.ready = [move.operation for move in others]
        return others

    def _descend(self, state: _State, move: _Move, bound: int, ready: deque[int]) -> bool:
        """Makes a move if it leaves no more alive, or if the operations that it enables do.

        Follows them while each enables exactly one, and no more than `bound` is alive. Returns
        whether it has changed the state.
        """
        left = state.left ^ 1 << move.operation
        run = [move.operation]
        enabled = self._enabled(left, move.operation)
        while move.level > state.level:
            if len(enabled) != 1:
                return False
            move = self.move(left, move.level, enabled[0])
            if move.peak > bound:
                return False
            left ^= 1 << move.operation
            run.append(move.operation)
            enabled = self._enabled(left, move.operation)
        state.left, state.level = left, move.level
        state.run += run
        ready += enabled
        return True

    def _enabled(self, left: int, last: int) -> list[int]:
        """The operations that waited for the last one only."""
        return [i for i in self._ahead[last] if not self._waits_for[i] & left]


class _Search:
    """A search from one end.

    finished  whether the bound is the least peak
    order     an order with this peak; None if it is the ceiling
    """

    def __init__(self, direction: _Direction, level: int, floor: int, ceiling: int) -> None:
        self.finished = False
        self.order: list[int] | None = None
        self._direction = direction
        self._ceiling = ceiling
        self._seen: set[int] = set()
        # The moves to try, by the peak up to there. Of equal ones the move with the fewest
        # operations left comes first: it is nearest the other end.
        self._heap: list[tuple[int, int, int, _State, _Move]] = []
        self._pushed = 0
        self._visit(direction.first(level), floor)

    @property
    def effort(self) -> int:
        """What it has taken until now."""
        return self._direction.effort

    def advance(self, bound: int) -> int:
        """Searches for a turn; `bound` is a peak that no order goes below. Returns a higher one."""
        limit = self.effort + _TURN
        while self._heap and not self.finished and self.effort < limit:
            peak, _, _, state, move = heappop(self._heap)
            bound = max(bound, peak)
            if state.left ^ 1 << move.operation not in self._seen:
                self._visit(self._direction.after(state, move), bound)
        if not self._heap and not self.finished:
            self.finished = True
            return self._ceiling
        return bound

    def _visit(self, state: _State, bound: int) -> None:
        """Makes the moves that need no alternative, and notes the others to try them later."""
        self._seen.add(state.left)
        moves = self._direction.settle(state, bound)
        self._seen.add(state.left)
        if not state.left:
            self.finished = True
            self.order = state.path()[:: -1 if self._direction.backwards else 1]
            return
        count = state.left.bit_count()
        for move in moves:
            if move.peak < self._ceiling:
                self._pushed += 1
                peak = max(bound, move.peak)
                heappush(self._heap, (peak, count, self._pushed, state, move))


def _bits(numbers: Iterable[int]) -> int:
    found = 0
    for number in numbers:
        found |= 1 << number
    return found
