"""Layers that repeat or pick positions of an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array

if TYPE_CHECKING:
    from convcalc.layers import indexing as kinds

Weights = Mapping[str, Array]


def broadcast(layer: kinds.Broadcast, inputs: Sequence[Array], weights: Weights) -> Array:
    """Axes of size 1 repeated to the given sizes; -1 leaves one as it is."""
    (data,) = inputs
    for axis, size in enumerate(layer.shape, start=1):
        if size != -1 and data.shape[axis] == 1:
            data = data.repeat(size, axis)
    return data


def gather(layer: kinds.Gather, inputs: Sequence[Array], weights: Weights) -> Array:
    """The listed positions of an axis, in their order."""
    result: Array = np.take(inputs[0], layer.indices, axis=layer.axis + 1)
    return result
