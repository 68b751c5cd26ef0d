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


def mul(layer: kinds.Mul, inputs: Sequence[Array], weights: Weights) -> Array:
    """The product of the branches, from the first to the last."""
    total = inputs[0]
    for value in inputs[1:]:
        total = total * value
    return total


def concat(layer: kinds.Concat, inputs: Sequence[Array], weights: Weights) -> Array:
    """The branches' channels, one after the other."""
    return channels_first(np.concatenate([channels_last(value) for value in inputs], axis=-1))


def matmul(layer: kinds.Matmul, inputs: Sequence[Array], weights: Weights) -> Array:
    """The matrix product of two branches, for each index of the axes before the last two."""
    first, second = inputs
    result: Array = np.matmul(first, second)
    return result
