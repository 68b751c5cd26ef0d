"""Traced integers: the formula that is printed, computed again from its text, gives the number."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.traced import Definition, Traced, named

OPERATORS: list[Callable[[int, int], int]] = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.floordiv,
]


def computed(text: str, values: Mapping[str, int]) -> Fraction:
    """What a printed formula says, read as arithmetic on exact fractions."""
    names: dict[str, object] = {name: Fraction(value) for name, value in values.items()}
    # Numbers in the text become fractions, so that "/" divides exactly.
    pieces = []
    for piece in text.replace("(", " ( ").replace(")", " ) ").replace("*", " * ").split():
        sign = "-" if piece.startswith("-") and len(piece) > 1 else ""
        bare = piece.removeprefix("-") if sign else piece
        pieces.append(f"{sign}Fraction({bare})" if bare.isdigit() else piece)
    result = eval(  # noqa: S307 - a formula that this test made
        " ".join(pieces), {"floor": math.floor, "Fraction": Fraction, "__builtins__": {}}, names
    )
    return Fraction(result)


@st.composite
def formulas(draw: st.DrawFn) -> tuple[Traced, dict[str, int]]:
    """A term made by random arithmetic on named terms and plain numbers, and the terms' values."""
    values = {name: draw(st.integers(-3, 12)) for name in "abcd"}
    pool: list[int] = [Traced(value, name) for name, value in values.items()]
    for _ in range(draw(st.integers(1, 8))):
        left = draw(st.sampled_from(pool))
        right = draw(st.one_of(st.sampled_from(pool), st.integers(-2, 5)))
        if draw(st.booleans()):
            left, right = right, left
        operate = draw(st.sampled_from(OPERATORS))
        if operate is operator.floordiv and right == 0:
            continue
        pool.append(operate(left, right))
    last = pool[-1]
    assert isinstance(last, Traced)
    return last, values


@given(formulas())
def test_both_texts_give_the_value(formula: tuple[Traced, dict[str, int]]) -> None:
    term, values = formula
    assert computed(term.symbol, values) == int(term)
    assert computed(term.numbers, {}) == int(term)


@given(st.integers(-20, 20), st.integers(-20, 20), st.sampled_from(OPERATORS))
def test_compute_as_integers_do(a: int, b: int, operate: Callable[[int, int], int]) -> None:
    if operate is operator.floordiv and b == 0:
        with pytest.raises(ZeroDivisionError):
            operate(Traced(a, "a"), Traced(b, "b"))
        return
    expected = operate(a, b)
    assert operate(Traced(a, "a"), Traced(b, "b")) == expected
    assert operate(a, Traced(b, "b")) == expected
    assert operate(Traced(a, "a"), b) == expected


def test_are_integers() -> None:
    term = Traced(5, "k")
    assert term == 5
    assert hash(term) == hash(5)
    assert list(range(term)) == [0, 1, 2, 3, 4]
    assert type(int(term)) is int
    assert round(term) == 5


@pytest.mark.parametrize(
    ("term", "symbol", "numbers"),
    [
        (Traced(4, "n") - (Traced(2, "a") + Traced(1, "b")), "n - (a + b)", "4 - (2 + 1)"),
        (Traced(4, "n") + (Traced(2, "a") - Traced(1, "b")), "n + a - b", "4 + 2 - 1"),
        ((Traced(4, "n") - 1) * Traced(2, "s"), "(n - 1)*s", "(4 - 1)*2"),
        (Traced(2, "s") * (Traced(3, "k") * Traced(3, "k")), "s*k*k", "2*3*3"),
        (
            Traced(7, "n") // (Traced(2, "a") * Traced(1, "b")),
            "floor(n / (a*b))",
            "floor(7 / (2*1))",
        ),
        # An exact quotient needs no floor ...
        (Traced(6, "c_in") // Traced(2, "g"), "(c_in / g)", "(6 / 2)"),
        # ... except in the formula of a window, which everyone knows with it.
        (
            (Traced(6, "n") + Traced(2, "p")) // Traced(2, "s"),
            "floor((n + p) / s)",
            "floor((6 + 2) / 2)",
        ),
    ],
)
def test_write_no_brackets_but_those_needed(term: Traced, symbol: str, numbers: str) -> None:
    assert (term.symbol, term.numbers) == (symbol, numbers)


@pytest.mark.parametrize(
    "same",
    [
        lambda t: t + 0,
        lambda t: 0 + t,
        lambda t: t - 0,
        lambda t: t * 1,
        lambda t: 1 * t,
        lambda t: t // 1,
    ],
)
def test_steps_that_change_nothing_are_not_written(same: Callable[[Traced], int]) -> None:
    term = Traced(5, "k")
    assert same(term) is term


def test_a_named_zero_is_written() -> None:
    padded = Traced(28, "n") + Traced(0, "p")
    assert isinstance(padded, Traced)
    assert padded.symbol == "n + p"


class TestNamed:
    def test_leaves_plain_numbers_alone(self) -> None:
        assert named("T", 25) == 25
        assert type(named("T", 25)) is int

    def test_shortens_a_formula_and_remembers_it(self) -> None:
        taps = named("T", Traced(3, "c") * Traced(5, "k"))
        doubled = taps * 2
        assert isinstance(doubled, Traced)
        assert doubled.symbol == "T*2"
        assert doubled.numbers == "15*2"
        assert doubled.where == (Definition("T", "c*k", "3*5", 15),)

    def test_definitions_come_in_order_and_once(self) -> None:
        a = named("A", Traced(2, "x") + Traced(3, "y"))
        b = named("B", a * Traced(4, "z"))
        result = b * a + b
        assert isinstance(result, Traced)
        assert [definition.name for definition in result.where] == ["A", "B"]

    @given(formulas(), formulas())
    def test_definitions_explain_the_result(
        self, one: tuple[Traced, dict[str, int]], other: tuple[Traced, dict[str, int]]
    ) -> None:
        left, values = named("L", one[0]), one[1]
        right = named("R", other[0])
        result = left * right - left
        if not isinstance(result, Traced):
            return
        known: dict[str, int] = {}
        for definition in result.where:
            own = values if definition.name == "L" else other[1]
            assert computed(definition.symbol, own) == definition.value
            known[definition.name] = definition.value
        assert computed(result.symbol, known) == int(result)
