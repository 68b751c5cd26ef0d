"""Depthwise separable convolutions: a depthwise layer with the pointwise ones around it, as one.

Sandler et al., arXiv:1801.04381, section 5: the expanded map of an inverted residual need never be
there as a whole. It is made, filtered and projected strip by strip, while the strip is in the
cache; threads meet once for three layers, not three times.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.convolution import list_sums, taps_of
from convcalc.executor.fast.finish import Finish
from convcalc.executor.fast.strips import Slide, fill_border, frame_of, strip
from convcalc.executor.threads import Team, Worker

#: Bytes of the padded strip that a piece filters.
STRIP = 5 << 19


class Pointwise(NamedTuple):
    """A convolution with a window of one position: its weight (c, c_out), and what follows it."""

    weight: Array
    finish: Finish


def separable(
    data: Array,
    expand: Pointwise | None,
    weight: Array,
    slide: Slide,
    finish: Finish,
    project: Pointwise | None,
    team: Team,
) -> Array:
    """Pointwise, depthwise, pointwise; either pointwise convolution may be missing.

    data (n, *sizes, c), the depthwise weight (*kernel, e) -> (n, *outputs, c_out)

    Rows where strips meet are expanded twice.

    Buffer: `STRIP` bytes of the padded strip a thread, and as much before and behind the filter.
    """
    batch, channels = len(data), weight.shape[-1]
    rows, *others = slide.outputs
    c_out = channels if project is None else project.weight.shape[-1]
    out = team.empty((batch, *slide.outputs, c_out), data.dtype)
    taps = taps_of(weight, channels, slide)

    macs = prod(slide.outputs) * (weight.size + (project.weight.size if project else 0))
    macs += prod(data.shape[1:-1]) * (expand.weight.size if expand else 0)
    threads = team.worth(batch * macs, batch * prod(slide.outputs) * channels)
    whole = frame_of(data.shape[1:-1], [slice(0, size) for size in slide.outputs], slide)
    height = max(1, STRIP // (data.itemsize * channels * prod(whole.lengths[1:])))
    step = max(1, (height - slide.spans[0]) // slide.stride[0] + 1)
    pieces = -(-rows // step)
    step = -(-rows // (pieces + -pieces % threads))

    def lists(job: tuple[int, int], worker: Worker) -> None:
        n, top = job
        block = (slice(top, min(top + step, rows)), *[slice(0, size) for size in others])
        lines = (
            strip(data[n], block, slide, worker, 0)
            if expand is None
            else _expanded(worker, data[n], block, slide, expand)
        )
        result = out[n, block[0]]
        if project is None:
            sums = list_sums(worker, lines, block, slide, taps, result)
            finish.apply(worker, out, (n, block[0]), sums)
            return
        filtered = worker.array("filtered", (*result.shape[:-1], channels), data.dtype)
        sums = list_sums(worker, lines, block, slide, taps, filtered)
        finish.apply(worker, filtered, (slice(None),), sums)
        matrix, product = filtered.reshape(-1, channels), result.reshape(-1, c_out)
        worker.do(np.matmul, matrix, project.weight, product)
        project.finish.apply(worker, out, (n, block[0]))

    jobs = [(n, top) for n in range(batch) for top in range(0, rows, step)]
    team.run(lists, jobs, threads)
    return out


def _expanded(
    worker: Worker, sample: Array, block: tuple[slice, ...], slide: Slide, expand: Pointwise
) -> Array:
    """The padded input of a block, expanded: what is padded is the expanded map, with zeros."""
    frame = frame_of(sample.shape[:-1], block, slide)
    channels = expand.weight.shape[-1]
    used = sample[frame.inside]
    if not used.flags.c_contiguous:
        # A stride leaves the last columns out.
        whole = worker.array("used", used.shape, sample.dtype)
        worker.do(np.copyto, whole, used)
        used = whole
    positions = used.reshape(-1, used.shape[-1])
    products = worker.array("expanded", (len(positions), channels), sample.dtype)
    worker.do(np.matmul, positions, expand.weight, products)
    lines = worker.array("strip", (*frame.lengths, channels), sample.dtype)
    fill_border(worker, lines, frame, 0)
    expand.finish.apply(worker, lines, frame.target, products.reshape(*used.shape[:-1], channels))
    return lines
