"""Which files may be opened: those that the user names, and others inside the root of a project.

A spec names the spec that it extends, and convcalc.yaml the networks of a project. Such a file may
come from a stranger, and what it names would be quoted in a report that others read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from convcalc import given
from convcalc.problems import UNUSABLE, ConvcalcError, Help, Problem, printable

#: Files that are made as they are read; none of them is part of a project.
_SYSTEM = ("/proc", "/dev", "/sys")
#: Ordinary files that are kept in memory.
_ORDINARY = "/dev/shm"  # noqa: S108 - nothing is written there
#: What the user's shell has opened, as `<(...)` names it.
_DESCRIPTOR = re.compile(r"/dev/stdin|(?:/dev/fd|/proc/self/fd)/([0-9]{1,9})")


class Access(NamedTuple):
    """What may be opened.

    allow_outside  whether files may name others anywhere
    max_file_size  the most bytes of a spec and all that it extends together, of a convcalc.yaml
                   and of a device; a lock may have four times as many. A million words of YAML,
                   which take half as many bytes as this, take two seconds and 130 MB to read.
    """

    allow_outside: bool = False
    max_file_size: int = 4 * 1024 * 1024


_USUAL = Access()
#: What helps where a file is too long.
ALLOWS_MORE = "--max-file-size allows more, and max_file_size of convcalc.access in Python"
_ACCESS: ContextVar[Access] = ContextVar("access", default=_USUAL)


def current_access() -> Access:
    """What may be opened now."""
    return _ACCESS.get()


@contextmanager
def access(*, allow_outside: bool = False, max_file_size: int = 0) -> Iterator[None]:
    """Lets files name others anywhere, or be larger or smaller than usual, in a block.

    allow_outside  whether what a file names may lie outside of the file's root
    max_file_size  the most bytes of a text file, and of a spec with all that it extends; 0 for the
                   usual number

    >>> import convcalc
    >>> with convcalc.access(max_file_size=10):
    ...     convcalc.load("lenet")
    Traceback (most recent call last):
    convcalc.problems.ConvcalcError: error[unusable-file]: convcalc/configs/lenet.yaml cannot be \
opened: longer than 10 bytes
    """
    given.flag("allow_outside", allow_outside)
    most = given.whole("max_file_size", max_file_size, 0) or _USUAL.max_file_size
    token = _ACCESS.set(Access(allow_outside, most))
    try:
        yield
    finally:
        _ACCESS.reset(token)


def descriptor_of(path: str) -> int | None:
    """The number of the descriptor that a path such as /dev/fd/63 stands for; None for others."""
    match = _DESCRIPTOR.fullmatch(path)
    return None if match is None else int(match[1] or 0)


def is_stream(path: str) -> bool:
    """Whether a path can be read only once: standard input, a descriptor, or a pipe."""
    if path == "-" or descriptor_of(path) is not None:
        return True
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def repository_above(folder: str) -> str | None:
    """The nearest folder with `.git`, from a folder upwards; None where there is none."""
    return _nearest(os.path.abspath(folder), ".git")


def _nearest(folder: str, name: str) -> str | None:
    while not os.path.lexists(os.path.join(folder, name)):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def root_of(folder: str) -> str:
    """The root of the project that a folder belongs to.

    It is the repository, or else the folder of convcalc.yaml, or else the current folder if this
    one is below it, or else the folder itself.
    """
    folder = os.path.abspath(folder)
    return _project_of(folder) or folder


def _project_of(folder: str) -> str | None:
    """The root of a folder, where it is not the folder itself for want of another."""
    root = _nearest(folder, ".git") or _nearest(folder, "convcalc.yaml")
    if root is not None:
        return root
    try:
        here = os.getcwd()
    except OSError:  # it is gone
        return None
    return here if is_inside(folder, here) else None


def is_inside(path: str, root: str) -> bool:
    """Whether a path, with all links resolved, is that of a folder or of something below it."""
    real, top = os.path.realpath(path), os.path.realpath(root)
    return real == top or real.startswith(os.path.join(top, ""))


def check_inside(path: str, root: str) -> None:
    """Refuses a path outside of a root, and one of the system's own files."""
    if _ACCESS.get().allow_outside:
        return
    check_no_system_file(path)
    if not is_inside(path, root):
        raise _refused(path, f"outside of {printable(root, 200)}")


def check_link(path: str) -> None:
    """Refuses a path on which a link inside a root leads out of it, and the system's own files."""
    if _ACCESS.get().allow_outside:
        return
    check_no_system_file(path)
    _followed(path)


def check_opened(path: str, opened: int) -> None:
    """Refuses an open file that is not where its path was checked to lead.

    A link may have taken the file's place, or that of a folder, between the check and the opening.
    """
    if _ACCESS.get().allow_outside:
        return
    check_no_system_file(path)
    if not os.path.samestat(os.fstat(opened), os.lstat(_followed(path))):
        raise _refused(path, "another file than it was")


def output_place(path: str) -> str:
    """Where a path to write to leads; refuses a link inside a root that leads out of it.

    What the system makes, such as /dev/stdout, is a link of its own.
    """
    if _ACCESS.get().allow_outside or path.startswith(_SYSTEM):
        return os.path.realpath(path)
    return _followed(path)


def _followed(path: str) -> str:
    """The path with its links resolved, none of which may lead out of the root that it lies in."""
    drive, rest = os.path.splitdrive(path.replace(os.altsep or os.sep, os.sep))
    here = drive + os.sep if rest.startswith(os.sep) else os.path.realpath(drive or os.curdir)
    for part in rest.split(os.sep):
        place = os.path.join(here, part)
        if part == os.pardir:
            here = os.path.dirname(here)
        elif part in ("", os.curdir):
            pass
        elif os.path.islink(place):
            root, here = _project_of(here), os.path.realpath(place)
            if root is not None and not is_inside(here, root):
                raise _refused(path, f"a link that leads outside of {printable(root, 200)}")
        else:
            here = place
    return here


def check_no_system_file(path: str) -> None:
    """Refuses a file that the system makes as it is read."""
    for folder in _SYSTEM:
        if is_inside(path, folder) and not is_inside(path, _ORDINARY):
            raise _refused(path, f"part of {folder}")


def _refused(path: str, where: str) -> ConvcalcError:
    message = f"{printable(path, 200)} is {where}"
    help_text = "--allow-outside opens it all the same: do not use it for files of strangers"
    return ConvcalcError([Problem("outside-root", message, None, (Help(help_text),))], UNUSABLE)
