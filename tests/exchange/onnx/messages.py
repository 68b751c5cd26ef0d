"""Writes ONNX files byte by byte, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence


def varint(value: int) -> bytes:
    """A number in protobuf's encoding; negative ones as 64 bits."""
    value &= 2**64 - 1
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def message(number: int, content: bytes) -> bytes:
    """A field that holds bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    """A field that holds a number."""
    return varint(field << 3) + varint(value)


def integer(name: str, value: int) -> bytes:
    """An attribute of a node: a whole number."""
    return message(5, message(1, name.encode()) + number(3, value) + number(20, 2))


def integers(name: str, values: Sequence[int]) -> bytes:
    """An attribute of a node: whole numbers."""
    packed = b"".join([varint(value) for value in values])
    return message(5, message(1, name.encode()) + message(8, packed) + number(20, 7))


def text(name: str, value: str) -> bytes:
    """An attribute of a node: a word."""
    return message(5, message(1, name.encode()) + message(4, value.encode()) + number(20, 3))


def node(
    op: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *attributes: bytes,
    name: str = "",
    domain: str = "",
) -> bytes:
    """A node."""
    return b"".join(
        [
            *[message(1, each.encode()) for each in inputs],
            *[message(2, each.encode()) for each in outputs],
            message(3, name.encode()) if name else b"",
            message(4, op.encode()),
            *attributes,
            message(7, domain.encode()) if domain else b"",
        ]
    )


def info(name: str, dims: Sequence[int | str], kind: int = 1) -> bytes:
    """What a file says of a value."""
    sizes = b"".join(
        [
            message(1, number(1, dim) if isinstance(dim, int) else message(2, dim.encode()))
            for dim in dims
        ]
    )
    return message(1, name.encode()) + message(2, message(1, number(1, kind) + message(2, sizes)))


def tensor(
    name: str, dims: Sequence[int], values: Sequence[int] | None = None, kind: int = 7
) -> bytes:
    """An initializer, of whole numbers or without any."""
    sizes = b"".join([number(1, dim) for dim in dims])
    packed = b"" if values is None else message(7, b"".join([varint(value) for value in values]))
    return sizes + number(2, kind) + message(8, name.encode()) + packed


def graph(
    nodes: Sequence[bytes],
    initializers: Sequence[bytes] = (),
    inputs: Sequence[bytes] = (),
    outputs: Sequence[bytes] = (),
) -> bytes:
    """A graph, whose result is `y` unless outputs are given."""
    return b"".join(
        [
            *[message(1, each) for each in nodes],
            *[message(5, each) for each in initializers],
            *[message(11, each) for each in inputs],
            *[message(12, each) for each in outputs or [message(1, b"y")]],
        ]
    )


def model(content: bytes, version: int = 17) -> bytes:
    """A file with a graph."""
    return message(7, content) + message(8, message(1, b"") + number(2, version))
