"""What changed between two versions of a network, layer by layer, each change with what it causes.

`convcalc diff`, growth and `lock --check` all report what is found here. A layer that only costs
something else because another one changed is no change of its own: it follows that one, its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from convcalc.analysis.costs.cost import Cost
from convcalc.checks.diff.alignment import Pair
from convcalc.checks.diff.matching import Matching, match
from convcalc.checks.diff.records import Argument, Record, differing_arguments
from convcalc.gc_pause import gc_paused
from convcalc.layers.base import parameter_count
from convcalc.problems import RuleError
from convcalc.shapes import Shape

Mark = Literal["added", "removed", "changed", "moved", "renamed"]


class Change:
    """One layer that was added, removed, changed, moved or renamed.

    mark       which of these
    old, new   the layer before and after; None where there is none
    arguments  what differs of a changed layer; of a moved one, what it reads ("from")
    renamed    whether it also has another name or is in another group, numbers aside
    follows    the layers that are as they were but cost other things, or put out another shape,
               because of this change: each before and after
    """

    __slots__ = ("arguments", "follows", "mark", "new", "old", "renamed")

    def __init__(
        self,
        mark: Mark,
        old: Record | None,
        new: Record | None,
        arguments: Sequence[Argument] = (),
        renamed: bool = False,
    ) -> None:
        self.mark = mark
        self.old = old
        self.new = new
        self.arguments = tuple(arguments)
        self.renamed = renamed
        self.follows: list[tuple[Record, Record]] = []

    @property
    def layer(self) -> Record:
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


class Changes:
    """What changed between two versions of a network.

    records  their layers, old and new
    changes  in the order of the layers, a removed one where it was
    new_of   what became of each old layer, by index; -1 where it was removed
    old_of   what each new layer was, by index; -1 where it was added
    """

    __slots__ = ("changes", "new_of", "old_of", "records")

    def __init__(
        self,
        records: tuple[list[Record], list[Record]],
        changes: list[Change],
        new_of: list[int],
        old_of: list[int],
    ) -> None:
        self.records = records
        self.changes = changes
        self.new_of = new_of
        self.old_of = old_of

    @property
    def kept(self) -> int:
        """How many layers are in both as they were; those that follow a change are among them."""
        changed = {change.new.index for change in self.changes if change.new is not None}
        layers = [record for record in self.records[1] if not record.is_input]
        return sum(1 for record in layers if record.index not in changed)

    def before(self, new: Record) -> Record | None:
        """What a layer was; None where it was added."""
        index = self.old_of[new.index]
        return self.records[0][index] if index >= 0 else None


def difference(before: Cost, after: Cost) -> Cost:
    """What is in `after` beyond `before`, field by field; unknown where either is."""
    counts = before.counts.times(-1)
    return after.plus(Cost(-before.params, -before.buffers, counts, -before.macs, *before[4:]))


@gc_paused()
def find_changes(old: list[Record], new: list[Record]) -> Changes:
    """The layers that differ between two versions of a network, each with what follows from it.

    The deltas of all changes and of what follows them add up to the difference of the totals. Takes
    time that grows little faster than the number of layers.
    """
    matching = match(old, new)
    found = _Search(old, new, matching).changes()
    if [one.path for one in old] == [one.path for one in new]:
        # An edited line of a block may change so much that its layers are matched with others.
        own = zip(*matching.own, strict=True)
        differing = {new[i].span or i for i, (before, after) in enumerate(own) if before != after}
        if len(differing) < _lines(found):
            same_paths = [(i, i) for i in range(len(old))]
            by_path = _Search(old, new, matching._replace(pairs=same_paths, moved=[])).changes()
            return min(found, by_path, key=_lines)
    return found


def _lines(found: Changes) -> int:
    """The number of lines of the file that made the changes."""
    lines: set[object] = set()
    for change in found.changes:
        spans = [one.span for one in (change.old, change.new) if one is not None and one.span]
        lines.add((change.mark, change.arguments, tuple(spans) or change.layer.path))
    return len(lines)


def _reads_otherwise(old: Record, new: Record) -> bool:
    """Whether an unknown layer reads other shapes, so that it may cost something else."""
    return bool(new.cost.unknown and old.inputs and new.inputs and old.inputs != new.inputs)


class _Search:
    """Finds what became of every layer, given which old layer became which new one."""

    def __init__(self, old: list[Record], new: list[Record], matching: Matching) -> None:
        self.old = old
        self.new = new
        self.matching = matching
        self.new_of = [-1] * len(old)
        self.old_of = [-1] * len(new)
        for i, j in (*self.matching.pairs, *self.matching.moved):
            self.new_of[i], self.old_of[j] = j, i
        self.moved = {j for _, j in self.matching.moved}
        self.change_of_old: dict[int, Change] = {}
        self.change_of_new: dict[int, Change] = {}
        #: What each old layer reads.
        self.sources = [record.sources for record in old]
        #: Why a new layer puts out another shape than its partner did.
        self.causes: list[Change | None] = [None] * len(new)

    def changes(self) -> Changes:
        """Each layer's own change, then what follows from it."""
        steps = [*self._steps()]
        self._assume_sources()
        for i, j in steps:
            self._classify(i, j)
        self._find_followers()
        found: list[Change] = []
        for i, j in steps:
            change = self.change_of_new.get(j) or self.change_of_old.get(i)
            if change is not None:
                found.append(change)
        return Changes((self.old, self.new), found, self.new_of, self.old_of)

    def _steps(self) -> Iterable[Pair]:
        """Both lists as one: (old, new) in order, -1 where a side has nothing."""
        i = j = 0
        for pair in [*self.matching.pairs, (len(self.old), len(self.new))]:
            for removed in range(i, pair[0]):
                if self.new_of[removed] < 0:
                    yield removed, -1
            for added in range(j, pair[1]):
                yield self.old_of[added], added
            if pair[0] < len(self.old):
                yield pair
            i, j = pair[0] + 1, pair[1] + 1

    def _assume_sources(self) -> None:
        """Completes locked layers, of which the lock does not say what they read.

        A locked layer is taken to read what the layer that it became reads. If it could not have
        been as it is locked then, it read the last of the layers that were removed in between.
        """
        before: list[int] = []  # the old layer in the place of each new one; -1 if there is none
        for new in self.new:
            above = before[new.sources[0]] if new.sources else -1
            before.append(self.old_of[new.index] if self.old_of[new.index] >= 0 else above)
        removed = [*range(len(self.old))]  # the last of the removed layers right after each old one
        for i in range(len(self.old) - 2, -1, -1):
            if self.new_of[i + 1] < 0:
                removed[i] = removed[i + 1]
        for old in self.old:
            if old.unit is not None or old.is_input:
                continue
            above, j = max(old.index - 1, 0), self.new_of[old.index]
            sources = self.new[j].sources if j >= 0 else []
            found = [before[s] if before[s] >= 0 else above for s in sources] or [above]
            self.sources[old.index] = [*found, *self._lost_branches(old)]
            if (
                len(sources) == 1
                and removed[found[0]] != found[0]
                and self._is_another(old.index, j)
            ):
                self.sources[old.index] = [removed[found[0]]]

    def _lost_branches(self, join: Record) -> Iterator[int]:
        """What was removed from the branches of a join, whose paths begin with the join's."""
        index = join.index - 1
        while index >= 0 and self.old[index].path.startswith(f"{join.path}."):
            if self.new_of[index] < 0:
                yield index
            index -= 1

    def _classify(self, i: int, j: int) -> None:
        """Records a layer's own change, if it has one."""
        if i < 0 or j < 0:
            self._note("added" if i < 0 else "removed", i, j)
            return
        arguments = self._arguments(i, j)
        if arguments or self._is_another(i, j):
            self._note("changed", i, j, arguments)
        elif j in self.moved:
            self._note("moved", i, j, [self._sources(self.old[i], self.new[j])])
        elif self._renamed(i, j):
            self._note("renamed", i, j)

    def _renamed(self, i: int, j: int) -> bool:
        old, new = self.matching.places
        return old[i] != new[j] and self.old[i].path != self.new[j].path

    def _note(self, mark: Mark, i: int, j: int, arguments: Sequence[Argument] = ()) -> Change:
        old = self.old[i] if i >= 0 else None
        new = self.new[j] if j >= 0 else None
        renamed = i >= 0 and j >= 0 and self._renamed(i, j)
        change = Change(mark, old, new, arguments, renamed)
        if i >= 0:
            self.change_of_old[i] = change
        if j >= 0:
            self.change_of_new[j] = change
        return change

    def _arguments(self, i: int, j: int) -> list[Argument]:
        old, new = self.old[i], self.new[j]
        found = []
        if self.matching.own[0][i] != self.matching.own[1][j]:
            found += differing_arguments(old, new)
        if old.unit is None:
            return found  # a lock holds no wiring
        if old.shares != new.shares or old.shares is not None:
            found += self._sharing(old, new)
        rewired = [self.new_of[source] for source in self.sources[old.index]] != new.sources
        if rewired and j not in self.moved:  # what moves reads something else
            found += self._wiring(old, new)
        return found

    def _is_another(self, i: int, j: int) -> bool:
        """Whether a locked layer changed in what the lock does not hold, such as its padding.

        It did if the layer of now would not have made of its inputs of then what is locked.
        """
        old, new = self.old[i], self.new[j]
        if old.unit is not None or (old.output, old.cost) == (new.output, new.cost):
            return False
        if len(new.sources) != 1:
            return False  # which branches it had is not known
        made = self._made(old, new)
        return made is not None and made != (old.output[1:], old.cost.params)

    def _sharing(self, old: Record, new: Record) -> list[Argument]:
        before = old.shares if old.shares is None else self.new_of[old.shares]
        if before == new.shares:
            return []
        names = [
            "none" if index is None else records[index].path
            for records, index in ((self.old, old.shares), (self.new, new.shares))
        ]
        return [Argument("share", names[0], names[1])]

    def _wiring(self, old: Record, new: Record) -> list[Argument]:
        """Other inputs, unless layers that were added, removed or moved there explain them."""
        before = [self.new_of[s] for s in self.sources[old.index]]
        came = [s for s in new.sources if self.old_of[s] < 0 or s in self.moved]
        went = [s for s in before if s < 0 or s in self.moved]
        lost = [s for s in before if s not in went and s not in new.sources]
        won = [s for s in new.sources if s not in came and s not in before]
        explained = (bool(came) or not lost) and (bool(went) or not won)
        if explained and (came or went or len(self.sources[old.index]) == len(new.sources)):
            return []
        return [self._sources(old, new)]

    def _sources(self, old: Record, new: Record) -> Argument:
        """What a layer reads, before and after."""
        names = [
            ", ".join([records[s].path for s in sources])
            for records, sources in (
                (self.old, self.sources[old.index]),
                (self.new, new.sources),
            )
        ]
        return Argument("from", names[0], names[1])

    # What follows a change.

    def _find_followers(self) -> None:
        """Puts every layer that is as it was but costs or makes other things under its cause."""
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
                if reshaped and not self._reshapes(own, old, new):
                    cause = self._cause(old, new) or own
                self.causes[j] = cause if reshaped else None
            elif reshaped or old.cost != new.cost or _reads_otherwise(old, new):
                cause = self._cause(old, new)
                if cause is None:
                    # By another batch, say: the layer is its own cause.
                    cause = self._note("changed", i, j)
                else:
                    cause.follows.append((old, new))
                self.causes[j] = cause if reshaped else None

    def _cause(self, old: Record, new: Record) -> Change | None:
        """The change that made something else enter a layer."""
        if len(self.sources[old.index]) == len(new.sources):
            for before, after in zip(self.sources[old.index], new.sources, strict=True):
                # An added layer that hands on the shape that enters it is no cause.
                through = self.new_of[before]
                if self.old_of[after] < 0 <= through and self.causes[through] is not None:
                    if self.new[through].output == self.new[after].output:
                        return self.causes[through]
        for source in new.sources:
            if self.causes[source] is not None:
                return self.causes[source]
        for source in self.sources[old.index]:
            if source in self.change_of_old:
                return self.change_of_old[source]
        for source in new.sources:
            if source in self.change_of_new:
                return self.change_of_new[source]
        return None

    def _reshapes(self, change: Change, old: Record, new: Record) -> bool:
        """Whether a layer's own change makes it put out another shape, given what entered before.

        If it cannot read what entered before, then it does.
        """
        if old.is_input or any(argument.name == "from" for argument in change.arguments):
            return True
        made = self._made(old, new)
        return made is None or made[0] != old.output[1:]

    def _made(self, old: Record, new: Record) -> tuple[Shape, int] | None:
        """The shape and parameters of the new layer, given what entered the old one.

        None where it cannot read that.
        """
        if new.unit is None or len(self.sources[old.index]) != len(new.sources):
            return None
        shapes = [self.old[source].output[1:] for source in self.sources[old.index]]
        theirs = [self.new[source].output[1:] for source in new.sources]
        if [len(shape) for shape in shapes] != [len(shape) for shape in theirs]:
            return None  # of another rank
        params = 0
        try:
            for layer in new.unit.layers:
                if new.unit.shares is None:
                    params += parameter_count(layer.parameters(shapes))
                shapes = [layer.output_shape(shapes)]
        except RuleError:
            return None
        return shapes[0], params
