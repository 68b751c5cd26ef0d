"""Joins, element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcalc.layers.base import Layer
from convcalc.layers.joins import Concat
from tests.oracle.counting import Number, Run, Tensor, at, combine, total
from tests.oracle.windows import everywhere, shape_of


def add(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _elementwise(inputs, lambda a, b: a + b)


def sub(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _elementwise(inputs, lambda a, b: a - b)


def mul(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _elementwise(inputs, lambda a, b: a * b)


def div(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    return _elementwise(inputs, lambda a, b: a / b)


def _elementwise(inputs: Sequence[Tensor], step: Callable[[Number, Number], Number]) -> Tensor:
    """An axis of size 1 gives its one value to every place."""
    shapes = [shape_of(x) for x in inputs]
    result: Tensor = {}
    for index in everywhere([max(sizes) for sizes in zip(*shapes, strict=True)]):
        values = [
            x[tuple([0 if size == 1 else i for i, size in zip(index, shape, strict=True)])]
            for x, shape in zip(inputs, shapes, strict=True)
        ]
        result[index] = combine(values, step)
    return result


def concat(layer: Concat, inputs: Sequence[Tensor], run: Run) -> Tensor:
    result: Tensor = {}
    taken = 0
    for x in inputs:
        for index, value in x.items():
            before, own, after = index[: layer.axis], index[layer.axis], index[layer.axis + 1 :]
            result[at(*before, taken + own, *after)] = value
        taken += shape_of(x)[layer.axis]
    return result


def matmul(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Row times column, at each place of the axes before; an axis of size 1 repeats."""
    first, second = inputs
    *before_a, rows, length = shape_of(first)
    *before_b, _, columns = shape_of(second)
    before = [max(pair) for pair in zip(before_a, before_b, strict=True)]
    result: Tensor = {}
    for *place, row, column in everywhere([*before, rows, columns]):
        here = [0 if size == 1 else i for i, size in zip(place, before_a, strict=True)]
        there = [0 if size == 1 else i for i, size in zip(place, before_b, strict=True)]
        products = [first[at(*here, row, t)] * second[at(*there, t, column)] for t in range(length)]
        result[at(*place, row, column)] = total(products)
    return result
