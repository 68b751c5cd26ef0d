"""Which channels of a network change together, and to how many.

Every value's channel axis is followed from layer to layer as a row of *runs*: consecutive channels
that change as one. What a layer does to the row is its `ChannelRule`. Where two rows must agree
(the branches of an add), their runs are cut to equal lengths and made the same run, pair by pair.
Where a layer repeats, gathers or mixes channels, its output is made of new runs that change by the
same *ratio* as those they come from.

Runs of an input or a result are frozen. A ratio changes if it is not frozen and some convolution
chooses the channels of its runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.graph import Network, Node
from convcalc.layers.traits import ChannelRule
from convcalc.symbols import common_divisor, larger

if TYPE_CHECKING:
    from fractions import Fraction

#: Two rows with more runs than this are not paired run by run: all of them share one ratio then.
#: Real networks stay far below; rows that overlap themselves could otherwise be cut without end.
_MOST_RUNS = 1000


class ChannelCount(NamedTuple):
    """The channels that a layer puts out, and for a slice the first of the input's it takes."""

    channels: int
    start: int


class _Ratio:
    """The factor by which runs change: a node of a union-find forest, its root speaks for all.

    free    a convolution chooses the channels of one of its runs
    frozen  they may not change
    common  runs that are not the same share it, and keep their proportions
    """

    __slots__ = ("common", "free", "frozen", "parent")

    def __init__(self, free: bool = False, frozen: bool = False) -> None:
        self.parent = self
        self.free = free
        self.frozen = frozen
        self.common = False

    @property
    def changes(self) -> bool:
        return self.free and not self.frozen

    def root(self) -> _Ratio:
        ratio = self
        while ratio.parent is not ratio:
            ratio.parent = ratio = ratio.parent.parent
        return ratio

    def unite(self, other: _Ratio) -> None:
        """Makes the two one, under this ratio's root."""
        root, other = self.root(), other.root()
        if other is not root:
            other.parent = root
            root.free |= other.free
            root.frozen |= other.frozen
            root.common |= other.common


class _Run:
    """`size` consecutive channels: one ratio for all, unless they have turned out to have parts."""

    __slots__ = ("_ratio", "parts", "size")

    def __init__(self, size: int, ratio: _Ratio, parts: tuple[_Run, ...] = ()) -> None:
        self.size = size
        self.parts = parts
        self._ratio = ratio

    @property
    def ratio(self) -> _Ratio:
        """The root of its ratio; asked only of runs without parts."""
        self._ratio = self._ratio.root()
        return self._ratio

    def leaves(self) -> Iterator[_Run]:
        """The runs without parts that it consists of, in order."""
        rest = [self]
        while rest:
            run = rest.pop().last_name()
            if run.parts:
                rest.extend(reversed(run.parts))
            else:
                yield run

    def last_name(self) -> _Run:
        """The run that stands for it now: runs that were made the same point at one another."""
        run = self
        while len(run.parts) == 1:
            following = run.parts[0]
            if len(following.parts) == 1:
                run.parts = following.parts
            run = following
        return run


def _row(runs: Iterable[_Run]) -> _Run:
    """Runs one after the other, as one."""
    parts = tuple(runs)
    return _Run(sum([run.size for run in parts]), _Ratio(), parts)


def _share_ratio(runs: Iterable[_Run]) -> _Ratio:
    """Gives runs one ratio; they keep their proportions from now on."""
    ratio, *others = [run.ratio for run in runs]
    for other in others:
        ratio.unite(other)
    ratio.common = True
    return ratio


def _cut(run: _Run, size: int) -> tuple[_Run, _Run]:
    """The first `size` channels of a run without parts, and the rest."""
    ratio = run.ratio
    if ratio.common:
        return _Run(size, ratio), _Run(run.size - size, ratio)
    # Nothing binds the two to one another, so each gets a ratio of its own.
    first, rest = _Run(size, ratio), _Run(run.size - size, _Ratio(ratio.free, ratio.frozen))
    run.parts = (first, rest)
    return first, rest


def _tie(one: _Run, other: _Run) -> None:
    """Makes two rows of equal length the same, run by run."""
    left, right = list(one.leaves())[::-1], list(other.leaves())[::-1]
    pairs = len(left) + len(right)
    if pairs > _MOST_RUNS:
        pairs = 0
    while left and pairs:
        a, b = left.pop().last_name(), right.pop().last_name()
        if a.parts or b.parts:
            # A run that occurs more than once was cut at an earlier place.
            left += a.parts[::-1] or (a,)
            right += b.parts[::-1] or (b,)
            continue
        pairs -= 1
        if a.size > b.size:
            a, rest = _cut(a, b.size)
            left.append(rest)
        elif b.size > a.size:
            b, rest = _cut(b, a.size)
            right.append(rest)
        if a is not b:
            a.ratio.unite(b.ratio)
            b.parts = (a,)
    # Left over are rows that overlap themselves, which could go on cutting down to single channels.
    if left:
        _share_ratio(leaf for run in left + right for leaf in run.leaves())


def _split(runs: Iterable[_Run], size: int) -> tuple[list[_Run], list[_Run]]:
    """The first `size` channels of some runs without parts, and the rest."""
    first: list[_Run] = []
    rest = list(runs)[::-1]
    while size:
        run = rest.pop()
        if run.size > size:
            run, remainder = _cut(run, size)
            rest.append(remainder)
        first.append(run)
        size -= run.size
    return first, rest[::-1]


class _Rows:
    """The channel row of every value of a network.

    of         by node: its row
    before     by node, for a slice: the row of its input's channels before the first that it takes
    divisible  rows whose channels a layer splits into equal groups, and how many
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.rules = channel_rules(network)
        self.of: list[_Run] = []
        self.before: dict[int, _Run] = {}
        self.divisible: list[tuple[_Run, int]] = []
        for index, (node, rule) in enumerate(zip(network.nodes, self.rules, strict=True)):
            inputs = [self.of[source] for source in node.inputs]
            row = self._output(index, node.shape[0], rule, inputs)
            self.of.append(row)
            if rule.groups > 1:
                self.divisible.append((inputs[rule.source], rule.groups))
                if rule.relation == "free":
                    self.divisible.append((row, rule.groups))
            if rule.parts > 1:
                self.divisible.append((inputs[0], rule.parts))
            for place in rule.kept:
                _freeze(inputs[place])
            if node.shares is not None:
                self._share(node, rule, network.nodes[node.shares], row, self.of[node.shares])
        for index in network.outputs.values():
            _freeze(self.of[index])
        self._freeze_indivisible()

    def _output(self, index: int, size: int, rule: ChannelRule, inputs: Sequence[_Run]) -> _Run:
        """The row of a layer's output; what the layer demands of its inputs' rows is seen to."""
        relation = rule.relation
        if relation in {"free", "own"}:
            ratio = _Ratio(free=relation == "free")
            if rule.factor == 1:
                return _Run(size, ratio)
            ratio.common = True
            return _row([_Run(size // rule.factor, ratio) for _ in range(rule.factor)])
        if relation == "fixed":
            for row in inputs:
                _freeze(row)
            return _Run(size, _Ratio(frozen=True))
        if relation == "constant":
            return _Run(size, _Ratio(frozen=True))
        if relation == "joined":
            return _row(inputs)
        row = inputs[rule.source]
        if relation == "tied":
            row = max(inputs, key=lambda one: one.size)
            for other in inputs:
                if other.size != row.size:
                    _freeze(other)
                elif other is not row:
                    _tie(row, other)
        elif relation == "compared":
            for other in inputs[1:]:
                _tie(row, other)
            row = _Run(size, _Ratio())
        elif relation == "sliced":
            head, _ = _split(row.leaves(), rule.stop)
            before, inside = _split(_row(head).leaves(), rule.start)
            row = _row(inside)
            if before:
                self.before[index] = _row(before)
        elif relation == "spread" and rule.factor > 1:
            row = _row([_Run(r.size * rule.factor, _share_ratio([r])) for r in row.leaves()])
        elif relation == "gathered" and rule.factor > 1:
            row = _gather(row, rule.factor)
        elif relation == "shuffled":
            # Every group of the input ends up everywhere in the output.
            row = _Run(size, _share_ratio(row.leaves()))
        return row

    def _share(
        self, node: Node, rule: ChannelRule, other: Node, row: _Run, other_row: _Run
    ) -> None:
        """Keeps the parameters of two layers that share them of one size."""
        if rule.relation in {"free", "own"}:
            _tie_or_freeze(row, other_row)
        shapes = self.network.input_shapes(node)
        wider = [(2 * shape[0], *shape[1:]) for shape in shapes]
        if node.layer.parameters(shapes) != node.layer.parameters(wider):
            for mine, theirs in zip(node.inputs, other.inputs, strict=True):
                _tie_or_freeze(self.of[mine], self.of[theirs])

    def _freeze_indivisible(self) -> None:
        """Freezes rows that could not be split into groups any more if only a part changed."""
        found = True
        while found:
            found = False
            for row, groups in self.divisible:
                sizes = _sizes_by_ratio(row)
                constant = sum([size for ratio, size in sizes.items() if not ratio.changes])
                if constant % groups == 0:
                    continue
                # Multiples of `groups` may stay: without the others, the rest is one as well.
                for ratio, size in sizes.items():
                    if ratio.changes and size % groups:
                        ratio.frozen = found = True


def _sizes_by_ratio(row: _Run) -> dict[_Ratio, int]:
    """How many channels of a row change by each ratio."""
    sizes: dict[_Ratio, int] = {}
    for run in row.leaves():
        sizes[run.ratio] = sizes.get(run.ratio, 0) + run.size
    return sizes


def _freeze(row: _Run) -> None:
    for run in row.leaves():
        run.ratio.frozen = True


def _tie_or_freeze(one: _Run, other: _Run) -> None:
    if one.size == other.size:
        _tie(one, other)
    else:
        _freeze(one)
        _freeze(other)


def _gather(row: _Run, factor: int) -> _Run:
    """The row after each `factor` consecutive channels have become one."""
    gathered: list[_Run] = []
    mixed: list[_Run] = []
    size = 0
    for run in row.leaves():
        mixed.append(run)
        size += run.size
        if size % factor == 0:
            gathered.append(_Run(size // factor, _share_ratio(mixed)))
            mixed, size = [], 0
    return _row(gathered)


class _Lengths:
    """The new lengths of rows, from those of their runs; each is computed once.

    known  the lengths so far, of rows and runs
    """

    def __init__(self, of_leaf: Callable[[_Run], int]) -> None:
        self.of_leaf = of_leaf
        self.known: dict[_Run, int] = {}

    def of(self, row: _Run) -> int:
        """The length of a row; rows may be nested far deeper than Python calls can be."""
        known = self.known
        row = row.last_name()
        waiting = [row]
        while waiting:
            run = waiting[-1]
            parts = [part.last_name() for part in run.parts]
            missing = [part for part in parts if part not in known]
            if missing:
                waiting += missing
                continue
            known[run] = sum([known[part] for part in parts]) if parts else self.of_leaf(run)
            waiting.pop()
        return known[row]


def channel_rules(network: Network) -> list[ChannelRule]:
    """How each layer's channels relate to its input's, by node."""
    return [node.layer.channel_rule(network.input_shapes(node)) for node in network.nodes]


def scaled_channels(network: Network, factor: Fraction | int) -> list[ChannelCount]:
    """How many channels each layer has once every convolution's are multiplied, by node.

    Inputs and results keep theirs. Where all products come out whole, and divisible as groups
    need it, they are exact; otherwise every ratio is rounded on its own.
    """
    rows = _Rows(network)
    numerator, unit = factor.numerator, factor.denominator

    def exact_length(run: _Run) -> int:
        """In parts of a channel, `unit` of them each."""
        return run.size * (numerator if run.ratio.changes else unit)

    lengths = _Lengths(exact_length)
    parts = [lengths.of(row) % unit for row in [*rows.of, *rows.before.values()]]
    if any(parts) or any(lengths.of(row) // unit % groups for row, groups in rows.divisible):
        leaves = [run for run in lengths.known if not run.parts]
        lengths, unit = _rounded(leaves, rows.divisible, factor), 1
    return [
        ChannelCount(
            lengths.of(row) // unit,
            lengths.of(rows.before[index]) // unit if index in rows.before else 0,
        )
        for index, row in enumerate(rows.of)
    ]


def _rounded(
    leaves: Sequence[_Run], divisible: Sequence[tuple[_Run, int]], factor: Fraction | int
) -> _Lengths:
    """Lengths with every ratio rounded: halves up, and never down to no channels."""
    # All runs of a ratio are whole multiples of its step, which is what the ratio multiplies.
    steps: dict[_Ratio, int] = {}
    for run in leaves:
        steps[run.ratio] = common_divisor(steps.get(run.ratio, 0), run.size)
    multiples = dict.fromkeys(steps, 1)
    for row, groups in divisible:
        for ratio, size in _sizes_by_ratio(row).items():
            needed = groups // common_divisor(groups, size // steps[ratio])
            common = common_divisor(multiples[ratio], needed)
            multiples[ratio] = multiples[ratio] // common * needed
    rounded = {
        ratio: _nearest_multiple(step * factor, multiples[ratio]) if ratio.changes else step
        for ratio, step in steps.items()
    }
    return _Lengths(lambda run: run.size // steps[run.ratio] * rounded[run.ratio])


def _nearest_multiple(value: Fraction | int, unit: int) -> int:
    """The multiple of `unit` nearest to a positive value, the larger of two, at least one."""
    return larger((2 * value + unit) // (2 * unit), 1) * unit
