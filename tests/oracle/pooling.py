"""Pooling as loops over the values of each window."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from convcalc.layers.pooling import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
    MaxPoolIndices,
    MinPool,
)
from convcalc.layers.unpooling import Unpool
from tests.oracle.counting import Number, Run, Tensor, at, combine, maximum, minimum, plain, total
from tests.oracle.windows import axes, everywhere, shape_of, window_positions


def maxpool(layer: MaxPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _select(layer, inputs, run, maximum, -math.inf)


def indices(layer: MaxPoolIndices, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """The first place of the largest value, counted along the rows of the map."""
    (x,) = inputs
    channels, *sizes = shape_of(x)
    number = {position: i for i, position in enumerate(everywhere(sizes))}
    stride = layer.stride or layer.kernel
    windows = axes(
        sizes, layer.kernel, stride, layer.dilation, layer.padding, ceil_mode=layer.ceil_mode
    )
    result: Tensor = {}
    for channel in range(channels):
        for place in everywhere([len(window.starts) for window in windows]):
            seen = [tuple(position) for _, position in window_positions(windows, place)]
            real = [position for position in seen if position in number]
            best = max(real, key=lambda p: plain(x[at(channel, *p)]), default=None)
            found = -1 if best is None else number[best]
            result[at(channel, *place)] = run.constant(float(found))
    return result


def unpool(layer: Unpool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """A place that is not on the map gets nothing; the last of several values stays."""
    values, places, entered = inputs
    channels, *sizes = shape_of(entered)
    positions = list(everywhere(sizes))
    result: Tensor = {
        at(channel, *position): run.constant(0.0)
        for channel in range(channels)
        for position in positions
    }
    for index, value in values.items():
        place = int(plain(places[index]))
        if 0 <= place < len(positions):
            result[at(index[0], *positions[place])] = value
    return result


def minpool(layer: MinPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _select(layer, inputs, run, minimum, math.inf)


def _select(
    layer: MaxPool | MinPool,
    inputs: Sequence[Tensor],
    run: Run,
    better: Callable[[Number, Number], Number],
    worst: float,
) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    windows = axes(
        sizes,
        layer.kernel,
        layer.stride or layer.kernel,
        layer.dilation,
        layer.padding,
        ceil_mode=layer.ceil_mode,
    )
    result: Tensor = {}
    for channel in range(channels):
        for place in everywhere([len(window.starts) for window in windows]):
            values = []
            for _, position in window_positions(windows, place):
                source = (channel, *position)
                values += [x[source]] if source in x else run.padding(worst)
            result[at(channel, *place)] = combine(values, better) if values else run.constant(worst)
    return result


def avgpool(layer: AvgPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """The divisor is the number of taps on input and padding, or of those on the input."""
    (x,) = inputs
    channels, *sizes = shape_of(x)
    undilated = [1] * len(sizes)
    stride = layer.stride or layer.kernel
    windows = axes(sizes, layer.kernel, stride, undilated, layer.padding, ceil_mode=layer.ceil_mode)
    result: Tensor = {}
    for channel in range(channels):
        for place in everywhere([len(window.starts) for window in windows]):
            values = []
            divisor = 0
            for _, position in window_positions(windows, place):
                source = (channel, *position)
                values += [x[source]] if source in x else run.padding(0.0)
                overhangs = any(
                    p >= window.end for window, p in zip(windows, position, strict=True)
                )
                divisor += source in x or (layer.count_include_pad and not overhangs)
            result[at(channel, *place)] = total(values) / divisor if values else run.constant(0.0)
    return result


def global_maxpool(layer: GlobalMaxPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _global(layer, inputs, lambda values: combine(values, maximum))


def global_avgpool(layer: GlobalAvgPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _global(layer, inputs, _mean)


def _global(
    layer: GlobalMaxPool | GlobalAvgPool,
    inputs: Sequence[Tensor],
    reduce: Callable[[list[Number]], Number],
) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    place = [0] * len(sizes) if layer.keepdims else []
    return {
        (channel, *place): reduce([x[at(channel, *p)] for p in everywhere(sizes)])
        for channel in range(channels)
    }


def adaptive_maxpool(layer: AdaptiveMaxPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _adaptive(layer, inputs, lambda values: combine(values, maximum))


def adaptive_avgpool(layer: AdaptiveAvgPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _adaptive(layer, inputs, _mean)


def _adaptive(
    layer: AdaptiveMaxPool | AdaptiveAvgPool,
    inputs: Sequence[Tensor],
    reduce: Callable[[list[Number]], Number],
) -> Tensor:
    (x,) = inputs
    return {
        index: reduce([x[source] for source in sources])
        for index, sources in adaptive_windows(layer, shape_of(x))
    }


def adaptive_windows(
    layer: AdaptiveMaxPool | AdaptiveAvgPool, shape: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], list[tuple[int, ...]]]]:
    """Each place of the output, and the places of the input that its window covers."""
    for channel, *place in everywhere([shape[0], *layer.size]):
        # The window covers every position that shares some of the i-th of `size` equal parts.
        parts = [Fraction(n, o) for n, o in zip(shape[1:], layer.size, strict=True)]
        covered = [
            range(math.floor(i * part), math.ceil((i + 1) * part))
            for i, part in zip(place, parts, strict=True)
        ]
        sources = [
            index
            for index in everywhere(shape)
            if index[0] == channel
            and all(p in on for p, on in zip(index[1:], covered, strict=True))
        ]
        yield (channel, *place), sources


def _mean(values: list[Number]) -> Number:
    return total(values) / len(values)
