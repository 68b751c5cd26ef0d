"""One class of two, some of whose parts not every block has."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product

from convcalc.exchange.write.source.operations import Operation
from convcalc.exchange.write.source.parts import Class, Part, Source
from convcalc.exchange.write.source.tree import Ref

#: The most items that some blocks of a class may have and others not.
_MOST_OPTIONAL = 4
#: The most parts of classes that are merged, and the most wirings that are tried.
_MOST_PARTS, _MOST_WIRINGS = 200, 200


def merged(ours: Class, theirs: Class) -> Class | None:
    """The class of both, some of whose parts not every block has; None if there is none."""
    if ours.inputs != theirs.inputs or len(ours.results) != len(theirs.results):
        return None
    if max(len(ours.parts), len(theirs.parts)) > _MOST_PARTS:
        return None
    pairs = _common(ours.parts, theirs.parts)
    optional = len(ours.parts) + len(theirs.parts) - 2 * len(pairs)
    if len(pairs) < 2 or optional > min(_MOST_OPTIONAL, len(pairs)):
        return None
    if any(part.same is not None for part in (*ours.parts, *theirs.parts)):
        return None
    order: list[tuple[int | None, int | None]] = []
    a = b = 0
    for i, j in (*pairs, (len(ours.parts), len(theirs.parts))):
        order += [(n, None) for n in range(a, i)] + [(None, n) for n in range(b, j)]
        order += [(i, j)] if i < len(ours.parts) else []
        a, b = i + 1, j + 1
    return _wired(ours, theirs, order)


def _common(first: Sequence[Part], second: Sequence[Part]) -> list[tuple[int, int]]:
    """The most parts of both that do the same in the same order, as pairs of places.

    Of several ways the one is taken that pairs most parts of similar names.
    """

    def weight(i: int, j: int) -> int:
        a, b = first[i], second[j]
        return (_MOST_PARTS + (_stem(a) == _stem(b))) if a.key == b.key else 0

    best = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) - 1, -1, -1):
        for j in range(len(second) - 1, -1, -1):
            paired = best[i + 1][j + 1] + weight(i, j)
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    pairs, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if weight(i, j) and best[i][j] == best[i + 1][j + 1] + weight(i, j):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _stem(part: Part) -> str:
    return part.name.rpartition(".")[2].rstrip("0123456789")


def _wired(
    ours: Class, theirs: Class, order: Sequence[tuple[int | None, int | None]]
) -> Class | None:
    """The class with its parts in this order, if one wiring holds for all blocks of both."""
    places = [
        {pair[side]: n for n, pair in enumerate(order) if pair[side] is not None} for side in (0, 1)
    ]

    def moved(source: Source, side: int) -> Source:
        return source if source[0] == "in" else (places[side][source[0]], source[1])

    made = Class(ours.family, [*ours.blocks, *theirs.blocks], ours.unit)
    choices: list[list[list[Source]]] = []
    for i, j in order:
        found = [
            (side, cls.parts[n]) for side, cls, n in ((0, ours, i), (1, theirs, j)) if n is not None
        ]
        part = Part(found[0][1].name, found[0][1].body, [])
        for side, cls in ((0, ours), (1, theirs)):
            mine = next((one for number, one in found if number == side), None)
            part.present += [None] * len(cls.blocks) if mine is None else mine.present
        part.through = found[0][1].through
        if None in part.present and _results(part.body) != 1:
            return None
        made.parts.append(part)
        ways = [[moved(source, side) for source in one.sources] for side, one in found]
        choices.append([way for n, way in enumerate(ways) if way not in ways[:n]])
    ends = [[moved(s, side) for s in cls.results] for side, cls in ((0, ours), (1, theirs))]
    choices.append([end for n, end in enumerate(ends) if end not in ends[:n]])
    optional = [part for part in made.parts if None in part.present]
    throughs = [range(len(choices[made.parts.index(part)][0])) for part in optional]
    for chosen in islice(product(*choices), _MOST_WIRINGS):
        for part, way in zip(made.parts, chosen, strict=False):
            part.sources = list(way)
        made.results = list(chosen[-1])
        for through in product(*throughs):
            for part, place in zip(optional, through, strict=True):
                part.through = place
            if all(_holds(made, number) for number in range(len(made.blocks))):
                return made
    return None


def _results(body: Operation | Class) -> int:
    return 1 if isinstance(body, Operation) else len(body.results)


def _holds(made: Class, number: int) -> bool:
    """Whether a block's values go as the class has them."""
    block = made.blocks[number]
    values: dict[Source, Ref] = {("in", n): ref for n, ref in enumerate(block.inputs)}
    for place, part in enumerate(made.parts):
        if not all(source in values for source in part.sources):
            return False
        entering = [values[source] for source in part.sources]
        item = part.present[number]
        if item is None:
            values[place, 0] = entering[part.through]
            continue
        if entering != item.inputs:
            return False
        for output, ref in enumerate(item.outputs):
            values[place, output] = ref
    return [values.get(source) for source in made.results] == block.outputs
