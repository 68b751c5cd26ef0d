"""Numbers that count the operations done to them, and what a run of the oracle works with."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

from convcalc.counts import Counts


class Tally:
    """How many scalar operations of each class were done."""

    def __init__(self) -> None:
        self.multiplies = 0
        self.adds = 0
        self.divides = 0
        self.compares = 0
        self.specials = 0

    def counts(self) -> Counts:
        return Counts(self.multiplies, self.adds, self.divides, self.compares, self.specials)


class Number:
    """A float that books every operation done to it.

    Copying, moving, selecting and negating are free; so is arithmetic on plain floats, which stands
    for what is known before the input is.
    """

    __slots__ = ("tally", "value")

    def __init__(self, value: float, tally: Tally) -> None:
        self.value = value
        self.tally = tally

    def __add__(self, other: Number | float) -> Number:
        self.tally.adds += 1
        return Number(self.value + plain(other), self.tally)

    def __radd__(self, other: float) -> Number:
        self.tally.adds += 1
        return Number(other + self.value, self.tally)

    def __sub__(self, other: Number | float) -> Number:
        self.tally.adds += 1
        return Number(self.value - plain(other), self.tally)

    def __rsub__(self, other: float) -> Number:
        self.tally.adds += 1
        return Number(other - self.value, self.tally)

    def __mul__(self, other: Number | float) -> Number:
        self.tally.multiplies += 1
        return Number(self.value * plain(other), self.tally)

    def __rmul__(self, other: float) -> Number:
        self.tally.multiplies += 1
        return Number(other * self.value, self.tally)

    def __truediv__(self, other: Number | float) -> Number:
        self.tally.divides += 1
        return Number(self.value / plain(other), self.tally)

    def __rtruediv__(self, other: float) -> Number:
        self.tally.divides += 1
        return Number(other / self.value, self.tally)

    def __gt__(self, other: Number | float) -> bool:
        self.tally.compares += 1
        return self.value > plain(other)

    def __neg__(self) -> Number:
        return Number(-self.value, self.tally)


def plain(number: Number | float) -> float:
    """The value of either kind of number."""
    return number.value if isinstance(number, Number) else number


def maximum(a: Number, b: Number | float) -> Number:
    """The larger of two: one comparison."""
    return a if a > b else Number(plain(b), a.tally)


def minimum(a: Number, b: Number | float) -> Number:
    """The smaller of two: one comparison."""
    return Number(plain(b), a.tally) if a > b else a


def select(condition: bool, yes: Number, no: Number) -> Number:
    """One of two values that are both computed, as on hardware that does not branch: free."""
    return yes if condition else no


def _special(number: Number, value: float) -> Number:
    number.tally.specials += 1
    return Number(value, number.tally)


def exp(x: Number) -> Number:
    return _special(x, math.exp(x.value))


def log(x: Number) -> Number:
    return _special(x, math.log(x.value))


def tanh(x: Number) -> Number:
    return _special(x, math.tanh(x.value))


def erf(x: Number) -> Number:
    return _special(x, math.erf(x.value))


def square_root(x: Number) -> Number:
    """Not a number where x is negative."""
    return _special(x, math.sqrt(x.value) if x.value >= 0 else math.nan)


def power(x: Number, exponent: float) -> Number:
    """Not a number where x is negative and the exponent no whole number."""
    real = x.value >= 0 or float(exponent).is_integer()
    return _special(x, x.value**exponent if real else math.nan)


def combine(numbers: Iterable[Number], step: Callable[[Number, Number], Number]) -> Number:
    """The numbers put together one after the other: one step fewer than there are numbers."""
    first, *others = numbers
    for other in others:
        first = step(first, other)
    return first


def total(numbers: Iterable[Number]) -> Number:
    """The sum: one addition fewer than there are numbers."""
    return combine(numbers, lambda a, b: a + b)


#: A value of a network: a number at each index, the channel first.
Tensor = dict[tuple[int, ...], Number]


def at(*index: int) -> tuple[int, ...]:
    """An index made of several parts: `x[at(channel, *place)]`."""
    return index


class Run:
    """What a layer needs besides its inputs: learned numbers, padding, and the tally.

    A learned number comes into being when the layer first asks for it, so that their number is
    seen and not computed.
    """

    def __init__(self, seed: int, *, valid_taps: bool) -> None:
        self.valid_taps = valid_taps
        self.tally = Tally()
        self.learned: dict[tuple[object, ...], Number] = {}
        self.statistics: dict[tuple[object, ...], Number] = {}
        self._random = random.Random(seed)

    def number(self, low: float = -1.0) -> Number:
        """A number like those that networks hold, not counted as learned."""
        return Number(self._random.uniform(low, 1.0), self.tally)

    def constant(self, value: float) -> Number:
        """A number that is known before the input is."""
        return Number(value, self.tally)

    def weight(self, *key: object) -> Number:
        """The learned number with this name and index."""
        if key not in self.learned:
            self.learned[key] = self.number()
        return self.learned[key]

    def statistic(self, *key: object) -> Number:
        """A number that training has gathered, not learned; positive."""
        if key not in self.statistics:
            self.statistics[key] = self.number(low=0.5)
        return self.statistics[key]

    def kept(self, number: Number, *key: object) -> Number:
        """A learned number that is kept beside the others under a name of its own."""
        self.statistics[key] = number
        return number

    def padding(self, value: float) -> list[Number]:
        """What a tap on padding reads: a number, or nothing where such taps are left out."""
        return [] if self.valid_taps else [Number(value, self.tally)]
