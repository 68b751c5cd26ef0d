"""Backward passes of constants: no gradient goes to what enters."""

from __future__ import annotations

from convcalc.layers.base import Layer
from tests.oracle.counting import total
from tests.oracle.training import Step


def parameter(layer: Layer, step: Step) -> None:
    with step.part("weights"):
        for index in step.dy[0]:
            gradients = [step.dy[sample][index] for sample in step.batch()]
            key = ("weight", *index)
            step.dw[key] = total(gradients)
    buffer(layer, step)


def buffer(layer: Layer, step: Step) -> None:
    for sample in step.batch():
        step.dx[sample, 0] = step.zeros(sample)
