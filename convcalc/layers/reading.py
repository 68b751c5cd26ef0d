"""How the units of a layer read its input: the positions on each axis, one axis at a time.

Every kind declares its readings (`Layer.reads`); receptive fields follow from them alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from math import gcd, prod
from typing import NamedTuple

from convcalc.arithmetic import Window, positions_reached, positions_with_real_tap
from convcalc.symbols import larger, smaller


class Reading:
    """How units read one axis of an input.

    along    the axis of the output (0: channels) whose position decides what is read; None where
             every unit reads the whole axis
    at       the positions that the unit at position y reads, on an axis without ends: a range
    count    count(units, n): how many of the axis's n positions the `units` units of an output
             read together; in closed form, because an axis may have billions of positions
    period   at(y + period) is at(y), moved on by `advance`
    advance  the input positions that `period` units move on by
    outside  the position that is read in the place of one off the axis; None where padding is
    part     off the axis there is no padding: units there read another input, and not this one
    irregular  no single axis of the output decides; each unit reads one position
    shared   the units of a window read the same positions, those of the window
    ascending  neither the first nor the last position of at(y) decreases from one unit to the
               next; otherwise `span` is given
    """

    __slots__ = (
        "_span",
        "advance",
        "along",
        "ascending",
        "at",
        "count",
        "irregular",
        "outside",
        "part",
        "period",
        "same",
        "shared",
    )

    def __init__(
        self,
        along: int | None,
        at: Callable[[int], range],
        count: Callable[[int, int], int],
        period: int = 1,
        advance: int = 1,
        outside: Callable[[int], int] | None = None,
        irregular: bool = False,
        span: Callable[[range], range] | None = None,
        *,
        part: bool = False,
        shared: bool = False,
    ) -> None:
        self.along = along
        self.at = at
        self.count = count
        self.ascending = span is None
        self._span = span
        self.period = period
        self.advance = advance
        self.outside = outside
        self.irregular = irregular
        self.part = part
        self.shared = shared
        #: Whether unit y reads position y and no other; there may be more units than positions.
        self.same = along is not None and (period, advance, at(0)) == (1, 1, range(1))

    @property
    def everything(self) -> bool:
        """Whether every unit reads the whole axis."""
        return self.along is None and not self.irregular

    def span(self, units: range) -> range:
        """From the first to the last position that neighbouring units read, on an endless axis.

        >>> sampled(1, Centres(10, 0, 4), 0, 0).span(range(1, 3))
        range(2, 6)
        """
        if self._span is not None:
            return self._span(units)
        return range(self.at(units[0])[0], self.at(units[-1])[-1] + 1)

    def readers(self, places: range, units: int) -> range:
        """Which of the units 0 to units - 1 of an ascending reading read one of these positions.

        >>> sampled(1, Centres(10, 0, 4), 0, 0).readers(range(1, 6), 4)
        range(1, 3)
        """
        every = range(units)
        return range(
            bisect_left(every, places.start, key=lambda y: self.at(y)[-1]),
            bisect_left(every, places.stop, key=lambda y: self.at(y)[0]),
        )


Readings = tuple[Reading, ...]


def _none(_: int) -> range:
    return range(0)


def _all(_: int, n: int) -> int:
    return n


#: Every unit reads the whole axis.
WHOLE = Reading(None, _none, _all)
#: Each unit reads one position; no single axis of the output decides which.
IRREGULAR = Reading(None, _none, _all, irregular=True)


def same(axis: int) -> Reading:
    """Unit y reads position y."""
    return shifted(axis, 0)


def same_from(axis: int, shape: Sequence[int]) -> Readings:
    """Unit y reads position y, on every axis of a shape from `axis` on."""
    return tuple([same(a) for a in range(axis, len(shape))])


def shifted(axis: int, by: int, outside: Callable[[int], int] | None = None) -> Reading:
    """Unit y reads position y + by, or a copy of one that another unit reads."""
    return Reading(
        axis,
        lambda y: range(y + by, y + by + 1),
        lambda units, n: max(min(units + by, n) - max(by, 0), 0),
        outside=outside,
    )


def strided(axis: int, start: int, step: int) -> Reading:
    """Unit y reads position start + y*step."""
    if step == 1:
        return shifted(axis, start)
    return Reading(
        axis,
        lambda y: range(start + y * step, start + y * step + 1),
        lambda units, n: min(units, max(-((start - n) // step), 0)),
        advance=step,
    )


def part(axis: int, start: int) -> Reading:
    """Unit y reads position y - start, if there is one: the others read another input."""
    return Reading(
        axis,
        lambda y: range(y - start, y - start + 1),
        lambda units, n: max(min(units - start, n), 0),
        part=True,
    )


def sliding(windows: Iterable[Window]) -> list[Reading]:
    """The taps of a window on each spatial axis."""
    return [slides(axis, w) for axis, w in enumerate(windows, 1)]


def slides(axis: int, w: Window) -> Reading:
    """The taps of a window on one axis."""

    def at(y: int) -> range:
        first = y * w.stride - w.before
        return range(first, first + w.extent, w.dilation)

    def count(units: int, n: int) -> int:
        return positions_reached(units, w.taps, w.stride, w.dilation, w.before, w.before + n)

    return Reading(axis, at, count, 1, w.stride)


def transposed(windows: Iterable[Window]) -> list[Reading]:
    """The inputs i that land on output o of a transposed convolution, for each spatial axis.

    i*stride + t*dilation - before = o for some tap t. With g = gcd(stride, dilation) there are
    none unless g divides o + before; then every (stride / g)-th tap has one.

    >>> from convcalc.arithmetic import Window
    >>> [*transposed([Window(4, 4, 2, 1, 1, 1, 8)])[0].at(2)]
    [0, 1]
    """
    return [_lands(axis, w) for axis, w in enumerate(windows, 1)]


def _lands(axis: int, w: Window) -> Reading:
    common = gcd(w.stride, w.dilation)
    step = w.stride // common
    inverse = pow(w.dilation // common, -1, step)

    def at(o: int) -> range:
        place = o + w.before
        first = place // common * inverse % step
        if place % common or first >= w.taps:
            return range(0)
        last = w.taps - 1 - (w.taps - 1 - first) % step
        low, high = (
            (place - last * w.dilation) // w.stride,
            (place - first * w.dilation) // w.stride,
        )
        return range(low, high + 1, w.dilation // common)

    def count(units: int, n: int) -> int:
        return positions_with_real_tap(n, w.taps, w.stride, w.dilation, w.before, units)

    def span(units: range) -> range:
        # Neighbouring outputs do not read neighbouring inputs. But how many of the first inputs
        # land on one of these outputs is counted at once, so the first and the last that do are
        # found by bisection.
        place, size = units[0] + w.before, len(units)
        lowest = (place - (w.taps - 1) * w.dilation) // w.stride
        most = (place + size - 1) // w.stride - lowest + 1

        def landing(inputs: int) -> int:
            before = place - lowest * w.stride
            return positions_with_real_tap(inputs, w.taps, w.stride, w.dilation, before, size)

        inputs, total = range(most + 1), landing(most)
        if not total:
            return range(0)
        first = bisect_left(inputs, 1, key=landing)
        last = bisect_left(inputs, total, key=landing)
        return range(lowest + first - 1, lowest + last)

    return Reading(axis, at, count, w.stride, 1, span=span)


def windowed(axis: int, taps: int, dilation: int, shift: int) -> Reading:
    """The positions of a unit's own window: windows of `taps` positions tile the axis.

    The positions of a window are `dilation` apart, and the first window begins at `shift`.

    >>> [windowed(1, 2, 2, 0).at(y) for y in (0, 1, 4)]
    [range(0, 4, 2), range(1, 5, 2), range(4, 8, 2)]
    """
    block = taps * dilation

    def at(y: int) -> range:
        place = y - shift
        first = place // block * block + place % dilation + shift
        return range(first, first + block, dilation)

    def count(units: int, n: int) -> int:
        # Of the last block only the windows of the units there are read.
        last = units - 1 - shift
        before = last // block * block
        windows = min(last - before + 1, dilation)
        return min(before + shift + windows * taps, n)

    span = None if dilation == 1 else _ascending_within(dilation, at)
    return Reading(axis, at, count, block, block, span=span, shared=True)


def adaptive(axis: int, n: int, out: int) -> Reading:
    """The window of an adaptive pool: from floor(y*n/out) up to, not including, the next ceil.

    >>> [adaptive(1, 7, 3).at(y) for y in range(3)]
    [range(0, 3), range(2, 5), range(4, 7)]
    """
    if out == 1:
        return WHOLE
    common = gcd(n, out)
    return Reading(
        axis,
        lambda y: range(y * n // out, -(-(y + 1) * n // out)),
        _all,
        out // common,
        n // common,
    )


class Centres(NamedTuple):
    """Where the units of a resized axis have their centres on the input's axis.

    That of unit y is at (step*y + start) / parts.
    """

    step: int
    start: int
    parts: int

    def floor(self, y: int) -> int:
        """The position that the centre of unit y is on, or the one before it."""
        return (self.step * y + self.start) // self.parts

    def taps(self, units: int, n: int, before: int, after: int) -> int:
        """How many of an axis's n positions the first `units` units take values from.

        Each takes those from `before` positions before the floor of its centre to `after` behind
        it; one off the axis is taken from the nearest on it, which the unit has anyway.

        >>> Centres(1, 0, 2).taps(8, 4, 0, 0), Centres(5, 0, 1).taps(2, 10, 0, 1)
        (4, 4)
        """
        # Floors of neighbours differ by one of two whole numbers in a row. So either no two units
        # share a position, or there is no gap between the first one and the last.
        low, high = self.floor(0) - before, self.floor(units - 1) + after
        off = larger(-low, 0) + larger(high - (n - 1), 0)
        return smaller(units * (before + 1 + after), high - low + 1) - off

    def hits(self, units: int) -> int:
        """How many of the first `units` units have their centre on a position.

        >>> Centres(3, 0, 2).hits(5)
        3
        """
        common = gcd(self.step, self.parts)
        if self.start % common:
            return 0
        every = self.parts // common
        first = -self.start // common * pow(self.step // common, -1, every) % every
        return max(0, -(-(units - first) // every))


def sampled(axis: int, centres: Centres, before: int, after: int) -> Reading:
    """From `before` positions before the floor of a unit's centre to `after` behind it.

    >>> [sampled(1, Centres(2, 0, 3), 0, 0).at(y) for y in range(3)]
    [range(0, 1), range(0, 1), range(1, 2)]
    """

    def at(y: int) -> range:
        place = centres.floor(y)
        return range(place - before, place + after + 1)

    common = gcd(centres.step, centres.parts)
    return Reading(
        axis,
        at,
        lambda units, n: centres.taps(units, n, before, after),
        centres.parts // common,
        centres.step // common,
    )


def interpolated(axis: int, centres: Centres) -> Reading:
    """The one or two positions around a unit's centre.

    Where the centre is a position, its neighbour has weight zero and is not read.

    >>> [interpolated(1, Centres(2, -1, 4)).at(y) for y in range(2)]
    [range(-1, 1), range(0, 2)]
    """
    step, start, parts = centres

    def at(y: int) -> range:
        place = step * y + start
        return range(place // parts, -(-place // parts) + 1)

    def count(units: int, n: int) -> int:
        taps = 2 * units - centres.hits(units)
        low, high = at(0)[0], at(units - 1)[-1]
        off = max(-low, 0) + max(high - (n - 1), 0)
        return min(taps, high - low + 1) - off

    common = gcd(step, parts)
    return Reading(axis, at, count, parts // common, step // common)


def grouped(axis: int, outputs: int, inputs: int) -> Reading:
    """Each `outputs` units in a row read the same `inputs` positions, the next ones the next."""

    def at(y: int) -> range:
        first = y // outputs * inputs
        return range(first, first + inputs)

    def count(units: int, n: int) -> int:
        return min(-(-units // outputs) * inputs, n)

    return Reading(axis, at, count, outputs, inputs)


def interleaved(axis: int, groups: int, size: int) -> Reading:
    """Units in a row read the first position of each group of `size`, then the second of each."""

    def at(y: int) -> range:
        place = y % groups * size + y // groups
        return range(place, place + 1)

    return Reading(axis, at, _all, groups, 1, span=_ascending_within(groups, at))


def wrapped(axis: int, every: int, size: int) -> Reading:
    """Unit y reads position y // every, and begins again at 0 after `size` of them."""

    def at(y: int) -> range:
        place = y // every % size
        return range(place, place + 1)

    def count(units: int, n: int) -> int:
        return min(-(-units // every), n)

    period = every * size
    return Reading(axis, at, count, period, 0, span=_ascending_within(period, at))


def picked(axis: int, positions: Sequence[int]) -> Reading:
    """Unit y reads the y-th of some positions.

    >>> [*picked(1, [4, 0, 0]).at(1)], picked(1, [4, 0, 0]).count(3, 5)
    ([0], 2)
    """
    period = len(positions)

    def at(y: int) -> range:
        place = positions[y % period]
        return range(place, place + 1)

    def span(units: range) -> range:
        places = [at(y).start for y in units[:period]]
        return range(min(places), max(places) + 1)

    return Reading(axis, at, lambda units, _: len({*positions[:units]}), period, 0, span=span)


def _ascending_within(period: int, at: Callable[[int], range]) -> Callable[[range], range]:
    """The span of units whose first and last positions ascend within each period."""

    def span(units: range) -> range:
        first, last = units[0], units[-1]
        # Units at the ends of a period may read less or more than those at the ends of the range.
        begins, ends = -(-first // period) * period, (last + 1) // period * period - 1
        places = [at(y) for y in (first, last, begins, ends) if first <= y <= last]
        return range(min([at[0] for at in places]), max([at[-1] for at in places]) + 1)

    return span


def reshaped(before: Sequence[int], after: Sequence[int]) -> Readings:
    """How the units of one shape read another that holds the same values in the same order.

    An input axis moves by `stride` values, `step` by one of the output's: if the first is a whole
    number of the second, and what lies outside moves by whole turns of the axis, then that one axis
    of the output decides.
    """
    readings = []
    for axis, n in enumerate(before):
        stride = prod(before[axis + 1 :])
        found = WHOLE if n == 1 else IRREGULAR
        for place, size in enumerate(after):
            step = prod(after[place + 1 :])
            if found is not IRREGULAR or stride % step or (size * step) % (n * stride):
                continue
            every = stride // step
            if size == n * every:
                found = grouped(place, every, 1)
            else:
                found = wrapped(place, every, n)
        readings.append(found)
    return tuple(readings)


def beyond(mode: str, kept: range) -> Callable[[int], int] | None:
    """The position that padding copies, as a function of its own, off those that are kept.

    >>> beyond("circular", range(1, 4))(4), beyond("reflect", range(4))(-1)
    (1, 1)
    """
    first, last, n = kept[0], kept[-1], len(kept)
    modes: dict[str, Callable[[int], int]] = {
        "reflect": lambda i: 2 * (first if i < first else last) - i,
        "replicate": lambda i: min(max(i, first), last),
        "circular": lambda i: first + (i - first) % n,
    }
    return modes.get(mode)
