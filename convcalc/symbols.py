"""Sizes that are not known yet, and what rules use so that they hold on these as well.

A rule is written once, for integers. It also works on symbols if it takes operators and the
functions below, and asks about a size (`if`, `max`, `in`, `range`) only where that decides
something: whether a window fits, whether groups divide the channels.
"""

from __future__ import annotations

from math import gcd
from operator import index
from typing import Any, TypeGuard


class Symbol:
    """A whole number that is not known yet; abstract.

    Operators give symbols. A comparison gives a condition, whose truth a rule asks for only where
    it decides something. It is no `int`, because C code would take its value unasked.
    """

    __slots__ = ()

    def __index__(self) -> int:
        """The number itself, where one is needed: a decision."""
        raise NotImplementedError

    def larger(self, other: Any) -> Any:
        """The larger of the two."""
        raise NotImplementedError

    def smaller(self, other: Any) -> Any:
        """The smaller of the two."""
        raise NotImplementedError

    def positive(self) -> Any:
        """1 where it is above 0, else 0."""
        raise NotImplementedError

    def common_divisor(self, other: Any) -> Any:
        """The greatest common divisor of the two."""
        raise NotImplementedError

    def compact(self) -> Any:
        """The same, where it is a sum under a name, so that products of it stay short."""
        return self


class SymbolicFraction:
    """An exact fraction that is not known yet; abstract. It may turn out to be whole."""

    __slots__ = ()

    def settled(self) -> Any:
        """The whole number that it is, where it is one: a decision."""
        raise NotImplementedError

    def larger(self, other: Any) -> Any:
        """The larger of the two."""
        raise NotImplementedError

    def smaller(self, other: Any) -> Any:
        """The smaller of the two."""
        raise NotImplementedError

    def positive(self) -> Any:
        """1 where it is above 0, else 0."""
        raise NotImplementedError


def unknown(value: object) -> TypeGuard[Symbol | SymbolicFraction]:
    """Whether a value is a number that is not known yet."""
    return isinstance(value, Symbol | SymbolicFraction)


def settled(value: Any) -> Any:
    """A value in which fractions that are not known yet, but whole, are whole numbers.

    Whoever needs a whole number calls it; a sum of halves need not be whole at every step.
    """
    if isinstance(value, SymbolicFraction):
        return value.settled()
    if type(value) is list and any([isinstance(item, SymbolicFraction | list) for item in value]):
        return [settled(item) for item in value]
    return value


def counted(value: Any) -> Any:
    """A value that says how often, or which: the number itself where it is not known yet."""
    value = settled(value)
    return index(value) if isinstance(value, Symbol) else value


def compact(value: int) -> int:
    """A size, under a name of its own where it is the sum of unknown ones."""
    return value.compact() if isinstance(value, Symbol) else value


def whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; true and false are none.

    >>> whole(3), whole(True), whole(3.0)
    (True, False, False)
    """
    return type(value) is int or isinstance(value, Symbol)


def larger(a: int, b: int) -> int:
    """The larger of two sizes, the first if they are equal."""
    if unknown(a):
        return a.larger(b)  # type: ignore[no-any-return]
    if unknown(b):
        return b.larger(a)  # type: ignore[no-any-return]
    return max(a, b)


def smaller(a: int, b: int) -> int:
    """The smaller of two sizes, the first if they are equal."""
    if unknown(a):
        return a.smaller(b)  # type: ignore[no-any-return]
    if unknown(b):
        return b.smaller(a)  # type: ignore[no-any-return]
    return min(a, b)


def positive(value: Any) -> Any:
    """1 where a number is above 0, else 0: unlike a comparison it need not be decided.

    >>> positive(3), positive(-1)
    (1, 0)
    """
    if unknown(value):
        return value.positive()
    return int(value > 0)


def common_divisor(a: int, b: int) -> int:
    """The greatest common divisor of two sizes."""
    if isinstance(a, Symbol):
        return a.common_divisor(b)  # type: ignore[no-any-return]
    if isinstance(b, Symbol):
        return b.common_divisor(a)  # type: ignore[no-any-return]
    return gcd(a, b)
