"""What is wrong and where: places, problems, their facts, and the one public exception type.

A problem is data from where it is found to where it is printed: a code, one sentence, a place, what
it is about, and typed facts. Nothing reads a sentence to decide something. How facts are worded is
in `convcalc.facts`, how a problem is drawn in `convcalc.render.diagnostics`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, TypeVar

from convcalc.codes import CODES
from convcalc.record import Record
from convcalc.shapes import SizeSet

#: Exit statuses, also the `status` of a `ConvcalcError`.
WRONG = 1
UNUSABLE = 2


class Source:
    """A text that was read: its display name, its content, and where it really lies.

    named  whether the user named it, or it ships; of what was only found, text is shown if it is
           a text for convcalc

    Two readings of the same text are equal, and so are problems at the same place in them.
    """

    __slots__ = ("_lines", "name", "named", "path", "text")

    def __init__(self, name: str, text: str, path: str = "", *, named: bool = True) -> None:
        self.name = name
        self.text = text
        self.path = path or name
        self.named = named
        self._lines: list[str] | None = None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Source)
            and self.name == other.name
            and self.path == other.path
            and self.text == other.text
        )

    def __hash__(self) -> int:
        return hash((self.name, self.path))

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

    @property
    def in_line(self) -> str:
        """The file and the line: `convcalc.yaml:6`."""
        # A path is shown whole: it is there to be opened.
        return f"{printable(self.source.name, 4096)}:{self.line}"

    def __str__(self) -> str:
        return f"{self.in_line}:{self.column}"


class Call(NamedTuple):
    """A block call that led to a layer: where it stands, and which copy of how many."""

    span: Span
    block: str
    copy: int
    copies: int

    def to_dict(self) -> dict[str, Any]:
        """The call as plain data."""
        return {
            "block": self.block,
            "file": self.span.source.name,
            "line": self.span.line,
            "copy": self.copy,
            "copies": self.copies,
        }


class Value(Record):
    """A value in a network, as a fact names it.

    shape      without the batch axis
    layer      the path of the layer or input that makes it; "" where it does not matter
    is_input   whether that is an input of the network
    span       where that is written, if it is
    elsewhere  whether that is another file than the one that was asked for
    """

    shape: tuple[int, ...]
    layer: str = ""
    is_input: bool = False
    span: Span | None = None
    elsewhere: bool = False


class Entering(Record):
    """Values that enter the layer."""

    values: tuple[Value, ...]


class Branch(Record):
    """A branch of a join, and its value."""

    name: str
    value: Value


class Rule(Record):
    """The rule that is broken."""

    text: str


class Note(Record):
    """Anything else that is worth knowing."""

    text: str


class Help(Record):
    """What can be done."""

    text: str


class DidYouMean(Record):
    """An unknown word, and the names that are accepted in its place."""

    word: str
    names: tuple[str, ...]


class Meant(Record):
    """What an input's shape was probably meant to be, as the file would write it, and why.

    input  the input's name
    """

    input: str
    shape: tuple[int, ...]
    why: str


class Fitting(Record):
    """The sizes of the input's axes with which the network fits, where with others it does not.

    axes   the name of each axis, and its sizes
    equal  whether all axes have the same size; else any size of one goes with any of another
    """

    axes: tuple[tuple[str, SizeSet], ...]
    equal: bool


class Reason(Enum):
    """What another place has to do with a problem."""

    #: The same name or key is written there already.
    FIRST = "first"
    #: The `extends` because of which the file was read.
    EXTENDS = "extends"
    #: The block that is the network in the file.
    USES = "uses"
    #: The line of a shipped network, where the problem is reported in the user's own file.
    SHIPPED = "shipped"
    #: The call of the block.
    CALL = "call"
    #: The entry of `defaults` that gives the layer the value.
    DEFAULT = "default"
    #: Where the YAML reader noticed a mistake that is made before.
    NOTICED = "noticed"
    #: The expectation, where the problem is reported at the line that broke it.
    EXPECTATION = "expectation"


class Related(Record):
    """Another place, and what it has to do with the problem."""

    reason: Reason
    span: Span


class Locked(Record):
    """Where the lock has a layer, or the network; `change` is what is different there now.

    place  "convcalc.lock:12"
    layer  its path; "" where the place is the network's
    """

    place: str
    layer: str = ""
    change: str = ""


class ChangedTotals(Record):
    """The totals that are not as locked: "params 61,706 -> 80,000 (+29.65%)"."""

    text: str


class Contributor(Record):
    """A layer or tensor to which a broken limit is due.

    span   where it is written; None where it is nowhere
    value  what it adds to the total, or by how much it grew
    unit   "" for counts, "B" for bytes
    whole  the total; 0 where the value is no share of it
    grew   whether the value is a growth
    change what changed of it since it was locked: "channels 8 -> 9"; "" if that is not known
    """

    path: str
    span: Span | None
    value: int
    unit: str = ""
    whole: int = 0
    grew: bool = False
    change: str = ""


class AlsoIn(Record):
    """Other networks with the same problem at the same line."""

    networks: tuple[str, ...]


Fact: TypeAlias = (
    Entering
    | Branch
    | Rule
    | Note
    | Help
    | DidYouMean
    | Meant
    | Fitting
    | Related
    | Locked
    | ChangedTotals
    | Contributor
    | AlsoIn
)


class Subject(Record):
    """What a problem is about, the widest first; "" for what it does not name.

    variant   the arguments that the network was given: "width=0.5"
    file      the file, where no place names it
    change    the what-if that was tried: "--kernel 2"
    option    the command-line option, or the key of convcalc.yaml: "--set", "set"
    layer     the path of the layer or input
    metric    the limited total: "macs"
    argument  the argument of the option, or else of the layer
    value     the argument's value, as it is written; None where it does not matter
    """

    variant: str = ""
    file: str = ""
    change: str = ""
    option: str = ""
    layer: str = ""
    metric: str = ""
    argument: str = ""
    value: str | None = None

    def introducing(self, message: str) -> str:
        """A message with what it is about before it.

        >>> Subject(option="--set", argument="width", value="x").introducing("not a number")
        '--set width=x: not a number'
        """
        # An argument of a layer is named by the message.
        option = self.option
        if option and (self.argument or self.value is not None):
            given = [text for text in (self.argument or None, self.value) if text is not None]
            option = f"{option} {'='.join([printable(text) for text in given])}"
        parts = [
            printable(self.variant, 200),
            printable(self.file, 200),
            option,
            self.layer,
            self.metric,
        ]
        widest = [f"{part}: " for part in parts[:2] if part]
        change = [f"with {self.change}, "] if self.change else []
        return "".join([*widest, *change, *[f"{part}: " for part in parts[2:] if part], message])


#: What functions call what these options set.
_PARAMETERS = {"--set": "args", "--dim": "args", "--input": "input"}

#: A problem that names nothing but its place.
NOTHING = Subject()


class Problem(NamedTuple):
    """One mistake.

    code     what kind of mistake it is: stable, and in the table `convcalc.codes`
    message  one sentence
    span     where it is
    facts    what else is known, in the order in which it is shown
    calls    the block calls that led there, outermost first
    subject  what it is about, which is shown before the message
    """

    code: str
    message: str
    span: Span | None = None
    facts: tuple[Fact, ...] = ()
    calls: tuple[Call, ...] = ()
    subject: Subject = NOTHING

    @property
    def text(self) -> str:
        """The message with what it is about before it, on one line."""
        return self.subject.introducing(self.message)

    @property
    def identity(self) -> tuple[object, ...]:
        """What is the same of a mistake that shows in several networks: all but what is known."""
        return self.code, self.message, self.span, self.subject

    def about(self, **names: str) -> Problem:
        """The same problem with more of what it is about."""
        return self._replace(subject=self.subject._replace(**names))

    @property
    def in_python(self) -> str:
        """The problem as an exception shows it: with parameters in place of options."""
        option = self.subject.option
        return str(self.about(option=_PARAMETERS.get(option, option)) if option else self)

    def without_text(self) -> Problem:
        """The code and the place alone, with nothing of the text that it is found in."""
        span = self.span
        if span is not None:
            blank = Source(span.source.name, "", span.source.path)
            span = Span(blank, span.line, span.column)
        return Problem(self.code, CODES[self.code].meaning, span)

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        return f"{place}error[{self.code}]: {self.text}"


def helps(text: str) -> tuple[Fact, ...]:
    """A help text as facts; none where it is empty."""
    return (Help(text),) if text else ()


F = TypeVar("F")


def facts_of(facts: Iterable[Fact], kind: type[F]) -> list[F]:
    """The facts of one kind."""
    return [fact for fact in facts if isinstance(fact, kind)]


def is_related(fact: Fact, reason: Reason) -> bool:
    """Whether a fact is a place of this sort."""
    return isinstance(fact, Related) and fact.reason is reason


def without_help(facts: Iterable[Fact]) -> list[Fact]:
    """The facts that are no advice."""
    return [fact for fact in facts if not isinstance(fact, Help | DidYouMean | Meant | Fitting)]


class ConvcalcError(Exception):
    """Everything convcalc refuses. `problems` holds at least one; `status` is the exit status.

    Status 1: a spec that can be read but is wrong. Status 2: wrong usage, or a file that cannot be
    opened or decoded.
    """

    def __init__(self, problems: Iterable[Problem], status: int = WRONG) -> None:
        self.problems = tuple(problems)
        self.status = status
        super().__init__("\n".join(problem.in_python for problem in self.problems))

    def __reduce__(self) -> tuple[Any, ...]:
        # From one process to another go the problems, and not what a subclass adds to them.
        return ConvcalcError, (self.problems, self.status)


def refused(code: str, message: str, help_text: str = "") -> ConvcalcError:
    """Wrong usage, or a file that cannot be used, without a place in it: status 2."""
    return ConvcalcError([Problem(code, message, None, helps(help_text))], UNUSABLE)


class RuleError(Exception):
    """A rule broken by values, raised where no place is known yet.

    `field` names the argument to blame, so that whoever knows the file can point at it.
    """

    def __init__(
        self, code: str, message: str, field: str = "", facts: Iterable[Fact] = ()
    ) -> None:
        self.code = code
        self.message = message
        self.field = field
        self.facts = tuple(facts)
        super().__init__(message)

    def at(
        self,
        span: Span | None,
        subject: Subject = NOTHING,
        facts: Sequence[Fact] = (),
        calls: tuple[Call, ...] = (),
    ) -> Problem:
        """The problem, at its place; `facts` come before those of the rule."""
        subject = subject._replace(argument=subject.argument or self.field)
        return Problem(self.code, self.message, span, (*facts, *self.facts), calls, subject)


#: How many items a sentence lists; a file may have thousands.
MOST_LISTED = 10


def listed(texts: Sequence[str]) -> str:
    """The texts with commas; of more than ten each once, and how many are left out.

    >>> listed(["4", "4", "8"]), listed(["4"] * 20 + ["8"])
    ('4, 4, 8', '4, 8')
    >>> listed([str(number) for number in range(2000)])
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1,990 more'
    """
    if len(texts) > MOST_LISTED:
        texts = [*dict.fromkeys(texts)]
    more = len(texts) - MOST_LISTED
    return ", ".join(texts[:MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


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
