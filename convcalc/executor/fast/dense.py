"""The dense layer by blocks of units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.finish import Finish
from convcalc.executor.store import Scratch
from convcalc.executor.threads import Team, Worker

#: Rows of the weight, given where they begin and end and a buffer that may hold them.
Rows = Callable[[int, int, Scratch], Array]


#: Multiply-accumulates below which a second thread costs more than it saves.
FEW_MACS = 3_000_000


def dense(data: Array, rows: Rows, units: int, step: int, finish: Finish, team: Team) -> Array:
    """data (n, inputs), `rows` giving parts of the weight (units, inputs) -> (n, units).

    The product reads every weight once, so its time is the memory's; a block's weights can be made
    when they are needed and forgotten.

    Buffer: `step` rows of weights a thread, where they are made on the way.
    """
    out = team.empty((len(data), units), data.dtype)

    def lists(start: int, worker: Worker) -> None:
        part = slice(start, min(start + step, units))
        worker.do(_multiply, data, rows, part, worker, out[:, part])
        finish.apply(worker, out, (slice(None), part))

    threads = team.size if data.size * units >= FEW_MACS else 1
    team.run(lists, range(0, units, step), threads)
    return out


def _multiply(data: Array, rows: Rows, part: slice, scratch: Scratch, out: Array) -> None:
    np.matmul(data, rows(part.start, part.stop, scratch).T, out=out)
