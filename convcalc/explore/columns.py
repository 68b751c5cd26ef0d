"""Polynomials at many points at once: NumPy columns, in integers without overflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from convcalc.polynomials import Atom, Polynomial, Space

Column = Any
#: What an int64 holds.
LARGEST = 2**63 - 1

_OPERATIONS: dict[str, Callable[..., Column]] = {
    # Points of other paths may have a divisor of 0; what comes of them is not looked at.
    "quotient": lambda a, b: a // (b + (b == 0)),
    "max": np.maximum,
    "min": np.minimum,
    "gcd": np.gcd,
    "zero": lambda a: (a == 0) * 1,
    "sum": lambda a: a,
}


class Columns:
    """The points of a space, and what polynomials come to there; each is computed once.

    spend  is called with the numbers that were added up, before each column

    Bounds decide beforehand whether a column fits into 64 bits; Python's integers hold the others.
    """

    def __init__(
        self,
        space: Space,
        variables: Mapping[str, Column],
        spend: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._space = space
        self._spend = spend
        self._count = max([len(column) for column in variables.values()], default=1)
        self._variables = variables
        self._atoms: dict[int, Column] = {}
        self._products: dict[tuple[tuple[int, ...], bool], Column] = {}
        self._known: dict[int, Column] = {}

    def of(self, value: int | Polynomial) -> Column:
        """A column, or the number where the value is one."""
        if not isinstance(value, Polynomial):
            return value
        found = self._known.get(value.number)
        if found is None:
            self._spend(len(value.terms) * self._count)
            small = value.most <= LARGEST
            parts = [
                self._product(monomial, small) * factor
                if factor != 1 or not monomial
                else self._product(monomial, small)
                for monomial, factor in value.terms.items()
            ]
            found = parts[0]
            for part in parts[1:]:
                found = found + part
            self._known[value.number] = found
        return found

    def _product(self, monomial: tuple[int, ...], small: bool) -> Column:
        if not monomial:
            return 1
        key = (monomial, small)
        found = self._products.get(key)
        if found is None:
            last = self._atom(monomial[-1])
            if not small:
                last = np.asarray(last).astype(object)
            found = last if len(monomial) == 1 else self._product(monomial[:-1], small) * last
            self._products[key] = found
        return found

    def _atom(self, number: int) -> Column:
        found = self._atoms.get(number)
        if found is None:
            found = self._atoms[number] = self._computed(self._space.atoms[number])
        return found

    def _computed(self, atom: Atom) -> Column:
        if atom.operation == "variable":
            return self._variables[atom.operands[0]]
        column = _OPERATIONS[atom.operation](*[self.of(operand) for operand in atom.operands])
        fits = atom.low >= -LARGEST and atom.high <= LARGEST
        return column.astype(np.int64) if fits and column.dtype == object else column
