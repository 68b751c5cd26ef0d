"""What is promised of every command on every file, and how to see that it was broken."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn
from xml.etree import ElementTree as ET

from tests.cli.runner import Result
from tests.security.hostile import SECRET

#: Exit statuses of a good file, of a wrong one, and of wrong usage. 3 is a mistake in convcalc.
STATUSES = (0, 1, 2)

#: The commands that hold a network's values; of these, large ones are refused.
_RUNNING = ("verify", "run", "weights", "export", "import")

#: What a runner is told by `check --format github`, and by errors before it.
_ANNOTATION = re.compile(r"::(error|warning|notice) [a-z]+=[^:]*::(?!pwned)")
#: What changes the order or the lines of a text on a terminal.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def broken(
    result: Result, arguments: Sequence[str], written: Sequence[str] = (), *, in_actions: bool
) -> Iterator[str]:
    """Each promise that a command broke.

    written  the texts of files that it wrote for people or for other programs
    """
    both = result.out + result.err
    if result.status not in STATUSES:
        yield f"status {result.status}"
    if "error[internal]" in both or "Traceback (most recent" in both:
        yield "an internal error"
    if "error[no-memory]" in both and arguments[0] not in _RUNNING:
        yield "more memory than there is"
    if "error[shape-differs]" in both:
        yield "a wrong prediction"
    if result.status and not both and "--output" not in arguments:
        yield f"status {result.status} without a message"
    # Whoever allows it does not mean files of strangers.
    if "--allow-outside" not in arguments and any(SECRET in text for text in (both, *written)):
        yield "shows a file that it must not show"
    style = value_of("--format", arguments)
    try:
        for text in (result.out, *written):
            _well_formed(text, style)
    except (ValueError, csv.Error, ET.ParseError) as error:
        yield f"{style} that cannot be read: {error}"
    data = result.out if style in ("json", "sarif", "csv", "junit") else ""
    control = _CONTROL.search(both.replace(data, "") if data else both)
    if control is not None:
        yield f"a control character: {control[0]!r}"
    if in_actions:
        annotates = style in ("", "github") and arguments[:1] == ("check",)
        yield from _commands(both, annotates)


def value_of(option: str, arguments: Sequence[str]) -> str:
    """The value of an option; "" where it is not given."""
    if option not in arguments[:-1]:
        return ""
    return arguments[arguments.index(option) + 1]


def _commands(text: str, annotates: bool) -> Iterator[str]:
    """The first line that a runner obeys, and is not meant to."""
    for line in re.split(r"[\r\n]", text):
        # Blanks before a command do not keep the runner from obeying it.
        if not line.lstrip().startswith("::") and "##[" not in line:
            continue
        if not (annotates and _ANNOTATION.match(line)):
            yield f"a workflow command: {line[:60]!r}"
        elif "%0A::error::pwned" in line:
            yield "an annotation that does not escape what it holds"
        else:
            continue
        return


# Formats.


def _well_formed(text: str, style: str) -> None:
    """Raises an error for a text that no other program could read."""
    if not text:
        return
    if style in ("json", "sarif"):
        json.loads(text, parse_constant=_no_number)
    elif style == "junit":
        ET.fromstring(text)  # noqa: S314 - our own text
    elif style == "csv":
        lengths = {len(row) for row in csv.reader(io.StringIO(text), strict=True)}
        if len(lengths) > 1:
            raise ValueError("rows of different lengths")
    elif style == "markdown":
        _check_tables(text)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _check_tables(text: str) -> None:
    """Raises an error where the rows of a table differ in their number of cells."""
    cells = 0
    for line in text.split("\n"):
        # A bar behind a backslash, or behind a pair of them and one more, is text.
        now = len(re.findall(r"\|", re.sub(r"\\.", "", line))) if line.startswith("|") else 0
        if cells and now and now != cells:
            raise ValueError(f"a row of {now - 1} cells in a table of {cells - 1}: {line[:60]}")
        cells = now
