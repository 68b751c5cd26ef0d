"""Arrays: how values lie in memory while a network runs.

Every value has the axes that users know, (batch, channels, *spatial). In memory the channels come
last, so that the values a window needs of one position stand together. The functions here make one
view of the other; no kernel's result depends on the layout of what it is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def channels_last(value: Array) -> Array:
    """The same values seen as (batch, *spatial, channels)."""
    # `np.moveaxis` does the same in ten times the time, which counts for a hundred small layers.
    view: Array = value.transpose(0, *range(2, value.ndim), 1)
    return view


def channels_first(value: Array) -> Array:
    """The view (batch, channels, *spatial) of values seen as (batch, *spatial, channels)."""
    view: Array = value.transpose(0, value.ndim - 1, *range(1, value.ndim - 1))
    return view


def packed(value: Array) -> Array:
    """The values as (batch, *spatial, channels) without gaps in memory; copied only if needed."""
    return np.ascontiguousarray(channels_last(value))


def per_channel(vector: Array, rank: int) -> Array:
    """A vector with a number a channel, ready to meet a value of `rank` axes, batch included."""
    return vector.reshape(-1, *[1] * (rank - 2))
