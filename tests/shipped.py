"""The networks that ship, for tests that go through all of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

import convcalc
from convcalc.graph import Network
from convcalc.language.shipped import shipped_names, shipped_path


@cache
def shipped(name: str) -> Network:
    """A network that ships, read once in a process: nothing changes a network."""
    return convcalc.load(name)


def _extends_another(name: str) -> bool:
    path = shipped_path(name)
    assert path is not None
    return "\nextends: " in Path(path).read_text(encoding="utf-8")


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


every_network = each_network(shipped_names())
