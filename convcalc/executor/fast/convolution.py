"""Convolutions on values with channels last."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.blocking import (
    BLOCK_BYTES,
    SlidingWindow,
    blocks,
    padded_input,
    unfold_dilated,
    window_view,
)
from convcalc.executor.fast.epilogue import Epilogue, Index
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.workspace import Workspace

#: Positions of a block, however wide its columns: each block reads all weights once.
LEAST_POSITIONS = 196
#: Positions of a batch below which threads share the output channels.
SMALL_MAP = 400
#: Numbers that the innermost loop of a depthwise convolution should have at least.
LOOP = 2_000


def convolve(
    data: Array,
    weight: Array,
    window: SlidingWindow,
    groups: int,
    epilogue: Epilogue,
    pool: ThreadPool,
) -> Array:
    """Convolution as a matrix product of the unfolded windows (im2col).

    data (n, *sizes, c), weight (taps * c / groups, c_out) -> (n, *outputs, c_out)

    Threads share the positions, block by block; on small maps, whose weights take more memory than
    the map, they share the output channels, and each reads its part of the weights only. A window
    of one position (a pointwise convolution) needs no unfolding.

    Buffers: the columns of a block and its padded input, for each thread; all columns of a small
    map.
    """
    batch, c_in, c_out = len(data), data.shape[-1], weight.shape[-1]
    out = np.empty((batch, *window.outputs, c_out), data.dtype)
    width = prod(window.kernel) * c_in
    pointwise = width == c_in and not any(map(sum, window.sides))
    if pointwise:
        every = (slice(None), *[slice(None, None, step) for step in window.stride])
        data = np.ascontiguousarray(data[every])
    most = max(BLOCK_BYTES // (data.itemsize * (width + c_out)), LEAST_POSITIONS)
    parts = blocks(batch, window.outputs, most, pool.size)

    def unfold(index: Index, workspace: Workspace, columns: Array) -> None:
        n, *block = index
        if groups == 1 and max(window.dilation) > 1:
            outputs = out[index].shape[:-1]
            columns = columns.reshape(*outputs, *window.kernel, c_in)
            unfold_dilated(data[n], block, window, columns)
            return
        view = window_view(padded_input(data[n], block, window, workspace, 0), block, window)
        if groups > 1:
            # The columns of a group must be neighbours.
            grouped = view.reshape(*view.shape[:-1], groups, c_in // groups)
            view = np.moveaxis(grouped, -2, len(block))
        np.copyto(columns.reshape(view.shape), view)

    def compute(index: Index, workspace: Workspace) -> None:
        result = out[index].reshape(-1, c_out)
        if pointwise:
            columns = data[index].reshape(-1, width)
        else:
            columns = workspace.array("columns", (len(result), width), data.dtype)
            unfold(index, workspace, columns)
        group_products(columns, weight, groups, result)
        epilogue.apply(out, index)

    if groups > 1 or batch * prod(window.outputs) >= SMALL_MAP:
        pool.run(compute, parts)
        return out
    columns = data
    if not pointwise:
        columns = np.empty((*out.shape[:-1], width), data.dtype)
        pool.run(lambda index, workspace: unfold(index, workspace, columns[index]), parts)
    _channels_shared(columns.reshape(-1, width), weight, out, epilogue, pool)
    return out


def _channels_shared(
    columns: Array, weight: Array, out: Array, epilogue: Epilogue, pool: ThreadPool
) -> None:
    """columns (positions, taps * c) times weight, a range of output channels for each thread."""
    channels = out.shape[-1]
    rows = out.reshape(-1, channels)
    step = -(-channels // pool.size)
    step += -step % 16

    def compute(start: int, _: Workspace) -> None:
        part = slice(start, min(start + step, channels))
        np.matmul(columns, weight[:, part], out=rows[:, part])
        epilogue.apply(out, (*[slice(None)] * (out.ndim - 1), part))

    pool.run(compute, range(0, channels, step))


def group_products(columns: Array, weight: Array, groups: int, out: Array) -> None:
    """columns (rows, taps * c) times weight (taps * c / groups, c_out), group by group."""
    c_in, c_out = columns.shape[1] // groups, out.shape[1] // groups
    for group in range(groups):
        outputs = slice(group * c_out, (group + 1) * c_out)
        inputs = slice(group * c_in, (group + 1) * c_in)
        np.matmul(columns[:, inputs], weight[:, outputs], out=out[:, outputs])


def depthwise(
    data: Array, weight: Array, window: SlidingWindow, epilogue: Epilogue, pool: ThreadPool
) -> Array:
    """Convolution of each channel on its own.

    data (n, *sizes, c), weight (*kernel, c * multiplier) -> (n, *outputs, c * multiplier)

    Buffers: the padded input of a block, for each thread.
    """
    batch, channels, c_out = len(data), data.shape[-1], weight.shape[-1]
    multiplier = c_out // channels
    out = np.empty((batch, *window.outputs, c_out), data.dtype)
    rank = len(window.outputs)
    positions, taps, channel = range(rank), range(rank, 2 * rank), 2 * rank
    merged = merged_columns(window, channels) if multiplier == 1 else 1
    tiled = np.tile(weight, merged)

    def compute(index: Index, workspace: Workspace) -> None:
        n, *block = index
        lines = padded_input(data[n], block, window, workspace, 0)
        whole_rows = block[-1] == slice(0, window.outputs[-1])
        view = window_view(lines, block, window, merged if whole_rows else 1)
        factors = tiled if whole_rows else weight
        result = out[index].reshape(*view.shape[:rank], factors.shape[-1])
        for copy in range(multiplier):
            every = (..., slice(copy, None, multiplier))
            np.einsum(
                view,
                [*positions, *taps, channel],
                factors[every],
                [*taps, channel],
                [*positions, channel],
                out=result[every],
            )
        epilogue.apply(out, index)

    most = BLOCK_BYTES // (data.itemsize * channels)
    pool.run(compute, blocks(batch, window.outputs, most, pool.size))
    return out


def merged_columns(window: SlidingWindow, channels: int) -> int:
    """How many neighbouring columns of a map to treat as one with more channels.

    At stride 1 their windows are neighbours in memory, tap by tap, so that NumPy's innermost loop
    over few channels becomes one over many.
    """
    if window.stride[-1] > 1 or len(window.outputs) < 2:
        return 1
    columns = window.outputs[-1]
    counts = [count for count in range(1, columns + 1) if columns % count == 0]
    return next((count for count in counts if count * channels >= LOOP), columns)


def convolve_transposed(
    data: Array,
    weight: Array,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    out: Array,
    pool: ThreadPool,
) -> None:
    """Transposed convolution: adds each tap's product to the positions that it lands on.

    data (n, *sizes, c), weight (*kernel, c, c_out / groups); `out`, (n, *uncropped, c_out), holds
    zeros and receives the result.

    Buffers: the products of one tap, the size of the input with c_out channels.
    """
    batch, sizes = len(data), data.shape[1:-1]
    rows = data.reshape(-1, data.shape[-1])
    c_in, c_out = rows.shape[1] // groups, weight.shape[-1]
    # Threads write to different channels: the taps of a channel land on the same positions.
    step = c_out if groups > 1 else max(16, -(-c_out // pool.size))

    def compute(item: tuple[int, int], workspace: Workspace) -> None:
        group, start = item
        stop = min(start + step, c_out)
        part = rows[:, group * c_in : (group + 1) * c_in]
        target = out[..., group * c_out + start : group * c_out + stop]
        products = workspace.array("products", (len(rows), stop - start), data.dtype)
        for tap in np.ndindex(*weight.shape[:-2]):
            kernel = weight[tap][group * c_in : (group + 1) * c_in, start:stop]
            np.matmul(part, kernel, out=products)
            landing: list[Any] = [slice(None)]
            for t, size, s, d in zip(tap, sizes, stride, dilation, strict=True):
                landing.append(slice(t * d, t * d + (size - 1) * s + 1, s))
            target[tuple(landing)] += products.reshape(batch, *sizes, stop - start)

    pool.run(compute, [(g, start) for g in range(groups) for start in range(0, c_out, step)])
