"""Seeds of random tests: few in the quick run, many in the long one."""

from __future__ import annotations

import pytest


def each_seed(quick: int, many: int) -> pytest.MarkDecorator:
    """Makes a test of `seed` for each number below `many`, of which the quick run takes some."""
    long = [pytest.param(seed, marks=pytest.mark.long) for seed in range(quick, many)]
    return pytest.mark.parametrize("seed", [*range(quick), *long])
