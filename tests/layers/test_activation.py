"""Activations: what one element costs, and softmax along the channels."""

from __future__ import annotations

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
