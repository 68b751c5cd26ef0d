"""Convolutions and poolings as operators of ONNX."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.onnx.case import Case, Translation, reduced, sliced
from convcalc.shapes import Shape

#: The most slices that one layer becomes.
_MOST_SLICES = 1000


def settled(layer: Any, case: Case) -> Any:
    """The layer with numbers for its padding."""
    return layer.settled([shape[1:] for shape in case.shapes])


def pads(layer: Any) -> dict[str, Any]:
    """A layer's padding as attributes."""
    if isinstance(layer.padding, str):
        return {"auto_pad": "SAME_LOWER" if layer.padding == "same_lower" else "SAME_UPPER"}
    before, after = zip(*layer.padding, strict=True)
    return {"pads": [*before, *after]}


def _automatic(layer: Any) -> bool:
    """Whether ONNX knows this word for padding; it goes without dilation."""
    return layer.padding in ("same", "same_lower") and set(layer.dilation) == {1}


def _conv(layer: Any, case: Case) -> str:
    if not _automatic(layer):
        layer = settled(layer, case)
    if layer.kind == "conv" and layer.flip:
        axes = tuple(range(2, 2 + case.rank))
        weight = case.changed("weight", "flipped", lambda value: np.flip(value, axes))
    else:
        weight = case.array()
    groups = case.shape[1] if layer.kind == "depthwise" else layer.groups
    return case.graph.add(
        "Conv",
        case.input,
        weight,
        *case.arrays("bias"),
        kernel_shape=layer.kernel,
        strides=layer.stride,
        dilations=layer.dilation,
        group=groups,
        **pads(layer),
    )


def _deform_conv(layer: Any, case: Case) -> str:
    if case.rank != 2:
        raise NoCounterpart("DeformConv takes two spatial axes")
    layer = settled(layer, case)
    mask = case.inputs[2:]
    bias = case.arrays("bias") or ([""] if mask else [])
    return case.graph.add(
        "DeformConv",
        case.input,
        case.array(),
        case.inputs[1],
        *bias,
        *mask,
        kernel_shape=layer.kernel,
        strides=layer.stride,
        dilations=layer.dilation,
        group=layer.groups,
        offset_group=layer.offset_groups,
        **pads(layer),
    )


def _conv_transpose(layer: Any, case: Case) -> str:
    layer = settled(layer, case)
    return case.graph.add(
        "ConvTranspose",
        case.input,
        *case.arrays("weight", "bias"),
        kernel_shape=layer.kernel,
        strides=layer.stride,
        dilations=layer.dilation,
        group=layer.groups,
        output_padding=layer.output_padding,
        **pads(layer),
    )


def _pooling(layer: Any, case: Case) -> dict[str, Any]:
    """The attributes of a pooling."""
    stride = layer.stride or layer.kernel
    wide = any(s > k for s, k in zip(stride, layer.kernel, strict=True))
    dilated = set(getattr(layer, "dilation", (1,))) != {1}
    word = layer.padding in ("same", "same_lower")
    if not word or dilated or wide or layer.ceil_mode or layer.kind == "avgpool":
        layer = settled(layer, case)
        if any(max(pair) >= k for pair, k in zip(layer.padding, layer.kernel, strict=True)):
            raise NoCounterpart("padding must be smaller than the kernel without its dilation")
    return {
        "kernel_shape": layer.kernel,
        "strides": stride,
        "ceil_mode": int(layer.ceil_mode and _overhangs(layer, case)),
        **pads(layer),
    }


def _overhangs(layer: Any, case: Case) -> bool:
    """Whether rounding up makes a window reach beyond the padding, on any axis."""
    windows = layer.windows([case.shape[1:]])
    return any((w.out - 1) * w.stride + w.extent > w.before + w.n + w.after for w in windows)


def _maxpool(layer: Any, case: Case) -> str:
    sides = _pooling(layer, case)
    return case.graph.add("MaxPool", case.input, dilations=layer.dilation, **sides)


def _minpool(layer: Any, case: Case) -> str:
    case.inputs[0] = case.graph.add("Neg", case.input)
    return case.graph.add("Neg", _maxpool(layer, case))


def _avgpool(layer: Any, case: Case) -> str:
    sides = _pooling(layer, case)
    if layer.count_include_pad and sides["ceil_mode"]:
        raise NoCounterpart("onnxruntime counts what a window reaches beyond the padding")
    include = int(layer.count_include_pad)
    return case.graph.add("AveragePool", case.input, count_include_pad=include, **sides)


def _indices(layer: Any, case: Case) -> str:
    """ONNX counts places through all maps of all samples."""
    sides = _pooling(layer, case)
    _, places = case.graph.several(
        "MaxPool", case.input, outputs=2, dilations=layer.dilation, **sides
    )
    return case.graph.add("Sub", places, _first_places(case, case.shape))


def _first_places(case: Case, shape: Shape) -> str:
    """The number of the first place of each map, counted through all maps of all samples."""
    batch, channels, *sizes = shape
    case.graph.check_room(batch * channels)
    starts = np.arange(batch * channels) * prod(sizes)
    return case.graph.constant(starts.reshape(batch, channels, *[1] * len(sizes)))


def _unpool(layer: Any, case: Case) -> str:
    entered = case.shapes[2]
    pool = layer.pool.settled([entered[1:]])
    before, after = (list(sides) for sides in zip(*pool.padding, strict=True))
    for axis, window in enumerate(pool.windows([entered[1:]])):
        # MaxUnpool knows no ceil_mode: what a window reaches beyond the padding is padding here.
        reached = (window.out - 1) * window.stride + window.extent
        after[axis] += max(0, reached - (window.before + window.n + window.after))
        # onnxruntime knows no dilation here either, and computes a size that it does not use.
        computed = (window.out - 1) * window.stride + pool.kernel[axis]
        if computed <= before[axis] + after[axis]:
            raise NoCounterpart("its windows must reach beyond the padding")
        if max(before[axis], after[axis]) >= pool.kernel[axis]:
            raise NoCounterpart("onnxruntime takes less padding than a window's size")
    places = case.graph.add("Cast", case.inputs[1], to=7)
    return case.graph.add(
        "MaxUnpool",
        case.input,
        case.graph.add("Add", places, _first_places(case, entered)),
        case.graph.whole(*entered),
        kernel_shape=pool.kernel,
        strides=pool.stride,
        pads=[*before, *after],
    )


def _global(operator: str, reduction: str) -> Translation:
    def translate(layer: Any, case: Case) -> str:
        if case.rank > 3:
            axes = range(2, case.rank + 2)
            return reduced(case, reduction, case.input, axes, int(layer.keepdims))
        result = case.graph.add(operator, case.input)
        return result if layer.keepdims else case.graph.add("Flatten", result, axis=1)

    return translate


def _adaptive(operator: str, reduction: str) -> Translation:
    def translate(layer: Any, case: Case) -> str:
        sizes = case.shape[2:]
        if not any(n % out for n, out in zip(sizes, layer.size, strict=True)):
            windows = [n // out for n, out in zip(sizes, layer.size, strict=True)]
            return case.graph.add(operator, case.input, kernel_shape=windows, strides=windows)
        if sum(layer.size) > _MOST_SLICES:
            raise NoCounterpart("there is no pooling into windows of different sizes")
        value = case.input
        for axis, (n, out) in enumerate(zip(sizes, layer.size, strict=True), 2):
            value = _pooled(case, reduction, value, axis, n, out)
        return value

    return translate


def _pooled(case: Case, reduction: str, value: str, axis: int, n: int, out: int) -> str:
    """One axis in windows of different sizes, each reduced."""
    parts = []
    for place in range(out):
        start, stop = place * n // out, -(-(place + 1) * n // out)
        part = sliced(case, value, [axis], [start], [stop])
        parts.append(reduced(case, reduction, part, [axis]))
    return case.graph.add("Concat", *parts, axis=axis)


TRANSLATIONS: dict[str, Translation] = {
    "conv": _conv,
    "depthwise": _conv,
    "conv_transpose": _conv_transpose,
    "maxpool": _maxpool,
    "indices": _indices,
    "unpool": _unpool,
    "minpool": _minpool,
    "avgpool": _avgpool,
    "global_maxpool": _global("GlobalMaxPool", "ReduceMax"),
    "global_avgpool": _global("GlobalAveragePool", "ReduceMean"),
    "adaptive_maxpool": _adaptive("MaxPool", "ReduceMax"),
    "adaptive_avgpool": _adaptive("AveragePool", "ReduceMean"),
    "deform_conv": _deform_conv,
}
