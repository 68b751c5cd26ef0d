"""Operations on quantized numbers, as what they are on real ones.

A quantized model computes with small whole numbers and their scales. What it computes is the
network that it was made of: its types stay with the tensors, which say how many bytes they take.
"""

from __future__ import annotations

from collections.abc import Callable

from convcalc.exchange.onnx.values import Op, Value

Inputs = list[Value | None]


def _picked(*places: int) -> Callable[[Inputs], Inputs]:
    """The inputs that are numbers, and not their scales and zero points."""

    def pick(inputs: Inputs) -> Inputs:
        found = [inputs[place] if place < len(inputs) else None for place in places]
        while found and found[-1] is None:
            found.pop()
        return found

    return pick


def _triples(inputs: Inputs) -> Inputs:
    """The first of each three inputs after two: a value, its scale and its zero point."""
    return inputs[2::3]


#: What an operation is on real numbers, and which of its inputs these are.
_REAL: dict[str, tuple[str, Callable[[Inputs], Inputs]]] = {
    "ConvInteger": ("Conv", _picked(0, 1)),
    "MatMulInteger": ("MatMul", _picked(0, 1)),
    "QLinearConv": ("Conv", _picked(0, 3, 8)),
    "QLinearMatMul": ("MatMul", _picked(0, 3)),
    "com.microsoft:DynamicQuantizeMatMul": ("MatMul", _picked(0, 1, 4)),
    "com.microsoft:MatMulIntegerToFloat": ("MatMul", _picked(0, 1, 6)),
    "com.microsoft:QGemm": ("Gemm", _picked(0, 3, 6)),
    "com.microsoft:QLinearAdd": ("Add", _picked(0, 3)),
    "com.microsoft:QLinearAveragePool": ("AveragePool", _picked(0)),
    "com.microsoft:QLinearConcat": ("Concat", _triples),
    "com.microsoft:QLinearGlobalAveragePool": ("GlobalAveragePool", _picked(0)),
    "com.microsoft:QLinearLeakyRelu": ("LeakyRelu", _picked(0)),
    "com.microsoft:QLinearMul": ("Mul", _picked(0, 3)),
    "com.microsoft:QLinearSigmoid": ("Sigmoid", _picked(0)),
    "com.microsoft:QLinearSoftmax": ("Softmax", _picked(0)),
}
#: Operations that only change how numbers are stored.
STORING = frozenset(("DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"))


def as_real(op: Op) -> None:
    """Changes an operation on quantized numbers to the one on real numbers."""
    found = _REAL.get(op.type)
    # Where channels are last, other axes are meant.
    if found is not None and not op.whole("channels_last", 0):
        op.type, pick = found
        op.inputs = pick(op.inputs)
