"""Layers as they are written: which key is the kind, which are its arguments, which are common.

An item is taken apart once, however often it is repeated or its block called; what depends on the
place (expressions, shapes) is left to the elaboration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.language.keys import COMMON_KEYS, GROUP, kind_arguments
from convcalc.language.reading.document import LONGEST_PATH, NAME, Document, Entry
from convcalc.language.reading.expressions import Expression, ExpressionError, parse
from convcalc.language.reading.nodes import (
    MOST_PROBLEMS,
    ListNode,
    MapNode,
    ScalarNode,
    YamlNode,
)
from convcalc.layers import KINDS
from convcalc.layers.base import Layer
from convcalc.problems import Fact, Problem, Span, helps, printable

if TYPE_CHECKING:
    from convcalc.language.reading.expressions import Value


class Refusal(Exception):
    """Mistakes in an item, with their places; the item has no value, reading goes on."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(problems[0].message)


def refusal(
    code: str, message: str, span: Span, help_text: str = "", facts: tuple[Fact, ...] = ()
) -> Refusal:
    """The refusal of one mistake."""
    return Refusal(Problem(code, message, span, (*facts, *helps(help_text))))


def gathered(problems: Sequence[Problem]) -> Refusal:
    """The refusal of several mistakes of one layer; if a root cause is among them, of no others."""
    from convcalc.codes import is_root_cause  # only a mistake needs it

    return Refusal(*([p for p in problems if is_root_cause(p.code)] or problems))


class Argument(NamedTuple):
    """An argument: where its name and value stand, and whether that is in `defaults`."""

    key: ScalarNode
    node: YamlNode
    default: bool = False


class Made(NamedTuple):
    """A layer that was read, its arguments, and what is fused to it."""

    layer: Layer
    arguments: dict[str, Argument]
    fused: list[Argument]


class Item:
    """One layer as written.

    head       the word that names its kind, block or group, or an argument that holds one
    key        where that word stands
    value      what is written after it; None for a bare word
    arguments  the other keys that are not common ones
    refusals   what is wrong with its common keys
    """

    __slots__ = (
        "arguments",
        "first",
        "from_",
        "head",
        "key",
        "layers",
        "name",
        "refusals",
        "repeat",
        "share",
        "span",
        "value",
        "when",
    )

    def __init__(self, head: str, key: YamlNode, value: YamlNode | None) -> None:
        self.head = head
        self.key = key
        self.span = key.span
        self.value = value
        self.arguments: dict[str, Argument] = {}
        self.name: ScalarNode | None = None
        self.repeat: YamlNode | None = None
        self.first: MapNode | None = None
        self.when: YamlNode | None = None
        self.from_: ScalarNode | None = None
        self.share: ScalarNode | None = None
        self.refusals: list[Refusal] = []
        #: Layers with constant arguments, by rank: copies share them.
        self.layers: dict[tuple[str, int], Made] = {}


def is_empty(node: YamlNode | None) -> bool:
    """Whether nothing is written: `{relu: }`."""
    return isinstance(node, ScalarNode) and not node.text.strip() and not node.quoted


def read_item(node: YamlNode, document: Document, args: dict[str, Value]) -> Item:
    """Takes an item of a list of layers apart; raises Refusal.

    `args` are those in scope: a key that is none of the kinds and blocks may be one that holds a
    kind's or block's name.
    """
    if isinstance(node, ListNode):
        return Item(GROUP, node, node)
    if isinstance(node, ScalarNode):
        return Item(_word(node, document, args), node, None)
    if isinstance(node, MapNode):
        return _read_mapping(node, document, args)
    raise TypeError(f"not a node: {node!r}")


def argument_names(target: str, document: Document) -> list[str]:
    """The arguments of a kind or block, the first one first; none for a group."""
    if target in document.blocks:
        return [parameter.name for parameter in document.blocks[target].parameters]
    return kind_arguments(target)


def is_head(word: str, document: Document) -> bool:
    """Whether a word names a kind, a block or a group, whatever the arguments hold."""
    return word in KINDS or word == GROUP or word in document.blocks


def _may_be_head(value: object, document: Document) -> bool:
    """Whether an argument holds a kind's or block's name; None may be one, after a mistake."""
    return value is None or (isinstance(value, str) and is_head(value, document))


def _word(node: ScalarNode, document: Document, args: dict[str, Value]) -> str:
    word = node.text.strip()
    if is_head(word, document) or word in args:
        return word
    if not word:
        raise refusal(
            "missing-value",
            "a layer is missing here",
            node.span,
            "name a kind or block, or remove the '-'",
        )
    from convcalc.language.hints.layers import unknown_kind  # only a mistake needs it

    raise Refusal(unknown_kind(word, node.span, document.blocks))


def _read_mapping(node: MapNode, document: Document, args: dict[str, Value]) -> Item:
    entries = node.entries
    heads = [text for text in entries if is_head(text, document)]
    if len(heads) > 1:
        # `dropout` beside `attention` is its argument.
        arguments = {name for head in heads for name in kind_arguments(head)}
        heads = [text for text in heads if text not in arguments] or heads
    if len(heads) > 1:
        # `pad` beside `conv` is another library's word for the padding, not a second kind.
        from convcalc.language.hints.layers import argument_beside  # only a mistake needs it

        others = [text for text in heads if not argument_beside(text, heads)] or heads
        if len(others) == 1:
            heads = others
    if not heads:
        heads = [
            text
            for text in entries
            if text not in COMMON_KEYS and text in args and _may_be_head(args[text], document)
        ]
    if not heads:
        raise _no_head(node, document)
    head = heads[0]
    item = Item(head, *entries[head])
    for text, (key, value) in entries.items():
        if text == head:
            continue
        if text in COMMON_KEYS:
            try:
                _set_common(item, text, value)
            except Refusal as error:
                item.refusals.append(error)
        elif text in heads:
            from convcalc.language.hints.layers import two_kinds  # only a mistake needs it

            raise refusal(
                "two-kinds",
                f"a layer is one kind or block, but '{head}' and '{text}' stand in one mapping",
                key.span,
                two_kinds(head, text),
            )
        else:
            item.arguments[text] = Argument(key, value)
    return item


def _no_head(node: MapNode, document: Document) -> Refusal:
    from convcalc.language.hints.layers import no_kind  # only a mistake needs it

    keys = {text: key.span for text, (key, _) in node.entries.items()}
    return gathered(no_kind(keys, node.span, document.blocks))


def _set_common(item: Item, text: str, value: YamlNode) -> None:
    if text == "when":
        item.when = value
    elif text == "repeat":
        item.repeat = value
    elif text == "first":
        item.first = _first(value)
    elif text == "name":
        item.name = plain_name(value)
    elif text == "from":
        item.from_ = reference(value, "from")
    else:
        item.share = reference(value, "share")


def _first(value: YamlNode) -> MapNode:
    if not isinstance(value, MapNode):
        raise refusal(
            "bad-value", "first takes a mapping of arguments", value.span, "first: {stride: 2}"
        )
    for text, (key, _) in value.entries.items():
        if text in COMMON_KEYS:
            message = f"first holds arguments, not the common key '{text}'"
            raise refusal("bad-value", message, key.span)
    return value


def plain_name(node: YamlNode) -> ScalarNode:
    """A name that is being given; raises Refusal."""
    if is_empty(node):
        raise refusal("missing-value", "the value of 'name' is missing", node.span)
    if not isinstance(node, ScalarNode):
        raise refusal("bad-name", "name takes one word", node.span)
    if not NAME.match(node.text):
        message = f"'{printable(node.text)}' cannot name a layer"
        raise refusal("bad-name", message, node.span, "letters, digits, '_' and '-'")
    if node.text == "input":
        raise refusal("taken-name", "'input' names the network's input, not a layer", node.span)
    return node


def reference(node: YamlNode, what: str) -> ScalarNode:
    """A name of another layer, with dots to go into groups; raises Refusal."""
    if is_empty(node):
        raise refusal("missing-value", f"the value of '{what}' is missing", node.span)
    if not isinstance(node, ScalarNode):
        help_text = "several values are joined: {concat: [a, b]}" if what == "from" else ""
        message = f"{what} takes the name of one earlier layer"
        raise refusal("bad-name", message, node.span, help_text)
    parts = node.text.split(".")
    if len(parts) > LONGEST_PATH or not all(map(NAME.match, parts)):
        message = f"{what} takes the name of an earlier layer, not '{printable(node.text)}'"
        help_text = "names are letters, digits, '_' and '-'"
        if "*" in node.text and what == "from":
            help_text = f"several values are joined: {{concat: [{printable(node.text)}]}}"
        raise refusal("bad-name", message, node.span, help_text)
    return node


def parse_scalar(node: ScalarNode, cache: dict[str, Expression]) -> Expression:
    """The expression that a scalar holds, each text parsed once; raises Refusal."""
    expression = cache.get(node.text)
    if expression is None:
        try:
            expression = parse(node.text)
        except ExpressionError as error:
            raise at(node, error) from None
        cache[node.text] = expression
    return expression


def at(node: ScalarNode, error: ExpressionError) -> Refusal:
    """An expression's mistake with its place in the file."""
    span = node.span
    # Only what stands on one line, without escapes, can be pointed into.
    within = node.width == len(node.text) + (2 if node.quoted else 0)
    if within and (error.offset or error.width):
        column = span.column + error.offset + int(node.quoted)
        span = span._replace(column=column, width=max(error.width, 1))
    return refusal(error.code, error.message, span, facts=error.facts)


def unknown_arguments(
    item: Item,
    target: str,
    names: list[str],
    given: Mapping[str, Entry | Argument],
    common: Sequence[str] = COMMON_KEYS,
) -> list[Problem]:
    """A problem for each argument that the kind or block does not have.

    `common` are the common keys that may stand beside them.
    """
    problems = []
    for text, entry in given.items():
        if text in names:
            continue
        key = entry[0]
        if text in COMMON_KEYS:
            message = f"'{text}' belongs beside '{item.head}', not inside its mapping"
            problems.append(Problem("unknown-key", message, key.span))
        else:
            from convcalc.language.hints.layers import unknown_argument  # only a mistake needs it

            problems.append(unknown_argument(target, text, key.span, names, common))
        if len(problems) >= MOST_PROBLEMS:
            break
    return problems


def check_arguments(
    item: Item,
    target: str,
    names: list[str],
    given: Mapping[str, Entry | Argument],
    common: Sequence[str] = COMMON_KEYS,
) -> None:
    """Refuses arguments that the kind or block does not have."""
    problems = unknown_arguments(item, target, names, given, common)
    if problems:
        raise gathered(problems)
