"""Where the units of a layer look on one axis of an input, as a rule that holds for all of them.

A trace is carried from layer to layer. While layers are windows it is a line: unit y sees the
positions from `stride*y + a` to `stride*y + b`. Behind an upsampling there is one such line for
each phase of its units; a layer that reads whole axes ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import gcd, lcm
from typing import NamedTuple

from convcalc.analysis.field.reach import within
from convcalc.layers.reading import Reading

#: Phases that units may fall into; where there are more, the units of the layer are listed.
_MOST_PHASES = 4096
#: Units of an axis that are listed; beyond them only their common hull is kept.
_MOST_LISTED = 1 << 14

#: The first and the last position that a unit sees; None where it sees nothing.
Span = tuple[int, int] | None


class Ratio(NamedTuple):
    """An exact fraction in lowest terms; `Ratio.of` makes one."""

    numerator: int
    denominator: int

    @classmethod
    def of(cls, numerator: int, denominator: int = 1) -> Ratio:
        """The fraction, reduced.

        >>> str(Ratio.of(-6, 4)), str(Ratio.of(7)), str(Ratio.of(1, 3))
        ('-1.5', '7', '1/3')
        """
        common = gcd(numerator, denominator)
        if denominator < 0:
            common = -common
        return cls(numerator // common, denominator // common)

    @property
    def data(self) -> int | str:
        """A whole number as it is, another as text: "1/2"."""
        whole = self.denominator == 1
        return self.numerator if whole else f"{self.numerator}/{self.denominator}"

    def __str__(self) -> str:
        """As a decimal number where three decimals tell all of it."""
        if 1000 % self.denominator:
            return f"{self.numerator}/{self.denominator}"
        sign = "-" if self.numerator < 0 else ""
        whole, rest = divmod(abs(self.numerator) * (1000 // self.denominator), 1000)
        return f"{sign}{whole}.{rest:03d}".rstrip("0").rstrip(".")


class Regular(NamedTuple):
    """Unit y sees spans[r], moved on by q*advance, with q and r from y divided by the period.

    The units are those of a layer without ends: nothing is cut off where an input ends.

    along  the axis of the layer that y counts along
    """

    along: int
    advance: int
    spans: tuple[Span, ...]

    def span(self, y: int) -> Span:
        """What unit y sees."""
        turns, phase = divmod(y, len(self.spans))
        found = self.spans[phase]
        moved = turns * self.advance
        return None if found is None else (found[0] + moved, found[1] + moved)

    @property
    def stride(self) -> Ratio | None:
        """Input positions from one unit to the next; None if they do not go along the axis."""
        return Ratio.of(self.advance, len(self.spans)) if self.advance else None

    @property
    def centre(self) -> Ratio | None:
        """The centre of the first unit's field, on the line that fits the centres of all phases."""
        if not self.advance:
            return None
        period = len(self.spans)
        seen = [(y, span) for y, span in enumerate(self.spans) if span is not None]
        total = sum([(low + high) * period - 2 * y * self.advance for y, (low, high) in seen])
        return Ratio.of(total, 2 * period * len(seen))


class Listed(NamedTuple):
    """What each unit of the layer as it is sees, cut to the input; no rule fits them all."""

    along: int
    spans: tuple[Span, ...]


class Whole(NamedTuple):
    """Every unit sees the same positions, `low` to `high`."""

    low: int
    high: int


class Mixed(NamedTuple):
    """Units see at most `size` positions, somewhere between `low` and `high`.

    exact  the one with the largest field sees that many
    """

    size: int
    low: int
    high: int
    exact: bool = False


Trace = Regular | Listed | Whole | Mixed


def beginning(axis: int) -> Regular:
    """An input's own: unit y sees position y."""
    return Regular(axis, 1, ((0, 0),))


def largest(trace: Trace) -> int:
    """The positions that the unit with the largest field spans."""
    if isinstance(trace, Whole):
        return trace.high - trace.low + 1
    if isinstance(trace, Mixed):
        return trace.size
    return max([span[1] - span[0] + 1 for span in trace.spans if span is not None], default=0)


def uneven(trace: Trace) -> bool:
    """Whether units differ in the size of their fields."""
    if isinstance(trace, Mixed):
        return not trace.exact
    if isinstance(trace, Whole):
        return False
    return len({None if span is None else span[1] - span[0] for span in trace.spans}) > 1


def carried(trace: Regular | Listed, reading: Reading, n: int, units: int, size: int) -> Trace:
    """The trace behind a layer whose `units` read an axis of n units that has this trace.

    `size` is the input's, which ends what is listed.
    """
    along = reading.along
    if along is None:
        raise ValueError("a layer that reads the whole axis ends a trace")
    if isinstance(trace, Regular):
        phases = len(trace.spans)
        repeats = phases // gcd(phases, reading.advance)
        period = reading.period * repeats
        if period <= _MOST_PHASES:
            spans = tuple([_seen(trace, reading.at(y)) for y in range(period)])
            advance = reading.advance * repeats * trace.advance // phases
            return _reduced(Regular(along, advance, spans))
    if max(n, units) > _MOST_LISTED:
        low, high = _ends(trace, {trace.along: n}, size)
        if len(reading.at(0)) == 1:
            # Each unit has the field of one other; a flattened map's units those of all.
            return Mixed(largest(trace), low, high, exact=not reading.advance)
        return Mixed(high - low + 1, low, high)
    trace = listed(trace, n, size)
    found = []
    for y in range(units):
        taps = reading.at(y)
        places = list(within(taps, n))
        if reading.outside is not None:
            places += [reading.outside(i) for i in taps if not 0 <= i < n]
        found.append(_joined([trace.spans[i] for i in places]))
    return Listed(along, tuple(found))


def _seen(trace: Regular, taps: range) -> Span:
    """What a unit with these taps sees. Phases repeat: of each the first and the last tap do."""
    phases = len(trace.spans)
    if phases == 1 and taps:
        # The usual case: a line, on which the outermost taps are the outermost positions.
        return _joined([trace.span(taps[0]), trace.span(taps[-1])])
    ends = {*taps[:phases], *taps[-phases:]}
    return _joined([trace.span(i) for i in ends])


def _joined(spans: Sequence[Span]) -> Span:
    seen = [span for span in spans if span is not None]
    if not seen:
        return None
    return min([low for low, _ in seen]), max([high for _, high in seen])


def _reduced(trace: Regular) -> Regular:
    """The same line for all phases is one phase."""
    phases = len(trace.spans)
    if phases == 1 or trace.advance % phases:
        return trace
    first = Regular(trace.along, trace.advance // phases, trace.spans[:1])
    if all(first.span(y) == span for y, span in enumerate(trace.spans)):
        return first
    return trace


def listed(trace: Regular | Listed, units: int, size: int) -> Listed:
    """The units of the layer one by one, cut to an input of this size."""
    if isinstance(trace, Listed):
        return trace
    spans: list[Span] = []
    for y in range(units):
        span = trace.span(y)
        if span is not None:
            low, high = max(span[0], 0), min(span[1], size - 1)
            span = (low, high) if low <= high else None
        spans.append(span)
    return Listed(trace.along, tuple(spans))


def union(
    first: Trace,
    second: Trace,
    units: Sequence[int],
    size: int,
    most: Callable[[], tuple[int, int]],
) -> Trace:
    """What units see that see both, each unit's own; `units` are the layer's on every axis.

    `most` tells the first and the last position that any of them really sees.
    """
    if first == second:
        return first
    if isinstance(first, Whole) and isinstance(second, Whole):
        return Whole(min(first.low, second.low), max(first.high, second.high))
    for trace in (first, second):
        # Who sees all that can be seen sees no more through another branch.
        if isinstance(trace, Whole) and (trace == Whole(0, size - 1) or trace == Whole(*most())):
            return trace
    if isinstance(first, Regular) and isinstance(second, Regular):
        period = lcm(len(first.spans), len(second.spans))
        if first.along == second.along and first.stride == second.stride and period <= _MOST_PHASES:
            spans = tuple([_joined([first.span(y), second.span(y)]) for y in range(period)])
            advance = first.advance * period // len(first.spans)
            return _reduced(Regular(first.along, advance, spans))
    return _union_of_units(first, second, units, size)


def _union_of_units(first: Trace, second: Trace, units: Sequence[int], size: int) -> Trace:
    """The union where no common rule exists."""
    alongs = {t.along for t in (first, second) if isinstance(t, Regular | Listed)}
    mixed = isinstance(first, Mixed) or isinstance(second, Mixed)
    if len(alongs) != 1 or mixed or units[min(alongs)] > _MOST_LISTED:
        low = min([_ends(trace, units, size)[0] for trace in (first, second)])
        high = max([_ends(trace, units, size)[1] for trace in (first, second)])
        return Mixed(high - low + 1, low, high)
    (along,) = alongs
    count = units[along]
    each = [_unit_spans(trace, count, size) for trace in (first, second)]
    return Listed(along, tuple([_joined(pair) for pair in zip(*each, strict=True)]))


def _unit_spans(trace: Trace, count: int, size: int) -> Sequence[Span]:
    if isinstance(trace, Regular | Listed):
        return listed(trace, count, size).spans
    return [(trace.low, trace.high)] * count


def blurred(trace: Trace, units: Sequence[int], size: int) -> Trace:
    """The trace without what each unit sees; what all see alike stays."""
    if isinstance(trace, Whole):
        return trace
    return Mixed(largest(trace), *_ends(trace, units, size))


def _ends(trace: Trace, units: Sequence[int] | Mapping[int, int], size: int) -> tuple[int, int]:
    """The first and the last position of the input that any unit sees."""
    if isinstance(trace, Whole | Mixed):
        return trace.low, trace.high
    if isinstance(trace, Listed):
        return _joined(trace.spans) or (0, 0)
    count = units[trace.along]
    period = len(trace.spans)
    ends = {*range(min(period, count)), *range(max(count - period, 0), count)}
    low, high = _joined([trace.span(y) for y in ends]) or (0, 0)
    return max(low, 0), min(high, size - 1)
