"""Convolutions on values with channels last, by pieces."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.finish import Finish, Index
from convcalc.executor.fast.strips import Slide, pieces, strided, strip, unfold_by_taps, windows
from convcalc.executor.threads import Scratch, Team

#: Bytes of the columns of one piece: they and the piece's output stay in the second-level cache.
COLUMNS = 1 << 20
#: Bytes of the inputs and outputs of a piece of a pointwise convolution.
POINTWISE = 1 << 20
#: Positions of a piece, however wide its columns: each piece reads all of the weights once.
LEAST_POSITIONS = 196
#: Bytes of the output of a piece of a depthwise convolution.
STRIP = 1 << 20
#: Multiply-accumulates below which a second thread costs more than it saves.
FEW_MACS = 12_000_000
FEW_DEPTHWISE_MACS = 2_000_000


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
    rows = np.ascontiguousarray(used).reshape(-1, data.shape[-1])
    out = np.empty((*used.shape[:-1], weight.shape[-1]), data.dtype)
    flat = out.reshape(-1, out.shape[-1])
    if finish.residual is not None:
        finish = Finish(
            finish.bias, finish.residual.reshape(flat.shape), finish.activate, finish.factor
        )
    macs = len(rows) * weight.size
    threads = team.size if macs >= FEW_MACS else 1
    if groups == 1 and len(rows) < SMALL_MAP and threads > 1:
        _by_channels(rows, weight, flat, finish, team)
        return out
    # What a piece reads and writes stays in the second-level cache.
    touched = rows.shape[1] + out.shape[-1] * (1 if finish.residual is None else 2)
    most = positions_per_piece(len(rows), max(POINTWISE // (data.itemsize * touched), 64), threads)

    def work(start: int, scratch: Scratch) -> None:
        part = slice(start, start + most)
        _product(rows[part], weight, groups, flat[part])
        finish.apply(flat, (part,))

    team.run(work, range(0, len(rows), most), threads)
    return out


#: Positions below which threads share out the output channels, not the positions: each then reads
#: its half of the weights only, which are larger than the map.
SMALL_MAP = 400


def _by_channels(rows: Array, weight: Array, out: Array, finish: Finish, team: Team) -> None:
    channels = out.shape[-1]
    step = -(-channels // team.size)
    step += -step % 16

    def work(start: int, scratch: Scratch) -> None:
        part = slice(start, min(start + step, channels))
        np.matmul(rows, weight[:, part], out=out[:, part])
        finish.apply(out, (slice(None), part))

    team.run(work, range(0, channels, step))


def _product(columns: Array, weight: Array, groups: int, out: Array) -> None:
    """columns (rows, taps * c) times weight (taps * c / groups, c_out), group by group."""
    if groups == 1:
        np.matmul(columns, weight, out=out)
        return
    c_in, c_out = columns.shape[1] // groups, out.shape[1] // groups
    for group in range(groups):
        part = slice(group * c_out, (group + 1) * c_out)
        out[:, part] = columns[:, group * c_in : (group + 1) * c_in] @ weight[:, part]


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
    out = np.empty((batch, *slide.outputs, weight.shape[-1]), data.dtype)
    total = prod(slide.outputs)
    macs = batch * total * weight.size
    threads = team.size if macs >= FEW_MACS else 1
    small = groups == 1 and total < SMALL_MAP and threads > 1 and batch * total < 4 * SMALL_MAP
    width = taps * channels
    most = max(COLUMNS // (data.itemsize * width), LEAST_POSITIONS)
    most = positions_per_piece(total, most, threads)
    jobs = pieces(batch, slide.outputs, most)

    def unfold(index: Index, scratch: Scratch, columns: Array) -> None:
        n, *block = index
        if groups == 1 and max(slide.dilation) > 1:
            shape = (*[part.stop - part.start for part in block], *slide.kernel, channels)
            unfold_by_taps(data[n], block, slide, columns.reshape(shape))
            return
        view = windows(strip(data[n], block, slide, scratch, 0), block, slide)
        if groups > 1:
            # The channels of a group stand together, behind them its taps: one matrix a group.
            grouped = view.reshape(*view.shape[:-1], groups, channels // groups)
            view = np.moveaxis(grouped, -2, len(block))
        columns.reshape(view.shape)[...] = view

    if small:
        columns = np.empty((batch, *slide.outputs, width), data.dtype)

        def fill(index: Index, scratch: Scratch) -> None:
            unfold(index, scratch, columns[index])

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

    def work(index: Index, scratch: Scratch) -> None:
        piece = out[index]
        rows = piece.reshape(-1, piece.shape[-1])
        columns = scratch.array("columns", (len(rows), width), data.dtype)
        unfold(index, scratch, columns)
        _product(columns, weight, groups, rows)
        finish.apply(out, index)

    team.run(work, jobs, threads)
    return out


def depthwise(data: Array, weight: Array, slide: Slide, finish: Finish, team: Team) -> Array:
    """Convolution of each channel on its own: a sum over the taps, all channels at once.

    data (n, *sizes, c), weight (*kernel, c * multiplier) -> (n, *outputs, c * multiplier)

    Buffer: the padded strip, about `STRIP` bytes a thread, times the square of the stride.
    """
    batch, channels = len(data), data.shape[-1]
    c_out = weight.shape[-1]
    multiplier = c_out // channels
    out = np.empty((batch, *slide.outputs, c_out), data.dtype)
    total = prod(slide.outputs)
    threads = team.size if batch * total * weight.size >= FEW_DEPTHWISE_MACS else 1
    most = positions_per_piece(total, STRIP // (data.itemsize * channels), threads)
    rank = len(slide.outputs)
    places, taps = list(range(rank)), list(range(rank, 2 * rank))
    channel = 2 * rank
    merged = _merged(slide, channels) if multiplier == 1 else 1
    across = slide.outputs[-1] // merged
    if merged > 1:
        weight = np.tile(weight, merged)
        most = max(most, slide.outputs[-1])

    def work(index: Index, scratch: Scratch) -> None:
        n, *block = index
        lines = strip(data[n], block, slide, scratch, 0)
        view = windows(lines, block, slide)
        result = out[index]
        if merged > 1:
            # Neighbouring columns lie behind each other, in the input and in the output.
            strides = list(view.strides)
            strides[rank - 1] *= merged
            shape = (*view.shape[: rank - 1], across, *slide.kernel, merged * channels)
            view = strided(lines, shape, strides)
            result = result.reshape(*result.shape[:-2], across, merged * channels)
        for copy in range(multiplier):
            np.einsum(
                view,
                [*places, *taps, channel],
                weight[..., copy::multiplier],
                [*taps, channel],
                [*places, channel],
                out=result[..., copy::multiplier],
            )
        finish.apply(out, index)

    team.run(work, pieces(batch, slide.outputs, most), threads)
    return out


#: Numbers that the innermost loop of a depthwise convolution should have at least.
LOOP = 384


def _merged(slide: Slide, channels: int) -> int:
    """How many neighbouring output columns a depthwise convolution can treat as one.

    At stride 1 their windows lie behind each other in memory, tap by tap, so that a loop over
    few channels becomes one over many. Whole rows only, so that pieces are cut between rows.
    """
    width = slide.outputs[-1]
    if slide.stride[-1] > 1 or len(slide.outputs) < 2:
        return 1
    for count in range(1, width + 1):
        if width % count == 0 and count * channels >= LOOP:
            return count
    return width


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

    def work(job: tuple[int, int], scratch: Scratch) -> None:
        group, start = job
        stop = min(start + step, c_out)
        part = rows[:, group * c_in : (group + 1) * c_in]
        target = full[..., group * c_out + start : group * c_out + stop]
        products = scratch.array("columns", (len(rows), stop - start), data.dtype)
        for tap in np.ndindex(*how.kernel):
            kernel = weight[tap][group * c_in : (group + 1) * c_in, start:stop]
            np.matmul(part, kernel, out=products)
            where: list[Any] = [slice(None)]
            for t, size, s, d in zip(tap, sizes, how.stride, how.dilation, strict=True):
                where.append(slice(t * d, t * d + (size - 1) * s + 1, s))
            target[tuple(where)] += products.reshape(batch, *sizes, stop - start)

    team.run(work, jobs)
