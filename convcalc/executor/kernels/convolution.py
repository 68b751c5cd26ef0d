"""Convolutions: each window times the weights, summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array, per_channel
from convcalc.executor.kernels.windows import extents, padded, padding_sides, strided_windows

if TYPE_CHECKING:
    from convcalc.layers.convolution import Conv, ConvTranspose, Depthwise


def correlate(
    data: Array, weight: Array, stride: Sequence[int], dilation: Sequence[int], groups: int
) -> Array:
    """Cross-correlation without padding.

    data (n, c, *sizes), weight (c_out, c / groups, *kernel) -> (n, c_out, *outputs)
    """
    rank = data.ndim - 2
    spans = extents(weight.shape[2:], dilation)
    results = []
    for part, kernels in zip(
        np.split(data, groups, axis=1), np.split(weight, groups, axis=0), strict=True
    ):
        windows = strided_windows(part, spans, stride, dilation)
        taps = list(range(windows.ndim - rank, windows.ndim))
        product = np.tensordot(windows, kernels, ([1, *taps], list(range(1, 2 + rank))))
        results.append(np.moveaxis(product, -1, 1))
    return np.concatenate(results, axis=1)


def with_bias(result: Array, weights: Mapping[str, Array]) -> Array:
    """The result plus the bias of each channel, if the layer has one."""
    if "bias" not in weights:
        return result
    total: Array = result + per_channel(weights["bias"], result.ndim)
    return total


def conv(layer: Conv, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """Convolution; `flip` turns the kernel by 180 degrees first."""
    (data,) = inputs
    weight = weights["weight"]
    if layer.flip:
        weight = np.flip(weight, axis=tuple(range(2, weight.ndim)))
    spans = extents(layer.kernel, layer.dilation)
    sides = padding_sides(layer.padding, data.shape[2:], spans, layer.stride)
    result = correlate(padded(data, sides, 0), weight, layer.stride, layer.dilation, layer.groups)
    return with_bias(result, weights)


def depthwise(layer: Depthwise, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """A convolution with as many groups as channels."""
    (data,) = inputs
    spans = extents(layer.kernel, layer.dilation)
    sides = padding_sides(layer.padding, data.shape[2:], spans, layer.stride)
    result = correlate(
        padded(data, sides, 0), weights["weight"], layer.stride, layer.dilation, data.shape[1]
    )
    return with_bias(result, weights)


def conv_transpose(
    layer: ConvTranspose, inputs: Sequence[Array], weights: Mapping[str, Array]
) -> Array:
    """Transposed convolution: a convolution of the input with stride - 1 zeros between positions.

    The kernel is turned by 180 degrees with its channel axes swapped; the padding is cropped.
    Source: Dumoulin & Visin, arXiv:1603.07285, chapter 4.
    """
    (data,) = inputs
    spans = extents(layer.kernel, layer.dilation)
    full = correlate(
        padded(spread(data, layer.stride), tuple([(span - 1, span - 1) for span in spans]), 0),
        turned(weights["weight"], layer.groups),
        (1,) * len(spans),
        layer.dilation,
        layer.groups,
    )
    return with_bias(cropped(full, layer, data.shape[2:]), weights)


def spread(data: Array, stride: Sequence[int]) -> Array:
    """The input with stride - 1 zeros between its positions."""
    for axis, step in enumerate(stride, start=2):
        rows = np.expand_dims(data, axis + 1)
        zeros = np.zeros_like(rows).repeat(step - 1, axis + 1)
        shape = list(data.shape)
        shape[axis] = -1
        data = np.concatenate([rows, zeros], axis + 1).reshape(shape)
        inner = [slice(None)] * data.ndim
        inner[axis] = slice(data.shape[axis] - (step - 1))
        data = data[tuple(inner)]
    return data


def turned(weight: Array, groups: int) -> Array:
    """(c_in, c_out / groups, *kernel) -> (c_out, c_in / groups, *kernel), turned by 180 degrees."""
    flipped = np.flip(weight, axis=tuple(range(2, weight.ndim)))
    return np.concatenate([g.swapaxes(0, 1) for g in np.split(flipped, groups, axis=0)], axis=0)


def cropped(full: Array, layer: ConvTranspose, sizes: Sequence[int]) -> Array:
    """The uncropped result (n, c_out, ...) without the padding, with the output padding.

    `same` keeps `stride` positions for each position of the input. With an output padding it first
    drops half a kernel on each side. What is kept lies in the middle; where more is to be kept than
    there is, zeros follow.
    """
    rank = len(sizes)
    spans = extents(layer.kernel, layer.dilation)
    extra = [(0, int(o)) for o in layer.output_padding or (0,) * rank]
    cut = []
    for axis in range(rank):
        if not isinstance(layer.padding, str):
            cut.append(layer.padding[axis])
            continue
        there = full.shape[axis + 2]
        kept = len(range(sizes[axis] * layer.stride[axis]))
        if layer.output_padding is not None:
            kept = there - 2 * (spans[axis] // 2) + extra[axis][1]
        half = max(there - kept, 0) // 2
        rest = max(there - kept, 0) - half
        cut.append((rest, half) if layer.padding == "same_lower" else (half, rest))
        extra[axis] = (0, max(kept - there, 0))
    if any(after for _, after in extra):
        full = np.pad(full, ((0, 0), (0, 0), *extra))
    inner = [slice(b, length - a) for (b, a), length in zip(cut, full.shape[2:], strict=True)]
    index = (slice(None), slice(None), *inner)
    return full[index]
