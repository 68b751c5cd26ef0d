"""Receptive ranges: the positions of one input axis that the units of a layer depend on.

A `FieldRange` holds for all units of a layer and is composed layer by layer. Behind windows it is a
line: unit y depends on the positions from `stride*y + a` to `stride*y + b`. Behind an upsampling
there is one such line for each phase of the units. A layer that reads whole axes makes it constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import gcd, lcm
from typing import NamedTuple

from convcalc.analysis.field.dependencies import within
from convcalc.arithmetic import Ratio
from convcalc.layers.reading import Reading

#: The longest period of a rule; beyond it the units of the layer are listed one by one.
_MOST_PHASES = 4096
#: The most units of an axis that are listed; beyond them only their common hull is kept.
_MOST_LISTED = 1 << 14

#: The most intervals that all ranges of a network list, and look at for that: about two seconds'
#: work. Beyond that, a range lists a few, and otherwise only keeps the hull.
_MOST_INTERVALS = 1_000_000
_FEW_INTERVALS = 16

#: The first and the last position that a unit depends on; None where there is none.
Interval = tuple[int, int] | None


class Listing:
    """How many intervals the ranges of a network may still list, and look at for that."""

    def __init__(self) -> None:
        self.left = _MOST_INTERVALS

    def takes(self, count: int, most: int) -> bool:
        """Whether a range may list so many, where `most` are allowed; they are spent then."""
        if count > (most if self.left > 0 else _FEW_INTERVALS):
            return False
        self.left -= count
        return True

    def affords(self, reads: int) -> bool:
        """Whether so many intervals may be looked at for one more; they are spent then."""
        self.left -= reads
        return self.left > 0 or reads <= 2 * _FEW_INTERVALS


class Intervals(tuple[Interval, ...]):  # noqa: SLOT001 - its figures are kept with it
    """The intervals of phases or units; what follows from all of them is computed once.

    extents  the first and the last position that the first so many units depend on
    """

    extents: dict[int, tuple[int, int]]

    def __new__(cls, intervals: Iterable[Interval]) -> Intervals:
        found = super().__new__(cls, intervals)
        found.extents = {}
        return found

    @cached_property
    def largest(self) -> int:
        """The positions of the largest one."""
        return max([one[1] - one[0] + 1 for one in self if one is not None], default=0)

    @cached_property
    def uneven(self) -> bool:
        """Whether they differ in size."""
        return len({None if one is None else one[1] - one[0] for one in self}) > 1

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()

    def __hash__(self) -> int:
        return self._hash


class Periodic(NamedTuple):
    """Unit y depends on intervals[r] + q*advance, with q, r = divmod(y, len(intervals)).

    The input has no ends here: nothing is cut off at its edges.

    along   the axis of the layer that y counts along
    shared  units of a window have one field together, which lies on different sides of them
    """

    along: int
    advance: int
    intervals: Intervals
    shared: bool = False

    def interval(self, y: int) -> Interval:
        """What unit y depends on."""
        turns, phase = divmod(y, len(self.intervals))
        found = self.intervals[phase]
        moved = turns * self.advance
        return None if found is None else (found[0] + moved, found[1] + moved)

    @property
    def stride(self) -> Ratio | None:
        """Input positions from one unit to the next; None if the fields do not move."""
        return Ratio.of(self.advance, len(self.intervals)) if self.advance else None

    @property
    def centre(self) -> Ratio | None:
        """The centre of the first unit's field, on the line that fits the centres of all phases."""
        if not self.advance:
            return None
        period = len(self.intervals)
        seen = [(y, interval) for y, interval in enumerate(self.intervals) if interval is not None]
        total = sum([(low + high) * period - 2 * y * self.advance for y, (low, high) in seen])
        return Ratio.of(total, 2 * period * len(seen))

    @property
    def causal(self) -> bool:
        """Whether each unit's field ends at the unit's own place."""
        period = len(self.intervals)
        return all(
            [
                interval is not None and interval[1] == y * self.advance // period
                for y, interval in enumerate(self.intervals)
            ]
        )


class PerUnit(NamedTuple):
    """The interval of each unit, cut to the input; no common rule fits them."""

    along: int
    intervals: Intervals


class Constant(NamedTuple):
    """Every unit depends on the same positions, `low` to `high`."""

    low: int
    high: int


class Bounded(NamedTuple):
    """Units depend on at most `size` positions, somewhere between `low` and `high`.

    exact  the unit with the largest field depends on that many
    """

    size: int
    low: int
    high: int
    exact: bool = False


FieldRange = Periodic | PerUnit | Constant | Bounded


def identity(axis: int) -> Periodic:
    """An input's own: unit y is position y."""
    return Periodic(axis, 1, Intervals([(0, 0)]))


def largest(field: FieldRange) -> int:
    """The positions that the unit with the largest field intervals."""
    if isinstance(field, Constant):
        return field.high - field.low + 1
    if isinstance(field, Bounded):
        return field.size
    return field.intervals.largest


def uneven(field: FieldRange) -> bool:
    """Whether units differ in the size of their fields."""
    if isinstance(field, Bounded):
        return not field.exact
    if isinstance(field, Constant):
        return False
    return field.intervals.uneven


def composed(
    field: Periodic | PerUnit,
    reading: Reading,
    n: int,
    units: int,
    size: int,
    listing: Listing,
) -> FieldRange:
    """The range of a layer whose `units` read an axis of `n` units that have this range.

    size     of the input's axis, to which listed intervals are cut
    listing  how many intervals it may list
    """
    along = reading.along
    if along is None:
        raise ValueError("a layer that reads the whole axis has a constant range")
    if isinstance(field, Periodic):
        phases = len(field.intervals)
        repeats = phases // gcd(phases, reading.advance)
        period = reading.period * repeats
        if listing.takes(period, _MOST_PHASES):
            intervals = []
            for y in range(period):
                taps = reading.at(y)
                if not listing.affords(min(len(taps), 2 * phases)):
                    break
                intervals.append(_interval(field, taps))
            else:
                advance = reading.advance * repeats * field.advance // phases
                shared = field.shared or reading.shared
                return _reduced(Periodic(along, advance, Intervals(intervals), shared))
    if listing.takes(max(n, units), _MOST_LISTED):
        each = per_unit(field, n, size).intervals
        found = []
        for y in range(units):
            taps = reading.at(y)
            places = within(taps, n)
            if not listing.affords(len(taps if reading.outside is not None else places)):
                break
            seen = [each[i] for i in places]
            if reading.outside is not None:
                seen += [each[reading.outside(i)] for i in taps if not 0 <= i < n]
            found.append(_hull(seen))
        else:
            return PerUnit(along, Intervals(found))
    low, high = _extent(field, {field.along: n}, size)
    if len(reading.at(0)) == 1:
        # Each unit has the field of one other; units of a flattened map have those of all.
        return Bounded(largest(field), low, high, exact=not reading.advance)
    return Bounded(high - low + 1, low, high)


def _interval(field: Periodic, taps: range) -> Interval:
    """The interval of a unit with these taps; of each phase the first and the last tap decide."""
    phases = len(field.intervals)
    if phases == 1 and taps:
        # One line: the outermost taps give the outermost positions.
        return _hull([field.interval(taps[0]), field.interval(taps[-1])])
    ends = {*taps[:phases], *taps[-phases:]}
    return _hull([field.interval(i) for i in ends])


def _hull(intervals: Sequence[Interval]) -> Interval:
    """The smallest interval that holds all of these."""
    seen = [interval for interval in intervals if interval is not None]
    if not seen:
        return None
    return min([low for low, _ in seen]), max([high for _, high in seen])


def _reduced(field: Periodic) -> Periodic:
    """The range with one phase, where all phases lie on the same line."""
    phases = len(field.intervals)
    if phases == 1 or field.advance % phases:
        return field
    intervals = Intervals(field.intervals[:1])
    first = field._replace(advance=field.advance // phases, intervals=intervals)
    if all(first.interval(y) == interval for y, interval in enumerate(field.intervals)):
        return first
    return field


def per_unit(field: Periodic | PerUnit, units: int, size: int) -> PerUnit:
    """The interval of each unit, cut to an input of this size."""
    if isinstance(field, PerUnit):
        return field
    intervals: list[Interval] = []
    for y in range(units):
        interval = field.interval(y)
        if interval is not None:
            low, high = max(interval[0], 0), min(interval[1], size - 1)
            interval = (low, high) if low <= high else None
        intervals.append(interval)
    return PerUnit(field.along, Intervals(intervals))


def union(
    first: FieldRange,
    second: FieldRange,
    units: Sequence[int],
    size: int,
    most: Callable[[], tuple[int, int]],
    listing: Listing,
) -> FieldRange:
    """The range of units that depend on both, each unit on its own interval of each.

    units    the layer's, on every axis
    most     computes the first and the last position that any unit depends on
    listing  how many intervals it may list
    """
    if first == second:
        return first
    if isinstance(first, Constant) and isinstance(second, Constant):
        return Constant(min(first.low, second.low), max(first.high, second.high))
    for field in (first, second):
        # A unit that depends on all positions that it can gains none from another branch.
        if isinstance(field, Constant) and (
            field == Constant(0, size - 1) or field == Constant(*most())
        ):
            return field
    if isinstance(first, Periodic) and isinstance(second, Periodic):
        period = lcm(len(first.intervals), len(second.intervals))
        parallel = first.along == second.along and first.stride == second.stride
        if parallel and listing.takes(period, _MOST_PHASES):
            intervals = Intervals(
                [_hull([first.interval(y), second.interval(y)]) for y in range(period)]
            )
            advance = first.advance * period // len(first.intervals)
            shared = first.shared or second.shared
            return _reduced(Periodic(first.along, advance, intervals, shared))
    return _union_of_units(first, second, units, size, listing)


def _union_of_units(
    first: FieldRange, second: FieldRange, units: Sequence[int], size: int, listing: Listing
) -> FieldRange:
    """The union where no common rule exists."""
    alongs = {t.along for t in (first, second) if isinstance(t, Periodic | PerUnit)}
    mixed = isinstance(first, Bounded) or isinstance(second, Bounded)
    if len(alongs) != 1 or mixed or not listing.takes(units[min(alongs)], _MOST_LISTED):
        low = min([_extent(field, units, size)[0] for field in (first, second)])
        high = max([_extent(field, units, size)[1] for field in (first, second)])
        return Bounded(high - low + 1, low, high)
    (along,) = alongs
    count = units[along]
    each = [_unit_spans(field, count, size) for field in (first, second)]
    return PerUnit(along, Intervals([_hull(pair) for pair in zip(*each, strict=True)]))


def _unit_spans(field: FieldRange, count: int, size: int) -> Sequence[Interval]:
    if isinstance(field, Periodic | PerUnit):
        return per_unit(field, count, size).intervals
    return [(field.low, field.high)] * count


def joined(
    parts: Sequence[tuple[FieldRange, range]],
    axis: int,
    units: int,
    size: int,
    most: Callable[[], tuple[int, int]],
    listing: Listing,
) -> FieldRange:
    """The range of units that are those of several layers, one after the other along an axis.

    parts    the range of each layer's own units, and the positions at which those stand
    units    how many there are on the axis; those of no part depend on nothing
    size     of the input's axis, to which listed intervals are cut
    most     computes the first and the last position that any unit depends on
    listing  how many intervals it may list
    """
    placed = [_moved(one, axis, of.start) for one, of in parts]
    first = placed[0]
    everywhere = sum([len(of) for _, of in parts]) == units
    if first is not None and all([one == first for one in placed]):
        if everywhere or not (isinstance(first, Constant) or _along(first) == axis):
            return first
    listed = all([isinstance(one, Constant) or _along(one) == axis for one, _ in parts])
    if listed and listing.takes(units, _MOST_LISTED):
        intervals: list[Interval] = [None] * units
        for one, of in parts:
            intervals[of.start : of.stop] = _unit_spans(one, len(of), size)
        return PerUnit(axis, Intervals(intervals))
    sizes = {largest(one) for one, _ in parts}
    exact = everywhere and len(sizes) == 1 and not any([uneven(one) for one, _ in parts])
    return Bounded(max(sizes), *most(), exact)


def _along(field: FieldRange) -> int | None:
    return field.along if isinstance(field, Periodic | PerUnit) else None


def _moved(field: FieldRange, axis: int, start: int) -> FieldRange | None:
    """The range of a layer whose first unit on an axis is unit `start` now.

    None where the units before that one would not go on as the others do.
    """
    if _along(field) != axis:
        return field
    if isinstance(field, Periodic) and len(field.intervals) == 1:
        return field._replace(intervals=Intervals([field.interval(-start)]))
    return None


def bounded(field: FieldRange, units: Sequence[int], size: int) -> FieldRange:
    """The range without the intervals of single units; a constant range stays."""
    if isinstance(field, Constant):
        return field
    return Bounded(largest(field), *_extent(field, units, size))


def _extent(
    field: FieldRange, units: Sequence[int] | Mapping[int, int], size: int
) -> tuple[int, int]:
    """The first and the last position of the input that any unit depends on."""
    if isinstance(field, Constant | Bounded):
        return field.low, field.high
    count = units[field.along]
    known = field.intervals.extents
    if count not in known:
        if isinstance(field, PerUnit):
            known[count] = _hull(field.intervals) or (0, 0)
        else:
            period = len(field.intervals)
            ends = {*range(min(period, count)), *range(max(count - period, 0), count)}
            known[count] = _hull([field.interval(y) for y in ends]) or (0, 0)
    low, high = known[count]
    return max(low, 0), min(high, size - 1)
