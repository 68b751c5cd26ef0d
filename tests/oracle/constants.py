"""Constants, element by element: every sample gets the same numbers."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.layers.constants import Buffer, Parameter
from tests.oracle.counting import Run, Tensor
from tests.oracle.windows import everywhere, shape_of


def parameter(layer: Parameter, inputs: Sequence[Tensor], run: Run) -> Tensor:
    shape = layer.shape or shape_of(inputs[0])
    if layer.learned is not None:
        numbers = [run.weight("weight", number) for number in range(layer.learned)]
        spread = {}
        for place, index in enumerate(everywhere(shape)):
            spread[index] = run.kept(numbers[place % layer.learned], "value", *index)
        return spread
    return {index: run.weight("weight", *index) for index in everywhere(shape)}


def buffer(layer: Buffer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    shape = layer.shape or shape_of(inputs[0])
    return {index: run.statistic("value", *index) for index in everywhere(shape)}
