"""Activations that files write with simpler operations."""

from __future__ import annotations

from convcalc.exchange.onnx.axes import axes_of
from convcalc.exchange.onnx.patterns.matching import become, made_by, near, operands, with_number
from convcalc.exchange.onnx.values import Op, Value, scalar


def silu(op: Op) -> bool:
    """x * sigmoid(x), and x * hard_sigmoid(x)."""
    for x, other in operands(op):
        gate = made_by(other, "Sigmoid", "HardSigmoid")
        if gate is None or gate.x is not x:
            continue
        if gate.type == "Sigmoid":
            return become(op, "silu", [x])
        alpha, beta = gate.real("alpha", 0.2), gate.real("beta", 0.5)
        if abs(alpha - 1 / 6) < 1e-3 and abs(beta - 0.5) < 1e-3:
            return become(op, "HardSwish", [x])
    return False


def mish(op: Op) -> bool:
    """x * tanh(softplus(x))."""
    for x, other in operands(op):
        outer = made_by(other, "Tanh")
        inner = made_by(outer.x, "Softplus") if outer is not None else None
        if inner is not None and inner.x is x:
            return become(op, "Mish", [x])
    return False


def softplus(op: Op) -> bool:
    """log(exp(x) + 1)."""
    for value, number in with_number(made_by(op.x, "Add")):
        inner = made_by(value, "Exp")
        if inner is not None and number == 1:
            return become(op, "Softplus", [inner.x])
    return False


def gelu(op: Op) -> bool:
    """x * (1 + erf(x / sqrt 2)) / 2, its factors in any order."""
    factors = _factors(op)
    halves = [value for value in factors if near(value, 0.5)]
    rest = [value for value in factors if not any(value is half for half in halves)]
    if len(halves) != 1 or len(rest) != 2:
        return False
    for x, gate in (rest, rest[::-1]):
        for value, number in with_number(made_by(gate, "Add")):
            if number == 1 and _erf_of(value) is x:
                return become(op, "gelu", [x])
    return False


def _factors(op: Op) -> list[Value]:
    """The factors of a product of two or three values."""
    values = [value for value in op.inputs if value is not None]
    found: list[Value] = []
    for value in values:
        inner = made_by(value, "Mul") if len(found) < 2 else None
        if inner is not None and any([near(each, 0.5) for each in (*inner.inputs, *values)]):
            found += [each for each in inner.inputs if each is not None]
        else:
            half = made_by(value, "Div")
            if half is not None and near(half.given(1), 2):
                found += [half.x, *_half(half)]
            else:
                found.append(value)
    return found


def _half(op: Op) -> list[Value]:
    """A constant 1/2 in the place of a division by 2."""
    from convcalc.exchange.onnx.values import FLOAT, Constant

    return [Constant(op.node, (), FLOAT, [0.5])]


def _erf_of(value: Value) -> Value | None:
    """x of erf(x / sqrt 2)."""
    outer = made_by(value, "Erf")
    inner = made_by(outer.x, "Div", "Mul") if outer is not None else None
    if inner is None:
        return None
    factor = 2**0.5 if inner.type == "Div" else 0.5**0.5
    for x, number in with_number(inner):
        if abs(number - factor) < 2e-3:
            return x
    return None


def _shifted_relu6(value: Value) -> Value | None:
    """x of relu6(x + 3)."""
    clip = made_by(value, "Clip")
    if clip is None:
        return None
    least = clip.real("min", 1) if "min" in clip.attributes else scalar(clip.given(1))
    most = clip.real("max", 0) if "max" in clip.attributes else scalar(clip.given(2))
    if least != 0 or most != 6:
        return None
    for x, number in with_number(made_by(clip.x, "Add")):
        if number == 3:
            return x
    return None


def _sixth(op: Op) -> Value | None:
    """What an operation divides by 6."""
    for value, number in with_number(op):
        divided = op.type == "Div" and number == 6 and op.inputs[0] is value
        if divided or (op.type == "Mul" and abs(number - 1 / 6) < 1e-3):
            return value
    return None


def hard_sigmoid(op: Op) -> bool:
    """relu6(x + 3) / 6."""
    value = _sixth(op)
    x = _shifted_relu6(value) if value is not None else None
    return x is not None and become(op, "HardSigmoid", [x], {"alpha": 1 / 6, "beta": 0.5})


def hard_sigmoid_clipped(op: Op) -> bool:
    """min(max(x / 6 + 1/2, 0), 1)."""
    least = op.real("min", 1) if "min" in op.attributes else scalar(op.given(1))
    most = op.real("max", 0) if "max" in op.attributes else scalar(op.given(2))
    if least != 0 or most != 1:
        return False
    for value, offset in with_number(made_by(op.x, "Add")):
        for x, factor in with_number(made_by(value, "Mul")):
            if factor > 0:
                return become(op, "HardSigmoid", [x], {"alpha": factor, "beta": offset})
    return False


def hard_swish(op: Op) -> bool:
    """x * relu6(x + 3) / 6."""
    value = _sixth(op)
    product = made_by(value, "Mul") if value is not None else None
    if product is not None:
        for x, other in operands(product):
            if _shifted_relu6(other) is x:
                return become(op, "HardSwish", [x])
    return False


def softmax(op: Op) -> bool:
    """exp(x - max) / sum of exp(x - max)."""
    exp, total = made_by(op.x, "Exp"), made_by(op.given(1), "ReduceSum")
    if exp is None or total is None or total.x is not op.x:
        return False
    axes = axes_of(total, len(op.x.shape))
    if len(axes) != 1 or not total.whole("keepdims", 1):
        return False
    x = exp.x
    shift = made_by(x, "Sub")
    most = made_by(shift.given(1), "ReduceMax") if shift is not None else None
    if shift is not None and most is not None and most.x is shift.x:
        x = shift.x
    op.version = max(op.version, 13)  # along one axis
    return become(op, "Softmax", [x], {"axis": axes[0]})
