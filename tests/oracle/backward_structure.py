"""Backward passes of joins and of layers that move, repeat or scale values."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from convcalc.layers.base import Layer
from convcalc.layers.structure import Dropout, Scale, StochasticDepth
from convcalc.layers.unpooling import Unpool
from tests.oracle.counting import Number, Tensor, plain, total
from tests.oracle.structure import scale_factor
from tests.oracle.training import Step, put
from tests.oracle.windows import shape_of

# Layers that move values: what an output was copied from gets its gradient.


def moved(layer: Layer, step: Step) -> None:
    """Follows each value of the output to where it stood; several copies are added up."""
    with step.part("input"):
        for sample in step.batch():
            inputs = step.samples[sample]
            origin = {id(v): (which, i) for which, x in enumerate(inputs) for i, v in x.items()}
            canvases: list[Tensor] = [{} for _ in inputs]
            for index, value in step.outputs[sample].items():
                if id(value) in origin:
                    which, source = origin[id(value)]
                    put(canvases[which], source, step.dy[sample][index])
            for which, canvas in enumerate(canvases):
                step.dx[sample, which] = {**step.zeros(sample, which), **canvas}


def dropout_forward(layer: Dropout, step: Step) -> None:
    """A value is dropped where its random number is not above the rate."""
    rate, rng = float(layer.rate), Random(7)
    step.outputs = []
    for sample in step.batch():
        y: Tensor = {}
        for index, value in step.samples[sample][0].items():
            y[index] = value
            if rate:
                kept = step.run.constant(rng.random()) > rate
                y[index] = value * (1 / (1 - rate) if kept else 0.0)
                step.stored["flags"][sample, index] = kept
        step.outputs.append(y)


def dropout(layer: Dropout, step: Step) -> None:
    rate = float(layer.rate)
    if not rate:
        moved(layer, step)
        return
    with step.part("input"):
        for sample in step.batch():
            step.dx[sample, 0] = {
                index: dy * (1 / (1 - rate) if step.stored["flags"][sample, index] else 0.0)
                for index, dy in step.dy[sample].items()
            }


def unpool(layer: Unpool, step: Step) -> None:
    """What stands at a place gets its gradient; the places are looked up again."""
    for sample in step.batch():
        step.x(sample, 1)
    moved(layer, step)


def stochastic_depth_forward(layer: StochasticDepth, step: Step) -> None:
    """A sample is dropped where its random number is not above the rate."""
    rate, rng = float(layer.rate), Random(7)
    step.outputs = []
    for sample in step.batch():
        x = step.samples[sample][0]
        if rate:
            kept = step.run.constant(rng.random()) > rate
            step.stored["flags"][sample] = kept
            factor = 1 / (1 - rate) if kept else 0.0
            step.outputs.append({index: value * factor for index, value in x.items()})
        else:
            step.outputs.append(dict(x))


def stochastic_depth(layer: StochasticDepth, step: Step) -> None:
    rate = float(layer.rate)
    if not rate:
        moved(layer, step)
        return
    with step.part("input"):
        for sample in step.batch():
            factor = 1 / (1 - rate) if step.stored["flags"][sample] else 0.0
            step.dx[sample, 0] = {index: dy * factor for index, dy in step.dy[sample].items()}


def scale(layer: Scale, step: Step) -> None:
    if layer.learned:
        with step.part("weights"):
            terms: dict[int, list[Number]] = defaultdict(list)
            for (sample, index), dy in step.elements():
                factor = index[0] if layer.per_channel else 0
                terms[factor].append(step.x(sample)[index] * dy)
            step.dw.update({("weight", c): total(values) for c, values in terms.items()})
    if any(step.wanted):
        with step.part("input"):
            for sample in step.batch():
                step.dx[sample, 0] = {
                    index: dy * scale_factor(layer, index, step.run)
                    for index, dy in step.dy[sample].items()
                }


# Joins: a value that was given to several places gets the sum of their gradients.


def add(layer: Layer, step: Step) -> None:
    with step.part("input"):
        for sample in step.batch():
            for which, wanted in enumerate(step.wanted):
                if wanted:
                    step.dx[sample, which] = _collected(step, sample, which, step.dy[sample])


def sub(layer: Layer, step: Step) -> None:
    with step.part("input"):
        for sample in step.batch():
            for which, wanted in enumerate(step.wanted):
                if wanted:
                    dy = step.dy[sample]
                    own = {index: -gradient for index, gradient in dy.items()} if which else dy
                    step.dx[sample, which] = _collected(step, sample, which, own)


def div(layer: Layer, step: Step) -> None:
    """y = a / b: da = dy / b, and db = -dy * a / b^2, which is -da * y."""
    with step.part("input"):
        for sample in step.batch() if any(step.wanted) else ():
            b = step.x(sample, 1)
            da = {index: dy / _spread(b, index) for index, dy in step.dy[sample].items()}
            if step.wanted[0]:
                step.dx[sample, 0] = _collected(step, sample, 0, da)
            if step.wanted[1]:
                y = step.y(sample)
                db = {index: -(gradient * y[index]) for index, gradient in da.items()}
                step.dx[sample, 1] = _collected(step, sample, 1, db)


def mul(layer: Layer, step: Step) -> None:
    """Back through ((x0*x1)*x2)*...: the last factor first."""
    last = len(step.wanted) - 1
    for sample in step.batch():
        for index in step.dy[sample]:
            product = plain(_spread(step.samples[sample][0], index))
            for k in range(1, last):
                product *= plain(_spread(step.samples[sample][k], index))
                if step.wanted[k + 1]:
                    kept = step.run.constant(product)
                    step.stored["numbers"][k, sample, index] = kept
    with step.part("input"):
        for sample in step.batch():
            onward = step.dy[sample]
            for k in range(last, 0, -1):
                if step.wanted[k]:
                    if k == 1:
                        x = step.x(sample, 0)
                        before = {index: _spread(x, index) for index in onward}
                    else:
                        numbers = step.stored["numbers"]
                        before = {index: numbers[k - 1, sample, index] for index in onward}
                    own = {index: g * before[index] for index, g in onward.items()}
                    step.dx[sample, k] = _collected(step, sample, k, own)
                if not any(step.wanted[:k]):
                    break
                x = step.x(sample, k)
                onward = {index: g * _spread(x, index) for index, g in onward.items()}
            if step.wanted[0]:
                step.dx[sample, 0] = _collected(step, sample, 0, onward)


def matmul(layer: Layer, step: Step) -> None:
    """Each product of the forward pass hands dy times one factor to the other one's gradient."""
    with step.part("input"):
        for which, wanted in enumerate(step.wanted):
            if not wanted:
                continue
            for sample in step.batch():
                other = step.x(sample, 1 - which)
                *before, rows, columns = shape_of(step.samples[sample][which])
                canvas: Tensor = {}
                for (*place, row, column), gradient in step.dy[sample].items():
                    for t in range(columns if which == 0 else rows):
                        own = (*place, row, t) if which == 0 else (*place, t, column)
                        factor = (*place, t, column) if which == 0 else (*place, row, t)
                        product = gradient * _spread(other, factor)
                        put(canvas, _place((*before, rows, columns), own), product)
                step.dx[sample, which] = canvas


def _place(shape: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    """Where a value stood that broadcasting gave to this place."""
    return tuple([0 if size == 1 else i for i, size in zip(index, shape, strict=True)])


def _spread(x: Tensor, index: tuple[int, ...]) -> Number:
    return x[_place(shape_of(x), index)]


def _collected(step: Step, sample: int, which: int, gradients: Tensor) -> Tensor:
    """Gradients of all places, added up where one value was given to several."""
    shape = shape_of(step.samples[sample][which])
    canvas: Tensor = {}
    for index, gradient in gradients.items():
        put(canvas, _place(shape, index), gradient)
    return canvas
