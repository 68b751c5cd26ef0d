"""Files whose names do not say what they are: models are known by their first bytes."""

from __future__ import annotations

import os
import stat
import sys
from mmap import ACCESS_READ, mmap
from typing import IO

from convcalc.exchange.files import (
    GZIP,
    MOST_UNPACKED,
    ModelFile,
    most_bytes,
    read_bytes,
    too_long,
)
from convcalc.exchange.formats import LONGEST_START, Format, format_of_bytes
from convcalc.language.load import begin_pipe, decoded, find_source, opening, read_at_most
from convcalc.problems import Source
from convcalc.roots import current_access, descriptor_of


def open_unnamed(path: str, *, named: bool = True) -> tuple[ModelFile, Format] | Source:
    """A file whose name does not say what it is, or standard input: a model, or else a text.

    A model is known by its first bytes. Raises ConvcalcError as `open_model` and `find_source` do.
    """
    if path == "-":
        if sys.stdin is None:
            return find_source(path)
        data = _whole(path, sys.stdin.buffer)
        return _model_in(path, data) or decoded(path, data)
    with opening(path, named=named) as opened:
        if stat.S_ISREG(os.fstat(opened).st_mode):
            start = os.pread(opened, LONGEST_START, 0)
            found = None
            if _is_model(start, path):
                found = _model_in(path, mmap(opened, 0, access=ACCESS_READ))
            return found or find_source(path, named=named)
        begun = begin_pipe(path, opened) if descriptor_of(path) is None else b""
        with open(opened, "rb", closefd=False) as stream:
            data = _whole(path, stream, begun)
    place = path if descriptor_of(path) is None else "-"
    return _model_in(path, data) or decoded(path, data, place, named=named)


def _is_model(start: bytes, path: str) -> bool:
    """Whether a file that begins with these bytes is, or may be, a model."""
    return start.startswith(GZIP) or format_of_bytes(start, path) is not None


def _model_in(path: str, data: bytes | mmap) -> tuple[ModelFile, Format] | None:
    """The model of some bytes, unpacked, and its format; None where they are none."""
    if not _is_model(data[:LONGEST_START], path):
        return None
    file = read_bytes(path, data)
    of_format = format_of_bytes(file.stored[:LONGEST_START], path)
    return None if of_format is None else (file, of_format)


def _whole(path: str, stream: IO[bytes], begun: bytes = b"") -> bytes:
    """What a pipe or standard input holds, with what was read of it already.

    Of a text no more is read than one byte beyond the longest that a spec may have. Raises
    ConvcalcError where a model is too long.
    """
    start = begun + read_at_most(stream, LONGEST_START)
    if not _is_model(start, path):
        return start + read_at_most(stream, current_access().max_file_size + 1 - len(start))
    most = most_bytes(MOST_UNPACKED)
    data = start + read_at_most(stream, most + 1 - len(start))
    if len(data) > most:
        raise too_long(path, most, piped=True)
    return data
