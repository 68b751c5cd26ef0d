"""The networks that ship, for tests that go through all of them."""

from __future__ import annotations

from functools import cache

import convcalc
from convcalc.graph import Network


@cache
def shipped(name: str) -> Network:
    """A network that ships, read once in a process: nothing changes a network."""
    return convcalc.load(name)
