"""Cache blocking: blocks of a layer's output, and the part of its input that each needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcalc.executor.arrays import Array
from convcalc.executor.fast.epilogue import Index
from convcalc.executor.kernels.windows import Sides, strided_windows
from convcalc.executor.workspace import Workspace

#: Bytes of a block with what it is computed from: they stay in the second-level cache.
BLOCK_BYTES = 1 << 20


class SlidingWindow(NamedTuple):
    """How a window slides over a map, with an entry for each axis.

    spans    positions from a window's first tap to its last
    sides    padding before and after the map
    outputs  numbers of windows
    """

    kernel: tuple[int, ...]
    spans: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    sides: Sides
    outputs: tuple[int, ...]


@lru_cache(maxsize=1024)
def window_over(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    spans: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    sides: Sides,
) -> SlidingWindow:
    """The window over a map of these sizes.

    NumPy counts the windows, on a view of a single number that takes no memory.
    """
    padded = [before + size + after for (before, after), size in zip(sides, sizes, strict=True)]
    views = strided_windows(
        np.broadcast_to(np.zeros(()), padded), spans, stride, dilation, first_axis=0
    )
    return SlidingWindow(kernel, spans, stride, dilation, sides, views.shape[: len(padded)])


def blocks(batch: int, outputs: Sequence[int], most: int, threads: int) -> list[Index]:
    """The index of each block of a value (batch, *outputs, channels): a sample and a part of it.

    A block has about `most` positions or fewer, whole rows wherever they fit, and is contiguous in
    memory. Each sample has a multiple of `threads` blocks, if it can be divided so.
    """
    total = prod(outputs)
    count = -(-total // max(most, 1))
    count += -count % threads
    most = -(-total // count)
    lengths = list(outputs)
    for axis in range(len(lengths)):
        rest = prod(outputs[axis + 1 :])
        lengths[axis] = min(max(1, most // rest), outputs[axis])
        if rest <= most:
            break
    ranges = [
        [slice(start, min(start + length, size)) for start in range(0, size, length)]
        for size, length in zip(outputs, lengths, strict=True)
    ]
    return list(product(range(batch), *ranges))


def padded_input(
    sample: Array,
    block: Sequence[slice],
    window: SlidingWindow,
    workspace: Workspace,
    fill: float,
) -> Array:
    """The padded input that a block of outputs needs, (*sizes, channels).

    It is a view of the sample (*sizes, channels) where no padding is needed.
    """
    inside, lengths, target = [], [], []
    for part, size, step, span, (before, _) in zip(
        block, sample.shape, window.stride, window.spans, window.sides, strict=False
    ):
        start = part.start * step - before
        stop = (part.stop - 1) * step - before + span
        low, high = min(max(start, 0), size), min(max(stop, 0), size)
        offset = max(-start, 0)
        inside.append(slice(low, high))
        lengths.append(stop - start)
        target.append(slice(offset, offset + high - low))
    data = sample[tuple(inside)]
    if list(data.shape[:-1]) == lengths:
        return data
    result = workspace.array("padded", (*lengths, sample.shape[-1]), sample.dtype)
    result[...] = fill
    result[tuple(target)] = data
    return result


def window_view(
    data: Array, block: Sequence[slice], window: SlidingWindow, merged: int = 1
) -> Array:
    """A view (*outputs, *kernel, channels) of the padded input of a block.

    With `merged` neighbouring columns treated as one it is (..., columns / merged, *kernel,
    merged * channels); the stride along the columns must be 1.
    """
    *strides, channel = data.strides
    outputs = [part.stop - part.start for part in block]
    steps = [length * step for length, step in zip(strides, window.stride, strict=True)]
    taps = [length * step for length, step in zip(strides, window.dilation, strict=True)]
    outputs[-1] //= merged
    steps[-1] *= merged
    return as_strided(
        data,
        (*outputs, *window.kernel, merged * data.shape[-1]),
        (*steps, *taps, channel),
    )


def unfold_dilated(
    sample: Array, block: Sequence[slice], window: SlidingWindow, columns: Array
) -> None:
    """Fills columns (*outputs of a block, *kernel, channels) from a sample, tap by tap.

    Dilated windows span far more positions than they read: their padded input would take more
    memory than the columns.
    """
    every = (slice(None),) * len(block)
    for tap in np.ndindex(*window.kernel):
        target, source = [], []
        for axis, (part, t) in enumerate(zip(block, tap, strict=True)):
            step, size = window.stride[axis], sample.shape[axis]
            # Output o reads the position o * step + first.
            first = t * window.dilation[axis] - window.sides[axis][0]
            low = max(part.start, -(first // step))
            high = max(low, min(part.stop, (size - 1 - first) // step + 1))
            target.append(slice(low - part.start, high - part.start))
            source.append(slice(low * step + first, max(high * step + first, 0), step))
        column = columns[every + tap]
        column[...] = 0
        column[tuple(target)] = sample[tuple(source)]
