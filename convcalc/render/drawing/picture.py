"""What is visible of a network once groups are folded, before it has a place on the page.

A `Cell` is a node, a `Frame` an open group, a `Fan` a join with its branches, a `Column` a list of
these from top to bottom. A value is known by the unit that computes it; where copies are drawn as
one, the values of the first copy stand for those of the others.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from convcalc.analysis.units import Unit
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network
from convcalc.problems import printable
from convcalc.render.drawing.costs import Costs
from convcalc.render.drawing.structure import (
    DELETED,
    REMOVED,
    Block,
    Branch,
    Group,
    Join,
    Run,
    Single,
    sources_of,
    span_name,
    structure,
)
from convcalc.render.drawing.text import shortened
from convcalc.render.numbers import grouped, short
from convcalc.shapes import Shape, cross_text

if TYPE_CHECKING:
    from convcalc.render.drawing.changes import Changed

#: Nodes that a drawing has at most, if it can be folded so far.
BUDGET = 24
#: Joins that are drawn as a small circle with a sign.
_SIGNS = {"add": "+", "mul": "\u00d7", "sub": "\u2212", "div": "\u00f7"}
_SHORT_NAMES = {"batchnorm": "bn"}
_MOST_CHARACTERS = 36
#: Blocks at the end of a column that may part, and columns into which they do.
_MOST_PARTING, _MOST_PARTS = 60, 8

Form = Literal["box", "pill", "circle", "bar"]


class Cell:
    """A node of the drawing.

    form     how it is drawn
    title    what it is: `conv 3x3 /2`, or the name of a group
    second   its name and what is fused to it, or what is folded in it
    share    its part of the cost, as text;  times: of how many copies it is
    start, stop  the units that it stands for
    reads    the values that enter it, each once
    gives    the values that others read of it, the last one computed at the end
    sign     of a circle: + x - or a division
    names    what the inputs of a join are called, by value
    mark     in a difference: what all of its units are, such as "added"
    """

    __slots__ = (
        "block",
        "form",
        "gives",
        "mark",
        "names",
        "order",
        "reads",
        "second",
        "share",
        "sign",
        "start",
        "stop",
        "times",
        "tint",
        "title",
        "value",
    )

    def __init__(self, block: Block, start: int, stop: int) -> None:
        self.block = block
        self.start, self.stop = start, stop
        self.form: Form = "box"
        self.title = self.second = self.share = self.sign = self.mark = ""
        self.times = 1
        self.tint = 0
        self.value = 0
        self.order = 0
        self.reads: list[int] = []
        self.gives: list[int] = []
        self.names: dict[int, str] = {}


class Frame:
    """An open group, or an open run, which shows its first copy."""

    __slots__ = ("block", "body", "mark", "order", "share", "start", "stop", "times", "title")

    def __init__(self, block: Block, title: str, share: str, times: int, body: Column) -> None:
        self.block = block
        self.title = title
        self.share = share
        self.times = times
        self.body = body
        self.start, self.stop = block.start, block.stop
        self.order = (0, 0)
        self.mark = ""


class Fan:
    """A join that is drawn with its branches side by side above it."""

    __slots__ = ("branches", "cell", "order")

    def __init__(self, branches: list[Arm], cell: Cell) -> None:
        self.branches = branches
        self.cell = cell
        self.order = (0, 0)


class Heads:
    """What a column ends with where its values part for good: columns side by side."""

    __slots__ = ("branches", "order")

    def __init__(self, branches: list[Arm]) -> None:
        self.branches = branches
        self.order = (0, 0)


class Arm:
    """A branch of a fan: the value that enters the join, and the column that makes it, if any."""

    __slots__ = ("column", "name", "value")

    def __init__(self, name: str, value: int, column: Column | None) -> None:
        self.name = name
        self.value = value
        self.column = column


class Column:
    """Items below each other.

    aside  the places of removed ones, which stand beside those that are kept
    """

    __slots__ = ("aside", "items", "order")

    def __init__(self, items: list[Item], aside: frozenset[int] = frozenset()) -> None:
        self.items = items
        self.order = (0, 0)
        self.aside = aside

    @property
    def first(self) -> Item:
        """The first item that values run through."""
        if not self.aside:
            return self.items[0]
        return next(one for place, one in enumerate(self.items) if place not in self.aside)

    @property
    def last(self) -> Item:
        """The last item that values run through."""
        if not self.aside:
            return self.items[-1]
        return [one for place, one in enumerate(self.items) if place not in self.aside][-1]


Item = Cell | Frame | Fan | Heads


class Picture:
    """The visible part of a network, and how its values run.

    network, units, costs  what is drawn
    top      the column of everything
    cells    every node in the order of the drawing
    same     for each value, the one that stands for it
    ends     for the result of a first copy, that of the last one
    first, last  for each value that is read, the first and the last cell that reads it, by order
    depth    to which depth groups are open
    change   of a difference: what changed;  unchanged  whether groups without a change open
    """

    def __init__(
        self,
        network: Network,
        units: Sequence[Unit],
        costs: Costs,
        change: Changed | None = None,
    ) -> None:
        self.network = network
        self.units = units
        self.costs = costs
        self.change = change
        self.unchanged = False
        self.sources = sources_of(network, units) if change is None else change.sources
        #: The last unit that reads each value; its own unit where none does.
        self.read_until = list(range(len(units)))
        for index, read in enumerate(self.sources):
            for source in read:
                self.read_until[source] = max(self.read_until[source], index)
        self.top = Column([])
        self.cells: list[Cell] = []
        self.same = list(range(len(units)))
        self.ends: dict[int, int] = {}
        self.home: dict[int, Cell] = {}
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.depth = 0

    def shape(self, value: int) -> Shape:
        """A value's shape, for one sample; of copies that widen, what the last one gives."""
        return self.units[self.ends.get(value, value)].output[1:]

    def text_on_line(self, value: int) -> str:
        """A value's shape, where it differs from what enters the node that gives it."""
        home = self.home[value]
        entering = {self.shape(read) for read in home.reads}
        return (
            "" if home.form == "pill" or entering == {self.shape(value)} else self.shape_text(value)
        )

    def shape_text(self, value: int) -> str:
        """A value's shape: `256\u00d756\u00d756`."""
        return times(cross_text(self.shape(value)))


@gc_paused()
def picture(
    network: Network,
    units: Sequence[Unit],
    costs: Costs,
    *,
    nodes: int = BUDGET,
    depth: int | None = None,
    open_paths: Sequence[str] = (),
) -> Picture:
    """What a drawing shows.

    nodes       groups are opened, a depth at a time, as long as there are no more nodes than this
    depth       the depth to which groups are opened instead
    open_paths  groups that are opened besides, with those around them
    """
    made = Picture(network, units, costs)
    paths = {node.path: unit.index for unit in units for node in unit.nodes}
    results = {paths[network.nodes[index].path] for index in network.outputs.values()}
    return _opened(made, structure(units, made.sources, results), nodes, depth, open_paths)


@gc_paused()
def change_picture(
    change: Changed,
    *,
    nodes: int = BUDGET,
    depth: int | None = None,
    open_paths: Sequence[str] = (),
    unchanged: bool = False,
) -> Picture:
    """What a drawing of a difference shows.

    unchanged  whether groups in which nothing changed are opened, too
    """
    made = Picture(change.network, change.units, change.costs, change)
    made.unchanged = unchanged
    marks = list(zip(change.marks, change.words, change.costs.values, strict=True))
    blocks = structure(change.units, change.sources, change.results, marks)
    return _opened(made, blocks, nodes, depth, open_paths)


def _opened(
    made: Picture,
    blocks: Sequence[Block],
    nodes: int,
    depth: int | None,
    open_paths: Sequence[str],
) -> Picture:
    """The picture with blocks open to a depth, or as far as there are no more nodes than that."""
    if depth is None:
        depth = -1
        counted = _count(made, blocks, depth)
        while True:
            more = _count(made, blocks, depth + 1)
            if more > nodes or (more == counted and depth >= 0):
                break
            depth, counted = depth + 1, more
    made.depth = depth
    builder = _Builder(made, depth, open_paths)
    made.top = builder.column(blocks, 0)
    _wire(made)
    return made


def _count(made: Picture, blocks: Sequence[Block], depth: int) -> int:
    """The nodes of blocks whose groups are open to a depth."""
    count = 0
    for block in blocks:
        match block:
            case Single():
                count += 1
            case Join(branches=branches):
                count += 1
                for branch in branches:
                    folds = depth < 0 and _folds(branch)
                    count += 1 if folds else _count(made, branch.children, depth)
            case Group(children=children):
                opens = depth > 0 and _opens(made, block)
                count += _count(made, children, depth - 1) if opens else 1
            case Run(copies=copies):
                opens = depth > 0 and _opens(made, block)
                count += _count(made, inside(copies[0]), depth - 1) if opens else 1
    return count


def _opens(made: Picture, block: Block) -> bool:
    """Whether a block is opened for its depth: in a difference, only if something differs."""
    if made.change is None or made.unchanged:
        return True
    return made.change.differs(block.start, block.stop)


def _folds(branch: Branch) -> bool:
    """Whether a branch can be one node."""
    return len(branch.children) > 1


def inside(block: Block) -> list[Block]:
    """What is seen in an open group or in an open copy."""
    return block.children if isinstance(block, Group) else [block]


class _Builder:
    """Makes the items of blocks."""

    def __init__(self, made: Picture, depth: int, open_paths: Sequence[str]) -> None:
        self.picture = made
        self.depth = depth
        self.open_paths = open_paths

    def column(self, blocks: Sequence[Block], level: int) -> Column:
        """A column of blocks, which stand in so many groups."""
        change = self.picture.change
        removed = [
            change is not None and change.mark(block.start, block.stop) == DELETED
            for block in blocks
        ]
        if change is None:
            return self._parting(blocks, level)
        if not any(removed) or all(removed):
            return Column([self.item(block, level) for block in blocks])
        items: list[Item] = []
        aside = []
        for gone, pairs in groupby(zip(removed, blocks, strict=True), key=lambda pair: pair[0]):
            found = [block for _, block in pairs]
            if not gone:
                items += [self.item(block, level) for block in found]
                continue
            aside.append(len(items))
            items.append(self._removed(found, level))
        return Column(items, frozenset(aside))

    def _parting(self, blocks: Sequence[Block], level: int) -> Column:
        """A column that parts into several where its last blocks read nothing of each other."""
        start, parts = _parts(self.picture, blocks)
        items = [self.item(block, level) for block in blocks[:start]]
        if parts:
            columns = [self._parting(part, level) for part in parts]
            arms = [
                Arm("", part[-1].stop - 1, column)
                for part, column in zip(parts, columns, strict=True)
            ]
            items.append(Heads(arms))
        return Column(items)

    def _removed(self, blocks: Sequence[Block], level: int) -> Item:
        """Neighbours that were removed, as one item."""
        item = self.item(blocks[0], level) if len(blocks) == 1 else None
        if isinstance(item, Cell | Frame):
            return item
        block = Group(blocks[0].path, DELETED, list(blocks))
        return self._frame(block, 1, self.column(blocks, level))

    def _frame(self, block: Block, copies: int, body: Column) -> Frame:
        frame = Frame(block, _cut(block.name), self._share(block), copies, body)
        if self.picture.change is not None:
            frame.mark = self.picture.change.mark(block.start, block.stop)
        return frame

    def item(self, block: Block, level: int) -> Item:
        """What a block looks like."""
        match block:
            case Single():
                return self._leaf(block)
            case Join():
                return Fan([self._arm(one, level) for one in block.branches], self._join(block))
            case Run():
                return self._run(block, level)
            case Group():
                if not self._open(block, level):
                    return folded_cell(self.picture, block)
                return self._frame(block, 1, self.column(block.children, level + 1))
        raise TypeError(block)

    def _open(self, block: Block, level: int) -> bool:
        if level < self.depth and _opens(self.picture, block):
            return True
        inner = f"{block.path}."
        return any([path == block.path or path.startswith(inner) for path in self.open_paths])

    def _share(self, block: Block) -> str:
        return self.picture.costs.share(block.start, block.stop)

    def _arm(self, branch: Branch, level: int) -> Arm:
        if self.depth < 0 and level == 0 and _folds(branch):
            children = branch.children
            block = Group(f"{children[0].path}", branch.name or span_name(children), children)
            if not self._open(block, level):
                folded = folded_cell(self.picture, block)
                return Arm(branch.name, branch.source, Column([folded]))
        column = self.column(branch.children, level) if branch.children else None
        return Arm(branch.name, branch.source, column)

    def _run(self, block: Run, level: int) -> Item:
        first = block.copies[0]
        size = first.stop - first.start
        self.picture.ends[first.stop - 1] = block.stop - 1
        for copy in block.copies[1:]:
            for place in range(size):
                self.picture.same[copy.start + place] = first.start + place
        if self._open(block, level) or any(
            [self._open(copy, level) for copy in block.copies if isinstance(copy, Group)]
        ):
            body = self.column(inside(first), level + 1)
            return self._frame(block, len(block.copies), body)
        return folded_cell(self.picture, block)

    def _leaf(self, block: Single) -> Cell:
        unit = self.picture.units[block.start]
        cell = _cell(self.picture, block, block.start, block.stop)
        if not self._reads(unit) and not unit.layers[0].unknown:
            cell.form = "pill"
            shape = self.picture.shape_text(unit.index)
            cell.title = _cut(block.name)
            cell.second = shape if not unit.members else f"{unit.kind} {shape}"
            return cell
        self._describe(cell, unit, block.name)
        return cell

    def _reads(self, unit: Unit) -> int:
        """How many values a unit reads; of a removed one, how many it read."""
        change = self.picture.change
        if change is not None and change.marks[unit.index] == DELETED:
            return len(set(unit.sources))
        return len(self.picture.sources[unit.index])

    def _join(self, block: Join) -> Cell:
        unit = self.picture.units[block.unit]
        cell = _cell(self.picture, block, block.unit, block.stop)
        self._describe(cell, unit, block.name)
        cell.names = {branch.source: branch.name for branch in block.branches}
        return cell

    def _describe(self, cell: Cell, unit: Unit, name: str) -> None:
        """The texts of a unit's node."""
        cell.title = title(unit)
        fused = [_SHORT_NAMES.get(layer.kind, layer.kind) for layer in unit.layers[1:]]
        cell.second = " \u00b7 ".join([_cut(name), *fused])
        change = self.picture.change
        if change is not None:
            words = change.some_words(unit.index)
            if words:
                cell.second = f"{_cut(name)}: {words}"
            elif cell.mark:
                cell.second = f"{cell.mark}, {cell.second}"
        if unit.kind in _SIGNS and self._reads(unit) > 1:
            cell.form = "circle"
            cell.sign = _SIGNS[unit.kind]
            cell.second = " \u00b7 ".join(fused)
        elif unit.kind == "concat":
            cell.form = "bar"
            cell.title = " \u00b7 ".join(["concat", *fused])
            cell.second = ""


def folded_cell(made: Picture, block: Group | Run) -> Cell:
    """The node that stands for a group, or for copies, when it is folded."""
    children = block.children if isinstance(block, Group) else inside(block.copies[0])
    copies = len(block.copies) if isinstance(block, Run) else 1
    cell = _cell(made, block, block.start, block.stop)
    cell.title = _cut(block.name)
    cell.times = copies
    count = block.stop - block.start
    if made.change is not None:
        cell.second = made.change.summary(block.start, block.stop, copies)
        return cell
    names = {_kind_or_base(child, made.units) for child in children}
    if copies > 1:
        cell.second = f"{copies} \u00d7 {_layers(count // copies)}"
        widened = _widened(made.units, block, copies)
        cell.second = f"{cell.second} \u00b7 {widened}" if widened else cell.second
    elif (
        len(names) == 1 < len(children)
        and all(names)
        and not any([isinstance(child, Run | Join) for child in children])
    ):
        cell.second = f"{len(children)} \u00d7 {_cut(names.pop())}"
    else:
        cell.second = _layers(count)
    return cell


def _cell(made: Picture, block: Block, start: int, stop: int) -> Cell:
    costs = made.costs
    cell = Cell(block, start, stop)
    cell.share = costs.share(start, stop)
    cell.tint = costs.tint(start, stop)
    cell.value = abs(costs.of(start, stop))
    if made.change is not None:
        cell.mark = made.change.mark(start, stop)
    return cell


def _widened(units: Sequence[Unit], block: Block, copies: int) -> str:
    """The channels of the first and the last copy, if they differ."""
    size = (block.stop - block.start) // copies
    first, last = units[block.start + size - 1], units[block.stop - 1]
    if first.output == last.output:
        return ""
    return f"{first.output[1]} \u2192 {last.output[1]} channels"


def _parts(made: Picture, blocks: Sequence[Block]) -> tuple[int, list[list[Block]]]:
    """Where blocks part for good, and the blocks of each part; all of them and none if nowhere.

    Parts read values of before and of their own only, each of them some, and nothing else reads
    what they compute.
    """
    tail = blocks[-_MOST_PARTING:]
    starts = [block.start for block in tail]
    before = len(blocks) - len(tail)
    read = [
        {
            bisect_right(starts, one) - 1
            for unit in range(block.start, block.stop)
            for one in made.sources[unit]
            if one < block.start
        }
        for block in tail
    ]
    part = list(range(len(tail)))
    found: tuple[int, list[list[Block]]] = (len(blocks), [])
    for start in range(len(tail) - 1, -1, -1):
        # From the end on: which blocks belong to the same part as this one.
        joined = {part[place] for place in range(start + 1, len(tail)) if start in read[place]}
        part = [start if one in joined else one for one in part]
        block = tail[start]
        if max(made.read_until[block.start : block.stop]) >= tail[-1].stop:
            break
        groups: dict[int, list[int]] = {}
        for place in range(start, len(tail)):
            groups.setdefault(part[place], []).append(place)
        fed = [any([one < start for p in group for one in read[p]]) for group in groups.values()]
        if 1 < len(groups) <= _MOST_PARTS and all(fed):
            parts = [[tail[place] for place in group] for group in groups.values()]
            found = (before + start, parts)
    return found


def _layers(count: int) -> str:
    return f"{count} layer{'s' * (count != 1)}"


def _cut(name: str) -> str:
    return shortened(printable(name.replace(REMOVED, ""), 4096), _MOST_CHARACTERS)


def _kind_or_base(block: Block, units: Sequence[Unit]) -> str:
    if isinstance(block, Single):
        return units[block.start].kind
    return block.name.rstrip("0123456789")


def times(text: str) -> str:
    """The text with \u00d7 for an x between digits.

    >>> times("conv 3x3 max")
    'conv 3\u00d73 max'
    """
    characters = list(text)
    for place in range(1, len(text) - 1):
        if text[place] == "x" and text[place - 1].isdigit() and text[place + 1].isdigit():
            characters[place] = "\u00d7"
    return "".join(characters)


def title(unit: Unit) -> str:
    """What a unit's layer is, as a title: `conv 3\u00d73 /2`."""
    layer = unit.layers[0]
    words = times(layer.summary()).split(" ")
    if "stride" in layer.fields:
        words = [
            f"/{word[1:]}" if word[:1] == "s" and word[1:2].isdigit() else word for word in words
        ]
    return shortened(" ".join(words), _MOST_CHARACTERS)


def _wire(made: Picture) -> None:
    """Finds out which values each cell reads and gives, and in which order the cells stand."""
    same = made.same
    for value in range(len(same)):
        same[value] = same[same[value]]
    _number(made, made.top)
    for cell in made.cells:
        copies = cell.stop - cell.start
        # A folded run stands for all of its copies; they read what the first one reads.
        reads: dict[int, None] = {}
        for index in range(cell.start, cell.start + copies):
            for source in made.sources[index]:
                value = same[source]
                if not cell.start <= value < cell.stop:
                    reads[value] = None
            made.home[same[index]] = cell
        cell.reads = list(reads)
        for value in cell.reads:
            made.first.setdefault(value, cell.order)
            made.last[value] = cell.order
    for cell in made.cells:
        for value in cell.reads:
            home = made.home[value]
            if value not in home.gives:
                home.gives.append(value)
    for cell in made.cells:
        cell.gives.sort()


def _number(made: Picture, item: Item | Column | Arm) -> tuple[int, int]:
    """Numbers the cells of an item; the numbers of its first cell and of the first after it."""
    start = len(made.cells)
    match item:
        case Cell():
            item.order = start
            made.cells.append(item)
            return (start, start + 1)
        case Frame():
            _number(made, item.body)
        case Heads():
            for arm in item.branches:
                arm.value = made.same[arm.value]
                if arm.column is not None:
                    _number(made, arm.column)
        case Fan():
            for arm in item.branches:
                arm.value = made.same[arm.value]
                if arm.column is not None:
                    _number(made, arm.column)
            item.cell.names = {made.same[value]: name for value, name in item.cell.names.items()}
            _number(made, item.cell)
        case Column():
            for inner in item.items:
                _number(made, inner)
    order = (start, len(made.cells))
    if not isinstance(item, Cell | Arm):
        item.order = order
    return order


def heading(made: Picture) -> str:
    """What the picture shows: the network's name, or those of both that are compared."""
    if made.change is not None:
        return made.change.title
    return shortened(printable(made.network.name, 200), 60)


def tooltip(made: Picture, cell: Cell) -> str:
    """The path, the shapes and the exact figures of a node."""
    last = made.units[cell.stop - 1]
    lines = [printable(cell.block.path.replace(REMOVED, ""), 4096)]
    if cell.reads:
        entering = " + ".join([made.shape_text(value) for value in cell.reads[:4]])
        lines.append(f"{entering} \u2192 {made.shape_text(last.index)}")
    else:
        lines.append(made.shape_text(last.index))
    costs = made.costs
    if last.members:
        unit = {"bytes": " bytes"}.get(costs.metric.unit, "")
        value = costs.of(cell.start, cell.stop)
        figure = grouped(value) + unit if costs.known(cell.start, cell.stop) else "unknown"
        if made.change is not None:
            figure = f"+{figure}" if value > 0 else figure
            changed = made.change.words[cell.start] if cell.stop - cell.start == 1 else ()
            return "\n".join([*lines, f"{costs.metric.title}: {figure}", *changed])
        share = f" ({cell.share})" if cell.share not in {"", "?"} else ""
        lines.append(f"{costs.metric.title}: {figure}{share}")
        if costs.metric.name != "params":
            shown = made.units[cell.start : cell.stop]
            unlisted = any([unit.cost.unlisted for unit in shown])
            params = sum([unit.cost.params for unit in shown])
            lines.append(f"params: {'unknown' if unlisted else grouped(params)}")
    return "\n".join(lines)


def subtitle(made: Picture) -> str:
    """The head's second part: the totals, and what is shown by colour."""
    if made.change is not None:
        return made.change.about
    costs = made.costs
    units = made.units
    params = sum([unit.cost.params for unit in units])
    least = "" if costs.known(0, len(units)) else "at least "
    unlisted = any([unit.cost.unlisted for unit in units])
    parts = [f"{'at least ' * unlisted}{short(params)} params"]
    if costs.metric.name != "params":
        parts.append(f"{least}{short(costs.whole)} {costs.metric.title}")
    return " \u00b7 ".join([*parts, f"tint and bar: share of {costs.metric.title}"])
