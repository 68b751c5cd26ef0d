"""Normalisations as operators of ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.onnx.case import (
    Case,
    Translation,
    channels_first,
    channels_last,
    reduced,
)


def _affine(case: Case, channels: int) -> list[str]:
    """The factors and shifts of the channels, or ones and zeros where none are learned."""
    if case.has("weight"):
        return case.arrays("weight", "bias")
    return _ones_and_zeros(case, channels)


def _ones_and_zeros(case: Case, count: int) -> list[str]:
    case.graph.check_room(count)
    return [case.graph.constant(np.full(count, value, np.float32)) for value in (1, 0)]


def _batchnorm(layer: Any, case: Case) -> str:
    return case.graph.add(
        "BatchNormalization",
        case.input,
        *_affine(case, case.shape[1]),
        *case.arrays("running_mean", "running_var"),
        epsilon=layer.eps,
    )


def _layernorm(layer: Any, case: Case) -> str:
    value = case.input
    if case.rank:
        value = case.graph.add("Transpose", value, perm=channels_last(case))
    scale = _affine(case, case.shape[1])
    if not layer.affine:
        del scale[1]  # a shift that is left out is none
    normal = case.graph.add("LayerNormalization", value, *scale, axis=-1, epsilon=layer.eps)
    if not case.rank:
        return normal
    return case.graph.add("Transpose", normal, perm=channels_first(case))


def _scaled(case: Case, value: str) -> str:
    if case.has("weight"):
        value = case.graph.add("Mul", value, case.per_channel("weight"))
        value = case.graph.add("Add", value, case.per_channel("bias"))
    return value


def _groupnorm(layer: Any, case: Case) -> str:
    groups = layer.groups if layer.kind == "groupnorm" else case.shape[1]
    value = case.reshaped(case.input, 0, groups, -1)
    constants = _ones_and_zeros(case, groups)
    normal = case.graph.add("InstanceNormalization", value, *constants, epsilon=layer.eps)
    return _scaled(case, case.reshaped(normal, 0, *case.shape[1:]))


def _instancenorm(layer: Any, case: Case) -> str:
    if case.rank > 3:
        return _groupnorm(layer, case)
    constants = _affine(case, case.shape[1])
    return case.graph.add("InstanceNormalization", case.input, *constants, epsilon=layer.eps)


def _lrn(layer: Any, case: Case) -> str:
    if layer.size % 2 == 0 or case.rank != 2:
        raise NoCounterpart("onnxruntime takes an odd size and two spatial axes")
    return case.graph.add(
        "LRN", case.input, size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=layer.k
    )


def _rmsnorm(layer: Any, case: Case) -> str:
    square = case.graph.add("Mul", case.input, case.input)
    mean = reduced(case, "ReduceMean", square, [1])
    around = case.graph.add("Add", mean, case.graph.number(layer.eps))
    normal = case.graph.add("Div", case.input, case.graph.add("Sqrt", around))
    return case.graph.add("Mul", normal, case.per_channel()) if layer.affine else normal


def _l2norm(layer: Any, case: Case) -> str:
    length = reduced(case, "ReduceL2", case.input, [1])
    around = case.graph.add("Clip", length, case.graph.number(layer.eps))
    return case.graph.add("Div", case.input, around)


def _grn(layer: Any, case: Case) -> str:
    length = reduced(case, "ReduceL2", case.input, range(2, case.rank + 2))
    mean = reduced(case, "ReduceMean", length, [1])
    around = case.graph.add("Add", mean, case.graph.number(layer.eps))
    share = case.graph.add("Mul", case.input, case.graph.add("Div", length, around))
    return case.graph.add("Add", _scaled(case, share), case.input)


TRANSLATIONS: dict[str, Translation] = {
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
    "groupnorm": _groupnorm,
    "instancenorm": _instancenorm,
    "lrn": _lrn,
    "rmsnorm": _rmsnorm,
    "l2norm": _l2norm,
    "grn": _grn,
}
