"""Activations: what one element costs, and softmax along the channels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from convcalc.counts import Counts
from convcalc.layers.traits import ChannelRule
from tests.layers.shorthand import counts, made, params, refusal, shape, unreadable

GIVEN = (8, 3, 5)
N = 120


@pytest.mark.parametrize(
    ("kind", "one"),
    [
        ("relu", Counts(compares=1)),
        ("relu6", Counts(compares=2)),
        ("leaky_relu", Counts(multiplies=1, compares=1)),
        ("prelu", Counts(multiplies=1, compares=1)),
        ("elu", Counts(multiplies=1, adds=1, compares=1, specials=1)),
        ("selu", Counts(multiplies=2, adds=1, compares=1, specials=1)),
        ("celu", Counts(multiplies=1, adds=1, divides=1, compares=1, specials=1)),
        ("gelu", Counts(multiplies=3, adds=1, specials=1)),
        ("silu", Counts(adds=1, divides=1, specials=1)),
        ("mish", Counts(multiplies=1, adds=1, specials=3)),
        ("softplus", Counts(adds=1, specials=2)),
        ("sigmoid", Counts(adds=1, divides=1, specials=1)),
        ("hard_sigmoid", Counts(adds=1, divides=1, compares=2)),
        ("hard_swish", Counts(multiplies=1, adds=1, divides=1, compares=2)),
        ("tanh", Counts(specials=1)),
    ],
)
def test_costs_each_element_the_same(kind: str, one: Counts) -> None:
    layer = made(kind)
    assert shape(layer, GIVEN) == GIVEN
    assert shape(layer, (10,)) == (10,)
    assert counts(layer, GIVEN) == one.times(N)
    assert counts(layer, GIVEN, valid_taps=True) == one.times(N)
    assert layer.channel_rule([GIVEN]) == ChannelRule("same")


class TestClip:
    @pytest.mark.parametrize("bounds", [{"min": 0}, {"max": 1}, {"min": -1, "max": 1}])
    def test_compares_with_each_bound(self, bounds: dict[str, Any]) -> None:
        layer = made("clip", **bounds)
        assert counts(layer, GIVEN) == Counts(compares=len(bounds)).times(N)

    def test_of_0_and_6_costs_what_relu6_costs(self) -> None:
        assert counts(made("clip", min=0, max=6), GIVEN) == counts(made("relu6"), GIVEN)

    def test_needs_a_bound(self) -> None:
        assert refusal(made("clip"), GIVEN).code == "missing-argument"

    def test_bounds_are_in_order(self) -> None:
        assert shape(made("clip", min=1, max=1), GIVEN) == GIVEN
        error = refusal(made("clip", min=2, max=Fraction(1, 2)), GIVEN)
        assert (error.code, error.field) == ("bad-value", "max")
        assert error.message == "min 2 is above max 0.5"


class TestHardSigmoid:
    def test_a_slope_costs_what_pytorchs_costs(self) -> None:
        # So that a rounded 1/6 of another format changes no count.
        for alpha in (Fraction(1, 6), Fraction(1, 5), 1):
            layer = made("hard_sigmoid", alpha=alpha, beta=0)
            assert counts(layer, GIVEN) == counts(made("hard_sigmoid"), GIVEN)

    def test_the_slope_is_above_0(self) -> None:
        assert unreadable("hard_sigmoid", alpha=0).field == "alpha"


class TestSoftmax:
    def test_of_a_classifier(self) -> None:
        expected = Counts(adds=1999, divides=1000, compares=999, specials=1000)
        assert counts(made("softmax", 0), (1000,)) == expected

    def test_works_along_the_channels_of_each_position(self) -> None:
        one = Counts(adds=41, divides=21, compares=20, specials=21)
        assert counts(made("softmax"), (21, 4, 5)) == one.times(20)
        assert shape(made("softmax"), (21, 4, 5)) == (21, 4, 5)

    def test_each_group_of_channels_sums_up_to_one_of_its_own(self) -> None:
        layer, one = made("softmax", groups=3), Counts(adds=13, divides=7, compares=6, specials=7)
        assert counts(layer, (21, 4, 5)) == one.times(3 * 20)
        assert layer.channel_rule([(21, 4, 5)]) == ChannelRule("same", groups=3)
        assert refusal(made("softmax", groups=4), (21, 4, 5)).code == "groups-mismatch"

    def test_of_one_channel_still_divides(self) -> None:
        expected = Counts(adds=1, divides=1, specials=1)
        assert counts(made("softmax", 0), (1,)) == expected


class TestArguments:
    def test_prelu_learns_one_slope_or_one_for_each_channel(self) -> None:
        assert params(made("prelu"), GIVEN) == 1
        assert params(made("prelu", per_channel=True), GIVEN) == 8

    def test_others_learn_nothing(self) -> None:
        assert params(made("leaky_relu", slope=1), GIVEN) == 0

    def test_celu_divides_by_its_alpha(self) -> None:
        error = unreadable("celu", alpha=0)
        assert error.message == "alpha must be a number above 0, not 0"
        assert made("elu", alpha=0).replace() == made("elu", alpha=0)

    def test_slopes_are_numbers(self) -> None:
        error = unreadable("leaky_relu", slope="steep")
        assert (error.code, error.field) == ("bad-value", "slope")
        assert error.message == "slope must be a number, not 'steep'"
