"""What files of arrays have in common, whatever their format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Header(NamedTuple):
    """Shape and type of an array, known before its values are read."""

    shape: tuple[int, ...]
    dtype: Any


class ArraySource(Protocol):
    """Arrays by name, whose shapes and types are known before their values are read."""

    @property
    def headers(self) -> Mapping[str, Header]:
        """Shape and type of every array, by name."""

    def read(self, name: str) -> Any:
        """The values of one array."""
