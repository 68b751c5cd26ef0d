"""Pieces of a layer's output, and the part of the input that each needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcalc.executor.arrays import Array
from convcalc.executor.fast.finish import Index
from convcalc.executor.kernels.windows import Sides, strided_windows
from convcalc.executor.threads import Worker


class Slide(NamedTuple):
    """How a window slides over a map: what a kernel needs to know of it, each axis its own entry.

    `outputs` are the numbers of windows, as NumPy's view of them has it.
    """

    kernel: tuple[int, ...]
    spans: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    sides: Sides
    outputs: tuple[int, ...]


@lru_cache(maxsize=1024)
def slide_over(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    spans: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    sides: Sides,
) -> Slide:
    """The slide of a window over a map of these sizes.

    The windows are counted on a map of one number repeated, which takes no memory. (Layers of a
    network repeat, and so do its runs: it is counted once.)
    """
    grown = [before + size + after for (before, after), size in zip(sides, sizes, strict=True)]
    windows = strided_windows(
        np.broadcast_to(np.zeros(()), grown), spans, stride, dilation, first_axis=0
    )
    outputs = windows.shape[: len(grown)]
    return Slide(kernel, spans, stride, dilation, sides, outputs)


def pieces(batch: int, outputs: Sequence[int], most: int) -> list[Index]:
    """The index of each piece of a value (batch, *outputs, channels): a sample, and a block of it.

    Blocks have at most `most` positions (or one), whole rows wherever they fit. All axes before the
    one that is cut have length 1 in a block, all after it are whole, so that a block is one stretch
    of memory.
    """
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


def strip(
    sample: Array,
    block: Sequence[slice],
    slide: Slide,
    worker: Worker,
    fill: float,
) -> Array:
    """The padded input that a block of outputs needs, (*sizes, channels).

    A view of the sample (*sizes, channels) where no padding is needed, else a buffer of the worker,
    which lists what fills it.
    """
    frame = frame_of(sample.shape[:-1], block, slide)
    data = sample[frame.inside]
    if data.shape[:-1] == frame.lengths:
        return data
    result = worker.array("strip", (*frame.lengths, sample.shape[-1]), sample.dtype)
    fill_border(worker, result, frame, fill)
    worker.do(np.copyto, result[frame.target], data)
    return result


class Frame(NamedTuple):
    """The padded input of a block of outputs: its lengths, and which input lies where in it."""

    inside: tuple[slice, ...]
    lengths: tuple[int, ...]
    target: tuple[slice, ...]


def frame_of(sizes: Sequence[int], block: Sequence[slice], slide: Slide) -> Frame:
    """The frame of a block of outputs on a map of these sizes."""
    inside, lengths, target = [], [], []
    for part, size, step, span, (before, _) in zip(
        block, sizes, slide.stride, slide.spans, slide.sides, strict=True
    ):
        start = part.start * step - before
        stop = (part.stop - 1) * step - before + span
        low, high = min(max(start, 0), size), min(max(stop, 0), size)
        offset = max(-start, 0)
        inside.append(slice(low, high))
        lengths.append(stop - start)
        target.append(slice(offset, offset + high - low))
    return Frame(tuple(inside), tuple(lengths), tuple(target))


def fill_border(worker: Worker, result: Array, frame: Frame, fill: float) -> None:
    """Lists what sets the parts without input: along each axis those before and after it."""
    where: list[slice] = []
    for part, length in zip(frame.target, frame.lengths, strict=True):
        if part.start:
            border = (*where, slice(0, part.start))
            worker.do(np.copyto, result[border], fill)
        if part.stop < length:
            border = (*where, slice(part.stop, length))
            worker.do(np.copyto, result[border], fill)
        where.append(part)


def windows(data: Array, block: Sequence[slice], slide: Slide) -> Array:
    """The windows of a strip, (*outputs, *kernel, channels), a view."""
    strides = data.strides
    counts = [part.stop - part.start for part in block]
    rank = len(counts)
    shape = (*counts, *slide.kernel, data.shape[-1])
    steps = [strides[axis] * slide.stride[axis] for axis in range(rank)]
    taps = [strides[axis] * slide.dilation[axis] for axis in range(rank)]
    return strided(data, shape, (*steps, *taps, strides[-1]))


def unfold_by_taps(
    worker: Worker, sample: Array, block: Sequence[slice], slide: Slide, columns: Array
) -> None:
    """Lists what fills columns (*outputs of a block, *kernel, channels) from a sample by taps.

    Dilated windows span far more input than they read: nothing is padded here, which would take a
    large strip, but each tap's part of the input is copied and the rest set to zero.
    """
    rank = len(block)
    for tap in np.ndindex(*slide.kernel):
        target, source = [], []
        for axis, (part, t) in enumerate(zip(block, tap, strict=True)):
            step, size = slide.stride[axis], sample.shape[axis]
            first = t * slide.dilation[axis] - slide.sides[axis][0]
            # Output o reads the position o * step + first; it lies on the input from low to high.
            low = max(part.start, -(first // step))
            high = max(low, min(part.stop, (size - 1 - first) // step + 1))
            target.append(slice(low - part.start, high - part.start))
            source.append(slice(low * step + first, max(high * step + first, 0), step))
        seen = columns[(slice(None),) * rank + tap]
        whole = all(t.stop - t.start == n for t, n in zip(target, seen.shape, strict=False))
        if not whole:
            worker.do(np.copyto, seen, 0)
        if all(t.start < t.stop for t in target):
            worker.do(np.copyto, seen[tuple(target)], sample[tuple(source)])


def strided(data: Array, shape: Sequence[int], strides: Sequence[int]) -> Array:
    """A view with other axes; `as_strided` takes four times as long where memory has no gaps."""
    if data.flags.c_contiguous:
        whole: Array = np.ndarray(shape, data.dtype, data, 0, strides)
        return whole
    return as_strided(data, shape, strides)
