"""Functions of one element, and softmax, as operators of ONNX."""

from __future__ import annotations

from typing import Any

from convcalc.exchange.write.onnx.case import Case, Translation, operator


def _clipped(case: Case, low: float | None, high: float | None) -> str:
    bounds = ["" if one is None else case.graph.number(one) for one in (low, high)]
    return case.graph.add("Clip", case.input, *bounds)


def _relu6(layer: Any, case: Case) -> str:
    return _clipped(case, 0.0, 6.0)


def _clip(layer: Any, case: Case) -> str:
    return _clipped(case, layer.min, layer.max)


def _hard_sigmoid(layer: Any, case: Case) -> str:
    return case.graph.add("HardSigmoid", case.input, alpha=layer.alpha, beta=layer.beta)


def _pow(layer: Any, case: Case) -> str:
    return case.graph.add("Pow", case.input, case.graph.number(layer.exponent))


def _rescaling(layer: Any, case: Case) -> str:
    value = case.input
    if layer.factor == -1:
        value = case.graph.add("Neg", value)
    elif layer.factor != 1:
        value = case.graph.add("Mul", value, case.graph.number(layer.factor))
    if layer.offset != 0:
        value = case.graph.add("Add", value, case.graph.number(layer.offset))
    return case.graph.add("Identity", value) if value == case.input else value


def _leaky_relu(layer: Any, case: Case) -> str:
    return case.graph.add("LeakyRelu", case.input, alpha=layer.slope)


def _prelu(layer: Any, case: Case) -> str:
    return case.graph.add("PRelu", case.input, case.per_channel())


def _alpha(name: str) -> Translation:
    return lambda layer, case: case.graph.add(name, case.input, alpha=layer.alpha)


def _silu(layer: Any, case: Case) -> str:
    return case.graph.add("Mul", case.input, case.graph.add("Sigmoid", case.input))


def _softmax(layer: Any, case: Case) -> str:
    if layer.groups == 1:
        return case.graph.add("Softmax", case.input, axis=1)
    split = case.reshaped(case.input, 0, layer.groups, -1, *case.shape[2:])
    result = case.graph.add("Softmax", split, axis=2)
    return case.reshaped(result, 0, *case.shape[1:])


def _scale(layer: Any, case: Case) -> str:
    factor = case.per_channel() if layer.learned else case.graph.number(layer.init)
    return case.graph.add("Mul", case.input, factor)


TRANSLATIONS: dict[str, Translation] = {
    "relu": operator("Relu"),
    "relu6": _relu6,
    "clip": _clip,
    "leaky_relu": _leaky_relu,
    "prelu": _prelu,
    "elu": _alpha("Elu"),
    "selu": operator("Selu"),
    "celu": _alpha("Celu"),
    "gelu": operator("Gelu"),
    "silu": _silu,
    "mish": operator("Mish"),
    "softplus": operator("Softplus"),
    "sigmoid": operator("Sigmoid"),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": operator("HardSwish"),
    "tanh": operator("Tanh"),
    "softmax": _softmax,
    "pow": _pow,
    "sqrt": operator("Sqrt"),
    "rescaling": _rescaling,
    "scale": _scale,
}
