"""Sequence alignment of two lists, in time that grows little faster than their lengths.

Nothing here knows what a layer is. Items are compared by keys, whole numbers: the first keys are
the strictest, the next ones are equal for more items. The steps:

1. Pair the common beginning and end of both lists.
2. If the rest is short, find the cheapest alignment by dynamic programming. An insertion, a removal
   and a replacement cost one each; of equally cheap alignments take the one whose replaced items
   differ least.
3. Otherwise follow the furthest-reaching paths (Ukkonen 1985, Myers 1986) for a bounded number of
   edits. This finds the cheapest alignment if it has no more of them.
4. Otherwise divide the lists at keys that occur once on both sides ("patience diff", Cohen), and
   align each part on its own.
5. Otherwise use the next keys. After the last ones, follow the furthest-reaching paths again.

Steps 1, 4 and 5 look at each item a bounded number of times, and steps 2 and 3 do bounded work for
each: no input takes time that grows with the square of its length. All of steps 2 and 3 together do
bounded work; when it is done, the paths are followed for a few edits only, and no tables are made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

Pair = tuple[int, int]

#: Edits after which the furthest-reaching paths stop, and when most work is done.
_MOST_EDITS = 24
_FEW_EDITS = 4
#: Cells of one table of the dynamic programming, and for each item of all tables together.
_MOST_CELLS = 30_000
_CELLS_PER_ITEM = 60
#: Cells of all tables and of all paths together: about a second.
_MOST_WORK = 500_000
#: How deep divisions at unique keys are nested.
_MOST_DIVISIONS = 4
#: What an insertion, a removal or a replacement costs: more than all distances together.
_EDIT = 1 << 32


class Alignment:
    """Pairs of items of two lists, each item in one pair at most, in the order of both lists.

    old, new     the keys of each list, the strictest first
    replaceable  whether an old and a new item may be paired though their keys differ
    distance     how much such a pair differs, from 0 to 1,000
    """

    def __init__(
        self,
        old: Sequence[Sequence[int]],
        new: Sequence[Sequence[int]],
        replaceable: Callable[[int, int], bool],
        distance: Callable[[int, int], int],
    ) -> None:
        self._old = old
        self._new = new
        self._replaceable = replaceable
        self._distance = distance
        cells = _MOST_CELLS + _CELLS_PER_ITEM * (len(old[0]) + len(new[0]))
        self._cells = min(cells, _MOST_WORK)
        self._pairs: list[Pair] = []
        #: Parts that are still to be aligned: their bounds, which keys, divisions around them.
        self._parts: list[tuple[int, int, int, int, int, int]] = []

    def pairs(self) -> list[Pair]:
        """The pairs, in order."""
        self._pairs = []
        self._parts = [(0, len(self._old[0]), 0, len(self._new[0]), 0, 0)]
        while self._parts:
            self._align(*self._parts.pop())
        return sorted(self._pairs)

    def _align(self, a: int, a_end: int, b: int, b_end: int, level: int, divisions: int) -> None:
        """Aligns old[a:a_end] with new[b:b_end], or puts its parts on the list of parts."""
        a, a_end, b, b_end = self._trim(a, a_end, b, b_end, level)
        if a == a_end or b == b_end:
            return
        if self._affordable(a, a_end, b, b_end):
            self._pairs += self._cheapest(a, a_end, b, b_end)
            return
        same, replaced, x, y = self._furthest(a, a_end, b, b_end, level)
        if (x, y) == (a_end, b_end):
            self._between(same, replaced, a, a_end, b, b_end)
            return
        anchors = self._anchors(a, a_end, b, b_end, level) if divisions < _MOST_DIVISIONS else []
        if anchors:
            self._pairs += anchors
            for i, j in [*anchors, (a_end, b_end)]:
                self._parts.append((a, i, b, j, level, divisions + 1))
                a, b = i + 1, j + 1
        elif level + 1 < len(self._old):
            self._parts.append((a, a_end, b, b_end, level + 1, 0))
        else:
            # No step is left: take what the paths found, and follow them from there.
            while (x, y) != (a, b):
                self._between(same, replaced, a, x, b, y)
                a, b = x, y
                if a == a_end or b == b_end:
                    break
                same, replaced, x, y = self._furthest(a, a_end, b, b_end, level)

    def _trim(
        self, a: int, a_end: int, b: int, b_end: int, level: int
    ) -> tuple[int, int, int, int]:
        """Pairs the common beginning and end, and returns the bounds of the rest."""
        old, new = self._old[level], self._new[level]
        while a < a_end and b < b_end and old[a] == new[b]:
            self._pairs.append((a, b))
            a, b = a + 1, b + 1
        while a < a_end and b < b_end and old[a_end - 1] == new[b_end - 1]:
            a_end, b_end = a_end - 1, b_end - 1
            self._pairs.append((a_end, b_end))
        return a, a_end, b, b_end

    def _affordable(self, a: int, a_end: int, b: int, b_end: int) -> bool:
        return (a_end - a) * (b_end - b) <= min(_MOST_CELLS, self._cells)

    def _between(
        self, same: list[Pair], replaced: list[Pair], a: int, a_end: int, b: int, b_end: int
    ) -> None:
        """Takes the pairs with equal keys, and aligns the items between them.

        If these are too many, takes those of the pairs of `replaced`.
        """
        self._pairs += same
        rest = iter(replaced)
        pair = next(rest, None)
        for i, j in [*same, (a_end, b_end)]:
            inside = []
            while pair is not None and pair[0] < i:
                inside.append(pair)
                pair = next(rest, None)
            if a < i and b < j:
                if self._affordable(a, i, b, j):
                    inside = self._cheapest(a, i, b, j)
                self._pairs += inside
            a, b = i + 1, j + 1

    def _anchors(self, a: int, a_end: int, b: int, b_end: int, level: int) -> list[Pair]:
        """The longest run of pairs in the same order whose keys occur once on both sides."""
        old, new = self._old[level], self._new[level]
        places: dict[int, int] = {}
        for i in range(a, a_end):
            places[old[i]] = -1 if old[i] in places else i
        found: dict[int, int] = {}
        for j in range(b, b_end):
            found[new[j]] = -1 if new[j] in found else j
        unique = sorted(
            (i, found[key]) for key, i in places.items() if i >= 0 and found.get(key, -1) >= 0
        )
        # The longest increasing subsequence: `ends` has the smallest end for each length.
        ends: list[int] = []
        chosen: list[int] = []
        before: list[int] = []
        for number, (_, j) in enumerate(unique):
            length = bisect_left(ends, j)
            if length == len(ends):
                ends.append(j)
                chosen.append(number)
            else:
                ends[length] = j
                chosen[length] = number
            before.append(chosen[length - 1] if length else -1)
        rising: list[Pair] = []
        number = chosen[-1] if chosen else -1
        while number >= 0:
            rising.append(unique[number])
            number = before[number]
        return rising[::-1]

    def _furthest(
        self, a: int, a_end: int, b: int, b_end: int, level: int
    ) -> tuple[list[Pair], list[Pair], int, int]:
        """Aligns as much of the beginning of both parts as few edits can.

        Returns the pairs with equal keys, the pairs of replaced items, and where it ends.
        """
        old, new, replaceable = self._old[level], self._new[level], self._replaceable
        target = (a_end - a) - (b_end - b)
        # reached[d][k + d]: the furthest old item that d edits reach on the diagonal
        # k = (old - a) - (new - b).
        reached: list[list[int]] = []
        best = (a + b, 0, 0)
        most_edits = _MOST_EDITS if self._cells > 0 else _FEW_EDITS
        for edits in range(most_edits + 1):
            row = []
            self._cells -= 2 * edits + 1
            for k in range(-edits, edits + 1):
                x = _start(reached, edits, k, a, b, a_end, b_end, replaceable)
                y = x - a - k + b
                while x >= 0 and x < a_end and y < b_end and old[x] == new[y]:
                    x, y = x + 1, y + 1
                row.append(x)
                if x >= 0:
                    best = max(best, (x + y, -edits, k))
            reached.append(row)
            if -edits <= target <= edits and row[target + edits] == a_end:
                best = (a_end + b_end, -edits, target)
                break
        same: list[Pair] = []
        replaced: list[Pair] = []
        edits, k = -best[1], best[2]
        x = end = reached[edits][k + edits]
        end_y = end - a - k + b
        while True:
            start = _start(reached, edits, k, a, b, a_end, b_end, replaceable)
            same += [(i, i - a - k + b) for i in range(x - 1, start - 1, -1)]
            if edits == 0:
                break
            edits -= 1
            x, k, swapped = _origin(reached, edits, k, start)
            if swapped:
                replaced.append((x, x - a - k + b))
        return same[::-1], replaced[::-1], end, end_y

    def _cheapest(self, a: int, a_end: int, b: int, b_end: int) -> list[Pair]:
        """The alignment with the fewest edits, and of these the one with the smallest distances."""
        self._cells -= (a_end - a) * (b_end - b)
        old, new = self._old[0], self._new[0]
        replaceable, distance = self._replaceable, self._distance
        # costs[j]: of aligning the old items so far with the first j new ones.
        costs = [_EDIT * j for j in range(b_end - b + 1)]
        steps: list[bytearray] = []
        for i in range(a, a_end):
            key = old[i]
            diagonal = costs[0]
            left = costs[0] = diagonal + _EDIT
            row = bytearray()
            for j in range(b, b_end):
                above = costs[j - b + 1]
                if above <= left:
                    cost, step = above + _EDIT, _REMOVED
                else:
                    cost, step = left + _EDIT, _INSERTED
                if new[j] == key:
                    paired = diagonal
                elif replaceable(i, j):
                    paired = diagonal + _EDIT + distance(i, j)
                else:
                    paired = cost + 1
                if paired <= cost:
                    cost, step = paired, _PAIRED
                row.append(step)
                diagonal = above
                left = costs[j - b + 1] = cost
            steps.append(row)
        pairs: list[Pair] = []
        i, j = a_end, b_end
        while i > a and j > b:
            step = steps[i - 1 - a][j - 1 - b]
            if step != _INSERTED:
                i -= 1
            if step != _REMOVED:
                j -= 1
            if step == _PAIRED:
                pairs.append((i, j))
        return pairs


_PAIRED, _REMOVED, _INSERTED = range(3)


def _start(
    reached: list[list[int]],
    edits: int,
    k: int,
    a: int,
    b: int,
    a_end: int,
    b_end: int,
    replaceable: Callable[[int, int], bool],
) -> int:
    """The furthest old item on diagonal `k` after the last of `edits`; -1 if there is none."""
    if edits == 0:
        return a
    row = reached[edits - 1]
    middle = k + edits - 1
    best = -1
    # A replacement, a removal, an insertion.
    if 0 <= middle < len(row) and 0 <= row[middle] < a_end:
        x = row[middle]
        y = x - a - k + b
        if y < b_end and replaceable(x, y):
            best = x + 1
    if middle > 0 and 0 <= row[middle - 1] < a_end:
        best = max(best, row[middle - 1] + 1)
    if middle + 1 < len(row) and row[middle + 1] >= 0:
        x = row[middle + 1]
        if x - a - k + b <= b_end:
            best = max(best, x)
    return best


def _origin(reached: list[list[int]], edits: int, k: int, start: int) -> tuple[int, int, bool]:
    """Where the edit began that led to `start` on diagonal `k`; whether it replaced an item."""
    row = reached[edits]
    middle = k + edits
    if 0 <= middle - 1 < len(row) and row[middle - 1] + 1 == start and row[middle - 1] >= 0:
        return start - 1, k - 1, False
    if 0 <= middle + 1 < len(row) and row[middle + 1] == start:
        return start, k + 1, False
    return start - 1, k, True
