"""Channels and positions that change places: a Transpose between two Reshapes."""

from __future__ import annotations

from convcalc.exchange.onnx.axes import transposed_order
from convcalc.exchange.onnx.patterns.matching import become, made_by
from convcalc.exchange.onnx.values import Op
from convcalc.shapes import Shape


def _moved(op: Op) -> tuple[Op, Shape, list[int]] | None:
    """The first Reshape, the shape between, and the order of a Transpose before the second one."""
    turned = made_by(op.x, "Transpose")
    first = made_by(turned.x, "Reshape") if turned is not None else None
    if turned is None or first is None:
        return None
    return first, turned.x.shape, transposed_order(turned, len(turned.x.shape))


def channel_shuffle(op: Op) -> bool:
    """(g, c / g, ...) becomes (c / g, g, ...)."""
    found = _moved(op)
    if found is None:
        return False
    first, between, order = found
    shape = first.x.shape
    if shape != op.outputs[0].shape or len(between) != len(shape) + 1 or len(shape) < 2:
        return False
    if order != [0, 2, 1, *range(3, len(between))] or between[1] * between[2] != shape[1]:
        return False
    same = between[0] == shape[0] and between[3:] == shape[2:]
    return same and become(op, "channel_shuffle", [first.x], {"groups": between[1]})


def pixel_shuffle(op: Op) -> bool:
    """(c, r, r, h, w) becomes (c, h, r, w, r), or the other way round."""
    found = _moved(op)
    if found is None:
        return False
    first, between, order = found
    shape, result = first.x.shape, op.outputs[0].shape
    if len(between) != 6 or len(shape) != 4 or len(result) != 4:
        return False
    factor = between[2] if order == [0, 1, 4, 2, 5, 3] else between[3]
    channels, height, width = shape[1:]
    if order == [0, 1, 4, 2, 5, 3]:
        wanted: Shape = (shape[0], channels // factor**2, factor, factor, height, width)
        grown = (shape[0], channels // factor**2, height * factor, width * factor)
        name = "pixel_shuffle"
    elif order == [0, 1, 3, 5, 2, 4]:
        wanted = (*shape[:2], height // factor, factor, width // factor, factor)
        grown = (shape[0], channels * factor**2, height // factor, width // factor)
        name = "pixel_unshuffle"
    else:
        return False
    return between == wanted and result == grown and become(op, name, [first.x], {"factor": factor})
