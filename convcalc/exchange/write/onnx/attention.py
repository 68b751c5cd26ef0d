"""Attention as operators of ONNX: matrix products between reshapes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from convcalc.exchange.write.onnx.case import Case, Translation, sliced
from convcalc.exchange.write.onnx.graph import Array
from convcalc.shapes import Shape


def _in_windows(case: Case, value: str, shape: Shape, layer: Any) -> str:
    """A value split into heads: (batch, heads, channels of a head, positions).

    With windows it is (batch, heads, windows, channels of a head, positions of a window).
    """
    heads = layer.heads
    _, channels, *sizes = shape
    if layer.window is None:
        return case.reshaped(value, 0, heads, channels // heads, -1)
    axes = list(zip(sizes, layer.window, layer.dilation, layer.shift, strict=True))
    for axis, (n, taps, _, by) in enumerate(axes, 2):
        if by and n != taps:
            value = _rolled(case, value, axis, n, by)
    split = [number for n, taps, apart, _ in axes for number in (n // taps // apart, taps, apart)]
    value = case.reshaped(value, 0, heads, channels // heads, *split)
    outer = [place for axis in range(len(axes)) for place in (3 + 3 * axis, 5 + 3 * axis)]
    inner = [4 + 3 * axis for axis in range(len(axes))]
    value = case.graph.add("Transpose", value, perm=[0, 1, *outer, 2, *inner])
    return case.reshaped(value, 0, heads, -1, channels // heads, prod(layer.window))


def _rolled(case: Case, value: str, axis: int, n: int, by: int) -> str:
    """The positions of an axis from `by` on, then those before."""
    parts = [sliced(case, value, [axis], [a], [b]) for a, b in ((by, n), (0, by))]
    return case.graph.add("Concat", *parts, axis=axis)


def _from_windows(case: Case, value: str, layer: Any) -> str:
    """The opposite, to the shape of the result."""
    _, channels, *sizes = case.output
    if layer.window is None:
        return case.reshaped(value, 0, channels, *sizes)
    axes = list(zip(sizes, layer.window, layer.dilation, layer.shift, strict=True))
    outer = [number for n, taps, apart, _ in axes for number in (n // taps // apart, apart)]
    head = channels // layer.heads
    value = case.reshaped(value, 0, layer.heads, *outer, head, *layer.window)
    last = 2 + 2 * len(axes)
    order = [0, 1, last]
    for axis in range(len(axes)):
        order += [2 + 2 * axis, last + 1 + axis, 3 + 2 * axis]
    value = case.graph.add("Transpose", value, perm=order)
    value = case.reshaped(value, 0, channels, *sizes)
    for axis, (n, taps, _, by) in enumerate(axes, 2):
        if by and n != taps:
            value = _rolled(case, value, axis, n, n - by)
    return value


def _kept(case: Case, layer: Any, sizes: Sequence[int]) -> Array | None:
    """Which keys and queries of each window lie on one side of every shift; None if all do.

    The axes are windows, keys and queries.
    """
    if layer.window is None or not any(
        by and n != taps for n, taps, by in zip(sizes, layer.window, layer.shift, strict=True)
    ):
        return None
    case.graph.check_room(prod(sizes) * prod(layer.window))
    kept = np.ones((1, 1, 1), bool)
    for n, taps, shift, apart in zip(sizes, layer.window, layer.shift, layer.dilation, strict=True):
        by = shift if n != taps else 0
        side = np.roll(np.arange(n) < by, -by).reshape(-1, taps, apart)
        side = side.swapaxes(1, 2).reshape(-1, taps)
        along = side[:, :, None] == side[:, None, :]
        count = len(kept) * len(along)
        size = kept.shape[1] * taps
        both = kept[:, None, :, None, :, None] & along[None, :, None, :, None, :]
        kept = both.reshape(count, size, size)
    return kept


def _attention_norm(layer: Any, case: Case) -> str:
    _, channels, *sizes = case.shape
    split = case.reshaped(case.input, 0, layer.heads, channels // layer.heads, *sizes)
    unit = case.graph.add("LpNormalization", split, axis=2, p=2)
    if layer.scaled:
        factors = case.shaped("weight", [layer.heads, *[1] * (1 + len(sizes))])
        unit = case.graph.add("Mul", unit, factors)
    return case.reshaped(unit, 0, *case.shape[1:])


def _attention_scores(layer: Any, case: Case) -> str:
    query, key = case.shapes
    queries = _in_windows(case, case.inputs[0], query, layer)
    keys = _in_windows(case, case.inputs[1], key, layer)
    last = 3 if layer.window is None else 4
    keys = case.graph.add("Transpose", keys, perm=[*range(last - 1), last, last - 1])
    products = case.graph.add("MatMul", keys, queries)
    kept = _kept(case, layer, key[2:]) if case.masks else None
    if kept is not None:
        products = case.graph.add("Add", products, case.graph.constant(_mask(kept)))
    return _from_windows(case, products, layer)


def _mask(kept: Array) -> Array:
    """What is added to scores: nothing, or so much less that no probability is left."""
    mask: Array = np.where(kept, np.float32(0), np.float32(-np.inf))
    return mask


def _attention_bias(layer: Any, case: Case) -> str:
    """The numbers of all offsets, of which each pair of a key and a query picks its own."""
    _, _, *sizes = case.shape
    window = layer.window or tuple(sizes)
    case.graph.check_room(prod(window) ** 2)
    table = _continuous_bias(layer, window, case) if layer.form == "continuous" else ""
    table = table or case.reshaped(case.array("bias"), layer.heads, -1)
    places = np.stack(np.unravel_index(np.arange(prod(window)), window))
    offsets = places[:, None, :] - places[:, :, None]  # axes, keys, queries
    if layer.form == "distance":
        offsets, spans = np.abs(offsets), np.array(window)
    else:
        spans = 2 * np.array(window) - 1
        offsets += (np.array(window) - 1).reshape(-1, 1, 1)
    picked = np.ravel_multi_index(tuple(offsets), tuple(spans))
    kept = _kept(case, layer, sizes) if case.masks else None
    if kept is not None:
        # A number more, for the pairs that a shift keeps apart.
        apart = case.graph.constant(np.full((layer.heads, 1), -np.inf))
        table = case.graph.add("Concat", table, apart, axis=1)
        picked = np.where(kept, picked, prod(spans.tolist()))
    elif layer.window is not None:
        picked = picked[None]
    numbers = case.graph.add("Gather", table, case.graph.constant(picked), axis=1)
    split = _in_windows(case, case.input, case.shape, layer)
    return _from_windows(case, case.graph.add("Add", split, numbers), layer)


def _continuous_bias(layer: Any, window: Shape, case: Case) -> str:
    """The numbers that a small network makes of the offsets, as (heads, offsets)."""
    graph = case.graph
    axes = [np.arange(1 - n, n) * (8 / max(n - 1, 1)) for n in window]
    far = np.stack([axis.reshape(-1) for axis in np.meshgrid(*axes, indexing="ij")])
    places = graph.constant(np.sign(far) * np.log2(np.abs(far) + 1.0) / np.log2(8))
    hidden = graph.add("MatMul", case.array("hidden_weight"), places)
    hidden = graph.add("Add", hidden, case.shaped("hidden_bias", [-1, 1]))
    logits = graph.add("MatMul", case.array("weight"), graph.add("Relu", hidden))
    return graph.add("Mul", graph.add("Sigmoid", logits), graph.number(16.0))


def _attention_values(layer: Any, case: Case) -> str:
    probabilities, value = case.shapes
    shares = _in_windows(case, case.inputs[0], probabilities, layer)
    kept = _kept(case, layer, value[2:]) if case.masks else None
    if kept is not None:
        shares = case.graph.add("Mul", shares, case.graph.constant(kept.astype(np.float32)))
    values = _in_windows(case, case.inputs[1], value, layer)
    return _from_windows(case, case.graph.add("MatMul", values, shares), layer)


TRANSLATIONS: dict[str, Translation] = {
    "attention_norm": _attention_norm,
    "attention_scores": _attention_scores,
    "attention_bias": _attention_bias,
    "attention_values": _attention_values,
}
