"""What operations make of constants, as arrays: weights that are computed before the network runs.

A relative position bias is gathered from a table, a standardised weight is divided by its own
deviation. Shapes were inferred when the file was read; here are the numbers, in float32 as an
engine folds them.

Source: the operators of ONNX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from convcalc.exchange.onnx.axes import (
    WindowArguments,
    axes_of,
    axis_of,
    expanded,
    repeats_of,
    reshaped,
    slices_of,
    split_sizes,
    squeezed,
    transposed_order,
    unsqueezed,
)
from convcalc.exchange.onnx.values import ELEMENT_TYPES, Number, Op
from convcalc.problems import ConvcalcError, printable

Array = np.ndarray[Any, Any]

#: The most numbers that one operation makes of constants.
_MOST_ELEMENTS = 2**27


def listed(numbers: Sequence[Number], shape: Sequence[int], dtype: str) -> Array:
    """Numbers that are written one by one, as an array."""
    return np.array(numbers, _number_type(dtype)).reshape(shape)


def joined(arrays: Sequence[Array]) -> Array:
    """The numbers of some arrays, one after another."""
    return np.concatenate([np.ravel(array) for array in arrays])


def _number_type(name: str) -> Any:
    """The type of NumPy's for an element type; float32 for those that it does not have."""
    try:
        found = np.dtype(name)
    except TypeError:
        return np.dtype(np.float32)
    return found if found.kind in "fiu" else np.dtype(np.float32)


def computed(op: Op, arrays: Sequence[Array | None]) -> list[Array]:
    """The results of an operation on constants, None being one that is left out.

    Raises ConvcalcError where it has no rule, or its inputs do not fit.
    """
    rule = _RULES.get(op.type)
    if rule is None:
        raise op.refuse("unsupported-model", "it computes weights, and has no rule for numbers")
    if any(prod(value.shape) > _MOST_ELEMENTS for value in op.outputs):
        raise op.refuse("unsupported-model", f"it computes more than {_MOST_ELEMENTS} weights")
    try:
        with np.errstate(all="ignore"):
            found = rule(op, arrays)
    except ConvcalcError:
        raise
    except Exception as error:  # noqa: BLE001 - NumPy raises many for arrays that do not fit
        raise op.refuse("bad-model", printable(error, 200)) from None
    return [_single(array) for array in found]


def _single(array: Array) -> Array:
    """Numbers in float32 where they became wider on the way."""
    return array.astype(np.float32) if array.dtype == np.float64 else np.asarray(array)


Rule = Callable[[Op, Sequence[Any]], list[Array]]


def _pointwise(function: Callable[..., Any]) -> Rule:
    return lambda _, arrays: [np.asarray(function(*arrays))]


def _folded(function: Callable[[Any, Any], Any]) -> Rule:
    """A function of two, of any number of inputs in turn."""

    def rule(_: Op, arrays: Sequence[Any]) -> list[Array]:
        result = arrays[0]
        for other in arrays[1:]:
            result = function(result, other)
        return [result]

    return rule


def _same(_: Op, arrays: Sequence[Any]) -> list[Array]:
    return [arrays[0]]


def _divide(a: Array, b: Array) -> Any:
    if a.dtype.kind == "f":
        return a / b
    return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)


def _sigmoid(x: Array) -> Any:
    return 1 / (1 + np.exp(-x))


_ERF = np.vectorize(math.erf, otypes=[np.float64])


def _gelu(op: Op, arrays: Sequence[Any]) -> list[Array]:
    x = arrays[0]
    if op.text("approximate", "none") == "tanh":
        return [x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))]
    return [x / 2 * (1 + _ERF(x / math.sqrt(2)))]


def _cast(op: Op, arrays: Sequence[Any]) -> list[Array]:
    kind = op.whole("to", 1) if op.type == "Cast" else op.input(1).dtype
    name = ELEMENT_TYPES.get(kind, ("", 0, ""))[0]
    if name == "bool":
        return [arrays[0] != 0]
    return [arrays[0].astype(_number_type(name))]


def _clip(op: Op, arrays: Sequence[Any]) -> list[Array]:
    low, high = [*arrays[1:], None, None][:2]
    if low is None and "min" in op.attributes:
        low = op.real("min", 0)
    if high is None and "max" in op.attributes:
        high = op.real("max", 0)
    return [arrays[0].clip(low, high)]


def _leaky(op: Op, arrays: Sequence[Any]) -> list[Array]:
    x = arrays[0]
    return [np.where(x < 0, np.float32(op.real("alpha", 0.01)) * x, x)]


def _softmax(op: Op, arrays: Sequence[Any]) -> list[Array]:
    axis = op.whole("axis", -1 if op.version >= 13 else 1)
    x = arrays[0]
    exp = np.exp(x - x.max(axis, keepdims=True))
    return [exp / exp.sum(axis, keepdims=True)]


def _transpose(op: Op, arrays: Sequence[Any]) -> list[Array]:
    return [arrays[0].transpose(transposed_order(op, arrays[0].ndim))]


def _shaped(rule: Callable[[Op, Any], Any]) -> Rule:
    return lambda op, arrays: [arrays[0].reshape(rule(op, arrays[0].shape))]


def _slice(op: Op, arrays: Sequence[Any]) -> list[Array]:
    found = arrays[0]
    for axis, part in slices_of(op, found.shape).items():
        found = found.take([*part], axis)
    return [found]


def _split(op: Op, arrays: Sequence[Any]) -> list[Array]:
    axis, sizes = split_sizes(op, arrays[0].shape)
    return np.split(arrays[0], np.cumsum(sizes)[:-1], axis)


def _gather(op: Op, arrays: Sequence[Any]) -> list[Array]:
    return [np.take(arrays[0], arrays[1].astype(np.int64), axis_of(op, arrays[0].ndim))]


def _gather_elements(op: Op, arrays: Sequence[Any]) -> list[Array]:
    indices, axis = arrays[1].astype(np.int64), axis_of(op, arrays[0].ndim)
    return [np.take_along_axis(arrays[0], indices, axis)]


def _gather_nd(op: Op, arrays: Sequence[Any]) -> list[Array]:
    if op.whole("batch_dims", 0):
        raise op.refuse("unsupported-model", "it gathers along a batch, and has no rule for that")
    indices = arrays[1].astype(np.int64)
    return [arrays[0][tuple(np.moveaxis(indices, -1, 0))]]


def _scatter_nd(op: Op, arrays: Sequence[Any]) -> list[Array]:
    if op.text("reduction", "none") != "none":
        raise op.refuse("unsupported-model", "it joins numbers, and has no rule for that")
    result = arrays[0].copy()
    result[tuple(np.moveaxis(arrays[1].astype(np.int64), -1, 0))] = arrays[2]
    return [result]


def _cumulative(op: Op, arrays: Sequence[Any]) -> list[Array]:
    if op.whole("exclusive", 0) or op.whole("reverse", 0):
        raise op.refuse("unsupported-model", "it sums in another way, and has no rule for that")
    return [arrays[0].cumsum(int(arrays[1].item()), dtype=arrays[0].dtype)]


def _concat(op: Op, arrays: Sequence[Any]) -> list[Array]:
    return [np.concatenate(arrays, axis_of(op, arrays[0].ndim))]


def _expand(op: Op, arrays: Sequence[Any]) -> list[Array]:
    return [np.broadcast_to(arrays[0], expanded(op, arrays[0].shape))]


def _tile(op: Op, arrays: Sequence[Any]) -> list[Array]:
    return [np.tile(arrays[0], repeats_of(op, arrays[0].shape))]


def _repeated(op: Op, _: Sequence[Any]) -> list[Array]:
    """ConstantOfShape, whose number was read with the file."""
    number = op.attributes.get("number", 0)
    return [np.full(op.outputs[0].shape, number, np.float32)]


def _range(_: Op, arrays: Sequence[Any]) -> list[Array]:
    return [np.arange(*[array.item() for array in arrays], dtype=arrays[0].dtype)]


def _reduced(function: Callable[..., Any]) -> Rule:
    def rule(op: Op, arrays: Sequence[Any]) -> list[Array]:
        axes = tuple(axes_of(op, arrays[0].ndim))
        return [function(arrays[0], axis=axes, keepdims=bool(op.whole("keepdims", 1)))]

    return rule


def _gemm(op: Op, arrays: Sequence[Any]) -> list[Array]:
    a, b, c = [*arrays, None][:3]
    a = a.T if op.whole("transA", 0) else a
    b = b.T if op.whole("transB", 0) else b
    result = np.float32(op.real("alpha", 1)) * (a @ b)
    return [result if c is None else result + np.float32(op.real("beta", 1)) * c]


def _einsum(op: Op, arrays: Sequence[Any]) -> list[Array]:
    return [np.einsum(op.text("equation", ""), *arrays)]


def _conv(op: Op, arrays: Sequence[Any]) -> list[Array]:
    x, weight, bias = [*arrays, None][:3]
    rank, groups = x.ndim - 2, op.whole("group", 1)
    window = WindowArguments(op, x.shape[2:], weight.shape[2:])
    extents = tuple([window.extent(axis) for axis in range(rank)])
    padded = np.pad(x, [(0, 0), (0, 0), *window.padding])
    views = sliding_window_view(padded, extents, tuple(range(2, 2 + rank)))
    steps = (1, 1, *window.stride, *window.dilation)
    views = views[tuple([slice(None, None, step) for step in steps])]
    spatial = tuple(range(2 + rank, 2 + 2 * rank))
    parts = [
        np.tensordot(part, own, ((1, *spatial), (1, *range(2, 2 + rank))))
        for part, own in zip(np.split(views, groups, 1), np.split(weight, groups), strict=True)
    ]
    result = np.moveaxis(np.concatenate(parts, -1), -1, 1)
    return [result if bias is None else result + _along_channels(bias, x.ndim, 0)]


def _normalised(x: Array, axes: tuple[int, ...], eps: float) -> Any:
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + np.float32(eps))


def _along_channels(values: Array | None, rank: int, default: float) -> Array | float:
    return default if values is None else values.reshape(-1, *[1] * (rank - 2))


def _batch_norm(op: Op, arrays: Sequence[Any]) -> list[Array]:
    x, scale, bias, mean, variance = arrays[:5]
    rank, eps = x.ndim, op.real("epsilon", 1e-5)
    if op.whole("training_mode", 0):
        result = _normalised(x, (0, *range(2, rank)), eps)
    else:
        deviation = np.sqrt(_along_channels(variance, rank, 1) + np.float32(eps))
        result = (x - _along_channels(mean, rank, 0)) / deviation
    result = result * _along_channels(scale, rank, 1) + _along_channels(bias, rank, 0)
    return [result, mean, variance]


def _instance_norm(op: Op, arrays: Sequence[Any]) -> list[Array]:
    x, scale, bias = [*arrays, None, None][:3]
    result = _normalised(x, tuple(range(2, x.ndim)), op.real("epsilon", 1e-5))
    return [result * _along_channels(scale, x.ndim, 1) + _along_channels(bias, x.ndim, 0)]


def _layer_norm(op: Op, arrays: Sequence[Any]) -> list[Array]:
    x, scale, bias = [*arrays, None][:3]
    axes = tuple(range(axis_of(op, x.ndim, -1), x.ndim))
    result = _normalised(x, axes, op.real("epsilon", 1e-5)) * scale
    return [result if bias is None else result + bias]


def _scales(op: Op, arrays: Sequence[Any]) -> tuple[Any, Any]:
    """Scale and zero point, along the axis that they are given for."""
    x, scale, zero = [*arrays, None][:3]
    shape = [1] * x.ndim
    if scale.size > 1:
        shape[axis_of(op, x.ndim, 1)] = -1
    return scale.reshape(shape), None if zero is None else zero.reshape(shape)


def _dequantize(op: Op, arrays: Sequence[Any]) -> list[Array]:
    scale, zero = _scales(op, arrays)
    x = arrays[0].astype(np.float32)
    return [(x if zero is None else x - zero.astype(np.float32)) * scale]


def _quantize(op: Op, arrays: Sequence[Any]) -> list[Array]:
    scale, zero = _scales(op, arrays)
    kind = np.dtype(np.uint8) if zero is None else zero.dtype
    limits = np.iinfo(kind)
    moved = np.rint(arrays[0] / scale) + (0 if zero is None else zero.astype(np.float32))
    return [moved.clip(limits.min, limits.max).astype(kind)]


_POINTWISE: dict[str, Callable[..., Any]] = {
    "Abs": np.abs,
    "And": np.logical_and,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Div": _divide,
    "Equal": np.equal,
    "Erf": _ERF,
    "Exp": np.exp,
    "Floor": np.floor,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "HardSwish": lambda x: x * (x / 6 + 0.5).clip(0, 1),
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Mod": np.mod,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Pow": np.power,
    "Reciprocal": np.reciprocal,
    "Relu": lambda x: np.maximum(x, 0),
    "Round": np.rint,
    "Sigmoid": _sigmoid,
    "Sign": np.sign,
    "Sin": np.sin,
    "Softplus": lambda x: np.logaddexp(x, 0),
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tan": np.tan,
    "Tanh": np.tanh,
    "Where": np.where,
}

_RULES: dict[str, Rule] = {
    **{name: _pointwise(function) for name, function in _POINTWISE.items()},
    "Add": _folded(np.add),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "CastLike": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "ConstantOfShape": _repeated,
    "CumSum": _cumulative,
    "DequantizeLinear": _dequantize,
    "Dropout": _same,
    "Einsum": _einsum,
    "Expand": _expand,
    "Flatten": _shaped(reshaped),
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "Identity": _same,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "LeakyRelu": _leaky,
    "MatMul": _folded(np.matmul),
    "Max": _folded(np.maximum),
    "Min": _folded(np.minimum),
    "Mul": _folded(np.multiply),
    "QuantizeLinear": _quantize,
    "Range": _range,
    "ReduceL2": _reduced(lambda x, **along: np.sqrt((x * x).sum(**along))),
    "ReduceMax": _reduced(np.max),
    "ReduceMean": _reduced(np.mean),
    "ReduceMin": _reduced(np.min),
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceSumSquare": _reduced(lambda x, **along: (x * x).sum(**along)),
    "Reshape": _shaped(reshaped),
    "ScatterND": _scatter_nd,
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _split,
    "Squeeze": _shaped(squeezed),
    "Sum": _folded(np.add),
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _shaped(unsqueezed),
}
