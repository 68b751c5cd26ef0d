"""Two versions of a network, side by side; or of all networks that changed since a revision."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from convcalc.analysis.costs.report import Report, analyze
from convcalc.checks.diff.diff import Diff, compare
from convcalc.checks.diff.revision import SUFFIXES, FileChange, Revision
from convcalc.exchange.formats import format_of
from convcalc.exchange.load import opened
from convcalc.graph import Network
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.inputs import InputShapes
from convcalc.language.building.spec import read_spec
from convcalc.language.load import opener_in, read_file
from convcalc.language.reading.document import first_word
from convcalc.language.shipped import shipped_path
from convcalc.problems import ConvcalcError, Problem, printable, refused
from convcalc.roots import check_inside, is_stream

if TYPE_CHECKING:
    from convcalc.exchange.load import Definition

#: A value that may be the file of a block.
_FILE = re.compile(r""":[ \t]*["']?([^\s"'#{}\[\],]+\.ya?ml)\b""")

Status = Literal["same", "changed", "renamed", "new", "deleted"]
STATUSES: tuple[Status, ...] = ("same", "changed", "renamed", "new", "deleted")


class Comparison(NamedTuple):
    """Two versions of a network; one of them is missing where the file is new or deleted.

    status    what became of it: of the file first, then of the network in it
    old_name  what the old version is called: a path, or a revision and a path
    """

    status: Status
    old_name: str
    new_name: str
    old: Report | None
    new: Report | None
    diff: Diff | None

    @property
    def notes(self) -> list[Problem]:
        """The notes on both versions, those that they share once: at the new one."""
        reports = [report for report in (self.new, self.old) if report is not None]
        found: dict[tuple[str, str], Problem] = {}
        for report in reports:
            for note in report.network.notes:
                found.setdefault((note.code, note.text), note)
        return list(found.values())


class Settings(NamedTuple):
    """What networks are built and counted with: arguments old and new, inputs, batch, limit."""

    old_args: Mapping[str, object]
    new_args: Mapping[str, object]
    inputs: InputShapes | None = None
    batch: int = 1
    max_layers: int = MOST_LAYERS

    def network_of(self, of_file: Definition, args: Mapping[str, object]) -> Network:
        """The network of a file with some arguments."""
        return of_file.network(args, self.inputs, max_layers=self.max_layers)


def compare_files(old: str, new: str, settings: Settings) -> Comparison:
    """Two specs, or shipped networks, or one of them from standard input ("-").

    Raises ConvcalcError with the problems of both.
    """
    reports = _both(
        lambda: settings.network_of(opened(old), settings.old_args),
        lambda: settings.network_of(opened(new), settings.new_args),
        (old, new),
        settings.batch,
    )
    return _comparison(reports, (old, new), renamed=False)


class Compared(NamedTuple):
    """Files and their versions at a revision, in the order of their paths.

    found     those of which both versions could be read
    problems  of the others
    status    the exit status that these ask for
    """

    found: list[Comparison]
    problems: list[Problem]
    status: int


def compare_with_revision(revision: Revision, files: Sequence[str], settings: Settings) -> Compared:
    """Files of the working tree and their versions at a revision; a broken one stops no other.

    files  specs, or folders for all that changed in them; without any it is all that changed,
           a spec whose `extends` leads to a changed file included
    """
    changes = revision.changes()
    found: list[Comparison] = []
    problems: list[Problem] = []
    status = 0
    for change in _chosen(revision, changes, files):
        try:
            found.append(_version(revision, change, settings))
        except ConvcalcError as error:
            problems += error.problems
            status = max(status, error.status)
    return Compared(found, problems, status)


def _version(revision: Revision, change: FileChange, settings: Settings) -> Comparison:
    """A file of the working tree and its version at the revision."""
    old, new = change
    old_name = f"{revision.name}:{old}" if old else ""
    new_name = revision.display(new) if new else ""

    def before() -> Network | None:
        then = _then(revision, old) if old else None
        return None if then is None else settings.network_of(then, settings.old_args)

    def after() -> Network | None:
        return settings.network_of(_now(revision, new), settings.new_args) if new else None

    reports = _both(before, after, (old_name, new_name), settings.batch)
    return _comparison(reports, (old_name, new_name), renamed=bool(old and new and old != new))


def _then(revision: Revision, path: str) -> Definition | None:
    """The network in a file of a revision; None where there is no file."""
    of_format = format_of(path)
    if of_format is not None:
        return revision.model(path, of_format)
    source = revision.source(path)
    return None if source is None else read_spec(source, revision.open, revision.exists)


def _now(revision: Revision, path: str) -> Definition:
    """The network in a file of the working tree."""
    name = revision.display(path)
    if format_of(path) is not None:
        check_inside(name, revision.root)
        return opened(name, named=False)
    opener = opener_in(lambda: revision.root)
    return read_spec(opener(name), opener)


def _comparison(
    reports: tuple[Report | None, Report | None], names: tuple[str, str], *, renamed: bool
) -> Comparison:
    old, new = reports
    if old is None or new is None:
        return Comparison("new" if old is None else "deleted", *names, old, new, None)
    diff = compare(old, new)
    status: Status = "changed" if diff else "same"
    return Comparison("renamed" if renamed else status, *names, old, new, diff)


def _both(
    old: Callable[[], Network | None],
    new: Callable[[], Network | None],
    names: tuple[str, str],
    batch: int,
) -> tuple[Report | None, Report | None]:
    """The reports of two networks, or the problems of both."""
    reports: list[Report | None] = []
    problems: list[Problem] = []
    status = 0
    for make, name in zip((old, new), names, strict=True):
        try:
            network = make()
            reports.append(None if network is None else analyze(network, batch=batch))
        except ConvcalcError as error:
            problems += [_named(problem, name) for problem in error.problems]
            status = max(status, error.status)
    if problems:
        raise ConvcalcError(problems, status)
    return reports[0], reports[1]


def _named(problem: Problem, name: str) -> Problem:
    """A problem without a place, such as that of an option, with the file that it is about."""
    if problem.span is not None or problem.code in ("unusable-file", "unknown-network"):
        return problem
    return problem.about(file=name)


# Which files.


def _chosen(
    revision: Revision, changes: Sequence[FileChange], files: Sequence[str]
) -> list[FileChange]:
    """The files to compare, each once."""
    changed: list[FileChange] | None = None
    found: list[FileChange] = []
    for file in files or [revision.root]:
        if os.path.isdir(file):
            if changed is None:
                changed = _changed_specs(revision, changes)
            folder = revision.path_of(os.path.realpath(file))
            found += [change for change in changed if _lies_in(change, folder)]
        else:
            found.append(_change_of(revision, changes, file))
    return list(dict.fromkeys(found))


def _lies_in(change: FileChange, folder: str) -> bool:
    return folder in (".", "") or (change.new or change.old or "").startswith(f"{folder}/")


def _change_of(revision: Revision, changes: Sequence[FileChange], file: str) -> FileChange:
    """What became of one file, changed or not."""
    if is_stream(file):
        what = "standard input" if file == "-" else printable(file, 200)
        raise refused("bad-option", f"{what} has no version in git", f"convcalc diff OLD {file}")
    path = revision.path_of(file)
    for change in changes:
        if path == change.new or (path == change.old and not os.path.exists(file)):
            return change
    if not os.path.lexists(file):
        if shipped_path(file):
            message = f"the shipped network '{printable(file)}' has no version in git"
            raise refused("bad-option", message, f"convcalc diff OLD {file}")
        if not revision.has(path):
            where = f"now nor in '{printable(revision.name)}'"
            raise refused("bad-option", f"{printable(file, 200)} is neither there {where}")
    return FileChange(path if revision.has(path) else None, path)


def _changed_specs(revision: Revision, changes: Sequence[FileChange]) -> list[FileChange]:
    """The specs among changed files, and those that a changed file is a part of."""
    listed = [c for c in changes if (c.new or c.old or "").endswith(SUFFIXES)]
    if not changes:
        return []
    found = [change for change in listed if _is_spec(revision, change)]
    touched = {path for change in changes for path in change if path}
    users: dict[str, list[str]] = {}
    for path in revision.files():
        for part in _parts(revision, path):
            users.setdefault(part, []).append(path)
    changed = dict.fromkeys(touched)
    waiting = [*touched]
    while waiting:
        for user in users.get(waiting.pop(), []):
            if user not in changed:
                changed[user] = None
                waiting.append(user)
                found.append(FileChange(user, user))
    return sorted(found, key=lambda change: change.new or change.old or "")


def _is_spec(revision: Revision, change: FileChange) -> bool:
    """Whether a YAML file is a network and not something else, before or now."""
    texts = []
    if change.new:
        texts.append(_text(revision, change.new))
    if change.old:
        try:
            source = revision.source(change.old)
        except ConvcalcError:
            source = None
        texts.append(source.text if source else "")
    return any(first_word(text, "layers") is not None or _extends_network(text) for text in texts)


def _extends_network(text: str) -> bool:
    """Whether it extends a spec; other files than specs have such a key as well."""
    base = first_word(text, "extends")
    return base is not None and (base.endswith(SUFFIXES) or shipped_path(base) is not None)


def _parts(revision: Revision, path: str) -> set[str]:
    """Paths that a spec of the working tree may extend, or may have as a block."""
    text = _text(revision, path)
    named = set()
    if first_word(text, "blocks") is not None:
        # Other keys may have such values too: they are no files, or none that changed.
        named.update(_FILE.findall(text))
    base = first_word(text, "extends")
    if base:
        named.add(base)
    folder = os.path.dirname(path)
    return {os.path.normpath(os.path.join(folder, n)).replace(os.sep, "/") for n in named}


def _text(revision: Revision, path: str) -> str:
    """A file of the working tree; empty if it cannot be read: building it reports that."""
    try:
        path = os.path.join(revision.root, path)
        check_inside(path, revision.root)
        return read_file(path, named=False).text
    except ConvcalcError:
        return ""
