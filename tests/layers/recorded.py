"""A stand-in for sizes: it records what rules do with them, and is evaluated afterwards."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping
from math import gcd
from typing import Any, NamedTuple

from convcalc.arithmetic import Ratio
from convcalc.symbols import Symbol

#: What can be done with sizes, by its name in a formula.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "larger": max,
    "smaller": min,
    "gcd": gcd,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
#: A number, the name of a size, or an operation and its operands.
Formula = int | str | tuple[Any, ...]


def evaluated(value: Any, sizes: Mapping[str, int]) -> Any:
    """What a formula, or a value with formulas inside, comes to for these sizes."""
    if isinstance(value, Recorded):
        return _evaluated(value.formula, sizes)
    if isinstance(value, dict):
        return {key: evaluated(each, sizes) for key, each in value.items()}
    if isinstance(value, tuple):
        return _like(value, [evaluated(each, sizes) for each in value])
    return value


def _like(value: tuple[Any, ...], parts: list[Any]) -> tuple[Any, ...]:
    """A tuple of these parts: a fraction stays one, whose parts have names."""
    return Ratio(*parts) if isinstance(value, Ratio) else tuple(parts)


def _evaluated(formula: Formula, sizes: Mapping[str, int]) -> Any:
    if isinstance(formula, str):
        return sizes[formula]
    if isinstance(formula, tuple):
        name, *operands = formula
        return OPERATIONS[name](*[_evaluated(operand, sizes) for operand in operands])
    return formula


def _formula(value: Any) -> Formula:
    return value.formula if isinstance(value, Recorded) else value


class Decision(NamedTuple):
    """The outcome of a comparison that a function of convcalc asked for."""

    function: str
    condition: Formula
    outcome: bool


class Trace:
    """A run of rules on sizes by name, and what they decided."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.decisions: list[Decision] = []

    def size(self, name: str, value: int) -> Any:
        """A size under a name."""
        self.sizes[name] = value
        return Recorded(name, self)

    def symbols(self, name: str, value: Any) -> Any:
        """A value with a size in the place of every number that is one."""
        if isinstance(value, tuple):
            parts = [self.symbols(f"{name}[{i}]", each) for i, each in enumerate(value)]
            return _like(value, parts)
        return self.size(name, value) if type(value) is int else value

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether everything would be decided as it was for these sizes too."""
        return all(_evaluated(d.condition, sizes) == d.outcome for d in self.decisions)

    @property
    def functions(self) -> set[str]:
        """The names of the functions that decided something."""
        return {decision.function for decision in self.decisions}


class Condition:
    """A comparison of sizes; whoever asks for its outcome decides something."""

    def __init__(self, formula: Formula, trace: Trace) -> None:
        self.formula = formula
        self.trace = trace

    def __bool__(self) -> bool:
        frame = sys._getframe(1)
        while frame.f_code.co_name.startswith(("<", "__")) and frame.f_back is not None:
            frame = frame.f_back  # out of comprehensions and of this class
        outcome = bool(_evaluated(self.formula, self.trace.sizes))
        self.trace.decisions.append(Decision(frame.f_code.co_name, self.formula, outcome))
        return outcome


def _operator(name: str, identity: int | None = None) -> Callable[[Any, Any], Any]:
    def operate(self: Recorded, other: Any) -> Any:
        if identity is not None and _formula(other) == identity:
            return self
        return Recorded((name, self.formula, _formula(other)), self.trace)

    return operate


def _reflected(name: str, identity: int | None = None) -> Callable[[Any, Any], Any]:
    def operate(self: Recorded, other: Any) -> Any:
        return self if other == identity else Recorded((name, other, self.formula), self.trace)

    return operate


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    def compare(self: Recorded, other: Any) -> Any:
        if _formula(other) == self.formula:
            return OPERATIONS[name](0, 0)  # the same formula: nothing to decide
        return Condition((name, self.formula, _formula(other)), self.trace)

    return compare


class Recorded(Symbol):
    """A size with the formula that gave it; it cannot become a number."""

    __slots__ = ("formula", "trace")

    def __init__(self, formula: Formula, trace: Trace) -> None:
        self.formula = formula
        self.trace = trace

    __add__, __radd__ = _operator("+", 0), _reflected("+", 0)
    __sub__, __rsub__ = _operator("-", 0), _reflected("-")
    __mul__, __rmul__ = _operator("*", 1), _reflected("*", 1)
    __floordiv__, __rfloordiv__ = _operator("//", 1), _reflected("//")
    __rmod__ = _reflected("%")
    __pow__ = _operator("**", 1)
    __eq__, __ne__ = _comparison("=="), _comparison("!=")
    __lt__, __le__, __gt__, __ge__ = map(_comparison, ("<", "<=", ">", ">="))

    def larger(self, other: Any) -> Any:
        return _operator("larger")(self, other)

    def smaller(self, other: Any) -> Any:
        return _operator("smaller")(self, other)

    def common_divisor(self, other: Any) -> Any:
        return _operator("gcd")(self, other)

    def __mod__(self, other: Any) -> Any:
        return 0 if _formula(other) == 1 else _operator("%")(self, other)

    def __neg__(self) -> Any:
        return 0 - self

    def __hash__(self) -> int:
        return hash(self.formula)

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __repr__(self) -> str:
        return str(self.formula)

    def __int__(self) -> int:
        raise AssertionError(f"{self} was turned into an integer")

    def __index__(self) -> int:
        raise AssertionError(f"{self} was used as an index")

    def __float__(self) -> float:
        raise AssertionError(f"{self} was turned into a float")
