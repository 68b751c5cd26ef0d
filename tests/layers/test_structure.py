"""Layers that move, select, repeat or scale values: sizes, errors, channel rules."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcalc.counts import Counts
from convcalc.facts import worded
from convcalc.layers.base import Layer
from convcalc.layers.structure import Input, Reshape, Slice
from convcalc.layers.traits import FIXED, SAME, Backward, ChannelRule, Kept
from tests.layers.shorthand import counts, made, params, refusal, shape, unreadable


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (made("identity"), (3, 8, 8), (3, 8, 8)),
        (made("dropout", 0), (4096,), (4096,)),
        (made("flatten"), (16, 5, 5), (400,)),
        (made("flatten", 0), (400,), (400,)),
        (made("reshape", 0, shape=[1024, 4, 4]), (16384,), (1024, 4, 4)),
        (made("reshape", shape=[8, -1, 4]), (16, 6, 4), (8, 12, 4)),
        (made("transpose", order=[1, 2, 0]), (3, 4, 5), (4, 5, 3)),
        (made("pad", padding=[[0, 1], [2, 3]]), (3, 8, 8), (3, 9, 13)),
        (made("pad", padding=7, mode="reflect"), (3, 8, 8), (3, 22, 22)),
        (made("pad", padding=8, mode="circular"), (3, 8, 8), (3, 24, 24)),
        (made("pad", padding=9, mode="replicate"), (3, 8, 8), (3, 26, 26)),
        # Negative sides are cropped: of 8 all but one, and one more added than is left.
        (made("pad", padding=[[-7, 0], -1]), (3, 8, 8), (3, 1, 6)),
        (made("pad", padding=[[-6, 2], [1, -7]], mode="circular"), (3, 8, 8), (3, 4, 2)),
        # U-Net crops its skips: 64 to 56.
        (made("crop", padding=4), (512, 64, 64), (512, 56, 56)),
        (made("crop", 1, padding=[[0, 7]]), (2, 8), (2, 1)),
        # ESPCN enlarges three times.
        (made("pixel_shuffle", factor=3), (27, 100, 80), (3, 300, 240)),
        (made("pixel_shuffle", 1, factor=2), (6, 10), (3, 20)),
        # YOLOv5's Focus.
        (made("pixel_unshuffle", factor=2), (3, 640, 640), (12, 320, 320)),
        (made("pixel_unshuffle", 3, factor=2), (3, 4, 6, 8), (24, 2, 3, 4)),
        (made("stochastic_depth", rate=0), (96, 56, 56), (96, 56, 56)),
        # ShuffleNet v2's unit: half of the channels, and the shuffle after joining.
        (made("slice", channels=[0, 58]), (116, 28, 28), (58, 28, 28)),
        (made("slice", channels=[58, 116]), (116, 28, 28), (58, 28, 28)),
        # The class token, and one phase of YOLOv5's Focus.
        (made("slice", channels=[0, 1], axis=1), (768, 197), (768, 1)),
        (made("slice", channels=[1, 640], axis=2, step=2), (3, 640, 640), (3, 640, 320)),
        (made("slice", channels=[0, 7], step=3), (8, 4), (3, 4)),
        (made("slice", channels=[0, 6], step=3), (8, 4), (2, 4)),
        (made("slice", channels=[3, 4], step=9), (8, 4), (1, 4)),
        (made("channel_shuffle", groups=2), (116, 28, 28), (116, 28, 28)),
        (made("scale"), (96, 56, 56), (96, 56, 56)),
    ],
)
def test_sizes(layer: Layer, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert shape(layer, given) == expected


@pytest.mark.parametrize(
    ("layer", "given", "rule"),
    [
        (made("identity"), (3, 8, 8), SAME),
        (made("flatten"), (16, 5, 5), ChannelRule("spread", 25)),
        (made("flatten", 0), (400,), ChannelRule("spread", 1)),
        (made("reshape", 0, shape=[1024, 4, 4]), (16384,), ChannelRule("gathered", 16)),
        (made("reshape", shape=[64, -1]), (16, 4, 4), ChannelRule("spread", 4)),
        (made("reshape", shape=[3, 2]), (2, 3, 1), FIXED),
        (made("transpose", order=[0, 2, 1]), (3, 4, 5), SAME),
        (made("transpose", order=[1, 2, 0]), (3, 4, 5), FIXED),
        (made("pixel_shuffle", factor=3), (27, 10, 10), ChannelRule("gathered", 9)),
        (made("pixel_unshuffle", factor=3), (3, 30, 30), ChannelRule("spread", 9)),
        (made("slice", channels=[58, 116]), (116, 4, 4), ChannelRule("sliced", start=58, stop=116)),
        (made("slice", channels=[0, 1], axis=1), (768, 197), SAME),
        (made("slice", channels=[0, 8], step=2), (8, 4), FIXED),
        (made("channel_shuffle", groups=2), (116, 4, 4), ChannelRule("shuffled", groups=2)),
        (made("scale"), (96, 4, 4), SAME),
        (Input(shape=(3, 224, 224)), (), FIXED),
    ],
)
def test_channel_rules(layer: Layer, given: tuple[int, ...], rule: ChannelRule) -> None:
    assert layer.channel_rule([given]) == rule


@pytest.mark.parametrize(
    ("layer", "given", "code", "field", "message", "facts"),
    [
        pytest.param(
            made("reshape", shape=[4, 5]),
            (3, 2, 2),
            "reshape-mismatch",
            "shape",
            "shape [4, 5] does not hold the input's 12 values",
            (("rule", "3x2x2 = 12, 20 given"),),
            id="reshape",
        ),
        pytest.param(
            made("reshape", shape=[5, -1]),
            (3, 2, 2),
            "reshape-mismatch",
            "shape",
            "shape [5, -1] does not hold the input's 12 values",
            (("rule", "3x2x2 = 12, 5 given"),),
            id="reshape-rest",
        ),
        pytest.param(
            made("reshape", shape=[-1, -1]),
            (3, 2, 2),
            "bad-value",
            "shape",
            "shape may hold one -1 and no 0",
            (),
            id="reshape-unknowns",
        ),
        pytest.param(
            made("transpose", order=[0, 1, 1]),
            (3, 2, 2),
            "bad-order",
            "order",
            "order [0, 1, 1] must name each of the axes 0 to 2 once",
            (),
            id="transpose",
        ),
        pytest.param(
            made("pad", padding=[1, 8], mode="reflect"),
            (3, 8, 8),
            "padding-too-large",
            "padding",
            "reflect padding 8 of the width may be at most 7",
            (),
            id="reflect",
        ),
        pytest.param(
            made("pad", padding=[[9, 0], 0], mode="circular"),
            (3, 8, 8),
            "padding-too-large",
            "padding",
            "circular padding 9 of the height may be at most 8",
            (),
            id="circular",
        ),
        pytest.param(
            made("pad", padding=[[-5, 3], 0], mode="reflect"),
            (3, 8, 8),
            "padding-too-large",
            "padding",
            "reflect padding 3 of the height may be at most 2",
            (),
            id="reflect-cropped",
        ),
        pytest.param(
            made("pad", padding=[0, [-8, 9]]),
            (3, 8, 8),
            "crop-too-large",
            "padding",
            "cropping 8 leaves nothing of the width 8",
            (("rule", "8 - 8 = 0, must be at least 1"),),
            id="pad-cropped",
        ),
        pytest.param(
            made("pad", padding=1, mode="replicate", value=1),
            (3, 8, 8),
            "bad-value",
            "value",
            "mode replicate copies what it adds, and takes no value",
            (),
            id="pad-value",
        ),
        pytest.param(
            made("crop", padding=[0, [3, 5]]),
            (3, 8, 8),
            "crop-too-large",
            "padding",
            "cropping 3 + 5 leaves nothing of the width 8",
            (("rule", "8 - 8 = 0, must be at least 1"),),
            id="crop",
        ),
        pytest.param(
            made("pixel_shuffle", factor=2),
            (6, 8, 8),
            "groups-mismatch",
            "factor",
            "6 channels cannot be split into blocks of 4",
            (("rule", "6 / 2^2 must be whole"),),
            id="pixel_shuffle",
        ),
        pytest.param(
            made("pixel_unshuffle", factor=2),
            (3, 8, 7),
            "window-mismatch",
            "factor",
            "the width 7 cannot be split into blocks of 2",
            (("rule", "7 / 2 must be whole"), ("help", "a pad before it fills up")),
            id="pixel_unshuffle",
        ),
        pytest.param(
            made("channel_shuffle", groups=4),
            (6, 8, 8),
            "groups-mismatch",
            "groups",
            "6 channels cannot be split into 4 equal groups",
            (("rule", "6 / 4 must be whole"),),
            id="channel_shuffle",
        ),
        pytest.param(
            made("slice", channels=[4, 9]),
            (8, 3, 3),
            "slice-out-of-range",
            "channels",
            "channels 4 to 9 are not a range of the input's 8",
            (("rule", "0 <= start < stop <= 8"),),
            id="slice",
        ),
        pytest.param(
            made("slice", channels=[4, 4]),
            (8, 3, 3),
            "slice-out-of-range",
            "channels",
            "channels 4 to 4 are not a range of the input's 8",
            (("rule", "0 <= start < stop <= 8"),),
            id="slice-empty",
        ),
        pytest.param(
            made("slice", channels=[0, 9], axis=1),
            (3, 8),
            "slice-out-of-range",
            "channels",
            "positions 0 to 9 of axis 1 are not a range of the input's 8",
            (("rule", "0 <= start < stop <= 8"),),
            id="slice-positions",
        ),
        pytest.param(
            made("slice", channels=[0, 1], axis=2),
            (3, 8),
            "bad-axis",
            "axis",
            "axis 2 is none of the axes of (3, 8)",
            (("rule", "axes are counted from 0, the channels, to 1"),),
            id="slice-axis",
        ),
    ],
)
def test_errors(
    layer: Layer,
    given: tuple[int, ...],
    code: str,
    field: str,
    message: str,
    facts: tuple[tuple[str, str], ...],
) -> None:
    error = refusal(layer, given)
    assert (error.code, error.field, error.message) == (code, field, message)
    assert worded(error.facts) == facts


@pytest.mark.parametrize("kind", ["pad", "crop", "upsample", "pixel_shuffle", "pixel_unshuffle"])
def test_what_changes_spatial_axes_needs_them(kind: str) -> None:
    argument = {"pad": "padding", "crop": "padding"}.get(kind, "factor")
    assert refusal(made(kind, 0, **{argument: 1}), (120,)).code == "wrong-rank"


def test_moving_values_costs_nothing() -> None:
    assert counts(made("flatten"), (16, 5, 5)) == Counts()
    assert counts(made("pad", padding=1), (16, 5, 5)) == Counts()


def test_a_scale_learns_a_factor_for_each_channel() -> None:
    layer = made("scale")
    assert params(layer, (96, 56, 56)) == 96
    assert counts(layer, (96, 56, 56)) == Counts(multiplies=301056)


@pytest.mark.parametrize(
    ("arguments", "learned"),
    [({"per_channel": False}, 1), ({"learned": False}, 0)]
    + [({"learned": False, "per_channel": False}, 0)],
)
def test_a_scale_may_have_one_factor_or_a_constant(
    arguments: dict[str, bool], learned: int
) -> None:
    layer = made("scale", init=Fraction(1, 10), **arguments)
    assert params(layer, (96, 56, 56)) == learned
    assert counts(layer, (96, 56, 56)) == Counts(multiplies=301056)


def test_a_constant_factor_costs_one_product_backwards_and_keeps_nothing() -> None:
    layer, shapes = made("scale", init=2, learned=False), [(4, 3)]
    assert layer.backward_counts(shapes, (4, 3), wanted=[True]) == Backward(
        input=Counts(multiplies=12)
    )
    assert layer.kept(shapes, (4, 3), wanted=[True]) == Kept()


def test_stochastic_depth_drops_samples_in_training() -> None:
    layer, given = made("stochastic_depth", rate=0.1), (8, 3, 5)
    assert counts(layer, given) == Counts()
    assert layer.training_counts([given], given, batch=4) == Counts(multiplies=480, compares=4)
    assert layer.kept([given], given, wanted=[True], batch=4).flags == 4
    back = layer.backward_counts([given], given, wanted=[True], batch=4)
    assert back.input == Counts(multiplies=480)
    never = made("stochastic_depth", rate=0)
    assert never.training_counts([given], given, batch=4) == Counts()
    assert never.training_view([given])
    assert not layer.training_view([given])


def test_a_dropout_rate_is_a_probability_below_one() -> None:
    assert unreadable("dropout", rate=1).message == (
        "rate must be a number of at least 0 and below 1, not 1"
    )


def test_a_changed_slice_takes_other_channels() -> None:
    layer = made("slice", channels=[58, 116])
    changed = layer.with_channels(layer.channel_rule([(116, 4, 4)]), 116, 116)
    assert changed == Slice(channels=(116, 232))
    token = made("slice", channels=[0, 1], axis=1)
    assert token.with_channels(token.channel_rule([(768, 197)]), 1536, 0) == token


def test_a_changed_reshape_keeps_what_was_left_open() -> None:
    rest_first = Reshape(shape=(-1, 4, 4))
    rule = rest_first.channel_rule([(64,)])
    assert rest_first.with_channels(rule, 8, 0) == rest_first
    given = Reshape(shape=(4, -1))
    assert given.with_channels(given.channel_rule([(4, 3, 3)]), 8, 0) == Reshape(shape=(8, -1))


def test_an_input_is_its_shape() -> None:
    layer = Input(shape=(3, 224, 224))
    assert layer.output_shape([]) == (3, 224, 224)
    assert layer.counts([], (3, 224, 224)) == Counts()
