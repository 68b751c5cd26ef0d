"""The values of two networks that correspond, computed from the same inputs and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.program import Program
from convcalc.graph import Node

#: The largest difference, as a part of the largest magnitude, of values that agree. Both sides
#: compute in float32, and sum in their own order.
TOLERANCE = 1e-4


class Difference(NamedTuple):
    """The values of two nodes that correspond.

    difference  the largest between two numbers at one place
    magnitude   the largest of the second network's numbers
    """

    first: Node
    second: Node
    difference: float
    magnitude: float

    @property
    def relative(self) -> float:
        """The difference as a part of the magnitude; where all numbers are 0, itself."""
        return self.difference / self.magnitude if self.magnitude else self.difference

    @property
    def agrees(self) -> bool:
        """Whether the values are the same but for rounding; NaN agrees with nothing."""
        return self.relative <= TOLERANCE


def compare_values(
    first: Program,
    second: Program,
    pairs: Sequence[tuple[int, int]],
    inputs: Mapping[str, Array],
) -> list[Difference]:
    """Runs both programs on the same inputs, and compares the values of the pairs.

    The programs keep the values of all nodes that are in pairs. Inputs are given by the names of
    the first network; the second one's are taken in the same order.
    """
    names = zip(first.network.inputs, second.network.inputs, strict=True)
    renamed = {theirs: inputs[ours] for ours, theirs in names}
    ours, theirs = first.run(inputs), second.run(renamed)
    found = []
    for mine, other in pairs:
        if mine not in ours or other not in theirs:
            continue  # an input, the same for both
        difference, magnitude = _largest(ours[mine], theirs[other])
        nodes = first.network.nodes[mine], second.network.nodes[other]
        found.append(Difference(*nodes, difference, magnitude))
    return found


def _largest(first: Array, second: Array) -> tuple[float, float]:
    """The largest difference and the largest magnitude; both infinite where one is not finite."""
    second = second.reshape(first.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(first - second).max(initial=0)
    magnitude = np.abs(second).max(initial=0)
    return float(difference), float(magnitude)
