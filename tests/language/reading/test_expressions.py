"""Expressions: exact, bounded, and with Python's meaning where they look like Python."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.language.reading.expressions import (
    DEEPEST_LIST,
    LONGEST,
    LONGEST_LIST,
    ExpressionError,
    Scope,
    UnknownSizeError,
    parse,
)
from convcalc.problems import RuleError

ARGS: dict[str, Any] = {
    "x": 3,
    "half": Fraction(1, 2),
    "wide": True,
    "act": "relu",
    "sizes": [8, 16, 32],
}
WORDS = {"relu": None, "conv": None, "same": None}


class _Layers:
    """A scope in which one layer can be named."""

    def find(self, name: str) -> tuple[int, tuple[int, ...]] | None:
        return (1, (3, 8, 8)) if name == "stem" else None

    def missing(self, name: str) -> RuleError | None:
        return RuleError("unknown-layer", f"no layer is called '{name}'")

    def visible(self) -> list[str]:
        return ["stem"]


def value(text: str, shape: tuple[int, ...] | None = (6, 28, 20), **args: Any) -> Any:
    return parse(text).evaluate(Scope({**ARGS, **args}, WORDS, shape))


def refusal(text: str, **args: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(text, **args)
    return caught.value


def outcome(text: str) -> tuple[Any, str]:
    """The value, or None and the code of what is wrong."""
    try:
        return value(text), ""
    except ExpressionError as error:
        return None, error.code


class TestMeaning:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("7", 7),
            ("-7", -7),
            ("+7", 7),
            ("--7", 7),
            ("007.5", Fraction(15, 2)),
            (".5", Fraction(1, 2)),
            ("5.", 5),
            ("1e3", 1000),
            ("1.5e2", 150),
            ("25e-1", Fraction(5, 2)),
            ("32*1.0", 32),
            ("0.1 + 0.2 == 0.3", True),
            ("1 / 3 * 3", 1),
            ("6 / 3", 2),
            ("7 / 2", Fraction(7, 2)),
            ("7 // 2", 3),
            ("-7 // 2", -4),
            ("-7 % 4", 1),
            ("7.5 // 2", 3),
            ("7.5 % 2", Fraction(3, 2)),
            ("2 ** 3 ** 2", 512),
            ("-2 ** 2", -4),
            ("2 ** -1", Fraction(1, 2)),
            ("(-1) ** 99999999", -1),
            ("0 ** 99999999", 0),
            ("0 ** 0", 1),
            ("1 + 2 * 3 - 4", 3),
            ("(1 + 2) * 3", 9),
            ("10 - 3 - 2", 5),
            ("2 * x", 6),
            ("in_channels", 6),
            ("in_size", [28, 20]),
            ("in_size[1]", 20),
            ("sizes[-1]", 32),
            ("sizes[x - 3]", 8),
            ("[x, [1, 2], relu]", [3, [1, 2], "relu"]),
            ("[1, 2,][1]", 2),
            ("[[1, 2], [3]][0][1]", 2),
            ("true", True),
            ("false", False),
            ("not true", False),
            ("not not true", True),
            ("not 1 == 2", True),
            ("1 < 2 < 3", True),
            ("1 < 3 < 2", False),
            ("3 > 2 >= 2 != 1", True),
            ("1 == 1.0", True),
            ("1 == true", False),
            ("true != 1", True),
            ("relu == act", True),
            ("relu == same", False),
            ("relu == 1", False),
            ("in_size == [28, 20]", True),
            ("true or 1 / 0 == 1", True),
            ("false and 1 / 0 == 1", False),
            ("true or false and false", True),
            ("1 if wide else 1 / 0", 1),
            ("1 if not wide else 2 if x == 3 else 3", 2),
            ("relu if x > 2 else none_such", "relu"),
            ("act", "relu"),
            ("conv", "conv"),
        ],
    )
    def test_of_an_expression(self, text: str, expected: object) -> None:
        found = value(text)
        assert found == expected
        assert type(found) is type(expected)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("min(3, 1, 2)", 1),
            ("max(3, 1.5)", 3),
            ("max(sizes)", 32),
            ("min([4])", 4),
            ("ceil(1 / 3)", 1),
            ("ceil(-1 / 3)", 0),
            ("floor(-1 / 3)", -1),
            ("floor(5)", 5),
            ("round(0.5)", 0),
            ("round(1.5)", 2),
            ("round(2.5)", 2),
            ("round(-0.5)", 0),
            ("abs(-2.5)", Fraction(5, 2)),
            ("len(sizes)", 3),
            ("len([])", 0),
            ("sum(sizes)", 56),
            ("sum([])", 0),
            ("sum([0.5, 0.5])", 1),
            ("divisible(32, 8)", 32),
            ("divisible(12, 8)", 16),
            ("divisible(11, 8)", 16),
            ("divisible(20.4, 8)", 24),
            ("divisible(16 * 0.35, 8)", 8),
            ("divisible(0, 4)", 4),
            ("divisible(1, 4)", 4),
            ("divisible(97.6, 8)", 96),
        ],
    )
    def test_of_a_function(self, text: str, expected: object) -> None:
        found = value(text)
        assert found == expected
        assert type(found) is type(expected)

    @given(st.fractions(0, 2000), st.integers(1, 64))
    def test_divisible_is_the_mobilenet_rule(self, x: Fraction, by: int) -> None:
        """The nearest multiple, the upper one of two, unless it is 0 or below 90 % of x."""
        found = value("divisible(x, by)", x=x, by=by)
        assert found % by == 0
        assert found >= by
        assert found * 10 >= 9 * x
        assert x - found < Fraction(by, 2)
        smaller = found - by
        if smaller > 0:
            assert smaller * 10 < 9 * x or x - smaller >= found - x


# Random trees, beside them the same computed by Python's own fractions.

_Tree = tuple[str, "Fraction | None"]


def _combined(children: st.SearchStrategy[_Tree]) -> st.SearchStrategy[_Tree]:
    operators: dict[str, Callable[[Fraction, Fraction], Fraction | int]] = {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
        "//": operator.floordiv,
        "%": operator.mod,
    }

    def combine(name: str, left: _Tree, right: _Tree) -> _Tree:
        text = f"({left[0]} {name} {right[0]})"
        if left[1] is None or right[1] is None or (name in ("/", "//", "%") and not right[1]):
            return text, None
        return text, Fraction(operators[name](left[1], right[1]))

    def negate(child: _Tree) -> _Tree:
        return f"(-{child[0]})", None if child[1] is None else -child[1]

    def power(child: _Tree, exponent: int) -> _Tree:
        if child[1] is None or (child[1] == 0 and exponent < 0):
            return f"({child[0]} ** {exponent})", None
        return f"({child[0]} ** {exponent})", Fraction(child[1] ** exponent)

    def choose(condition: tuple[_Tree, _Tree], left: _Tree, right: _Tree) -> _Tree:
        a, b = condition
        text = f"({left[0]} if {a[0]} < {b[0]} else {right[0]})"
        if a[1] is None or b[1] is None:
            return text, None
        return text, left[1] if a[1] < b[1] else right[1]

    return st.one_of(
        st.builds(combine, st.sampled_from(sorted(operators)), children, children),
        st.builds(negate, children),
        st.builds(power, children, st.integers(-3, 4)),
        st.builds(choose, st.tuples(children, children), children, children),
    )


_LEAVES = st.one_of(
    st.integers(0, 999).map(lambda n: (str(n), Fraction(n))),
    st.decimals(0, 99, places=2, allow_nan=False).map(lambda d: (f"{d:f}", Fraction(d))),
    st.sampled_from([("x", Fraction(3)), ("half", Fraction(1, 2)), ("in_channels", Fraction(6))]),
)


class TestExactness:
    @given(st.recursive(_LEAVES, _combined, max_leaves=14))
    def test_is_that_of_fractions(self, tree: _Tree) -> None:
        text, expected = tree
        whole = expected is not None and expected.denominator == 1
        found, code = outcome(text)
        if code == "number-too-large":
            return
        assert found == expected
        assert (code == "bad-expression") == (expected is None)
        assert isinstance(found, int) == whole

    @given(st.integers(-(10**30), 10**30), st.integers(1, 10**15))
    def test_no_digit_is_lost(self, a: int, b: int) -> None:
        assert value("a / b * b", a=a, b=b) == a
        assert value("a // b * b + a % b", a=a, b=b) == a

    @given(st.lists(st.fractions(), min_size=1, max_size=5))
    def test_functions_agree_with_pythons(self, items: list[Fraction]) -> None:
        assert value("max(items)", items=items) == max(items)
        assert value("min(items)", items=items) == min(items)
        assert value("sum(items)", items=items) == sum(items)
        assert value("round(items[0])", items=items) == round(items[0])


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "offset", "message"),
        [
            ("010", 0, "'010' has a leading zero"),
            ("2 * 08", 4, "'08' has a leading zero"),
            ("0x10", 0, "'0x10' is not a number"),
            ("1_000", 0, "'1_000' is not a number"),
            ("1.2.3", 0, "'1.2.3' is not a number"),
            ("3x", 0, "'3x' is not a number"),
            ("3x32x32", 0, "'3x32x32' is not a number"),
            ("1:30", 0, "'1:30' is not a number"),
            (".nan", 0, "'.nan' is not a number"),
            ("-.inf", 1, "'.' has no meaning in an expression: '-.inf'"),
            ("x = 3", 2, "'=' has no meaning in an expression: 'x = 3'"),
            ("x; x", 1, "';' has no meaning in an expression: 'x; x'"),
            ("x ^ 2", 2, "'^' has no meaning in an expression: 'x ^ 2'"),
            ("x.", 1, "'.' has no meaning in an expression: 'x.'"),
            ("size_of", 0, "the function 'size_of' needs brackets: size_of(...)"),
            ("size_of()", 0, "size_of takes the name of one earlier layer"),
            ("1 + channels_of(a, b)", 4, "channels_of takes the name of one earlier layer"),
            ("size_of(size_of(a))", 0, "size_of takes the name of one earlier layer"),
            ("size_of(a[0])", 0, "size_of takes the name of one earlier layer"),
            ("~", 0, "'~' has no meaning in an expression: '~'"),
            ("\u0661", 0, "'\u0661' has no meaning in an expression: '\u0661'"),
            ("", 0, "a value is missing"),
            ("1 +", 2, "the expression ends too early"),
            ("(1", 0, "'(' is not closed by ')'"),
            ("[1", 0, "'[' is not closed by ']'"),
            ("max(1", 3, "'(' is not closed by ')'"),
            ("1)", 1, "')' is not expected here"),
            ("1, 2", 1, "',' is not expected here"),
            ("()", 1, "')' is not expected here"),
            ("1 2", 2, "'2' is not expected here"),
            ("x x", 2, "'x' is not expected here"),
            ("lambda: 1", 6, "':' has no meaning in an expression: 'lambda: 1'"),
            ("lambda", 0, "'lambda' is not expected here"),
            ("1 if true", 9, "'if' needs 'else'"),
            ("sqrt(4)", 0, "there is no function 'sqrt'"),
            ("x(4)", 0, "there is no function 'x'"),
            ("max", 0, "the function 'max' needs brackets: max(...)"),
        ],
    )
    def test_what_is_no_expression(self, text: str, offset: int, message: str) -> None:
        error = refusal(text)
        assert (error.message, error.offset) == (message, offset)

    @pytest.mark.parametrize(
        ("text", "offset", "message"),
        [
            ("y", 0, "'y' is neither an argument in scope nor a word of the language"),
            ("x + yy", 4, "'yy' is neither an argument in scope nor a word of the language"),
            ("x / 0", 2, "'/' divides by zero"),
            ("x // (1 - 1)", 2, "'//' divides by zero"),
            ("x % 0", 2, "'%' divides by zero"),
            ("0 ** -1", 2, "'**' divides by zero"),
            ("x + wide", 2, "'+' needs numbers, not true"),
            ("x + act", 2, "'+' needs numbers, not 'relu'"),
            ("x * sizes", 2, "'*' needs numbers, not [8, 16, 32]"),
            ("-act", 0, "'-' needs numbers, not 'relu'"),
            ("wide < 2", 5, "'<' needs numbers, not true"),
            ("x and true", 2, "a condition is true or false, not 3"),
            ("true or x", 5, None),
            ("not x", 0, "a condition is true or false, not 3"),
            ("1 if x else 2", 7, "a condition is true or false, not 3"),
            ("x[0]", 1, "3 is not a list"),
            ("sizes[3]", 5, "a list of 3 has no item 3"),
            ("sizes[-4]", 5, "a list of 3 has no item -4"),
            ("sizes[half]", 5, "a list of 3 has no item 0.5"),
            ("sizes[true]", 5, "a list of 3 has no item true"),
            ("2 ** half", 2, "an exponent must be a whole number, not 0.5"),
            ("2 ** (1 / 3)", 2, "an exponent must be a whole number, not 1/3"),
            ("max()", 0, "max takes numbers, or a list that has some"),
            ("max([])", 0, "max takes numbers, or a list that has some"),
            ("max(sizes, 3)", 0, "max takes numbers, or a list that has some"),
            ("max(act)", 0, "'max' needs numbers, not 'relu'"),
            ("abs(1, 2)", 0, "abs takes one argument, not 2"),
            ("round()", 0, "round takes one argument, not 0"),
            ("floor(true)", 0, "'floor' needs numbers, not true"),
            ("len(3)", 0, "len takes a list, not 3"),
            ("sum(1)", 0, "sum takes a list, not 1"),
            ("sum([relu])", 0, "'+' needs numbers, not 'relu'"),
            ("divisible(1)", 0, "divisible(x, by) takes two arguments, not 1"),
            ("divisible(act, 8)", 0, "'divisible' needs numbers, not 'relu'"),
            (
                "divisible(8, 0)",
                0,
                "divisible(x, by) needs a positive whole number to divide by, not 0",
            ),
        ],
    )
    def test_what_has_no_value(self, text: str, offset: int, message: str | None) -> None:
        if message is None:  # the left side decides; the right is not looked at
            assert value(text) is True
            return
        error = refusal(text)
        assert (error.message, error.offset) == (message, offset)

    def test_the_word_and_its_width_are_reported(self) -> None:
        error = refusal("2 * widht")
        assert (error.word, error.offset, error.width) == ("widht", 4, 5)

    def test_in_channels_where_nothing_enters(self) -> None:
        scope = Scope({}, {}, entering=False)
        with pytest.raises(ExpressionError, match="has no value here"):
            parse("in_channels").evaluate(scope)

    @pytest.mark.parametrize("text", ["in_channels", "in_size", "lost + 1", "max(lost, 1)"])
    def test_what_a_mistake_left_unknown_is_no_new_mistake(self, text: str) -> None:
        with pytest.raises(UnknownSizeError):
            value(text, shape=None, lost=None)

    def test_a_layers_name_is_no_number(self) -> None:
        scope = Scope({}, {}, layers=_Layers(), hands_on=True)
        assert parse("stem").evaluate(scope).name == "stem"
        with pytest.raises(ExpressionError, match=r"'\+' needs numbers, not 'stem'"):
            parse("stem + 1").evaluate(scope)


class TestBounds:
    @pytest.mark.parametrize(
        "text",
        [
            "9**9**9**9",
            "2 ** 4097",
            "2 ** -4097",
            "0.5 ** 5000",
            "(2 ** 4000) * (2 ** 4000)",
            "9" * 1001,
            "1e1001",
            "1e-1001",
            "1e99999999999",
            "1." + "0" * 1001,
        ],
    )
    def test_numbers(self, text: str) -> None:
        assert refusal(text).code == "number-too-large"

    @pytest.mark.parametrize(
        "text",
        [
            "1+" * LONGEST + "1",
            "-" * 1000 + "1",
            "(" * 60 + "1" + ")" * 60,
            "[" * 60 + "1" + "]" * 60,
            "2" + "**2" * 60,
            "1 if true else " * 45 + "1",
            "not " * 300 + "true",
        ],
    )
    def test_length_and_depth(self, text: str) -> None:
        assert refusal(text).code == "expression-too-long"

    def test_what_fits(self) -> None:
        terms = LONGEST // 2
        assert value("+".join(["1"] * terms)) == terms
        assert value("(" * 30 + "1" + ")" * 30) == 1

    def test_lists(self) -> None:
        long = list(range(LONGEST_LIST // 2))
        assert refusal("[a, a, a]", a=long).code == "list-too-long"
        deep: Any = 1
        for _ in range(DEEPEST_LIST):
            deep = [deep]
        assert refusal("[a]", a=deep).code == "list-too-long"
        assert value("[a]", a=deep[0]) == deep


class TestConstants:
    @pytest.mark.parametrize(("text", "constant"), [("3 * 4", True), ("x", False), ("relu", False)])
    def test_are_known(self, text: str, constant: bool) -> None:
        assert parse(text).constant is constant

    @pytest.mark.parametrize(
        ("text", "word"), [("relu", "relu"), (" relu ", "relu"), ("x + 1", ""), ("true", "")]
    )
    def test_a_word_alone_is_known(self, text: str, word: str) -> None:
        assert parse(text).word == word


@given(st.text(alphabet="x12.+-*/%()[],<=! truefalsifno_e0", max_size=25))
def test_any_text_has_a_value_or_is_refused(text: str) -> None:
    try:
        found = value(text)
    except (ExpressionError, UnknownSizeError):
        return
    assert isinstance(found, int | Fraction | str | list)
