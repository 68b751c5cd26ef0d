"""The arguments of kinds: what is taken, what is refused and how, and the schema that says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.arithmetic import Ratio
from convcalc.facts import worded
from convcalc.layers import KINDS, layer_class
from convcalc.layers.fields import (
    REQUIRED,
    Choice,
    Factors,
    Field,
    FieldType,
    Flag,
    PaddingSides,
    PerAxis,
    Real,
    Whole,
    WholeList,
    check_length,
    decimal_text,
    field,
    value_text,
)
from convcalc.problems import RuleError

LARGEST = 2**31 - 1


def refusal(type_: FieldType, value: object, rank: int = 2) -> RuleError:
    """The error for a value that the type does not take."""
    with pytest.raises(RuleError) as caught:
        type_.read(value, rank)
    return caught.value


class TestWhole:
    def test_takes_whole_numbers_within_limits(self) -> None:
        assert Whole().read(1, 2) == 1
        assert Whole().read(LARGEST, 2) == LARGEST
        assert Whole(0, 5).read(0, 2) == 0

    @pytest.mark.parametrize("value", [0, -1, 2**31, True, "6", 6.0, [6], None, Fraction(7, 2)])
    def test_refuses_everything_else(self, value: object) -> None:
        error = refusal(Whole(), value)
        assert error.code == "bad-value"
        assert error.message.startswith("must be a whole number from 1 to 2147483647, not ")


class TestFlag:
    def test_takes_true_and_false(self) -> None:
        assert Flag().read(value=True, rank=2) is True
        assert Flag().read(value=False, rank=2) is False

    @pytest.mark.parametrize("value", [1, 0, "true", None])
    def test_refuses_what_only_counts_as_true(self, value: object) -> None:
        assert refusal(Flag(), value).message.startswith("must be true or false, not ")


class TestReal:
    def test_takes_numbers_as_floats(self) -> None:
        assert Real().read(Fraction(1, 10), 2) == 0.1
        assert Real().read(-3, 2) == -3.0
        assert type(Real().read(3, 2)) is float

    @pytest.mark.parametrize("value", [True, "0.1", [0.1], None])
    def test_refuses_what_is_no_number(self, value: object) -> None:
        assert refusal(Real(), value).message.startswith("must be a number, not ")

    def test_limits(self) -> None:
        rate = Real(0, 1)
        assert rate.read(0, 2) == 0.0
        assert refusal(rate, 1).message == "must be a number of at least 0 and below 1, not 1"
        assert refusal(rate, Fraction(-1, 2)).message.endswith("not -0.5")
        eps = Real(0, above=True)
        assert eps.read(Fraction(1, 10**5), 2) == 1e-5
        assert refusal(eps, 0).message == "must be a number above 0, not 0"
        assert refusal(Real(0), -1).message == "must be a number of at least 0, not -1"

    @pytest.mark.parametrize("value", [10**30, -(10**30), 10**400, Fraction(10**401, 3)])
    def test_refuses_what_float32_could_not_hold(self, value: object) -> None:
        assert refusal(Real(), value).message.startswith("must be below 10^30 in size, not ")

    def test_refuses_a_limit_reached_by_rounding(self) -> None:
        # Too small for a float: it would become the 0 that must not be.
        assert refusal(Real(0, above=True), Fraction(1, 10**400)).code == "bad-value"
        assert refusal(Real(0, 1), 1 - Fraction(1, 10**300)).code == "bad-value"


class TestChoice:
    def test_takes_its_words_only(self) -> None:
        mode = Choice("nearest", "bilinear")
        assert mode.read("nearest", 2) == "nearest"
        error = refusal(mode, "bilinar")
        assert error.message == "must be nearest or bilinear, not 'bilinar'"
        assert worded(error.facts) == (("help", "did you mean 'bilinear'?"),)
        assert worded(refusal(mode, 2).facts) == ()


class TestPerAxis:
    def test_spreads_one_number_over_the_axes(self) -> None:
        assert PerAxis().read(3, 1) == (3,)
        assert PerAxis().read(3, 3) == (3, 3, 3)
        assert PerAxis().read([1, 2], 2) == (1, 2)
        assert PerAxis(0).read(0, 2) == (0, 0)

    def test_refuses_a_list_of_another_length(self) -> None:
        error = refusal(PerAxis(), [3], 2)
        assert error.code == "wrong-rank"
        assert error.message == "lists 1 values, but the input has 2 spatial axes"
        assert worded(error.facts) == (("rule", "a list has one entry per spatial axis"),)
        assert refusal(PerAxis(), [3, 3], 1).message.endswith("the input has 1 spatial axis")

    @pytest.mark.parametrize("value", [0, [3, 0], [3, True], [3, [3]], "3", None, Fraction(3, 2)])
    def test_refuses_what_is_no_size(self, value: object) -> None:
        error = refusal(PerAxis(), value)
        assert error.code == "bad-value"
        assert "a whole number from 1 to 2147483647, or one per axis" in error.message


class TestFactors:
    def test_takes_positive_fractions_exactly(self) -> None:
        assert Factors().read(2, 2) == (Ratio(2, 1), Ratio(2, 1))
        assert Factors().read(Fraction(3, 2), 1) == (Ratio(3, 2),)
        assert Factors().read([Fraction(1, 10), 3], 2) == (Ratio(1, 10), Ratio(3, 1))

    def test_refuses_a_list_of_another_length(self) -> None:
        assert refusal(Factors(), [3], 2).code == "wrong-rank"

    @pytest.mark.parametrize("value", [0, -1, Fraction(-1, 2), True, "3", None, [[3]]])
    def test_refuses_what_is_no_factor(self, value: object) -> None:
        assert refusal(Factors(), value, 1).message.startswith(
            "must be a number above 0, such as 2 or 1.5, or one per axis, not "
        )

    @pytest.mark.parametrize("value", [LARGEST + 1, Fraction(1, 2**31)])
    def test_refuses_larger_parts_than_sizes_have(self, value: object) -> None:
        message = "must be a fraction of whole numbers up to 2147483647, not "
        assert refusal(Factors(), value, 1).message.startswith(message)


class TestPaddingSides:
    @pytest.mark.parametrize(
        ("value", "rank", "expected"),
        [
            (1, 2, ((1, 1), (1, 1))),
            (0, 1, ((0, 0),)),
            ([1, 2], 2, ((1, 1), (2, 2))),
            ([[1, 0]], 1, ((1, 0),)),
            ([[0, 1], 2], 2, ((0, 1), (2, 2))),
            ("valid", 2, ((0, 0), (0, 0))),
            ("same", 2, "same"),
            ("same_lower", 3, "same_lower"),
        ],
    )
    def test_takes_padding_in_every_form(self, value: object, rank: int, expected: object) -> None:
        assert PaddingSides("valid", "same", "same_lower").read(value, rank) == expected

    def test_causal_is_for_one_axis(self) -> None:
        padding = PaddingSides("valid", "causal")
        assert padding.read("causal", 1) == "causal"
        error = refusal(padding, "causal", 2)
        assert error.code == "wrong-rank"
        assert error.message == "causal is for one spatial axis, but the input has 2"
        assert [kind for kind, _ in worded(error.facts)] == ["rule", "help"]

    def test_refuses_a_pair_without_its_axis(self) -> None:
        # In 1-D [1, 0] looks like one number for each of two axes.
        assert refusal(PaddingSides(), [1, 0], 1).code == "wrong-rank"

    def test_refuses_three_sides_of_an_axis(self) -> None:
        error = refusal(PaddingSides(), [[1, 2, 3], 1])
        assert error.message == "takes [before, after] for an axis, not [1, 2, 3]"

    @pytest.mark.parametrize("value", [-1, [[0, -1], 0], True, "same", None, [["1", 1], 1]])
    def test_refuses_what_is_no_padding(self, value: object) -> None:
        assert refusal(PaddingSides(), value).message.startswith(
            "must be a whole number from 0 to 2147483647, one or [before, after] per axis, not "
        )

    def test_offers_the_nearest_word(self) -> None:
        error = refusal(PaddingSides("valid", "same", "same_lower"), "smae")
        assert worded(error.facts) == (("help", "did you mean 'same'?"),)


class TestWholeList:
    def test_takes_lists_within_limits(self) -> None:
        shape = WholeList("a shape", 1, 4)
        assert shape.read([3, 224, 224], 2) == (3, 224, 224)

    @pytest.mark.parametrize("value", [[], [1] * 5, [0], 3, [True], ["3"], [LARGEST + 1]])
    def test_refuses_others(self, value: object) -> None:
        assert refusal(WholeList("a shape", 1, 4), value).message.startswith("must be a shape, not")


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from([-2, -1, 0, 1, 2, 3, 7, LARGEST, LARGEST + 1]),
        st.sampled_from([0.5, -0.5, 1.5]),
        st.sampled_from(["valid", "same", "same_lower", "causal", "nearest", "zeros", "x"]),
    ),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=8,
)
declared_fields = [
    pytest.param(declared, id=f"{kind}-{name}")
    for kind in KINDS
    for name, declared in layer_class(kind).fields.items()
]
# One field of each type and limits stands for all of them. A layer's name is no value: in its place
# a layer is read.
distinct_types = {
    f"{type(declared.type).__name__}: {declared.type.text}": declared.type
    for kind in KINDS
    for declared in layer_class(kind).fields.values()
    if not declared.type.reference
}
# A name is written as it is, and is no JSON.
distinct_values = {name: type_ for name, type_ in distinct_types.items() if not type_.literal}


@pytest.mark.no_cover
@pytest.mark.parametrize("type_", distinct_types.values(), ids=distinct_types)
def test_the_schema_takes_what_the_reader_takes(type_: FieldType) -> None:
    """With any number of axes: a schema cannot know the input."""
    schema = type_.schema()
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)

    @given(json_values)
    def compare(value: object) -> None:
        assert validator.is_valid(value) == any(_reads(type_, value, rank) for rank in (1, 2, 3))

    compare()


def _reads(type_: FieldType, value: object, rank: int) -> bool:
    try:
        type_.read(value, rank)
    except RuleError:
        return False
    return True


@pytest.mark.parametrize("declared", declared_fields)
def test_a_default_is_a_value_that_the_field_takes(declared: Field) -> None:
    if not declared.required and declared.default is not None:
        declared.type.read(declared.default, 2)


class TestField:
    def test_is_required_without_a_default(self) -> None:
        declared: Any = field(Whole(), "a size")
        assert declared.default is REQUIRED
        assert declared.required
        assert not field(Whole(), "a size", default=None).required

    def test_an_abstract_type_takes_nothing(self) -> None:
        with pytest.raises(NotImplementedError):
            FieldType().read(1, 2)
        with pytest.raises(NotImplementedError):
            FieldType().schema()
        with pytest.raises(NotImplementedError):
            _ = FieldType().text


class TestValueText:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (True, "true"),
            (3, "3"),
            (10**60, "a number of over 60 digits"),
            (-(10**59), "-1" + "0" * 59),
            ("same", "'same'"),
            ("a\nb", "'a\\nb'"),
            (Fraction(1, 2), "0.5"),
            (Fraction(-1, 3), "-1/3"),
            (Fraction(1, 10**60), "a fraction of over 60 digits"),
            ([1, [2, False], "x"], "[1, [2, false], 'x']"),
            (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7]"),
            (None, "None"),
        ],
    )
    def test_is_what_a_user_would_write(self, value: object, text: str) -> None:
        assert value_text(value) == text

    def test_of_a_number_with_thousands_of_digits_is_short(self) -> None:
        assert value_text(10**10000) == "a number of over 60 digits"

    @given(st.fractions())
    def test_of_a_fraction_says_exactly_it(self, value: Fraction) -> None:
        assert Fraction(decimal_text(value)) == value

    @given(st.integers(-(10**9), 10**9), st.integers(0, 9))
    def test_of_a_decimal_is_a_decimal(self, digits: int, places: int) -> None:
        assert "/" not in decimal_text(Fraction(digits, 10**places))


def test_per_axis_takes_one_entry_for_each() -> None:
    check_length([1, 2, 3], 3)
    with pytest.raises(RuleError):
        check_length([], 1)


class TestWritten:
    """A value as a user would write it, which is read as the same value."""

    @pytest.mark.parametrize("type_", distinct_values.values(), ids=distinct_values)
    @given(data=st.data())
    def test_is_read_as_the_same(self, type_: FieldType, data: st.DataObject) -> None:
        rank = data.draw(st.integers(1, 3))
        value = data.draw(_stored(type_, rank))
        text = type_.written(value)
        exact = isinstance(type_, Factors)
        given_as = text if text in type_.words else _value(text, Fraction if exact else float)
        assert type_.read(given_as, rank) == value

    @pytest.mark.parametrize(
        ("type_", "value", "text"),
        [
            (PerAxis(), (3, 3), "3"),
            (PerAxis(), (3, 1), "[3, 1]"),
            (PaddingSides("same"), "same", "same"),
            (PaddingSides("same"), ((1, 1), (1, 1)), "1"),
            (PaddingSides("same"), ((1, 1), (2, 2)), "[1, 2]"),
            (PaddingSides("same"), ((0, 1), (0, 1)), "[[0, 1], [0, 1]]"),
            (PaddingSides("same"), ((0, 1),), "[[0, 1]]"),
            (PaddingSides("same"), ((0, 1), (2, 2)), "[[0, 1], 2]"),
            (WholeList("a shape", -1, 4), (4, 4), "[4, 4]"),
            (WholeList("a list", 0, 20), tuple(range(12)), str([*range(12)])),
            (Flag(), True, "true"),
            (Real(), 0.1, "0.1"),
            (PerAxis(), None, "none"),
            (Factors(), (Ratio(3, 2), Ratio(3, 2)), "1.5"),
            (Factors(), (Ratio(2, 3), Ratio(2, 1)), "[2/3, 2]"),
            (Factors(), None, "none"),
        ],
    )
    def test_is_brief(self, type_: FieldType, value: object, text: str) -> None:
        assert type_.written(value) == text


def _value(text: str, decimal: Callable[[str], object]) -> Any:
    """What a file's text comes to: JSON, or with fractions in it."""
    if "/" not in text:
        return json.loads(text, parse_float=decimal)
    values = [Fraction(part) for part in text.strip("[]").split(", ")]
    return values if text[0] == "[" else values[0]


def _stored(type_: FieldType, rank: int) -> st.SearchStrategy[Any]:
    """Values that a layer may store for a field."""
    if isinstance(type_, Whole):
        return st.integers(type_.low, type_.high)
    if isinstance(type_, Flag):
        return st.booleans()
    if isinstance(type_, Real):
        low = 0 if type_.low is None else type_.low
        high = type_.high or low + 100
        return st.floats(low, high, exclude_min=type_.above, exclude_max=True)
    if isinstance(type_, PerAxis):
        return st.tuples(*[st.integers(type_.low, 9)] * rank)
    if isinstance(type_, Factors):
        size = st.integers(1, 9)
        return st.tuples(*[st.builds(Ratio.of, size, size)] * rank)
    if isinstance(type_, PaddingSides):
        sides = st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * rank)
        taken = {"valid"} if rank == 1 else {"valid", "causal"}
        words = [word for word in type_.words if word not in taken]
        return st.one_of(sides, st.sampled_from(words)) if words else sides
    if isinstance(type_, WholeList):
        return st.lists(
            st.integers(max(type_.low, 0), 9), min_size=type_.shortest, max_size=type_.longest
        ).map(tuple)
    return st.sampled_from(type_.words)
