"""Normalisation, at inference, as loops over each set of values that is normalised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from convcalc.layers.normalisation import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
)
from tests.oracle.counting import Number, Run, Tensor, at, power, square_root, total
from tests.oracle.windows import everywhere, shape_of


def batchnorm(layer: BatchNorm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Scale and shift are worked out in plain floats, before any input comes."""
    (x,) = inputs
    folded = {}
    for channel in range(shape_of(x)[0]):
        mean = run.statistic("mean", channel).value
        variance = run.statistic("variance", channel).value
        scale = 1 / math.sqrt(variance + layer.eps)
        shift = -mean * scale
        if layer.affine:
            scale *= run.weight("weight", channel).value
            shift = -mean * scale + run.weight("bias", channel).value
        folded[channel] = scale, shift
    return {index: x[index] * folded[index[0]][0] + folded[index[0]][1] for index in x}


def layernorm(layer: LayerNorm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """The channels of each position."""
    (x,) = inputs
    channels, *sizes = shape_of(x)
    sets = [[(c, *place) for c in range(channels)] for place in everywhere(sizes)]
    return _normalise(layer, x, sets, run)


def groupnorm(layer: GroupNorm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """All positions of a group of channels."""
    (x,) = inputs
    channels, *sizes = shape_of(x)
    size = channels // layer.groups
    sets = [
        [(group * size + c, *place) for c in range(size) for place in everywhere(sizes)]
        for group in range(layer.groups)
    ]
    return _normalise(layer, x, sets, run)


def instancenorm(layer: InstanceNorm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """All positions of a channel."""
    (x,) = inputs
    channels, *sizes = shape_of(x)
    sets = [[(c, *place) for place in everywhere(sizes)] for c in range(channels)]
    return _normalise(layer, x, sets, run)


def _normalise(
    layer: LayerNorm | GroupNorm | InstanceNorm,
    x: Tensor,
    sets: Iterable[list[tuple[int, ...]]],
    run: Run,
) -> Tensor:
    result: Tensor = {}
    for indices in sets:
        mean = total([x[index] for index in indices]) / len(indices)
        centred = [x[index] - mean for index in indices]
        variance = total([value * value for value in centred]) / len(indices)
        deviation = square_root(variance + layer.eps)
        for index, value in zip(indices, centred, strict=True):
            result[index] = value / deviation
            if layer.affine:
                scale, shift = run.weight("weight", index[0]), run.weight("bias", index[0])
                result[index] = result[index] * scale + shift
    return result


def lrn(layer: LocalResponseNorm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Channels around each channel; of an even number, one more lies before than behind."""
    (x,) = inputs
    squares = {index: value * value for index, value in x.items()}
    factor = layer.alpha / layer.size
    result: Tensor = {}
    for (channel, *place), value in x.items():
        neighbours: list[Number] = []
        for step in range(layer.size):
            source = (channel - layer.size // 2 + step, *place)
            neighbours += [squares[source]] if source in squares else run.padding(0.0)
        result[at(channel, *place)] = value / power(
            layer.k + factor * total(neighbours), layer.beta
        )
    return result
