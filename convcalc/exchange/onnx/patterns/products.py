"""Weights and biases of products that files write apart."""

from __future__ import annotations

from convcalc.exchange.onnx.axes import weight_shape
from convcalc.exchange.onnx.inference import is_weight
from convcalc.exchange.onnx.patterns.matching import become, made_by, operands
from convcalc.exchange.onnx.values import Constant, Op


def with_bias(op: Op) -> bool:
    """A product with weights, plus a learned number for each of its channels."""
    for value, bias in operands(op):
        product = made_by(value, "MatMul", "Conv", "ConvTranspose")
        if product is None or value.users != 1 or len(product.inputs) != 2:
            continue
        weight = product.given(1)
        if not isinstance(bias, Constant) or not isinstance(weight, Constant):
            continue
        axis = 1
        if product.type == "MatMul":
            axis = len(value.shape) - 1
            if len(weight_shape(weight)) != 2 or isinstance(product.x, Constant):
                continue
        lead = len(value.shape) - len(bias.shape)
        wide = [lead + place for place, size in enumerate(bias.shape) if size != 1]
        if is_weight(bias) and lead >= 0 and wide == [axis] and bias.elements == value.shape[axis]:
            op.node, op.scopes = product.node, product.scopes
            return become(op, product.type, [*product.inputs, bias], product.attributes)
    return False
