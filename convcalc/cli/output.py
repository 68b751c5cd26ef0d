"""Where output goes: a terminal, a pipe, or a file that is replaced as a whole."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES
from typing import BinaryIO

from convcalc.cli.guard import forget_output, unusable
from convcalc.diagnostics import printable
from convcalc.render.table import Table, csv_text, markdown_text, plain_text, wrapped

#: How long another command's lock is waited for, in seconds, and how often.
_WAIT, _MOST_WAITS = 0.02, 250

TABLE_FORMATS = ("table", "plain", "json", "csv", "markdown")


def emit_table(table: Table, style: str, output: str | None) -> None:
    """A table in one of its formats; on a terminal `table` is drawn to its width."""
    if style == "table" and output is None and terminal():
        from convcalc.render.terminal import print_table

        print_table(table)
        sys.stdout.flush()
        return
    texts = {"csv": csv_text, "markdown": markdown_text}
    emit(texts.get(style, plain_text)(table), output)


def emit_lines(text: str, output: str | None) -> None:
    """Text as it is; on a terminal that is too narrow for a line this breaks at words.

    What follows a label, `Counts: ...`, stays in a column of its own.
    """
    if output is None and terminal():
        from shutil import get_terminal_size

        width = get_terminal_size().columns
        lines = []
        for line in text.splitlines():
            label = re.match(r" *(\w+: +)", line)
            lines.append(wrapped(line, width, hanging=len(label[1]) if label else 2))
        text = "".join([f"{line}\n" for line in lines])
    emit(text, output)


def terminal() -> bool:
    """Whether standard output is a terminal that can do more than a teletype."""
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(text: str, output: str | None) -> None:
    """Text to standard output, or to a file: written beside it and renamed, so never half of it."""
    if output is None:
        _write_out(text)
        return
    refuse_empty(output)
    try:
        replace_file(output, text)
    except OSError as error:
        unusable(f"--output {printable(output, 200)} cannot be written: {reason(error)}")


def refuse_empty(output: str | None) -> None:
    """Refuses `--output ''`: a script's variable that is empty must not mean some other file."""
    if output == "":
        unusable("--output names no file", "--output report.txt, or leave it out")


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Keeps other convcalc commands from replacing a file meanwhile, where the system can.

    What is locked is the file's folder: a lock on the file would go with it when it is replaced.
    The system gives it back when the process ends, so a kill leaves nothing behind. Where folders
    cannot be locked, as on Windows, or another command takes seconds, it is done without.
    """
    held = None
    with suppress(ImportError, OSError):
        from fcntl import LOCK_EX, LOCK_NB, flock

        held = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY)
        for _ in range(_MOST_WAITS):
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


def replace_file(path: str, text: str) -> None:
    """Writes a file as a whole: a kill at any moment leaves the old one or the new one.

    Where the system can, what is not finished has no name. What a kill left behind nevertheless,
    the next call removes. A file keeps its permissions, and one that may not be written is not.
    Raises OSError.
    """
    data = text.encode("utf-8", "backslashreplace")
    # A link stays one; what is neither a file nor a link, such as /dev/null, cannot be replaced.
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as file:
            file.write(data)
        return
    mode = None
    if os.path.exists(target):
        # Who may write to the folder could replace the file all the same.
        if not os.access(target, os.W_OK):
            raise PermissionError(EACCES, "it is read-only")
        mode = os.stat(target).st_mode & 0o777
    _remove_partials(target)
    partial = f"{target}.{os.getpid()}.partial"
    try:
        _write_partial(partial, data)
        if mode is not None:
            with suppress(OSError):  # not every file system has them
                os.chmod(partial, mode)
        os.replace(partial, target)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise


def _write_partial(partial: str, data: bytes) -> None:
    """Makes a file of this name, with its data on the disk."""
    unnamed = getattr(os, "O_TMPFILE", 0)  # Linux only, and there not on every file system
    if unnamed:
        try:
            descriptor = os.open(os.path.dirname(partial), os.O_WRONLY | unnamed, 0o666)
        except OSError:
            unnamed = 0
        else:
            with open(descriptor, "wb") as file:
                _flush(file, data)
                try:
                    # With a folder given, Python follows the link to what has no name yet.
                    os.link(f"/proc/self/fd/{descriptor}", partial, src_dir_fd=descriptor)
                except OSError:
                    unnamed = 0
    if not unnamed:
        with open(partial, "wb") as file:
            _flush(file, data)


def _flush(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _remove_partials(target: str) -> None:
    folder, name = os.path.split(target)
    for entry in os.listdir(folder):
        if re.fullmatch(rf"{re.escape(name)}\.[0-9]+\.partial", entry):
            with suppress(OSError):
                os.remove(os.path.join(folder, entry))


def _write_out(text: str) -> None:
    if sys.stdout is None:
        unusable("standard output is closed")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        # What cannot be shown becomes something like it, or an escape, instead of an error.
        text = text.translate(_PLAINER).encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_output()
        unusable(f"standard output cannot be written: {reason(error)}")


def reason(error: OSError) -> str:
    """Why something could not be done, in the middle of a sentence."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


_PLAINER = str.maketrans({"█": "#", **dict.fromkeys("▏▎▍▌▋▊▉", None), "…": "."})
