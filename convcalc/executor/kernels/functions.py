"""Functions of one element that are no activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array

if TYPE_CHECKING:
    from convcalc.layers import functions as kinds

Weights = Mapping[str, Array]


def pow_(layer: kinds.Pow, inputs: Sequence[Array], weights: Weights) -> Array:
    """x^exponent; infinite or not a number where the power has no finite value."""
    with np.errstate(all="ignore"):
        result: Array = np.power(inputs[0], layer.exponent)
    return result


def sqrt(layer: kinds.Sqrt, inputs: Sequence[Array], weights: Weights) -> Array:
    """The square root; not a number where x is negative."""
    with np.errstate(invalid="ignore"):
        result: Array = np.sqrt(inputs[0])
    return result


def rescaling(layer: kinds.Rescaling, inputs: Sequence[Array], weights: Weights) -> Array:
    """factor*x + offset."""
    result: Array = inputs[0] * layer.factor
    result += layer.offset
    return result
