"""Layers that move, select, repeat or scale values, element by element."""

from __future__ import annotations

import math
from collections.abc import Sequence

from convcalc.layers.base import Layer
from convcalc.layers.structure import (
    ChannelShuffle,
    Crop,
    Pad,
    PixelShuffle,
    Reshape,
    Scale,
    Slice,
    Transpose,
    Upsample,
)
from tests.oracle.counting import Number, Run, Tensor, at
from tests.oracle.windows import everywhere, shape_of


def unchanged(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return dict(x)


def _in_order(x: Tensor) -> list[Number]:
    """The values in the order in which they lie in memory: the last axis runs fastest."""
    return [x[index] for index in everywhere(shape_of(x))]


def flatten(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {(i,): value for i, value in enumerate(_in_order(x))}


def reshape(layer: Reshape, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    values = _in_order(x)
    for size in range(1, len(values) + 1):
        shape = [size if given == -1 else given for given in layer.shape]
        indices = list(everywhere(shape))
        if len(indices) == len(values):
            return dict(zip(indices, values, strict=True))
    raise ValueError("no size fits")


def transpose(layer: Transpose, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {tuple([index[axis] for axis in layer.order]): value for index, value in x.items()}


def _reflected(n: int, position: int) -> int:
    return -position if position < 0 else 2 * (n - 1) - position if position >= n else position


def pad(layer: Pad, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    padded = [
        range(-before, n + after) for n, (before, after) in zip(sizes, layer.padding, strict=True)
    ]
    result: Tensor = {}
    for channel, *place in everywhere([channels, *[len(positions) for positions in padded]]):
        position = [padded[axis][i] for axis, i in enumerate(place)]
        if layer.mode == "reflect":
            position = [_reflected(n, p) for n, p in zip(sizes, position, strict=True)]
        elif layer.mode == "replicate":
            position = [min(max(p, 0), n - 1) for n, p in zip(sizes, position, strict=True)]
        elif layer.mode == "circular":
            position = [p % n for n, p in zip(sizes, position, strict=True)]
        source = (channel, *position)
        result[at(channel, *place)] = x[source] if source in x else run.constant(0.0)
    return result


def crop(layer: Crop, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    kept = [range(n)[b : n - a] for n, (b, a) in zip(sizes, layer.padding, strict=True)]
    return {
        (channel, *place): x[at(channel, *[kept[axis][i] for axis, i in enumerate(place)])]
        for channel, *place in everywhere([channels, *[len(positions) for positions in kept]])
    }


def upsample(layer: Upsample, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Nearest: the input position that an output position's start lies on. Bilinear: pixel centres
    (align_corners=False), interpolated along one axis after the other.
    """
    (x,) = inputs
    channels, *sizes = shape_of(x)
    # An output index divided by this many is where it lies on the input.
    if layer.factor:
        larger = [len(range(n)) * f for n, f in zip(sizes, layer.factor, strict=True)]
    else:
        larger = list(layer.size or ())
    result: Tensor = {}
    for channel, *place in everywhere([channels, *larger]):
        if layer.mode == "nearest":
            position = [i * n // o for i, n, o in zip(place, sizes, larger, strict=True)]
            result[at(channel, *place)] = x[at(channel, *position)]
            continue
        centres = [
            max((i + 0.5) * n / o - 0.5, 0.0) for i, n, o in zip(place, sizes, larger, strict=True)
        ]
        result[at(channel, *place)] = _interpolated(x, (channel,), sizes, centres)
    return result


def _interpolated(
    x: Tensor, index: tuple[int, ...], sizes: list[int], centres: list[float]
) -> Number:
    """The value at fractional positions: between two values of the first axis, each found so."""
    if not centres:
        return x[index]
    low = min(math.floor(centres[0]), sizes[0] - 1)
    high = min(low + 1, sizes[0] - 1)
    a = _interpolated(x, (*index, low), sizes[1:], centres[1:])
    b = _interpolated(x, (*index, high), sizes[1:], centres[1:])
    return a + (centres[0] - low) * (b - a)


def pixel_shuffle(layer: PixelShuffle, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Channel c*f*f + i*f + j of the input becomes offset (i, j) of channel c."""
    (x,) = inputs
    rank = len(shape_of(x)) - 1
    offsets = list(everywhere([layer.factor] * rank))
    result: Tensor = {}
    for (channel, *place), value in x.items():
        out_channel, which = divmod(channel, len(offsets))
        position = [p * layer.factor + o for p, o in zip(place, offsets[which], strict=True)]
        result[at(out_channel, *position)] = value
    return result


def channel_shuffle(layer: ChannelShuffle, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    names = list(range(channels))
    size = channels // layer.groups
    groups = [names[start : start + size] for start in range(0, channels, size)]
    dealt = [group[i] for i in range(size) for group in groups]
    return {
        (new, *place): x[at(old, *place)]
        for new, old in enumerate(dealt)
        for place in everywhere(sizes)
    }


def slice_(layer: Slice, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    start, stop = layer.channels
    return {
        (new, *place): x[at(old, *place)]
        for new, old in enumerate(range(channels)[start:stop])
        for place in everywhere(sizes)
    }


def scale(layer: Scale, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {index: value * run.weight("weight", index[0]) for index, value in x.items()}
