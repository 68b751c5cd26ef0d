"""The dense layer as a loop over units and inputs."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.layers.dense import Dense
from tests.oracle.counting import Number, Run, Tensor, at, total
from tests.oracle.windows import everywhere, shape_of


def dense(layer: Dense, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Each unit sums over all values of the input, or over the channels of each position."""
    (x,) = inputs
    if not layer.positionwise:
        values = [x[index] for index in everywhere(shape_of(x))]
        return {(unit,): _unit(layer, values, unit, run) for unit in range(layer.units)}
    channels, *sizes = shape_of(x)
    return {
        (unit, *place): _unit(layer, [x[at(c, *place)] for c in range(channels)], unit, run)
        for unit in range(layer.units)
        for place in everywhere(sizes)
    }


def _unit(layer: Dense, values: list[Number], unit: int, run: Run) -> Number:
    result = total([value * run.weight("weight", unit, i) for i, value in enumerate(values)])
    return result + run.weight("bias", unit) if layer.bias else result
