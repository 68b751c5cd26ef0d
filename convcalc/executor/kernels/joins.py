"""Joins: several values become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array, channels_first, channels_last

if TYPE_CHECKING:
    from convcalc.layers import joins as kinds

Weights = Mapping[str, Array]


def add(layer: kinds.Add, inputs: Sequence[Array], weights: Weights) -> Array:
    """The sum of the branches, from the first to the last."""
    total = inputs[0]
    for value in inputs[1:]:
        total = total + value
    return total


def sub(layer: kinds.Sub, inputs: Sequence[Array], weights: Weights) -> Array:
    """The first branch minus the second."""
    first, second = inputs
    result: Array = first - second
    return result


def mul(layer: kinds.Mul, inputs: Sequence[Array], weights: Weights) -> Array:
    """The product of the branches, from the first to the last."""
    total = inputs[0]
    for value in inputs[1:]:
        total = total * value
    return total


def div(layer: kinds.Div, inputs: Sequence[Array], weights: Weights) -> Array:
    """The first branch divided by the second."""
    first, second = inputs
    result: Array = first / second
    return result


def concat(layer: kinds.Concat, inputs: Sequence[Array], weights: Weights) -> Array:
    """The branches, one after the other along an axis."""
    axis = layer.axis or -1  # the channels are last, behind the batch and the spatial axes
    return channels_first(np.concatenate([channels_last(value) for value in inputs], axis=axis))


def matmul(layer: kinds.Matmul, inputs: Sequence[Array], weights: Weights) -> Array:
    """The matrix product of two branches, for each index of the axes before the last two."""
    first, second = inputs
    result: Array = np.matmul(first, second)
    return result
