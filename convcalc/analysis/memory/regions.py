"""The parts of a piece, and the places among them with one way in and one way out."""

from __future__ import annotations

from convcalc.analysis.memory.sequences import Segment


class Part:
    """A node of the graph.

    place      where it stands in the order that `Piece.beyond` is about
    before     the parts it waits for, without those that come before others of them
    after      the parts that wait for it
    frees      whether it is the freeing of a tensor
    savings    (freeing, size) pairs: tensors that its result may lie in if it is the last before
               the freeing
    gathers    whether savings add up
    """

    __slots__ = ("after", "before", "frees", "gathers", "number", "place", "savings", "segments")

    def __init__(self, number: int, segments: list[Segment], frees: bool = False) -> None:
        self.number = number
        self.segments = segments
        self.frees = frees
        self.place = 0
        self.before: set[int] = set()
        self.after: set[int] = set()
        self.savings: list[tuple[int, int]] = []
        self.gathers = False

    @property
    def plain(self) -> bool:
        """Whether it is a sequence like any other."""
        return not self.frees and not self.savings


def regions(parts: dict[int, Part], beyond: list[int]) -> list[tuple[int, int]]:
    """Pairs of parts through which all ways in and out of what lies between lead.

    Freeings are looked through: that of a tensor which the first part reads as well as others
    outside leads away from the place, but nothing within depends on it.
    """
    links = _links(parts, beyond)
    ordered = _topological(links)
    places = {number: place for place, number in enumerate(ordered)}
    size = len(ordered) - 1
    sources: list[list[int]] = [[] for _ in ordered]
    for number, after in links.items():
        for other in after:
            sources[places[other]].append(places[number])
    entries = _dominators(sources)
    targets = [[size - places[other] for other in links[number]] for number in ordered]
    exits = _dominators(targets[::-1])
    found = []
    for start in range(size):
        end = size - exits[size - start]
        if entries[end] == start and len(links[ordered[start]]) > 1 and end - start < size:
            found.append((end - start, ordered[start], ordered[end]))
    return [(start, end) for _, start, end in sorted(found)]


def _links(parts: dict[int, Part], beyond: list[int]) -> dict[int, list[int]]:
    """The parts behind each part, freeings left out, without those behind others of them."""
    links: dict[int, list[int]] = {}
    for number, part in parts.items():
        if part.frees:
            continue
        after = set(part.after)
        for behind in part.after:
            if parts[behind].frees:
                after.remove(behind)
                after |= parts[behind].after
        kept = []
        implied = 0
        for other in sorted(after, key=lambda n: (parts[n].place, n)):
            place = parts[other].place
            if not implied >> place & 1:
                kept.append(other)
            implied |= beyond[place]
        links[number] = kept
    return links


def _topological(links: dict[int, list[int]]) -> list[int]:
    """The nodes of a graph, each before those that it links to."""
    left = dict.fromkeys(links, 0)
    for after in links.values():
        for number in after:
            left[number] += 1
    ready = [number for number, count in left.items() if not count]
    ordered = []
    while ready:
        number = ready.pop()
        ordered.append(number)
        for behind in links[number]:
            left[behind] -= 1
            if not left[behind]:
                ready.append(behind)
    return ordered


def _dominators(before: list[list[int]]) -> list[int]:
    """For each node the last other one that all ways to it lead through; nodes in a good order.

    The first node is the only one that waits for none; its own entry is itself.
    """
    nearest = [0] * len(before)
    depth = [0] * len(before)
    for node, sources in enumerate(before):
        if not sources:
            continue
        common = sources[0]
        for source in sources[1:]:
            other = source
            while common != other:
                if depth[common] < depth[other]:
                    other = nearest[other]
                else:
                    common = nearest[common]
        nearest[node] = common
        depth[node] = depth[common] + 1
    return nearest
