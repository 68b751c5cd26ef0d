"""The dense layer by blocks of units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.epilogue import Epilogue
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.workspace import Workspace

#: Rows of a weight from a start to a stop, perhaps in the workspace.
WeightRows = Callable[[int, int, Workspace], Array]


def dense(
    data: Array, rows: WeightRows, units: int, step: int, epilogue: Epilogue, pool: ThreadPool
) -> Array:
    """data (n, inputs), weight (units, inputs) -> (n, units), `step` units at a time.

    Buffers: `step` rows of the weight for each thread, where `rows` generates them.
    """
    out = np.empty((len(data), units), data.dtype)

    def compute(start: int, workspace: Workspace) -> None:
        stop = min(start + step, units)
        np.matmul(data, rows(start, stop, workspace).T, out=out[:, start:stop])
        epilogue.apply(out, (slice(None), slice(start, stop)))

    pool.run(compute, range(0, units, step))
    return out
