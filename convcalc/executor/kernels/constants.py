"""Constants: values that do not depend on the network's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array

if TYPE_CHECKING:
    from convcalc.layers import constants as kinds

Weights = Mapping[str, Array]


def parameter(layer: kinds.Parameter, inputs: Sequence[Array], weights: Weights) -> Array:
    """The learned array, or what was computed of fewer learned numbers, for every sample."""
    return _for_each_sample(weights["weight" if layer.learned is None else "value"], inputs)


def buffer(layer: kinds.Buffer, inputs: Sequence[Array], weights: Weights) -> Array:
    """The array that is kept, for every sample."""
    return _for_each_sample(weights["value"], inputs)


def _for_each_sample(value: Array, inputs: Sequence[Array]) -> Array:
    result: Array = np.repeat(value[None], len(inputs[0]), axis=0)
    return result
