"""One file of a zip archive, with bounds on what it may unpack to.

Written by hand because `zipfile` reads the whole list of files before any of them, and wants a file
that it can seek in, where a model is mapped into memory.
"""

from __future__ import annotations

import zlib
from struct import Struct

#: The end of an archive, an entry of its list of files, and the head of a file.
_END = Struct("<4s4H2LH")
_ENTRY = Struct("<4s6H3L5H2L")
_HEAD = Struct("<4s5H3L2H")
_END_MARK, _ENTRY_MARK, _HEAD_MARK = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
#: An archive may end in a comment of this length.
_LONGEST_COMMENT = 65535
#: Files of an archive that are looked at.
_MOST_FILES = 1000
_STORED, _DEFLATED = 0, 8


class ArchiveError(Exception):
    """An archive is damaged, or of a form that is not read; its text says what is wrong."""


def is_archive(data: memoryview) -> bool:
    """Whether these bytes begin as a zip archive does."""
    return bytes(data[:4]) == _HEAD_MARK


def extract(data: memoryview, name: str, most: int) -> bytes:
    """The content of the file of this name; raises ArchiveError where it has over `most` bytes."""
    position, count = _list_of_files(data)
    for _ in range(min(count, _MOST_FILES)):
        if position + _ENTRY.size > len(data):
            raise ArchiveError("its list of files is cut off")
        entry = _ENTRY.unpack_from(data, position)
        if entry[0] != _ENTRY_MARK:
            raise ArchiveError("its list of files is damaged")
        _, _, _, flags, method, _, _, _, packed, size = entry[:10]
        name_length, extra_length, comment_length = entry[10:13]
        start = position + _ENTRY.size
        if bytes(data[start : start + name_length]) == name.encode():
            if flags & 1:
                raise ArchiveError(f"its {name} is encrypted")
            return _content(data, name, method, entry[-1], packed, size, most)
        position = start + name_length + extra_length + comment_length
    raise ArchiveError(f"it holds no {name}")


def _list_of_files(data: memoryview) -> tuple[int, int]:
    """Where the list begins, and how many entries it has."""
    tail = bytes(data[-(_END.size + _LONGEST_COMMENT) :])
    found = tail.rfind(_END_MARK)
    if found < 0 or found + _END.size > len(tail):
        raise ArchiveError("its list of files is missing")
    _, _, _, _, count, _, offset, _ = _END.unpack_from(tail, found)
    return offset, count


def _content(
    data: memoryview, name: str, method: int, offset: int, packed: int, size: int, most: int
) -> bytes:
    if offset + _HEAD.size > len(data):
        raise ArchiveError(f"its {name} is cut off")
    head = _HEAD.unpack_from(data, offset)
    if head[0] != _HEAD_MARK:
        raise ArchiveError(f"its {name} is not where the list of files has it")
    start = offset + _HEAD.size + head[-2] + head[-1]
    if start + packed > len(data):
        raise ArchiveError(f"its {name} is cut off")
    if size > most:
        raise ArchiveError(f"its {name} has {size} bytes, more than {most}")
    piece = data[start : start + packed]
    if method == _STORED:
        return bytes(piece[:most])
    if method != _DEFLATED:
        raise ArchiveError(f"its {name} is packed in a way that is not read")
    unpacker = zlib.decompressobj(wbits=-15)
    try:
        content = unpacker.decompress(piece, most)
    except zlib.error as error:
        raise ArchiveError(f"its {name} cannot be unpacked: {error}") from None
    if not unpacker.eof:
        raise ArchiveError(f"its {name} is cut off, or has more than {most} bytes")
    return content
