"""Unknown whole numbers behave as those that they stand for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import gcd, prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.polynomials import Polynomial, Quotient, Space, Trace, Unsupported, expanded
from convcalc.symbols import common_divisor, compact, larger, settled, smaller, unknown

BOUNDS = {"a": (1, 12), "b": (0, 7), "c": (-5, 5)}
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "/": operator.truediv,
    "larger": larger,
    "smaller": smaller,
    "round": lambda a, b: round(a) + b,
    "named": lambda a, b: a if isinstance(a, Fraction | Quotient) else compact(a) * b,
    "if": lambda a, b: max(b, a),
    "equal": lambda a, b: a if a == b else b - 1,
}
Formula = int | Fraction | str | tuple[Any, ...]
formulas: st.SearchStrategy[Formula] = st.recursive(
    st.sampled_from(["a", "b", "c", 0, 1, 2, 3, -2, 8, Fraction(1, 2), Fraction(3, 5)]),
    lambda inner: st.tuples(st.sampled_from(sorted(OPERATIONS)), inner, inner),
    max_leaves=8,
)
points = st.fixed_dictionaries({name: st.integers(*ends) for name, ends in BOUNDS.items()})


def computed(formula: Formula, values: Mapping[str, Any]) -> Any:
    """What a formula comes to; a division by 0 is 0."""
    if isinstance(formula, str):
        return values[formula]
    if not isinstance(formula, tuple):
        return formula
    name, *operands = formula
    a, b = [computed(operand, values) for operand in operands]
    if name in ("//", "%", "/"):
        if b == 0:
            return 0
        if name == "/" and not (unknown(a) or unknown(b)):
            exact = Fraction(a) / b
            return exact.numerator if exact.denominator == 1 else exact
    return OPERATIONS[name](a, b)


def traced(formula: Formula, point: Mapping[str, int]) -> tuple[Any, Trace]:
    space = Space()
    trace = Trace(point)
    space.started(trace)
    unknowns = {name: space.variable(name, *ends) for name, ends in BOUNDS.items()}
    return settled(computed(formula, unknowns)), trace


def value_at(value: Any, point: Mapping[str, int]) -> Any:
    at = Trace(point)
    if isinstance(value, Quotient):
        return Fraction(at.value(value.numerator), at.value(value.denominator))
    return at.value(value)


def holds(trace: Trace, point: Mapping[str, int]) -> bool:
    """Whether everything would be decided alike at another point."""
    at = Trace(point)
    for guard in trace.guards:
        value = at.value(guard.of)
        outcome = {"negative": value < 0, "zero": value == 0, "value": value}[guard.kind]
        if outcome != guard.outcome:
            return False
    return True


@given(formulas, points, st.lists(points, max_size=20))
def test_formulas(formula: Formula, point: dict[str, int], others: list[dict[str, int]]) -> None:
    try:
        value, trace = traced(formula, point)
    except Unsupported:
        return
    for each in [point, *others]:
        if holds(trace, each):
            expected = computed(formula, each)
            assert value_at(value, each) == expected
            if isinstance(value, Polynomial):
                assert value.low <= expected <= value.high
                assert abs(expected) <= value.most
                assert value_at(expanded(value), each) == expected


@given(formulas, points)
def test_the_same_decisions_are_made_in_the_same_order(
    formula: Formula, point: dict[str, int]
) -> None:
    try:
        (_, first), (_, second) = traced(formula, point), traced(formula, point)
    except Unsupported:
        return
    shown = [[(g.kind, str(g.of), g.outcome) for g in trace.guards] for trace in (first, second)]
    assert shown[0] == shown[1]


class TestSpace:
    def test_equal_polynomials_are_one(self) -> None:
        space = Space()
        n: Any = space.variable("n", 1, 100)
        assert (n + 1) * (n - 1) + 1 is n * n
        assert (4 * n + 6) // 8 is (2 * n + 3) // 4
        assert (n // 2) // 3 is n // 6
        assert compact(n) is n

    def test_bounds_decide_without_a_guard(self) -> None:
        space = Space()
        trace = Trace({"n": 7})
        space.started(trace)
        n: Any = space.variable("n", 1, 100)
        assert n > 0
        assert n * n + 1 != 0
        assert larger(n, 200) == 200
        assert larger(n, 1) is n
        assert not trace.guards
        assert n > 5
        assert n > 4
        assert len(trace.guards) == 1, "the second follows from the first"

    def test_common_divisors(self) -> None:
        space = Space()
        n: Any = space.variable("n", 1, 100)
        assert common_divisor(n, 1) == 1
        assert value_at(common_divisor(n, 12), {"n": 18}) == gcd(18, 12)

    def test_an_index_is_a_guard_and_a_text_is_none(self) -> None:
        space = Space()
        trace = Trace({"n": 3})
        space.started(trace)
        n: Any = space.variable("n", 1, 100)
        assert int(n + 1) == 4
        assert (trace.guards, trace.peeked) == ([], True)
        assert "abcde"[n] == "d"
        assert [guard.kind for guard in trace.guards] == ["value"]
        assert list(range(n)) == [0, 1, 2]
        assert len(trace.guards) == 1

    @pytest.mark.parametrize("escape", [float, lambda n: n**100, lambda n: 1 // (n - 50)])
    def test_what_needs_a_number_is_refused(self, escape: Callable[[Any], Any]) -> None:
        space = Space()
        space.started(Trace({"n": 3}))
        with pytest.raises(Unsupported):
            escape(space.variable("n", 1, 100))

    def test_formulas_do_not_explode(self) -> None:
        space = Space()
        factors: list[Any] = [space.variable(f"x{number}", 1, 9) for number in range(40)]
        with pytest.raises(Unsupported):
            prod([factor + 1 for factor in factors])

    def test_nothing_is_decided_without_a_trace(self) -> None:
        n: Any = Space().variable("n", 1, 100)
        for question in (lambda: n > 5, lambda: bool(n - 3), lambda: "ab"[n], lambda: int(n)):
            with pytest.raises(Unsupported):
                question()
