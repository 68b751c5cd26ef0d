"""Layers as they are written: which key is the kind, which are its arguments, which are common.

An item is taken apart once, however often it is repeated or its block called; what depends on the
place (expressions, shapes) is left to the elaboration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from convcalc.diagnostics import Span, did_you_mean, printable
from convcalc.layers import KINDS
from convcalc.layers.base import Layer
from convcalc.spec.document import COMMON_KEYS, NAME, Document, Entry
from convcalc.spec.expressions import Expression, ExpressionError, parse
from convcalc.spec.foreign import foreign_argument, foreign_kind
from convcalc.spec.reader import ListNode, MapNode, ScalarNode, YamlNode

if TYPE_CHECKING:
    from convcalc.spec.expressions import Value

GROUP = "sequential"


class Refusal(Exception):
    """A mistake in an item, with its place; the item has no value, reading goes on."""

    def __init__(
        self,
        code: str,
        message: str,
        span: Span,
        help_text: str = "",
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.code = code
        self.message = message
        self.span = span
        self.facts = (*facts, ("help", help_text)) if help_text else facts
        super().__init__(message)


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
    """

    __slots__ = (
        "arguments",
        "first",
        "from_",
        "head",
        "key",
        "layers",
        "name",
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


def _is_head(word: str, document: Document) -> bool:
    return word in KINDS or word == GROUP or word in document.blocks


def _word(node: ScalarNode, document: Document, args: dict[str, Value]) -> str:
    word = node.text.strip()
    if _is_head(word, document) or word in args:
        return word
    if not word:
        raise Refusal("missing-value", "a layer is missing here", node.span)
    raise _unknown_kind(word, node.span, document)


def _unknown_kind(word: str, span: Span, document: Document) -> Refusal:
    ours = foreign_kind(word, KINDS)
    if ours:
        return Refusal("foreign-name", f"'{printable(word)}' is called '{ours}' here", span)
    if ":" in word:
        help_text = "a space is missing after the ':'"
    elif "(" in word or ")" in word:
        help_text = "an expression with a comma needs quotes inside {...}"
    elif word in ("input", "from"):
        help_text = "an earlier value is taken by 'from', as in {identity: , from: input}"
    else:
        help_text = did_you_mean(word, [*KINDS, GROUP, *document.blocks])
    return Refusal(
        "unknown-kind", f"'{printable(word)}' is neither a kind nor a block", span, help_text
    )


def _read_mapping(node: MapNode, document: Document, args: dict[str, Value]) -> Item:
    entries = node.entries
    heads = [text for text in entries if _is_head(text, document)]
    if len(heads) > 1:
        # `pad` beside `conv` is another library's word for the padding, not a second kind.
        others = [text for text in heads if not foreign_argument(text)] or heads
        if len(others) == 1:
            heads = others
    if not heads:
        heads = [
            text
            for text in entries
            if text not in COMMON_KEYS
            and isinstance(args.get(text), str)
            and _is_head(str(args[text]), document)
        ]
    if not heads:
        raise _no_head(node, document)
    head = heads[0]
    item = Item(head, *entries[head])
    for text, (key, value) in entries.items():
        if text == head:
            continue
        if text in COMMON_KEYS:
            _set_common(item, text, value)
        elif text in heads:
            foreign = foreign_argument(text)
            if foreign:
                raise Refusal("foreign-name", f"{head} has no '{text}'", key.span, foreign)
            raise Refusal(
                "two-kinds",
                f"a layer is one kind or block, but '{head}' and '{text}' stand in one mapping",
                key.span,
                "put each into a mapping of its own",
            )
        else:
            item.arguments[text] = Argument(key, value)
    return item


def _no_head(node: MapNode, document: Document) -> Refusal:
    for text, (key, _) in node.entries.items():
        ours = foreign_kind(text, KINDS)
        if ours and not (foreign_argument(text) and len(node.entries) > 1):
            return Refusal("foreign-name", f"'{printable(text)}' is called '{ours}' here", key.span)
    for text, (key, _) in node.entries.items():
        if foreign_argument(text) and text in ("type", "class_name"):
            return Refusal(
                "foreign-name", f"a layer has no '{text}'", key.span, foreign_argument(text)
            )
    for text, (key, _) in node.entries.items():
        if text not in COMMON_KEYS:
            return _unknown_kind(text, key.span, document)
    return Refusal(
        "no-kind",
        "no key of this mapping names a kind or block",
        node.span,
        "write {conv: 64, kernel: 3}, say",
    )


def _set_common(item: Item, text: str, value: YamlNode) -> None:
    if text == "when":
        item.when = value
    elif text == "repeat":
        item.repeat = value
    elif text == "first":
        if not isinstance(value, MapNode):
            raise Refusal(
                "bad-value", "first takes a mapping of arguments", value.span, "first: {stride: 2}"
            )
        for key_text, (key, _) in value.entries.items():
            if key_text in COMMON_KEYS:
                raise Refusal(
                    "bad-value", f"first holds arguments, not the common key '{key_text}'", key.span
                )
        item.first = value
    elif text == "name":
        item.name = plain_name(value, "name")
    elif text == "from":
        item.from_ = reference(value, "from")
    else:
        item.share = reference(value, "share")


def plain_name(node: YamlNode, what: str) -> ScalarNode:
    """A name that is being given; raises Refusal."""
    if not isinstance(node, ScalarNode) or not NAME.match(node.text):
        shown = f", not '{printable(node.text)}'" if isinstance(node, ScalarNode) else ""
        raise Refusal("bad-name", f"{what} takes letters, digits, '_' and '-'{shown}", node.span)
    if node.text == "input":
        raise Refusal("taken-name", "'input' is the network's input and no other name", node.span)
    return node


def reference(node: YamlNode, what: str) -> ScalarNode:
    """A name of another layer, with dots to go into groups; raises Refusal."""
    if not isinstance(node, ScalarNode) or not all(map(NAME.match, node.text.split("."))):
        shown = f", not '{printable(node.text)}'" if isinstance(node, ScalarNode) else ""
        raise Refusal("bad-name", f"{what} takes the name of an earlier layer{shown}", node.span)
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
    if error.offset and within:
        span = span._replace(column=span.column + error.offset + int(node.quoted), width=1)
    return Refusal(error.code, error.message, span, error.help)


def check_arguments(
    item: Item, target: str, names: list[str], given: dict[str, Entry] | dict[str, Argument]
) -> None:
    """Refuses an argument that the kind or block does not have."""
    for text, (key, _) in given.items():
        if text in names:
            continue
        foreign = foreign_argument(text)
        if foreign:
            raise Refusal("foreign-name", f"{target} has no '{text}'", key.span, foreign)
        if text in COMMON_KEYS:
            raise Refusal(
                "unknown-key",
                f"'{text}' belongs beside '{item.head}', not inside its mapping",
                key.span,
            )
        if "(" in text or ")" in text:
            raise Refusal(
                "unknown-key",
                f"'{printable(text)}' is no argument of {target}",
                key.span,
                "an expression with a comma needs quotes inside {...}",
            )
        if ":" in text:
            raise Refusal(
                "unknown-key",
                f"'{printable(text)}' is no argument of {target}",
                key.span,
                "a space is missing after the ':'",
            )
        raise Refusal(
            "unknown-key",
            f"{target} has no argument '{printable(text)}'",
            key.span,
            did_you_mean(text, [*names, *COMMON_KEYS]),
        )
