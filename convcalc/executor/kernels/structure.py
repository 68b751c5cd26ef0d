"""Layers that move, select, repeat or scale values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from convcalc.executor.arrays import Array, channels_first, channels_last, per_channel

if TYPE_CHECKING:
    from convcalc.layers import structure as kinds

Weights = Mapping[str, Array]

#: The modes of np.pad.
_PAD_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


def identity(layer: kinds.Identity, inputs: Sequence[Array], weights: Weights) -> Array:
    """The input itself."""
    return inputs[0]


def dropout(layer: kinds.Dropout, inputs: Sequence[Array], weights: Weights) -> Array:
    """The input itself, as always at inference."""
    return inputs[0]


def stochastic_depth(
    layer: kinds.StochasticDepth, inputs: Sequence[Array], weights: Weights
) -> Array:
    """The input itself, as always at inference."""
    return inputs[0]


def flatten(layer: kinds.Flatten, inputs: Sequence[Array], weights: Weights) -> Array:
    """All axes but the batch in one, channels outermost."""
    (data,) = inputs
    result: Array = data.reshape(len(data), -1)
    return result


def reshape(layer: kinds.Reshape, inputs: Sequence[Array], weights: Weights) -> Array:
    """The same values in another shape."""
    (data,) = inputs
    result: Array = data.reshape(len(data), *layer.shape)
    return result


def transpose(layer: kinds.Transpose, inputs: Sequence[Array], weights: Weights) -> Array:
    """The axes in another order."""
    result: Array = inputs[0].transpose(0, *[axis + 1 for axis in layer.order])
    return result


def pad(layer: kinds.Pad, inputs: Sequence[Array], weights: Weights) -> Array:
    """Values added at the borders, after negative sides have been cut off."""
    (data,) = inputs
    inner = [
        slice(max(-before, 0), size + min(after, 0))
        for (before, after), size in zip(layer.padding, data.shape[2:], strict=True)
    ]
    sides = [(max(before, 0), max(after, 0)) for before, after in layer.padding]
    # mypy knows the modes only as literals.
    how: Any = {"mode": _PAD_MODES[layer.mode]}
    if layer.mode == "zeros":
        how["constant_values"] = layer.value
    index = (slice(None), *inner)
    kept = channels_last(data)[index]
    result: Array = np.pad(kept, ((0, 0), *sides, (0, 0)), **how)
    return channels_first(result)


def crop(layer: kinds.Crop, inputs: Sequence[Array], weights: Weights) -> Array:
    """Positions cut off at the borders."""
    (data,) = inputs
    inner = [
        slice(before, size - after)
        for (before, after), size in zip(layer.padding, data.shape[2:], strict=True)
    ]
    index = (slice(None), slice(None), *inner)
    return data[index]


def pixel_shuffle(layer: kinds.PixelShuffle, inputs: Sequence[Array], weights: Weights) -> Array:
    """Channels become positions: c*f*f channels make blocks of f by f positions of c channels."""
    (data,) = inputs
    batch, _, *sizes = data.shape
    rank = len(sizes)
    blocks = data.reshape(batch, -1, *[layer.factor] * rank, *sizes)
    # (n, c, f_h, f_w, h, w) -> (n, c, h, f_h, w, f_w)
    order = [0, 1]
    for axis in range(rank):
        order += [2 + rank + axis, 2 + axis]
    grown = [size * layer.factor for size in sizes]
    result: Array = blocks.transpose(order).reshape(batch, -1, *grown)
    return result


def pixel_unshuffle(
    layer: kinds.PixelUnshuffle, inputs: Sequence[Array], weights: Weights
) -> Array:
    """Positions become channels: blocks of f by f positions of c channels make c*f*f channels."""
    (data,) = inputs
    batch, channels, *sizes = data.shape
    split = [part for size in sizes for part in (size // layer.factor, layer.factor)]
    blocks = data.reshape(batch, channels, *split)
    # (n, c, h, f_h, w, f_w) -> (n, c, f_h, f_w, h, w)
    rank = len(sizes)
    inside = [3 + 2 * axis for axis in range(rank)]
    outside = [2 + 2 * axis for axis in range(rank)]
    moved = blocks.transpose(0, 1, *inside, *outside)
    result: Array = moved.reshape(batch, -1, *moved.shape[2 + rank :])
    return result


def channel_shuffle(
    layer: kinds.ChannelShuffle, inputs: Sequence[Array], weights: Weights
) -> Array:
    """The channels of `groups` groups, interleaved."""
    (data,) = inputs
    batch, channels, *sizes = data.shape
    groups = data.reshape(batch, layer.groups, channels // layer.groups, *sizes)
    result: Array = groups.swapaxes(1, 2).reshape(data.shape)
    return result


def slice_axis(layer: kinds.Slice, inputs: Sequence[Array], weights: Weights) -> Array:
    """The positions of an axis from start up to, not including, stop, in steps."""
    start, stop = layer.channels
    index = (*[slice(None)] * (layer.axis + 1), slice(start, stop, layer.step))
    return inputs[0][index]


def scale(layer: kinds.Scale, inputs: Sequence[Array], weights: Weights) -> Array:
    """Each channel times its factor, or all times the same one."""
    (data,) = inputs
    factor = per_channel(weights["weight"], data.ndim) if layer.learned else layer.init
    result: Array = data * factor
    return result
