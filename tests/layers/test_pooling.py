"""Pooling: sizes and figures from books and papers, ceil_mode, errors."""

from __future__ import annotations

import pytest

from convcalc.counts import Counts
from convcalc.facts import worded
from convcalc.layers.base import Layer
from convcalc.layers.traits import ChannelRule
from tests.layers.shorthand import counts, made, params, refusal, shape


class TestSlidingPools:
    @pytest.mark.parametrize(
        ("layer", "given", "expected"),
        [
            # LeNet, AlexNet (Dive into Deep Learning; torchvision), VGG.
            (made("avgpool", kernel=2), (6, 28, 28), (6, 14, 14)),
            (made("maxpool", kernel=3, stride=2), (96, 54, 54), (96, 26, 26)),
            (made("maxpool", kernel=3, stride=2), (64, 55, 55), (64, 27, 27)),
            (made("maxpool", kernel=2, stride=2), (64, 224, 224), (64, 112, 112)),
            # ResNet's, by padding; with ceil_mode the same padding gives one more.
            (made("maxpool", kernel=3, stride=2, padding=1), (64, 112, 112), (64, 56, 56)),
            (
                made("maxpool", kernel=3, stride=2, padding=1, ceil_mode=True),
                (64, 112, 112),
                (64, 57, 57),
            ),
            # GoogLeNet's, by ceil_mode.
            (made("maxpool", kernel=3, stride=2, ceil_mode=True), (64, 112, 112), (64, 56, 56)),
            (made("maxpool", kernel=3, stride=2), (64, 112, 112), (64, 55, 55)),
            # Inception's branch keeps the map.
            (made("avgpool", kernel=3, stride=1, padding=1), (192, 35, 35), (192, 35, 35)),
            # PyTorch leaves out a last window that starts in the padding after the input.
            (made("maxpool", kernel=2, padding=1, ceil_mode=True), (1, 3, 3), (1, 2, 2)),
            # The whole window may hang over, as long as it starts on the input.
            (made("avgpool", kernel=5, stride=4, ceil_mode=True), (1, 3, 3), (1, 1, 1)),
            (made("maxpool", kernel=3, stride=2, padding="same"), (64, 112, 112), (64, 56, 56)),
            (made("minpool", 1, kernel=4), (8, 17), (8, 4)),
            (made("maxpool", 3, kernel=[1, 2, 2]), (64, 16, 112, 112), (64, 16, 56, 56)),
            (made("maxpool", kernel=2, stride=1, dilation=3), (1, 8, 8), (1, 5, 5)),
        ],
    )
    def test_sizes(self, layer: Layer, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
        assert shape(layer, given) == expected

    def test_counts_of_known_layers(self) -> None:
        pool = made("maxpool", kernel=3, stride=2, padding=1)
        assert counts(pool, (64, 112, 112)) == Counts(compares=64 * 56 * 56 * 8)
        lenet = made("avgpool", kernel=2)
        assert counts(lenet, (6, 28, 28)) == Counts(adds=3528, divides=1176)
        assert counts(made("minpool", kernel=2), (6, 28, 28)) == Counts(compares=3528)

    def test_valid_taps_leave_out_padding_and_overhang(self) -> None:
        # 3x3 windows on 3x3, padded by one: 9, 6 or 4 real taps.
        padded = made("maxpool", kernel=3, stride=1, padding=1)
        assert counts(padded, (1, 3, 3)) == Counts(compares=72)
        assert counts(padded, (1, 3, 3), valid_taps=True) == Counts(compares=49 - 9)
        # 5 = 2 + 2 + 1: the last window of each axis hangs over by one.
        hanging = made("avgpool", kernel=2, ceil_mode=True)
        assert counts(hanging, (1, 5, 5)) == Counts(adds=27, divides=9)
        assert counts(hanging, (1, 5, 5), valid_taps=True) == Counts(adds=25 - 9, divides=9)

    def test_a_dilated_window_may_miss_the_input(self) -> None:
        # Two taps 3 apart on one input, padded by 2: the only window jumps over it.
        layer = made("maxpool", 1, kernel=2, dilation=3, padding=2)
        assert shape(layer, (1, 1)) == (1, 1)
        assert counts(layer, (1, 1)) == Counts(compares=1)
        assert counts(layer, (1, 1), valid_taps=True) == Counts()

    def test_the_divisor_does_not_change_the_count(self) -> None:
        padded = {"kernel": 3, "stride": 1, "padding": 1}
        assert counts(made("avgpool", **padded), (1, 3, 3)) == counts(
            made("avgpool", **padded, count_include_pad=False), (1, 3, 3)
        )

    def test_the_largest_window_is_exact(self) -> None:
        n = 2**31 - 1
        layer = made("maxpool", kernel=n, stride=1, padding=n - 1)
        assert refusal(layer, (1, n, n)).code == "size-too-large"
        half = made("maxpool", kernel=n, stride=1, padding=(n - 1) // 2)
        assert counts(half, (1, n, n)).compares == n**2 * (n**2 - 1)

    def test_padding_must_be_smaller_than_the_window(self) -> None:
        error = refusal(made("maxpool", kernel=2, padding=[1, 2]), (3, 8, 8))
        assert (error.code, error.field) == ("padding-too-large", "padding")
        assert error.message == "padding 2 of the width must be smaller than the window 2"
        assert worded(error.facts) == (("rule", "a window may not lie on padding alone"),)
        dilated = made("maxpool", kernel=2, padding=2, dilation=2)
        assert shape(dilated, (3, 8, 8)) == (3, 5, 5)

    def test_the_window_must_fit(self) -> None:
        error = refusal(made("avgpool", kernel=8), (3, 7, 7))
        assert (error.code, error.field) == ("window-too-large", "kernel")
        assert (
            dict(worded(error.facts))["rule"]
            == "floor((7 - 8 + 0 + 8) / 8) = 0, must be at least 1"
        )

    def test_needs_spatial_axes(self) -> None:
        assert refusal(made("maxpool", kernel=2), (120,)).code == "wrong-rank"

    def test_keeps_channels_and_learns_nothing(self) -> None:
        layer = made("maxpool", kernel=2)
        assert layer.channel_rule([(64, 8, 8)]) == ChannelRule("same")
        assert params(layer, (64, 8, 8)) == 0


class TestGlobalPools:
    def test_resnet(self) -> None:
        layer = made("global_avgpool")
        assert shape(layer, (2048, 7, 7)) == (2048, 1, 1)
        assert counts(layer, (2048, 7, 7)) == Counts(adds=98304, divides=2048)

    def test_without_spatial_axes_afterwards(self) -> None:
        layer = made("global_maxpool", keepdims=False)
        assert shape(layer, (512, 4, 7, 7)) == (512,)
        assert counts(layer, (512, 4, 7, 7)) == Counts(compares=512 * 195)

    def test_a_single_position_needs_no_step_but_the_division(self) -> None:
        assert counts(made("global_maxpool"), (8, 1, 1)) == Counts()
        assert counts(made("global_avgpool"), (8, 1, 1)) == Counts(divides=8)

    def test_needs_spatial_axes(self) -> None:
        assert refusal(made("global_avgpool"), (120,)).code == "wrong-rank"


class TestAdaptivePools:
    def test_alexnet_and_vgg_from_their_own_size(self) -> None:
        # A window for each position: nothing to sum up, but torchvision's layer still divides.
        alexnet = made("adaptive_avgpool", size=6)
        assert counts(alexnet, (256, 6, 6)) == Counts(divides=9216)
        assert counts(made("adaptive_maxpool", size=7), (512, 7, 7)) == Counts()

    def test_windows_overlap_where_sizes_do_not_divide(self) -> None:
        # 7 in 3 parts: positions 0-2, 2-4 and 4-6.
        layer = made("adaptive_avgpool", size=3)
        assert shape(layer, (2, 7, 7)) == (2, 3, 3)
        assert counts(layer, (2, 7, 7)) == Counts(adds=2 * (81 - 9), divides=18)

    def test_a_larger_output_repeats_positions(self) -> None:
        # 2 in 3 parts: position 0, both, position 1.
        layer = made("adaptive_maxpool", 1, size=3)
        assert shape(layer, (1, 2)) == (1, 3)
        assert counts(layer, (1, 2)) == Counts(compares=1)

    def test_one_size_for_each_axis(self) -> None:
        layer = made("adaptive_avgpool", size=[1, 4])
        assert shape(layer, (3, 5, 8)) == (3, 1, 4)
        assert counts(layer, (3, 5, 8)) == Counts(adds=3 * (40 - 4), divides=12)
        assert layer.summary() == "adaptive_avgpool 1x4"

    def test_the_whole_map_is_a_global_pool(self) -> None:
        given = (16, 9, 5)
        assert counts(made("adaptive_avgpool", size=1), given) == counts(
            made("global_avgpool"), given
        )

    def test_needs_spatial_axes(self) -> None:
        assert refusal(made("adaptive_avgpool", size=1), (120,)).code == "wrong-rank"
