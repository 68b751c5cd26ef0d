"""Pooling on values with channels last, by strips: one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.convolution import COLUMNS, positions_per_piece
from convcalc.executor.fast.finish import Index
from convcalc.executor.fast.strips import Slide, pieces, strip
from convcalc.executor.threads import Team, Worker

#: Values of the result below which a second thread costs more than it saves.
FEW_VALUES = 100_000


def pooled(data: Array, slide: Slide, combine: np.ufunc, fill: float, team: Team) -> Array:
    """The windows' values combined by `np.maximum`, `np.minimum` or `np.add`.

    Rows are combined first, then columns: k + k steps an output in place of k * k.

    data (n, *sizes, c) -> (n, *outputs, c)

    Buffer: a padded strip and its combined rows, about `COLUMNS` bytes a thread.
    """
    batch, channels = len(data), data.shape[-1]
    out = team.empty((batch, *slide.outputs, channels), data.dtype)
    total = prod(slide.outputs)
    threads = team.size if out.size >= FEW_VALUES else 1
    width = data.itemsize * channels * prod(slide.stride)
    most = positions_per_piece(total, COLUMNS // 4 // width, threads)

    def lists(index: Index, worker: Worker) -> None:
        n, *block = index
        value = strip(data[n], block, slide, worker, fill)
        result = out[index]
        for axis, count in enumerate(result.shape[:-1]):
            shape = (*result.shape[: axis + 1], *value.shape[axis + 1 :])
            target = result if shape == result.shape else None
            if target is None or axis < result.ndim - 2:
                target = worker.array(f"axis{axis}", shape, data.dtype)
            taps = _taps(value, axis, count, slide)
            if len(taps) == 1:
                worker.do(np.copyto, target, taps[0])
            else:
                worker.do(_combine, combine, taps[0], taps[1], target)
            for tap in taps[2:]:
                worker.do(_combine, combine, target, tap, target)
            value = target

    team.run(lists, pieces(batch, slide.outputs, most), threads)
    return out


def _taps(value: Array, axis: int, count: int, slide: Slide) -> Sequence[Array]:
    """What each tap of the window sees along one axis."""
    step, dilation = slide.stride[axis], slide.dilation[axis]
    lines = value.swapaxes(0, axis)
    return [
        lines[t * dilation : t * dilation + (count - 1) * step + 1 : step].swapaxes(0, axis)
        for t in range(slide.kernel[axis])
    ]


def _combine(combine: np.ufunc, one: Array, other: Array, out: Array) -> None:
    # (NumPy wants to be told by name where `np.maximum` puts its result.)
    combine(one, other, out=out)
