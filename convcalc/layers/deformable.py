"""Convolutions whose taps move: `deform_conv`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.arithmetic import Window
from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import divisible_by_groups
from convcalc.layers.convolution import Convolution
from convcalc.layers.fields import Whole, field
from convcalc.layers.reading import WHOLE, Reading, Readings, grouped, same_from
from convcalc.layers.traits import FREE, Backward, Branches, ChannelRule, Kept
from convcalc.layers.windows import sliding_windows, window_summary
from convcalc.problems import Rule, RuleError
from convcalc.shapes import Shape, cross_text
from convcalc.symbols import smaller
from convcalc.traced import named


class DeformConv(Convolution, kind="deform_conv"):
    """Convolution of `value` whose taps are moved by `offset`, and weighed by a `mask`.

    A tap reads at its place plus its offset, between positions; zeros lie beyond the edges. At each
    output position there is an offset for each offset group, tap and spatial axis, in this order of
    the channels, and a factor for each offset group and tap.

    Shape:  value (c, h, w), offset (2*d*k_h*k_w, h', w') and mask (d*k_h*k_w, h', w') ->
            (channels, h', w'), h' = floor((h - k + p + s) / s); on r axes r offsets instead of 2;
            d offset groups
    Params: channels * (c / groups) * k_h * k_w, + channels with a bias
    Counts: O output elements, T = (c / groups)*k_h*k_w, S = c*h'*w'*k_h*k_w values that are read,
            F elements of offset: multiplies = O*T + S*(2^r - 1), + S with a mask;
            adds = O*(T - 1) + 2*S*(2^r - 1) + 2*F, + O with a bias: a value is interpolated as
            `upsample` does, and an offset added to its place, of which the fraction is taken;
            macs = O*T
    Grads:  n samples, L = 2^r - 1, M elements of mask; the values are read again, as above;
            dweight: multiplies = n*O*T, adds = n*O*T - weights; dbias: adds = n*O - channels;
            of the values read: multiplies = n*O*T, adds = n*O*T - n*S; dmask: multiplies = n*S,
            adds = n*S - n*M; behind a mask: multiplies = n*S; through the interpolations to dvalue:
            multiplies = adds = n*S*L, adds = n*S*2^r more that arrive anywhere; to doffset:
            multiplies = n*S*L, adds = n*S*L - n*F, and alone multiplies = adds =
            n*S*(2^(r - 1) - 1) on the way; keeps all branches
    Errors: window-too-large, groups-mismatch, join-mismatch, branch-count, wrong-rank
    Source: Zhu et al., arXiv:1811.11168 (Dai et al., arXiv:1703.06211, without a mask);
            torchvision's deform_conv2d

    >>> layer = DeformConv.read({"channels": 64, "kernel": 3, "padding": 1}, 2)
    >>> layer.output_shape([(64, 32, 32), (18, 32, 32)])
    (64, 32, 32)
    """

    joins = Branches.named("value", "offset", optional="mask")
    accumulates = False

    channels: int = field(Whole(), "output channels", symbol="c_out")
    groups: int = field(Whole(), "groups of channels kept apart", default=1, symbol="g")
    offset_groups: int = field(
        Whole(), "groups of channels of value with offsets of their own", default=1
    )

    def windows(self, inputs: Sequence[Shape]) -> tuple[Window, ...]:
        return sliding_windows(inputs[0][1:], self.kernel, self.stride, self.dilation, self.padding)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        value, *others = inputs
        divisible_by_groups(value[0], self.groups, "channels of value")
        divisible_by_groups(self.channels, self.groups, "output channels")
        if value[0] % self.offset_groups:
            raise RuleError(
                "groups-mismatch",
                f"{value[0]} channels of value cannot be split into {self.offset_groups} equal"
                " offset groups",
                "offset_groups",
                [Rule(f"{value[0]} / {self.offset_groups} must be whole")],
            )
        output = (self.channels, *[w.out for w in self.windows(inputs)])
        names = ("offset", "mask")
        for name, shape in zip(names, others, strict=False):
            self._check(name, shape, len(value), output)
        return output

    def _check(self, name: str, shape: Shape, axes: int, output: Shape) -> None:
        """Refuses offsets or factors that are not one for each tap at each output position."""
        if len(shape) != axes:
            raise RuleError("join-mismatch", f"{self.kind} needs branches of one rank")
        factors = (self.offset_groups, *self.kernel)
        text = "offset_groups * taps"
        if name == "offset":
            factors, text = (len(self.kernel), *factors), f"spatial axes * {text}"
        if shape[0] != prod(factors):
            numbers = " * ".join([str(int(factor)) for factor in factors])
            raise RuleError(
                "join-mismatch",
                f"{self.kind} needs {prod(factors)} channels of {name}, not {int(shape[0])}",
                "",
                [Rule(f"{text} = {numbers} = {prod(factors)}")],
            )
        if shape[1:] != output[1:]:
            raise RuleError(
                "join-mismatch",
                f"{self.kind} needs {name} at each of its {cross_text(output[1:])} output"
                f" positions, not at {cross_text(shape[1:])}",
            )

    def _read(self, inputs: Sequence[Shape], output: Shape) -> int:
        """The values that are read between positions, each for all output channels."""
        return named("S", inputs[0][0] * prod(output[1:]) * prod(self.kernel))

    def _reading(self, inputs: Sequence[Shape], output: Shape) -> Counts:
        """What it takes to read them."""
        read = self._read(inputs, output)
        steps = read * (2 ** len(self.kernel) - 1)
        masked = read if len(inputs) > 2 else 0
        return Counts(steps + masked, 2 * steps + 2 * prod(inputs[1]))

    def _products(self, inputs: Sequence[Shape], output: Shape) -> int:
        """The products that are summed, of a sample."""
        return prod(output) * (inputs[0][0] // self.groups) * prod(self.kernel)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        # Which taps lie beyond an edge is known at run time only: none is left out.
        sums = self._counts(inputs, output, inputs[0][0] // self.groups, valid=False)
        return sums.plus(self._reading(inputs, output))

    def macs(self, inputs: Sequence[Shape], output: Shape, counts: Counts) -> int:
        products = self._products(inputs, output)
        samples = counts.multiplies // (products + self._reading(inputs, output).multiplies)
        return samples * products

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        value, offset, *mask = wanted
        products, read = self._products(inputs, output), self._read(inputs, output)
        rank = len(self.kernel)
        steps = 2**rank - 1
        weight = prod(self.parameters(inputs)["weight"])
        weights = Counts(products, products).plus(self._reading(inputs, output)).times(batch)
        back = Counts(products, products - read)
        if any(mask):
            back = back.plus(Counts(read, read - prod(inputs[2])))
        if value or offset:
            # Each a + t*(b - a) hands t*g to b and g - t*g to a, and g*(b - a) to t.
            behind = read if mask else 0
            split = read * (steps if value else 2 ** (rank - 1) - 1)
            back = back.plus(Counts(behind + split, split))
        if value:
            back = back.plus(Counts(adds=read * 2**rank))
        if offset:
            back = back.plus(Counts(read * steps, read * steps - prod(inputs[1])))
        return Backward(
            weights=weights.plus(Counts(adds=-weight)),
            bias=Counts(adds=batch * prod(output) - output[0]) if self.bias else NOTHING,
            input=back.times(batch) if any(wanted) else NOTHING,
        )

    def backward_macs(
        self, inputs: Sequence[Shape], output: Shape, back: Backward
    ) -> tuple[int, int]:
        products = self._products(inputs, output)
        one = products + self._reading(inputs, output).multiplies
        weights = back.weights.multiplies // one * products
        return smaller(back.input.multiplies, weights), weights

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept(tuple(range(len(inputs))))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        channels = self._group(index, inputs[index][0])
        if index == 0:
            # An offset may lead anywhere.
            return (channels, *[WHOLE for _ in self.kernel])
        return (channels, *same_from(1, inputs[index]))

    def _group(self, index: int, channels: int) -> Reading:
        """Which of a branch's channels an output channel reads: those of its group."""
        groups = self.groups
        if index and groups > self.offset_groups:
            groups = self.offset_groups
        if groups == 1 or (index and (self.groups % groups or self.offset_groups % groups)):
            return WHOLE
        return grouped(0, self.channels // groups, channels // groups)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        weight = (self.channels, inputs[0][0] // self.groups, *self.kernel)
        return {"weight": weight, "bias": (self.channels,)} if self.bias else {"weight": weight}

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        others = tuple(range(1, len(inputs)))
        return FREE._replace(groups=self.groups, parts=self.offset_groups, kept=others)

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> DeformConv:
        return self.replace(channels=channels)

    def with_kernel(self, size: int) -> DeformConv:
        # Its offsets are as many as its taps.
        return self

    def summary(self) -> str:
        return window_summary(self, self.kernel, self.stride, self.dilation)
