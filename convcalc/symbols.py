"""Sizes that are not known yet, and what rules use so that they hold on these as well.

A rule is written once, for integers. It also works on symbols if it takes operators and the
functions below, and asks about a size (`if`, `max`, `in`, `range`) only where that decides
something: whether a window fits, whether groups divide the channels.
"""

from __future__ import annotations

from math import gcd
from typing import Any, TypeGuard


class Symbol:
    """A whole number that is not known yet; abstract.

    Operators give symbols. A comparison gives a condition, whose truth a rule asks for only where
    it decides something. It is no `int`, because C code would take its value unasked.
    """

    __slots__ = ()

    def larger(self, other: Any) -> Any:
        """The larger of the two."""
        raise NotImplementedError

    def smaller(self, other: Any) -> Any:
        """The smaller of the two."""
        raise NotImplementedError

    def common_divisor(self, other: Any) -> Any:
        """The greatest common divisor of the two."""
        raise NotImplementedError


def whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; true and false are none.

    >>> whole(3), whole(True), whole(3.0)
    (True, False, False)
    """
    return type(value) is int or isinstance(value, Symbol)


def larger(a: int, b: int) -> int:
    """The larger of two sizes, the first if they are equal."""
    if isinstance(a, Symbol):
        return a.larger(b)  # type: ignore[no-any-return]
    if isinstance(b, Symbol):
        return b.larger(a)  # type: ignore[no-any-return]
    return max(a, b)


def smaller(a: int, b: int) -> int:
    """The smaller of two sizes, the first if they are equal."""
    if isinstance(a, Symbol):
        return a.smaller(b)  # type: ignore[no-any-return]
    if isinstance(b, Symbol):
        return b.smaller(a)  # type: ignore[no-any-return]
    return min(a, b)


def common_divisor(a: int, b: int) -> int:
    """The greatest common divisor of two sizes."""
    if isinstance(a, Symbol):
        return a.common_divisor(b)  # type: ignore[no-any-return]
    if isinstance(b, Symbol):
        return b.common_divisor(a)  # type: ignore[no-any-return]
    return gcd(a, b)
