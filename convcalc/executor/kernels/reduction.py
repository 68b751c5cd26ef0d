"""Reductions along axes, which layers count without the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array, mean_along, sum_along

if TYPE_CHECKING:
    from convcalc.layers import reduction as kinds

Weights = Mapping[str, Array]


def channel_avgpool(
    layer: kinds.ChannelAvgPool, inputs: Sequence[Array], weights: Weights
) -> Array:
    """The mean of the channels."""
    result: Array = inputs[0].mean(axis=1, keepdims=True)
    return result


def channel_maxpool(
    layer: kinds.ChannelMaxPool, inputs: Sequence[Array], weights: Weights
) -> Array:
    """The largest of the channels."""
    result: Array = inputs[0].max(axis=1, keepdims=True)
    return result


def _reduced(
    layer: kinds.ReduceMax | kinds.ReduceMean | kinds.ReduceSum,
    data: Array,
    reduce: Callable[..., Array],
) -> Array:
    return reduce(data, tuple([axis + 1 for axis in layer.axes]), keepdims=layer.keepdims)


def reduce_mean(layer: kinds.ReduceMean, inputs: Sequence[Array], weights: Weights) -> Array:
    """The mean along the axes."""
    return _reduced(layer, inputs[0], mean_along)


def reduce_sum(layer: kinds.ReduceSum, inputs: Sequence[Array], weights: Weights) -> Array:
    """The sum along the axes."""
    return _reduced(layer, inputs[0], sum_along)


def reduce_max(layer: kinds.ReduceMax, inputs: Sequence[Array], weights: Weights) -> Array:
    """The largest value along the axes."""
    return _reduced(layer, inputs[0], np.max)
