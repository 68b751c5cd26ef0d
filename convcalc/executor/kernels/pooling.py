"""Pooling: each window reduced to one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from convcalc.executor.arrays import Array, mean_along
from convcalc.executor.kernels.windows import (
    Sides,
    ceil_windows,
    extents,
    padded,
    padding_sides,
    starts_inside,
    strided_windows,
)

if TYPE_CHECKING:
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


def windows_of(layer: AvgPool | MaxPool | MinPool, data: Array, fill: float) -> Array:
    """Every window of a pooling layer; the window's axes are the last ones."""
    stride, dilation = layer.stride or layer.kernel, tap_spacing(layer)
    spans = extents(layer.kernel, dilation)
    sides = padding_sides(layer.padding, data.shape[2:], spans, stride)
    if layer.ceil_mode:
        return ceil_windows(data, sides, fill, spans, stride, dilation)
    return strided_windows(padded(data, sides, fill), spans, stride, dilation)


def tap_spacing(layer: Any) -> tuple[int, ...]:
    """The dilation of a pooling layer's window; `avgpool` has none."""
    spacing: tuple[int, ...] = (
        layer.dilation if layer.kind != "avgpool" else (1,) * len(layer.kernel)
    )
    return spacing


def window_axes(data: Array) -> tuple[int, ...]:
    """The axes of the windows of `data`, counted from the end."""
    return tuple(range(2 - data.ndim, 0))


def maxpool(layer: MaxPool, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """The largest value of each window."""
    (data,) = inputs
    result: Array = windows_of(layer, data, -np.inf).max(axis=window_axes(data))
    return result


def indices(layer: MaxPoolIndices, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """Where the largest value of each window is on its map, counted row by row; -1 on padding."""
    (data,) = inputs
    axes = window_axes(data)
    windows = windows_of(layer, data, -np.inf)
    places = np.arange(data[0, 0].size).reshape(1, 1, *data.shape[2:])
    sources = np.broadcast_to(windows_of(layer, places, -1), windows.shape)
    flat = (*windows.shape[: axes[0]], -1)
    first = windows.reshape(flat).argmax(axis=-1)[..., np.newaxis]
    result: Array = np.take_along_axis(sources.reshape(flat), first, axis=-1)[..., 0]
    return result


def unpool(layer: Unpool, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """Each value at its place, zeros elsewhere; of several at one place the last."""
    values, places, entered = inputs
    result = np.zeros((*entered.shape[:2], entered[0, 0].size), values.dtype)
    flat = places.reshape(*result.shape[:2], -1).astype(np.intp)
    given = values.reshape(flat.shape)
    batch, channels, number = np.nonzero((flat >= 0) & (flat < result.shape[2]))
    where = (batch, channels, flat[batch, channels, number])
    result[where] = given[batch, channels, number]
    unpooled: Array = result.reshape(entered.shape)
    return unpooled


def minpool(layer: MinPool, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """The smallest value of each window."""
    (data,) = inputs
    result: Array = windows_of(layer, data, np.inf).min(axis=window_axes(data))
    return result


def avgpool(layer: AvgPool, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """The sum of each window over the number of positions that count.

    Padding counts with count_include_pad; what ceil_mode adds beyond the padding never counts.
    """
    (data,) = inputs
    total = windows_of(layer, data, 0).sum(axis=window_axes(data))
    result: Array = total / divisors(layer, data).astype(data.dtype)
    return result


def divisors(layer: AvgPool, data: Array) -> Array:
    """How many positions count in each window, (1, 1, *outputs): the sums of a map of ones."""
    stride = layer.stride or layer.kernel
    sides = padding_sides(layer.padding, data.shape[2:], layer.kernel, stride)
    ones = np.ones((1, 1, *data.shape[2:]), np.int64)
    inside = padded(ones, sides, 1 if layer.count_include_pad else 0)
    none: Sides = ((0, 0),) * len(sides)
    if layer.ceil_mode:
        windows = ceil_windows(inside, none, 0, layer.kernel, stride, (1,) * len(stride))
        starts = starts_inside(sides, data.shape[2:], stride)
        index = (slice(None), slice(None), *[slice(count) for count in starts])
        windows = windows[index]
    else:
        windows = strided_windows(inside, layer.kernel, stride, (1,) * len(stride))
    counted: Array = windows.sum(axis=window_axes(data))
    return counted


def _global(data: Array, keepdims: bool, reduce: Callable[..., Array]) -> Array:
    return reduce(data, tuple(range(2, data.ndim)), keepdims=keepdims)


def global_maxpool(
    layer: GlobalMaxPool, inputs: Sequence[Array], weights: Mapping[str, Array]
) -> Array:
    """The largest value of each channel."""
    return _global(inputs[0], layer.keepdims, np.max)


def global_avgpool(
    layer: GlobalAvgPool, inputs: Sequence[Array], weights: Mapping[str, Array]
) -> Array:
    """The mean of each channel."""
    return _global(inputs[0], layer.keepdims, mean_along)


def _adaptive(data: Array, size: Sequence[int], reduce: Callable[..., Array]) -> Array:
    """Window i of o over n positions goes from floor(i*n/o) up to ceil((i+1)*n/o), axis by axis.

    Maxima and means of rectangles can be taken one axis after the other.
    """
    for axis, out in enumerate(size, start=2):
        n = data.shape[axis]
        bounds = [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]
        parts = [reduce(data.take(range(*bound), axis), axis=axis) for bound in bounds]
        data = np.stack(parts, axis=axis)
    return data


def adaptive_maxpool(
    layer: AdaptiveMaxPool, inputs: Sequence[Array], weights: Mapping[str, Array]
) -> Array:
    """The largest value of each of `size` windows an axis."""
    return _adaptive(inputs[0], layer.size, np.max)


def adaptive_avgpool(
    layer: AdaptiveAvgPool, inputs: Sequence[Array], weights: Mapping[str, Array]
) -> Array:
    """The mean of each of `size` windows an axis."""
    return _adaptive(inputs[0], layer.size, np.mean)
