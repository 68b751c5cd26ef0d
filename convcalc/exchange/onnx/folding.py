"""Arithmetic on constants: what a graph computes of shapes and of other numbers that it knows.

A constant is a shape and its numbers in order. Everything is plain Python: these constants are
small, and NumPy would take longer to import than all of them to compute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod

from convcalc.exchange.onnx.axes import (
    axes_of,
    axis_of,
    expanded,
    kept_axes,
    repeats_of,
    reshaped,
    slices_of,
    split_sizes,
    squeezed,
    transposed_order,
    unsqueezed,
)
from convcalc.exchange.onnx.values import MOST_KNOWN, Number, Op, broadcast
from convcalc.shapes import Shape

Known = tuple[Shape, list[Number]]

#: The largest number that an operation on whole numbers makes: they have 64 bits.
_LARGEST = 2**64


def strides(shape: Shape) -> list[int]:
    """How far apart neighbours along each axis lie.

    >>> strides((2, 3, 4))
    [12, 4, 1]
    """
    return [*accumulate(reversed(shape[1:]), initial=1, func=lambda far, size: far * size)][::-1]


def positions(taken: Sequence[Sequence[int]], steps: Sequence[int]) -> list[int]:
    """The places of the elements that are taken along each axis, in order.

    >>> positions([[0, 1], [2, 0]], [3, 1])
    [2, 0, 5, 3]
    """
    places = [0]
    for indices, step in zip(taken, steps, strict=True):
        places = [place + index * step for place in places for index in indices]
    return places


def spread(known: Known, shape: Shape) -> list[Number]:
    """The numbers broadcast to a shape."""
    own, numbers = known
    if own == shape:
        return numbers
    if len(numbers) == 1:
        return numbers * prod(shape)
    own = (1,) * (len(shape) - len(own)) + own
    steps = [0 if size == 1 else step for size, step in zip(own, strides(own), strict=True)]
    return [numbers[place] for place in positions([range(size) for size in shape], steps)]


def fold(op: Op, known: Sequence[Known | None]) -> list[Known] | None:
    """What an operation makes of known inputs, None being one that is left out.

    None where there is no rule, or where the result has no number, such as a division by 0.
    """
    rule = _RULES.get(op.type)
    if rule is None:
        pointwise = _POINTWISE.get(op.type)
        if pointwise is None:
            return None
        rule = _pointwise(pointwise)
    try:
        results = rule(op, known)
    except (ArithmeticError, ValueError, IndexError, TypeError):
        return None
    for _, numbers in results or ():
        whole = numbers and type(numbers[0]) is int
        if whole and not (min(numbers) >= -_LARGEST and max(numbers) <= _LARGEST):
            return None
    return results


def _pointwise(function: Callable[..., Number]) -> Callable[..., list[Known] | None]:
    def rule(op: Op, known: Sequence[Known | None]) -> list[Known] | None:
        given = [item for item in known if item is not None]
        shape = broadcast([shape for shape, _ in given])
        if shape is None or prod(shape) > MOST_KNOWN:
            return None
        columns = [spread(item, shape) for item in given]
        return [(shape, [function(*row) for row in zip(*columns, strict=True)])]

    return rule


def _divide(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int):
        quotient = abs(a) // abs(b)
        return quotient if (a < 0) == (b < 0) else -quotient
    return a / b


def _power(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int) and (b < 0 or abs(a) > 2**32 or b > 64):
        raise ArithmeticError
    return a**b if isinstance(b, int) else math.pow(a, b)


def _sigmoid(x: Number) -> Number:
    return 1 / (1 + math.exp(-x))


_POINTWISE: dict[str, Callable[..., Number]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": _divide,
    "Pow": _power,
    "Mod": lambda a, b: a % b,
    "Max": lambda *row: max(row),
    "Min": lambda *row: min(row),
    "Sum": lambda *row: sum(row),
    "Equal": lambda a, b: int(a == b),
    "Greater": lambda a, b: int(a > b),
    "GreaterOrEqual": lambda a, b: int(a >= b),
    "Less": lambda a, b: int(a < b),
    "LessOrEqual": lambda a, b: int(a <= b),
    "And": lambda a, b: int(bool(a) and bool(b)),
    "Or": lambda a, b: int(bool(a) or bool(b)),
    "Xor": lambda a, b: int(bool(a) != bool(b)),
    "Not": lambda a: int(not a),
    "Where": lambda condition, a, b: a if condition else b,
    "Neg": lambda a: -a,
    "Abs": abs,
    "Sign": lambda a: (a > 0) - (a < 0),
    "Floor": math.floor,
    "Ceil": math.ceil,
    "Round": round,
    "Sqrt": math.sqrt,
    "Exp": math.exp,
    "Log": math.log,
    "Sin": math.sin,
    "Cos": math.cos,
    "Tanh": math.tanh,
    "Erf": math.erf,
    "Reciprocal": lambda a: 1 / a,
    "Sigmoid": _sigmoid,
    "Relu": lambda a: max(a, 0),
}


def _one(known: Sequence[Known | None]) -> Known:
    item = known[0]
    if item is None:
        raise ValueError("the first input is left out")
    return item


def _concat(op: Op, known: Sequence[Known | None]) -> list[Known]:
    given = [item for item in known if item is not None]
    axis = axis_of(op, len(given[0][0]))
    first = given[0][0]
    rows = prod(first[:axis])
    numbers: list[Number] = []
    widths = [prod(shape[axis:]) for shape, _ in given]
    for row in range(rows):
        for (_, own), width in zip(given, widths, strict=True):
            numbers += own[row * width : (row + 1) * width]
    total = sum([shape[axis] for shape, _ in given])
    return [((*first[:axis], total, *first[axis + 1 :]), numbers)]


def _gather(op: Op, known: Sequence[Known | None]) -> list[Known] | None:
    shape, numbers = _one(known)
    indices = known[1]
    if indices is None:
        return None
    axis = axis_of(op, len(shape), 0)
    n = shape[axis]
    picked = [int(index) + (n if index < 0 else 0) for index in indices[1]]
    result = (*shape[:axis], *indices[0], *shape[axis + 1 :])
    if prod(result) > MOST_KNOWN or any(not 0 <= index < n for index in picked):
        return None
    taken: list[Sequence[int]] = [range(size) for size in shape]
    taken[axis] = picked
    return [(result, [numbers[place] for place in positions(taken, strides(shape))])]


def _slice(op: Op, known: Sequence[Known | None]) -> list[Known]:
    shape, numbers = _one(known)
    taken: list[Sequence[int]] = [range(size) for size in shape]
    for axis, part in slices_of(op, shape).items():
        taken[axis] = part
    places = positions(taken, strides(shape))
    return [(tuple([len(part) for part in taken]), [numbers[place] for place in places])]


def _split(op: Op, known: Sequence[Known | None]) -> list[Known]:
    shape, numbers = _one(known)
    axis, sizes = split_sizes(op, shape)
    parts: list[Known] = []
    start = 0
    for size in sizes:
        taken: list[Sequence[int]] = [range(n) for n in shape]
        taken[axis] = range(start, start + size)
        places = positions(taken, strides(shape))
        parts.append(
            (
                (*shape[:axis], size, *shape[axis + 1 :]),
                [numbers[place] for place in places],
            )
        )
        start += size
    return parts


def _transpose(op: Op, known: Sequence[Known | None]) -> list[Known]:
    shape, numbers = _one(known)
    order = transposed_order(op, len(shape))
    steps = strides(shape)
    result = tuple([shape[axis] for axis in order])
    places = positions([range(size) for size in result], [steps[axis] for axis in order])
    return [(result, [numbers[place] for place in places])]


def _moved(rule: Callable[[Op, Shape], Shape]) -> Callable[..., list[Known]]:
    def moved(op: Op, known: Sequence[Known | None]) -> list[Known]:
        shape, numbers = _one(known)
        return [(rule(op, shape), numbers)]

    return moved


def _expand(op: Op, known: Sequence[Known | None]) -> list[Known] | None:
    item = _one(known)
    shape = expanded(op, item[0])
    return None if prod(shape) > MOST_KNOWN else [(shape, spread(item, shape))]


def _tile(op: Op, known: Sequence[Known | None]) -> list[Known] | None:
    shape, numbers = _one(known)
    repeats = repeats_of(op, shape)
    result = tuple([n * times for n, times in zip(shape, repeats, strict=True)])
    if prod(result) > MOST_KNOWN:
        return None
    taken = [[*range(n)] * times for n, times in zip(shape, repeats, strict=True)]
    return [(result, [numbers[place] for place in positions(taken, strides(shape))])]


def _range(op: Op, known: Sequence[Known | None]) -> list[Known] | None:
    (start,), (limit,), (step,) = [item[1] for item in known if item is not None]
    count = max(math.ceil((limit - start) / step), 0)
    if count > MOST_KNOWN:
        return None
    return [((count,), [start + index * step for index in range(count)])]


def _nonzero(op: Op, known: Sequence[Known | None]) -> list[Known]:
    shape, numbers = _one(known)
    steps = strides(shape)
    found = [place for place, number in enumerate(numbers) if number]
    columns: list[Number] = []
    for size, step in zip(shape, steps, strict=True):
        columns += [place // step % size for place in found]
    return [((len(shape), len(found)), columns)]


def _reduced(function: Callable[[list[Number]], Number]) -> Callable[..., list[Known] | None]:
    def rule(op: Op, known: Sequence[Known | None]) -> list[Known] | None:
        shape, numbers = _one(known)
        axes = axes_of(op, len(shape))
        steps = strides(shape)
        inner = positions([range(shape[axis]) for axis in axes], [steps[axis] for axis in axes])
        outer = [axis for axis in range(len(shape)) if axis not in axes]
        places = positions([range(shape[axis]) for axis in outer], [steps[axis] for axis in outer])
        sums = [function([numbers[place + within] for within in inner]) for place in places]
        return [(kept_axes(op, shape, axes), sums)]

    return rule


def _mean(numbers: list[Number]) -> Number:
    return math.fsum(numbers) / len(numbers)


def _product(numbers: list[Number]) -> Number:
    product: Number = 1
    for number in numbers:
        product *= number
        if abs(product) > _LARGEST:
            raise ArithmeticError
    return product


def _clip(op: Op, known: Sequence[Known | None]) -> list[Known]:
    shape, numbers = _one(known)
    least = known[1] if len(known) > 1 else None
    most = known[2] if len(known) > 2 else None
    low = op.real("min", -math.inf) if least is None else least[1][0]
    high = op.real("max", math.inf) if most is None else most[1][0]
    return [(shape, [min(max(number, low), high) for number in numbers])]


_RULES: dict[str, Callable[[Op, Sequence[Known | None]], list[Known] | None]] = {
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "Split": _split,
    "Transpose": _transpose,
    "Reshape": _moved(reshaped),
    "Squeeze": _moved(squeezed),
    "Unsqueeze": _moved(unsqueezed),
    "Flatten": _moved(reshaped),
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
    "NonZero": _nonzero,
    "Clip": _clip,
    "ReduceSum": _reduced(sum),
    "ReduceMax": _reduced(max),
    "ReduceMin": _reduced(min),
    "ReduceProd": _reduced(_product),
    "ReduceMean": _reduced(_mean),
}
