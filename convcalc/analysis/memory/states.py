"""Search over what has been done: the states between nothing and everything.

A state is a set of elements that contains whatever its elements need, written as the bits of an
integer. An element is an operation, a piece of a sequence that is best run at a stretch, or the
freeing of a tensor that several operations read, which happens by itself once it can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple


class Element(NamedTuple):
    """One element.

    needs    the elements that come before it, as bits
    hill     what is alive at most while it runs, above what was before
    net      what is alive after it, above what was before
    frees    whether it is the freeing of a tensor
    then     the elements that need it
    savings  (others, size) pairs: where the elements `others` have run, a tensor dies here that the
             result may lie in, which saves its size
    gathers  whether savings add up; otherwise one of them is used
    """

    needs: int
    hill: int
    net: int
    frees: bool
    then: tuple[int, ...]
    savings: tuple[tuple[int, int], ...] = ()
    gathers: bool = False


class Move(NamedTuple):
    """One element run in a state, and all the freeing that follows.

    peak   what is alive at most meanwhile
    level  what is alive after it
    ready  what can run next
    run    the element and the freeings
    """

    peak: int
    state: int
    level: int
    ready: tuple[int, ...]
    run: tuple[int, ...]


class Found(NamedTuple):
    """What a search found.

    bound  no order has a lower peak
    order  elements in an order that reaches `bound`; None where the search was given up, or where
           no order stays below the ceiling
    spent  how much work it was, in moves
    """

    bound: int
    order: list[int] | None
    spent: int


def moved(elements: list[Element], state: int, level: int, ready: tuple[int, ...], i: int) -> Move:
    """Runs the element `i`."""
    element = elements[i]
    hill = element.hill
    if element.savings:
        saved = [size for others, size in element.savings if others & ~state == 0]
        if saved:
            hill -= sum(saved) if element.gathers else saved[0]
    peak = level + hill
    state |= 1 << i
    level += element.net
    run = [i]
    now = [other for other in ready if other != i]
    waiting = list(element.then)
    while waiting:
        other = waiting.pop()
        after = elements[other]
        if after.needs & ~state == 0:
            if after.frees:
                state |= 1 << other
                level += after.net
                run.append(other)
                waiting += after.then
            else:
                now.append(other)
    return Move(peak, state, level, tuple(now), tuple(run))


def at_start(elements: list[Element]) -> tuple[int, ...]:
    """What can run first."""
    return tuple([i for i, element in enumerate(elements) if not element.needs])


def least_peak_order(
    elements: list[Element], level: int, floor: int, ceiling: int, budget: int
) -> Found:
    """An order with the least peak, if that is below the ceiling.

    level    what is alive at the start
    floor    a peak that does not matter: orders below it are as good
    ceiling  a peak that is known to be possible
    budget   how many moves to try before giving up; those among many others count for more

    States are visited in the order of the least peak at which they are reached, so the peak of the
    one that is visited never exceeds the least. A move that stays below that peak and leaves no
    more alive than before is therefore always right, and no other is tried beside it: whatever the
    best order is from here, making that move first leaves its later states with at most as much
    alive, since what is alive is submodular in what has been run.
    """
    whole = (1 << len(elements)) - 1
    visited: set[int] = set()
    spent = count = 0
    # Of equal peaks the state with most done comes first: it is nearest the end.
    heap: list[_Entry] = [(floor, 0, 0, _Way(0, level, at_start(elements), (), None))]
    while heap:
        key, done, _, way = heappop(heap)
        if way.state == whole:
            return Found(key, way.elements(), spent)
        if way.state in visited:
            continue
        visited.add(way.state)
        moves: list[Move] = []
        for i in way.ready:
            move = moved(elements, way.state, way.level, way.ready, i)
            spent += 1 + (len(way.ready) >> 5) + (len(elements) >> 9)
            if move.peak <= key and move.level <= way.level:
                moves = [move]
                break
            if move.peak < ceiling and move.state not in visited:
                moves.append(move)
        for move in moves:
            count += 1
            after = _Way(move.state, move.level, move.ready, move.run, way)
            heappush(heap, (max(key, move.peak), done - len(move.run), count, after))
        if spent > budget:
            return Found(key, None, spent)
    return Found(ceiling, None, spent)


def narrow_order(elements: list[Element], level: int, budget: int) -> list[int]:
    """A good order: of all states with as many elements run, only the best few are followed.

    Costs about `budget` moves; nothing where that does not suffice for one state at a time.
    """
    start = _Way(0, level, at_start(elements), (), None)
    followed = [(0, 0, start)]
    best: tuple[int, _Way] | None = None
    whole = (1 << len(elements)) - 1
    width = 32
    left = len(elements)
    while followed:
        offered: dict[int, tuple[int, int, _Way]] = {}
        for peak, _, way in followed:
            for i in way.ready:
                budget -= 1 + (len(way.ready) >> 5) + (len(elements) >> 9)
                move = moved(elements, way.state, way.level, way.ready, i)
                reached = max(peak, move.peak)
                if best is not None and reached >= best[0]:
                    continue
                after = _Way(move.state, move.level, move.ready, move.run, way)
                if move.state == whole:
                    best = (reached, after)
                elif move.state not in offered or reached < offered[move.state][0]:
                    offered[move.state] = (reached, move.level, after)
                if move.peak <= peak and move.level <= way.level:
                    break
        if budget < 0:
            return [] if best is None else best[1].elements()
        left -= 1
        ready = sum([len(way.ready) for _, _, way in followed]) // len(followed) + 1
        width = max(1, min(32, budget // (ready * max(left, 1))))
        followed = sorted(offered.values(), key=lambda found: found[:2])[:width]
    return [] if best is None else best[1].elements()


class _Way:
    """A state, what is alive and what is ready in it, and how it was reached."""

    __slots__ = ("before", "level", "ready", "run", "state")

    def __init__(
        self,
        state: int,
        level: int,
        ready: tuple[int, ...],
        run: tuple[int, ...],
        before: _Way | None,
    ) -> None:
        self.state = state
        self.level = level
        self.ready = ready
        self.run = run
        self.before = before

    def elements(self) -> list[int]:
        """All that was run on the way, in its order."""
        runs = []
        way: _Way | None = self
        while way is not None:
            runs.append(way.run)
            way = way.before
        return [i for run in reversed(runs) for i in run]


_Entry = tuple[int, int, int, _Way]


def best_sequence(elements: list[Element], most_states: int) -> list[tuple[int, int, list[int]]]:
    """An order of all elements that is best whatever else runs in between.

    Returns its segments as (hill, net, elements), or nothing where it takes a visit to more than
    `most_states` states.

    From the start, the lowest climb that leads to less alive than there was is always worth its
    while, so it is taken, to the least that it can reach, again and again; from the end the same
    is true backwards. Between the two lies the least that can be alive.
    """
    walk = _Walk(elements, most_states)
    levels = walk.levels
    first: list[tuple[int, int, list[tuple[int, ...]]]] = []
    second: list[tuple[int, int, list[tuple[int, ...]]]] = []
    low, high = 0, walk.whole
    try:
        while found := walk.descent(low, low, high, walk.onwards):
            peak, runs, lower = found
            first.append((peak - levels[low], levels[lower] - levels[low], runs))
            low = lower
        while found := walk.descent(high, low, high, walk.backwards):
            peak, runs, lower = found
            second.append((peak - levels[lower], levels[high] - levels[lower], runs[::-1]))
            high = lower
        if low != high:
            peak, runs = walk.crossing(low, high)
            first.append((peak - levels[low], levels[high] - levels[low], runs))
    except _TooManyStatesError:
        return []
    return [(h, n, [i for run in runs for i in run]) for h, n, runs in first + second[::-1]]


class _Edge(NamedTuple):
    """From one state to another: the peak meanwhile and what is run."""

    start: int
    end: int
    peak: int
    run: tuple[int, ...]


class _TooManyStatesError(Exception):
    """The walk has visited more states than it may."""


_Edges = Callable[[int], list[_Edge]]


class _Walk:
    """Ways through the states, from the start on and from the end backwards."""

    def __init__(self, elements: list[Element], most_states: int) -> None:
        self.elements = elements
        self.left = most_states
        self.whole = (1 << len(elements)) - 1
        #: What is alive in each state that was seen.
        self.levels = {0: 0, self.whole: sum([element.net for element in elements])}
        self._ready = {0: at_start(elements)}
        # What an element must not be followed by to be the last one: freeings do not count.
        self._behind = [0] * len(elements)
        for i, element in enumerate(elements):
            for other in element.then:
                after = elements[other]
                bits = [1 << j for j in after.then] if after.frees else [1 << other]
                self._behind[i] |= sum(bits)

    def onwards(self, state: int) -> list[_Edge]:
        """The moves from a state."""
        if state not in self._ready:
            ready = [
                i
                for i, element in enumerate(self.elements)
                if not state >> i & 1 and not element.frees and element.needs & ~state == 0
            ]
            self._ready[state] = tuple(ready)
        edges = []
        ready_now = self._ready[state]
        for i in ready_now:
            move = moved(self.elements, state, self.levels[state], ready_now, i)
            self.levels[move.state] = move.level
            self._ready[move.state] = move.ready
            edges.append(_Edge(state, move.state, move.peak, move.run))
        return edges

    def backwards(self, state: int) -> list[_Edge]:
        """The moves that lead to a state, turned round."""
        edges = []
        bits = state
        while bits:
            i = (bits & -bits).bit_length() - 1
            bits &= bits - 1
            element = self.elements[i]
            if element.frees or self._behind[i] & state:
                continue
            freed = [j for j in element.then if self.elements[j].frees and state >> j & 1]
            before = state & ~(1 << i)
            level = self.levels[state] - element.net
            for j in freed:
                before &= ~(1 << j)
                level -= self.elements[j].net
            self.levels[before] = level
            peak = moved(self.elements, before, level, (), i).peak
            edges.append(_Edge(state, before, peak, (i, *freed)))
        return edges

    def descent(
        self, start: int, low: int, high: int, edges: _Edges
    ) -> tuple[int, list[tuple[int, ...]], int] | None:
        """The least peak on a way to less alive, the way, and the least alive that it can reach.

        Between the states `low` and `high`; nothing where there is no such way.
        """
        lowest, enough = start, None
        came: dict[int, _Edge] = {}
        for peak, state in self._by_peak(start, low, high, edges, came):
            if enough is not None and peak > enough:
                break
            if self.levels[state] < self.levels[lowest]:
                lowest = state
                enough = peak if enough is None else enough
        if enough is None:
            return None
        return enough, _runs(came, start, lowest), lowest

    def crossing(self, low: int, high: int) -> tuple[int, list[tuple[int, ...]]]:
        """The least peak on a way from one state to another, and the way."""
        came: dict[int, _Edge] = {}
        for peak, state in self._by_peak(low, low, high, self.onwards, came):
            if state == high:
                return peak, _runs(came, low, high)
        raise ValueError("the end cannot be reached")

    def _by_peak(
        self, start: int, low: int, high: int, edges: _Edges, came: dict[int, _Edge]
    ) -> Iterator[tuple[int, int]]:
        """The states that can be reached, by the least peak of a way there, with that peak.

        States that a move which is always right passes by are left out. Fills `came` with the last
        edge of each way.
        """
        seen: set[int] = set()
        offered: list[_Edge] = []
        heap = [(self.levels[start], start, -1)]
        while heap:
            peak, state, number = heappop(heap)
            if state in seen:
                continue
            seen.add(state)
            if number >= 0:
                came[state] = offered[number]
            yield peak, state
            self.left -= 1
            if self.left < 0:
                raise _TooManyStatesError
            found = [e for e in edges(state) if not low & ~e.end and not e.end & ~high]
            level = self.levels[state]
            right = [e for e in found if e.peak <= peak and self.levels[e.end] <= level]
            for edge in right[:1] or found:
                if edge.end not in seen:
                    heappush(heap, (max(peak, edge.peak), edge.end, len(offered)))
                    offered.append(edge)


def _runs(came: dict[int, _Edge], start: int, state: int) -> list[tuple[int, ...]]:
    """What is run on the way to a state."""
    runs = []
    while state != start:
        runs.append(came[state].run)
        state = came[state].start
    return runs[::-1]
