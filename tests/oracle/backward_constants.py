"""Backward passes of constants: no gradient goes to what enters."""

from __future__ import annotations

from convcalc.layers.base import Layer
from convcalc.layers.constants import Parameter
from tests.oracle.counting import Number, total
from tests.oracle.training import Step


def parameter(layer: Parameter, step: Step) -> None:
    learned = layer.learned
    with step.part("weights"):
        gradients: dict[tuple[object, ...], list[Number]] = {}
        for place, index in enumerate(step.dy[0]):
            key = ("weight", *index) if learned is None else ("weight", place % learned)
            gradients.setdefault(key, []).extend(step.dy[sample][index] for sample in step.batch())
        for key, each in gradients.items():
            step.dw[key] = total(each)
    buffer(layer, step)


def buffer(layer: Layer, step: Step) -> None:
    for sample in step.batch():
        step.dx[sample, 0] = step.zeros(sample)
