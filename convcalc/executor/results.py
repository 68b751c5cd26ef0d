"""The largest of a network's results."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.shapes import Shape


class Largest(NamedTuple):
    """The largest values of one sample's result.

    shape   of the result, for one sample
    places  where they are, the largest first: one index for a vector, else one for each axis
    values  what they are
    """

    shape: Shape
    places: tuple[Shape, ...]
    values: tuple[float, ...]


def largest(result: Array, count: int) -> list[Largest]:
    """The `count` largest values of a result (batch, channels, *spatial), for each sample.

    Of equal values the first comes first; NaN comes last.
    """
    found = []
    for sample in result:
        flat = sample.reshape(-1)
        ordered = np.where(np.isnan(flat), -np.inf, flat)
        candidates = np.argpartition(-ordered, min(count, flat.size) - 1)[:count]
        # argpartition leaves equal values in any order.
        best = sorted(candidates.tolist(), key=lambda place: (-ordered[place], place))
        places = [np.unravel_index(place, sample.shape) for place in best]
        found.append(
            Largest(
                sample.shape,
                tuple([tuple([int(axis) for axis in place]) for place in places]),
                tuple([float(flat[place]) for place in best]),
            )
        )
    return found
