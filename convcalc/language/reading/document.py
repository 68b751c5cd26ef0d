"""The top level of a spec: its keys, its blocks' signatures, and what it extends."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from convcalc.language.keys import COMMON_KEYS, GROUP, PLACE_WORDS, TOP_KEYS
from convcalc.language.reading.expressions import FUNCTIONS, Expression, ExpressionError, parse
from convcalc.language.reading.nodes import (
    MOST_PROBLEMS,
    ListNode,
    MapNode,
    ScalarNode,
    YamlNode,
    read_yaml,
)
from convcalc.layers import CHOICES, KINDS
from convcalc.problems import (
    ConvcalcError,
    Fact,
    Help,
    Note,
    Problem,
    Reason,
    Related,
    Source,
    Span,
    helps,
    printable,
)
from convcalc.record import Record

#: Characters of a name, names in a path, and a block's arguments.
LONGEST_NAME = 100
LONGEST_PATH = 100
MOST_PARAMETERS = 100

NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}\Z", re.ASCII)
_IDENTIFIER = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{LONGEST_NAME - 1}}}\Z", re.ASCII)
_SIGNATURE = re.compile(r"\s*([^\s(]+)\s*(?:\((.*)\)\s*)?\Z", re.DOTALL)
#: The beginning of a spec in flow style: `{input: ..., layers: ...}`.
_FLOW = re.compile(r"(?:\s|#[^\n]*\n|---)*\{")
#: Characters of a broken text in flow style in which its keys are looked for.
_LONGEST_LOOK = 100_000
#: The keys by which a spec is known: many files of other programs have these as well.
_TELLING_KEYS = frozenset(TOP_KEYS) - {"name", "tags", "layout"}
#: Keys whose names an argument may have, but no block.
KEY_WORDS = ("input", "layers", "norm", "activation")
#: Keys that are no part of a file that extends this one, or are merged; `layout` goes with `input`.
_NOT_INHERITED = (
    "name",
    "expect",
    "budget",
    "extends",
    "args",
    "blocks",
    "defaults",
    "layout",
)
_OTHER_WORDS = ("and", "or", "not", "if", "else", "true", "false", *PLACE_WORDS)


class Parameter(Record):
    """A block's argument: its name, its default if it has one, and where they begin.

    inherited  whether it is an argument of the network that the block is, with its value there
    """

    name: str
    default: Expression | None
    span: Span
    default_span: Span
    inherited: bool = False


class Block:
    """A named part of a network.

    body  its layers, or the network that it is; None where it has a mistake, reported already
    file  the word or path of that network
    """

    __slots__ = ("body", "file", "key", "name", "parameters")

    def __init__(
        self, name: str, parameters: list[Parameter], value: YamlNode | None, key: ScalarNode
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.body: ListNode | Document | None = value if isinstance(value, ListNode) else None
        self.file = value if isinstance(value, ScalarNode) else None
        self.key = key


Entry = tuple[ScalarNode, YamlNode]


class Replaced(Record):
    """The file that another one extends without using anything of it.

    named   the word or path after `extends`
    layers  the key of the layers that replace those of the file
    length  its characters, those of all that it extends included
    read    reads it by itself
    """

    named: ScalarNode
    layers: ScalarNode
    length: int
    read: Callable[[], Document]


class Document:
    """A spec with all that it extends merged in, nothing evaluated yet."""

    def __init__(self, source: Source) -> None:
        self.source = source
        #: Where the first key stands, for what is missing.
        self.start = Span(source, 1, 1)
        self.keys: dict[str, Entry] = {}
        self.args: dict[str, Entry] = {}
        #: Default arguments by kind, each with its own place.
        self.defaults: dict[str, dict[str, Entry]] = {}
        self.blocks: dict[str, Block] = {}
        #: Keys that are missing but stand there under another name.
        self.meant: set[str] = set()
        #: The files that it leads to, and where each is named; those of them that are blocks.
        self.bases: dict[Source, Span] = {}
        self.used: set[Source] = set()
        self.problems: list[Problem] = []
        #: What it extends, if it uses nothing of that.
        self.replaced: Replaced | None = None

    @cached_property
    def words(self) -> dict[str, None]:
        """The words that stand for themselves in its expressions: kinds, choices and blocks."""
        return dict.fromkeys([*KINDS, *CHOICES, GROUP, *self.blocks])

    def networks(self) -> list[Document]:
        """It and all networks that are blocks in it, or in one of those, each once."""
        found = [self]
        for document in found:
            inner = [b.body for b in document.blocks.values() if isinstance(b.body, Document)]
            found += [network for network in dict.fromkeys(inner) if network not in found]
        return found

    @property
    def characters(self) -> int:
        """How long it and the files that it leads to are."""
        return sum(len(source.text) for source in [self.source, *self.bases])

    def refuse(
        self,
        code: str,
        message: str,
        span: Span | None,
        help_text: str = "",
        *facts: Fact,
    ) -> None:
        """Notes a problem; reading goes on, up to the most that are reported."""
        self.problems.append(Problem(code, message, span, (*facts, *helps(help_text))))
        if len(self.problems) >= MOST_PROBLEMS:
            raise ConvcalcError(sorted(self.problems, key=position))


def position(problem: Problem) -> tuple[int, int]:
    """Where a problem is, to sort those of one file."""
    return (problem.span.line, problem.span.column) if problem.span else (0, 0)


def own_document(source: Source) -> Document:
    """One file's own keys. Of a file that was found and is no spec, nothing is shown."""
    if source.named:
        return _own_keys(source)
    try:
        document = _own_keys(source)
    except ConvcalcError:
        text = _outermost(source.text)
        if any(first_word(text, key) is not None for key in _TELLING_KEYS):
            raise
    else:
        if not _TELLING_KEYS.isdisjoint([key.text for key, _ in document.keys.values()]):
            return document
    message = "this is no spec: it has none of the keys of one"
    facts = (Help(f"a spec has at least {' and '.join(TOP_KEYS[:2])}"),)
    problem = Problem("not-a-spec", message, Span(source, 1, 1)).without_text()
    raise ConvcalcError([problem._replace(message=message, facts=facts)])


def _outermost(text: str) -> str:
    """A text in flow style without what stands in brackets within it; others as they are.

    >>> _outermost("{token: [1, {input: 2}], name: x")
    '{token: [, name: x'
    """
    if not _FLOW.match(text):
        return text
    pieces, depth, start = [], 0, 0
    for bracket in re.finditer(r"[\[\]{}]", text[:_LONGEST_LOOK]):
        if depth <= 1:
            pieces.append(text[start : bracket.end()])
        depth += 1 if bracket[0] in "[{" else -1
        start = bracket.end()
    return "".join(pieces) + (text[start:_LONGEST_LOOK] if depth <= 1 else "")


def first_word(text: str, key: str) -> str | None:
    """The first word after a key at the top of a YAML text; None if there is no such key.

    The text is not read for that: it may be no spec at all, or a broken one.
    """
    before = r"[{,\s]" if _FLOW.match(text) else "^"
    match = re.search(
        rf"{before}[\"']?{key}[\"']?\s*:[ \t]*[\"']?([^\s\"',}}#]*)", text, re.MULTILINE
    )
    return match[1] if match else None


def _own_keys(source: Source) -> Document:
    document = Document(source)
    root = read_yaml(source)
    if root is None or (isinstance(root, ScalarNode) and not root.text):
        place = Span(source, 1, 1)
        raise ConvcalcError(
            [
                Problem(
                    "empty-spec",
                    "the file holds no network",
                    place,
                    (Help("a spec has at least 'input' and 'layers'"),),
                )
            ]
        )
    if not isinstance(root, MapNode):
        message = "a spec is a mapping with keys such as 'input' and 'layers'"
        help_text = "write 'input: [3, 224, 224]', then 'layers:' and the list"
        if isinstance(root, ScalarNode) and ":" in root.text:
            help_text = "a space is missing after the ':'"
        raise ConvcalcError([Problem("bad-spec", message, root.span, (Help(help_text),))])
    document.start = root.span
    for text, entry in root.entries.items():
        if text in TOP_KEYS:
            document.keys[text] = entry
            continue
        message = f"'{printable(text)}' is not a key of a spec"
        from convcalc.language.hints.keys import top_key  # only a mistake needs it

        help_text, meant = top_key(text)
        document.refuse("unknown-key", message, entry[0].span, help_text)
        document.meant.update(meant)
        # What stands there is read as what was meant, so that its names are known.
        for key in ("args", "defaults", "blocks"):
            if key in meant and key not in root.entries and isinstance(entry[1], MapNode):
                document.keys.setdefault(key, entry)
    if "layout" in document.keys and "input" not in document.keys | dict.fromkeys(document.meant):
        place = document.keys.pop("layout")[0].span
        document.refuse(
            "bad-value", "'layout' is about the 'input' beside it, and there is none", place
        )
    _read_args(document)
    _read_defaults(document)
    _read_blocks(document)
    return document


def _mapping(document: Document, key: str) -> dict[str, Entry]:
    if key not in document.keys:
        return {}
    value = document.keys[key][1]
    if isinstance(value, MapNode):
        return value.entries
    if not (isinstance(value, ScalarNode) and not value.text and not value.quoted):
        document.refuse("bad-value", f"'{key}' takes a mapping", value.span)
    return {}


def _read_args(document: Document) -> None:
    for name, (key, value) in _mapping(document, "args").items():
        if not _IDENTIFIER.match(name):
            document.refuse(
                "bad-name",
                f"'{printable(name)}' cannot be the name of an argument",
                key.span,
                "letters, digits and _, not beginning with a digit",
            )
        else:
            document.args[name] = (key, value)


def _read_defaults(document: Document) -> None:
    for kind, (key, value) in _mapping(document, "defaults").items():
        if kind not in KINDS:
            from convcalc.language.hints.foreign import foreign_kind
            from convcalc.spelling import did_you_mean  # only a mistake needs it

            ours = foreign_kind(kind, KINDS)
            document.refuse(
                "unknown-kind",
                f"'defaults' are given per kind, and '{printable(kind)}' is none",
                key.span,
                f"it is called '{ours}' here" if ours else did_you_mean(kind, KINDS),
            )
        elif not isinstance(value, MapNode):
            document.refuse(
                "bad-value",
                f"the defaults of {kind} are a mapping of its arguments",
                value.span,
                f"{kind}: {{bias: false}}" if kind == "conv" else "",
            )
        else:
            document.defaults[kind] = dict(value.entries)


def _read_blocks(document: Document) -> None:
    for signature, (key, value) in _mapping(document, "blocks").items():
        match = _SIGNATURE.match(signature)
        if match is None or not _IDENTIFIER.match(match[1]):
            document.refuse(
                "bad-signature",
                f"'{printable(signature)}' is not a block's signature",
                key.span,
                "write name(argument, argument=default); names begin with a letter",
            )
            word = re.match(r"\s*([A-Za-z_][A-Za-z0-9_]*)", signature)
            if word:
                document.blocks.setdefault(word[1], Block(word[1], [], None, key))
            continue
        name = match[1]
        if name in document.blocks:
            first = document.blocks[name].key
            document.refuse(
                "duplicate-key",
                f"the block '{name}' is defined twice",
                key.span,
                "",
                Related(Reason.FIRST, first.span),
            )
            continue
        found = len(document.problems)
        parameters = _read_parameters(document, key, match[2] or "", match.start(2))
        if isinstance(value, MapNode) or (isinstance(value, ScalarNode) and not value.text):
            document.refuse(
                "bad-value",
                f"the block '{name}' takes a list of layers, or the file of a network",
                value.span,
                "put a '-' before each layer",
            )
        sound = len(document.problems) == found
        document.blocks[name] = Block(name, parameters, value if sound else None, key)


def _read_parameters(
    document: Document, key: ScalarNode, text: str, offset: int
) -> list[Parameter]:
    parameters: list[Parameter] = []
    # The key's text begins one column later where it is quoted.
    base = key.column + offset + (1 if key.quoted else 0)
    for start, part in _split(text):
        if len(parameters) >= MOST_PARAMETERS:
            message = f"a block takes at most {MOST_PARAMETERS} arguments"
            document.refuse("bad-signature", message, key.span, "hand a list on")
            break
        name, equals, default = part.partition("=")
        span = Span(key.source, key.line, base + start + len(name) - len(name.lstrip()))
        name = name.strip()
        if not _IDENTIFIER.match(name):
            shown = f"'{printable(name)}'" if name else "nothing"
            document.refuse(
                "bad-signature",
                f"{shown} cannot be an argument of a block",
                span,
                "write name(argument, argument=default)",
            )
            continue
        expression = None
        if equals:
            try:
                expression = parse(default)
            except ExpressionError as error:
                column = base + start + part.index("=") + 1 + error.offset
                document.refuse(
                    error.code,
                    f"default of '{name}': {error.message}",
                    Span(key.source, key.line, column, max(error.width, 1)),
                    "",
                    *error.facts,
                )
        elif any(parameter.default for parameter in parameters):
            document.refuse(
                "bad-signature",
                f"'{name}' has no default but follows an argument that has one",
                span,
                "arguments with defaults come last",
            )
        if any(parameter.name == name for parameter in parameters):
            document.refuse("bad-signature", f"the argument '{name}' is written twice", span)
        default_span = span._replace(column=base + start + len(part) - len(default))
        parameters.append(Parameter(name, expression, span, default_span))
    return parameters


def _split(text: str) -> list[tuple[int, str]]:
    """The parts between top-level commas, with their offsets."""
    if not text.strip():
        return []
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append((start, text[start:position]))
            start = position + 1
    parts.append((start, text[start:]))
    return parts


def merge(document: Document, base: Document) -> None:
    """Adds to `document` what it inherits from `base`."""
    if "input" not in document.keys and "layout" in base.keys:
        document.keys["layout"] = base.keys["layout"]
    for text, entry in base.keys.items():
        if text not in _NOT_INHERITED:
            document.keys.setdefault(text, entry)
    # The base's arguments come first, so that the file's own may use them.
    document.args = {**base.args, **document.args}
    document.blocks = {**base.blocks, **document.blocks}
    for kind, arguments in base.defaults.items():
        document.defaults[kind] = {**arguments, **document.defaults.get(kind, {})}
    document.problems = base.problems + document.problems


def taken_names() -> dict[str, str]:
    """The words that can name neither a block nor an argument, and what each is."""
    return {
        **dict.fromkeys(KINDS, "a kind"),
        GROUP: "a kind",
        **dict.fromkeys(sorted(CHOICES), "a choice"),
        **dict.fromkeys(FUNCTIONS, "a function"),
        **dict.fromkeys(COMMON_KEYS, "a common key"),
        **dict.fromkeys(_OTHER_WORDS, "a word of the language"),
    }


def check_names(document: Document) -> None:
    """A block or an argument takes no name that already means something."""
    taken = taken_names()
    keys = dict.fromkeys(KEY_WORDS, "a key")
    for name, block in document.blocks.items():
        if name in taken or name in keys:
            what = taken.get(name) or keys[name]
            _refuse_name(document, name, "a block", what, block.key.span)
    if any(taken.get(name) == "a kind" for name in document.blocks):
        # Which of the two a layer means is not known, so no layer is looked at.
        raise ConvcalcError(document.problems)
    taken.update(dict.fromkeys(document.blocks, "a block"))
    for name, (key, _) in document.args.items():
        if name in taken:
            _refuse_name(document, name, "an argument", taken[name], key.span)
    for block in document.blocks.values():
        for parameter in block.parameters:
            if parameter.name in taken and not parameter.inherited:
                where = f"an argument of {block.name}"
                _refuse_name(document, parameter.name, where, taken[parameter.name], parameter.span)


def _refuse_name(document: Document, name: str, what: str, meaning: str, span: Span) -> None:
    from convcalc.language.hints.names import meaning_of  # only a mistake needs it

    message = f"'{name}' cannot name {what}: it is {meaning}"
    more = meaning_of(name) if meaning != "a block" else ""
    document.refuse("taken-name", message, span, "", *((Note(more),) if more else ()))
