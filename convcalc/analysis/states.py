"""Search over what has been done: the states between nothing and everything.

A state is a set of elements that contains whatever its elements need, written as the bits of an
integer. An element is an operation, a piece of a sequence that is best run at a stretch, or the
freeing of a tensor that several operations read, which happens by itself once it can.
"""

from __future__ import annotations

from collections.abc import Iterator
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


class _Edge(NamedTuple):
    """From one state to another: the peak meanwhile and what is run."""

    start: int
    end: int
    peak: int
    run: tuple[int, ...]


def best_sequence(elements: list[Element], most_states: int) -> list[tuple[int, int, list[int]]]:
    """An order of all elements that is best whatever else runs in between.

    Returns its segments as (hill, net, elements), or nothing where there are more than
    `most_states` states.

    From the start, the lowest climb that leads to less alive than there was is always worth its
    while, so it is taken, to the least that it can reach, again and again; from the end the same
    is true backwards. Between the two lies the least that can be alive.
    """
    levels, edges = _state_graph(elements, most_states)
    if not levels:
        return []
    forwards: dict[int, list[_Edge]] = {state: [] for state in levels}
    backwards: dict[int, list[_Edge]] = {state: [] for state in levels}
    for edge in edges:
        forwards[edge.start].append(edge)
        backwards[edge.end].append(_Edge(edge.end, edge.start, edge.peak, edge.run))
    whole = (1 << len(elements)) - 1
    first, second = [], []
    low, high = 0, whole
    while found := _descent(forwards, levels, low, 0):
        peak, runs, lower = found
        first.append((peak - levels[low], levels[lower] - levels[low], runs))
        low = lower
    while found := _descent(backwards, levels, high, low):
        peak, runs, lower = found
        runs = runs[::-1]
        second.append((peak - levels[lower], levels[high] - levels[lower], runs))
        high = lower
    if low != high:
        peak, runs = _crossing(forwards, levels, low, high)
        first.append((peak - levels[low], levels[high] - levels[low], runs))
    return [(h, n, [i for run in runs for i in run]) for h, n, runs in first + second[::-1]]


def _state_graph(elements: list[Element], most: int) -> tuple[dict[int, int], list[_Edge]]:
    """What is alive in each state, and all moves; nothing where there are more than `most`."""
    levels = {0: 0}
    edges: list[_Edge] = []
    waiting = [(0, at_start(elements))]
    while waiting:
        state, ready = waiting.pop()
        for i in ready:
            move = moved(elements, state, levels[state], ready, i)
            edges.append(_Edge(state, move.state, move.peak, move.run))
            if move.state not in levels:
                levels[move.state] = move.level
                waiting.append((move.state, move.ready))
        if len(levels) > most:
            return {}, []
    return levels, edges


def _descent(
    graph: dict[int, list[_Edge]], levels: dict[int, int], start: int, within: int
) -> tuple[int, list[tuple[int, ...]], int] | None:
    """The least peak on a way to less alive, the way, and the least alive that it can reach.

    Only states that hold all of `within` count. Nothing where there is no such way.
    """
    lowest, enough = start, None
    came: dict[int, _Edge] = {}
    for peak, state in _by_peak(graph, levels, start, came):
        if enough is not None and peak > enough:
            break
        if state & within == within and levels[state] < levels[lowest]:
            lowest = state
            enough = peak if enough is None else enough
    if enough is None:
        return None
    return enough, _runs(came, start, lowest), lowest


def _crossing(
    graph: dict[int, list[_Edge]], levels: dict[int, int], start: int, end: int
) -> tuple[int, list[tuple[int, ...]]]:
    """The least peak on a way from one state to another, and the way."""
    came: dict[int, _Edge] = {}
    for peak, state in _by_peak(graph, levels, start, came):
        if state == end:
            return peak, _runs(came, start, end)
    raise ValueError("the end cannot be reached")


def _by_peak(
    graph: dict[int, list[_Edge]], levels: dict[int, int], start: int, came: dict[int, _Edge]
) -> Iterator[tuple[int, int]]:
    """The states that can be reached, by the least peak of a way there, with that peak.

    Fills `came` with the last edge of each way.
    """
    seen: set[int] = set()
    offered: list[_Edge] = []
    heap = [(levels[start], start, -1)]
    while heap:
        peak, state, number = heappop(heap)
        if state in seen:
            continue
        seen.add(state)
        if number >= 0:
            came[state] = offered[number]
        yield peak, state
        for edge in graph[state]:
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
