"""Keeps Python's garbage collector away while many long-lived objects are created."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: New objects after which a command looks for garbage among them: some 10 MB.
_MOST_NEW = 100_000


def collect_rarely() -> None:
    """Lets the collector run after a hundred thousand new objects instead of hundreds.

    A command that reads a large network would spend a third of its time in the collector.
    """
    gc.set_threshold(_MOST_NEW, 50, 100)


def collect_no_more() -> None:
    """Lets the collection at the end of the process pass over everything that there is.

    The process gives all of its memory back anyway. Looking for garbage in it takes a seventh of
    the time of a short command.
    """
    gc.freeze()


@contextmanager
def gc_paused() -> Iterator[None]:
    """Disables garbage collection in a block, and restores its state afterwards.

    A network of 20,000 layers is a million objects without reference cycles. Scanning them again
    and again would take as long as creating them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
