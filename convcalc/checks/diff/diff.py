"""What changed between two networks, layer by layer, as a reviewer would tell it.

Layers are matched by what they are: their kind and arguments with what is fused behind them, the
group that they stand in, and a name if they were given one. Default names only count (`conv3`), so
that a layer more in front of them changes them all; they and the shapes that arrive decide nothing.
A layer that costs more only because another one changed is told under that one, its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import Report
from convcalc.analysis.units import Unit
from convcalc.checks.diff.alignment import Pair
from convcalc.checks.diff.units import Keys
from convcalc.gc_pause import gc_paused
from convcalc.layers.base import Layer
from convcalc.problems import RuleError

Mark = Literal["added", "removed", "changed", "moved", "renamed"]

#: How far an inserted piece is slid to where a group begins, in layers.
_FURTHEST_SLIDE = 512


class Argument(NamedTuple):
    """One argument that differs: its name, and both values as a spec would say them."""

    name: str
    before: str
    after: str


class Change:
    """One layer that was added, removed, changed, moved or renamed.

    mark       which of these
    old, new   the layer before and after; None where there is none
    arguments  what differs of a changed layer; of a moved one, what it reads ("from")
    renamed    whether it also has another name or stands in another group, numbers aside
    follows    the layers that are as they were but cost other things, or put out another shape,
               because of this change: each before and after
    """

    __slots__ = ("arguments", "follows", "mark", "new", "old", "renamed")

    def __init__(
        self,
        mark: Mark,
        old: Unit | None,
        new: Unit | None,
        arguments: Sequence[Argument] = (),
        renamed: bool = False,
    ) -> None:
        self.mark = mark
        self.old = old
        self.new = new
        self.arguments = tuple(arguments)
        self.renamed = renamed
        self.follows: list[tuple[Unit, Unit]] = []

    @property
    def layer(self) -> Unit:
        """The layer after the change, or before it if it was removed."""
        layer = self.new or self.old
        if layer is None:
            raise ValueError("a change of nothing")
        return layer

    @property
    def delta(self) -> Cost:
        """What the layer itself costs more; negative where it costs less."""
        before = self.old.cost if self.old else Cost()
        return difference(before, self.new.cost if self.new else Cost())

    @property
    def delta_of_follows(self) -> Cost:
        """What the layers that follow it cost more."""
        total = Cost()
        for old, new in self.follows:
            total = total.plus(difference(old.cost, new.cost))
        return total


class Diff:
    """What changed between two networks.

    old, new  their reports
    units     their layers, old and new
    changes   in the order of the layers, a removed one where it was
    kept      how many layers are in both as they were; what follows a change counts among them
    results   whether other layers are the networks' results, or they have other shapes
    """

    __slots__ = ("changes", "kept", "new", "old", "results", "units")

    def __init__(
        self,
        reports: tuple[Report, Report],
        units: tuple[list[Unit], list[Unit]],
        changes: list[Change],
        kept: int,
        results: bool,
    ) -> None:
        self.old, self.new = reports
        self.units = units
        self.changes = changes
        self.kept = kept
        self.results = results

    @property
    def delta(self) -> Cost:
        """What the new network costs more than the old."""
        return difference(self.old.totals, self.new.totals)

    def __bool__(self) -> bool:
        return bool(self.changes) or self.results


def difference(before: Cost, after: Cost) -> Cost:
    """What is in `after` beyond `before`, field by field."""
    return after.plus(Cost(-before.params, -before.buffers, before.counts.times(-1), -before.macs))


@gc_paused()
def compare(old: Report, new: Report) -> Diff:
    """The layers that differ between two networks, each with its cause first.

    The deltas of all changes and of what follows them add up to the difference of the totals.
    Takes time that grows little faster than the number of layers.

    >>> import convcalc
    >>> old, new = [
    ...     convcalc.analyze(convcalc.loads(f"{{input: [1, 8, 8], layers: [{text}{{dense: 10}}]}}"))
    ...     for text in ("{conv: 4, kernel: 3}, ", "{conv: 4, kernel: 3}, relu, ")
    ... ]
    >>> [(change.mark, change.layer.path) for change in compare(old, new).changes]
    [('added', 'relu0')]
    """
    return _Comparison(old, new).diff()


class _Comparison:
    def __init__(self, old: Report, new: Report) -> None:
        self.reports = old, new
        self.old = old.units
        self.new = new.units
        self.keys = Keys(self.old, self.new)
        #: The partner of each layer on the other side, and -1 where there is none.
        self.new_of = [-1] * len(self.old)
        self.old_of = [-1] * len(self.new)
        self.moved: set[int] = set()
        self.changes: list[Change] = []
        self.change_of_old: dict[int, Change] = {}
        self.change_of_new: dict[int, Change] = {}
        #: Why a new layer puts out another shape than its partner did.
        self.causes: list[Change | None] = [None] * len(self.new)

    def diff(self) -> Diff:
        """Matches the layers, then tells what became of each."""
        pairs = self._slid(self._slid(self.keys.aligned(), self.new, 1), self.old, 0)
        for i, j in pairs:
            self.new_of[i], self.old_of[j] = j, i
        self._find_moved()
        for i, j in self._steps(pairs):
            self._tell(i, j)
        self._find_followers()
        kept = sum(
            1 for j, unit in enumerate(self.new) if unit.members and j not in self.change_of_new
        )
        units = self.old, self.new
        return Diff(self.reports, units, self.changes, kept, self._other_results())

    def _other_results(self) -> bool:
        """Whether the results have other shapes, or are others of the layers in both."""
        old, new = self.reports
        if list(old.outputs.values()) != list(new.outputs.values()):
            return True
        before, after = [
            [places[report.network.nodes[index].unit] for index in report.network.outputs.values()]
            for report, places in (
                (report, {unit.path: unit.index for unit in units})
                for report, units in ((old, self.old), (new, self.new))
            )
        ]
        # Where a result was added, removed or replaced, that change tells of it.
        return any(
            -1 not in (self.new_of[i], self.old_of[j]) and self.new_of[i] != j
            for i, j in zip(before, after, strict=True)
        )

    def _slid(self, pairs: list[Pair], units: list[Unit], side: int) -> list[Pair]:
        """The pairs with each inserted or removed piece where it begins and ends with a group.

        Of `a b | a b` with a piece `a b` more it cannot be said which is new; but one that begins
        in the middle of one group and ends in the middle of the next would tell nobody anything.
        """
        keys = self.keys.strict[side]
        here = [-1, *[pair[side] for pair in pairs], len(units)]
        there = [-1, *[pair[1 - side] for pair in pairs], len(self.keys.strict[1 - side])]
        for number in range(len(pairs), -1, -1):
            start, end = here[number] + 1, here[number + 1]
            if start == end or there[number] + 1 != there[number + 1]:
                continue
            # Downwards: the pair below takes the piece's first layer instead of its own, and so on.
            best = (_cut(units, start, end), 0)
            down = up = 0
            while (
                down < _FURTHEST_SLIDE
                and here[number + 1 + down] == end + down < len(units)
                and there[number + 1 + down] == there[number] + 1 + down
                and keys[start + down] == keys[end + down]
            ):
                down += 1
                best = min(best, (_cut(units, start + down, end + down), -down))
            while (
                up < _FURTHEST_SLIDE
                and here[number - up] == start - 1 - up >= 0
                and there[number - up] == there[number + 1] - 1 - up
                and keys[start - 1 - up] == keys[end - 1 - up]
            ):
                up += 1
                best = min(best, (_cut(units, start - up, end - up), up))
            for step in range(-best[1]):
                here[number + 1 + step] = start + step
            for step in range(best[1]):
                here[number - step] = end - 1 - step
        one, other = here[1:-1], there[1:-1]
        return list(zip(*((other, one) if side else (one, other)), strict=True))

    def _find_moved(self) -> None:
        """Pairs the layers without a partner that are the only ones of their kind on both sides."""
        for keys in (self.keys.strict, self.keys.own):
            removed = _only_ones(keys[0], self.new_of)
            added = _only_ones(keys[1], self.old_of)
            for key, i in removed.items():
                j = added.get(key, -1)
                if i >= 0 and j >= 0:
                    self.new_of[i], self.old_of[j] = j, i
                    self.moved.add(j)

    def _steps(self, pairs: list[Pair]) -> Iterable[tuple[int, int]]:
        """Both lists as one: (old, new) in order, -1 where a side has nothing."""
        i = j = 0
        for pair in [*pairs, (len(self.old), len(self.new))]:
            for removed in range(i, pair[0]):
                if self.new_of[removed] < 0:
                    yield removed, -1
            for added in range(j, pair[1]):
                yield self.old_of[added], added
            if pair[0] < len(self.old):
                yield pair
            i, j = pair[0] + 1, pair[1] + 1

    def _tell(self, i: int, j: int) -> None:
        """Notes what became of a layer, if anything did."""
        if i >= 0 and j >= 0:
            arguments = self._arguments(i, j)
            if arguments:
                self._note("changed", i, j, arguments)
            elif j in self.moved:
                self._note("moved", i, j, [self._sources(self.old[i], self.new[j])])
            elif self.keys.places[0][i] != self.keys.places[1][j]:
                self._note("renamed", i, j)
        else:
            self._note("added" if i < 0 else "removed", i, j)

    def _note(self, mark: Mark, i: int, j: int, arguments: Sequence[Argument] = ()) -> Change:
        old = self.old[i] if i >= 0 else None
        new = self.new[j] if j >= 0 else None
        renamed = i >= 0 and j >= 0 and self.keys.places[0][i] != self.keys.places[1][j]
        change = Change(mark, old, new, arguments, renamed)
        self.changes.append(change)
        if i >= 0:
            self.change_of_old[i] = change
        if j >= 0:
            self.change_of_new[j] = change
        return change

    def _arguments(self, i: int, j: int) -> list[Argument]:
        old, new = self.old[i], self.new[j]
        found = []
        if self.keys.own[0][i] != self.keys.own[1][j]:
            found += differing_arguments(old.layers, new.layers)
        if old.shares != new.shares or old.shares is not None:
            found += self._sharing(old, new)
        rewired = [self.new_of[source] for source in old.sources] != new.sources
        if rewired and j not in self.moved:  # what moves reads something else
            found += self._wiring(old, new)
        return found

    def _sharing(self, old: Unit, new: Unit) -> list[Argument]:
        before = old.shares if old.shares is None else self.new_of[old.shares]
        if before == new.shares:
            return []
        names = [
            "none" if index is None else units[index].path
            for units, index in ((self.old, old.shares), (self.new, new.shares))
        ]
        return [Argument("share", names[0], names[1])]

    def _wiring(self, old: Unit, new: Unit) -> list[Argument]:
        """Other inputs, unless layers that came, went or moved there explain them."""
        before = [self.new_of[s] for s in old.sources]
        came = [s for s in new.sources if self.old_of[s] < 0 or s in self.moved]
        went = [s for s in before if s < 0 or s in self.moved]
        lost = [s for s in before if s not in went and s not in new.sources]
        won = [s for s in new.sources if s not in came and s not in before]
        explained = (bool(came) or not lost) and (bool(went) or not won)
        if explained and (came or went or len(old.sources) == len(new.sources)):
            return []
        return [self._sources(old, new)]

    def _sources(self, old: Unit, new: Unit) -> Argument:
        """What a layer reads, before and after."""
        names = [
            ", ".join([units[s].path for s in sources])
            for units, sources in ((self.old, old.sources), (self.new, new.sources))
        ]
        return Argument("from", names[0], names[1])

    # What follows a change.

    def _find_followers(self) -> None:
        """Hangs every layer that is as it was but costs or makes other things under its cause."""
        for j, new in enumerate(self.new):
            own = self.change_of_new.get(j)
            i = self.old_of[j]
            if i < 0:
                self.causes[j] = own
                continue
            old = self.old[i]
            reshaped = old.output != new.output
            if own is not None:
                cause: Change | None = own
                if reshaped and not _reshapes(own, old, new):
                    cause = self._cause(old, new) or own
                self.causes[j] = cause if reshaped else None
            elif reshaped or old.cost != new.cost:
                cause = self._cause(old, new)
                if cause is None:
                    # By another batch, say: the layer is its own cause.
                    cause = self._note("changed", i, j)
                else:
                    cause.follows.append((old, new))
                self.causes[j] = cause if reshaped else None

    def _cause(self, old: Unit, new: Unit) -> Change | None:
        """The change that is to blame for what enters a layer."""
        if len(old.sources) == len(new.sources):
            for before, after in zip(old.sources, new.sources, strict=True):
                # An added layer that hands on the shape that enters it is not to blame.
                through = self.new_of[before]
                if self.old_of[after] < 0 <= through and self.causes[through] is not None:
                    if self.new[through].output == self.new[after].output:
                        return self.causes[through]
        for source in new.sources:
            if self.causes[source] is not None:
                return self.causes[source]
        for source in old.sources:
            if source in self.change_of_old:
                return self.change_of_old[source]
        for source in new.sources:
            if source in self.change_of_new:
                return self.change_of_new[source]
        return None


def _reshapes(change: Change, old: Unit, new: Unit) -> bool:
    """Whether a layer's own change makes it put out another shape, given what entered before."""
    if not old.members or any(argument.name == "from" for argument in change.arguments):
        return True
    shapes = [shape[1:] for shape in old.members[0].inputs]
    if [len(shape) + 1 for shape in shapes] != [len(shape) for shape in new.members[0].inputs]:
        return True  # of another rank: the new layer could make nothing of what entered the old
    try:
        for layer in new.layers:
            shapes = [layer.output_shape(shapes)]
    except RuleError:
        return True
    return shapes[0] != old.output[1:]


def _only_ones(keys: Sequence[int], partners: Sequence[int]) -> dict[int, int]:
    """The items without a partner by key; -1 where several have the key."""
    found: dict[int, int] = {}
    for index, partner in enumerate(partners):
        if partner < 0:
            found[keys[index]] = -1 if keys[index] in found else index
    return found


def _cut(units: list[Unit], start: int, end: int) -> int:
    """How many groups a piece cuts through where it begins and where it ends."""
    groups = 0
    for place in (start, end):
        if 0 < place < len(units):
            above, below = units[place - 1].path.split("."), units[place].path.split(".")
            for one, other in zip(above[:-1], below[:-1], strict=False):
                if one != other:
                    break
                groups += 1
    return groups


def differing_arguments(old: Sequence[Layer], new: Sequence[Layer]) -> list[Argument]:
    """What differs between two layers, each with what is fused behind it.

    >>> import convcalc
    >>> old, new = [
    ...     [node.layer for node in convcalc.loads(text).operations]
    ...     for text in (
    ...         "{input: [3, 8, 8], layers: [{conv: 4, kernel: 3, activation: relu}]}",
    ...         "{input: [3, 8, 8], layers: [{conv: 4, kernel: [5, 3]}]}",
    ...     )
    ... ]
    >>> [tuple(argument) for argument in differing_arguments(old, new)]
    [('kernel', '3', '[5, 3]'), ('activation', 'relu', 'none')]
    """
    found: list[Argument] = []
    if old[0].kind != new[0].kind:
        found.append(Argument("kind", old[0].kind, new[0].kind))
    found += _fields(old[0], new[0], "")
    roles = {layer.role for layer in (*old[1:], *new[1:])}
    for role in sorted(roles, reverse=True):  # the norm comes before the activation
        before = [layer for layer in old[1:] if layer.role == role]
        after = [layer for layer in new[1:] if layer.role == role]
        if [layer.kind for layer in before] != [layer.kind for layer in after]:
            names = [" + ".join(layer.kind for layer in one) or "none" for one in (before, after)]
            found.append(Argument(role, names[0], names[1]))
        else:
            for one, other in zip(before, after, strict=True):
                found += _fields(one, other, f"{role} ")
    return found


def _fields(old: Layer, new: Layer, prefix: str) -> list[Argument]:
    found = []
    for name, declared in new.fields.items():
        if name in old.fields:
            before, after = [declared.type.written(one.argument(name)) for one in (old, new)]
            if before != after:  # one number stands for one, two or three axes
                found.append(Argument(f"{prefix}{name}", before, after))
    return found
