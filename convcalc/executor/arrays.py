"""The memory format of values: channels last.

Every value has the axes that users know, (batch, channels, *spatial). In memory the channels are
innermost, so that the channels of a position are neighbours. The functions here make a view of one
order from the other. No kernel's result depends on the memory format of its inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def channels_last(value: Array) -> Array:
    """A view (batch, *spatial, channels) of a value (batch, channels, *spatial)."""
    # `np.moveaxis` takes ten times as long, which matters to networks of many small layers.
    view: Array = value.transpose(0, *range(2, value.ndim), 1)
    return view


def channels_first(value: Array) -> Array:
    """A view (batch, channels, *spatial) of a value (batch, *spatial, channels)."""
    view: Array = value.transpose(0, value.ndim - 1, *range(1, value.ndim - 1))
    return view


def packed(value: Array) -> Array:
    """The values as a contiguous array (batch, *spatial, channels), copied only if they are not."""
    return np.ascontiguousarray(channels_last(value))


def mean_along(data: Array, axes: Sequence[int], *, keepdims: bool = True) -> Array:
    """The mean along some axes, which stay with the size 1, or are removed.

    It goes along one axis after another. So few numbers are added up one by one, and fewer digits
    are lost: NumPy adds up a whole map in turn where the channels are innermost in memory.
    """
    for axis in sorted(axes, reverse=True):
        data = data.mean(axis=axis, keepdims=keepdims)
    return data


def sum_along(data: Array, axes: Sequence[int], *, keepdims: bool = True) -> Array:
    """The sum along some axes, as `mean_along` has the mean."""
    for axis in sorted(axes, reverse=True):
        data = data.sum(axis=axis, keepdims=keepdims)
    return data


def per_channel(vector: Array, rank: int) -> Array:
    """A vector over the channels that broadcasts to values of `rank` axes, batch included."""
    return vector.reshape(-1, *[1] * (rank - 2))
