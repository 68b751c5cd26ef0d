"""A piece of a network made small: operations whose best order is known become one sequence.

A piece is a graph of parts. A part is an operation, a sequence of operations that are best run in
its order, or the freeing of a tensor that several operations read, which comes after all of them.
Each reduction keeps the least peak, and an order that reaches it:

- A part that is alone before another, which is alone behind it, makes one sequence with it.
- Two parts that wait for the same parts, and that the same parts wait for, do not depend on each
  other: their sequences are merged.
- A freeing that waits for one part only belongs to it.
- Whatever lies between two parts through which all ways in and out lead, and is not reduced by the
  above, becomes one sequence if a walk through few enough of its states finds the one that is best
  whatever runs in between (`convcalc.analysis.memory.states.best_sequence`).

So a series-parallel network is reduced to a single sequence if no operation within a piece reads
what others read as well, and also if such places, each from its fork to its join, have few enough
states. Where one tensor goes to many branches that differ and are long, or that begin with forks of
their own that read it too, a part of the piece is left for the search.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Literal

from convcalc.analysis.memory.liveness import Memory
from convcalc.analysis.memory.regions import Part, regions
from convcalc.analysis.memory.sequences import Segment, Work, appended, merged, operations_of
from convcalc.analysis.memory.states import Element, best_sequence

#: Places that take a visit to more states than this are left to the search over the whole piece.
_MOST_STATES = 3000
#: How many such places are tried before the others are left alone.
_MOST_FAILURES = 4
#: Pieces of more parts than this, after the first reduction, are not reduced further: what comes
#: before what is kept as a bit for each pair.
_MOST_PARTS = 10_000
#: The first so many parts that come after all readers of a tensor are told to wait for its freeing;
#: the freeing runs at once in any case.
_MOST_ENDS = 8


class Piece:
    """The operations from place `low` up to, not including, `high`, of a network.

    Everything before `low` comes before all of them, and everything from `high` on after them.

    writers  the operation that writes each tensor, -1 for the network's inputs
    shared   when a tensor is freed that several of the operations read: after "all" of them, which
             is the truth; after the "last" of them as written, which no order has to wait for
             longer, so that the least peak is a bound; or "never", which makes for good orders
    """

    def __init__(
        self,
        memory: Memory,
        writers: list[int],
        low: int,
        high: int,
        shared: Literal["all", "last", "never"] = "all",
    ) -> None:
        self.parts: dict[int, Part] = {}
        self.merged_into: dict[int, int] = {}
        self.beyond: list[int] = []
        self._freed = shared
        self._shared: dict[int, list[tuple[int, int]]] = {}
        self._read(memory, writers, low, high)
        self._contract_chains()
        self.tangled = len(self.parts) > _MOST_PARTS
        if self.tangled:
            for number, chances in self._shared.items():
                self.parts[number].savings = chances
        else:
            self._order()
            self._settle_savings()
            self._enclose()
            self._reduce(list(self.parts))
            if len(self.parts) > 1:
                self._reduce_regions()

    @property
    def settled(self) -> bool:
        """Whether nothing is left that waits for several parts at once to be freed."""
        return not self.tangled and not any([part.frees for part in self.parts.values()])

    def elements(self) -> tuple[list[Element], list[list[int]]]:
        """What is left, for a search, and the operations of each element."""
        return self._elements(self.parts)

    # The graph as it is.

    def _read(self, memory: Memory, writers: list[int], low: int, high: int) -> None:
        tensors = memory.tensors
        freed: dict[int, int] = {}
        for place in range(low, high):
            operation = memory.operations[place]
            made = tensors[operation.writes]
            hill = made.size
            net = made.size if made.readers or made.kept else 0
            part = self.parts[place] = Part(place, [])
            part.gathers = operation.gathers
            saved = False
            for read in operation.reads:
                tensor = tensors[read]
                if writers[read] >= low:
                    part.before.add(writers[read])
                    self.parts[writers[read]].after.add(place)
                if tensor.kept or tensor.readers[-1] >= high:
                    continue
                alone = bisect_left(tensor.readers, low) == len(tensor.readers) - 1
                if not alone and self._freed != "all":
                    if self._freed == "never" or place < tensor.readers[-1]:
                        continue
                    alone = True
                if alone:
                    net -= tensor.size
                    if read in operation.reusable and (part.gathers or not saved):
                        hill -= tensor.size
                        saved = True
                    continue
                number = freed.setdefault(read, high + len(freed))
                if number not in self.parts:
                    self.parts[number] = Part(
                        number, [Segment(-tensor.size, -tensor.size, None)], frees=True
                    )
                self.parts[number].before.add(place)
                part.after.add(number)
                if read in operation.reusable and (part.gathers or not saved):
                    self._shared.setdefault(place, []).append((number, tensor.size))
            if saved and not part.gathers:
                self._shared.pop(place, None)
            part.segments = [Segment(hill, net, place)]

    def _contract_chains(self) -> None:
        for number in sorted(self.parts):
            part = self.parts.get(number)
            if part is None or part.frees or number in self._shared:
                continue
            while len(part.after) == 1:
                (next_number,) = part.after
                behind = self.parts[next_number]
                if len(behind.before) > 1 or behind.frees or next_number in self._shared:
                    break
                self._absorb(part, behind)
                part.place = next_number

    def _order(self) -> None:
        """Gives each part its place, makes freeings end where they must, drops implied edges."""
        parts = self.parts
        last = {n: max(n, part.place) for n, part in parts.items() if not part.frees}
        freeings = [part for part in parts.values() if part.frees]
        times = {n: (place, 0) for n, place in last.items()}
        times.update({f.number: (max(last[n] for n in f.before), f.number) for f in freeings})
        ordered = sorted(parts.values(), key=lambda part: times[part.number])
        for place, part in enumerate(ordered):
            part.place = place
        behind = self._reach(ordered)
        whole = sum([1 << part.place for part in ordered if not part.frees])
        for freeing in freeings:
            # It runs at once when its readers have: before all that comes after every reader.
            common = whole
            for number in freeing.before:
                common &= behind[parts[number].place]
            while common and len(freeing.after) < _MOST_ENDS:
                first = (common & -common).bit_length() - 1
                freeing.after.add(ordered[first].number)
                ordered[first].before.add(freeing.number)
                common &= ~(behind[first] | 1 << first)
        self.beyond = self._reach(ordered)
        for part in ordered:
            implied = 0
            for number in sorted(part.after, key=lambda n: parts[n].place):
                place = parts[number].place
                if implied >> place & 1:
                    part.after.remove(number)
                    parts[number].before.remove(part.number)
                implied |= self.beyond[place]

    def _reach(self, ordered: list[Part]) -> list[int]:
        """For each place the places that come after it, as bits."""
        behind = [0] * len(ordered)
        for part in reversed(ordered):
            bits = 0
            for number in part.after:
                place = self.parts[number].place
                bits |= behind[place] | 1 << place
            behind[part.place] = bits
        return behind

    def _settle_savings(self) -> None:
        """Whether an operation is the last reader of what it could write over: always, or maybe."""
        for number, chances in self._shared.items():
            part = self.parts[number]
            (segment,) = part.segments
            for freeing, size in chances:
                before = self.parts[freeing].before
                if before == {number}:
                    segment = segment._replace(hill=segment.hill - size)
                    if not part.gathers:
                        part.savings = []
                        break
                elif number in before:
                    part.savings.append((freeing, size))
            part.segments = [segment]

    def _enclose(self) -> None:
        """Gives the piece one part that is before all and one that is after all."""
        first, last = Part(-1, []), Part(-2, [])
        first.place, last.place = len(self.beyond), len(self.beyond) + 1
        for part in self.parts.values():
            if not part.before:
                part.before.add(-1)
                first.after.add(part.number)
            if not part.after:
                part.after.add(-2)
                last.before.add(part.number)
        whole = (1 << len(self.beyond)) - 1
        self.beyond = [bits | 1 << last.place for bits in self.beyond]
        self.beyond += [whole | 1 << last.place, 0]
        self.parts[-1], self.parts[-2] = first, last

    # Reductions.

    def _absorb(self, part: Part, behind: Part) -> None:
        """Makes one sequence of a part and the only one that waits for it."""
        appended(part.segments, behind.segments)
        part.after = behind.after
        for number in behind.after:
            before = self.parts[number].before
            before.remove(behind.number)
            before.add(part.number)
        self._remove(behind, part)

    def _remove(self, part: Part, into: Part) -> None:
        del self.parts[part.number]
        self.merged_into[part.number] = into.number

    def current(self, number: int) -> int:
        """The part that a part has become a piece of."""
        while number in self.merged_into:
            number = self.merged_into[number]
        return number

    def _reduce(self, waiting: list[int]) -> None:
        """Reduces until nothing more can be, beginning with these parts."""
        parts = self.parts
        alike: dict[tuple[frozenset[int], frozenset[int], bool], int] = {}
        while waiting:
            part = parts.get(waiting.pop())
            if part is None:
                continue
            if len(part.before) == 1:
                (number,) = part.before
                ahead = parts[number]
                if part.frees:
                    waiting += self._give_freeing(part, ahead)
                    continue
                if part.plain and ahead.plain and len(ahead.after) == 1:
                    self._absorb(ahead, part)
                    waiting += (*ahead.after, ahead.number)
                    continue
            if len(part.after) == 1 and part.plain:
                (number,) = part.after
                behind = parts[number]
                if behind.plain and len(behind.before) == 1:
                    self._absorb(part, behind)
                    waiting += (*part.after, part.number)
                    continue
            if part.savings:
                continue
            key = (frozenset(part.before), frozenset(part.after), part.frees)
            twin = parts.get(alike.setdefault(key, part.number))
            if twin is None or twin.before != part.before or twin.after != part.after:
                alike[key] = part.number
            elif twin is not part:
                waiting += self._merge_twins(twin, part)

    def _give_freeing(self, freeing: Part, part: Part) -> list[int]:
        """A freeing that waits for one part only happens as the last of its operations ends."""
        last = part.segments.pop()
        for other, size in part.savings:
            if self.current(other) == freeing.number:
                # Certain now: it is the last to read the tensor.
                last = last._replace(hill=last.hill - size)
                part.savings = []
        size = sum([segment.net for segment in freeing.segments])
        appended(part.segments, [last._replace(net=last.net + size)])
        part.after.remove(freeing.number)
        touched = [part.number, *part.after]
        for number in freeing.after:
            behind = self.parts[number]
            behind.before.remove(freeing.number)
            touched.append(number)
            ways = [self.beyond[self.parts[n].place] for n in part.after]
            if number not in part.after and not any([bits >> behind.place & 1 for bits in ways]):
                part.after.add(number)
                behind.before.add(part.number)
        self._remove(freeing, part)
        return touched

    def _merge_twins(self, twin: Part, part: Part) -> list[int]:
        twin.segments = merged(twin.segments, part.segments)
        for number in part.before:
            self.parts[number].after.remove(part.number)
        for number in part.after:
            self.parts[number].before.remove(part.number)
        self._remove(part, twin)
        return [twin.number, *part.before, *part.after]

    def _reduce_regions(self) -> None:
        """Makes one sequence of each place with one way in and one way out, the smallest first."""
        failures = 0
        for start, end in regions(self.parts, self.beyond):
            first, last = self.parts[self.current(start)], self.parts[self.current(end)]
            inside = {} if first is last else self._between(first, last)
            if not inside:
                continue
            if self._order_alike(inside):
                self._reduce(list(inside))
                first, last = self.parts[self.current(start)], self.parts[self.current(end)]
                inside = {} if first is last else self._between(first, last)
                if not inside:
                    continue
            elements, works = self._elements(inside)
            found = best_sequence(elements, _MOST_STATES)
            if not found:
                failures += 1
                if failures > _MOST_FAILURES:
                    return
                continue
            segments: list[Segment] = []
            for hill, net, order in found:
                work: Work = None
                for operation in [place for element in order for place in works[element]]:
                    work = (work, operation)
                appended(segments, [Segment(hill, net, work)])
            self._replace(first, inside, segments, last)
            self._reduce([first.number, *first.after, last.number])
        if self._order_alike(self.parts):
            self._reduce(list(self.parts))

    def _order_alike(self, inside: dict[int, Part]) -> bool:
        """Lets equal branches that read one tensor begin in their written order.

        Any order of them is as good as any other. Returns whether there were any.
        """
        changed = False
        for freeing in [part for part in inside.values() if part.frees]:
            groups: dict[object, list[Part]] = {}
            for number in freeing.before:
                part = self.parts[number]
                groups.setdefault(self._likeness(part, freeing), []).append(part)
            for likeness, group in groups.items():
                if likeness is not None and len(group) > 1:
                    changed = True
                    self._chain(sorted(group, key=lambda part: part.place))
        return changed

    def _likeness(self, part: Part, freeing: Part) -> object:
        """What is equal for parts that could take each other's place; None if there is no other."""
        behind = [self.parts[n] for n in part.after if not self.parts[n].frees]
        frees = frozenset([n for n in part.after if self.parts[n].frees])
        if len(behind) > 1 or any([other.savings or len(other.before) > 1 for other in behind]):
            return None
        if any([self.current(other) != freeing.number for other, _ in part.savings]):
            return None
        rest = [(_shape(other), frozenset(other.after)) for other in behind]
        return (
            _shape(part),
            frozenset(part.before),
            frees,
            tuple(rest),
            tuple([size for _, size in part.savings]),
        )

    def _chain(self, group: list[Part]) -> None:
        """Makes each part wait for the one before it."""
        for part, following in zip(reversed(group[:-1]), reversed(group[1:]), strict=True):
            for number in following.before:
                self.parts[number].after.discard(following.number)
            following.before = {part.number}
            for number in [n for n in part.after if self.parts[n].frees]:
                part.after.remove(number)
                self.parts[number].before.remove(part.number)
            part.savings = []
            part.after.add(following.number)
            self.beyond[part.place] |= self.beyond[following.place] | 1 << following.place

    def _between(self, first: Part, last: Part) -> dict[int, Part]:
        """What lies between two parts; nothing if something outside depends on its middle."""
        inside: dict[int, Part] = {}
        waiting = [number for number in first.after if not self.parts[number].frees]
        while waiting:
            number = waiting.pop()
            if number == last.number or number in inside:
                continue
            part = inside[number] = self.parts[number]
            if part.after <= {-2} and last.number != -2:
                return {}
            waiting += part.after
        around = {first.number, *inside}
        if all([part.before <= around for part in inside.values()]):
            return inside
        return {}

    def _replace(
        self, first: Part, inside: dict[int, Part], segments: list[Segment], last: Part
    ) -> None:
        """Puts one sequence in the place of all that lies between two parts."""
        whole = Part(min(inside), segments)
        whole.place = inside[whole.number].place
        whole.before, whole.after = {first.number}, {last.number}
        first.after = {n for n in first.after if n not in inside} | {whole.number}
        last.before = {n for n in last.before if n not in inside} | {whole.number}
        for part in inside.values():
            self._remove(part, whole)
        del self.merged_into[whole.number]
        self.parts[whole.number] = whole

    def _elements(self, parts: dict[int, Part]) -> tuple[list[Element], list[list[int]]]:
        ends: dict[int, int] = {}
        count = 0
        for number, part in parts.items():
            count += len(part.segments)
            ends[number] = 1 << (count - 1) if part.segments else 0

        def done(numbers: Iterable[int]) -> int:
            bits = 0
            for number in numbers:
                bits |= ends.get(number, 0)
            return bits

        elements: list[Element] = []
        works: list[list[int]] = []
        for part in parts.values():
            needs = done(part.before)
            savings = []
            for freeing, size in part.savings:
                others = self.parts[self.current(freeing)].before - {part.number}
                savings.append((done(others), size))
            for segment in part.segments:
                hill, net, work = segment
                elements.append(
                    Element(needs, hill, net, part.frees, (), tuple(savings), part.gathers)
                )
                works.append(operations_of(work))
                needs = 1 << (len(elements) - 1)
        then: list[list[int]] = [[] for _ in elements]
        for index, element in enumerate(elements):
            needs = element.needs
            while needs:
                then[(needs & -needs).bit_length() - 1].append(index)
                needs &= needs - 1
        return [e._replace(then=tuple(t)) for e, t in zip(elements, then, strict=True)], works


def _shape(part: Part) -> tuple[tuple[int, int], ...]:
    return tuple([(segment.hill, segment.net) for segment in part.segments])
