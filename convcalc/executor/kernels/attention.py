"""The parts of attention: scores of queries and keys, their bias, and the sums of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from convcalc.executor.arrays import Array

if TYPE_CHECKING:
    from convcalc.layers import attention as kinds

Weights = Mapping[str, Array]

#: Lengths of queries and keys are at least that.
_LEAST_LENGTH = 1e-12


def norm(layer: kinds.AttentionNorm, inputs: Sequence[Array], weights: Weights) -> Array:
    """Each head of each position divided by its length, perhaps times the head's factor."""
    (x,) = inputs
    heads = x.reshape(len(x), layer.heads, -1, *x.shape[2:])
    lengths = np.sqrt((heads * heads).sum(axis=2, keepdims=True))
    units = heads / np.maximum(lengths, _LEAST_LENGTH)
    if layer.scaled:
        units = units * weights["weight"].reshape(-1, *[1] * (x.ndim - 1))
    result: Array = units.reshape(x.shape)
    return result


def scores(layer: kinds.AttentionScores, inputs: Sequence[Array], weights: Weights) -> Array:
    """The product of each position's query with its keys, key after key as channels of the head."""
    query, key = inputs
    queries, keys = _by_window(layer, query), _by_window(layer, key)
    products = np.matmul(keys.swapaxes(-2, -1), queries)
    apart = _kept_apart(layer, key.shape[2:])
    if apart is not None:
        np.copyto(products, -np.inf, where=apart)
    return _on_map(layer, products, query.shape[2:])


def values(layer: kinds.AttentionValues, inputs: Sequence[Array], weights: Weights) -> Array:
    """The sum of each position's values, weighted by its probabilities."""
    probabilities, value = inputs
    weighed = _by_window(layer, probabilities)
    apart = _kept_apart(layer, value.shape[2:])
    if apart is not None:
        weighed = np.where(apart, 0, weighed)
    sums = np.matmul(_by_window(layer, value), weighed)
    return _on_map(layer, sums, probabilities.shape[2:])


def bias(layer: kinds.AttentionBias, inputs: Sequence[Array], weights: Weights) -> Array:
    """The scores and a number for each head and offset of the key from the query."""
    (x,) = inputs
    sizes = layer.window or x.shape[2:]
    places = np.indices(sizes).reshape(len(sizes), -1)
    offsets = places[:, None, :] - places[:, :, None]
    if layer.form == "distance":
        index = np.abs(offsets)
    else:
        index = offsets + np.array(sizes).reshape(-1, 1, 1) - 1
    table = weights["bias"] if layer.form != "continuous" else _continuous(sizes, weights)
    every_head = (slice(None), *index)
    added = table[every_head]
    # Heads, windows, keys, queries.
    return _on_map(layer, _by_window(layer, x) + added[:, None], x.shape[2:])


def _continuous(sizes: Sequence[int], weights: Weights) -> Array:
    """The numbers that the small network makes of all offsets."""
    axes = [np.arange(1 - n, n) * (8 / max(n - 1, 1)) for n in sizes]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    places = np.sign(grid) * np.log2(np.abs(grid) + 1) / 3
    first, second = weights["hidden_weight"], weights["weight"]
    hidden = np.maximum(places.astype(first.dtype) @ first.T + weights["hidden_bias"], 0)
    numbers = 16 / (1 + np.exp(-(hidden @ second.T)))
    result: Array = np.moveaxis(numbers, -1, 0)
    return result


def _blocks(layer: Any, sizes: Sequence[int]) -> list[tuple[int, int, int]]:
    """Of each axis the number of blocks, the positions of a window, and their spacing."""
    if layer.window is None:
        return [(1, n, 1) for n in sizes]
    axes = zip(sizes, layer.window, layer.dilation, strict=True)
    return [(n // (taps * apart), taps, apart) for n, taps, apart in axes]


def _shifted(layer: Any, sizes: Sequence[int]) -> list[int]:
    """How many positions of each axis come before its first window."""
    if layer.window is None:
        return [0 for _ in sizes]
    axes = zip(sizes, layer.window, layer.shift, strict=True)
    return [shift if n > taps else 0 for n, taps, shift in axes]


def _by_window(layer: Any, x: Array) -> Array:
    """(batch, channels, *sizes) as (batch, heads, windows, channels of a head, positions of one).

    Positions before the first window make one together with those behind the last whole one.
    """
    sizes, rank = x.shape[2:], x.ndim - 2
    blocks = _blocks(layer, sizes)
    x = _rolled(x, [-by for by in _shifted(layer, sizes)])
    x = x.reshape(len(x), layer.heads, -1, *[number for axis in blocks for number in axis])
    outer = [3 + 3 * axis + part for axis in range(rank) for part in (0, 2)]
    inner = [4 + 3 * axis for axis in range(rank)]
    x = x.transpose(0, 1, *outer, 2, *inner)
    inside = int(np.prod([taps for _, taps, _ in blocks]))
    result: Array = x.reshape(*x.shape[:2], -1, x.shape[2 + 2 * rank], inside)
    return result


def _on_map(layer: Any, x: Array, sizes: Sequence[int]) -> Array:
    """The opposite of `_by_window`, on a map of these sizes."""
    rank = len(sizes)
    blocks = _blocks(layer, sizes)
    outer = [number for count, _, apart in blocks for number in (count, apart)]
    x = x.reshape(*x.shape[:2], *outer, x.shape[3], *[taps for _, taps, _ in blocks])
    channel = 2 + 2 * rank
    order = [0, 1, channel]
    for axis in range(rank):
        order += [2 + 2 * axis, channel + 1 + axis, 3 + 2 * axis]
    x = x.transpose(order).reshape(len(x), -1, *sizes)
    return _rolled(x, _shifted(layer, sizes))


def _rolled(x: Array, by: Sequence[int]) -> Array:
    """The positions moved on by so many, those at the end to the beginning."""
    # NumPy copies even what is moved by 0.
    return np.roll(x, by, tuple(range(2, x.ndim))) if any(by) else x


def _kept_apart(layer: Any, sizes: Sequence[int]) -> Array | None:
    """Which keys and queries of each window lie at opposite ends of a shifted axis; None if none.

    The result is (windows, keys, queries).
    """
    shifts = _shifted(layer, sizes)
    if not any(shifts):
        return None
    ends = np.zeros(sizes, np.int64)
    for axis, by in enumerate(shifts):
        begin = np.arange(sizes[axis]) < by
        ends = 2 * ends + begin.reshape(-1, *[1] * (len(sizes) - axis - 1))
    single = ends[None, None].repeat(layer.heads, axis=1)
    (found,) = _by_window(layer, single)[:, 0]
    result: Array = found[:, 0, :, None] != found[:, 0, None, :]
    return result
