"""Integers that remember how they were computed.

`explain` and the error messages print formulas with the numbers put in. Writing those formulas a
second time as text would let text and arithmetic drift apart; instead the arithmetic itself is run
on `Traced` integers, which are integers that carry their own derivation.

>>> n, k, p, s = Traced(28, "n"), Traced(5, "k"), Traced(4, "p"), Traced(1, "s")
>>> out = (n - k + p + s) // s
>>> out.symbol, out.numbers, int(out)
('floor((n - k + p + s) / s)', 'floor((28 - 5 + 4 + 1) / 1)', 28)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import SupportsIndex

from convcalc.record import Record

_SUM, _PRODUCT, _ATOM = 1, 2, 3


class Definition(Record):
    """A named intermediate result: `T = (c_in / groups)*k_h*k_w = 1*5*5 = 25`."""

    name: str
    symbol: str
    numbers: str
    value: int


class Traced(int):
    """An integer with the formula that gave it, once in symbols and once in numbers."""

    symbol: str
    numbers: str
    precedence: int
    where: tuple[Definition, ...]

    def __new__(
        cls,
        value: int,
        symbol: str,
        numbers: str = "",
        precedence: int = _ATOM,
        where: tuple[Definition, ...] = (),
    ) -> Traced:
        term = super().__new__(cls, value)
        term.symbol = symbol
        term.numbers = numbers or (f"({int(value)})" if value < 0 else str(int(value)))
        term.precedence = precedence
        term.where = where
        return term

    # The results are Traced integers, which are ints; the signatures repeat those of int.

    def __add__(self, other: int, /) -> int:
        return self if _is_plain(other, 0) else _combine(self, other, "+", int.__add__)

    def __radd__(self, other: int, /) -> int:
        return self if _is_plain(other, 0) else _combine(other, self, "+", int.__add__)

    def __sub__(self, other: int, /) -> int:
        return self if _is_plain(other, 0) else _combine(self, other, "-", int.__sub__)

    def __rsub__(self, other: int, /) -> int:
        return _combine(other, self, "-", int.__sub__)

    def __mul__(self, other: int, /) -> int:
        return self if _is_plain(other, 1) else _combine(self, other, "*", int.__mul__)

    def __rmul__(self, other: int, /) -> int:
        return self if _is_plain(other, 1) else _combine(other, self, "*", int.__mul__)

    def __floordiv__(self, other: int, /) -> int:
        return self if _is_plain(other, 1) else _quotient(self, other)

    def __rfloordiv__(self, other: int, /) -> int:
        return _quotient(other, self)

    def __index__(self) -> int:
        return int(self)

    def __round__(self, ndigits: SupportsIndex = 0, /) -> int:
        return self


def named(name: str, value: int) -> int:
    """`value` under a name of its own, so that a formula stays short; plain integers pass."""
    if not isinstance(value, Traced):
        return value
    definition = Definition(name, value.symbol, value.numbers, int(value))
    return Traced(int(value), name, where=(*value.where, definition))


def plain(value: int) -> int:
    """The value without its history."""
    return int(value) if isinstance(value, Traced) else value


def _is_plain(other: int, value: int) -> bool:
    return type(other) is int and other == value


def _traced(value: int) -> Traced:
    return value if isinstance(value, Traced) else Traced(value, str(value))


def _join_definitions(left: Traced, right: Traced) -> tuple[Definition, ...]:
    return tuple(dict.fromkeys(left.where + right.where))


def _combine(a: int, b: int, operator: str, compute: Callable[[int, int], int]) -> Traced:
    left, right = _traced(a), _traced(b)
    level = _PRODUCT if operator == "*" else _SUM
    # a - (b + c) keeps its brackets; a + (b - c) does not need them.
    least_right = level + 1 if operator == "-" else level
    spaced = operator if operator == "*" else f" {operator} "

    def text(a_text: str, b_text: str) -> str:
        a_shown = f"({a_text})" if left.precedence < level else a_text
        b_shown = f"({b_text})" if right.precedence < least_right else b_text
        return f"{a_shown}{spaced}{b_shown}"

    return Traced(
        compute(int(a), int(b)),
        text(left.symbol, right.symbol),
        text(left.numbers, right.numbers),
        level,
        _join_definitions(left, right),
    )


def _quotient(a: int, b: int) -> Traced:
    left, right = _traced(a), _traced(b)

    def text(a_text: str, b_text: str) -> str:
        a_shown = f"({a_text})" if left.precedence < _PRODUCT else a_text
        b_shown = f"({b_text})" if right.precedence < _ATOM else b_text
        # An exact quotient needs no floor, and reads better without one; a window size always
        # keeps it, because it is the formula everyone knows.
        if left.precedence != _SUM and int(a) % int(b) == 0:
            return f"({a_shown} / {b_shown})"
        return f"floor({a_shown} / {b_shown})"

    return Traced(
        int(a) // int(b),
        text(left.symbol, right.symbol),
        text(left.numbers, right.numbers),
        _ATOM,
        _join_definitions(left, right),
    )
