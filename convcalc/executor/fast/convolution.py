"""Convolutions on values with channels last, by pieces."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.finish import Finish, Index
from convcalc.executor.fast.strips import Slide, pieces, strided, strip, unfold_by_taps, windows
from convcalc.executor.threads import Team, Worker

#: Bytes of the columns of one piece: they and the piece's output stay in the second-level cache.
COLUMNS = 1 << 20
#: Bytes of the inputs and outputs of a piece of a pointwise convolution.
POINTWISE = 1 << 20
#: Positions of a piece, however wide its columns: each piece reads all of the weights once.
LEAST_POSITIONS = 196
#: Bytes of the output of a piece of a depthwise convolution.
STRIP = 1 << 20


def positions_per_piece(total: int, most: int, threads: int) -> int:
    """At most `most` positions a piece, the same number of equal pieces for every thread."""
    pieces = -(-total // max(most, 1))
    pieces += -pieces % threads
    return max(1, -(-total // pieces))


def pointwise(
    data: Array, weight: Array, stride: Sequence[int], groups: int, finish: Finish, team: Team
) -> Array:
    """A convolution with a window of one position: a matrix product of the positions.

    data (n, *sizes, c), weight (c / groups, c_out) -> (n, *outputs, c_out)

    Buffer: with a stride, the positions that are used, at most `COLUMNS` a thread.
    """
    every = (slice(None), *[slice(None, None, s) for s in stride])
    used = data[every]
    rows = team.compact(used).reshape(-1, data.shape[-1])
    out = team.empty((*used.shape[:-1], weight.shape[-1]), data.dtype)
    flat = out.reshape(-1, out.shape[-1])
    if finish.residual is not None:
        finish = Finish(
            finish.bias, finish.residual.reshape(flat.shape), finish.activate, finish.factor
        )
    threads = team.worth(len(rows) * weight.size, flat.size)
    if groups == 1 and len(rows) < SMALL_MAP and threads > 1:
        _by_channels(rows, weight, flat, finish, team)
        return out
    # What a piece reads and writes stays in the second-level cache.
    touched = rows.shape[1] + out.shape[-1] * (1 if finish.residual is None else 2)
    most = positions_per_piece(len(rows), max(POINTWISE // (data.itemsize * touched), 64), threads)

    def lists(start: int, worker: Worker) -> None:
        part = slice(start, start + most)
        _product(worker, rows[part], weight, groups, flat[part])
        finish.apply(worker, flat, (part,))

    team.run(lists, range(0, len(rows), most), threads)
    return out


#: Positions below which threads share out the output channels, not the positions: each then reads
#: its half of the weights only, which are larger than the map.
SMALL_MAP = 400


def _by_channels(rows: Array, weight: Array, out: Array, finish: Finish, team: Team) -> None:
    channels = out.shape[-1]
    step = -(-channels // team.size)
    step += -step % 16

    def lists(start: int, worker: Worker) -> None:
        part = slice(start, min(start + step, channels))
        worker.do(np.matmul, rows, weight[:, part], out[:, part])
        finish.apply(worker, out, (slice(None), part))

    team.run(lists, range(0, channels, step))


def _product(worker: Worker, columns: Array, weight: Array, groups: int, out: Array) -> None:
    """columns (rows, taps * c) times weight (taps * c / groups, c_out), group by group."""
    if groups == 1:
        worker.do(np.matmul, columns, weight, out)
        return
    c_in, c_out = columns.shape[1] // groups, out.shape[1] // groups
    for group in range(groups):
        part = slice(group * c_out, (group + 1) * c_out)
        inside = columns[:, group * c_in : (group + 1) * c_in]
        worker.do(np.matmul, inside, weight[:, part], out[:, part])


def direct(
    data: Array, weight: Array, slide: Slide, groups: int, finish: Finish, team: Team
) -> Array:
    """Convolution as a matrix product of the unfolded windows (im2col), strip by strip.

    data (n, *sizes, c), weight (taps * c / groups, c_out) -> (n, *outputs, c_out)

    Only a strip of output rows is unfolded at a time, into columns that stay in the cache; its
    product is finished there too. On small maps all columns are made first and the output channels
    are shared out.

    Buffer: `COLUMNS` bytes a thread, or all columns of a small map.
    """
    batch, channels = len(data), data.shape[-1]
    taps = prod(slide.kernel)
    out = team.empty((batch, *slide.outputs, weight.shape[-1]), data.dtype)
    total = prod(slide.outputs)
    threads = team.worth(batch * total * weight.size, out.size)
    small = groups == 1 and total < SMALL_MAP and threads > 1 and batch * total < 4 * SMALL_MAP
    width = taps * channels
    most = max(COLUMNS // (data.itemsize * width), LEAST_POSITIONS)
    most = positions_per_piece(total, most, threads)
    jobs = pieces(batch, slide.outputs, most)

    def unfold(index: Index, worker: Worker, columns: Array) -> None:
        n, *block = index
        if groups == 1 and max(slide.dilation) > 1:
            shape = (*[part.stop - part.start for part in block], *slide.kernel, channels)
            unfold_by_taps(worker, data[n], block, slide, columns.reshape(shape))
            return
        view = windows(strip(data[n], block, slide, worker, 0), block, slide)
        if groups > 1:
            # The channels of a group stand together, behind them its taps: one matrix a group.
            grouped = view.reshape(*view.shape[:-1], groups, channels // groups)
            view = np.moveaxis(grouped, -2, len(block))
        worker.do(np.copyto, columns.reshape(view.shape), view)

    if small:
        columns = team.empty((batch, *slide.outputs, width), data.dtype)

        def fill(index: Index, worker: Worker) -> None:
            unfold(index, worker, columns[index])

        team.run(fill, jobs)
        flat = out.reshape(-1, out.shape[-1])
        residual = finish.residual
        whole = Finish(
            finish.bias,
            None if residual is None else residual.reshape(flat.shape),
            finish.activate,
            finish.factor,
        )
        _by_channels(columns.reshape(-1, width), weight, flat, whole, team)
        return out

    def lists(index: Index, worker: Worker) -> None:
        piece = out[index]
        rows = piece.reshape(-1, piece.shape[-1])
        columns = worker.array("columns", (len(rows), width), data.dtype)
        unfold(index, worker, columns)
        _product(worker, columns, weight, groups, rows)
        finish.apply(worker, out, index)

    team.run(lists, jobs, threads)
    return out


def depthwise(data: Array, weight: Array, slide: Slide, finish: Finish, team: Team) -> Array:
    """Convolution of each channel on its own: a sum over the taps, all channels at once.

    data (n, *sizes, c), weight (*kernel, c * multiplier) -> (n, *outputs, c * multiplier)

    Buffer: the padded strip, about `STRIP` bytes a thread, times the square of the stride.
    """
    batch, channels = len(data), data.shape[-1]
    out = team.empty((batch, *slide.outputs, weight.shape[-1]), data.dtype)
    total = prod(slide.outputs)
    threads = team.worth(batch * total * weight.size, out.size)
    most = positions_per_piece(total, STRIP // (data.itemsize * channels), threads)
    taps = taps_of(weight, channels, slide)
    if taps.merged > 1:
        most = max(most, slide.outputs[-1])

    def lists(index: Index, worker: Worker) -> None:
        n, *block = index
        lines = strip(data[n], block, slide, worker, 0)
        sums = list_sums(worker, lines, block, slide, taps, out[index])
        finish.apply(worker, out, index, sums)

    team.run(lists, pieces(batch, slide.outputs, most), threads)
    return out


class Taps(NamedTuple):
    """The weight of a depthwise convolution, (*kernel, merged * c * multiplier).

    merged  neighbouring columns that are treated as one
    """

    weight: Array
    merged: int


#: Numbers that the innermost loop of a depthwise convolution should have at least.
LOOP = 2_000
#: Channels up to which a loop over several columns pays even if a stride drops most of them.
FEW_CHANNELS = 256


def taps_of(weight: Array, channels: int, slide: Slide) -> Taps:
    """The weight (*kernel, c * multiplier), repeated for the columns that are treated as one.

    At stride 1 the windows of neighbouring columns lie behind each other in memory, tap by tap, so
    that a loop over few channels becomes one over many. Whole rows only, so that pieces are cut
    between rows. With a stride the columns that it skips are calculated too, and dropped.
    """
    stride = slide.stride[-1]
    alone = weight.shape[-1] != channels or len(slide.outputs) < 2
    if alone or (stride > 1 and channels > FEW_CHANNELS) or stride > 2:
        return Taps(weight, 1)
    columns = (slide.outputs[-1] - 1) * stride + 1
    counts = [count for count in range(1, columns + 1) if columns % count == 0]
    merged = next((count for count in counts if count * channels >= LOOP), columns)
    return Taps(np.tile(weight, merged), merged)


def list_sums(
    worker: Worker,
    lines: Array,
    block: Sequence[slice],
    slide: Slide,
    taps: Taps,
    result: Array,
) -> Array:
    """Where the sums of a block of outputs, (*outputs, c * multiplier), will lie.

    The worker lists what makes them from the padded input: in `result`, or with a stride in a
    buffer, among those that are dropped.
    """
    view, weight, merged = windows(lines, block, slide), taps.weight, taps.merged
    rank, channels, stride = len(block), lines.shape[-1], slide.stride[-1]
    multiplier = result.shape[-1] // channels
    sums = target = result
    if merged > 1:
        columns = (result.shape[-2] - 1) * stride + 1
        if stride > 1:
            shape = (*result.shape[:-2], columns, channels)
            target = worker.array("columns", shape, result.dtype)
            sums = target[..., ::stride, :]
        # Neighbouring columns lie behind each other, in the input and in the output.
        strides = list(view.strides)
        strides[rank - 1] = lines.strides[-2] * merged
        across = columns // merged
        shape = (*view.shape[: rank - 1], across, *slide.kernel, merged * channels)
        view = strided(lines, shape, strides)
        target = target.reshape(*result.shape[:-2], across, merged * channels)
    for copy in range(multiplier):
        every = (..., slice(copy, None, multiplier))
        worker.do(_sum_taps, view, weight[every], target[every])
    return sums


def _sum_taps(view: Array, weight: Array, out: Array) -> None:
    """View (*outputs, *kernel, c), weight (*kernel, c) -> out (*outputs, c)."""
    rank = weight.ndim - 1
    places, window, channel = range(rank), range(rank, 2 * rank), 2 * rank
    np.einsum(
        view,
        [*places, *window, channel],
        weight,
        [*window, channel],
        [*places, channel],
        out=out,
    )


class Transposition(NamedTuple):
    """A transposed convolution: its slide over the uncropped output, and what is cropped."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


def transposed(data: Array, weight: Array, how: Transposition, full: Array, team: Team) -> None:
    """Transposed convolution: each tap's product is added to the positions it lands on.

    data (n, *sizes, c), weight (*kernel, c, c_out / groups); `full`, (n, *uncropped, c_out), holds
    zeros and receives the result.

    Buffer: the products of one tap, the size of the input with c_out channels.
    """
    batch, sizes = len(data), data.shape[1:-1]
    groups = how.groups
    rows = data.reshape(-1, data.shape[-1])
    c_in, c_out = rows.shape[1] // groups, weight.shape[-1]

    # Groups write to channels of their own, so that threads may share them out; within a group the
    # taps come one after the other.
    step = c_out if groups > 1 else max(16, -(-c_out // team.size))
    jobs = [(g, start) for g in range(groups) for start in range(0, c_out, step)]

    def lists(job: tuple[int, int], worker: Worker) -> None:
        group, start = job
        stop = min(start + step, c_out)
        part = rows[:, group * c_in : (group + 1) * c_in]
        target = full[..., group * c_out + start : group * c_out + stop]
        products = worker.array("columns", (len(rows), stop - start), data.dtype)
        for tap in np.ndindex(*how.kernel):
            kernel = weight[tap][group * c_in : (group + 1) * c_in, start:stop]
            worker.do(np.matmul, part, kernel, products)
            where: list[Any] = [slice(None)]
            for t, size, s, d in zip(tap, sizes, how.stride, how.dilation, strict=True):
                where.append(slice(t * d, t * d + (size - 1) * s + 1, s))
            landing = target[tuple(where)]
            worker.do(np.add, landing, products.reshape(batch, *sizes, stop - start), landing)

    team.run(lists, jobs)
