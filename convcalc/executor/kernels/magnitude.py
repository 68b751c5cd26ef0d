"""Normalisations by magnitude: values are divided by one, and no mean is subtracted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array, per_channel, sum_along

if TYPE_CHECKING:
    from convcalc.layers import magnitude as kinds

Weights = Mapping[str, Array]


def rmsnorm(layer: kinds.RMSNorm, inputs: Sequence[Array], weights: Weights) -> Array:
    """x / sqrt(mean of x*x + eps) along the channels, times the learned scale."""
    (data,) = inputs
    square = np.square(data).mean(axis=1, keepdims=True)
    result: Array = data / np.sqrt(square + layer.eps).astype(data.dtype)
    if layer.affine:
        result *= per_channel(weights["weight"], data.ndim)
    return result


def l2norm(layer: kinds.L2Norm, inputs: Sequence[Array], weights: Weights) -> Array:
    """x over its length along the channels, or over eps where that is shorter."""
    (data,) = inputs
    length = np.sqrt(np.square(data).sum(axis=1, keepdims=True))
    result: Array = data / np.maximum(length, layer.eps)
    return result


def grn(layer: kinds.GlobalResponseNorm, inputs: Sequence[Array], weights: Weights) -> Array:
    """scale*(x*n) + shift + x, n the length of a channel's map over the mean of all lengths."""
    (data,) = inputs
    length = np.sqrt(sum_along(np.square(data), range(2, data.ndim)))
    mean = length.mean(axis=1, keepdims=True) + layer.eps
    result: Array = data * (length / mean).astype(data.dtype)
    result *= per_channel(weights["weight"], data.ndim)
    result += per_channel(weights["bias"], data.ndim)
    result += data
    return result
