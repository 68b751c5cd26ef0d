"""Convolutions: sizes and figures from books and papers, errors, channel rules."""

from __future__ import annotations

import pytest

from convcalc.counts import Counts
from convcalc.facts import worded
from convcalc.layers.base import Layer
from convcalc.layers.convolution import Conv, ConvTranspose, Depthwise
from convcalc.layers.traits import ChannelRule
from convcalc.problems import RuleError
from tests.layers.shorthand import counts, made, params, refusal, shape

LENET1 = made("conv", channels=6, kernel=5, padding=2)
STEM = made("conv", channels=64, kernel=7, stride=2, padding=3, bias=False)


class TestConv:
    @pytest.mark.parametrize(
        ("layer", "given", "expected"),
        [
            # LeNet-5 on 28x28 (LeCun et al. 1998; Dive into Deep Learning, section 7.6).
            (LENET1, (1, 28, 28), (6, 28, 28)),
            (made("conv", channels=16, kernel=5), (6, 14, 14), (16, 10, 10)),
            # AlexNet's first layer: as Dive into Deep Learning has it, as torchvision has it.
            (made("conv", channels=96, kernel=11, stride=4), (3, 224, 224), (96, 54, 54)),
            (
                made("conv", channels=64, kernel=11, stride=4, padding=2),
                (3, 224, 224),
                (64, 55, 55),
            ),
            # ResNet's stem, and Inception-v3's.
            (STEM, (3, 224, 224), (64, 112, 112)),
            (made("conv", channels=32, kernel=3, stride=2), (3, 299, 299), (32, 149, 149)),
            # TensorFlow's stem: the same sizes from uneven padding.
            (
                made("conv", channels=64, kernel=7, stride=2, padding="same"),
                (3, 224, 224),
                (64, 112, 112),
            ),
            # Inception's factorised kernels keep the map.
            (
                made("conv", channels=192, kernel=[1, 7], padding=[0, 3]),
                (128, 17, 17),
                (192, 17, 17),
            ),
            # DeepLab's atrous convolution: dilated by 6, padded by 6.
            (
                made("conv", channels=256, kernel=3, dilation=6, padding=6),
                (2048, 33, 33),
                (256, 33, 33),
            ),
            # One axis: M5's first layer on a second of audio; a causal, dilated one of WaveNet.
            (made("conv", 1, channels=128, kernel=80, stride=4), (1, 32000), (128, 7981)),
            (
                made("conv", 1, channels=32, kernel=2, dilation=512, padding=[[512, 0]]),
                (32, 16000),
                (32, 16000),
            ),
            # Three axes: C3D's first layer.
            (
                made("conv", 3, channels=64, kernel=3, padding=1),
                (3, 16, 112, 112),
                (64, 16, 112, 112),
            ),
        ],
    )
    def test_sizes(self, layer: Layer, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
        assert shape(layer, given) == expected

    @pytest.mark.parametrize(
        ("layer", "given", "expected"),
        [
            (LENET1, (1, 28, 28), 156),
            (made("conv", channels=16, kernel=5), (6, 14, 14), 2416),
            (STEM, (3, 224, 224), 9408),
            # VGG's second layer.
            (made("conv", channels=64, kernel=3, padding=1), (64, 224, 224), 36928),
            # The first AlexNet split this one over two devices.
            (made("conv", channels=256, kernel=5, padding=2, groups=2), (96, 27, 27), 307456),
            # ResNeXt-50 32x4d.
            (
                made("conv", channels=128, kernel=3, padding=1, groups=32, bias=False),
                (128, 56, 56),
                4608,
            ),
            (made("conv", 3, channels=64, kernel=3, padding=1), (3, 16, 112, 112), 5248),
        ],
    )
    def test_parameters(self, layer: Layer, given: tuple[int, ...], expected: int) -> None:
        assert params(layer, given) == expected

    def test_counts_of_lenet(self) -> None:
        # 4704 outputs of 25 taps; the bias makes as many additions as multiplications.
        assert counts(LENET1, (1, 28, 28)) == Counts(multiplies=117600, adds=117600)

    def test_counts_without_bias(self) -> None:
        # 802,816 outputs of 147 taps: ResNet-50's first 118 million.
        assert counts(STEM, (3, 224, 224)) == Counts(multiplies=118013952, adds=117211136)

    @pytest.mark.parametrize(
        ("layer", "given", "macs"),
        [
            (made("conv", channels=64, kernel=3, padding=1), (64, 224, 224), 1849688064),
            (made("conv", channels=256, kernel=5, padding=2, groups=2), (96, 27, 27), 223948800),
            (made("conv", 3, channels=64, kernel=3, padding=1), (3, 16, 112, 112), 1040449536),
        ],
    )
    def test_multiplies_of_known_layers(
        self, layer: Layer, given: tuple[int, ...], macs: int
    ) -> None:
        assert counts(layer, given).multiplies == macs

    def test_valid_taps_leave_out_the_border(self) -> None:
        layer = made("conv", channels=1, kernel=3, padding=1)
        # On 3x3 the centre sees 9 inputs, the edges 6, the corners 4.
        taps = 9 + 4 * 6 + 4 * 4
        assert counts(layer, (1, 3, 3), valid_taps=True) == Counts(multiplies=taps, adds=taps)
        assert counts(layer, (1, 3, 3)) == Counts(multiplies=81, adds=81)

    def test_valid_taps_of_lenet(self) -> None:
        # Along an axis 28 windows of 5 taps lose 2 + 1 at either end.
        assert counts(LENET1, (1, 28, 28), valid_taps=True).multiplies == 6 * 134**2

    def test_a_window_on_padding_alone_costs_nothing_even_with_a_bias(self) -> None:
        layer = made("conv", 1, channels=1, kernel=2, padding=3)
        # One input, padded to 7 positions, 6 windows; two of them see the input, with one tap.
        assert shape(layer, (1, 1)) == (1, 6)
        assert counts(layer, (1, 1)) == Counts(multiplies=12, adds=12)
        assert counts(layer, (1, 1), valid_taps=True) == Counts(multiplies=2, adds=2)
        bare = made("conv", 1, channels=1, kernel=2, padding=3, bias=False)
        assert counts(bare, (1, 1), valid_taps=True) == Counts(multiplies=2)

    def test_the_largest_sizes_are_exact(self) -> None:
        n = 2**31 - 1
        layer = made("conv", channels=n, kernel=n, padding=(n - 1) // 2, bias=False)
        given = (n, n, n)
        assert shape(layer, given) == (n, n, n)
        assert counts(layer, given).multiplies == n**6
        # Window i of n has n taps, of which those within half a window of the edges are real.
        half = (n - 1) // 2
        real = n * n - half * (half + 1)
        assert counts(layer, given, valid_taps=True).multiplies == n**2 * real**2

    def test_turning_the_kernel_costs_nothing(self) -> None:
        turned = made("conv", channels=6, kernel=5, padding=2, flip=True)
        assert counts(turned, (1, 28, 28)) == counts(LENET1, (1, 28, 28))

    def test_groups_divide_the_input(self) -> None:
        error = refusal(made("conv", channels=8, kernel=1, groups=4), (6, 8, 8))
        assert (error.code, error.field) == ("groups-mismatch", "groups")
        assert error.message == "6 input channels cannot be split into 4 equal groups"
        assert worded(error.facts) == (("rule", "6 / 4 must be whole"),)

    def test_groups_divide_the_output(self) -> None:
        error = refusal(made("conv", channels=6, kernel=1, groups=4), (8, 8, 8))
        assert error.message == "6 output channels cannot be split into 4 equal groups"

    def test_needs_spatial_axes(self) -> None:
        error = refusal(made("conv", channels=6, kernel=1), (120,))
        assert error.code == "wrong-rank"
        assert error.message == (
            "conv needs an input with spatial axes, not the 120 plain features of (120,)"
        )

    def test_refuses_a_result_beyond_the_largest_size(self) -> None:
        layer = made("conv", 1, channels=1, kernel=1, padding=2**31 - 1)
        assert refusal(layer, (1, 1)).code == "size-too-large"

    def test_channels_are_free_within_groups(self) -> None:
        assert STEM.channel_rule([(3, 224, 224)]) == ChannelRule("free")
        grouped = made("conv", channels=8, kernel=1, groups=2)
        assert grouped.channel_rule([(4, 8, 8)]) == ChannelRule("free", groups=2)

    def test_as_many_groups_as_channels_are_a_depthwise_layer(self) -> None:
        layer = made("conv", channels=64, kernel=3, groups=32)
        rule = layer.channel_rule([(32, 8, 8)])
        assert rule == ChannelRule("spread", 2)
        changed = layer.with_channels(rule, 96, 0)
        assert isinstance(changed, Conv)
        assert (changed.channels, changed.groups) == (96, 48)

    def test_other_kernels_keep_the_size_where_padding_can(self) -> None:
        same = made("conv", channels=6, kernel=3, padding=1).with_kernel(7)
        assert shape(same, (3, 32, 32)) == (6, 32, 32)
        smaller = made("conv", channels=6, kernel=3).with_kernel(1)
        assert shape(smaller, (3, 32, 32)) == (6, 32, 32)
        causal = made("conv", 1, channels=6, kernel=3, padding=[[2, 0]]).with_kernel(5)
        assert isinstance(causal, Conv)
        assert causal.padding == ((4, 0),)
        word = made("conv", channels=6, kernel=3, padding="same").with_kernel(4)
        assert isinstance(word, Conv)
        assert (word.kernel, word.padding) == ((4, 4), "same")

    def test_double_padding_doubles_what_a_word_comes_to(self) -> None:
        layer = made("conv", channels=6, kernel=4, padding="same")
        doubled = layer.with_double_padding([(3, 8, 8)])
        assert isinstance(doubled, Conv)
        assert doubled.padding == ((2, 4), (2, 4))

    def test_double_padding_stays_within_what_a_file_can_say(self) -> None:
        layer = made("conv", 1, channels=6, kernel=1, padding=2**30)
        with pytest.raises(RuleError) as caught:
            layer.with_double_padding([(3, 8)])
        assert (caught.value.code, caught.value.field) == ("size-too-large", "padding")


class TestDepthwise:
    DEPTHWISE = made("depthwise", kernel=3, padding=1, bias=False)

    def test_figures_of_mobilenet(self) -> None:
        # Howard et al., arXiv:1704.04861, table 1: "Conv dw / s1" on 112x112x32.
        assert shape(self.DEPTHWISE, (32, 112, 112)) == (32, 112, 112)
        assert params(self.DEPTHWISE, (32, 112, 112)) == 288
        assert counts(self.DEPTHWISE, (32, 112, 112)).multiplies == 3612672

    def test_is_a_convolution_with_a_group_for_each_channel(self) -> None:
        depthwise = made("depthwise", kernel=3, stride=2, padding=[[0, 1], 1], multiplier=3)
        grouped = made("conv", channels=12, kernel=3, stride=2, padding=[[0, 1], 1], groups=4)
        given = (4, 9, 8)
        assert shape(depthwise, given) == shape(grouped, given)
        assert depthwise.parameters([given]) == grouped.parameters([given])
        assert depthwise.channel_rule([given]) == grouped.channel_rule([given])
        for valid_taps in (False, True):
            assert counts(depthwise, given, valid_taps=valid_taps) == counts(
                grouped, given, valid_taps=valid_taps
            )

    def test_channels_follow_the_input(self) -> None:
        rule = made("depthwise", kernel=3, multiplier=2).channel_rule([(32, 8, 8)])
        assert rule == ChannelRule("spread", 2)
        assert self.DEPTHWISE.with_channels(rule, 64, 0) is self.DEPTHWISE

    def test_other_kernels(self) -> None:
        changed = self.DEPTHWISE.with_kernel(5)
        assert isinstance(changed, Depthwise)
        assert (changed.kernel, changed.padding) == ((5, 5), ((2, 2), (2, 2)))


class TestConvTranspose:
    @pytest.mark.parametrize(
        ("layer", "given", "expected"),
        [
            # DCGAN (Radford et al., arXiv:1511.06434), figure 1: from 100 numbers to 64x64.
            (made("conv_transpose", channels=1024, kernel=4), (100, 1, 1), (1024, 4, 4)),
            (
                made("conv_transpose", channels=512, kernel=4, stride=2, padding=1),
                (1024, 4, 4),
                (512, 8, 8),
            ),
            (
                made("conv_transpose", channels=3, kernel=4, stride=2, padding=1),
                (128, 32, 32),
                (3, 64, 64),
            ),
            # U-Net's up-convolution.
            (
                made("conv_transpose", channels=512, kernel=2, stride=2),
                (1024, 28, 28),
                (512, 56, 56),
            ),
            # Dumoulin & Visin, figures 4.1 and 4.5.
            (made("conv_transpose", channels=1, kernel=3), (1, 2, 2), (1, 4, 4)),
            (made("conv_transpose", channels=1, kernel=3, stride=2), (1, 2, 2), (1, 5, 5)),
            # Figure 4.7: one of the two convolutions that this could be the reverse of.
            (
                made(
                    "conv_transpose",
                    channels=1,
                    kernel=3,
                    stride=2,
                    padding=1,
                    output_padding=1,
                ),
                (1, 3, 3),
                (1, 6, 6),
            ),
            # FCN-8s (Long et al., arXiv:1411.4038): a 16x16 kernel enlarges eight times.
            (
                made("conv_transpose", channels=21, kernel=16, stride=8, padding=4),
                (21, 40, 30),
                (21, 320, 240),
            ),
        ],
    )
    def test_sizes(self, layer: Layer, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
        assert shape(layer, given) == expected

    def test_parameters_of_dcgan(self) -> None:
        layer = made("conv_transpose", channels=1024, kernel=4, bias=False)
        assert layer.parameters([(100, 1, 1)]) == {"weight": (100, 1024, 4, 4)}
        assert params(layer, (100, 1, 1)) == 1638400

    def test_counts_by_hand(self) -> None:
        # 3 inputs, 3 taps, stride 2: 9 products on 7 positions, two of which get two.
        plain = made("conv_transpose", 1, channels=1, kernel=3, stride=2)
        assert counts(plain, (1, 3)) == Counts(multiplies=9, adds=2 + 7)
        # Cropping one on either side saves no product, only a bias for each position ...
        cropped = made("conv_transpose", 1, channels=1, kernel=3, stride=2, padding=1)
        assert counts(cropped, (1, 3)) == Counts(multiplies=9, adds=2 + 5)
        # ... unless the products that are thrown away are left out.
        assert counts(cropped, (1, 3), valid_taps=True) == Counts(multiplies=7, adds=2 + 5)

    def test_positions_between_the_products_only_get_the_bias(self) -> None:
        # 3 inputs, 1 tap, stride 3: products on 0, 3 and 6 of 7 positions.
        layer = made("conv_transpose", 1, channels=1, kernel=1, stride=3)
        assert shape(layer, (1, 3)) == (1, 7)
        assert counts(layer, (1, 3)) == Counts(multiplies=3, adds=7)
        assert counts(layer, (1, 3), valid_taps=True) == Counts(multiplies=3, adds=3)

    def test_groups_keep_channels_apart(self) -> None:
        layer = made("conv_transpose", channels=6, kernel=2, stride=2, groups=2, bias=False)
        assert layer.parameters([(4, 3, 3)]) == {"weight": (4, 3, 2, 2)}
        # Each of 4*9 inputs meets 3*4 weights; each output is the sum of 2 products.
        assert counts(layer, (4, 3, 3)) == Counts(multiplies=432, adds=216)
        assert refusal(layer, (3, 3, 3)).code == "groups-mismatch"
        odd = made("conv_transpose", channels=5, kernel=2, groups=2)
        assert refusal(odd, (4, 3, 3)).message.startswith("5 output channels")

    def test_the_largest_sizes_are_exact(self) -> None:
        n = 2**15
        layer = made("conv_transpose", channels=n, kernel=n, stride=n, padding="same", bias=False)
        given = (n, n, n)
        assert shape(layer, given) == (n, n**2, n**2)
        for valid_taps in (False, True):
            # Neighbours do not overlap: only the input's channels are summed up.
            expected = Counts(multiplies=n**6, adds=n**6 - n**5)
            assert counts(layer, given, valid_taps=valid_taps) == expected

    def test_channels_are_free(self) -> None:
        layer = made("conv_transpose", channels=6, kernel=2, groups=2)
        rule = layer.channel_rule([(4, 3, 3)])
        assert rule == ChannelRule("free", groups=2)
        changed = layer.with_channels(rule, 12, 0)
        assert isinstance(changed, ConvTranspose)
        assert changed.channels == 12
