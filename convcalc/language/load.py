"""Specs from files, from text, and from the networks that ship with the package."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from convcalc import given
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.inputs import InputShapes
from convcalc.language.building.spec import Reading, Spec, read_spec
from convcalc.language.reading.files import Opener
from convcalc.language.shipped import (
    is_shipped,
    is_word,
    shipped_folder,
    shipped_names,
    shipped_path,
)
from convcalc.problems import (
    UNUSABLE,
    ConvcalcError,
    Help,
    Problem,
    Source,
    printable,
    refused,
)
from convcalc.roots import (
    ALLOWS_MORE,
    check_inside,
    check_link,
    check_opened,
    current_access,
    descriptor_of,
    root_of,
)

#: How often `read` cuts a text before its first mistake.
_MOST_CUTS = 20
#: Bytes that one read asks for.
_PIECE = 1024 * 1024


def spec(path: str | os.PathLike[str], *, text: str | None = None) -> Spec:
    """The spec in a file, or the shipped one of that name; "-" reads standard input.

    text  the file's content, where it is not to be read: a buffer of an editor, say

    The file is read once, and networks are made of it by `Spec.network`. Raises ConvcalcError:
    status 1 where the file is not a mapping in YAML, 2 where it cannot be opened.

    >>> lenet = spec("lenet")
    >>> lenet.network(input=[1, 32, 32]).inputs
    {'input': (1, 32, 32)}
    """
    found = _given_source(path, text)
    return read_spec(found, opener_of(found))


def _given_source(path: str | os.PathLike[str], text: str | None) -> Source:
    """What Python gives: a path, and the text if that is not to be read."""
    name = given.path("path", path)
    return find_source(name) if text is None else Source(name, given.text("text", text))


def found_spec(path: str) -> Spec:
    """The spec in a file that nobody named: it was found in a folder, or convcalc.yaml names it.

    Where it is no spec, its text is not shown. Raises as `spec` does.
    """
    source = find_source(path, named=False)
    return read_spec(source, opener_of(source))


def read(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    args: Mapping[str, object] | None = None,
    input: InputShapes | None = None,
    max_layers: int = MOST_LAYERS,
) -> Reading:
    """What can be read of a spec, and everything that is wrong with it: for editors.

    The arguments are those of `spec` and `Spec.read`. Where the text is not YAML, the network is
    that of the lines before the first mistake. Raises ConvcalcError with status 2 where the file
    cannot be opened, or an override cannot be used.

    >>> text = "input: [8]\\nlayers:\\n  - {dense: 4}\\n  - {dense: 2\\n"
    >>> network, problems = read("net.yaml", text=text)
    >>> [node.path for node in network.nodes], [problem.code for problem in problems]
    (['input', 'dense0'], ['yaml-syntax'])
    """
    source = _given_source(path, text)
    problems: tuple[Problem, ...] = ()
    for _ in range(_MOST_CUTS):
        try:
            found = read_spec(source, opener_of(source))
        except ConvcalcError as error:
            if error.status == UNUSABLE:
                raise
            problems = problems or error.problems
            places = [p.span.line for p in error.problems if p.span and p.span.source is source]
            lines = source.text.splitlines(keepends=True)
            # What is left open by the cut is noticed at its end: each cut takes a line at least.
            kept = min([*places, len(lines)], default=0) - 1
            if not places or kept < 1:
                break
            source = Source(source.name, "".join(lines[:kept]), source.path)
        else:
            reading = found.read(args, input, max_layers=max_layers)
            return Reading(reading.network, problems or reading.problems)
    return Reading(None, problems)


@gc_paused()
def load(
    path: str | os.PathLike[str],
    *,
    args: Mapping[str, object] | None = None,
    input: InputShapes | None = None,
    max_layers: int = MOST_LAYERS,
) -> Network:
    """The network in a spec file, or the shipped one of that name; "-" reads standard input.

    args        override the file's arguments, as `--set` does: {"width": "0.5"} or {"width": 2}
    input       overrides the input shape without the batch axis: [3, 96, 96]
    max_layers  the most layers that the network may have, as `--max-layers` sets it

    Raises ConvcalcError: status 1 where the spec is wrong, 2 where it cannot be opened.

    >>> load("lenet").inputs
    {'input': (1, 28, 28)}
    """
    return spec(path).network(args, input, max_layers=max_layers)


@gc_paused()
def loads(
    text: str,
    *,
    name: str = "-",
    args: Mapping[str, object] | None = None,
    input: InputShapes | None = None,
    max_layers: int = MOST_LAYERS,
) -> Network:
    """The network in a spec's text; `name` is what error messages call it.

    >>> loads("{input: [4], layers: [{dense: 3}]}").operations
    [<dense0: Dense(units=3, bias=True, positionwise=False) -> (3,)>]
    """
    given.text("text", text)
    return spec(given.text("name", name), text=text).network(args, input, max_layers=max_layers)


def find_source(path: str, *, named: bool = True) -> Source:
    """The text of a file, of a shipped network, or of standard input.

    named  whether the user named it
    """
    if path == "-":
        if sys.stdin is None:
            raise _unusable("-", "standard input is closed", "cannot be read")
        return decoded("-", read_at_most(sys.stdin.buffer, current_access().max_file_size + 1))
    if not is_word(path) or os.path.isfile(path):
        return read_file(path, named=named)
    shipped = shipped_path(path)
    if shipped is None and os.path.exists(path):
        return read_file(path, named=named)  # a folder, say: refused there
    if shipped is None:
        from convcalc.spelling import did_you_mean  # only a mistake needs it

        beside = [path + suffix for suffix in (".yaml", ".yml") if os.path.isfile(path + suffix)]
        help_text = did_you_mean(path, shipped_names()) or f"a path has a suffix: {path}.yaml"
        help_text = _of_module(path) or help_text
        if beside:
            help_text = f"a path has a suffix: {printable(beside[0])} is there"
        message = (
            f"no network called '{printable(path)}' ships with convcalc, and there is no such file"
        )
        raise ConvcalcError(
            [Problem("unknown-network", message, None, (Help(help_text),))], UNUSABLE
        )
    return read_file(str(shipped))


def opener_of(source: Source) -> Opener:
    """Opens the files that a spec extends: those in the root of its project, and shipped ones."""
    folder = os.curdir if source.path == "-" else os.path.dirname(source.path)
    return opener_in(lambda: root_of(folder))


def opener_in(root: Callable[[], str]) -> Opener:
    """Opens specs that are named by others, inside a root; shipped ones are allowed."""

    def opener(path: str) -> Source:
        if not is_shipped(path):
            check_inside(path, root())
        return read_file(path, named=False)

    return opener


def read_file(
    path: str,
    what: str = "a spec",
    *,
    named: bool = True,
    links: bool = True,
    times: int = 1,
) -> Source:
    """The text of a spec, or of `what` it is said to be; raises ConvcalcError with status 2.

    named  whether the user named it; pipes and descriptors are read only then
    links  whether it may be a link
    times  how many times as long as a spec it may be
    """
    descriptor = descriptor_of(path) if named else None
    shipped = is_shipped(path)
    with opening(path, named=named, links=links) as opened:
        data = _content(path, opened, times)
    # What a text from a descriptor extends lies in the current folder.
    place = path if descriptor is None else "-"
    return decoded(_display_name(path), data, place, what, named=named or shipped, times=times)


@contextmanager
def opening(path: str, *, named: bool = True, links: bool = True) -> Iterator[int]:
    """The descriptor of a file that may be read, open during the block.

    The file is regular, or a pipe or descriptor that the user named. The arguments are those of
    `read_file`. Raises ConvcalcError with status 2, also where the block fails with an OSError.
    """
    descriptor = descriptor_of(path) if named else None
    shipped = is_shipped(path)
    try:
        if descriptor is not None:
            opened = os.dup(descriptor)
        else:
            if not shipped:
                check_link(path)
            # Without waiting: a pipe without a writer would block for ever, and a name may become
            # that of another file between a question and the opening.
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
            opened = os.open(path, flags if links else flags | getattr(os, "O_NOFOLLOW", 0))
        try:
            if descriptor is None and not shipped:
                check_opened(path, opened)
            _check_kind(path, opened, named=named)
            yield opened
        finally:
            os.close(opened)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        beside = like_names_beside(path) if isinstance(error, FileNotFoundError) else ""
        raise _unusable(path, reason[:1].lower() + reason[1:], help_text=beside) from None


def _check_kind(path: str, opened: int, *, named: bool) -> None:
    """Refuses what cannot be read; asks the open file itself of which kind it is."""
    mode = os.fstat(opened).st_mode
    if stat.S_ISDIR(mode):
        raise _unusable(path, "a folder")
    piped = named and (stat.S_ISFIFO(mode) or descriptor_of(path) is not None)
    if not stat.S_ISREG(mode) and not piped:
        raise _unusable(path, "not a regular file")


def _content(path: str, opened: int, times: int) -> bytes:
    """What an open file holds."""
    begun = b""
    if not stat.S_ISREG(os.fstat(opened).st_mode) and descriptor_of(path) is None:
        begun = begin_pipe(path, opened)
    with open(opened, "rb", closefd=False) as file:
        return begun + read_at_most(file, times * current_access().max_file_size + 1)


def read_at_most(stream: IO[bytes], most: int) -> bytes:
    """The first `most` bytes of a stream. A read of that size at once would allocate as many."""
    pieces = []
    while most > 0 and (piece := stream.read(min(most, _PIECE))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def begin_pipe(path: str, opened: int) -> bytes:
    """The first byte of a pipe; none where its writer has not written yet."""
    try:
        begun = os.read(opened, 1)
        if not begun:
            raise _unusable(path, "a pipe that nobody writes to")
    except BlockingIOError:
        begun = b""
    os.set_blocking(opened, True)
    return begun


def with_slashes(path: str) -> str:
    """A help text for a path that separates folders as Windows does; "" for another, or there."""
    if os.sep == "\\" or "\\" not in path:
        return ""
    plain = re.sub(r"/?\\+/?", "/", path)
    return f"'/' separates folders here: '{printable(plain, 200)}'"


def _of_module(path: str) -> str:
    """A help text for what names a module of PyTorch, such as `models:make_net`; "" for others."""
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", path[:200]):
        return ""
    return f"a module of PyTorch is imported: convcalc import {path} --input 1x3x224x224"


def like_names_beside(path: str) -> str:
    """A help text that offers the files named most like a missing one; "" where none is.

    They are YAML files, or have the suffix of the missing one.
    """
    elsewhere = with_slashes(path) or _of_module(path)
    if elsewhere:
        return elsewhere
    folder, name = os.path.split(path)
    suffixes = (".yaml", ".yml", os.path.splitext(name)[1] or ".yaml")
    try:
        names = [n for n in os.listdir(folder or os.curdir) if n.endswith(suffixes)]
    except (OSError, ValueError):
        return ""
    from convcalc.spelling import nearest  # only a mistake needs it

    # Without the suffix, which would make all of them alike.
    stems = {os.path.splitext(other)[0]: other for other in names}
    near = [f"'{printable(stems[stem])}'" for stem in nearest(os.path.splitext(name)[0], stems)]
    return f"did you mean {' or '.join(near)}?" if near else ""


def _display_name(path: str) -> str:
    """A shipped network's place in the package, wherever that is installed; else the path."""
    folder, name = os.path.split(path)
    return f"convcalc/configs/{name}" if folder == shipped_folder() else path


def decoded(
    name: str,
    data: bytes,
    path: str = "",
    what: str = "a spec",
    *,
    named: bool = True,
    times: int = 1,
) -> Source:
    """The text of a spec from its bytes; raises ConvcalcError with status 2."""
    most = times * current_access().max_file_size
    if len(data) > most:
        raise _unusable(name, f"longer than {most} bytes", help_text=ALLOWS_MORE)
    try:
        return Source(name, data.decode("utf-8-sig"), path, named=named)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{data[error.start]:02x} " if named else ""
        raise _unusable(
            name,
            f"not UTF-8 text: {byte}at line {line}",
            "cannot be decoded",
            f"{what} is a text file in UTF-8",
        ) from None


def _unusable(
    path: str, reason: str, what: str = "cannot be opened", help_text: str = ""
) -> ConvcalcError:
    return refused("unusable-file", f"{printable(path, 200)} {what}: {reason}", help_text)
