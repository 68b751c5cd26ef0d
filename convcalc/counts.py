"""What is counted: five classes of scalar operations, as exact integers."""

from __future__ import annotations

from typing import NamedTuple


class Counts(NamedTuple):
    """Scalar operations of one layer on one sample, each class on its own.

    multiplies  scalar multiplications
    adds        scalar additions or subtractions
    divides     scalar divisions
    compares    comparisons, maxima or minima of two scalars
    specials    evaluations of exp, log, tanh, erf, square root or a power
    """

    multiplies: int = 0
    adds: int = 0
    divides: int = 0
    compares: int = 0
    specials: int = 0

    @property
    def flops(self) -> int:
        """The sum of the five classes."""
        return self.multiplies + self.adds + self.divides + self.compares + self.specials

    def times(self, factor: int) -> Counts:
        """Every class `factor` times."""
        return Counts(*[value * factor for value in self])

    def plus(self, other: Counts) -> Counts:
        """The sum, class by class."""
        return Counts(*[mine + theirs for mine, theirs in zip(self, other, strict=True)])


#: No operation at all.
NOTHING = Counts()
