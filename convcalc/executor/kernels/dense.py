"""The dense layer: one matrix product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.kernels.convolution import with_bias

if TYPE_CHECKING:
    from convcalc.layers.dense import Dense


def dense(layer: Dense, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """Inputs times the transposed weights; a map is flattened first unless `positionwise`."""
    (data,) = inputs
    if not layer.positionwise:
        data = data.reshape(len(data), -1)
    product = np.tensordot(data, weights["weight"], ([1], [1]))
    return with_bias(np.moveaxis(product, -1, 1), weights)
