"""Scaled dot-product attention, without a mask or a bias."""

from __future__ import annotations

from math import prod

from convcalc.exchange.onnx.patterns.matching import become, made_by, with_number
from convcalc.exchange.onnx.values import Constant, Op, Value


def attention(op: Op) -> bool:
    """softmax(q k / sqrt(d)) v, of one or several heads.

    The factor may stand before the product of query and key, on either of them, or behind it. The
    inputs of the pattern are the query, the key with its last two axes exchanged, and the value.
    Its attribute `exchanged` says of these three and of the result whether the last two axes are
    the other way round: where channels come before positions, v is the first factor.
    """
    return _by_rows(op) or _by_columns(op)


def _by_rows(op: Op) -> bool:
    """softmax(q k) v, the softmax along the last axis."""
    softmax = made_by(op.x, "Softmax")
    value = op.given(1)
    if softmax is None or value is None or not _along(softmax, len(op.x.shape) - 1):
        return False
    product, factor = _product(softmax.x)
    if product is None:
        return False
    return _found(op, factor, (product.x, product.input(1), value), (0, 0, 0, 0))


def _by_columns(op: Op) -> bool:
    """v softmax(k q), the softmax along the keys; or v and the other one's columns."""
    turned = made_by(op.given(1), "Transpose")
    if turned is not None:
        softmax = made_by(turned.x, "Softmax")
        rank = len(turned.x.shape)
        perm = [*range(rank - 2), rank - 1, rank - 2]
        if softmax is None or turned.ints("perm") != perm or not _along(softmax, rank - 1):
            return False
        product, factor = _product(softmax.x)
        if product is None:
            return False
        return _found(op, factor, (product.x, product.input(1), op.x), (0, 0, 1, 1))
    weights = op.given(1)
    softmax = made_by(_unshaped(weights), "Softmax")
    product, factor = _product(_unshaped(softmax.x)) if softmax is not None else (None, 1.0)
    if softmax is None or product is None or weights is None:
        return False
    scores = product.outputs[0].shape
    axis = softmax.whole("axis", -1 if softmax.version >= 13 else 1) % len(softmax.x.shape)
    *others, keys, _ = scores
    before = prod(softmax.x.shape[:axis])
    if softmax.x.shape[axis] != keys or before != prod(others) or weights.shape != scores:
        return False
    return _found(op, factor, (product.input(1), product.x, op.x), (1, 1, 1, 1))


def _along(softmax: Op, axis: int) -> bool:
    """Whether a softmax is along one axis."""
    return softmax.whole("axis", -1 if softmax.version >= 13 else 1) in (-1, axis)


def _unshaped(value: Value | None) -> Value | None:
    """A value before reshapes."""
    op = made_by(value, "Reshape")
    while op is not None and op.x.users == 1:
        value = op.x
        op = made_by(value, "Reshape")
    return value


def _product(scores: Value | None) -> tuple[Op | None, float]:
    """The product of query and key, and the factor behind it."""
    if scores is None:
        return None, 1.0
    scores, factor = _unscaled(scores)
    product = made_by(scores, "MatMul")
    return (product if product is not None and len(product.inputs) == 2 else None), factor


def _found(
    op: Op, factor: float, found: tuple[Value, Value, Value], exchanged: tuple[int, int, int, int]
) -> bool:
    """Makes an operation attention, where these are query, key and value of it."""
    query, before = _unscaled(found[0])
    key, beside = _unscaled(found[1])
    value = found[2]
    scaled = [_scaled_before(query), _scaled_before(key)]
    factor *= before * beside * prod([number for _, _, number in scaled])
    rank = len(query.shape)
    if rank < 2 or any(isinstance(each, Constant) for each in (query, key, value)):
        return False
    if any(len(each.shape) != rank for each in (key, value)):
        return False
    if not _alike(query, key, value, exchanged):
        return False
    depth = query.shape[-2] if exchanged[0] else query.shape[-1]
    # Of a factor that is no number, no comparison holds.
    if not abs(factor * depth**0.5 - 1) <= 1e-3:
        return False
    for view, live, _ in scaled:
        if view is not None:
            view.inputs[0] = live
    return become(op, "attention", [query, key, value], {"exchanged": [*exchanged]})


def _scaled_before(value: Value) -> tuple[Op | None, Value, float]:
    """A reshape or transpose that alone reads a value with a factor, that value without, and it."""
    view = made_by(value, "Reshape", "Transpose")
    if view is None or value.users != 1 or view.x.users != 1:
        return None, value, 1.0
    live, factor = _unscaled(view.x)
    return (view, live, factor) if live is not view.x else (None, value, 1.0)


def _unscaled(value: Value) -> tuple[Value, float]:
    """A value without a constant factor, and the factor."""
    factor = 1.0
    op = made_by(value, "Mul", "Div")
    while op is not None:
        found = next(with_number(op), None)
        if found is None or (op.type == "Div" and (op.x is not found[0] or not found[1])):
            break
        value = found[0]
        factor *= found[1] if op.type == "Mul" else 1 / found[1]
        op = made_by(value, "Mul", "Div")
    return value, factor


def _alike(query: Value, key: Value, value: Value, exchanged: tuple[int, int, int, int]) -> bool:
    """Whether the three have the same axes before their matrices: heads, and windows beside them.

    Where there are windows, each has as many queries as keys.
    """
    before = [each.shape[:-2] for each in (query, key, value)]
    if not before[0] == before[1] == before[2]:
        return False
    axes = len([n for n in before[0] if n != 1])
    queries = query.shape[-1 if exchanged[0] else -2]
    keys = key.shape[-2 if exchanged[1] else -1]
    return axes < 2 or (axes == 2 and queries == keys)
