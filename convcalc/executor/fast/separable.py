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
from convcalc.executor.fast.convolution import FEW_VALUES, sums_of, taps_of
from convcalc.executor.fast.finish import Finish
from convcalc.executor.fast.strips import Slide, fill_border, frame_of, strip
from convcalc.executor.store import Scratch
from convcalc.executor.threads import Team

#: Bytes of the padded strip that a piece filters.
STRIP = 5 << 19
#: Multiply-accumulates below which a second thread costs more than it saves: strips of small maps
#: take a dozen short calls, at each of which the threads may wait for each other.
FEW_MACS = 30_000_000


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
    values = prod(slide.outputs) * channels
    worth = batch * macs >= FEW_MACS or batch * values >= FEW_VALUES
    threads = team.size if worth else 1
    whole = frame_of(data.shape[1:-1], [slice(0, size) for size in slide.outputs], slide)
    height = max(1, STRIP // (data.itemsize * channels * prod(whole.lengths[1:])))
    step = max(1, (height - slide.spans[0]) // slide.stride[0] + 1)
    pieces = -(-rows // step)
    step = -(-rows // (pieces + -pieces % threads))

    def work(job: tuple[int, int], scratch: Scratch) -> None:
        n, top = job
        block = (slice(top, min(top + step, rows)), *[slice(0, size) for size in others])
        lines = (
            strip(data[n], block, slide, scratch, 0)
            if expand is None
            else _expanded(data[n], block, slide, expand, scratch)
        )
        result = out[n, block[0]]
        if project is None:
            finish.apply(out, (n, block[0]), sums_of(lines, block, slide, taps, result, scratch))
            return
        filtered = scratch.array("filtered", (*result.shape[:-1], channels), data.dtype)
        sums = sums_of(lines, block, slide, taps, filtered, scratch)
        finish.apply(filtered, (slice(None),), sums)
        np.matmul(filtered.reshape(-1, channels), project.weight, out=result.reshape(-1, c_out))
        project.finish.apply(out, (n, block[0]))

    jobs = [(n, top) for n in range(batch) for top in range(0, rows, step)]
    team.run(work, jobs, threads)
    return out


def _expanded(
    sample: Array, block: tuple[slice, ...], slide: Slide, expand: Pointwise, scratch: Scratch
) -> Array:
    """The padded input of a block, expanded: what is padded is the expanded map, with zeros."""
    frame = frame_of(sample.shape[:-1], block, slide)
    channels = expand.weight.shape[-1]
    used = sample[frame.inside]
    positions = np.ascontiguousarray(used).reshape(-1, used.shape[-1])
    products = scratch.array("expanded", (len(positions), channels), sample.dtype)
    np.matmul(positions, expand.weight, out=products)
    lines = scratch.array("strip", (*frame.lengths, channels), sample.dtype)
    fill_border(lines, frame, 0)
    expand.finish.apply(lines, frame.target, products.reshape(*used.shape[:-1], channels))
    return lines
