"""Scaled dot-product attention, without a mask or a bias."""

from __future__ import annotations

from convcalc.exchange.onnx.patterns.matching import become, made_by, with_number
from convcalc.exchange.onnx.values import Constant, Op, Value


def attention(op: Op) -> bool:
    """softmax(q k / sqrt(d)) v, of one or several heads.

    The factor may stand before the product of query and key, on either of them, or behind it. The
    inputs of the pattern are the query, the key with its last two axes exchanged, and the value.
    """
    softmax = made_by(op.x, "Softmax")
    value = op.given(1)
    if softmax is None or value is None or isinstance(value, Constant):
        return False
    rank = len(op.x.shape)
    axis = softmax.whole("axis", -1 if softmax.version >= 13 else 1)
    if axis not in (-1, rank - 1) or len(value.shape) != rank or rank < 2:
        return False
    scores, factor = _unscaled(softmax.x)
    product = made_by(scores, "MatMul")
    if product is None or len(product.inputs) != 2:
        return False
    query, before = _unscaled(product.x)
    key, beside = _unscaled(product.input(1))
    if isinstance(query, Constant) or isinstance(key, Constant):
        return False
    depth = query.shape[-1]
    factor *= before * beside
    if len(query.shape) != rank or len(key.shape) != rank or not _alike(query, key, value):
        return False
    if not abs(factor * depth**0.5 - 1) <= 1e-3:
        return False
    return become(op, "attention", [query, key, value])


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


def _alike(query: Value, key: Value, value: Value) -> bool:
    """Whether the three have the same heads, and nothing else before their matrices."""
    heads = [each.shape[:-2] for each in (query, key, value)]
    return heads[0] == heads[1] == heads[2] and len([n for n in heads[0] if n != 1]) <= 1
