"""Backward passes of layers that resample maps."""

from __future__ import annotations

from fractions import Fraction

from convcalc.layers.resizing import Upsample
from tests.oracle.backward_structure import moved
from tests.oracle.counting import Number, Tensor
from tests.oracle.resizing import four_weights, neighbours, places
from tests.oracle.training import Step, put
from tests.oracle.windows import shape_of


def upsample(layer: Upsample, step: Step) -> None:
    if layer.mode == "nearest":
        moved(layer, step)
        return
    hand_back = _to_two if layer.mode == "bilinear" else _to_four
    sizes = list(shape_of(step.samples[0][0])[1:])
    along = places(layer, sizes)
    with step.part("input"):
        for sample in step.batch():
            canvas: Tensor = {}
            for (channel, *place), gradient in step.dy[sample].items():
                centres = [along[axis][y] for axis, y in enumerate(place)]
                hand_back(canvas, (channel,), gradient, sizes, centres)
            step.dx[sample, 0] = {**step.zeros(sample), **canvas}


def _to_two(
    canvas: Tensor, index: tuple[int, ...], g: Number, sizes: list[int], centres: list[Fraction]
) -> None:
    """Through a + t*(b - a), of the first axis that is left."""
    if not centres:
        put(canvas, index, g)
        return
    low, high, share = neighbours(centres[0], sizes[0])
    to_b = share * g
    _to_two(canvas, (*index, low), g - to_b, sizes[1:], centres[1:])
    _to_two(canvas, (*index, high), to_b, sizes[1:], centres[1:])


def _to_four(
    canvas: Tensor, index: tuple[int, ...], g: Number, sizes: list[int], centres: list[Fraction]
) -> None:
    """Through a weighted sum of four, of the first axis that is left."""
    if not centres:
        put(canvas, index, g)
        return
    for position, weight in four_weights(centres[0], sizes[0]):
        _to_four(canvas, (*index, position), weight * g, sizes[1:], centres[1:])
