"""Functions of one element that are no activations, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.layers.base import Layer
from convcalc.layers.functions import Pow, Rescaling
from tests.oracle.counting import Number, Run, Tensor, power
from tests.oracle.training import Step


def pow_(layer: Pow, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {index: power(value, layer.exponent) for index, value in x.items()}


def pow_backward(layer: Pow, x: Number, dy: Number) -> Number:
    return dy * (layer.exponent * power(x, layer.exponent - 1))


def sqrt_backward(layer: Layer, y: Number, dy: Number) -> Number:
    return dy / (2 * y)


def _times(value: Number, factor: float) -> Number:
    """Once is the value itself, and minus once its negation."""
    if abs(factor) == 1:
        return value if factor > 0 else -value
    return value * factor


def rescaling(layer: Rescaling, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    scaled = {index: _times(value, layer.factor) for index, value in x.items()}
    if not layer.offset:
        return scaled
    return {index: value + layer.offset for index, value in scaled.items()}


def rescaling_backward(layer: Rescaling, step: Step) -> None:
    with step.part("input"):
        for sample in step.batch():
            step.dx[sample, 0] = {
                index: _times(dy, layer.factor) for index, dy in step.dy[sample].items()
            }
