"""The networks that ship with the package, found by name.

`os.path` and not `pathlib` or `importlib.resources`: those take longer to import than a network
takes to read.
"""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_SUFFIX = ".yaml"


def shipped_folder(name: str = "configs") -> str:
    """Where the networks (or devices) are: in an installed package, or beside it in a checkout."""
    installed = os.path.join(_PACKAGE, name)
    if os.path.isdir(installed):
        return installed
    return os.path.join(os.path.dirname(_PACKAGE), name)


def shipped_path(name: str) -> str | None:
    """The path of the shipped network of this name; None where there is none.

    >>> shipped_path("no-such-network") is None
    True
    """
    if os.path.basename(name) != name:
        return None
    path = os.path.join(shipped_folder(), name + _SUFFIX)
    return path if os.path.isfile(path) else None


def is_shipped(path: str) -> bool:
    """Whether a path is that of a shipped network's file, as `shipped_path` gives it."""
    return os.path.dirname(path) == shipped_folder()


def shipped_names() -> list[str]:
    """The names of all shipped networks, sorted."""
    return sorted(
        entry.removesuffix(_SUFFIX)
        for entry in os.listdir(shipped_folder())
        if entry.endswith(_SUFFIX)
    )


def is_word(path: str) -> bool:
    """Whether a path may be the name of a shipped network: no slash and no suffix."""
    return "/" not in path and os.sep not in path and not os.path.splitext(path)[1]
