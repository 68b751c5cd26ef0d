"""The structure of a network as it is written: groups, joins with their branches, equal copies.

Units stand in execution order, and everything here covers a range of them. A group whose units do
not stand together becomes several, so that a folded group is never part of a cycle.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from convcalc.analysis.units import Unit
from convcalc.graph import Network

#: What a unit of a difference is; "" where it is as it was, or only costs something else.
ADDED, DELETED, CHANGED, KEPT = "added", "removed", "changed", ""
#: Ends the name of a removed group or layer in a difference, where a kept one may have that name.
REMOVED = "\u2060"
#: Parts of a path beyond which groups are not nested further.
_DEEPEST = 40
#: Blocks of all branches of a join together, where they are not written as its branches.
_MOST_BRANCHED = 40
#: Joins within each other, where they are not written so.
_DEEPEST_JOIN = 3
#: Copies that differ in their channels only are drawn as one from so many on.
_LEAST_WIDENING = 4
#: Equal copies are drawn as one if they have so many layers together.
_LEAST_LAYERS = 3


class Block:
    """A part of the network: units `start` up to, not including, `stop`."""

    __slots__ = ("name", "path", "start", "stop")

    def __init__(self, path: str, name: str, start: int, stop: int) -> None:
        self.path = path
        self.name = name
        self.start = start
        self.stop = stop


class Single(Block):
    """One unit, maybe under the name of a group that holds only it."""

    __slots__ = ()


class Group(Block):
    """Blocks under one prefix of their paths."""

    __slots__ = ("children",)

    def __init__(self, path: str, name: str, children: list[Block]) -> None:
        super().__init__(path, name, children[0].start, children[-1].stop)
        self.children = children


class Branch:
    """What leads to an input of a join.

    name      what the branch is called in the file; "" if it has no layers
    children  its blocks; none where the value goes into the join as it is
    source    the unit whose value enters the join
    """

    __slots__ = ("children", "name", "source")

    def __init__(self, name: str, children: list[Block], source: int) -> None:
        self.name = name
        self.children = children
        self.source = source


class Join(Block):
    """A unit of several inputs, with its branches.

    nested  how many joins stand within each other here, this one included
    """

    __slots__ = ("branches", "nested")

    def __init__(self, path: str, start: int, stop: int, branches: list[Branch]) -> None:
        super().__init__(path, path.rpartition(".")[2], start, stop)
        self.branches = branches
        inner = [_joins_within(one) for branch in branches for one in branch.children]
        self.nested = 1 + max(inner, default=0)

    @property
    def unit(self) -> int:
        """The unit that joins."""
        return self.stop - 1


class Run(Block):
    """Equal copies, each fed by the one before; they have the same number of units."""

    __slots__ = ("copies",)

    def __init__(self, name: str, copies: list[Block]) -> None:
        super().__init__(copies[0].path, name, copies[0].start, copies[-1].stop)
        self.copies = copies


class _Region(NamedTuple):
    """The blocks of all branches of a join.

    start  the first of them
    arms   of each branch the value that enters the join, its first block and the first after it
    """

    start: int
    arms: list[tuple[int, int, int]]


def structure(
    units: Sequence[Unit],
    sources: Sequence[Sequence[int]],
    results: set[int],
    marks: Sequence[object] = (),
) -> list[Block]:
    """The blocks of a network at its top.

    sources  the units whose values each unit reads, as `sources_of` has them
    results  the units whose values are results of the network
    marks    if given, what of each unit must be equal in copies, too

    >>> import convcalc
    >>> network = convcalc.load("resnet18")
    >>> units = convcalc.analyze(network).units
    >>> blocks = structure(units, sources_of(network, units), {len(units) - 1})
    >>> [block.name for block in blocks]
    ['input', 'conv0', 'pool0', 'stage0', 'stage1', 'stage2', 'stage3', 'pool1', 'dense0']
    """
    return _Reader(units, sources, results, marks).blocks()


def sources_of(network: Network, units: Sequence[Unit]) -> list[tuple[int, ...]]:
    """The units whose values each unit reads, each once, and not only their shapes."""
    unit_of = {id(node): unit.index for unit in units for node in unit.nodes}
    numbers = [unit_of[id(node)] for node in network.nodes]
    return [
        tuple(
            dict.fromkeys(
                [
                    numbers[index]
                    for node in unit.nodes
                    for index in node.reads
                    if numbers[index] != unit.index
                ]
            )
        )
        for unit in units
    ]


class _Reader:
    def __init__(
        self,
        units: Sequence[Unit],
        sources: Sequence[Sequence[int]],
        results: set[int],
        marks: Sequence[object],
    ) -> None:
        self.units = units
        self.marks = marks
        self.sources = sources
        self.parts = [unit.path.split(".", _DEEPEST) for unit in units]
        #: The last unit that reads each unit's value.
        self.last_reader = list(range(len(units)))
        for index, read in enumerate(sources):
            for source in read:
                self.last_reader[source] = max(self.last_reader[source], index)
        for index in results:
            self.last_reader[index] = len(units)
        self.equal_keys = [_equal_key(unit) for unit in units]

    def blocks(self) -> list[Block]:
        """The blocks of the whole network."""
        return self._blocks(0, len(self.units), 0)

    def _blocks(self, start: int, stop: int, depth: int) -> list[Block]:
        """The blocks of units whose paths agree in `depth` parts."""
        found: list[Block] = []
        parts = self.parts
        place = start
        while place < stop:
            key = parts[place][depth]
            if len(parts[place]) == depth + 1:
                found.append(self._leaf_or_join(found, place))
                place += 1
                continue
            end = place + 1
            while end < stop and len(parts[end]) > depth + 1 and parts[end][depth] == key:
                end += 1
            children = self._blocks(place, end, depth + 1)
            found.append(Group(".".join(parts[place][: depth + 1]), key, children))
            place = end
        return self._with_runs(self._with_joins([_collapsed(block) for block in found]))

    def _leaf_or_join(self, before: list[Block], index: int) -> Block:
        """A unit; with the group of its path, if that stands before it, a join."""
        unit = self.units[index]
        name = self.parts[index][-1]
        within = before[-1] if before else None
        if not isinstance(within, Group) or within.path != unit.path:
            return Single(unit.path, name, index, index + 1)
        read = [one for one in self.sources[index] if within.start <= one < within.stop]
        ends = {child.stop - 1 for child in within.children}
        # A branch ends with the value that enters the join.
        if within.stop - 1 not in read or not ends.issuperset(read):
            return Single(unit.path, name, index, index + 1)
        before.pop()
        return Join(unit.path, within.start, index + 1, _branches(self.sources[index], within))

    def _with_joins(self, blocks: list[Block]) -> list[Block]:
        """The blocks, layers of several inputs put together with the branches before them.

        A graph that is written without groups, such as a model file's, has its branches there.
        """
        found: list[Block] = []
        for block in blocks:
            near = found[-_MOST_BRANCHED:]
            region = self._branches_before(near, block) if isinstance(block, Single) else None
            # What is read from before all blocks nearby may come from before the whole level only.
            if region is None or (region.start == 0 and len(near) < len(found)):
                found.append(block)
                continue
            first = near[region.start].start
            branches = [
                Branch("", self._with_runs(near[low:high]), source)
                for source, low, high in region.arms
            ]
            del found[region.start - len(near) :]
            found.append(Join(block.path, first, block.stop, branches))
        return found

    def _branches_before(self, found: list[Block], block: Single) -> _Region | None:
        """The branches of a layer among the blocks before it; None where they are none."""
        sources = self.sources[block.start]
        if len(sources) < 2 or not found or block.stop - block.start > 1:
            return None
        starts = [one.start for one in found]

        def place(unit: int) -> int:
            """The block of a unit; -1 for what is before all of them."""
            return bisect_right(starts, unit) - 1

        ends = sorted({place(source) for source in sources})
        if ends[-1] != len(found) - 1:
            return None
        # Each branch begins where the one before it ends; the first one after what all read.
        parts = [(low + 1, high + 1) for low, high in itertools.pairwise(ends)]
        fork = max([place(self._read_before(found, *part)) for part in parts], default=ends[0])
        if fork < ends[0]:
            parts.insert(0, (fork + 1, ends[0] + 1))
        of_end = {found[high - 1].stop - 1: (low, high) for low, high in parts}
        arms = [(source, *of_end.get(source, (0, 0))) for source in sources]
        region = _Region(parts[0][0] if parts else 0, arms)
        fits = (
            fork <= ends[0]
            and all([place(self._read_before(found, *part)) <= fork for part in parts])
            and all([self._is_branch(found, *part, block.start) for part in parts])
            and len([arm for arm in arms if arm[2]]) == len(parts) > 0
            and not self._narrows(found, region.start, block.start)
            and max([_joins_within(one) for one in found[region.start :]]) < _DEEPEST_JOIN
        )
        return region if fits else None

    def _read_before(self, found: list[Block], low: int, high: int) -> int:
        """The latest unit before some blocks that they read; -1 for none."""
        start, stop = found[low].start, found[high - 1].stop
        read = [one for unit in range(start, stop) for one in self.sources[unit] if one < start]
        return max(read, default=-1)

    def _is_branch(self, found: list[Block], low: int, high: int, join: int) -> bool:
        """Whether only the last value of some blocks is read elsewhere, and that by the join."""
        start, stop = found[low].start, found[high - 1].stop
        inside = all([self.last_reader[unit] < stop for unit in range(start, stop - 1)])
        return inside and self.last_reader[stop - 1] == join

    def _narrows(self, found: list[Block], low: int, join: int) -> bool:
        """Whether a concat has a smaller map before it than its own: that is half of a U."""
        if self.units[join].kind != "concat":
            return False
        size = self.units[join].output[2:]
        outputs = [self.units[unit].output[2:] for unit in range(found[low].start, join)]
        return any([len(one) == len(size) and one < size for one in outputs])

    def _with_runs(self, blocks: list[Block]) -> list[Block]:
        """The blocks, neighbours that are equal copies put together."""
        found: list[Block] = []
        place = 0
        while place < len(blocks):
            copies = self._copies(blocks, place, self._equal)
            if len(copies) * (copies[0].stop - copies[0].start) < _LEAST_LAYERS:
                copies = copies[:1]
            if len(copies) == 1:
                widening = self._copies(blocks, place, self._alike)
                if len(widening) >= _LEAST_WIDENING:
                    copies = widening
            found.append(copies[0] if len(copies) == 1 else Run(span_name(copies), copies))
            place += len(copies)
        return found

    def _copies(
        self, blocks: list[Block], place: int, same: Callable[[int, int], bool]
    ) -> list[Block]:
        """The block at a place and as many after it as are copies of it."""
        copies = [blocks[place]]
        while place + len(copies) < len(blocks) and isinstance(copies[0], Group | Join):
            following = blocks[place + len(copies)]
            if not self._continues(copies[-1], following, same):
                break
            copies.append(following)
        # Each copy but the last is read by the next one only.
        for number, (copy, following) in enumerate(itertools.pairwise(copies)):
            if self.last_reader[copy.stop - 1] >= following.stop:
                return copies[: number + 1]
        return copies

    def _continues(self, first: Block, second: Block, same: Callable[[int, int], bool]) -> bool:
        """Whether the second block does the same with the first one's result."""
        size = first.stop - first.start
        if type(first) is not type(second) or second.stop - second.start != size:
            return False
        if _base(first.name) != _base(second.name):
            return False
        last = first.stop - 1
        entering = None
        fed = False
        for place in range(size):
            one, other = first.start + place, second.start + place
            reads, others = self.sources[one], self.sources[other]
            if len(reads) != len(others) or not same(one, other):
                return False
            for unit, block in ((one, first), (other, second)):
                if unit < block.stop - 1 and self.last_reader[unit] >= block.stop:
                    return False
            for mine, its in zip(reads, others, strict=True):
                if its == last:
                    fed = True
                    entering = mine if entering is None else entering
                    if mine != entering or mine >= first.start:
                        return False
                elif its < second.start:
                    if mine != its:
                        return False
                elif mine - first.start != its - second.start:
                    return False
        return fed

    def _equal(self, one: int, other: int) -> bool:
        if self.marks and self.marks[one] != self.marks[other]:
            return False
        return self.equal_keys[one] == self.equal_keys[other]

    def _alike(self, one: int, other: int) -> bool:
        if self.marks and self.marks[one] != self.marks[other]:
            return False
        first, second = self.units[one], self.units[other]
        return first.summary == second.summary and first.output[2:] == second.output[2:]


def _equal_key(unit: Unit) -> object:
    return (unit.layers, unit.output, unit.cost.params, unit.shares is None)


def _branches(sources: Sequence[int], within: Group) -> list[Branch]:
    """The branches of a join, in the order of its inputs."""
    children = within.children
    ends: dict[int, int] = {}
    for source in sources:
        for place, child in enumerate(children):
            if child.start <= source < child.stop:
                ends.setdefault(place, source)
    owner: dict[int, list[Block]] = {}
    waiting: list[Block] = []
    last = max(ends)
    for place, child in enumerate(children):
        waiting.append(child)
        # What no input comes from belongs to the branch after it, or to the last one.
        if place in ends and place != last:
            owner[ends[place]] = waiting
            waiting = []
    owner[ends[last]] = [*waiting]
    branches = []
    for source in sources:
        blocks = owner.get(source, [])
        name = blocks[-1].path[len(within.path) + 1 :].partition(".")[0] if blocks else ""
        branches.append(Branch(name, [part for block in blocks for part in _opened(block)], source))
    return branches


def _opened(block: Block) -> list[Block]:
    """The blocks of a branch: those in the group that has its name."""
    return block.children if isinstance(block, Group) else [block]


def _joins_within(block: Block) -> int:
    """How many joins stand within each other at a block's own level."""
    return block.nested if isinstance(block, Join) else 0


def _collapsed(block: Block) -> Block:
    """A group with one layer is that layer; a group with one group is one group."""
    if isinstance(block, Group) and len(block.children) == 1:
        child = block.children[0]
        if isinstance(child, Single):
            return Single(child.path, block.name, child.start, child.stop)
        if isinstance(child, Group):
            return Group(block.path, block.name, child.children)
    return block


def _base(name: str) -> str:
    return name.rstrip("0123456789")


def span_name(blocks: Sequence[Block]) -> str:
    """A name for blocks after each other: `bottleneck1\u20135`, `pool0\u2013conv3`."""
    first, last = blocks[0].name, blocks[-1].name
    number = re.search(r"[0-9]+\Z", last)
    alike = _base(first) == _base(last)
    return f"{first}\u2013{number[0]}" if number and alike else f"{first}\u2013{last}"
