"""How much the quick run tries: a part of what `pytest -m long` does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

from convcalc.language.shipped import shipped_names, shipped_path


def each_seed(quick: int, many: int) -> pytest.MarkDecorator:
    """Makes a test of `seed` for each number below `many`, of which the quick run takes some."""
    long = [pytest.param(seed, marks=pytest.mark.long) for seed in range(quick, many)]
    return pytest.mark.parametrize("seed", [*range(quick), *long])


def each_network(names: Iterable[str]) -> pytest.MarkDecorator:
    """Makes a test of `name` for each of some networks that ship.

    A file that extends another one makes the same network in other sizes: the quick run leaves
    these out.
    """
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=pytest.mark.long) if _extends_another(name) else name
            for name in names
        ],
    )


def _extends_another(name: str) -> bool:
    path = shipped_path(name)
    assert path is not None
    return "\nextends: " in Path(path).read_text(encoding="utf-8")


every_network = each_network(shipped_names())


def fewer_examples(divisor: int) -> settings:
    """Settings for a property whose examples take long: a part of the usual number of them."""
    return settings(max_examples=settings().max_examples // divisor)
