"""Convolutions whose taps move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.kernels.convolution import with_bias
from convcalc.executor.kernels.windows import extents, padding_sides

if TYPE_CHECKING:
    from convcalc.layers.deformable import DeformConv


def deform_conv(layer: DeformConv, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """Tap by tap: the values where its offsets lead, times the mask, times its weights."""
    value, offset, *mask = inputs
    batch, channels, *sizes = value.shape
    outputs = offset.shape[2:]
    spans = extents(layer.kernel, layer.dilation)
    sides = padding_sides(layer.padding, sizes, spans, layer.stride)
    apart = value.reshape(batch, layer.offset_groups, -1, *sizes)
    taps = list(product(*map(range, layer.kernel)))
    moved = offset.reshape(batch, layer.offset_groups, len(taps), len(sizes), *outputs)
    weight = weights["weight"].reshape(layer.groups, -1, channels // layer.groups, len(taps))
    total: Array = np.zeros((batch, layer.groups, weight.shape[1], *outputs), value.dtype)
    flat = total.reshape(*total.shape[:3], -1)
    for number, tap in enumerate(taps):
        places = []
        for axis, (index, out) in enumerate(zip(tap, outputs, strict=True)):
            along = np.arange(out) * layer.stride[axis] - sides[axis][0]
            along = along + index * layer.dilation[axis]
            shape = [-1 if other == axis else 1 for other in range(len(outputs))]
            places.append(moved[:, :, number, axis] + along.reshape(shape).astype(value.dtype))
        read = _between(apart, places)
        if mask:
            factors = mask[0].reshape(batch, layer.offset_groups, len(taps), *outputs)
            read *= factors[:, :, None, number]
        columns = read.reshape(batch, layer.groups, channels // layer.groups, -1)
        flat += weight[..., number] @ columns
    return with_bias(total.reshape(batch, -1, *outputs), weights)


def _between(value: Array, places: Sequence[Array]) -> Array:
    """Values at fractional places, interpolated along each axis; zeros lie beyond the edges.

    value (n, groups, c, *sizes), a place for each axis (n, groups, *outputs) ->
    (n, groups, c, *outputs)
    """
    sizes = value.shape[3:]
    lows = [np.floor(place) for place in places]
    shares = [place - low for place, low in zip(places, lows, strict=True)]
    # As far beyond an edge as makes no difference; NaN stays in the share.
    starts = [
        np.nan_to_num(low, nan=-2.0).clip(-2, n).astype(np.intp)
        for low, n in zip(lows, sizes, strict=True)
    ]
    flat = value.reshape(*value.shape[:3], -1)

    corners = []
    for further in product((0, 1), repeat=len(sizes)):
        index = np.zeros(places[0].shape, np.intp)
        inside = np.ones(places[0].shape, bool)
        for start, by, n in zip(starts, further, sizes, strict=True):
            position = start + by
            inside &= (position >= 0) & (position < n)
            index = index * n + position.clip(0, n - 1)
        chosen = np.take_along_axis(flat, index.reshape(*index.shape[:2], 1, -1), axis=3)
        there = chosen.reshape(*value.shape[:3], *index.shape[2:])
        np.copyto(there, 0, where=~inside[:, :, None])
        corners.append(there)
    # Neighbours in the list are neighbours along the last axis, which is done first.
    for share in reversed(shares):
        pairs = zip(corners[::2], corners[1::2], strict=True)
        corners = [near + share[:, :, None] * (far - near) for near, far in pairs]
    result: Array = corners[0]
    return result
