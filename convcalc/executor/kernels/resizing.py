"""Layers that resample maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array, channels_first, channels_last

if TYPE_CHECKING:
    from convcalc.layers import resizing as kinds

Weights = Mapping[str, Array]


def upsample(layer: kinds.Upsample, inputs: Sequence[Array], weights: Weights) -> Array:
    """A map of another size, axis by axis: the nearest position, or the nearest ones weighed."""
    data = channels_last(inputs[0])
    resize = {"nearest": _nearest, "bilinear": _linear, "bicubic": _cubic}[layer.mode]
    for axis in range(1, data.ndim - 1):
        data = resize(data, axis, *_centres(layer, data.shape[axis], axis - 1))
    return channels_first(data)


def _centres(layer: kinds.Upsample, n: int, axis: int) -> tuple[Array, int]:
    """Where the units of an axis have their centres, as whole numbers of parts of a position."""
    if layer.factor:
        larger, smaller = layer.factor[axis]
        out = n * larger // smaller
    else:
        out = (layer.size or ())[axis]
        larger, smaller = out, n
    units = np.arange(out, dtype=np.int64)
    usual = "asymmetric" if layer.mode == "nearest" else "half_pixel"
    coordinates = layer.coordinates or usual
    if coordinates == "align_corners":
        places, parts = units * (n - 1), max(out - 1, 1)
    elif coordinates == "asymmetric":
        places, parts = units * smaller, larger
    else:
        places, parts = (2 * units + 1) * smaller - larger, 2 * larger
    if layer.mode == "nearest" and coordinates != "asymmetric":
        # Half a position further on, so that the floor is the nearest one.
        places, parts = 2 * places + parts, 2 * parts
    return places, parts


def _nearest(data: Array, axis: int, places: Array, parts: int) -> Array:
    result: Array = data.take(places // parts, axis)
    return result


def _linear(data: Array, axis: int, places: Array, parts: int) -> Array:
    last = data.shape[axis] - 1
    low, beyond = np.divmod(places.clip(0, last * parts), parts)
    start, data = data.take(low, axis), data.take(np.minimum(low + 1, last), axis)
    data -= start
    data *= _along(beyond / parts, data, axis)
    data += start
    return data


def _cubic(data: Array, axis: int, places: Array, parts: int) -> Array:
    low, beyond = np.divmod(places, parts)
    last = data.shape[axis] - 1

    def weighed(tap: int) -> Array:
        taken = data.take((low + tap).clip(0, last), axis)
        taken *= _along(_weight(np.abs(beyond / parts - tap)), data, axis)
        return taken

    total = weighed(-1)
    for tap in range(3):
        total += weighed(tap)
    return total


def _weight(distance: Array) -> Array:
    """What a position weighs by its distance from the centre, below 2; Keys's with a = -3/4."""
    a, d = -0.75, distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    result: Array = np.where(d <= 1, near, far)
    return result


def _along(values: Array, data: Array, axis: int) -> Array:
    """One value for each position of an axis, to go with the data."""
    shaped: Array = values.astype(data.dtype).reshape(-1, *[1] * (data.ndim - axis - 1))
    return shaped
