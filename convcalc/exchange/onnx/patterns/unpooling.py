"""Unpooling: the places of a pooling's maxima, counted in each map or through all of them."""

from __future__ import annotations

from convcalc.exchange.onnx.patterns.matching import become, made_by, operands
from convcalc.exchange.onnx.values import Constant, Op, Value


def unpool(op: Op) -> bool:
    """MaxUnpool with the places of a MaxPool, to which nothing was added in the end."""
    places: Value | None = op.given(1)
    added: list[float] = [0]
    while True:
        step = made_by(places, "Add", "Sub", "Cast")
        if step is None:
            break
        if step.type == "Cast":
            places = step.x
            continue
        for value, number in operands(step):
            numbers = number.numbers() if isinstance(number, Constant) else None
            if numbers is not None and (step.type == "Add" or value is step.x):
                break
        else:
            return False
        sign = 1 if step.type == "Add" else -1
        added = [a + sign * b for a, b in _together(added, numbers)]
        places = value
    pool = made_by(places, "MaxPool")
    if pool is None or len(pool.outputs) < 2 or places is not pool.outputs[1] or any(added):
        return False
    return become(op, "unpool", [op.x, places, pool.x])


def _together(first: list[float], second: list[float]) -> list[tuple[float, float]]:
    """Two lists of numbers side by side, one number of which is all of them."""
    count = max(len(first), len(second))
    if {len(first), len(second)} - {1, count}:
        return [(1, 0)]  # they do not cancel each other
    wide = [numbers * count if len(numbers) == 1 else numbers for numbers in (first, second)]
    return list(zip(*wide, strict=True))
