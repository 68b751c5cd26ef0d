"""The fields of a Protocol Buffers message, read independently of what writes them."""

from __future__ import annotations

from collections.abc import Iterator


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number and its value."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = divmod(tag, 8)
        value: int | bytes
        if wire == 0:
            value, place = _varint(data, place)
        elif wire == 5:
            value, place = data[place : place + 4], place + 4
        else:
            assert wire == 2
            size, place = _varint(data, place)
            assert place + size <= len(data)
            value, place = data[place : place + size], place + size
        yield number, value


def messages(data: bytes, number: int) -> list[bytes]:
    """The values of one field."""
    return [value for found, value in fields(data) if found == number and isinstance(value, bytes)]


def text(data: bytes, number: int) -> str:
    """The text of one field."""
    (value,) = messages(data, number)
    return value.decode()


def numbers(data: bytes, number: int) -> list[int]:
    """The whole numbers of one field."""
    return [value for found, value in fields(data) if found == number and isinstance(value, int)]


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place
