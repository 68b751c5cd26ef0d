"""Arithmetic on the sizes of tensors, which a file may leave to whoever runs it."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.exchange.tflite.graph import Operation
from convcalc.shapes import LARGEST_SIZE

#: The operation that begins it.
SHAPE = 77
_ADD, _CONCATENATION, _MUL, _RESHAPE, _GATHER = 0, 2, 18, 22, 36
_SUB, _SQUEEZE, _STRIDED_SLICE, _CAST, _EXPAND_DIMS, _PACK = 41, 43, 45, 53, 70, 83
_PROD = 81
#: Numbers of a shape; a file may ask for more.
_MOST = 64


def fold(operation: Operation, read: Sequence[list[int]]) -> list[int] | None:
    """What an operation computes of these lists of numbers; None where no rule is known."""
    code = operation.operator
    if code in {_PACK, _CONCATENATION}:
        found: list[int] | None = [number for numbers in read for number in numbers]
    elif code in {_RESHAPE, _SQUEEZE, _CAST, _EXPAND_DIMS} and read:
        found = read[0]
    elif code == _STRIDED_SLICE and len(read) == 4:
        found = _sliced(operation, read)
    elif code == _GATHER and len(read) == 2:
        within = all(-len(read[0]) <= index < len(read[0]) for index in read[1])
        found = [read[0][index] for index in read[1]] if within else None
    elif code == _PROD and read:
        product = 1
        for number in read[0]:
            product *= number
        found = [product]
    elif code in {_ADD, _SUB, _MUL} and len(read) == 2:
        found = _combined(code, *read)
    else:
        found = None
    if found is None or len(found) > _MOST or any(abs(number) > LARGEST_SIZE for number in found):
        return None
    return found


def _sliced(operation: Operation, read: Sequence[list[int]]) -> list[int] | None:
    numbers, begins, ends, steps = read
    if not len(begins) == len(ends) == len(steps) == 1 or not steps[0]:
        return None
    masks = [operation.options.number(field, "i") if operation.options else 0 for field in range(5)]
    if masks[4] & 1:  # one number
        return numbers[begins[0] :][:1] or None
    begin = None if masks[0] & 1 else begins[0]
    end = None if masks[1] & 1 else ends[0]
    return numbers[begin : end : steps[0]]


def _combined(code: int, first: list[int], second: list[int]) -> list[int] | None:
    count = max(len(first), len(second))
    if {len(first), len(second)} - {1, count} or not first or not second:
        return None
    pairs = [(first[n % len(first)], second[n % len(second)]) for n in range(count)]
    if code == _MUL:
        return [a * b for a, b in pairs]
    return [a + b for a, b in pairs] if code == _ADD else [a - b for a, b in pairs]
