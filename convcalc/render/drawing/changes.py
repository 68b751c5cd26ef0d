"""Two versions of a network as one list of units, for a drawing of what changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, takewhile

from convcalc.analysis.costs.cost import COSTS
from convcalc.analysis.units import Unit
from convcalc.checks.diff.changes import Change
from convcalc.checks.diff.diff import Diff
from convcalc.metrics import METRICS
from convcalc.problems import printable
from convcalc.render.drawing.costs import Costs
from convcalc.render.drawing.structure import (
    ADDED,
    CHANGED,
    DELETED,
    KEPT,
    REMOVED,
    sources_of,
)
from convcalc.render.drawing.text import shortened
from convcalc.render.numbers import excess, short

#: Characters of what changed in a layer.
_MOST_WORDS = 40
#: Metrics of which a difference can be drawn: sums over the layers.
CHANGE_METRICS = tuple(COSTS)


class ChangeCosts(Costs):
    """What each unit costs more than before, negative where it costs less."""

    def share(self, start: int, stop: int) -> str:
        """The change of these units: `+231M`, `?` where it is unknown, "" for none."""
        if not self.known(start, stop):
            return "?"
        return signed(self.of(start, stop))

    def tint(self, start: int, stop: int) -> int:
        """None: only what changed stands out, by its outline."""
        return 0


def signed(value: int) -> str:
    """A change in a few characters, with its sign; "" for none.

    >>> signed(231211008), signed(-42), signed(0)
    ('+231M', '\u221242', '')
    """
    if not value:
        return ""
    return f"+{short(value)}" if value > 0 else f"\u2212{short(-value)}"


class Changed:
    """The units of both versions: those of the new one, and removed ones where they were.

    title    both names;  about  the totals before and after
    units    as in a network; their indices are those of this list
    sources  the units whose values each unit reads; a removed one reads only others beside it
    stems    of removed units that read what is kept: the unit that is read, and the reader
    results  the units whose values are results of the new network
    marks    ADDED, DELETED, CHANGED or KEPT of each unit
    words    of each changed unit what changed: `groups 1 \u2192 32`, ...
    """

    def __init__(self, diff: Diff, names: tuple[str, str], metric: str) -> None:
        self.diff = diff
        old, new = diff.old, diff.new
        self.network = new.network
        self.title = " \u2192 ".join([printable(name, 60) for name in names])
        places = self._merge(old.units, new.units)
        self._wire(places)
        paths = {unit.path: place for unit, place in zip(new.units, places[1], strict=True)}
        nodes = new.network.nodes
        self.results = {paths[nodes[index].unit] for index in new.network.outputs.values()}
        self.marks = [KEPT] * len(self.units)
        self.words: list[tuple[str, ...]] = [()] * len(self.units)
        for change in diff.changes:
            self._mark(change, places)
        self.costs = self._costs(places, metric)
        self.about = self._about()

    def _merge(self, old: Sequence[Unit], new: Sequence[Unit]) -> tuple[list[int], list[int]]:
        """Makes the list; returns the place of each old unit (-1 where it is kept) and new unit."""
        new_of = self.diff.new_of
        #: Removed units by the new unit that they follow.
        following: dict[int, list[int]] = {}
        last = -1
        for unit in old:
            if new_of[unit.index] < 0:
                following.setdefault(last, []).append(unit.index)
            else:
                last = max(last, new_of[unit.index])
        kept = {prefix for unit in old if new_of[unit.index] >= 0 for prefix in _prefixes(unit)}
        self.units: list[Unit] = []
        olds, news = [-1] * len(old), [-1] * len(new)

        waiting: list[Unit] = []

        def add_removed(after: int) -> None:
            waiting.extend([old[index] for index in following.get(after, ())])
            # A group of the new network stays together; what was elsewhere comes after it.
            inside = _common(new[after], new[after + 1]) if 0 <= after < len(new) - 1 else []
            while waiting and waiting[0].path.split(".")[: len(inside)] == inside:
                unit = waiting.pop(0)
                olds[unit.index] = len(self.units)
                self.units.append(_moved(unit, len(self.units), _removed_path(unit, kept)))

        add_removed(-1)
        for unit in new:
            news[unit.index] = len(self.units)
            self.units.append(_moved(unit, len(self.units), unit.path))
            add_removed(unit.index)
        return olds, news

    def _wire(self, places: tuple[list[int], list[int]]) -> None:
        olds, news = places
        old, new = self.diff.old, self.diff.new
        self.sources: list[tuple[int, ...]] = [()] * len(self.units)
        self.stems: list[tuple[int, int]] = []
        for index, read in enumerate(sources_of(new.network, new.units)):
            self.sources[news[index]] = tuple([news[source] for source in read])
        removed = {place for place in olds if place >= 0}
        #: How many kept units stand before each place: equal within a removed part.
        parts = [0, *accumulate([place not in removed for place in range(len(self.units))])]
        for index, read in enumerate(sources_of(old.network, old.units)):
            place = olds[index]
            if place < 0:
                continue
            # Only what stands in the same removed part is wired: a line has nowhere to cross.
            near = [olds[one] for one in read if olds[one] >= 0]
            gone = [one for one in near if parts[one] == parts[place]]
            path = self.units[place].path
            beside = [one for one in gone if _together(self.units[one].path, path)]
            self.sources[place] = tuple(beside)
            if not beside:
                kept = [news[self.diff.new_of[s]] for s in read if olds[s] < 0]
                self.stems += [(source, place) for source in kept[:1] if source < place]

    def _mark(self, change: Change, places: tuple[list[int], list[int]]) -> None:
        if change.new is None:
            if change.old is not None:
                self.marks[places[0][change.old.index]] = DELETED
            return
        place = places[1][change.new.index]
        if change.mark == "renamed":
            return
        self.marks[place] = ADDED if change.mark == "added" else CHANGED
        texts = [
            f"{one.name} {printable(one.before)} \u2192 {printable(one.after)}"
            for one in change.arguments
        ]
        if change.mark == "moved":
            texts.insert(0, "moved")
        self.words[place] = tuple(texts) if change.mark != "added" else ()

    def _costs(self, places: tuple[list[int], list[int]], name: str) -> ChangeCosts:
        values, unknown = [0] * len(self.units), [False] * len(self.units)

        def put(place: int, unit: Unit, sign: int) -> None:
            values[place] += sign * COSTS[name](unit.cost)
            unknown[place] |= unit.cost.known(name) is None

        for place, unit in zip(places[1], self.diff.new.units, strict=True):
            put(place, unit, 1)
        for unit in self.diff.old.units:
            place = places[0][unit.index]
            if place < 0:
                place = places[1][self.diff.new_of[unit.index]]
            put(place, unit, -1)
        return ChangeCosts(METRICS[name], values, unknown, sum(values))

    def _about(self) -> str:
        """Both totals and the change."""
        names = dict.fromkeys(["params", self.costs.metric.name])
        parts = []
        for name in names:
            before, after = [COSTS[name](one.totals) for one in (self.diff.old, self.diff.new)]
            change = f" ({excess(after, before)})" if before != after else ""
            text = f"{short(before)} \u2192 {short(after)}{change}"
            parts.append(f"{METRICS[name].title} {text if before != after else short(after)}")
        return " \u00b7 ".join(parts)

    def mark(self, start: int, stop: int) -> str:
        """What all of these units are: ADDED, DELETED or CHANGED; KEPT where they differ."""
        found = set(self.marks[start:stop])
        return found.pop() if len(found) == 1 else KEPT

    def differs(self, start: int, stop: int) -> bool:
        """Whether any of these units changed, or costs something else."""
        return any(self.marks[start:stop]) or any(self.costs.values[start:stop])

    def some_words(self, index: int) -> str:
        """What changed in a unit, in a line: the first of it, and how much more there is."""
        words = self.words[index]
        shown = list(accumulate(words, lambda one, other: f"{one}, {other}"))
        count = max([n for n, text in enumerate(shown, 1) if len(text) <= _MOST_WORDS], default=1)
        if not words:
            return ""
        more = f", {len(words) - count} more" if count < len(words) else ""
        return f"{shortened(shown[count - 1], _MOST_WORDS)}{more}"

    def summary(self, start: int, stop: int, copies: int) -> str:
        """What is in a folded group: `6 of 13 layers added`."""
        count = stop - start
        layers = f"{count} layer{'s' * (count != 1)}"
        each = f"{copies} \u00d7 {count // copies} layers" if copies > 1 else layers
        marks = self.marks[start:stop]
        found = {mark: marks.count(mark) for mark in (ADDED, DELETED, CHANGED) if mark in marks}
        if not found:
            return each if self.differs(start, stop) else f"unchanged, {each}"
        if len(found) == 1:
            ((mark, number),) = found.items()
            return f"{mark}, {each}" if number == count else f"{number} of {layers} {mark}"
        parts = [f"{number} {mark}" for mark, number in found.items()]
        return f"{', '.join(parts)}, of {layers}"


def _prefixes(unit: Unit) -> list[str]:
    parts = unit.path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _common(one: Unit, other: Unit) -> list[str]:
    """The groups that two units are in."""
    pairs = zip(one.path.split(".")[:-1], other.path.split(".")[:-1], strict=False)
    return [mine for mine, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _removed_path(unit: Unit, kept: set[str]) -> str:
    """The path of a removed unit, that of no unit of the new network.

    It differs in the outermost group of which nothing is kept, or in its last part.
    """
    parts = unit.path.split(".")
    own = (n for n in range(1, len(parts)) if ".".join(parts[:n]) not in kept)
    parts[next(own, len(parts)) - 1] += REMOVED
    return ".".join(parts)


def _together(path: str, other: str) -> bool:
    """Whether two neighbours are removed with all that is around them up to the same group."""
    pairs = zip(path.split("."), other.split("."), strict=False)
    common = len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
    return all(
        [any([REMOVED in part for part in one.split(".")[: common + 1]]) for one in (path, other)]
    )


def _moved(unit: Unit, index: int, path: str) -> Unit:
    """The unit at another place of another list."""
    copy = Unit(index, path)
    copy.nodes, copy.members, copy.output = unit.nodes, unit.members, unit.output
    copy.cost, copy.sources, copy.shares = unit.cost, unit.sources, unit.shares
    return copy
