"""Folders and globs as the files in them, with a limit on how much of a disk is gone through."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch

from convcalc.problems import UNUSABLE, ConvcalcError, Help, Problem, Rule, printable

#: Files and folders that all folders and globs of a run may go through.
MOST_VISITED = 200_000


def is_glob(path: str) -> bool:
    """Whether a path has wildcards."""
    return any(mark in path for mark in "*?[")


class Walk:
    """Goes through folders, and counts what is in them."""

    def __init__(self) -> None:
        self._visited = 0

    def entries(self, folder: str) -> list[os.DirEntry[str]]:
        """What is in a folder; raises OSError, and ConvcalcError where it is too much."""
        found = []
        with os.scandir(folder or os.curdir) as entries:
            for entry in entries:
                self._visited += 1
                if self._visited > MOST_VISITED:
                    raise _too_many(folder)
                found.append(entry)
        return found

    def paths_like(self, pattern: str) -> list[str]:
        """The paths that a glob with slashes stands for, each once.

        As in a shell, `*` matches no name that begins with a dot, and `**` goes into no link to a
        folder: links may lead in circles.
        """
        drive, rest = os.path.splitdrive(pattern)
        start = drive + os.sep if rest.startswith("/") else drive
        parts: list[str] = []
        for part in rest.split("/"):
            if part and not (part == "**" and parts[-1:] == ["**"]):
                parts.append(part)
        if parts[-1:] == ["**"]:
            parts.append("*")
        return list(dict.fromkeys(map(os.path.normpath, self._matches(start, parts))))

    def _matches(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        part, *rest = parts
        if not is_glob(part):
            path = os.path.join(folder, part)
            if rest and os.path.isdir(path):
                yield from self._matches(path, rest)
            elif not rest and os.path.lexists(path):
                yield path
            return
        if part == "**":
            yield from self._matches(folder, rest)
        try:
            entries = self.entries(folder)
        except OSError:
            return  # a folder that cannot be read, or was just deleted
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if part == "**":
                hidden = entry.name.startswith(".")
                if not hidden and entry.is_dir(follow_symlinks=False):
                    yield from self._matches(path, parts)
            elif fnmatch(entry.name, part) and (part[0] == "." or entry.name[0] != "."):
                if not rest:
                    yield path
                elif entry.is_dir():
                    yield from self._matches(path, rest)


def _too_many(folder: str) -> ConvcalcError:
    message = "the folders and globs go through too many files and folders"
    rule = Rule(f"at most {MOST_VISITED:,} in all; the last one was in {printable(folder, 200)}")
    help_text = Help("begin globs with the folder that holds the networks: models/**/*.yaml")
    return ConvcalcError([Problem("too-many-files", message, None, (rule, help_text))], UNUSABLE)
