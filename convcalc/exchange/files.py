"""Opened model files: mapped into memory, so that weights that nobody asks for are never read."""

from __future__ import annotations

import os
import stat
from mmap import ACCESS_READ, mmap

from convcalc.language.load import begin_pipe, opening, read_at_most
from convcalc.problems import ConvcalcError, printable, refused
from convcalc.roots import ALLOWS_MORE, Access, check_inside, current_access, descriptor_of

#: The most bytes that a compressed file may unpack to; `--max-file-size` allows more.
MOST_UNPACKED = 128 * 1024 * 1024
#: How a compressed file begins.
GZIP = b"\x1f\x8b"
#: How a pointer of Git's large file storage begins, and the most bytes of one.
_POINTER, _LONGEST_POINTER = b"version https://git-lfs.github.com/spec/", 1024
#: How many bytes of a compressed file are unpacked at once.
_PIECE = 1024 * 1024


class ModelFile:
    """The bytes of a model file.

    path    where it lies; "" for one that was only handed on as bytes
    name    what messages call it
    stored  its bytes, unpacked where the file is compressed; a mapped file holds none of them in
            memory
    data    a view of them, whose parts are no copies
    """

    __slots__ = ("_folder", "data", "name", "path", "stored")

    def __init__(self, path: str, data: bytes | mmap, name: str = "", folder: str = "") -> None:
        self.path = path
        self.name = name or path
        self.stored = data
        self.data = memoryview(data)
        self._folder = folder or os.path.dirname(path) or os.curdir

    def beside(self, location: str) -> ModelFile:
        """A file that this one names, such as its external data.

        It lies in the folder of the file that was named first, or below it. Raises ConvcalcError
        with status 2 for any other, and for one that cannot be opened.
        """
        path = os.path.join(self._folder, location)
        if not location or os.path.isabs(location):
            message = f"{self.name} names the file '{printable(location)}', which is not beside it"
            raise refused("outside-root", message)
        check_inside(path, self._folder)
        return open_model(path, named=False, folder=self._folder)


def open_model(path: str, *, named: bool = True, folder: str = "") -> ModelFile:
    """A model file, opened; raises ConvcalcError with status 2 where it cannot be.

    named   whether the user named it; pipes and descriptors are read only then
    folder  the one that other files are looked for in, if it is not the file's own
    """
    with opening(path, named=named) as opened:
        if stat.S_ISREG(os.fstat(opened).st_mode):
            size = os.fstat(opened).st_size
            data: bytes | mmap = mmap(opened, 0, access=ACCESS_READ) if size else b""
        else:
            data = _piped(path, opened)
    return read_bytes(path, data, folder=folder)


def read_bytes(path: str, data: bytes | mmap, *, name: str = "", folder: str = "") -> ModelFile:
    """A model file of bytes that were read already.

    Raises ConvcalcError with status 2 where they are a pointer of Git's large file storage, or
    cannot be unpacked.
    """
    shown = printable(name or path, 200)
    start = bytes(data[: len(_POINTER)])
    if start == _POINTER and len(data) <= _LONGEST_POINTER:
        raise refused(
            "unusable-file",
            f"{shown} is a pointer of Git LFS, and not the model itself",
            "`git lfs pull` gets the file that it stands for",
        )
    if start.startswith(GZIP):
        data = _unpacked(shown, data)
    return ModelFile(path, data, shown, folder)


def most_bytes(usual: int) -> int:
    """A limit in bytes, or that of `--max-file-size` where it is given and larger."""
    given = current_access().max_file_size
    return max(usual, given) if given != Access().max_file_size else usual


def _piped(path: str, opened: int) -> bytes:
    most = most_bytes(MOST_UNPACKED)
    begun = begin_pipe(path, opened) if descriptor_of(path) is None else b""
    with open(opened, "rb", closefd=False) as stream:
        data = begun + read_at_most(stream, most + 1)
    if len(data) > most:
        raise too_long(path, most, piped=True)
    return data


def _unpacked(name: str, data: bytes | mmap) -> bytes:
    """What a compressed file holds."""
    import zlib  # only a compressed file needs it

    most = most_bytes(MOST_UNPACKED)
    pieces: list[bytes] = []
    found, position = 0, 0
    unpacker = zlib.decompressobj(wbits=31)
    view = memoryview(data)
    try:
        while not unpacker.eof:
            piece = unpacker.unconsumed_tail or bytes(view[position : position + _PIECE])
            position += 0 if unpacker.unconsumed_tail else len(piece)
            if not piece:
                raise _damaged(name, "its compressed data end too early")
            pieces.append(unpacker.decompress(piece, _PIECE))
            found += len(pieces[-1])
            if found > most:
                raise too_long(name, most)
    except zlib.error as error:
        raise _damaged(name, f"its compressed data cannot be unpacked: {error}") from None
    return b"".join(pieces)


def _damaged(name: str, reason: str) -> ConvcalcError:
    return refused("bad-model", f"{name} is damaged: {reason}")


def too_long(name: str, most: int, *, piped: bool = False) -> ConvcalcError:
    """The error for a model with more bytes, unpacked or through a pipe."""
    # A file is not read as a whole, and may have any length.
    help_text = f"name the file instead of a pipe; {ALLOWS_MORE}" if piped else ALLOWS_MORE
    message = f"{printable(name, 200)} cannot be opened: longer than {most} bytes"
    return refused("unusable-file", message if piped else f"{message} unpacked", help_text)
