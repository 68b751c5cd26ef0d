"""Layers that move, select, repeat or scale values."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, check_axis, divisible_by_groups, only
from convcalc.layers.elementwise import ElementwiseLayer
from convcalc.layers.fields import Choice, Flag, PaddingSides, Real, Whole, WholeList, field
from convcalc.layers.reading import (
    Readings,
    beyond,
    grouped,
    interleaved,
    reshaped,
    same,
    same_from,
    shifted,
    strided,
)
from convcalc.layers.traits import FIXED, SAME, Backward, ChannelRule, Kept, Start
from convcalc.problems import Help, Rule, RuleError
from convcalc.shapes import (
    LARGEST_SIZE,
    MOST_AXES,
    MOST_WINDOW_AXES,
    Shape,
    axis_name,
    cross_text,
)
from convcalc.symbols import smaller


class _NoArithmetic(Layer):
    """A layer that computes nothing; abstract.

    Its backward pass moves gradients to where the values came from, and keeps nothing for that.
    """

    keeps = ()

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward()


class Input(_NoArithmetic, kind="input"):
    """A network's input; made by the reader, not written as a layer."""

    inputs = 0

    shape: tuple[int, ...] = field(WholeList("a shape", 1, 4), "channels, then spatial sizes")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return self.shape

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return FIXED


class Identity(_NoArithmetic, kind="identity"):
    """The input itself: nothing to compute.

    Shape:  any -> the same
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute
    """

    view = True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return same_from(0, inputs[index])


class Dropout(_NoArithmetic, kind="dropout"):
    """Dropout, which at inference is the identity: nothing to compute.

    Shape:  any -> the same
    Counts: nothing to compute; in training, unless rate is 0, each element's random number is
            compared with the rate, and the element multiplied by 0 or 1 / (1 - rate):
            compares = N, multiplies = N
    Grads:  dx = dy times the same factor: multiplies = N; keeps which elements were dropped
    Source: Srivastava et al., Journal of Machine Learning Research 15, 2014
    """

    view = True

    rate: float = field(Real(0, 1), "probability of dropping a value", default=0.5)

    def training_view(self, inputs: Sequence[Shape]) -> bool:
        return not self.rate

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)

    def training_counts(self, inputs: Sequence[Shape], output: Shape, *, batch: int = 1) -> Counts:
        elements = batch * prod(output)
        return Counts(multiplies=elements, compares=elements) if self.rate else NOTHING

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        works = any(wanted) and self.rate
        return Backward(input=Counts(multiplies=batch * prod(output)) if works else NOTHING)

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept(flags=batch * prod(output) if self.rate else 0)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return same_from(0, inputs[index])


class StochasticDepth(_NoArithmetic, kind="stochastic_depth"):
    """Stochastic depth, which at inference is the identity: nothing to compute.

    In training a residual branch is dropped as a whole, in some of the samples.

    Shape:  any -> the same
    Counts: nothing to compute; in training, unless rate is 0, each sample's random number is
            compared with the rate, and each element multiplied by 0 or 1 / (1 - rate):
            compares = 1 a sample, multiplies = N
    Grads:  dx = dy times the same factor: multiplies = N; keeps which samples were dropped
    Source: Huang et al., arXiv:1603.09382
    """

    view = True

    rate: float = field(Real(0, 1), "probability of dropping a sample's branch")

    def training_view(self, inputs: Sequence[Shape]) -> bool:
        return not self.rate

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)

    def training_counts(self, inputs: Sequence[Shape], output: Shape, *, batch: int = 1) -> Counts:
        if not self.rate:
            return NOTHING
        return Counts(multiplies=batch * prod(output), compares=batch)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        works = any(wanted) and self.rate
        return Backward(input=Counts(multiplies=batch * prod(output)) if works else NOTHING)

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept(flags=batch if self.rate else 0)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return same_from(0, inputs[index])


class Flatten(_NoArithmetic, kind="flatten"):
    """All axes in one, channels outermost.

    Shape:  (c, h, w) -> (c*h*w,)
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute

    >>> Flatten().output_shape([(16, 5, 5)])
    (400,)
    """

    view = True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (prod(only(inputs)),)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return reshaped(only(inputs), self.output_shape(inputs))

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("spread", prod(only(inputs)[1:]))


class Reshape(_NoArithmetic, kind="reshape"):
    """The same values in another shape, in the same order; one entry may be -1.

    Shape:  any -> the given one; -1 stands for what is left
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute
    Errors: reshape-mismatch, bad-value

    >>> Reshape(shape=(4, -1)).output_shape([(8, 3, 3)])
    (4, 18)
    """

    view = True

    shape: tuple[int, ...] = field(
        WholeList(f"a list of 1 to {MOST_AXES} sizes, one of which may be -1", -1, MOST_AXES),
        "the new shape, without the batch axis",
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        total = prod(only(inputs))
        known = prod([size for size in self.shape if size != -1])
        unknown = self.shape.count(-1)
        if 0 in self.shape or unknown > 1:
            raise RuleError("bad-value", "shape may hold one -1 and no 0", "shape")
        fits = total % known == 0 if unknown else total == known
        if not fits:
            raise RuleError(
                "reshape-mismatch",
                f"shape {list(self.shape)} does not hold the input's {total} values",
                "shape",
                [Rule(f"{cross_text(only(inputs))} = {total}, {known} given")],
            )
        return tuple([total // known if size == -1 else size for size in self.shape])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return reshaped(only(inputs), self.output_shape(inputs))

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        # Channels are outermost on both sides: each of the input's is a whole number of the
        # output's, or the other way round.
        before, after = prod(only(inputs)[1:]), prod(self.output_shape(inputs)[1:])
        if before % after == 0:
            return ChannelRule("spread", before // after)
        return FIXED if after % before else ChannelRule("gathered", after // before)

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> Reshape:
        first = -1 if self.shape[0] == -1 else channels
        return self.replace(shape=(first, *self.shape[1:]))


class Transpose(_NoArithmetic, kind="transpose"):
    """The axes in another order, axis 0 being the channels.

    Shape:  axis i of the result is axis order[i] of the input
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute
    Errors: bad-order
    Source: PyTorch's permute

    >>> Transpose(order=(1, 2, 0)).output_shape([(3, 4, 5)])
    (4, 5, 3)
    """

    order: tuple[int, ...] = field(
        WholeList("a list of axes, counted from 0 without the batch axis", 0, MOST_AXES),
        "input axes in order",
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape = only(inputs)
        if sorted(self.order) != list(range(len(shape))):
            raise RuleError(
                "bad-order",
                f"order {list(self.order)} must name each of the axes 0 to {len(shape) - 1} once",
                "order",
            )
        return tuple([shape[axis] for axis in self.order])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return tuple([same(self.order.index(axis)) for axis in range(len(self.order))])

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return SAME if self.order[0] == 0 else FIXED


class Pad(_NoArithmetic, kind="pad"):
    """Padding as a layer: a constant, a reflection, the edge repeated, or the other side's values.

    A negative number crops that side, before anything is added.

    Shape:  (c, h, w) -> (c, h + p_h, w + p_w), p = before + after
    Counts: nothing to compute
    Grads:  dx: what was added gives its dy to the place it was copied from: adds = O - elements
            that are not cropped; zeros: nothing to compute
    Errors: crop-too-large, padding-too-large (reflect: below the size that is left; circular: up to
            it), bad-value, wrong-rank
    Source: PyTorch's pad; ConstantPad2d, ReflectionPad2d, ReplicationPad2d, CircularPad2d

    >>> Pad(padding=((3, 3), (0, 1))).output_shape([(3, 224, 224)])
    (3, 230, 225)
    >>> Pad(padding=((-1, -1), (0, -2))).output_shape([(3, 224, 224)])
    (3, 222, 222)
    """

    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    padding: tuple[tuple[int, int], ...] = field(
        PaddingSides(low=-LARGEST_SIZE), "positions added per side, cropped if negative", symbol="p"
    )
    mode: str = field(
        Choice("zeros", "reflect", "replicate", "circular"), "what is added", default="zeros"
    )
    value: float = field(Real(), "what mode zeros adds in the place of zeros", default=0.0)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, *sizes = only(inputs)
        if self.value != 0 and self.mode != "zeros":
            message = f"mode {self.mode} copies what it adds, and takes no value"
            raise RuleError("bad-value", message, "value")
        most = {"reflect": -1, "circular": 0}.get(self.mode)
        grown = []
        for axis, (n, (before, after)) in enumerate(zip(sizes, self.padding, strict=True)):
            left = _left(n, before, after)
            if left < 1:
                cropped = [-side for side in (before, after) if side < 0]
                raise _nothing_left(n, cropped, axis_name(axis, len(sizes)))
            if most is not None and (before > left + most or after > left + most):
                raise RuleError(
                    "padding-too-large",
                    f"{self.mode} padding {max(before, after)} of the {axis_name(axis, len(sizes))}"
                    f" may be at most {left + most}",
                    "padding",
                )
            grown.append(n + (before + after))
        return (channels, *grown)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        if self.mode == "zeros" or not any(wanted):
            return Backward()
        channels, *sizes = only(inputs)
        left = [_left(n, *sides) for n, sides in zip(sizes, self.padding, strict=True)]
        return Backward(input=Counts(adds=batch * (prod(output) - channels * prod(left))))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        axes = []
        for axis, (n, (before, after)) in enumerate(
            zip(only(inputs)[1:], self.padding, strict=True), 1
        ):
            kept = range(max(-before, 0), n + min(after, 0))
            axes.append(shifted(axis, -before, beyond(self.mode, kept)))
        return (same(0), *axes)


def _left(n: int, before: int, after: int) -> int:
    """The positions of an axis that negative padding leaves."""
    return n + smaller(before, 0) + smaller(after, 0)


def _nothing_left(n: int, cropped: Sequence[int], axis: str) -> RuleError:
    """The error where all of an axis is cropped, on one side or on both."""
    total = sum(cropped)
    return RuleError(
        "crop-too-large",
        f"cropping {' + '.join(map(str, cropped))} leaves nothing of the {axis} {n}",
        "padding",
        [Rule(f"{n} - {total} = {n - total}, must be at least 1")],
    )


class Crop(_NoArithmetic, kind="crop"):
    """Positions cut off at the borders.

    Shape:  (c, h, w) -> (c, h - p_h, w - p_w), p = before + after
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute
    Errors: crop-too-large, wrong-rank

    >>> Crop(padding=((4, 4), (4, 4))).output_shape([(512, 64, 64)])
    (512, 56, 56)
    """

    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    padding: tuple[tuple[int, int], ...] = field(
        PaddingSides(), "positions cut off per side", symbol="p"
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, *sizes = only(inputs)
        left = []
        for axis, (n, (before, after)) in enumerate(zip(sizes, self.padding, strict=True)):
            if n - (before + after) < 1:
                raise _nothing_left(n, [before, after], axis_name(axis, len(sizes)))
            left.append(n - (before + after))
        return (channels, *left)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        cut = enumerate(self.padding, 1)
        return (same(0), *[shifted(axis, before) for axis, (before, _) in cut])


class PixelShuffle(_NoArithmetic, kind="pixel_shuffle"):
    """Channels become positions: each f^r of them one channel, f times larger on r spatial axes.

    Shape:  (c*f*f, h, w) -> (c, h*f, w*f)
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute
    Errors: groups-mismatch, wrong-rank
    Source: Shi et al., arXiv:1609.05158

    >>> PixelShuffle(factor=3).output_shape([(27, 100, 100)])
    (3, 300, 300)
    """

    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    factor: int = field(Whole(), "how many times larger", symbol="f")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, *sizes = only(inputs)
        block = self.factor ** len(sizes)
        if channels % block:
            raise RuleError(
                "groups-mismatch",
                f"{channels} channels cannot be split into blocks of {block}",
                "factor",
                [Rule(f"{channels} / {self.factor}^{len(sizes)} must be whole")],
            )
        return (channels // block, *[n * self.factor for n in sizes])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        # The position decides which channel of a block is read: together they are the block.
        rank = len(only(inputs)) - 1
        places = [grouped(axis, self.factor, 1) for axis in range(1, rank + 1)]
        return (grouped(0, 1, self.factor**rank), *places)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("gathered", self.factor ** (len(only(inputs)) - 1))


class PixelUnshuffle(_NoArithmetic, kind="pixel_unshuffle"):
    """Positions become channels: each block of f positions on r spatial axes f^r channels.

    It undoes pixel_shuffle.

    Shape:  (c, h*f, w*f) -> (c*f*f, h, w)
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute
    Errors: window-mismatch, wrong-rank
    Source: PyTorch's PixelUnshuffle

    >>> PixelUnshuffle(factor=2).output_shape([(3, 640, 640)])
    (12, 320, 320)
    """

    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    factor: int = field(Whole(), "positions of a block per axis", symbol="f")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, *sizes = only(inputs)
        for axis, n in enumerate(sizes):
            if n % self.factor:
                raise RuleError(
                    "window-mismatch",
                    f"the {axis_name(axis, len(sizes))} {n} cannot be split into blocks of"
                    f" {self.factor}",
                    "factor",
                    [Rule(f"{n} / {self.factor} must be whole"), Help("a pad before it fills up")],
                )
        block = self.factor ** len(sizes)
        return (channels * block, *[n // self.factor for n in sizes])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        # The channel decides which position of a block is read: together they are the block.
        rank = len(only(inputs)) - 1
        places = [grouped(axis, 1, self.factor) for axis in range(1, rank + 1)]
        return (grouped(0, self.factor**rank, 1), *places)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("spread", self.factor ** (len(only(inputs)) - 1))


class ChannelShuffle(_NoArithmetic, kind="channel_shuffle"):
    """Interleaves the channels of `groups` groups: a0 a1 b0 b1 -> a0 b0 a1 b1.

    Shape:  (c, ...) -> (c, ...)
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute
    Errors: groups-mismatch
    Source: Zhang et al., arXiv:1707.01083

    >>> ChannelShuffle(groups=2).output_shape([(116, 28, 28)])
    (116, 28, 28)
    """

    groups: int = field(Whole(), "groups of channels", symbol="g")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        divisible_by_groups(only(inputs)[0], self.groups, "channels")
        return only(inputs)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        size = only(inputs)[0] // self.groups
        return (interleaved(0, self.groups, size), *same_from(1, inputs[index]))

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("shuffled", groups=self.groups)


class Slice(_NoArithmetic, kind="slice"):
    """A range of one axis: of the channels, axis 0, if no other is given.

    The range goes from start up to, not including, stop, in steps.

    Shape:  (c, ...) -> (n, ...), n = floor((stop - start - 1) / step) + 1
    Counts: nothing to compute
    Grads:  dx is dy, moved: nothing to compute
    Errors: bad-axis, slice-out-of-range

    >>> Slice(channels=(0, 58)).output_shape([(116, 28, 28)])
    (58, 28, 28)
    >>> Slice(channels=(0, 1), axis=1).output_shape([(768, 197)])
    (768, 1)
    """

    channels: tuple[int, ...] = field(
        WholeList("[start, stop], counted from 0", 0, 2, 2), "the range [start, stop]"
    )
    axis: int = field(
        Whole(0, MOST_AXES - 1), "counted from 0, the channels, without the batch axis", default=0
    )
    step: int = field(Whole(), "from one that is taken to the next", default=1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape, axis = only(inputs), self.axis
        check_axis(axis, shape)
        start, stop = self.channels
        n = shape[axis]
        if not start < stop <= n:
            positions = f"positions {start} to {stop} of axis {axis}" if axis else ""
            raise RuleError(
                "slice-out-of-range",
                f"{positions or f'channels {start} to {stop}'} are not a range of the input's {n}",
                "channels",
                [Rule(f"0 <= start < stop <= {n}")],
            )
        return (*shape[:axis], (stop - start - 1) // self.step + 1, *shape[axis + 1 :])

    def is_view(self, inputs: Sequence[Shape]) -> bool:
        return self.step == 1 and self.channels == (0, only(inputs)[self.axis])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        places = same_from(0, inputs[index])
        taken = strided(self.axis, self.channels[0], self.step)
        return (*places[: self.axis], taken, *places[self.axis + 1 :])

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        if self.axis:
            return SAME
        if self.step > 1:
            return FIXED
        return ChannelRule("sliced", start=self.channels[0], stop=self.channels[1])

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> Slice:
        sliced = rule.relation == "sliced"
        return self.replace(channels=(start, start + channels)) if sliced else self


class Scale(ElementwiseLayer, kind="scale"):
    """Each element times a factor: one multiplication.

    Each channel has a learned factor of its own; all have the same one with `per_channel: false`,
    and with `learned: false` that is a constant.

    Shape:  (c, ...) -> (c, ...)
    Params: c; without per_channel 1; not learned 0
    Counts: multiplies = N
    Grads:  dfactor = sum of x*dy: multiplies = N, adds = N - Params; dx = dy*factor:
            multiplies = N; keeps x; not learned: dx alone, and keeps nothing
    Source: layer scale, Touvron et al., arXiv:2103.17239

    >>> Scale().parameters([(96, 56, 56)])
    {'weight': (96,)}
    """

    cost = Counts(multiplies=1)
    gradient_cost = Counts(multiplies=1)

    init: float = field(Real(), "the factors' first value, or the constant", default=1.0)
    learned: bool = field(Flag(), "learn the factors; false: a constant", default=True)
    per_channel: bool = field(Flag(), "learn a factor for each channel, not one", default=True)

    def start(self, name: str) -> Start:
        return Start(self.init)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        if not self.learned:
            return {}
        return {"weight": (only(inputs)[0] if self.per_channel else 1,)}

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        back = super().backward_counts(inputs, output, wanted=wanted, batch=batch)
        if not self.learned:
            return back
        elements, factors = batch * prod(output), output[0] if self.per_channel else 1
        return back._replace(weights=Counts(multiplies=elements, adds=elements - factors))

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((0,)) if self.learned else Kept()
