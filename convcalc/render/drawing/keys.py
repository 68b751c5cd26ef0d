"""Which keys the queries of an attention read, on a part of its positions small enough to see."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal, NamedTuple

from convcalc.layers.base import Layer
from convcalc.layers.reading import Reading
from convcalc.record import Record
from convcalc.shapes import Shape

#: Positions of an axis that are shown; longer axes are cut.
MOST_POSITIONS = 16

State = Literal["key", "apart", "position"]


class KeyAxis(NamedTuple):
    """One axis of the keys.

    size     its positions, of which `shown` are drawn;  queries  those of the query
    step     how far apart the keys of a window are;  whole  whether each query reads all of it
    """

    size: int
    queries: int
    shown: int
    step: int
    shift: int
    reading: Reading

    @property
    def whole(self) -> bool:
        """Whether each query reads all positions."""
        return self.reading.everything

    def read(self, query: int) -> range:
        """The keys that a query reads."""
        if self.whole:
            return range(self.size)
        found = self.reading.at(query)
        start = found.start + max(0, -(found.start // found.step)) * found.step
        return range(start, min(found.stop, self.size), found.step)

    def apart(self, query: int) -> range:
        """The keys that share the query's window and that the shift keeps apart from it."""
        if self.whole:
            return range(0)
        # A shifted window that begins before the first position ends at the last ones.
        found = self.reading.at(query)
        moved = self.size if found.start < 0 else -self.size if found.stop > self.size else None
        if moved is None:
            return range(0)
        other = range(found.start + moved, found.stop + moved, found.step)
        start = other.start + max(0, -(other.start // other.step)) * other.step
        return range(start, min(other.stop, self.size), other.step)


_ONE = KeyAxis(1, 1, 1, 1, 0, Reading(None, lambda _: range(0), lambda _, n: n))


class Keys(Record):
    """The keys of an attention, on its last two axes.

    rows, columns  the axes; a sequence has columns only
    rank   how many axes there are;  heads  groups of channels that attend on their own
    taps   products that are summed for each score
    title  what the layer is
    """

    title: str
    rank: int
    heads: int
    taps: int
    rows: KeyAxis
    columns: KeyAxis

    @property
    def default(self) -> tuple[int, int]:
        """The query that is shown: where windows are shifted, one that shares its window."""
        rows, columns = self.rows, self.columns
        row = min(rows.shift + rows.step, rows.queries - 1, rows.shown - 1)
        if rows.shift and rows.size == rows.shown:
            row = 0
        column = min(columns.shift + columns.step, columns.queries - 1, columns.shown - 1)
        return row, column

    @property
    def queries(self) -> list[tuple[int, int]]:
        """Every query that is shown, in their order."""
        rows, columns = [min(axis.queries, axis.shown) for axis in (self.rows, self.columns)]
        return [(row, column) for row in range(rows) for column in range(columns)]

    @property
    def same_map(self) -> bool:
        """Whether the queries are the positions of the keys."""
        axes = (self.rows, self.columns)
        return all([axis.size == axis.queries for axis in axes])

    @property
    def whole(self) -> bool:
        """Whether every query and every key is shown."""
        axes = (self.rows, self.columns)
        shown = all([max(axis.size, axis.queries) <= axis.shown for axis in axes])
        return self.rank <= 2 and shown

    def state(self, query: tuple[int, int], row: int, column: int) -> State:
        """What a position is to a query."""
        kept = []
        for axis, at, place in (
            (self.rows, query[0], row),
            (self.columns, query[1], column),
        ):
            if place in axis.read(at):
                kept.append(True)
            elif place in axis.apart(at):
                kept.append(False)
            else:
                return "position"
        return "key" if all(kept) else "apart"

    def count(self, query: tuple[int, int]) -> int:
        """How many keys a query reads on the axes that are drawn."""
        pairs = zip((self.rows, self.columns), query, strict=True)
        return prod([len(axis.read(at)) for axis, at in pairs])

    def kept_apart(self, query: tuple[int, int]) -> int:
        """How many keys of its window a query does not read because of the shift."""
        pairs = zip((self.rows, self.columns), query, strict=True)
        window = prod([len(axis.read(at)) + len(axis.apart(at)) for axis, at in pairs])
        return window - self.count(query)


def keys_of(layer: Layer, inputs: Sequence[Shape], title: str) -> Keys | None:
    """The keys of the scores of an attention; None for any other layer."""
    if layer.kind != "attention_scores":
        return None
    query, key = inputs
    readings = layer.reads(inputs, 1)[1:]
    fields = {name: layer.argument(name) for name in ("heads", "dilation", "shift")}
    axes = []
    for place, (size, queries) in enumerate(zip(key[1:], query[1:], strict=False)):
        step, shift = [_of_axis(fields[name], place) for name in ("dilation", "shift")]
        reading = readings[place]
        if reading.everything:
            step, shift = 1, 0
        shown = min(max(int(size), int(queries)), MOST_POSITIONS)
        axes.append(KeyAxis(int(size), int(queries), shown, step, shift, reading))
    if len(query) != len(key) or not axes:
        return None
    rows, columns = (_ONE, axes[-1]) if len(axes) == 1 else axes[-2:]
    heads = int(str(fields["heads"]))
    return Keys(title, len(axes), heads, int(query[0]) // heads, rows, columns)


def _of_axis(value: object, axis: int) -> int:
    """The number of an argument with one for each axis."""
    return int(value[axis]) if isinstance(value, tuple) else 0


def sentence(keys: Keys, query: tuple[int, int]) -> str:
    """Which keys a query reads: `query (0, 4) reads 8 keys: rows 0 to 1, columns 2 to 5`."""
    ways = []
    for axis, at, name in (
        (keys.rows, query[0], "row"),
        (keys.columns, query[1], "column" if keys.rank > 1 else "position"),
    ):
        if axis is _ONE:
            continue
        read = axis.read(at)
        step = f" in steps of {read.step}" if read.step > 1 and len(read) > 1 else ""
        if axis.whole:
            ways.append(f"all {name}s")
        elif len(read) == 1:
            ways.append(f"{name} {read[0]}")
        else:
            ways.append(f"{name}s {read[0]} to {read[-1]}{step}")
    which = f"({query[0]}, {query[1]})" if keys.rank > 1 else str(query[1])
    count = keys.count(query)
    return f"query {which} reads {count} key{'s' * (count != 1)}: {', '.join(ways)}"


def notes(keys: Keys, query: tuple[int, int]) -> list[str]:
    """What else there is to know of a query's keys, a line each."""
    found = []
    apart = keys.kept_apart(query)
    if apart:
        found.append(f"{apart} more share its window, but the shift keeps them apart")
    heads = f"each of the {keys.heads} heads" if keys.heads > 1 else "the head"
    plural = "s" * (keys.taps != 1)
    found.append(f"{heads} sums {keys.taps} product{plural} of channels for a query and a key")
    parts = []
    if keys.rank > 2:
        parts.append("the last two of three axes")
    axes = (keys.rows, keys.columns)
    if any([max(axis.size, axis.queries) > axis.shown for axis in axes]):
        parts.append("the first positions")
    if parts:
        found.append(f"shown: {', '.join(parts)}")
    return found
