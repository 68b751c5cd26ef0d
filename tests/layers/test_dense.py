"""Dense layers: figures of known networks, flattening, and working on each position."""

from __future__ import annotations

import pytest

from convcalc.counts import Counts
from convcalc.layers.dense import Dense
from convcalc.layers.traits import ChannelRule
from tests.layers.shorthand import counts, made, params, shape


@pytest.mark.parametrize(
    ("units", "given", "expected"),
    [
        (120, (16, 5, 5), 48120),  # LeNet
        (4096, (256, 6, 6), 37752832),  # AlexNet's fc6
        (4096, (512, 7, 7), 102764544),  # VGG's fc6
        (1000, (2048,), 2049000),  # ResNet-50
    ],
)
def test_parameters_of_known_layers(units: int, given: tuple[int, ...], expected: int) -> None:
    layer = made("dense", len(given) - 1, units=units)
    assert shape(layer, given) == (units,)
    assert params(layer, given) == expected


def test_a_map_is_flattened() -> None:
    layer = made("dense", units=10)
    assert counts(layer, (16, 5, 5)) == counts(layer, (400,))
    assert params(layer, (16, 5, 5)) == params(layer, (400,))


def test_counts_with_and_without_bias() -> None:
    assert counts(made("dense", 0, units=84), (120,)) == Counts(multiplies=10080, adds=10080)
    bare = made("dense", 0, units=84, bias=False)
    assert counts(bare, (120,)) == Counts(multiplies=10080, adds=9996)
    assert bare.parameters([(120,)]) == {"weight": (84, 120)}


def test_one_input_leaves_nothing_to_add() -> None:
    assert counts(made("dense", 0, units=3, bias=False), (1,)) == Counts(multiplies=3)


def test_positionwise_is_a_1x1_convolution() -> None:
    dense = made("dense", units=8, positionwise=True)
    conv = made("conv", channels=8, kernel=1)
    given = (3, 5, 7)
    assert shape(dense, given) == shape(conv, given) == (8, 5, 7)
    assert counts(dense, given) == counts(conv, given)
    assert params(dense, given) == params(conv, given)
    assert dense.channel_rule([given]) == conv.channel_rule([given]) == ChannelRule("free")


def test_a_classifiers_units_are_its_own() -> None:
    layer = made("dense", units=10)
    rule = layer.channel_rule([(16, 5, 5)])
    assert rule == ChannelRule("own")
    assert layer.with_channels(rule, 20, 0) == Dense(units=20)


def test_the_largest_sizes_are_exact() -> None:
    n = 2**31 - 1
    layer = made("dense", 3, units=n)
    assert counts(layer, (n, n, n, n)) == Counts(multiplies=n**5, adds=n**5)


@pytest.mark.parametrize(
    ("given", "positionwise", "text", "remark"),
    [
        ((1568,), False, "dense 1568 -> 10", ""),
        ((512, 1, 1), False, "dense 512 -> 10", ""),
        (
            (32, 7, 7),
            False,
            "dense 1568 -> 10",
            "flattens 32x7x7 to 1568 values; with positionwise: true it works on each position",
        ),
        (
            (40, 30),
            False,
            "dense 1200 -> 10",
            "flattens 40x30 to 1200 values; with positionwise: true it works on each position",
        ),
        ((40, 30), True, "dense 40 -> 10 positionwise", ""),
    ],
)
def test_says_what_enters_it_and_that_it_flattens(
    given: tuple[int, ...], positionwise: bool, text: str, remark: str
) -> None:
    layer = made("dense", units=10, positionwise=positionwise)
    assert (layer.described([given]), layer.remark([given])) == (text, remark)
