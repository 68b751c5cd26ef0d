"""Functions of one element that are no activations: what one element costs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from convcalc.counts import Counts
from convcalc.layers.traits import ChannelRule
from tests.layers.shorthand import counts, made, shape, unreadable

GIVEN = (8, 3, 5)
N = 120


@pytest.mark.parametrize("exponent", [2, Fraction(1, 2), -1, 0])
def test_a_power_is_one_special_whatever_the_exponent(exponent: object) -> None:
    layer = made("pow", exponent=exponent)
    assert shape(layer, GIVEN) == GIVEN
    assert counts(layer, GIVEN) == Counts(specials=N)
    assert layer.channel_rule([GIVEN]) == ChannelRule("same")


def test_a_root_is_one_special() -> None:
    assert counts(made("sqrt"), GIVEN) == Counts(specials=N)


@pytest.mark.parametrize(
    ("arguments", "one"),
    [
        ({"factor": 2, "offset": -1}, Counts(multiplies=1, adds=1)),
        ({"factor": Fraction(1, 255)}, Counts(multiplies=1)),
        ({"offset": Fraction(1, 2)}, Counts(adds=1)),
        # 1 - x, and -x, which only changes the sign.
        ({"factor": -1, "offset": 1}, Counts(adds=1)),
        ({"factor": -1}, Counts()),
        ({}, Counts()),
    ],
)
def test_rescaling_counts_what_it_does(arguments: dict[str, Any], one: Counts) -> None:
    layer = made("rescaling", **arguments)
    assert shape(layer, GIVEN) == GIVEN
    assert counts(layer, GIVEN) == one.times(N)


def test_constants_are_numbers_that_a_float32_holds() -> None:
    assert unreadable("rescaling", factor="x").code == "bad-value"
    assert unreadable("pow", exponent=10**30).code == "bad-value"
