"""Windows on every axis: padding words, sizes, and what an error offers as help."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convcalc.facts import worded
from convcalc.layers.windows import sides, sliding_windows, transposed_windows
from convcalc.problems import RuleError
from tests.layers.shorthand import made, refusal, shape

sizes = st.integers(1, 12)
steps = st.integers(1, 4)


class TestSlidingWindows:
    def test_each_axis_has_its_own(self) -> None:
        depth, height, width = sliding_windows(
            (16, 112, 64), (3, 7, 1), (1, 2, 3), (2, 1, 1), ((2, 2), (3, 3), (0, 1))
        )
        assert (depth.n, depth.extent, depth.out) == (16, 5, 16)
        assert (height.n, height.extent, height.out) == (112, 7, 56)
        assert (width.before, width.after, width.out) == (0, 1, 22)

    def test_the_error_shows_the_rule_with_its_numbers_and_two_ways_out(self) -> None:
        error = refusal(made("conv", channels=120, kernel=5), (16, 4, 4))
        assert error.code == "window-too-large"
        assert error.field == "kernel"
        assert error.message == "kernel height 5 does not fit the padded input height 4"
        assert worded(error.facts) == (
            ("rule", "floor((4 - 5 + 0 + 1) / 1) = 0, must be at least 1"),
            ("help", "'padding: 1' gives 2, 'kernel: 4' gives 1"),
        )

    @pytest.mark.parametrize(
        ("kind", "size", "values", "message", "facts"),
        [
            pytest.param(
                "conv",
                (8, 3),
                {"channels": 1, "kernel": [3, 5], "stride": 2},
                "kernel width 5 does not fit the padded input width 3",
                (
                    ("rule", "floor((3 - 5 + 0 + 2) / 2) = 0, must be at least 1"),
                    ("help", "'padding: 1' gives 1, 'kernel: 3' gives 1"),
                ),
                id="width",
            ),
            pytest.param(
                "conv",
                (6,),
                {"channels": 1, "kernel": 3, "dilation": 4, "padding": [[1, 0]]},
                "kernel 3 (9 with dilation 4) does not fit the padded input length 7",
                (
                    ("rule", "floor((6 - 9 + 1 + 1) / 1) = -1, must be at least 1"),
                    # Uneven padding offers no single number instead.
                    ("help", "'kernel: 2' gives 3"),
                ),
                id="dilated",
            ),
            pytest.param(
                "maxpool",
                (4, 4),
                {"kernel": 7, "stride": 2, "ceil_mode": True},
                "kernel height 7 does not fit the padded input height 4",
                (
                    # ceil((4 - 7) / 2) + 1, written with the floor of whole numbers.
                    ("rule", "floor((4 - 7 + 0 + 0 + 2*2 - 1) / 2) = 0, must be at least 1"),
                    ("help", "'padding: 2' gives 2, 'kernel: 4' gives 1"),
                ),
                id="ceil_mode",
            ),
            pytest.param(
                "depthwise",
                (2, 8, 8),
                {"kernel": 3},
                "kernel depth 3 does not fit the padded input depth 2",
                (
                    ("rule", "floor((2 - 3 + 0 + 1) / 1) = 0, must be at least 1"),
                    ("help", "'padding: 1' gives 2, 'kernel: 2' gives 1"),
                ),
                id="depth",
            ),
        ],
    )
    def test_the_error_names_the_axis(
        self,
        kind: str,
        size: tuple[int, ...],
        values: dict[str, object],
        message: str,
        facts: tuple[tuple[str, str], ...],
    ) -> None:
        error = refusal(made(kind, len(size), **values), (3, *size))
        assert error.message == message
        assert worded(error.facts) == facts

    @given(sizes, st.integers(2, 16), steps, steps, st.integers(0, 3), st.booleans())
    def test_the_help_of_the_error_helps(
        self, n: int, kernel: int, stride: int, dilation: int, padding: int, ceil_mode: bool
    ) -> None:
        values: dict[str, object] = {"kernel": kernel, "stride": stride, "dilation": dilation}
        values |= {"padding": padding, "ceil_mode": ceil_mode}
        try:
            made("maxpool", 1, **values).windows([(1, n)])
        except RuleError as error:
            assume(error.code == "window-too-large")
            ways = re.findall(r"'(\w+): (\d+)' gives (\d+)", dict(worded(error.facts))["help"])
        else:
            ways = []
        assume(ways)
        assert {name for name, _, _ in ways} == {"padding", "kernel"}
        for name, value, gives in ways:
            # A pool has a rule of its own on padding; a convolution takes any.
            (window,) = sliding_windows(
                (n,),
                (int(value) if name == "kernel" else kernel,),
                (stride,),
                (dilation,),
                ((int(value),) * 2 if name == "padding" else (padding, padding),),
                ceil_mode,
            )
            assert window.out == int(gives)


class TestSides:
    @pytest.mark.parametrize(
        ("padding", "expected"),
        [
            (((1, 2), (3, 4)), (3, 4)),
            ("same", (2, 3)),  # TensorFlow's ResNet stem: the odd position after
            ("same_lower", (3, 2)),
            ("causal", (6, 0)),
        ],
    )
    def test_same_puts_the_odd_position_after(
        self, padding: str | tuple[tuple[int, int], ...], expected: tuple[int, int]
    ) -> None:
        assert sides(padding, 1, n=224, k=7, s=2) == expected


class TestTransposedWindows:
    def test_output_is_what_is_left_after_cropping(self) -> None:
        ((window,), _) = transposed_windows((4,), (4,), (2,), (1,), ((1, 1),), (0,))
        assert (window.n, window.before, window.after, window.out) == (4, 1, 1, 8)

    def test_same_multiplies_by_the_stride(self) -> None:
        layer = made("conv_transpose", channels=8, kernel=[5, 4], stride=[3, 2], padding="same")
        assert shape(layer, (4, 7, 10)) == (8, 21, 20)

    def test_same_with_output_padding_may_leave_nothing(self) -> None:
        layer = made(
            "conv_transpose", channels=8, kernel=2, stride=2, padding="same", output_padding=0
        )
        error = refusal(layer, (4, 1, 1))
        assert (error.code, error.field) == ("window-too-large", "padding")
        assert error.message == "padding leaves no output height"
        assert worded(error.facts) == (("rule", "(1 - 1)*2 - 2 + 2 = 0, must be at least 1"),)

    def test_double_padding_keeps_what_a_small_kernel_cannot_reach(self) -> None:
        layer = made("conv_transpose", channels=8, kernel=2, stride=4, padding="same")
        doubled = layer.with_double_padding([(4, 7, 7)])
        assert shape(doubled, (4, 7, 7)) == shape(layer, (4, 7, 7)) == (8, 28, 28)

    def test_cropping_must_leave_something(self) -> None:
        layer = made("conv_transpose", channels=8, kernel=3, padding=[0, 2])
        error = refusal(layer, (4, 2, 2))
        assert (error.code, error.field) == ("window-too-large", "padding")
        assert error.message == "padding leaves no output width"
        assert worded(error.facts) == (("rule", "(2 - 1)*1 - 4 + 3 = 0, must be at least 1"),)

    def test_output_padding_must_be_below_stride_or_dilation(self) -> None:
        layer = made("conv_transpose", channels=8, kernel=3, stride=2, output_padding=2)
        error = refusal(layer, (4, 2, 2))
        assert (error.code, error.field) == ("output-padding-too-large", "output_padding")
        assert error.message == (
            "output_padding 2 must be smaller than the stride 2 or the dilation 1"
        )
        dilated = made("conv_transpose", channels=8, kernel=3, dilation=3, output_padding=2)
        assert shape(dilated, (4, 2, 2)) == (8, 10, 10)


class TestSummary:
    @pytest.mark.parametrize(
        ("kind", "rank", "values", "text"),
        [
            ("conv", 2, {"channels": 64, "kernel": 3}, "conv 3x3"),
            ("conv", 2, {"channels": 64, "kernel": 7, "stride": 2}, "conv 7x7 /2"),
            ("conv", 2, {"channels": 64, "kernel": [1, 7], "stride": [1, 2]}, "conv 1x7 /1x2"),
            ("conv", 1, {"channels": 64, "kernel": 80, "stride": 4}, "conv 80 /4"),
            ("conv", 3, {"channels": 64, "kernel": [1, 3, 3]}, "conv 1x3x3"),
            ("conv", 2, {"channels": 64, "kernel": 3, "dilation": 6}, "conv 3x3 d6"),
            ("conv", 2, {"channels": 64, "kernel": 3, "dilation": [1, 2]}, "conv 3x3 d1x2"),
            (
                "conv",
                2,
                {"channels": 64, "kernel": 3, "stride": 2, "groups": 32},
                "conv 3x3 /2 g32",
            ),
            ("depthwise", 2, {"kernel": 3, "stride": 2}, "depthwise 3x3 /2"),
            (
                "conv_transpose",
                2,
                {"channels": 8, "kernel": 4, "stride": 2},
                "conv_transpose 4x4 /2",
            ),
            ("maxpool", 2, {"kernel": 2}, "maxpool 2x2 /2"),
            ("avgpool", 2, {"kernel": 3, "stride": 1}, "avgpool 3x3"),
            ("adaptive_avgpool", 2, {"size": 7}, "adaptive_avgpool 7x7"),
            ("global_avgpool", 2, {}, "global_avgpool"),
            ("dense", 2, {"units": 10}, "dense"),
            ("dense", 2, {"units": 10, "positionwise": True}, "dense positionwise"),
            ("relu", 2, {}, "relu"),
        ],
    )
    def test_names_the_kind_and_its_window(
        self, kind: str, rank: int, values: dict[str, object], text: str
    ) -> None:
        assert made(kind, rank, **values).summary() == text


class TestDescription:
    @pytest.mark.parametrize(
        ("kind", "values", "text"),
        [
            ("conv", {"channels": 6, "kernel": 5, "padding": 2}, "conv 5x5 p2"),
            ("conv", {"channels": 6, "kernel": 5, "padding": "valid"}, "conv 5x5"),
            ("conv", {"channels": 6, "kernel": 5, "padding": [2, 0]}, "conv 5x5 p2x0"),
            ("conv", {"channels": 6, "kernel": 4, "padding": [[1, 2], [1, 2]]}, "conv 4x4 p1:2"),
            ("conv", {"channels": 6, "kernel": 4, "padding": [[1, 2], 0]}, "conv 4x4 p1:2x0"),
            ("conv", {"channels": 6, "kernel": 3, "padding": "same"}, "conv 3x3 same"),
            ("depthwise", {"kernel": 3, "stride": 2, "padding": 1}, "depthwise 3x3 /2 p1"),
            ("maxpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "maxpool 3x3 /2 ceil"),
            ("avgpool", {"kernel": 3, "padding": 1, "ceil_mode": True}, "avgpool 3x3 /3 p1 ceil"),
            (
                "conv_transpose",
                {"channels": 1, "kernel": 3, "stride": 2, "padding": 1, "output_padding": 1},
                "conv_transpose 3x3 /2 p1 o1",
            ),
            (
                "conv_transpose",
                {"channels": 1, "kernel": 3, "stride": 2, "output_padding": [0, 1]},
                "conv_transpose 3x3 /2 o0x1",
            ),
            (
                "conv_transpose",
                {"channels": 1, "kernel": 3, "padding": "same", "output_padding": 0},
                "conv_transpose 3x3 same",
            ),
            ("global_avgpool", {}, "global_avgpool"),
            ("relu", {}, "relu"),
        ],
    )
    def test_adds_padding_and_rounding(
        self, kind: str, values: dict[str, object], text: str
    ) -> None:
        assert made(kind, 2, **values).described([(3, 32, 32)]) == text
