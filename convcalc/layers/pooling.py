"""Pooling: sliding, global and adaptive windows without weights."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TypeVar

from convcalc.arithmetic import (
    Window,
    adaptive_taps,
    pairs_within,
    positions_reached,
    positions_with_real_tap,
)
from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, only
from convcalc.layers.fields import Flag, Padding, PerAxis, field
from convcalc.layers.reading import WHOLE, Readings, adaptive, same, sliding
from convcalc.layers.traits import Backward, Kept
from convcalc.layers.windows import PADDING, padding_summary, sliding_windows, window_summary
from convcalc.problems import Rule, RuleError
from convcalc.shapes import MOST_WINDOW_AXES, Shape, axis_name, cross_text
from convcalc.traced import named


class _Selecting(Layer):
    """What poolings share that choose one value of each window; abstract."""

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward(input=Counts(adds=batch * prod(output)) if any(wanted) else NOTHING)

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept(indices=batch * prod(output))


P = TypeVar("P", bound="_Pool")


class _Pool(Layer):
    """A window that slides over each channel; abstract."""

    prefix = "pool"
    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    kernel: tuple[int, ...] = field(PerAxis(), "window size", symbol="k")
    stride: tuple[int, ...] | None = field(
        PerAxis(), "step of the window, the kernel's size if not given", default=None, symbol="s"
    )
    padding: Padding = field(PADDING, "padding per side", default=0, symbol="p")
    ceil_mode: bool = field(Flag(), "round the output size up", default=False)

    @property
    def _dilation(self) -> tuple[int, ...]:
        return (1,) * len(self.kernel)

    def windows(self, inputs: Sequence[Shape]) -> tuple[Window, ...]:
        sizes = only(inputs)[1:]
        windows = sliding_windows(
            sizes,
            self.kernel,
            self.stride or self.kernel,
            self._dilation,
            self.padding,
            self.ceil_mode,
        )
        for axis, window in enumerate(windows):
            if window.before >= window.extent or window.after >= window.extent:
                name = axis_name(axis, len(sizes))
                raise RuleError(
                    "padding-too-large",
                    f"padding {int(max(window.before, window.after))} of the {name} must be smaller"
                    f" than the window {int(window.extent)}",
                    "padding",
                    [Rule("a window may not lie on padding alone")],
                )
        return windows

    def settled(self: P, inputs: Sequence[Shape]) -> P:
        padding = tuple([(w.before, w.after) for w in self.windows(inputs)])
        return self.replace(padding=padding, stride=self.stride or self.kernel)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (only(inputs)[0], *[w.out for w in self.windows(inputs)])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (same(0), *sliding(self.windows(inputs)))

    def _taps(self, inputs: Sequence[Shape], output: Shape, valid: bool) -> tuple[int, int]:
        """Taps over all windows, and the number of windows that have one."""
        if not valid:
            outputs = named("O", prod(output))
            return outputs * prod(self.kernel), outputs
        windows = self.windows(inputs)
        taps = [
            pairs_within(w.out, w.taps, w.stride, w.dilation, w.before, w.before + w.n)
            for w in windows
        ]
        used = [
            positions_with_real_tap(w.out, w.taps, w.stride, w.dilation, w.before, w.n)
            for w in windows
        ]
        return output[0] * prod(taps), output[0] * prod(used)

    def argument(self, name: str) -> object:
        value = super().argument(name)
        return self.kernel if value is None else value

    def summary(self) -> str:
        return window_summary(self, self.kernel, self.stride or self.kernel, self._dilation)

    def described(self, inputs: Sequence[Shape]) -> str:
        rounding = " ceil" if self.ceil_mode else ""
        return self.summary() + padding_summary(self.padding) + rounding


class _SelectingPool(_Pool, _Selecting):
    """Maximum or minimum of a window; abstract."""

    dilation: tuple[int, ...] = field(PerAxis(), "spacing of the taps", default=1, symbol="d")

    @property
    def _dilation(self) -> tuple[int, ...]:
        return self.dilation

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        taps, windows = self._taps(inputs, output, valid_taps)
        return Counts(compares=taps - windows)


class MaxPool(_SelectingPool, kind="maxpool", prefix="pool"):
    """The largest value of each window; padding is never the largest.

    Shape:  (c, h, w) -> (c, h', w'), h' = floor((h - k + p + s) / s); ceil_mode rounds up
    Counts: compares = O*(k_h*k_w - 1)
    Grads:  dx: each dy is added onto the chosen place in a map of zeros: adds = O; keeps the places
    Errors: window-too-large, padding-too-large, wrong-rank
    Source: PyTorch's MaxPool2d

    >>> stem = MaxPool(kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(1, 1))
    >>> stem.output_shape([(64, 112, 112)])
    (64, 56, 56)
    >>> pool = MaxPool(kernel=(3, 3), stride=(2, 2), padding=((0, 0), (0, 0)), dilation=(1, 1))
    >>> pool.output_shape([(96, 54, 54)])
    (96, 26, 26)
    """

    def places(self) -> Layer | None:
        return MaxPoolIndices(**vars(self))


class MaxPoolIndices(MaxPool, kind="indices"):
    """The place of each window's maximum on its map; a part of a maxpool that an unpool names.

    Shape:  (c, h, w) -> (c, h', w'), as the maxpool
    Counts: nothing more to compute: the maxpool has found them
    Grads:  no gradient
    Errors: window-too-large, padding-too-large, wrong-rank
    """

    differentiable = False
    element_bytes = 8

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward()

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept()

    def places(self) -> None:
        return None


class MinPool(_SelectingPool, kind="minpool", prefix="pool"):
    """The smallest value of each window; padding is never the smallest.

    Shape:  (c, h, w) -> (c, h', w'), h' = floor((h - k + p + s) / s); ceil_mode rounds up
    Counts: compares = O*(k_h*k_w - 1)
    Grads:  dx: each dy is added onto the chosen place in a map of zeros: adds = O; keeps the places
    Errors: window-too-large, padding-too-large, wrong-rank
    Source: maxpool of the negated input, negated

    >>> pool = MinPool(kernel=(2, 2), padding=((0, 0), (0, 0)), dilation=(1, 1))
    >>> pool.counts([(3, 8, 8)], (3, 4, 4)).compares
    144
    """


class AvgPool(_Pool, kind="avgpool", prefix="pool"):
    """The mean of each window.

    With count_include_pad the divisor is the window's size, without it the number of real inputs;
    where ceil_mode extends a window beyond the edge, that part is in neither.

    Shape:  (c, h, w) -> (c, h', w'), h' = floor((h - k + p + s) / s); ceil_mode rounds up
    Counts: adds = O*(k_h*k_w - 1); divides = O
    Grads:  dx: dy / divisor goes to each place of the window and is added up there: divides = O,
            adds = O*k_h*k_w - places of the padded input that a window covers
    Errors: window-too-large, padding-too-large, wrong-rank
    Source: PyTorch's AvgPool2d

    >>> pool = AvgPool(kernel=(2, 2), padding=((0, 0), (0, 0)))
    >>> pool.counts([(6, 28, 28)], (6, 14, 14))
    Counts(multiplies=0, adds=3528, divides=1176, compares=0, specials=0)
    """

    keeps = ()

    count_include_pad: bool = field(Flag(), "divide by the window's size", default=True)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        taps, windows = self._taps(inputs, output, valid_taps)
        return Counts(adds=taps - windows, divides=windows)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        if not any(wanted):
            return Backward()
        axes = [(w.out, w.taps, w.stride, w.dilation) for w in self.windows(inputs)]
        covered = prod([positions_reached(*axis) for axis in axes])
        outputs = batch * prod(output)
        adds = outputs * prod(self.kernel) - batch * output[0] * covered
        return Backward(input=Counts(adds=adds, divides=outputs))


class _GlobalPool(Layer):
    """One value for each channel; abstract."""

    prefix = "pool"
    least_rank = 1

    keepdims: bool = field(Flag(), "keep the spatial axes with size 1", default=True)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, *sizes = only(inputs)
        return (channels, *[1 for _ in sizes]) if self.keepdims else (channels,)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (same(0), *[WHOLE for _ in only(inputs)[1:]])

    def _steps(self, inputs: Sequence[Shape]) -> int:
        """Values of a channel but one: the additions or comparisons that combine them."""
        channels, *sizes = only(inputs)
        return channels * (prod(sizes) - 1)


class GlobalMaxPool(_GlobalPool, _Selecting, kind="global_maxpool", prefix="pool"):
    """The largest value of each channel.

    Shape:  (c, h, w) -> (c, 1, 1), or (c,) without keepdims
    Counts: compares = c*(h*w - 1)
    Grads:  dx: each dy is added onto the chosen place in a map of zeros: adds = O; keeps the places
    Errors: wrong-rank
    Source: maxpool with the input's size as window

    >>> GlobalMaxPool(keepdims=False).output_shape([(512, 7, 7)])
    (512,)
    """

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(compares=self._steps(inputs))


class GlobalAvgPool(_GlobalPool, kind="global_avgpool", prefix="pool"):
    """The mean of each channel.

    Shape:  (c, h, w) -> (c, 1, 1), or (c,) without keepdims
    Counts: adds = c*(h*w - 1); divides = c
    Grads:  dx = dy / (h*w) at every place: divides = c
    Errors: wrong-rank
    Source: Lin, Chen & Yan, arXiv:1312.4400

    >>> GlobalAvgPool().counts([(10, 5, 5)], (10, 1, 1))
    Counts(multiplies=0, adds=240, divides=10, compares=0, specials=0)
    """

    keeps = ()

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(adds=self._steps(inputs), divides=prod(output))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward(input=Counts(divides=batch * prod(output)) if any(wanted) else NOTHING)


class _AdaptivePool(Layer):
    """Windows chosen so that the output has a given size; abstract."""

    prefix = "pool"
    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    size: tuple[int, ...] = field(PerAxis(), "output size of each axis", symbol="o")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (only(inputs)[0], *self.size)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        pairs = zip(only(inputs)[1:], self.size, strict=True)
        return (same(0), *[adaptive(axis, n, out) for axis, (n, out) in enumerate(pairs, 1)])

    def _steps(self, inputs: Sequence[Shape], output: Shape) -> int:
        """Sum of the windows' sizes, less one each."""
        channels, *sizes = only(inputs)
        taps = [adaptive_taps(n, out) for n, out in zip(sizes, self.size, strict=True)]
        return channels * prod(taps) - prod(output)

    def summary(self) -> str:
        return f"{self.kind} {cross_text(self.size)}"


class AdaptiveMaxPool(_AdaptivePool, _Selecting, kind="adaptive_maxpool", prefix="pool"):
    """The largest value of each of `size` windows per axis.

    Shape:  (c, h, w) -> (c, size_h, size_w);
            window i of o over n is floor(i*n/o) up to, not including, ceil((i+1)*n/o)
    Counts: compares = sum over windows of (size - 1)
    Grads:  dx: each dy is added onto the chosen place in a map of zeros: adds = O; keeps the places
    Errors: wrong-rank
    Source: PyTorch's AdaptiveMaxPool2d

    >>> AdaptiveMaxPool(size=(7, 7)).output_shape([(512, 10, 13)])
    (512, 7, 7)
    """

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(compares=self._steps(inputs, output))


class AdaptiveAvgPool(_AdaptivePool, kind="adaptive_avgpool", prefix="pool"):
    """The mean of each of `size` windows per axis.

    Shape:  (c, h, w) -> (c, size_h, size_w);
            window i of o over n is floor(i*n/o) up to, not including, ceil((i+1)*n/o)
    Counts: adds = sum over windows of (size - 1); divides = O
    Grads:  dx: dy / size goes to each place of the window and is added up there: divides = O,
            adds = sum over windows of size - c*h*w
    Errors: wrong-rank
    Source: PyTorch's AdaptiveAvgPool2d

    >>> AdaptiveAvgPool(size=(3, 3)).counts([(1, 7, 7)], (1, 3, 3)).adds == 9 * 9 - 9
    True
    """

    keeps = ()

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(adds=self._steps(inputs, output), divides=prod(output))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        if not any(wanted):
            return Backward()
        # Every place of the input lies in some window.
        sums = self._steps(inputs, output) + prod(output) - prod(only(inputs))
        return Backward(input=Counts(adds=batch * sums, divides=batch * prod(output)))
