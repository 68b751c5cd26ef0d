"""Reductions along axes, and values that are repeated or picked, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcalc.layers.indexing import Broadcast, Gather
from convcalc.layers.reduction import (
    ChannelAvgPool,
    ChannelMaxPool,
    ReduceMax,
    ReduceMean,
    ReduceSum,
)
from tests.oracle.counting import Number, Run, Tensor, at, combine, maximum, plain, total
from tests.oracle.training import Step
from tests.oracle.windows import everywhere, shape_of

OfChannels = ChannelAvgPool | ChannelMaxPool
Reduction = ReduceMax | ReduceMean | ReduceSum | OfChannels
Index = tuple[int, ...]


def _sets(layer: Reduction, x: Tensor) -> dict[Index, list[Index]]:
    """For each place of the result the places that it is made of."""
    axes, keepdims = ((0,), True) if isinstance(layer, OfChannels) else (layer.axes, layer.keepdims)
    sets: dict[Index, list[Index]] = {}
    for index in everywhere(shape_of(x)):
        if keepdims:
            place = [0 if axis in axes else i for axis, i in enumerate(index)]
        else:
            place = [i for axis, i in enumerate(index) if axis not in axes]
        sets.setdefault(tuple(place), []).append(index)
    return sets


def _reduced(
    layer: Reduction, inputs: Sequence[Tensor], reduce: Callable[[list[Number]], Number]
) -> Tensor:
    (x,) = inputs
    return {
        place: reduce([x[index] for index in indices]) for place, indices in _sets(layer, x).items()
    }


def reduce_mean(layer: ReduceMean | ChannelAvgPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _reduced(layer, inputs, lambda values: total(values) / len(values))


def reduce_sum(layer: ReduceSum, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _reduced(layer, inputs, total)


def reduce_max(layer: ReduceMax | ChannelMaxPool, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _reduced(layer, inputs, lambda values: combine(values, maximum))


def reduce_mean_backward(layer: ReduceMean | ChannelAvgPool, step: Step) -> None:
    _spread(layer, step, lambda dy, count: dy / count)


def reduce_sum_backward(layer: ReduceSum, step: Step) -> None:
    _spread(layer, step, lambda dy, _: dy)


def _spread(layer: Reduction, step: Step, share: Callable[[Number, int], Number]) -> None:
    """Every value of a set has had the same part in its result."""
    with step.part("input"):
        for sample in step.batch():
            step.dx[sample, 0] = {}
            for place, indices in _sets(layer, step.samples[sample][0]).items():
                gradient = share(step.dy[sample][place], len(indices))
                step.dx[sample, 0].update(dict.fromkeys(indices, gradient))


def reduce_max_backward(layer: ReduceMax | ChannelMaxPool, step: Step) -> None:
    """The forward pass remembers which place it chose."""
    chosen = step.stored["indices"]
    for sample in step.batch():
        x = step.samples[sample][0]
        for place, indices in _sets(layer, x).items():
            chosen[sample, place] = max(indices, key=lambda index: plain(x[index]))
    with step.part("input"):
        for sample in step.batch():
            canvas = step.zeros(sample)
            for place, gradient in step.dy[sample].items():
                source = chosen[sample, place]
                canvas[source] = canvas[source] + gradient
            step.dx[sample, 0] = canvas


def broadcast(layer: Broadcast, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    shape = shape_of(x)
    sizes = [n if size == -1 else size for n, size in zip(shape, layer.shape, strict=True)]
    result: Tensor = {}
    for index in everywhere(sizes):
        source = [0 if n == 1 else i for i, n in zip(index, shape, strict=True)]
        result[index] = x[tuple(source)]
    return result


def gather(layer: Gather, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    axis = layer.axis
    result: Tensor = {}
    for index, value in x.items():
        for place, source in enumerate(layer.indices):
            if index[axis] == source:
                result[at(*index[:axis], place, *index[axis + 1 :])] = value
    return result
