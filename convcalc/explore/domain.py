"""A space of variants: what varies, under which conditions, and which points are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np

from convcalc.explore.columns import Column
from convcalc.explore.variables import Variable
from convcalc.problems import refused
from convcalc.record import Record

#: Points that are looked at one by one, and those of a sample.
MOST_POINTS = 10**9
MOST_SAMPLED = 10**7


class Sample(Record):
    """Points drawn at random, each once; the same for the same seed."""

    count: int
    seed: int = 0


class Domain:
    """The points of a space: every combination of the variables' values, or a sample of them.

    A point is known by its number: of all, in the order in which the last variable changes first;
    in a sample, by its place there. Raises ConvcalcError where there are too many points.
    """

    def __init__(self, variables: Sequence[Variable], sample: Sample | None = None) -> None:
        self.variables = list(variables)
        self.sample = sample
        #: All combinations.
        self.size = prod([len(variable) for variable in variables])
        self.count = self.size if sample is None else min(sample.count, self.size)
        if sample is None and self.size > MOST_POINTS:
            message = f"the space has {_large(self.size)} points, more than {MOST_POINTS:,}"
            help_text = "--sample 100000 looks at some of them; or larger steps, or fewer values"
            raise refused("too-many-points", message, help_text)
        if self.count > MOST_SAMPLED and sample is not None and self.count < self.size:
            message = f"a sample has at most {MOST_SAMPLED:,} points, not {sample.count:,}"
            raise refused("too-many-points", message)

    def indices(self, start: int, stop: int) -> list[Column]:
        """For each variable, which of its values the points from `start` to `stop` have."""
        if self.sample is not None and self.count < self.size:
            return [column[start:stop] for column in self._drawn]
        return self._split(np.arange(start, stop))

    def _split(self, numbers: Column) -> list[Column]:
        found: list[Column] = []
        for variable in reversed(self.variables):
            found.append(numbers % len(variable))
            numbers = numbers // len(variable)
        return found[::-1]

    @cached_property
    def _drawn(self) -> list[Column]:
        """The sample, in a random order."""
        assert_sample = self.sample or Sample(0)
        random = np.random.default_rng(assert_sample.seed)
        if self.size <= 2 * self.count:
            return self._split(random.permutation(self.size)[: self.count])
        columns: list[Column] = [np.zeros(0, np.int64) for _ in self.variables]
        while len(columns[0]) < self.count:
            more = self.count - len(columns[0])
            drawn = [random.integers(0, len(v), more) for v in self.variables]
            columns = [np.concatenate(pair) for pair in zip(columns, drawn, strict=True)]
            _, first = np.unique(np.stack(columns), axis=1, return_index=True)
            columns = [column[np.sort(first)] for column in columns]
        return columns


def _large(number: int) -> str:
    """A number of any size: in full, or by its power of ten."""
    return f"{number:,}" if number < 10**15 else f"about 10^{len(str(number)) - 1}"
