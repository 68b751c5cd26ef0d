"""Protocol Buffers messages, as bytes: of the wire format what an ONNX file needs.

Field numbers are those of onnx.proto3; they stand where a message is made.
"""

from __future__ import annotations

import struct

#: Bytes of a length that is filled in later.
LENGTH_BYTES = 5


def varint(value: int) -> bytes:
    """A whole number, seven bits a byte, negative ones as 64 bits.

    >>> varint(300).hex(), len(varint(-1))
    ('ac02', 10)
    """
    value &= 2**64 - 1
    out = bytearray()
    while True:
        low, value = value & 127, value >> 7
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def padded_varint(value: int) -> bytes:
    """The same in exactly LENGTH_BYTES bytes; readers accept zeros at the end.

    >>> padded_varint(300).hex()
    'ac82808000'
    """
    parts = [value >> 7 * place & 127 for place in range(LENGTH_BYTES)]
    return bytes([part | 128 for part in parts[:-1]] + parts[-1:])


def number(field: int, value: int) -> bytes:
    """A field that holds a whole number."""
    return varint(field << 3) + varint(value)


def real(field: int, value: float) -> bytes:
    """A field that holds a float32."""
    return varint(field << 3 | 5) + struct.pack("<f", value)


def head(field: int, size: int) -> bytes:
    """What stands before the `size` bytes of a field that holds text, bytes or a message."""
    return varint(field << 3 | 2) + varint(size)


def field(number: int, value: bytes | str) -> bytes:
    """A field that holds text, bytes or a message."""
    data = value.encode("utf-8", "backslashreplace") if isinstance(value, str) else value
    return head(number, len(data)) + data
