"""Shapes: one sample's axes, channels first, without the batch axis."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from convcalc.record import Record

Shape = tuple[int, ...]

#: No size, count of channels or window may be larger: what a signed 32-bit index can name.
LARGEST_SIZE = 2**31 - 1
#: The most axes that a value may have beside the batch.
MOST_AXES = 6
#: The most spatial axes that a window slides on, and that an input of a file has.
MOST_WINDOW_AXES = 3


def elements(shape: Shape) -> int:
    """The number of values in a shape.

    >>> elements((6, 28, 28))
    4704
    """
    return prod(shape)


def with_batch(shape: Shape, batch: int) -> Shape:
    """The shape with the batch axis in front."""
    return (batch, *shape)


def tuple_text(shape: Iterable[int]) -> str:
    """A shape as Python prints it: `(1, 6, 28, 28)`, `(10,)`."""
    return str(tuple(int(size) for size in shape))


def cross_text(shape: Iterable[int]) -> str:
    """A shape as people say it: `6x28x28`."""
    return "x".join(str(int(size)) for size in shape)


_AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def axis_name(axis: int, rank: int) -> str:
    """What a spatial axis, counted from 0, is called: height and width in 2-D, length in 1-D.

    Beyond three axes it is its number in the shape, where the channels are axis 0.

    >>> axis_name(1, 2), axis_name(1, 5)
    ('width', 'axis 2')
    """
    names = _AXIS_NAMES.get(rank)
    return names[axis] if names else f"axis {axis + 1}"


class SizeSet(Record):
    """A set of sizes of an axis, which from one of them on repeats itself.

    sizes   those from 1 to `most`, in order
    period  after how many sizes it repeats; 0 if that is not seen
    start   the size from which it does
    """

    sizes: tuple[int, ...]
    period: int
    start: int
    most: int

    @property
    def smallest(self) -> int | None:
        """The smallest of them."""
        return self.sizes[0] if self.sizes else None

    @property
    def residues(self) -> tuple[int, ...]:
        """Those of one period, from the start on."""
        return tuple([n for n in self.sizes if self.start <= n < self.start + self.period])

    @property
    def before(self) -> tuple[int, ...]:
        """Those that come before the start."""
        return tuple([n for n in self.sizes if n < self.start])
