"""Convolutions: `conv`, `depthwise` and `conv_transpose`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TypeVar

from convcalc.arithmetic import Window, pairs_within, positions_reached, positions_with_real_tap
from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, divisible_by_groups, only
from convcalc.layers.fields import Flag, Padding, PaddingSides, PerAxis, Whole, field
from convcalc.layers.reading import WHOLE, Reading, Readings, grouped, sliding, transposed
from convcalc.layers.traits import FREE, ROLES, Backward, ChannelRule
from convcalc.layers.windows import (
    PADDING,
    padding_summary,
    resized_padding,
    sliding_windows,
    transposed_windows,
    window_summary,
)
from convcalc.problems import RuleError
from convcalc.shapes import LARGEST_SIZE, MOST_WINDOW_AXES, Shape, cross_text
from convcalc.traced import named, plain

C = TypeVar("C", bound="Convolution")


class Convolution(Layer):
    """What convolutions share: a window of learned weights; abstract."""

    fuses = ROLES
    weighted = True
    accumulates = True
    keeps = ("inputs",)
    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    kernel: tuple[int, ...] = field(PerAxis(), "window size", symbol="k")
    stride: tuple[int, ...] = field(PerAxis(), "step of the window", default=1, symbol="s")
    padding: Padding = field(PADDING, "padding per side", default=0, symbol="p")
    dilation: tuple[int, ...] = field(PerAxis(), "spacing of the taps", default=1, symbol="d")
    bias: bool = field(Flag(), "add one learned number per output channel", default=True)

    def windows(self, inputs: Sequence[Shape]) -> tuple[Window, ...]:
        return sliding_windows(
            only(inputs)[1:], self.kernel, self.stride, self.dilation, self.padding
        )

    def with_kernel(self: C, size: int) -> C:
        padding = self.padding
        if not isinstance(padding, str):
            axes = zip(padding, self.kernel, self.dilation, strict=True)
            padding = _allowed([resized_padding(sides, d * (size - k)) for sides, k, d in axes])
        return self.replace(kernel=(size,) * len(self.kernel), padding=padding)

    def settled(self: C, inputs: Sequence[Shape]) -> C:
        return self.replace(padding=tuple([(w.before, w.after) for w in self.windows(inputs)]))

    def with_double_padding(self: C, inputs: Sequence[Shape]) -> C:
        doubled = [(2 * w.before, 2 * w.after) for w in self.windows(inputs)]
        return self.settled(inputs).replace(padding=_allowed(doubled))

    def described(self, inputs: Sequence[Shape]) -> str:
        return self.summary() + padding_summary(self.padding)

    def _counts(self, inputs: Sequence[Shape], output: Shape, depth: int, valid: bool) -> Counts:
        """Counts of a convolution whose outputs each sum over `depth` input channels."""
        if valid:
            windows = self.windows(inputs)
            products = output[0] * depth * prod([real_taps(w) for w in windows])
            sums = output[0] * prod([_real_windows(w) for w in windows])
            return Counts(products, products - sums + (sums if self.bias else 0))
        taps = named("T", depth * prod(self.kernel))
        outputs = named("O", prod(output))
        return Counts(outputs * taps, outputs * (taps - 1) + (outputs if self.bias else 0))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        weight = prod(self.parameters(inputs)["weight"])
        positions = batch * prod(output[1:])
        products = weight * positions
        # The input's gradient is a transposed convolution of the output's: products that land on
        # the same position of the padded input are added up.
        axes = [(w.out, w.taps, w.stride, w.dilation) for w in self.windows(inputs)]
        sums = batch * only(inputs)[0] * prod([positions_reached(*axis) for axis in axes])
        return Backward(
            weights=Counts(products, products - weight),
            bias=Counts(adds=output[0] * (positions - 1)) if self.bias else NOTHING,
            input=Counts(products, products - sums) if any(wanted) else NOTHING,
        )


def _group(layer: Conv | ConvTranspose, inputs: Sequence[Shape]) -> Reading:
    """The input channels that an output channel reads: those of its group."""
    if layer.groups == 1:
        return WHOLE
    return grouped(0, layer.channels // layer.groups, only(inputs)[0] // layer.groups)


def _allowed(padding: Sequence[tuple[int, int]]) -> Padding:
    """Changed padding; refuses what no spec could hold."""
    largest = max(max(sides) for sides in padding)
    if largest > LARGEST_SIZE:
        raise RuleError(
            "size-too-large",
            f"padding {largest} is above the largest allowed, {LARGEST_SIZE}",
            "padding",
        )
    return tuple(padding)


def real_taps(w: Window) -> int:
    """The taps on the input, not on padding, of all positions of a window on an axis."""
    return pairs_within(w.out, w.taps, w.stride, w.dilation, w.before, w.before + w.n)


def _real_windows(w: Window) -> int:
    return positions_with_real_tap(w.out, w.taps, w.stride, w.dilation, w.before, w.n)


class Conv(Convolution, kind="conv"):
    """Convolution (cross-correlation, unless `flip` is true) over 1, 2 or 3 spatial axes.

    Shape:  (c, h, w) -> (channels, h', w'), h' = floor((h - k + p + s) / s), k the dilated extent
    Params: channels * (c / groups) * k_h * k_w, + channels with a bias
    Counts: T = (c / groups) * k_h * k_w, O output elements;
            multiplies = O*T; adds = O*(T - 1), + O with a bias
    Grads:  dweight: multiplies = n*O*T, adds = n*O*T - weights; dbias: adds = n*O - channels;
            dx, a transposed convolution of dy: multiplies = n*O*T,
            adds = n*O*T - positions of the padded input that receive a product; keeps x
    Errors: window-too-large, groups-mismatch, wrong-rank
    Source: Dumoulin & Visin, arXiv:1603.07285 (there p is per side)

    >>> conv = Conv(channels=6, kernel=(5, 5), stride=(1, 1), padding=((2, 2), (2, 2)),
    ...             dilation=(1, 1))
    >>> conv.output_shape([(1, 28, 28)])
    (6, 28, 28)
    >>> conv.counts([(1, 28, 28)], (6, 28, 28)).multiplies
    117600
    """

    channels: int = field(Whole(), "output channels", symbol="c_out")
    groups: int = field(Whole(), "groups of channels kept apart", default=1, symbol="g")
    flip: bool = field(Flag(), "turn the kernel by 180 degrees", default=False)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        divisible_by_groups(only(inputs)[0], self.groups, "input channels")
        divisible_by_groups(self.channels, self.groups, "output channels")
        return (self.channels, *[w.out for w in self.windows(inputs)])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return self._counts(inputs, output, only(inputs)[0] // self.groups, valid_taps)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (_group(self, inputs), *sliding(self.windows(inputs)))

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        weight = (self.channels, only(inputs)[0] // self.groups, *self.kernel)
        return {"weight": weight, "bias": (self.channels,)} if self.bias else {"weight": weight}

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        c_in = only(inputs)[0]
        if self.groups == c_in > 1:
            # A depthwise convolution: its groups follow its input's channels.
            return ChannelRule("spread", self.channels // c_in)
        return FREE._replace(groups=self.groups)

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> Conv:
        if rule.relation == "spread":
            return self.replace(channels=channels, groups=channels // rule.factor)
        return self.replace(channels=channels)

    def summary(self) -> str:
        text = window_summary(self, self.kernel, self.stride, self.dilation)
        return text if self.groups == 1 else f"{text} g{self.groups}"


class Depthwise(Convolution, kind="depthwise"):
    """Convolution of each channel on its own, with `multiplier` outputs a channel.

    Shape:  (c, h, w) -> (c*multiplier, h', w'), h' = floor((h - k + p + s) / s)
    Params: c * multiplier * k_h * k_w, + c * multiplier with a bias
    Counts: T = k_h * k_w, O output elements; multiplies = O*T; adds = O*(T - 1), + O with a bias
    Grads:  dweight: multiplies = n*O*T, adds = n*O*T - weights; dbias: adds = n*O - channels;
            dx, a transposed convolution of dy: multiplies = n*O*T,
            adds = n*O*T - positions of the padded input that receive a product; keeps x
    Errors: window-too-large, wrong-rank
    Source: a convolution with groups = c; Chollet, arXiv:1610.02357

    >>> layer = Depthwise(kernel=(3, 3), stride=(1, 1), padding="same", dilation=(1, 1))
    >>> layer.output_shape([(32, 112, 112)])
    (32, 112, 112)
    >>> layer.parameters([(32, 112, 112)])
    {'weight': (32, 1, 3, 3), 'bias': (32,)}
    """

    multiplier: int = field(Whole(), "output channels per input channel", default=1, symbol="m")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        windows = self.windows(inputs)
        return (only(inputs)[0] * self.multiplier, *[w.out for w in windows])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return self._counts(inputs, output, 1, valid_taps)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (grouped(0, self.multiplier, 1), *sliding(self.windows(inputs)))

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        channels = only(inputs)[0] * self.multiplier
        weight = (channels, 1, *self.kernel)
        return {"weight": weight, "bias": (channels,)} if self.bias else {"weight": weight}

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("spread", self.multiplier)

    def summary(self) -> str:
        return window_summary(self, self.kernel, self.stride, self.dilation)


class ConvTranspose(Convolution, kind="conv_transpose"):
    """Transposed convolution: every input element adds a weighted kernel to the output.

    Shape:  (c, h, w) -> (channels, h', w'), h' = (h - 1)*s - p + k + output_padding;
            `padding: same` gives h' = h*s, and with an output_padding, even 0, Keras' size
            h' = (h - 1)*s + k - 2*floor(k / 2) + output_padding
    Params: c * (channels / groups) * k_h * k_w, + channels with a bias
    Counts: multiplies = c * h * w * (channels / groups) * k_h * k_w, cropped products included;
            adds = multiplies - positions of the uncropped output that receive a product,
            + output elements with a bias
    Grads:  M = multiplies; dweight: multiplies = n*M, adds = n*M - weights;
            dbias: adds = n*O - channels; dx, a convolution of dy: multiplies = n*M,
            adds = n*M - n*c*h*w; keeps x
    Errors: window-too-large, output-padding-too-large, groups-mismatch, wrong-rank
    Source: Dumoulin & Visin, arXiv:1603.07285, chapter 4; `same` as in Keras' Conv2DTranspose

    >>> layer = ConvTranspose(channels=64, kernel=(4, 4), stride=(2, 2), dilation=(1, 1),
    ...                       padding=((1, 1), (1, 1)), output_padding=(0, 0))
    >>> layer.output_shape([(100, 4, 4)])
    (64, 8, 8)
    """

    scatters = True

    channels: int = field(Whole(), "output channels", symbol="c_out")
    padding: Padding = field(
        PaddingSides("valid", "same", "same_lower"), "padding per side", default=0, symbol="p"
    )
    output_padding: tuple[int, ...] | None = field(
        PerAxis(0), "positions added after the output", default=None, symbol="o"
    )
    groups: int = field(Whole(), "groups of channels kept apart", default=1, symbol="g")

    def _windows(self, inputs: Sequence[Shape]) -> tuple[tuple[Window, ...], tuple[int, ...]]:
        return transposed_windows(
            only(inputs)[1:],
            self.kernel,
            self.stride,
            self.dilation,
            self.padding,
            self.output_padding,
        )

    def windows(self, inputs: Sequence[Shape]) -> tuple[Window, ...]:
        return self._windows(inputs)[0]

    def settled(self, inputs: Sequence[Shape]) -> ConvTranspose:
        return super().settled(inputs).replace(output_padding=self._windows(inputs)[1])

    def argument(self, name: str) -> object:
        if name == "output_padding" and not isinstance(self.padding, str):
            return self.output_padding or (0,) * len(self.kernel)
        return super().argument(name)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        divisible_by_groups(only(inputs)[0], self.groups, "input channels")
        divisible_by_groups(self.channels, self.groups, "output channels")
        return (self.channels, *[w.out for w in self.windows(inputs)])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        c_in, *sizes = only(inputs)
        windows = self.windows(inputs)
        per_input = self.channels // self.groups
        if valid_taps:
            kept = [
                (w.n, w.taps, w.stride, w.dilation, w.before, w.before + w.out) for w in windows
            ]
            products = c_in * per_input * prod([pairs_within(*axis) for axis in kept])
            sums = self.channels * prod([positions_reached(*axis) for axis in kept])
            return Counts(products, products - sums + (sums if self.bias else 0))
        products = named("M", c_in * prod(sizes) * per_input * prod(self.kernel))
        positions = [
            positions_reached(plain(w.n), plain(w.taps), plain(w.stride), plain(w.dilation))
            for w in windows
        ]
        reached = named("R", self.channels * prod(positions))
        return Counts(products, products - reached + (prod(output) if self.bias else 0))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        shape = only(inputs)
        weight = prod(self.parameters(inputs)["weight"])
        products = batch * prod(shape[1:]) * weight
        # The input's gradient is a convolution of the output's: each element is one sum.
        return Backward(
            weights=Counts(products, products - weight),
            bias=Counts(adds=batch * prod(output) - output[0]) if self.bias else NOTHING,
            input=Counts(products, products - batch * prod(shape)) if any(wanted) else NOTHING,
        )

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (_group(self, inputs), *transposed(self.windows(inputs)))

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        weight = (only(inputs)[0], self.channels // self.groups, *self.kernel)
        return {"weight": weight, "bias": (self.channels,)} if self.bias else {"weight": weight}

    def fan_in(self, inputs: Sequence[Shape]) -> float:
        # Of the taps, one in every `stride` meets an input.
        products = only(inputs)[0] // self.groups * prod(self.kernel)
        return max(1.0, products / prod(self.stride))

    def described(self, inputs: Sequence[Shape]) -> str:
        extra = self.output_padding or ()
        added = f" o{cross_text(extra) if len(set(extra)) > 1 else extra[0]}" if any(extra) else ""
        return super().described(inputs) + added

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return FREE._replace(groups=self.groups)

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> ConvTranspose:
        return self.replace(channels=channels)

    def summary(self) -> str:
        return window_summary(self, self.kernel, self.stride, self.dilation)
