"""Files that are replaced as a whole: a kill at any moment leaves the old file or the new one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EINVAL, ELOOP
from typing import BinaryIO
from zlib import crc32

from convcalc.roots import output_place

#: How long `exclusive` sleeps between two attempts, in seconds, and how many attempts it makes.
_WAIT, _MOST_ATTEMPTS = 0.02, 250


def replace_file(path: str, text: str | bytes) -> None:
    """Replaces the content of a file; writes into what is no regular file, such as a pipe.

    Raises OSError and ConvcalcError; see `replacing`.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
    if os.path.exists(path) and not os.path.isfile(path):
        output_place(path)  # refuses a link that leads out of its root
        with open(path, "wb") as stream:
            stream.write(data)
        return
    with replacing(path) as stream:
        stream.write(data)


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """A stream whose content replaces the file when the block ends, and not if it raises.

    A symbolic link stays a link, a file keeps its permissions. Where the system can, the unfinished
    file has no name (O_TMPFILE); where it cannot, the next call removes what a kill left behind.

    Raises OSError, also for a file that may not be written and for what is no regular file: a
    device would be replaced for every other program too. Raises ConvcalcError for a link inside a
    root that leads out of it.
    """
    target = output_place(path)
    if os.path.islink(target):
        raise OSError(ELOOP, os.strerror(ELOOP))
    mode = None
    if os.path.exists(target):
        if not os.path.isfile(target):
            raise OSError(EINVAL, "is not a regular file")
        # Whoever may write to the folder could replace even a read-only file.
        if not os.access(target, os.W_OK):
            raise PermissionError(EACCES, "it is read-only")
        mode = os.stat(target).st_mode & 0o777
    folder, name = os.path.split(target)
    # The target's own name may already be as long as the file system allows.
    prefix = f".convcalc-{crc32(os.fsencode(name)):08x}-"
    _remove_partials(folder, prefix)
    partial = os.path.join(folder, f"{prefix}{os.getpid()}.partial")
    try:
        stream, named = _open_partial(partial)
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if not named:
                _give_name(stream, partial)
        if mode is not None:
            with suppress(OSError):  # not every file system has permissions
                os.chmod(partial, mode)
        os.replace(partial, target)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise


def _open_partial(partial: str) -> tuple[BinaryIO, bool]:
    """A new file in the folder of `partial`, and whether it has that name or none yet."""
    unnamed = getattr(os, "O_TMPFILE", 0)  # Linux only, and not on every file system
    if unnamed:
        with suppress(OSError):
            descriptor = os.open(os.path.dirname(partial), os.O_RDWR | unnamed, 0o666)
            return open(descriptor, "w+b"), False
    return open(partial, "wb"), True


def _give_name(stream: BinaryIO, partial: str) -> None:
    descriptor = stream.fileno()
    try:
        # With a folder given, Python follows the link to the file that has no name yet.
        os.link(f"/proc/self/fd/{descriptor}", partial, src_dir_fd=descriptor)
    except OSError:
        from shutil import copyfileobj

        stream.seek(0)
        with open(partial, "wb") as copy:
            copyfileobj(stream, copy)
            copy.flush()
            os.fsync(copy.fileno())


def _remove_partials(folder: str, prefix: str) -> None:
    for entry in os.listdir(folder):
        if entry.startswith(prefix) and entry.endswith(".partial"):
            with suppress(OSError):
                os.remove(os.path.join(folder, entry))


@contextmanager
def exclusive(path: str) -> Iterator[None]:
    """Keeps other convcalc processes out of the same block for this file, where the system can.

    Locks the file's folder, because a lock on the file would be lost when the file is replaced. The
    system releases the lock when the process ends, even if it is killed. Where folders cannot be
    locked, as on Windows, or another process holds the lock for seconds, the block runs without it.
    """
    held = None
    with suppress(ImportError, OSError):
        from fcntl import LOCK_EX, LOCK_NB, flock

        held = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY)
        for _ in range(_MOST_ATTEMPTS):
            try:
                flock(held, LOCK_EX | LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_WAIT)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)
