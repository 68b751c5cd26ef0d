"""What moves, picks, repeats or joins values, as operators of ONNX."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.onnx.case import Case, Translation, operator, reduced, sliced


def _dropout(layer: Any, case: Case) -> str:
    return case.graph.add("Dropout", case.input, case.graph.number(layer.rate))


def _reshape(layer: Any, case: Case) -> str:
    return case.reshaped(case.input, 0, *case.output[1:])


def _transpose(layer: Any, case: Case) -> str:
    return case.graph.add("Transpose", case.input, perm=[0, *[axis + 1 for axis in layer.order]])


def _pad(layer: Any, case: Case) -> str:
    before, after = zip(*layer.padding, strict=True)
    modes = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    value = case.input
    if layer.mode != "zeros" and min(*before, *after) < 0:
        # onnxruntime crops with a constant only.
        starts = [max(-one, 0) for one in before]
        stops = [n + min(one, 0) for n, one in zip(case.shape[2:], after, strict=True)]
        value = sliced(case, value, range(2, case.rank + 2), starts, stops)
        before, after = (tuple([max(one, 0) for one in side]) for side in (before, after))
    pads = case.graph.whole(0, 0, *before, 0, 0, *after)
    filled = [case.graph.number(layer.value)] if layer.mode == "zeros" else []
    return case.graph.add("Pad", value, pads, *filled, mode=modes[layer.mode])


def _crop(layer: Any, case: Case) -> str:
    before, after = zip(*layer.padding, strict=True)
    stops = [size - cut for size, cut in zip(case.shape[2:], after, strict=True)]
    return sliced(case, case.input, range(2, case.rank + 2), before, stops)


def _slice(layer: Any, case: Case) -> str:
    start, stop = layer.channels
    return sliced(case, case.input, [layer.axis + 1], [start], [stop], layer.step)


def _gather(layer: Any, case: Case) -> str:
    indices = case.graph.whole(*layer.indices)
    return case.graph.add("Gather", case.input, indices, axis=layer.axis + 1)


def _broadcast(layer: Any, case: Case) -> str:
    # A size of 1 leaves an axis as it is.
    sizes = [1, *[1 if size == -1 else size for size in layer.shape]]
    return case.graph.add("Expand", case.input, case.graph.whole(*sizes))


def _reduction(operator: str) -> Translation:
    def translate(layer: Any, case: Case) -> str:
        axes = [axis + 1 for axis in layer.axes]
        return reduced(case, operator, case.input, axes, int(layer.keepdims))

    return translate


def _of_channels(operator: str) -> Translation:
    return lambda layer, case: reduced(case, operator, case.input, [1])


def _upsample(layer: Any, case: Case) -> str:
    if layer.mode != "nearest" and case.rank != 2:
        raise NoCounterpart("onnxruntime interpolates two spatial axes only")
    coordinates = layer.argument("coordinates")
    how: dict[str, Any] = {
        "coordinate_transformation_mode": coordinates,
        "mode": {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}[layer.mode],
    }
    if layer.mode == "nearest":
        how["nearest_mode"] = "floor" if coordinates == "asymmetric" else "round_prefer_ceil"
    if not layer.factor:
        target = case.graph.whole(*case.shape[:2], *layer.size)
        return case.graph.add("Resize", case.input, "", "", target, **how)
    if all(factor.numerator == factor.denominator for factor in layer.factor):
        return case.graph.add("Identity", case.input)
    if case.output == case.shape:
        raise NoCounterpart("onnxruntime copies an input of the output's size")
    factors = [f.numerator / f.denominator for f in layer.factor]
    if layer.mode == "nearest" and any(f.denominator & (f.denominator - 1) for f in layer.factor):
        raise NoCounterpart("onnxruntime rounds factors, and so mistakes which is nearest")
    scales = case.graph.constant(np.array([1.0, 1.0, *factors], np.float32))
    return case.graph.add("Resize", case.input, "", scales, **how)


def _pixel_shuffle(layer: Any, case: Case) -> str:
    if case.rank == 2:
        return case.graph.add("DepthToSpace", case.input, blocksize=layer.factor, mode="CRD")
    _, channels, *sizes = case.shape
    rank, f = case.rank, layer.factor
    split = case.reshaped(case.input, 0, channels // f**rank, *[f] * rank, *sizes)
    pairs = [place for axis in range(rank) for place in (2 + rank + axis, 2 + axis)]
    turned = case.graph.add("Transpose", split, perm=[0, 1, *pairs])
    return case.reshaped(turned, 0, *case.output[1:])


def _pixel_unshuffle(layer: Any, case: Case) -> str:
    # SpaceToDepth has the channels of a block innermost; here its offsets are.
    _, channels, *sizes = case.shape
    rank, f = case.rank, layer.factor
    parts = [number for n in sizes for number in (n // f, f)]
    split = case.reshaped(case.input, 0, channels, *parts)
    perm = [0, 1, *range(3, 3 + 2 * rank, 2), *range(2, 2 + 2 * rank, 2)]
    turned = case.graph.add("Transpose", split, perm=perm)
    return case.reshaped(turned, 0, *case.output[1:])


def _channel_shuffle(layer: Any, case: Case) -> str:
    _, channels, *sizes = case.shape
    split = case.reshaped(case.input, 0, layer.groups, channels // layer.groups, *sizes)
    order = [0, 2, 1, *range(3, 3 + len(sizes))]
    dealt = case.graph.add("Transpose", split, perm=order)
    return case.reshaped(dealt, 0, *case.shape[1:])


def _constant(name: str) -> Translation:
    def translate(layer: Any, case: Case) -> str:
        shape = [1, *case.output[1:]]
        # A constant of the code, and no initializer, says that nothing learned it.
        value = case.literal(name, shape) if name == "value" else case.shaped(name, shape)
        if case.output[0] == 1:
            return value
        return case.graph.add("Expand", value, case.graph.whole(*case.output))

    return translate


def _parameter(layer: Any, case: Case) -> str:
    if layer.learned is None:
        return _constant("weight")(layer, case)
    elements, graph = prod(case.output[1:]), case.graph
    numbers = graph.add(
        "Tile", case.shaped("weight", [layer.learned]), graph.whole(-(-elements // layer.learned))
    )
    taken = graph.add("Slice", numbers, graph.whole(0), graph.whole(elements))
    spread = graph.add("Reshape", taken, graph.whole(1, *case.output[1:]))
    # What the elements became lies beside the numbers that they were computed of.
    value = graph.add("Where", graph.truth(), case.literal("value", [1, *case.output[1:]]), spread)
    if case.output[0] == 1:
        return value
    return graph.add("Expand", value, graph.whole(*case.output))


def _folded(operator: str) -> Translation:
    def translate(layer: Any, case: Case) -> str:
        first, *others = case.inputs
        for other in others:
            first = case.graph.add(operator, first, other)
        return first if others else case.graph.add("Identity", first)

    return translate


def _concat(layer: Any, case: Case) -> str:
    return case.graph.add("Concat", *case.inputs, axis=layer.axis + 1)


TRANSLATIONS: dict[str, Translation] = {
    "channel_maxpool": _of_channels("ReduceMax"),
    "channel_avgpool": _of_channels("ReduceMean"),
    "dropout": _dropout,
    "stochastic_depth": operator("Identity"),
    "identity": operator("Identity"),
    "flatten": operator("Flatten", axis=1),
    "reshape": _reshape,
    "transpose": _transpose,
    "pad": _pad,
    "crop": _crop,
    "upsample": _upsample,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle,
    "slice": _slice,
    "gather": _gather,
    "broadcast": _broadcast,
    "reduce_mean": _reduction("ReduceMean"),
    "reduce_max": _reduction("ReduceMax"),
    "reduce_sum": _reduction("ReduceSum"),
    "parameter": _parameter,
    "buffer": _constant("value"),
    "add": _folded("Add"),
    "sub": operator("Sub"),
    "mul": _folded("Mul"),
    "div": operator("Div"),
    "concat": _concat,
    "matmul": operator("MatMul"),
}
