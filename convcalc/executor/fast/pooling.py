"""Pooling on values with channels last, one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.blocking import BLOCK_BYTES, SlidingWindow, blocks, padded_input
from convcalc.executor.fast.epilogue import Index
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.workspace import Workspace


def pooled(
    data: Array, window: SlidingWindow, combine: np.ufunc, fill: float, pool: ThreadPool
) -> Array:
    """The windows' values combined by `np.maximum`, `np.minimum` or `np.add`.

    Each axis is combined on its own: k + k operations an output instead of k * k.

    data (n, *sizes, c) -> (n, *outputs, c)

    Buffers: the padded input of a block and a combined one for each axis, for each thread.
    """
    batch, channels = len(data), data.shape[-1]
    out = np.empty((batch, *window.outputs, channels), data.dtype)

    def compute(index: Index, workspace: Workspace) -> None:
        n, *block = index
        value = padded_input(data[n], block, window, workspace, fill)
        result = out[index]
        for axis, count in enumerate(result.shape[:-1]):
            taps = _taps(value, axis, count, window)
            last = axis == result.ndim - 2
            value = result if last else workspace.array(f"axis{axis}", taps[0].shape, data.dtype)
            np.copyto(value, taps[0])
            for tap in taps[1:]:
                combine(value, tap, out=value)

    most = BLOCK_BYTES // (4 * data.itemsize * channels * prod(window.stride))
    pool.run(compute, blocks(batch, window.outputs, most, pool.size))
    return out


def _taps(value: Array, axis: int, count: int, window: SlidingWindow) -> Sequence[Array]:
    """What each tap of the window sees along one axis."""
    step, dilation = window.stride[axis], window.dilation[axis]
    lines = value.swapaxes(0, axis)
    return [
        lines[t * dilation : t * dilation + (count - 1) * step + 1 : step].swapaxes(0, axis)
        for t in range(window.kernel[axis])
    ]
