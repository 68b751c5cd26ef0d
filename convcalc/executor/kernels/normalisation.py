"""Normalisation at inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array, channels_last, mean_along, per_channel

if TYPE_CHECKING:
    from convcalc.layers.normalisation import (
        BatchNorm,
        GroupNorm,
        InstanceNorm,
        LayerNorm,
        LocalResponseNorm,
    )


def folded(layer: BatchNorm, weights: Mapping[str, Array]) -> tuple[Array, Array]:
    """Batch normalisation as a factor and a shift of each channel."""
    factor = 1 / np.sqrt(weights["running_var"] + layer.eps).astype(weights["running_var"].dtype)
    if layer.affine:
        factor = factor * weights["weight"]
    shift = -weights["running_mean"] * factor
    if layer.affine:
        shift = shift + weights["bias"]
    return factor, shift


def batchnorm(layer: BatchNorm, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """(x - mean) / sqrt(var + eps), scaled and shifted, with the running statistics."""
    (data,) = inputs
    factor, shift = folded(layer, weights)
    result: Array = data * per_channel(factor, data.ndim)
    result += per_channel(shift, data.ndim)
    return result


def standardised(data: Array, axes: tuple[int, ...], eps: float) -> Array:
    """The values minus their mean, divided by their standard deviation, along these axes."""
    result: Array = data - mean_along(data, axes)
    variance = mean_along(np.square(result), axes)
    result /= np.sqrt(variance + eps).astype(data.dtype)
    return result


def scaled(data: Array, weights: Mapping[str, Array]) -> Array:
    """Applies the learned scale and shift of each channel in place, if the layer has them."""
    if "weight" in weights:
        data *= per_channel(weights["weight"], data.ndim)
        data += per_channel(weights["bias"], data.ndim)
    return data


def layernorm(layer: LayerNorm, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """Normalises the channels of each position."""
    return scaled(standardised(inputs[0], (1,), layer.eps), weights)


def groupnorm(layer: GroupNorm, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """Normalises groups of channels over all positions."""
    (data,) = inputs
    batch, channels, *sizes = data.shape
    groups = data.reshape(batch, layer.groups, channels // layer.groups, *sizes)
    result = standardised(groups, tuple(range(2, groups.ndim)), layer.eps)
    return scaled(result.reshape(data.shape), weights)


def instancenorm(
    layer: InstanceNorm, inputs: Sequence[Array], weights: Mapping[str, Array]
) -> Array:
    """Normalises each channel over all positions."""
    (data,) = inputs
    return scaled(standardised(data, tuple(range(2, data.ndim)), layer.eps), weights)


def lrn(layer: LocalResponseNorm, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """x / (k + alpha/size * the sum of `size` neighbouring channels' squares)^beta.

    The neighbours begin size // 2 channels before, as in PyTorch; missing ones are zeros.
    """
    (data,) = inputs
    last = channels_last(data)
    before = layer.size // 2
    around = [(0, 0)] * (data.ndim - 1) + [(before, layer.size - 1 - before)]
    squares = np.pad(np.square(last), around)
    windows = np.lib.stride_tricks.sliding_window_view(squares, layer.size, axis=-1)
    scale = windows.sum(axis=-1)
    scale *= layer.alpha / layer.size
    scale += layer.k
    np.power(scale, layer.beta, out=scale)
    result: Array = np.moveaxis(last / scale, -1, 1)
    return result
