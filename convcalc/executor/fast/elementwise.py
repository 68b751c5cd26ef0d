"""Operations that look at one position at a time, by pieces that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from convcalc.executor.arrays import Array, channels_first, channels_last
from convcalc.executor.threads import Team, Worker, fill

if TYPE_CHECKING:
    import numpy as np

#: Numbers of a piece: a kernel's temporaries are this long, not as long as the value.
PIECE = 65_536


def positionwise(
    data: Array, compute: Callable[[Array], Array], out: Array | None, team: Team
) -> Array:
    """What a kernel makes of each position's channels.

    data (n, c, *sizes); `compute` takes and gives (positions, c). `out` is where to put the result,
    the data itself for a change in place, or None for a new value.

    Buffer: the kernel's temporaries for `PIECE` numbers a thread.
    """
    last = team.packed(data)
    target = team.empty(last.shape, last.dtype) if out is None else channels_last(out)
    rows, results = last.reshape(-1, last.shape[-1]), target.reshape(-1, last.shape[-1])
    step = max(1, PIECE // rows.shape[1])

    def lists(start: int, worker: Worker) -> None:
        part = slice(start, start + step)
        worker.do(fill, results[part], compute, rows[part])

    team.run(lists, range(0, len(rows), step))
    return channels_first(target)


def combined(values: Sequence[Array], combine: np.ufunc, team: Team, out: Array | None) -> Array:
    """Values of one shape, (n, c, *sizes), combined element by element."""
    flats = [team.packed(value) for value in values]
    target = team.empty(flats[0].shape, flats[0].dtype) if out is None else channels_last(out)
    lines, result = [flat.reshape(-1) for flat in flats], target.reshape(-1)

    def lists(start: int, worker: Worker) -> None:
        part = slice(start, start + PIECE)
        worker.do(combine, lines[0][part], lines[1][part], result[part])
        for line in lines[2:]:
            worker.do(combine, result[part], line[part], result[part])

    team.run(lists, range(0, len(result), PIECE))
    return channels_first(target)
