"""A file of results that is written as they come, and goes on where it was interrupted.

Beside the file lies its progress, as long as it is not complete: which sweep it is, which points
are done, and how long the file was then. A kill at any moment leaves both; what was written after
the progress was noted is written again.
"""

from __future__ import annotations

import json
import os
from types import TracebackType
from typing import Any, BinaryIO

from convcalc.problems import printable, refused
from convcalc.roots import output_place
from convcalc.safe_files import replace_file

_SUFFIX = ".sweep"


class ResultsFile:
    """A file to which lines are added; use it in a `with` block.

    start  the number of the first point that is not done
    """

    def __init__(self, path: str, digest: str, *, resume: bool, overwrite: bool) -> None:
        self._path = path
        self._digest = digest
        self._progress = path + _SUFFIX
        self.start = self._length = 0
        exists, begun = os.path.lexists(path), os.path.isfile(self._progress)
        if overwrite or not exists:
            return
        shown = printable(path, 200)
        if not resume:
            message = f"{shown} exists"
            help_text = "--overwrite replaces it" + (
                "; --resume goes on with it, if it is of this sweep" if begun else ""
            )
            raise refused("file-exists", message, help_text)
        if not begun:
            message = (
                f"{shown} is not the file of an interrupted sweep: {shown}{_SUFFIX} is missing"
            )
            raise refused("file-exists", message, "it may be complete; --overwrite replaces it")
        self._read_progress(shown)

    def _read_progress(self, shown: str) -> None:
        found: Any = None
        try:
            with open(self._progress, encoding="utf-8") as file:
                found = json.loads(file.read(10_000))
            digest, start, length = found["sweep"], found["points"], found["bytes"]
            whole = type(start) is int and type(length) is int and min(start, length) >= 0
        except (OSError, ValueError, KeyError, TypeError):
            raise refused("bad-progress", f"{shown}{_SUFFIX} is damaged", "--overwrite") from None
        if not whole or length > os.path.getsize(self._path):
            message = f"{shown} is shorter than its progress says, or that is damaged"
            raise refused("bad-progress", message, "--overwrite starts anew")
        if digest != self._digest:
            message = f"{shown} holds the results of another sweep"
            help_text = "the same network, options and version go on; --overwrite starts anew"
            raise refused("file-exists", message, help_text)
        if start:  # a file with no point in it, only a head, is begun anew
            self.start, self._length = start, length

    def __enter__(self) -> ResultsFile:
        target = output_place(self._path)
        resumed = bool(self.start)
        if not resumed:
            self._note(0)
        self._file: BinaryIO = open(target, "r+b" if resumed else "wb")
        self._file.truncate(self._length)
        self._file.seek(self._length)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is None:
            os.remove(self._progress)

    def add(self, text: str, done: int) -> None:
        """Adds whole lines, after which the points below `done` are done."""
        data = text.encode("utf-8", "backslashreplace")
        self._file.write(data)
        self._file.flush()
        self._length += len(data)
        self._note(done)

    def _note(self, done: int) -> None:
        state = {"sweep": self._digest, "points": done, "bytes": self._length}
        replace_file(self._progress, json.dumps(state) + "\n")
