"""Normalisations that files write with simpler operations."""

from __future__ import annotations

from math import prod

from convcalc.exchange.onnx.axes import axes_of
from convcalc.exchange.onnx.patterns.matching import (
    become,
    made_by,
    operands,
    operands_of,
    with_number,
)
from convcalc.exchange.onnx.values import Constant, Op, Value, scalar


def _divided(op: Op) -> tuple[Value, Value] | None:
    """A value and the root that it is divided by: v / r, v * (1 / r) and v * d^(-1/2)."""
    if op.type == "Div":
        root = made_by(op.given(1), "Sqrt")
        power = made_by(op.given(1), "Pow")
        if root is not None:
            return op.x, root.x
        if power is not None and scalar(power.given(1)) == 0.5:
            return op.x, power.x
        return None
    for value, other in operands(op):
        inverse = made_by(other, "Reciprocal", "Div", "Pow")
        if inverse is None:
            continue
        if inverse.type == "Pow":
            if scalar(inverse.given(1)) == -0.5:
                return value, inverse.x
            continue
        if inverse.type == "Div" and scalar(inverse.x) != 1:
            continue
        root = made_by(inverse.x if inverse.type == "Reciprocal" else inverse.given(1), "Sqrt")
        if root is not None:
            return value, root.x
    return None


def _mean_of_squares(value: Value) -> tuple[Value, list[int], float] | None:
    """x, the axes and the number of mean(x * x) + number."""
    for mean, eps in with_number(made_by(value, "Add")):
        reduced = made_by(mean, "ReduceMean")
        if reduced is None:
            continue
        square = made_by(reduced.x, "Pow", "Mul")
        if square is None or (square.type == "Pow" and scalar(square.given(1)) != 2):
            continue
        if square.type == "Mul" and square.given(1) is not square.x:
            continue
        return square.x, axes_of(reduced, len(reduced.x.shape)), eps
    return None


def layer_norm(op: Op) -> bool:
    """(x - mean) / sqrt(mean of (x - mean)^2 + eps)."""
    divided = _divided(op)
    found = _mean_of_squares(divided[1]) if divided is not None else None
    if divided is None or found is None:
        return False
    centred, axes, eps = found
    outer, inner = made_by(divided[0], "Sub"), made_by(centred, "Sub")
    if outer is None or inner is None or outer.x is not inner.x:
        return False
    for each in (outer, inner):
        mean = made_by(each.given(1), "ReduceMean")
        if mean is None or mean.x is not outer.x or axes_of(mean, len(mean.x.shape)) != axes:
            return False
    if [*axes] == [*range(2, len(outer.x.shape))] and axes:
        return become(op, "InstanceNormalization", [outer.x], {"epsilon": eps})
    return become(op, "layer_norm", [outer.x], {"axes": axes, "epsilon": eps})


def rms_norm(op: Op) -> bool:
    """x / sqrt(mean of x^2 + eps)."""
    divided = _divided(op)
    found = _mean_of_squares(divided[1]) if divided is not None else None
    if divided is None or found is None or found[0] is not divided[0] or len(found[1]) != 1:
        return False
    x, axes, eps = found
    return become(op, "rms_norm", [x], {"axes": axes, "epsilon": eps})


def l2_norm(op: Op) -> bool:
    """x / max(sqrt(sum of x^2), eps)."""
    length = op.given(1)
    repeated = made_by(length, "Expand")
    if repeated is not None:
        length = repeated.x
    bounded = made_by(length, "Clip", "Max")
    if bounded is not None:
        length = bounded.x
    root = made_by(length, "ReduceL2")
    if root is None or root.x is not op.x or bounded is None:
        return False
    axes = axes_of(root, len(op.x.shape))
    return len(axes) == 1 and become(op, "l2_norm", [op.x], {"axis": axes[0]})


def group_norm(op: Op) -> bool:
    """An instance norm of groups of channels, between two Reshapes."""
    norm = made_by(op.x, "InstanceNormalization")
    before = made_by(norm.x, "Reshape") if norm is not None else None
    if norm is None or before is None or before.x.shape != op.outputs[0].shape:
        return False
    groups, shape = norm.x.shape[1], before.x.shape
    if len(shape) < 2 or norm.x.shape[0] != shape[0] or shape[1] % groups:
        return False
    for place, usual in ((1, 1), (2, 0)):
        value = norm.given(place)
        if value is None:
            continue
        if not isinstance(value, Constant) or value.numbers() is None:
            # Without numbers it may be a weight only if there is one for each channel.
            if groups == shape[1]:
                return False
        elif value.uniform() != usual:
            return False
    attributes = {"num_groups": groups, "epsilon": norm.real("epsilon", 1e-5)}
    return become(op, "group_norm", [before.x], {**attributes})


def _normed(op: Op, count: int) -> tuple[Op, Constant] | None:
    """A norm that has `count` inputs so far, and the weight that its result is joined with."""
    for value, weight in operands(op):
        norm = made_by(value, "layer_norm", "rms_norm", "group_norm", "InstanceNormalization")
        if norm is None or value.users != 1 or len(norm.inputs) != count:
            continue
        if isinstance(weight, Constant) and _fits(weight, norm, value):
            return norm, weight
    return None


def _fits(weight: Constant, norm: Op, value: Value) -> bool:
    """Whether a weight has a number for each position on the axes of a norm."""
    if norm.type in ("group_norm", "InstanceNormalization"):
        axes = [1]
    else:
        axes = [axis for axis in norm.ints("axes") or [] if value.shape[axis] != 1]
    lead = len(value.shape) - len(weight.shape)
    wide = [lead + axis for axis, size in enumerate(weight.shape) if size != 1]
    size = prod([value.shape[axis] for axis in axes])
    return lead >= 0 and wide == axes and weight.elements == size


def scaled(op: Op) -> bool:
    """A norm times its weight."""
    found = _normed(op, 1)
    if found is None:
        return False
    norm, weight = found
    return become(op, norm.type, [norm.x, weight], norm.attributes)


def shifted(op: Op) -> bool:
    """A norm with its weight, plus its bias."""
    found = _normed(op, 2)
    if found is None or found[0].type == "rms_norm":
        return False
    norm, bias = found
    return become(op, norm.type, [*norm.inputs, bias], norm.attributes)


def global_response_norm(op: Op) -> bool:
    """weight * (x * n) + bias + x, n the length of each channel's map over the mean length."""
    for x, other in operands(op):
        for scaled_value, bias in operands_of(made_by(other, "Add")):
            for product, weight in operands_of(made_by(scaled_value, "Mul")):
                found = _times_share(product, x)
                if found is None or not isinstance(bias, Constant):
                    continue
                axis, eps = found
                channels = x.shape[axis]
                if isinstance(weight, Constant) and weight.elements == bias.elements == channels:
                    inputs: list[Value | None] = [x, weight, bias]
                    return become(op, "grn", inputs, {"axis": axis, "epsilon": eps})
    return False


def _times_share(product: Value, x: Value) -> tuple[int, float] | None:
    """The axis of the channels and the number that is added, if a value is x * n."""
    for value, share in operands_of(made_by(product, "Mul")):
        divided = made_by(share, "Div")
        if value is not x or divided is None:
            continue
        length = made_by(divided.x, "ReduceL2")
        for mean_value, eps in with_number(made_by(divided.given(1), "Add")):
            mean = made_by(mean_value, "ReduceMean")
            if mean is None or length is None or mean.x is not divided.x or length.x is not x:
                continue
            along, across = (axes_of(each, len(x.shape)) for each in (mean, length))
            kept = mean.whole("keepdims", 1) and length.whole("keepdims", 1)
            if kept and len(along) == 1 and sorted([*along, *across]) == [*range(1, len(x.shape))]:
                return along[0], eps
    return None
