"""Normalisation in training: the forward pass of batchnorm, and the backward pass of all."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from convcalc.layers.base import Layer
from convcalc.layers.normalisation import BatchNorm, GroupNorm, LocalResponseNorm
from tests.oracle.counting import Number, at, power, square_root, total
from tests.oracle.training import Element, Step
from tests.oracle.windows import everywhere, shape_of


def batchnorm_forward(layer: BatchNorm, step: Step) -> None:
    """In training: each channel of the batch by its own statistics, which are also gathered."""
    step.outputs = [{} for _ in step.batch()]
    channels = shape_of(step.samples[0][0])[0]
    for channel in range(channels):
        values = {
            (sample, index): value
            for sample in step.batch()
            for index, value in step.samples[sample][0].items()
            if index[0] == channel
        }
        mean = total(values.values()) / len(values)
        centred = {element: value - mean for element, value in values.items()}
        variance = total([value * value for value in centred.values()]) / len(values)
        deviation = square_root(variance + layer.eps)
        # The running statistics; that the variance's factor corrects its bias is known before.
        for name, new in (("mean", mean), ("variance", variance)):
            _ = 0.9 * step.run.statistic(name, channel) + 0.1 * new
        for (sample, index), value in centred.items():
            y = value / deviation
            if layer.affine:
                y = y * step.run.weight("weight", channel) + step.run.weight("bias", channel)
            step.outputs[sample][index] = y


def batchnorm(layer: BatchNorm, step: Step) -> None:
    channels = shape_of(step.samples[0][0])[0]
    sets = [[e for e, _ in step.elements() if e[1][0] == c] for c in range(channels)]
    if not layer.affine:
        _normalisation(layer, step, sets)
        return
    normalised = _affine(layer, step, sets)
    if not any(step.wanted):
        return
    with step.part("input"):
        for number, elements in enumerate(sets):
            shift = step.dw["bias", number] / len(elements)
            scale = step.dw["weight", number] / len(elements)
            deviation = step.stored["statistics"]["deviation", number]
            factor = step.run.weight("weight", number) / deviation
            for sample, index in elements:
                rest = step.dy[sample][index] - shift - normalised[sample, index] * scale
                step.dx.setdefault((sample, 0), {})[index] = rest * factor


def layernorm(layer: Layer, step: Step) -> None:
    channels, *sizes = shape_of(step.samples[0][0])
    sets = [
        [(sample, at(c, *place)) for c in range(channels)]
        for sample in step.batch()
        for place in everywhere(sizes)
    ]
    _normalisation(layer, step, sets)


def groupnorm(layer: GroupNorm, step: Step) -> None:
    size = shape_of(step.samples[0][0])[0] // layer.groups
    _normalisation(
        layer,
        step,
        [
            [(sample, index) for index in step.dy[sample] if index[0] // size == group]
            for sample in step.batch()
            for group in range(layer.groups)
        ],
    )


def instancenorm(layer: Layer, step: Step) -> None:
    _normalisation(
        layer,
        step,
        [
            [(sample, index) for index in step.dy[sample] if index[0] == channel]
            for sample in step.batch()
            for channel in range(shape_of(step.dy[sample])[0])
        ],
    )


def _affine(layer: Any, step: Step, sets: list[list[Element]]) -> dict[Element, Number]:
    """Normalised values once more, and the gradients of scale and shift, where they are learned."""
    statistics = step.stored["statistics"]
    for number, elements in enumerate(sets):
        values = [step.samples[sample][0][index] for sample, index in elements]
        mean = statistics["mean", number] = total(values) / len(values)
        variance = total([(value - mean) * (value - mean) for value in values]) / len(values)
        statistics["deviation", number] = square_root(variance + layer.eps)
    normalised: dict[Element, Number] = {}
    with step.part("weights" if layer.affine else "input"):
        for number, elements in enumerate(sets):
            mean, deviation = statistics["mean", number], statistics["deviation", number]
            for sample, index in elements:
                normalised[sample, index] = (step.x(sample)[index] - mean) / deviation
    if layer.affine:
        terms: dict[int, list[Number]] = defaultdict(list)
        shifts: dict[int, list[Number]] = defaultdict(list)
        with step.part("weights"):
            for element, dy in step.elements():
                terms[element[1][0]].append(dy * normalised[element])
            step.dw.update({("weight", c): total(values) for c, values in terms.items()})
        with step.part("bias"):
            for element, dy in step.elements():
                shifts[element[1][0]].append(dy)
            step.dw.update({("bias", c): total(values) for c, values in shifts.items()})
    return normalised


def _normalisation(layer: Any, step: Step, sets: list[list[Element]]) -> None:
    normalised = _affine(layer, step, sets)
    if not any(step.wanted):
        return
    with step.part("input"):
        for number, elements in enumerate(sets):
            g = {}
            for sample, index in elements:
                dy = step.dy[sample][index]
                g[sample, index] = dy
                if layer.affine:
                    g[sample, index] = dy * step.run.weight("weight", index[0])
            shift = total(g.values()) / len(elements)
            scale = total([g[e] * normalised[e] for e in elements]) / len(elements)
            for sample, index in elements:
                element = (sample, index)
                rest = g[element] - shift - normalised[element] * scale
                result = rest / step.stored["statistics"]["deviation", number]
                step.dx.setdefault((sample, 0), {})[index] = result


def lrn(layer: LocalResponseNorm, step: Step) -> None:
    """y = x / d^beta; each neighbour's d has grown with x."""
    factor = float(layer.alpha) / layer.size
    denominators = step.stored["numbers"]
    for sample in step.batch():
        x = step.samples[sample][0]
        for channel, *place in x:
            squares = [
                x[at(c, *place)] * x[at(c, *place)]
                for c in _neighbours(layer, channel)
                if at(c, *place) in x
            ]
            denominators[sample, at(channel, *place)] = layer.k + factor * total(squares)
    with step.part("input"):
        for sample in step.batch():
            x, y, dy = step.x(sample), step.y(sample), step.dy[sample]
            share = {i: dy[i] * (y[i] / denominators[sample, i]) for i in dy}
            step.dx[sample, 0] = {}
            for channel, *place in dy:
                index = at(channel, *place)
                # Those that have this channel for a neighbour.
                others = [
                    at(channel + layer.size // 2 - offset, *place) for offset in range(layer.size)
                ]
                sum_ = total([share.get(i, step.run.constant(0.0)) for i in others])
                own = dy[index] / power(denominators[sample, index], float(layer.beta))
                indirect = x[index] * ((2 * factor * float(layer.beta)) * sum_)
                step.dx[sample, 0][index] = own - indirect


def _neighbours(layer: LocalResponseNorm, channel: int) -> range:
    first = channel - layer.size // 2
    return range(first, first + layer.size)
