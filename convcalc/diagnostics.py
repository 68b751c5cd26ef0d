"""What is wrong and where: spans, problems, and the one public exception type.

Nothing here knows how a problem looks on a page; `convcalc.render.diagnostics` draws it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

#: Exit statuses, also the `status` of a `ConvcalcError`.
WRONG = 1
UNUSABLE = 2


class Source:
    """A text that was read: its display name, its content, and where it really lies."""

    __slots__ = ("_lines", "name", "path", "text")

    def __init__(self, name: str, text: str, path: str = "") -> None:
        self.name = name
        self.text = text
        self.path = path or name
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """The text of a line, counted from 1; empty past the end."""
        if self._lines is None:
            # YAML breaks lines at these only; str.splitlines() also does at \f and \x1c.
            self._lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", self.text)
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""


class Span(NamedTuple):
    """A place in a source: line and column counted from 1, width in characters."""

    source: Source
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        # A path is shown whole: it is there to be opened.
        return f"{printable(self.source.name, 4096)}:{self.line}:{self.column}"


class Call(NamedTuple):
    """A block call that led to a layer: where it stands, and which copy of how many."""

    span: Span
    block: str
    copy: int
    copies: int


class Problem(NamedTuple):
    """One mistake: a stable code, one sentence, its place, and labelled facts.

    `facts` are (label, text) pairs in the order in which they are to be shown; labels in use are
    "input", "branch", "first", "rule", "note" and "help".
    """

    code: str
    message: str
    span: Span | None = None
    facts: tuple[tuple[str, str], ...] = ()
    calls: tuple[Call, ...] = ()

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        return f"{place}error[{self.code}]: {self.message}"


class ConvcalcError(Exception):
    """Everything convcalc refuses. `problems` holds at least one; `status` is the exit status.

    Status 1: a spec that can be read but is wrong. Status 2: wrong usage, or a file that cannot be
    opened or decoded.
    """

    def __init__(self, problems: Iterable[Problem], status: int = WRONG) -> None:
        self.problems = tuple(problems)
        self.status = status
        super().__init__("\n".join(str(problem) for problem in self.problems))


def refused(code: str, message: str, help_text: str = "") -> ConvcalcError:
    """Wrong usage, or a file that cannot be used, without a place in it: status 2."""
    facts = (("help", help_text),) if help_text else ()
    return ConvcalcError([Problem(code, message, None, facts)], UNUSABLE)


class RuleError(Exception):
    """A rule broken by values, raised where no place is known yet.

    `field` names the argument to blame, so that whoever knows the file can point at it.
    """

    def __init__(
        self, code: str, message: str, field: str = "", facts: Iterable[tuple[str, str]] = ()
    ) -> None:
        self.code = code
        self.message = message
        self.field = field
        self.facts = tuple(facts)
        super().__init__(message)


def printable(text: object, limit: int = 80) -> str:
    """`text` on one line, control characters escaped, cut after `limit` characters.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    shown = str(text)
    cut = shown[: limit + 1]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return cut if len(shown) <= limit else cut[: limit - 3] + "..."


#: Names that a misspelt one is compared with; a network may have a hundred thousand.
_MOST_NAMES = 200
#: How much alike two names must be, from 0 to 1: 'conf' and 'conv' are 0.75.
_ALIKE = 0.65


def nearest(word: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The names most like `word`, best first; none where nothing is close."""
    from difflib import SequenceMatcher, get_close_matches  # only a mistake needs it

    word = word.lower()[:80]
    known = {name.lower(): name for name in names}
    if len(known) > _MOST_NAMES:
        alike = [name for name in known if name[:1] == word[:1] and abs(len(name) - len(word)) < 3]
        known = {name: known[name] for name in alike[:_MOST_NAMES]}
    found = get_close_matches(word, known, count, _ALIKE)
    likeness = [SequenceMatcher(None, name, word).ratio() for name in found]
    # A name that is much less alike than the best one only distracts.
    close = [(m, r) for m, r in zip(found, likeness, strict=True) if r > likeness[0] - 0.12]
    return [known[m] for m, _ in sorted(close, key=lambda pair: (-pair[1], pair[0]))]


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """A help text that offers the nearest names, or lists all when there are few."""
    names = sorted(set(names))
    close = nearest(word, names)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    if names and len(names) <= 20:
        return "one of " + ", ".join(names)
    return ""
