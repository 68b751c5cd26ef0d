"""Reading FlatBuffers: tables of fields at offsets, all of which are checked.

A table begins with the distance to its list of offsets (its vtable), which says where each field
lies, or that it is missing. Vectors, texts and other tables are named by their distance.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

#: Numbers by their letters, as `struct` has them.
_NUMBERS = {letter: Struct(f"<{letter}") for letter in "bBhHiIqQf"}
#: Characters of a name that are read.
_LONGEST_TEXT = 200


class DamagedError(Exception):
    """An offset or a length leads out of the file; the text says of what."""


def number(data: memoryview, position: int, letter: str) -> Any:
    """The number of this type at a position."""
    form = _NUMBERS[letter]
    if not 0 <= position <= len(data) - form.size:
        raise DamagedError("an offset leads out of the file")
    return form.unpack_from(data, position)[0]


class Table:
    """A table, at its position in the file."""

    __slots__ = ("_fields", "_size", "data", "position")

    def __init__(self, data: memoryview, position: int) -> None:
        self.data = data
        self.position = position
        self._fields = position - number(data, position, "i")
        self._size = number(data, self._fields, "H")

    def _place(self, field: int) -> int:
        """Where a field lies; 0 where it is missing."""
        offset = 4 + 2 * field
        if offset + 2 > self._size:
            return 0
        distance: int = number(self.data, self._fields + offset, "H")
        return self.position + distance if distance else 0

    def number(self, field: int, letter: str, default: Any = 0) -> Any:
        """The number in a field."""
        place = self._place(field)
        return number(self.data, place, letter) if place else default

    def _named(self, field: int) -> int:
        place = self._place(field)
        if not place:
            return 0
        distance: int = number(self.data, place, "I")
        return place + distance

    def table(self, field: int) -> Table | None:
        """The table that a field names; None where it names none."""
        place = self._named(field)
        return Table(self.data, place) if place else None

    def bytes(self, field: int, size: int = 1) -> tuple[int, int]:
        """Where a vector's items of so many bytes begin, and how many they are."""
        place = self._named(field)
        if not place:
            return 0, 0
        count: int = number(self.data, place, "I")
        if count * size > len(self.data) - place - 4:
            raise DamagedError("a list is longer than the file")
        return place + 4, count

    def numbers(self, field: int, letter: str, most: int) -> list[Any]:
        """The numbers of a vector, of which there may be so many."""
        form = _NUMBERS[letter]
        start, count = self.bytes(field, form.size)
        if count > most:
            raise DamagedError(f"a list has {count} numbers, more than {most}")
        piece = self.data[start : start + count * form.size]
        return [item[0] for item in form.iter_unpack(piece)]

    def tables(self, field: int, most: int) -> list[Table]:
        """The tables of a vector, of which there may be so many."""
        start, count = self.bytes(field, 4)
        if count > most:
            raise DamagedError(f"a list has {count} items, more than {most}")
        places = range(start, start + 4 * count, 4)
        return [Table(self.data, place + number(self.data, place, "I")) for place in places]

    def text(self, field: int) -> str:
        """The text in a field."""
        start, count = self.bytes(field)
        piece = self.data[start : start + min(count, _LONGEST_TEXT)]
        return bytes(piece).decode("utf-8", "replace")


def root(data: memoryview, mark: bytes) -> Table:
    """The outermost table of a file that is marked as one of this form."""
    if bytes(data[4:8]) != mark:
        raise DamagedError(f"it is not marked as {mark.decode()}")
    return Table(data, number(data, 0, "I"))
