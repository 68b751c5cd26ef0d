"""Whole numbers that are not known yet, as polynomials in one canonical form.

An unknown is a variable with bounds. Operators on it give polynomials over *atoms*: variables, and
what no polynomial can say: a quotient rounded down, a maximum, a minimum, a greatest common
divisor, whether a number is 0. Equal polynomials of a space are one object.

Where a rule decides something by an unknown, the space's `Trace` decides it for one point and
records the decision as a guard. What was computed holds for every point for which all guards come
out alike; bounds decide what is the same for all points, without a guard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import gcd, prod
from typing import Any, Literal, NamedTuple

from convcalc.symbols import Symbol, SymbolicFraction, positive

#: Terms of one polynomial, and terms that all operations of one trace may make.
MOST_TERMS = 2_000
MOST_WORK = 2_000_000
#: Bits of a bound.
_WIDEST = 512

#: The atoms of a product, ascending; one that is squared stands twice.
Monomial = tuple[int, ...]
Operation = Literal["variable", "quotient", "max", "min", "gcd", "zero", "sum"]


class Unsupported(Exception):
    """Raised where unknowns do not do: a number itself is needed, or formulas grow too long."""


class Atom(NamedTuple):
    """A factor of a polynomial's terms.

    operation  what it is; "sum" is a name for a polynomial, so that products of it stay one term
    operands   of the operation; of a variable its name
    low, high  its bounds
    """

    operation: Operation
    operands: tuple[Any, ...]
    low: int
    high: int


class Space:
    """Variables, and all that is computed of them.

    atoms       by number
    trace       the trace that decides; None between traces
    most_work   how many terms the operations of one trace may make
    for_people  whether a few short formulas are wanted instead of one that holds everywhere
    """

    def __init__(self, most_work: int = MOST_WORK, *, for_people: bool = False) -> None:
        self.for_people = for_people
        self.atoms: list[Atom] = []
        self.trace: Trace | None = None
        self.most_work = most_work
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._polynomials: dict[frozenset[tuple[Monomial, int]], Polynomial] = {}
        #: Terms that the operations of the last trace made.
        self.work = 0

    def variable(self, name: str, low: int, high: int) -> int | Polynomial:
        """The variable of a name; a number where its bounds leave one."""
        return self.atom("variable", (name,), low, high)

    def atom(
        self, operation: Operation, operands: tuple[Any, ...], low: int, high: int
    ) -> int | Polynomial:
        """An atom as a polynomial; a number where its bounds leave one."""
        if low == high:
            return low
        # Polynomials are kept once, so that their identity is their value.
        key = (operation, *[id(x) if isinstance(x, Polynomial) else x for x in operands])
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.atoms)
            self.atoms.append(Atom(operation, operands, low, high))
        return self.made({(number,): 1})

    def made(self, terms: dict[Monomial, int]) -> int | Polynomial:
        """The polynomial of some terms, none of which is 0; a number where it is one."""
        if not terms:
            return 0
        if len(terms) == 1 and () in terms:
            return terms[()]
        key = frozenset(terms.items())
        found = self._polynomials.get(key)
        if found is None:
            self.work += len(terms)
            if len(terms) > MOST_TERMS or self.work > self.most_work:
                raise Unsupported("formulas grow too long")
            low, high, most = self.bounds(terms)
            if max(high, -low).bit_length() > _WIDEST:
                raise Unsupported("a number grows too large")
            found = Polynomial(self, terms, len(self._polynomials), low, high, most)
            self._polynomials[key] = found
        return found

    def started(self, trace: Trace) -> None:
        """Lets a trace decide from here on."""
        self.trace = trace
        self.work = 0

    def bounds(self, terms: Mapping[Monomial, int]) -> tuple[int, int, int]:
        """The bounds of a sum, and of what its terms add up to at most, signs left out."""
        low = high = most = 0
        for monomial, factor in terms.items():
            least = greatest = 1
            for number in monomial:
                atom = self.atoms[number]
                ends = [a * b for a in (least, greatest) for b in (atom.low, atom.high)]
                least, greatest = min(ends), max(ends)
            low += factor * (least if factor > 0 else greatest)
            high += factor * (greatest if factor > 0 else least)
            most += abs(factor) * max(-least, greatest)
        return low, high, most


class Guard(NamedTuple):
    """A decision on a polynomial: whether it is below 0, is 0, or which value it has."""

    kind: Literal["negative", "zero", "value"]
    of: Polynomial
    outcome: int


class Trace:
    """One run of rules at a point of a space: its decisions, in order.

    point   the variables' values by name
    guards  what was decided
    peeked  whether a number itself was asked for, as the text of an error does
    """

    def __init__(self, point: Mapping[str, int]) -> None:
        self.point = point
        self.guards: list[Guard] = []
        self.peeked = False
        self._atoms: dict[int, int] = {}
        self._known: dict[tuple[str, int], bool] = {}
        #: What guards say of a polynomial without its constant: the bounds.
        self._facts: dict[Any, tuple[int | None, int | None]] = {}

    def value(self, number: int | Polynomial) -> int:
        """What a polynomial comes to at the point."""
        if not isinstance(number, Polynomial):
            return number
        total = 0
        for monomial, factor in number.terms.items():
            total += factor * prod([self._atom(number.space, index) for index in monomial])
        return total

    def _atom(self, space: Space, index: int) -> int:
        value = self._atoms.get(index)
        if value is None:
            atom = space.atoms[index]
            operands = atom.operands
            if atom.operation == "variable":
                value = self.point[operands[0]]
            else:
                value = OPERATIONS[atom.operation](*map(self.value, operands))
            self._atoms[index] = value
        return value

    def decide(self, kind: Literal["negative", "zero"], number: int | Polynomial) -> bool:
        """Whether a number is below 0, or is 0; a guard, unless bounds and guards know."""
        known = _by_bounds(kind, number)
        if known is None:
            number = expanded(number)
            known = _by_bounds(kind, number)
        if known is not None or not isinstance(number, Polynomial):
            return bool(known)
        reduced = _reduced(kind, number)
        if not isinstance(reduced, Polynomial):
            return bool(_by_bounds(kind, reduced)) if reduced is not None else False
        key = (kind, reduced.number)
        if key not in self._known:
            self._known[key] = self._decided(kind, reduced)
        return self._known[key]

    def _decided(self, kind: Literal["negative", "zero"], number: Polynomial) -> bool:
        constant = number.terms.get((), 0)
        varying = number - constant
        low, high = self._facts.get(varying, (None, None))
        if kind == "negative":
            if high is not None and high + constant < 0:
                return True
            if low is not None and low + constant >= 0:
                return False
        elif (high is not None and high + constant < 0) or (low is not None and low + constant > 0):
            return False
        elif low is not None and low == high:
            return low + constant == 0
        value = self.value(number)
        outcome = value < 0 if kind == "negative" else value == 0
        self.guards.append(Guard(kind, number, outcome))
        if kind == "zero":
            if outcome:
                low = high = -constant
        elif outcome:
            high = -constant - 1 if high is None else min(high, -constant - 1)
        else:
            low = -constant if low is None else max(low, -constant)
        self._facts[varying] = (low, high)
        return outcome

    def pinned(self, number: Polynomial) -> int:
        """The value at the point, which becomes a guard."""
        constant = number.terms.get((), 0)
        varying = number - constant
        if not isinstance(varying, Polynomial):
            raise TypeError("a polynomial has terms")
        low, high = self._facts.get(varying, (None, None))
        value = self.value(varying)
        if low is None or low != high:
            self.guards.append(Guard("value", varying, value))
            self._facts[varying] = (value, value)
        return value + constant


def _by_bounds(kind: Literal["negative", "zero"], number: int | Polynomial) -> bool | None:
    """What the bounds decide; None where they leave both."""
    if not isinstance(number, Polynomial):
        return number < 0 if kind == "negative" else number == 0
    if number.low > 0 or number.high < 0:
        return kind == "negative" and number.high < 0
    return False if kind == "negative" and number.low >= 0 else None


def _reduced(kind: Literal["negative", "zero"], number: Polynomial) -> int | Polynomial | None:
    """The same question without a common factor; None where the answer is no."""
    constant = number.terms.get((), 0)
    common = gcd(*[factor for monomial, factor in number.terms.items() if monomial])
    first = min(monomial for monomial in number.terms if monomial)
    sign = -1 if kind == "zero" and number.terms[first] < 0 else 1
    if kind == "zero" and constant % common:
        return None
    terms = {m: sign * (f // common) for m, f in number.terms.items() if m}
    # For a whole p, g*p + c < 0 just where p + floor(c / g) < 0.
    rest = sign * (constant // common)
    if rest:
        terms[()] = rest
    return number.space.made(terms)


def _terms(value: int | Polynomial) -> Mapping[Monomial, int]:
    if isinstance(value, Polynomial):
        return value.terms
    return {(): value} if value else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | Polynomial) and not isinstance(value, bool)


class Polynomial(Symbol):
    """A sum of products of atoms; made by operators only.

    terms      the factor of each product
    number     counts the polynomials of the space
    low, high  bounds that hold for every point
    most       what its terms add up to at most, signs left out
    """

    __slots__ = ("_expanded", "high", "low", "most", "number", "space", "terms")

    def __init__(
        self,
        space: Space,
        terms: dict[Monomial, int],
        number: int,
        low: int,
        high: int,
        most: int,
    ) -> None:
        self.space = space
        self.terms = terms
        self.number = number
        self.low = low
        self.high = high
        self.most = most
        self._expanded: int | Polynomial | None = None

    # Arithmetic.

    def __add__(self, other: Any) -> Any:
        return self._plus(other, 1) if _is_number(other) else _lifted("__add__", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._plus(other, -1) if _is_number(other) else _lifted("__sub__", self, other)

    def __rsub__(self, other: Any) -> Any:
        return (-self)._plus(other, 1) if _is_number(other) else _lifted("__rsub__", self, other)

    def _plus(self, other: int | Polynomial, sign: int) -> int | Polynomial:
        terms = dict(self.terms)
        for monomial, factor in _terms(other).items():
            total = terms.get(monomial, 0) + sign * factor
            if total:
                terms[monomial] = total
            else:
                del terms[monomial]
        return self.space.made(terms)

    def __neg__(self) -> Polynomial:
        return self._times(-1)

    def _times(self, factor: int) -> Polynomial:
        made = self.space.made({m: f * factor for m, f in self.terms.items()})
        if not isinstance(made, Polynomial):
            raise TypeError("a multiple of a polynomial is one")
        return made

    def __mul__(self, other: Any) -> Any:
        if not _is_number(other):
            return _lifted("__mul__", self, other)
        if not isinstance(other, Polynomial):
            return self._times(other) if other else 0
        if len(self.terms) * len(other.terms) > MOST_TERMS:
            raise Unsupported("formulas grow too long")
        terms: dict[Monomial, int] = {}
        for mine, factor in self.terms.items():
            for theirs, times in other.terms.items():
                monomial = tuple(sorted(mine + theirs)) if mine and theirs else mine or theirs
                total = terms.get(monomial, 0) + factor * times
                if total:
                    terms[monomial] = total
                else:
                    del terms[monomial]
        return self.space.made(terms)

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Any:
        if type(exponent) is not int or not 0 <= exponent <= 64:
            raise Unsupported("a power")
        result: Any = 1
        for _ in range(exponent):
            result = self * result
        return result

    def __rpow__(self, base: Any) -> Any:
        return base ** self.__index__()

    def __floordiv__(self, other: Any) -> Any:
        if not _is_number(other):
            return _lifted("__floordiv__", self, other)
        return quotient(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        if not _is_number(other):
            return _lifted("__rfloordiv__", self, other)
        return quotient(other, self)

    def __mod__(self, other: Any) -> Any:
        if not _is_number(other):
            return _lifted("__mod__", self, other)
        return self - other * quotient(self, other)

    def __rmod__(self, other: Any) -> Any:
        if not _is_number(other):
            return _lifted("__rmod__", self, other)
        return other - self * quotient(other, self)

    def __truediv__(self, other: Any) -> Any:
        return Quotient.of(self) / other

    def __rtruediv__(self, other: Any) -> Any:
        return Quotient.of(other) / self

    def __abs__(self) -> Any:
        return self if self.low >= 0 else self.larger(-self)

    def __round__(self, digits: int = 0) -> Polynomial:
        return self

    def larger(self, other: Any) -> Any:
        return _extreme(self, other, "max")

    def smaller(self, other: Any) -> Any:
        return _extreme(self, other, "min")

    def positive(self) -> Any:
        if self.space.for_people and self.low <= 0 < self.high:
            return int(self > 0)
        return _extreme(0, _extreme(1, self, "min"), "max")

    def common_divisor(self, other: Any) -> Any:
        if not isinstance(other, Polynomial) and abs(other) == 1:
            return 1
        operands = (self, other) if isinstance(other, Polynomial) else (other, self)
        lows = [x.low if isinstance(x, Polynomial) else x for x in operands]
        most = max([max(abs(low), _farthest(x)) for low, x in zip(lows, operands, strict=True)])
        return self.space.atom("gcd", operands, int(max(lows) >= 1), most)

    def compact(self) -> Any:
        whole_sum = self.expanded()
        if not isinstance(whole_sum, Polynomial) or len(whole_sum.terms) < 2:
            return whole_sum
        return self.space.atom("sum", (whole_sum,), whole_sum.low, whole_sum.high)

    def expanded(self) -> int | Polynomial:
        """The same with the sums that have names written out."""
        if self._expanded is None:
            space = self.space
            self._expanded = self
            if any(space.atoms[i].operation == "sum" for m in self.terms for i in m):
                total: Any = 0
                for monomial, factor in self.terms.items():
                    parts = [space.atoms[index] for index in monomial]
                    total += factor * prod(
                        [
                            expanded(atom.operands[0])
                            if atom.operation == "sum"
                            else space.made({(index,): 1})
                            for index, atom in zip(monomial, parts, strict=True)
                        ]
                    )
                self._expanded = total
        return self._expanded

    def covers(self, other: int | Polynomial) -> bool:
        """Whether it is sure to be at least as large as another at every point; no decision."""
        terms = dict(self.terms)
        for monomial, factor in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) - factor
        return self.space.bounds(terms)[0] >= 0

    # Decisions.

    def _decide(self, kind: Literal["negative", "zero"], number: int | Polynomial) -> bool:
        if self.space.trace is None:
            raise Unsupported("nothing decides")
        return self.space.trace.decide(kind, number)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not _is_number(other):
            return _lifted("__eq__", self, other)  # type: ignore[no-any-return]
        return self._decide("zero", self - other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        if not _is_number(other):
            return _lifted("__lt__", self, other)  # type: ignore[no-any-return]
        return self._decide("negative", self - other)

    def __gt__(self, other: Any) -> bool:
        if not _is_number(other):
            return _lifted("__gt__", self, other)  # type: ignore[no-any-return]
        return self._decide("negative", other - self)

    def __le__(self, other: Any) -> bool:
        return not self > other if _is_exact(other) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return not self < other if _is_exact(other) else NotImplemented

    def __bool__(self) -> bool:
        return not self._decide("zero", self)

    def __hash__(self) -> int:
        # Two of them are never compared for lying in one dictionary, which would be a decision.
        return (1 << 59) + self.number * 2_654_435_761

    def __index__(self) -> int:
        if self.space.trace is None:
            raise Unsupported("nothing decides")
        return self.space.trace.pinned(self)

    def __int__(self) -> int:
        """The value at the point, for texts: no decision may depend on it."""
        if self.space.trace is None:
            raise Unsupported("nothing decides")
        self.space.trace.peeked = True
        return self.space.trace.value(self)

    def __float__(self) -> float:
        raise Unsupported("a float is needed")

    def __repr__(self) -> str:
        return text_of(self)


def _lifted(operator: str, own: Polynomial, other: Any) -> Any:
    """An operation with a fraction; Python's sign for "not with this" for anything else."""
    if not isinstance(other, Fraction):
        return NotImplemented
    return getattr(Quotient.of(own), operator)(other)


def quotient(a: int | Polynomial, b: int | Polynomial) -> int | Polynomial:
    """floor(a / b), in a form in which equal quotients are equal.

    >>> space = Space()
    >>> n = space.variable("n", 1, 100)
    >>> quotient(6 * n + 15, 6), quotient(4 * n + 3, 6), quotient(quotient(n + 1, 2) + 1, 2)
    (n + 2, floor((2*n + 1)/3), floor((n + 3)/4))
    """
    if isinstance(b, Polynomial):
        return _by_unknown(expanded(a), b)
    if isinstance(a, Polynomial) and any(factor % b for factor in a.terms.values()):
        a = a.expanded()
    if not isinstance(a, Polynomial):
        return a // b
    return _by_number(a, b) if b > 0 else _by_number(-a, -b)


def _by_number(a: Polynomial, b: int) -> int | Polynomial:
    space = a.space
    rest = {monomial: factor % b for monomial, factor in a.terms.items() if factor % b}
    whole_part = space.made({m: factor // b for m, factor in a.terms.items() if factor // b})
    if not any(rest):
        return whole_part  # what is left is a constant below b
    common = gcd(b, *[factor for monomial, factor in rest.items() if monomial])
    if common > 1:
        # floor((g*p + c) / b) = floor((p + floor(c / g)) / (b / g))
        rest = {m: f // common for m, f in rest.items() if f // common}
        return whole_part + quotient(space.made(rest), b // common)
    nested = _nested(space, rest)
    if nested is not None:
        # floor((floor(x / y) + c) / b) = floor((x + c*y) / (y*b))
        x, y = nested
        return whole_part + quotient(x + rest.get((), 0) * y, y * b)
    left = space.made(rest)
    if not isinstance(left, Polynomial):
        return whole_part + left // b
    return whole_part + space.atom("quotient", (left, b), left.low // b, left.high // b)


def _nested(space: Space, terms: Mapping[Monomial, int]) -> tuple[Any, int] | None:
    """x and y where the terms are floor(x / y) and a constant, y a number."""
    varying = [(monomial, factor) for monomial, factor in terms.items() if monomial]
    ((monomial, factor), *others) = varying
    if others or factor != 1 or len(monomial) != 1:
        return None
    atom = space.atoms[monomial[0]]
    if atom.operation != "quotient" or isinstance(atom.operands[1], Polynomial):
        return None
    return atom.operands[0], atom.operands[1]


def _by_unknown(a: int | Polynomial, b: Polynomial) -> int | Polynomial:
    if a is b:
        return 1
    if not isinstance(a, Polynomial) and a == 0:
        return 0
    if b.low < 1 and b < 1:
        raise Unsupported("a divisor that is not positive")
    exact = _divided(a, b) if isinstance(a, Polynomial) else None
    if exact is not None:
        return exact
    least = max(b.low, 1)
    low, high = (a.low, a.high) if isinstance(a, Polynomial) else (a, a)
    ends = (low // least, low // b.high, high // least, high // b.high)
    return b.space.atom("quotient", (a, b), min(ends), max(ends))


def _divided(a: Polynomial, b: Polynomial) -> int | Polynomial | None:
    """a / b where b is one term that divides each of a's; else None."""
    if len(b.terms) != 1:
        return None
    ((divisor, by),) = b.terms.items()
    terms: dict[Monomial, int] = {}
    for monomial, factor in a.terms.items():
        left = list(monomial)
        if factor % by:
            return None
        for index in divisor:
            if index not in left:
                return None
            left.remove(index)
        terms[tuple(left)] = factor // by
    return b.space.made(terms)


def _farthest(value: int | Polynomial) -> int:
    return max(-value.low, value.high) if isinstance(value, Polynomial) else abs(value)


def _extreme(a: Any, b: Any, which: Literal["max", "min"]) -> Any:
    """The larger or smaller of two numbers, of which one is unknown."""
    if not (_is_number(a) and _is_number(b)):
        one, other = Quotient.of(a), Quotient.of(b)
        ends = one.numerator * other.denominator, other.numerator * one.denominator
        return Quotient.made(_extreme(*ends, which), one.denominator * other.denominator)
    difference = a - b
    if isinstance(difference, Polynomial) and difference.low < 0 < difference.high:
        difference = expanded(difference)
    low, high = difference, difference
    if isinstance(difference, Polynomial):
        low, high = difference.low, difference.high
    if low >= 0:
        return a if which == "max" else b
    if high <= 0:
        return b if which == "max" else a
    ends_of = [(x.low, x.high) if isinstance(x, Polynomial) else (x, x) for x in (a, b)]
    choose = max if which == "max" else min
    # The order of operands makes no difference; numbers come first.
    operands = sorted((a, b), key=lambda x: x.number if isinstance(x, Polynomial) else -1)
    space = difference.space
    return space.atom(
        which,
        tuple(operands),
        choose(ends_of[0][0], ends_of[1][0]),
        choose(ends_of[0][1], ends_of[1][1]),
    )


def is_zero(value: Any) -> Any:
    """1 where a number is 0, else 0: an unknown, and no decision."""
    known = _by_bounds("zero", value)
    if known is not None:
        return int(known)
    return value.space.atom("zero", (value,), 0, 1)


def expanded(value: int | Polynomial) -> int | Polynomial:
    """The same with the sums that have names written out."""
    return value.expanded() if isinstance(value, Polynomial) else value


class Quotient(SymbolicFraction):
    """An exact fraction with unknowns in it; the denominator is above 0.

    numerator, denominator  a number or a polynomial each
    """

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: Any, denominator: Any) -> None:
        self.numerator = numerator
        self.denominator = denominator

    @classmethod
    def of(cls, value: Any) -> Quotient:
        """Any number as a fraction."""
        if isinstance(value, Quotient):
            return value
        if isinstance(value, Fraction):
            return cls(value.numerator, value.denominator)
        return cls(value, 1)

    @classmethod
    def made(cls, numerator: Any, denominator: Any) -> Any:
        """The fraction without common factors; a whole number where it is sure to be one."""
        if isinstance(denominator, Polynomial):
            if not isinstance(numerator, Polynomial):
                return 0 if numerator == 0 else cls(numerator, denominator)
            if numerator is denominator:
                return 1
            exact = _divided(numerator, denominator)
            return cls(numerator, denominator) if exact is None else exact
        if not isinstance(numerator, Polynomial):
            fraction = Fraction(numerator, denominator)
            return fraction.numerator if fraction.denominator == 1 else fraction
        common = gcd(denominator, *numerator.terms.values())
        if common > 1:
            terms = {m: f // common for m, f in numerator.terms.items()}
            numerator, denominator = numerator.space.made(terms), denominator // common
        return numerator if denominator == 1 else cls(numerator, denominator)

    def settled(self) -> Any:
        """The whole number that it is, where it is one: a decision."""
        whole_part = self.numerator // self.denominator
        rest = self.numerator - whole_part * self.denominator
        return whole_part if rest == 0 else self

    def __add__(self, other: Any) -> Any:
        if not _is_exact(other):
            return NotImplemented
        o = Quotient.of(other)
        numerator = self.numerator * o.denominator + o.numerator * self.denominator
        return Quotient.made(numerator, self.denominator * o.denominator)

    __radd__ = __add__

    def __neg__(self) -> Any:
        return Quotient(-self.numerator, self.denominator)

    def __sub__(self, other: Any) -> Any:
        return self + -other if _is_exact(other) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return -self + other if _is_exact(other) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        if not _is_exact(other):
            return NotImplemented
        o = Quotient.of(other)
        return Quotient.made(self.numerator * o.numerator, self.denominator * o.denominator)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if not _is_exact(other):
            return NotImplemented
        o = Quotient.of(other)
        numerator = self.numerator * o.denominator
        denominator = self.denominator * o.numerator
        if denominator < 0:
            numerator, denominator = -numerator, -denominator
        return Quotient.made(numerator, denominator)

    def __rtruediv__(self, other: Any) -> Any:
        return Quotient.of(other) / self if _is_exact(other) else NotImplemented

    def __floordiv__(self, other: Any) -> Any:
        if not _is_exact(other):
            return NotImplemented
        o = Quotient.of(other)
        divisor = self.denominator * o.numerator
        if divisor < 0:
            return (-self.numerator * o.denominator) // -divisor
        return (self.numerator * o.denominator) // divisor

    def __rfloordiv__(self, other: Any) -> Any:
        return Quotient.of(other) // self if _is_exact(other) else NotImplemented

    def __mod__(self, other: Any) -> Any:
        return self - other * (self // other) if _is_exact(other) else NotImplemented

    def __rmod__(self, other: Any) -> Any:
        return other - self * (other // self) if _is_exact(other) else NotImplemented

    def __pow__(self, exponent: int) -> Any:
        if type(exponent) is not int or not 0 <= exponent <= 64:
            raise Unsupported("a power")
        return Quotient.made(self.numerator**exponent, self.denominator**exponent)

    def __abs__(self) -> Any:
        numerator = self.numerator
        if isinstance(numerator, Polynomial):
            return Quotient.made(abs(numerator), self.denominator)
        return Quotient(abs(numerator), self.denominator)

    def __round__(self, digits: int = 0) -> Any:
        """The nearest whole number, ties to the even one."""
        doubled, divisor = 2 * self.numerator + self.denominator, 2 * self.denominator
        nearest = doubled // divisor
        return nearest - is_zero(doubled - divisor * nearest) * (nearest % 2)

    def larger(self, other: Any) -> Any:
        return _extreme(self, other, "max")

    def smaller(self, other: Any) -> Any:
        return _extreme(self, other, "min")

    def positive(self) -> Any:
        return positive(self.numerator)

    def _less(self, other: Any) -> tuple[Any, Any]:
        o = Quotient.of(other)
        return self.numerator * o.denominator, o.numerator * self.denominator

    def __eq__(self, other: object) -> bool:
        if not _is_exact(other):
            return NotImplemented
        mine, theirs = self._less(other)
        return bool(mine == theirs)

    def __lt__(self, other: Any) -> bool:
        if not _is_exact(other):
            return NotImplemented
        mine, theirs = self._less(other)
        return bool(mine < theirs)

    def __gt__(self, other: Any) -> bool:
        if not _is_exact(other):
            return NotImplemented
        mine, theirs = self._less(other)
        return bool(mine > theirs)

    def __le__(self, other: Any) -> bool:
        return not self > other if _is_exact(other) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return not self < other if _is_exact(other) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.numerator, self.denominator))

    def __float__(self) -> float:
        raise Unsupported("a float is needed")

    def as_integer_ratio(self) -> tuple[int, int]:
        """Numbers without a common factor, which unknowns are not."""
        raise Unsupported("a fraction in lowest terms is needed")

    def __repr__(self) -> str:
        return text_of(self)


def _is_exact(value: object) -> bool:
    return _is_number(value) or isinstance(value, Quotient | Fraction)


#: What atoms compute of numbers.
OPERATIONS: dict[str, Callable[..., int]] = {
    "quotient": lambda a, b: a // b,
    "max": max,
    "min": min,
    "gcd": gcd,
    "zero": lambda a: int(a == 0),
    "sum": lambda a: a,
}


def text_of(value: Any) -> str:
    """A number or a polynomial in the notation of the language.

    >>> space = Space()
    >>> n = space.variable("n", 1, 100)
    >>> text_of((n + 1) // 2 * 3 - 2 * n * n)
    '-2*n*n + 3*floor((n + 1)/2)'
    """
    if isinstance(value, Quotient):
        return f"({text_of(value.numerator)})/{_factor_text(value.denominator)}"
    value = expanded(value)
    if not isinstance(value, Polynomial):
        return str(value)
    text = ""
    for monomial, factor in sorted(value.terms.items(), key=lambda term: (not term[0], term[0])):
        parts = [_atom_text(value.space.atoms[index]) for index in monomial]
        if abs(factor) != 1 or not parts:
            parts.insert(0, str(abs(factor)))
        sign = ("-" if factor < 0 else "") if not text else f" {'-' if factor < 0 else '+'} "
        text += sign + "*".join(parts)
    return text


def _atom_text(atom: Atom) -> str:
    if atom.operation == "variable":
        return str(atom.operands[0])
    if atom.operation == "quotient":
        above, below = atom.operands
        return f"floor({_factor_text(above)}/{_factor_text(below)})"
    return f"{atom.operation}({', '.join(map(text_of, atom.operands))})"


def _factor_text(value: int | Polynomial) -> str:
    text = text_of(value)
    return f"({text})" if any(sign in text for sign in " *-") else text
