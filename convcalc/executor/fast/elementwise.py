"""Operations that look at one position at a time, by blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from convcalc.executor.arrays import Array, channels_first, channels_last, packed
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.workspace import Workspace

#: Numbers of a block, and so of each of a kernel's temporaries.
BLOCK = 65_536


def positionwise(
    inputs: Sequence[Array], compute: Callable[..., Array], out: Array | None, pool: ThreadPool
) -> Array:
    """What a kernel computes of each position's channels.

    The inputs (n, c, *sizes) have one shape; `compute` takes a block (positions, c) of each and
    returns one. `out` receives the result: the first input, to change it in place, or None for a
    new value.

    Buffers: the kernel's temporaries of `BLOCK` numbers for each thread.
    """
    values = [packed(value) for value in inputs]
    target = np.empty_like(values[0]) if out is None else channels_last(out)
    channels = target.shape[-1]
    rows, results = [value.reshape(-1, channels) for value in values], target.reshape(-1, channels)
    step = max(1, BLOCK // channels)

    def fill(start: int, _: Workspace) -> None:
        part = slice(start, start + step)
        results[part] = compute(*[value[part] for value in rows])

    pool.run(fill, range(0, len(results), step))
    return channels_first(target)
