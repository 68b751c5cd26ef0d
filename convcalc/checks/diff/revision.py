"""A revision of a git repository: its files, and what has changed since.

git is asked without a shell, and one process reads all files of a revision. Nothing is checked out;
at most git refreshes what it remembers of the working tree, as `git diff` does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, NamedTuple, NoReturn

from convcalc.exchange.formats import format_of
from convcalc.language.load import decoded, read_file
from convcalc.language.shipped import shipped_folder
from convcalc.problems import ConvcalcError, Source, printable, refused
from convcalc.roots import check_no_system_file, current_access, repository_above

if TYPE_CHECKING:
    from subprocess import Popen

    from convcalc.exchange.definition import ModelSpec
    from convcalc.exchange.formats import Format

#: The most bytes of a model file of a revision, which git hands over as a whole.
MOST_MODEL = 128 * 1024 * 1024
#: Files of which git is asked which lines changed, one by one.
MOST_DIFFERENT = 100
#: Files that may hold a network.
SUFFIXES = (".yaml", ".yml")

#: Settings of the user that would change what git prints, or have it run other programs.
_SETTINGS = (
    "-c",
    "diff.relative=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotePath=false",
    # A stranger's repository may configure commands; no hook of its own runs either.
    "-c",
    f"core.hooksPath={os.devnull}",
)
#: Settings that name a file which git reads to its end, and such files of the repository itself.
_NAMED_FILES = ("core.excludesFile", "core.attributesFile", "diff.orderFile")
_OWN_FILES = ("info/exclude", "info/attributes")
#: A patch without context, whatever the user's settings add to one; it runs no program.
_HUNKS = ("-U0", "--inter-hunk-context=0", "--no-color", "--no-textconv")
#: The commands that convert a file between the working tree and git.
_FILTER = r"^filter\..*\.(clean|smudge|process)$"


class FileChange(NamedTuple):
    """A file that differs: its paths then and now, from the repository's root; None for none."""

    old: str | None
    new: str | None


class Revision:
    """The files of a repository as they were in one commit. A context: it may hold a process.

    name    as the user wrote it
    commit  its full hash
    root    the folder of the working tree
    """

    def __init__(self, name: str, *, merge_base: bool = False) -> None:
        """The revision of the repository that the current folder lies in.

        With `merge_base` it is the last commit that both the revision and HEAD come from. Raises
        ConvcalcError with status 2: no git, no repository, no such revision.
        """
        self.name = name
        if not name or name.startswith(("-", "^")):  # an option, or all commits that are not its
            _refuse(f"'{printable(name)}' is not the name of a revision")
        self._git = _git_program()
        self._complaint = ""
        self._settings = [*_SETTINGS]
        root = self._ask(["rev-parse", "--show-toplevel"])
        self.root = os.path.realpath(root.removesuffix("\n"))
        self._check_root()
        self._settings += self._without_filters()
        self._settings += self._without_endless_files()
        self.commit = self._commit(merge_base)
        self._process: Popen[bytes] | None = None
        self._read: dict[str, bytes | None] = {}
        self._lines: dict[str, list[range]] = {}
        #: What a path at this revision begins with, where a path is all that is handed on.
        self._prefix = f"{self.commit}:/"

    def __enter__(self) -> Revision:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _check_root(self) -> None:
        """Refuses a working tree elsewhere, as a repository's own core.worktree may name one."""
        above = repository_above(os.curdir)
        from_environment = any(name in os.environ for name in ("GIT_DIR", "GIT_WORK_TREE"))
        if not from_environment and (above is None or os.path.realpath(above) != self.root):
            raise refused(
                "outside-root",
                f"the repository's settings name another working tree: {printable(self.root, 200)}",
            )

    def _commit(self, merge_base: bool) -> str:
        # In two steps: "^{commit}" would become part of a search such as ":/words of a message".
        thing = self._run(["rev-parse", "--verify", "--quiet", self.name])
        found = thing and self._run(
            ["rev-parse", "--verify", "--quiet", f"{thing.strip()}^{{commit}}"]
        )
        if not found:
            help_text = "a branch, a tag, a commit or an expression such as HEAD~1"
            if ".." in self.name:
                help_text = "one revision, not a range; --merge-base compares with where it forked"
            _refuse(f"git knows no revision '{printable(self.name)}' here", help_text)
        commit = found.strip()
        if merge_base:
            base = self._run(["merge-base", commit, "HEAD"])
            if base is None:
                _refuse(f"'{printable(self.name)}' and HEAD have no commit in common")
            commit = base.strip()
        return commit

    # Files.

    def path_of(self, file: str) -> str:
        """A file's path from the repository's root, with slashes; refuses one outside of it."""
        folder, name = os.path.split(os.path.abspath(file))
        path = os.path.relpath(os.path.join(os.path.realpath(folder), name), self.root)
        path = path.replace(os.sep, "/")
        if path == ".." or path.startswith("../") or os.path.isabs(path):
            _refuse(
                f"{printable(file, 200)} lies outside the repository {printable(self.root, 200)}",
                "--base compares files of the repository that the current folder belongs to",
            )
        return path

    def display(self, path: str) -> str:
        """What a file of the working tree is called from the current folder."""
        return os.path.relpath(os.path.join(self.root, path))

    def source(self, path: str) -> Source | None:
        """The text of a file, by its path from the root; None where there is none."""
        data = self._content(path)
        name = f"{self.name}:{path}"
        return None if data is None else decoded(name, data, self._prefix + path, named=False)

    def has(self, path: str) -> bool:
        """Whether there is a file, by its path from the root."""
        return self._content(path) is not None

    def model(self, path: str, of_format: Format) -> ModelSpec | None:
        """The model in a file, by its path from the root; None where there is none."""
        data = self._content(path)
        if data is None:
            return None
        from convcalc.exchange.definition import ModelSpec  # most files are specs
        from convcalc.exchange.files import read_bytes

        name = f"{self.name}:{path}"
        return ModelSpec(read_bytes("", data, name=name), of_format, Source(name, "", named=False))

    def open(self, path: str) -> Source:
        """The text of a file that a spec at this revision extends."""
        if os.path.dirname(path) == shipped_folder():
            return read_file(path)  # a word names a network that ships, whatever the revision
        found = self._path_at(path)
        source = None if found is None else self.source(found)
        if source is None:
            shown = path if found is None else found
            where = "outside the repository" if found is None else f"not in '{self.name}'"
            code = "outside-root" if found is None else "unusable-file"
            _refuse(f"{printable(shown, 200)} cannot be opened: {where}", code=code)
        return source

    def exists(self, path: str) -> bool:
        """Whether a spec at this revision would find this file."""
        found = self._path_at(path)
        return found is not None and self._content(found) is not None

    def _path_at(self, path: str) -> str | None:
        """The path from the root of what a spec at this revision names; None outside of it."""
        if path.startswith(self._prefix):
            path = path.removeprefix(self._prefix)
        elif os.path.isabs(path):
            path = os.path.relpath(path, self.root).replace(os.sep, "/")
        else:
            return None
        parts: list[str] = []
        for part in path.split("/"):
            if part == ".." and not parts:
                return None
            if part == "..":
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        return "/".join(parts)

    def _content(self, path: str) -> bytes | None:
        if path not in self._read:
            self._read[path] = self._fetch(path)
        return self._read[path]

    def _fetch(self, path: str) -> bytes | None:
        """A file's bytes from the one process that reads all of them."""
        if "\n" in path:
            _refuse(f"{printable(path, 200)}: names with line breaks cannot be read from git")
        if self._process is None:
            self._process = self._start(["cat-file", "--batch", "--follow-symlinks"])
        asked, answer = self._process.stdin, self._process.stdout
        if asked is None or answer is None:
            raise RuntimeError("git was started without pipes")
        try:
            asked.write(f"{self.commit}:{path}\n".encode("utf-8", "surrogateescape"))
            asked.flush()
            return self._answer(answer, path)
        except OSError as error:
            self._stop()
            _refuse(f"git stopped while it read {printable(path, 200)}: {error.strerror}")

    def _answer(self, answer: IO[bytes], path: str) -> bytes | None:
        header = answer.readline()
        match = re.fullmatch(rb"[0-9a-f]+ (\w+) (\d+)\n", header)
        if match is None:
            # "missing", and what becomes of links: "dangling", "loop", "notdir", "symlink".
            kind = re.fullmatch(rb"(dangling|loop|notdir|symlink) (\d+)\n", header)
            if kind is not None:
                answer.read(int(kind[2]) + 1)
            elif not header.endswith((b" missing\n", b" ambiguous\n")):
                self._stop()
                _refuse(f"git could not read {printable(path, 200)} in '{printable(self.name)}'")
            return None
        size = int(match[2])
        most = current_access().max_file_size
        if format_of(path) is not None:
            most = max(most, MOST_MODEL)
        if size > most:
            self._stop()
            shown = printable(f"{self.name}:{path}", 200)
            _refuse(f"{shown} cannot be opened: longer than {most} bytes", code="unusable-file")
        data = answer.read(size + 1)[:-1]
        return data if match[1] == b"blob" else None

    # Changes.

    def changes(self) -> list[FileChange]:
        """The files in which the working tree differs, by path; what git ignores is left out.

        A file that git does not know yet counts as new.
        """
        listed = self._differing("--name-status", "-M", "-z")
        fields = iter(listed.split("\0")[:-1])
        found = []
        for status in fields:
            path = next(fields)
            if status[0] in "RC":
                new = next(fields)
                found.append(FileChange(path if status[0] == "R" else None, new))
            else:
                found.append(
                    FileChange(None if status == "A" else path, None if status == "D" else path)
                )
        found += [FileChange(None, path) for path in self._files("--others", "--exclude-standard")]
        return sorted(found, key=lambda change: change.new or change.old or "")

    def changed_lines(self, file: str) -> list[range]:
        """The lines of a file of the working tree that differ from the revision's.

        A line behind which lines are missing counts as one of them. Empty where the file is not in
        the repository or not in git, and after `MOST_DIFFERENT` files.
        """
        if file not in self._lines and len(self._lines) < MOST_DIFFERENT:
            self._lines[file] = self._changed_lines(file)
        return self._lines.get(file, [])

    def _changed_lines(self, file: str) -> list[range]:
        try:
            path = self.path_of(file)
        except ConvcalcError:
            return []
        hunks = self._differing(*_HUNKS, "--", f":(top,literal){path}")
        found = []
        for first, count in re.findall(r"(?m)^@@ -\S+ \+(\d+)(?:,(\d+))? @@", hunks):
            start, lines = int(first), int(count or 1)
            found.append(range(max(start, 1), max(start, 1) + max(lines, 1)))
        return found

    def _differing(self, *which: str) -> str:
        """What differs, as git prints it.

        Where only the time of a file has changed, `git diff` writes that into the index, whatever
        GIT_OPTIONAL_LOCKS says. It gets a copy, whose time is the same: git compares it with the
        times of files.
        """
        from shutil import copy2
        from tempfile import TemporaryDirectory

        index = self._ask(["rev-parse", "--git-path", "index"]).removesuffix("\n")
        always = ["--no-ext-diff", "--ignore-submodules"]
        cut = which.index("--") if "--" in which else len(which)
        try:
            with TemporaryDirectory() as folder:
                copied = os.path.join(folder, "index")
                if os.path.exists(index):
                    copy2(index, copied)
                asked = ["diff", *always, *which[:cut], self.commit, *which[cut:]]
                return self._ask(asked, GIT_INDEX_FILE=copied)
        except OSError as error:
            _refuse(f"git's index cannot be copied: {error.strerror}")

    def files(self) -> list[str]:
        """The files of the working tree that may hold a network, by their paths from the root."""
        every = self._files("--cached", "--others", "--exclude-standard")
        return sorted({path for path in every if os.path.isfile(os.path.join(self.root, path))})

    def _files(self, *which: str) -> list[str]:
        patterns = [f":/*{suffix}" for suffix in SUFFIXES]
        listed = self._ask(["ls-files", "-z", "--full-name", *which, "--", *patterns])
        return listed.split("\0")[:-1]

    # git.

    def _ask(self, arguments: Sequence[str], **variables: str) -> str:
        """What git answers; an error with its own words where it fails."""
        answer = self._run(arguments, **variables)
        if answer is None:
            self._failed(arguments[0])
        return answer

    def _failed(self, command: str) -> NoReturn:
        if "not a git repository" in self._complaint:
            folder = printable(os.getcwd(), 200)
            _refuse(
                f"{folder} lies in no git repository",
                "--base compares with a version in git; without it: convcalc diff OLD NEW",
            )
        _refuse(f"git {command} failed: {printable(self._complaint, 300)}")

    def _without_filters(self) -> list[str]:
        """Settings that switch off every filter: only git could say which command is harmless."""
        listed = self._run(["config", "--null", "--name-only", "--get-regexp", _FILTER]) or ""
        settings = []
        for key in listed.split("\0")[:-1]:
            if "=" in key:  # `-c` would take it for the end of the name
                _refuse(f"git's setting '{printable(key)}' cannot be switched off: rename it")
            settings += ["-c", f"{key}=", "-c", f"{key.rpartition('.')[0]}.required=false"]
        return settings

    def _without_endless_files(self) -> list[str]:
        """Settings that switch off files without an end: devices, and pipes that nobody writes."""
        settings = []
        for key in _NAMED_FILES:
            path = self._run(["config", "--type=path", "--get", key])
            if path is not None and not _is_ordinary(os.path.join(self.root, path[:-1])):
                settings += ["-c", f"{key}={os.devnull}"]
        for name in _OWN_FILES:
            path = self._ask(["rev-parse", "--git-path", name])[:-1]
            if os.path.exists(path) and not _is_ordinary(path):
                _refuse(f"git's file {printable(path, 200)} is not a regular file of bounded size")
        return settings

    def _run(self, arguments: Sequence[str], **variables: str) -> str | None:
        process = self._start(arguments, **variables)
        output, errors = process.communicate()
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        self._complaint = lines[0].removeprefix("fatal: ") if lines else "no reason given"
        return None if process.returncode else output.decode("utf-8", "surrogateescape")

    def _start(self, arguments: Sequence[str], **variables: str) -> Popen[bytes]:
        from subprocess import DEVNULL, PIPE, Popen

        batch = "--batch" in arguments
        try:
            return Popen(  # noqa: S603 - the program is git, and no argument is an option by accident
                [self._git, *self._settings, *arguments],
                stdin=PIPE if batch else DEVNULL,
                stdout=PIPE,
                stderr=DEVNULL if batch else PIPE,
                env={**_environment(), **variables},
            )
        except OSError as error:
            _refuse(f"git cannot be started: {error.strerror}")

    def _stop(self) -> None:
        """Ends the process that reads files, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass  # it has ended already
        process.kill()
        process.wait()


def _is_ordinary(path: str) -> bool:
    """Whether a path is that of a file that ends soon."""
    try:
        check_no_system_file(path)
        return os.path.isfile(path) and os.path.getsize(path) <= current_access().max_file_size
    except (ConvcalcError, OSError):
        return False


def _git_program() -> str:
    from shutil import which

    program = which("git")
    if program is None:
        _refuse("--base needs git, which is not installed or not on the PATH")
    return program


def _environment() -> Mapping[str, str]:
    """git's messages in English, no question to the user, no lock that others would wait for.

    What a partial clone is missing is not fetched: its configuration names the command for that.
    git obeys GIT_NO_LAZY_FETCH from 2.45 on; GIT_ALLOW_PROTOCOL stops the fetch of earlier ones.
    """
    return {
        **os.environ,
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
    }


def _refuse(message: str, help_text: str = "", code: str = "bad-revision") -> NoReturn:
    raise refused(code, message, help_text)
