"""Layers as they are written: which key is the kind, which are its arguments, which are common.

An item is taken apart once, however often it is repeated or its block called; what depends on the
place (expressions, shapes) is left to the elaboration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.codes import is_root_cause
from convcalc.diagnostics import Fact, Problem, Span, did_you_mean, helps, nearest, printable
from convcalc.language.reading.document import COMMON_KEYS, NAME, Document, Entry
from convcalc.language.reading.expressions import Expression, ExpressionError, parse
from convcalc.language.reading.nodes import ListNode, MapNode, ScalarNode, YamlNode
from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.layers.base import Layer

if TYPE_CHECKING:
    from convcalc.language.reading.expressions import Value

GROUP = "sequential"


class Refusal(Exception):
    """Mistakes in an item, with their places; the item has no value, reading goes on."""

    def __init__(
        self,
        code: str,
        message: str,
        span: Span,
        help_text: str = "",
        facts: tuple[Fact, ...] = (),
    ) -> None:
        self.problems = [Problem(code, message, span, (*facts, *helps(help_text)))]
        super().__init__(message)


def gathered(refusals: list[Refusal]) -> Refusal:
    """Several mistakes of one layer as one; if a root cause is among them, no others."""
    every = [problem for refusal in refusals for problem in refusal.problems]
    refusals[0].problems = [p for p in every if is_root_cause(p.code)] or every
    return refusals[0]


class Argument(NamedTuple):
    """An argument: where its name and value stand, and the value, parsed."""

    key: ScalarNode
    node: YamlNode


class Made(NamedTuple):
    """A layer made of an item, the arguments it was made of, and what is fused behind it."""

    layer: Layer
    arguments: dict[str, Argument]
    fused: list[Argument]


class Item:
    """One layer as written.

    head       the word that names its kind, block or group, or an argument that holds one
    key        where that word stands
    value      what stands behind it; None for a bare word
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
    if target not in KINDS:
        return []
    cls = layer_class(target)
    return [*cls.fields, *(("norm", "activation") if cls.fuses else ())]


def _is_head(word: str, document: Document) -> bool:
    return word in KINDS or word == GROUP or word in document.blocks


def _may_be_head(value: object, document: Document) -> bool:
    """Whether an argument holds a kind's or block's name; None may be one, after a mistake."""
    return value is None or (isinstance(value, str) and _is_head(value, document))


def _word(node: ScalarNode, document: Document, args: dict[str, Value]) -> str:
    word = node.text.strip()
    if _is_head(word, document) or word in args:
        return word
    if not word:
        raise Refusal(
            "missing-value",
            "a layer is missing here",
            node.span,
            "name a kind or block, or remove the '-'",
        )
    raise _unknown_kind(word, node.span, document)


def _unknown_kind(word: str, span: Span, document: Document) -> Refusal:
    shown = printable(word)
    foreign = _foreign_kind(word, span)
    if foreign is not None:
        return foreign
    from convcalc.language.hints.foreign import absent_kind  # only a mistake needs it

    message = f"'{shown}' is neither a kind nor a block"
    kinds_help = "'convcalc kinds' lists the kinds"
    if absent_kind(word):
        help_text = did_you_mean(word, nearest(word, document.blocks)) or kinds_help
        return Refusal("unknown-kind", f"there is no kind '{shown}' here", span, help_text)
    if ":" in word:
        return _missing_space(word, message, span)
    if "(" in word or ")" in word:
        called = _called(word, document)
        return (
            Refusal("unknown-kind", message, span, called) if called else _unquoted(message, span)
        )
    if word.lower() in ("input", "inputlayer", "from"):
        help_text = "an earlier value is taken by 'from', as in {identity: , from: input}"
    elif word[:1].isdigit():
        help_text = "a layer begins with its kind: {conv: 64, kernel: 3}"
    else:
        help_text = did_you_mean(word, [*KINDS, GROUP, *document.blocks])
        help_text = help_text or kinds_help
    return Refusal("unknown-kind", message, span, help_text)


def _foreign_kind(word: str, span: Span) -> Refusal | None:
    from convcalc.language.hints.foreign import foreign_kind  # only a mistake needs it

    ours = foreign_kind(word, KINDS)
    if not ours:
        return None
    if ours in KINDS or ours == GROUP:
        return Refusal("foreign-name", f"'{printable(word)}' is called '{ours}' here", span)
    message = f"'{printable(word)}' is no kind of this language"
    return Refusal("foreign-name", message, span, f"write {ours}")


def _called(word: str, document: Document) -> str:
    """What to write instead of a layer that is called like a function; "" where it is none."""
    head, _, inside = printable(word).partition("(")
    head, inside = head.strip(), inside.removesuffix(")").strip()
    if not _is_head(head, document):
        from convcalc.language.hints.foreign import foreign_kind  # only a mistake needs it

        ours = foreign_kind(head, KINDS)
        return f"write {{{ours}: ...}}" if ours in KINDS else ""
    if not inside:
        return f"write {head}"
    values = [value.strip() for value in inside.split(",")]
    if not word.endswith(")") or "=" in inside or "(" in inside or "[" in inside:
        return f"write {{{head}: ...}}"
    if len(values) == 1 or head in document.blocks:
        return f"write {{{head}: {inside if len(values) == 1 else f'[{inside}]'}}}"
    names = argument_names(head, document)
    others = [f"{name}: {value}" for name, value in zip(names[1:], values[1:], strict=False)]
    return f"write {{{', '.join([f'{head}: {values[0]}', *others])}}}"


def _missing_space(word: str, message: str, span: Span) -> Refusal:
    key, _, value = printable(word).partition(":")
    help_text = f"a space is missing after the ':', write '{key}: {value}'"
    return Refusal("missing-space", message, span, help_text)


def _unquoted(message: str, span: Span) -> Refusal:
    help_text = (
        "inside {...} an expression with a comma needs quotes, 'max(1, 2)', and a list square"
        " brackets, [1, 2]"
    )
    return Refusal("unquoted-expression", message, span, help_text)


def _read_mapping(node: MapNode, document: Document, args: dict[str, Value]) -> Item:
    entries = node.entries
    heads = [text for text in entries if _is_head(text, document)]
    if len(heads) > 1:
        # `pad` beside `conv` is another library's word for the padding, not a second kind.
        others = [text for text in heads if not _foreign_beside(text, heads, document)] or heads
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
            except Refusal as refusal:
                item.refusals.append(refusal)
        elif text in heads:
            raise Refusal(
                "two-kinds",
                f"a layer is one kind or block, but '{head}' and '{text}' stand in one mapping",
                key.span,
                _second_kind_help(head, text, document),
            )
        else:
            item.arguments[text] = Argument(key, value)
    return item


def _foreign_beside(text: str, heads: list[str], document: Document) -> bool:
    """Whether a kind's name is also another library's argument of a kind beside it."""
    from convcalc.language.hints.foreign import foreign_argument  # only a mistake needs it

    return any(
        foreign_argument(text, argument_names(head, document)) for head in heads if head != text
    )


def _second_kind_help(head: str, second: str, document: Document) -> str:
    role = layer_class(second).role if second in KINDS else ""
    if role and role in argument_names(head, document):
        short = [word for word, kind in NORM_WORDS.items() if kind == second]
        return f"write '{role}: {short[0] if short else second}'"
    return "put each into a mapping of its own"


def _no_head(node: MapNode, document: Document) -> Refusal:
    from convcalc.language.hints.foreign import (  # only a mistake needs it
        foreign_argument,
        foreign_kind,
    )

    for text, (key, _) in node.entries.items():
        foreign = _foreign_kind(text, key.span)
        if foreign is not None and (len(node.entries) == 1 or not _is_argument(text)):
            ours = foreign_kind(text, KINDS)
            return gathered([foreign, *_foreign_arguments(node, text, ours, document)])
    for text, (key, _) in node.entries.items():
        if text in ("type", "class_name"):
            help_text = foreign_argument(text, ())
            return Refusal("foreign-name", f"a layer has no '{text}'", key.span, help_text)
    for text, (key, _) in node.entries.items():
        if text not in COMMON_KEYS:
            return _unknown_kind(text, key.span, document)
    return Refusal(
        "no-kind",
        "no key of this mapping names a kind or block",
        node.span,
        "write {conv: 64, kernel: 3}, say",
    )


def _is_argument(text: str) -> bool:
    """Whether a word may be meant as an argument of some kind."""
    from convcalc.language.hints.foreign import foreign_argument  # only a mistake needs it

    return any(foreign_argument(text, argument) for argument in (["norm"], ["activation"]))


def _foreign_arguments(node: MapNode, head: str, ours: str, document: Document) -> list[Refusal]:
    """What else is foreign beside another library's kind, ours being called `ours`."""
    from convcalc.language.hints.foreign import foreign_argument  # only a mistake needs it

    names = argument_names(ours, document)
    return [
        _unknown_argument(ours, text, key, names)
        for text, (key, _) in node.entries.items()
        if text != head and text not in COMMON_KEYS and foreign_argument(text, names)
    ]


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
        raise Refusal(
            "bad-value", "first takes a mapping of arguments", value.span, "first: {stride: 2}"
        )
    for text, (key, _) in value.entries.items():
        if text in COMMON_KEYS:
            message = f"first holds arguments, not the common key '{text}'"
            raise Refusal("bad-value", message, key.span)
    return value


def plain_name(node: YamlNode) -> ScalarNode:
    """A name that is being given; raises Refusal."""
    if is_empty(node):
        raise Refusal("missing-value", "the value of 'name' is missing", node.span)
    if not isinstance(node, ScalarNode):
        raise Refusal("bad-name", "name takes one word", node.span)
    if not NAME.match(node.text):
        message = f"'{printable(node.text)}' cannot name a layer"
        raise Refusal("bad-name", message, node.span, "letters, digits, '_' and '-'")
    if node.text == "input":
        raise Refusal("taken-name", "'input' names the network's input, not a layer", node.span)
    return node


def reference(node: YamlNode, what: str) -> ScalarNode:
    """A name of another layer, with dots to go into groups; raises Refusal."""
    if is_empty(node):
        raise Refusal("missing-value", f"the value of '{what}' is missing", node.span)
    if not isinstance(node, ScalarNode):
        help_text = "several values are joined: {concat: [a, b]}" if what == "from" else ""
        message = f"{what} takes the name of one earlier layer"
        raise Refusal("bad-name", message, node.span, help_text)
    if not all(map(NAME.match, node.text.split("."))):
        message = f"{what} takes the name of an earlier layer, not '{printable(node.text)}'"
        raise Refusal("bad-name", message, node.span, "names are letters, digits, '_' and '-'")
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
    return Refusal(error.code, error.message, span, facts=error.facts)


def unknown_arguments(
    item: Item,
    target: str,
    names: list[str],
    given: Mapping[str, Entry | Argument],
    common: Sequence[str] = COMMON_KEYS,
) -> list[Refusal]:
    """A refusal for each argument that the kind or block does not have.

    `common` are the common keys that may stand beside them.
    """
    refusals = []
    for text, (key, _) in given.items():
        if text in names:
            continue
        if text in COMMON_KEYS:
            message = f"'{text}' belongs beside '{item.head}', not inside its mapping"
            refusals.append(Refusal("unknown-key", message, key.span))
        else:
            refusals.append(_unknown_argument(target, text, key, names, common))
    return refusals


def check_arguments(
    item: Item,
    target: str,
    names: list[str],
    given: Mapping[str, Entry | Argument],
    common: Sequence[str] = COMMON_KEYS,
) -> None:
    """Refuses arguments that the kind or block does not have."""
    refusals = unknown_arguments(item, target, names, given, common)
    if refusals:
        raise gathered(refusals)


def _unknown_argument(
    target: str, text: str, key: ScalarNode, names: list[str], common: Sequence[str] = COMMON_KEYS
) -> Refusal:
    from convcalc.language.hints.foreign import foreign_argument  # only a mistake needs it

    shown = printable(text)
    foreign = foreign_argument(text, names)
    if foreign:
        return Refusal("foreign-name", f"{target} has no '{shown}'", key.span, foreign)
    message = f"{target} has no argument '{shown}'"
    if "(" in text or ")" in text:
        return _unquoted(message, key.span)
    if ":" in text:
        return _missing_space(text, message, key.span)
    return Refusal("unknown-key", message, key.span, did_you_mean(text, [*names, *common]))
