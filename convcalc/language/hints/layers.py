"""What was meant by a layer, an argument or a value that is none."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from itertools import zip_longest
from math import prod

from convcalc.graph import Node
from convcalc.language.hints.foreign import (
    absence,
    absent_kind,
    foreign_argument,
    foreign_kind,
    foreign_word,
    takes_value,
)
from convcalc.language.keys import COMMON_KEYS, GROUP, kind_arguments
from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.layers.base import Layer
from convcalc.layers.fields import FieldType
from convcalc.layers.traits import ROLES
from convcalc.problems import Fact, Help, Meant, Problem, Span, helps, printable
from convcalc.shapes import Shape
from convcalc.spelling import did_you_mean, nearest

#: Of an input whose axes may be in another library's order: no picture has more colours (red,
#: green, blue and how opaque), or fewer pixels.
_MOST_COLOURS = 4
_LEAST_PIXELS = 8
_LEAST_AREA = 64


# Kinds.


def unknown_kind(word: str, span: Span, blocks: Collection[str]) -> Problem:
    """The problem of a word that names no kind and none of the file's blocks."""
    foreign = _foreign_kind(word, span)
    if foreign is not None:
        return foreign
    shown = printable(word)
    kinds_help = "'convcalc kinds' lists the kinds"
    if absent_kind(word):
        help_text = did_you_mean(word, nearest(word, blocks)) or absence(word) or kinds_help
        return Problem("unknown-kind", f"there is no kind '{shown}' here", span, helps(help_text))
    message = f"'{shown}' is neither a kind nor a block"
    if ":" in word:
        return _missing_space(word, message, span)
    if "(" in word or ")" in word:
        called = _called(word, blocks)
        if not called:
            return _unquoted(message, span)
        return Problem("unknown-kind", message, span, helps(called))
    if word.lower() in ("input", "inputlayer", "from"):
        help_text = "an earlier value is taken by 'from', as in {identity: , from: input}"
    elif pairs := _without_colons(word, blocks):
        help_text = f"write {{{pairs}}}"
    elif word[:1].isdigit():
        help_text = "a layer begins with its kind: {conv: 64, kernel: 3}"
    else:
        help_text = did_you_mean(word, [*KINDS, GROUP, *blocks]) or kinds_help
    return Problem("unknown-kind", message, span, helps(help_text))


def no_kind(keys: Mapping[str, Span], span: Span, blocks: Collection[str]) -> list[Problem]:
    """The problems of a layer none of whose keys names a kind or block."""
    for text, place in keys.items():
        foreign = _foreign_kind(text, place)
        if foreign is not None and (len(keys) == 1 or not _is_argument(text)):
            return [foreign, *_foreign_arguments(keys, text)]
    for text, place in keys.items():
        if text in ("type", "class_name"):
            help_text = foreign_argument(text, ())
            return [Problem("foreign-name", f"a layer has no '{text}'", place, helps(help_text))]
    for text, place in keys.items():
        if text not in COMMON_KEYS:
            return [unknown_kind(text, place, blocks)]
    message = "no key of this mapping names a kind or block"
    return [Problem("no-kind", message, span, helps("write {conv: 64, kernel: 3}, say"))]


def argument_beside(word: str, heads: Sequence[str]) -> bool:
    """Whether a kind's name is also another library's argument of a kind beside it.

    >>> argument_beside("pad", ["conv", "pad"]), argument_beside("relu", ["dropout", "relu"])
    (True, False)
    """
    return any(foreign_argument(word, kind_arguments(head)) for head in heads if head != word)


def two_kinds(head: str, second: str) -> str:
    """What to write instead of two kinds in one mapping."""
    role = layer_class(second).role if second in KINDS else ""
    if role and role in kind_arguments(head):
        short = [word for word, kind in NORM_WORDS.items() if kind == second]
        return f"write '{role}: {short[0] if short else second}'"
    return "put each into a mapping of its own"


def _foreign_kind(word: str, span: Span) -> Problem | None:
    ours = foreign_kind(word, KINDS)
    if not ours:
        return None
    if ours in KINDS or ours == GROUP:
        return Problem("foreign-name", f"'{printable(word)}' is called '{ours}' here", span)
    message = f"'{printable(word)}' is no kind of this language"
    return Problem("foreign-name", message, span, helps(f"write {ours}"))


def _foreign_arguments(keys: Mapping[str, Span], head: str) -> list[Problem]:
    """What else is foreign beside another library's kind."""
    ours = foreign_kind(head, KINDS)
    names = kind_arguments(ours)
    return [
        unknown_argument(ours, text, place, names, COMMON_KEYS)
        for text, place in keys.items()
        if text != head and text not in COMMON_KEYS and foreign_argument(text, names)
    ]


def _is_argument(text: str) -> bool:
    """Whether a word may be meant as an argument of some kind."""
    return any(foreign_argument(text, argument) for argument in (["norm"], ["activation"]))


def _called(word: str, blocks: Collection[str]) -> str:
    """What to write instead of a layer that is called like a function; "" where it is none."""
    head, _, inside = printable(word).partition("(")
    head, inside = head.strip(), inside.removesuffix(")").strip()
    own = head in KINDS or head == GROUP or head in blocks
    if not own:
        head = foreign_kind(head, KINDS)
        if head not in KINDS:
            return ""
    if own and not inside:
        return f"write {head}"
    if head in KINDS and head not in blocks:
        if takes_value(head, inside):
            return f"write {head}, which takes what enters, or {{{head}: , from: {inside}}}"
        joins = layer_class(head).joins
        if joins is not None and not joins.word:
            return join_of_word(head, inside, joins.required)
        if not kind_arguments(head):
            return f"write {head}"
    values = [value.strip() for value in inside.split(",")]
    if not own or not word.endswith(")") or re.search(r"[=(\[]", inside):
        return f"write {{{head}: ...}}"
    if len(values) == 1 or head in blocks:
        return f"write {{{head}: {inside if len(values) == 1 else f'[{inside}]'}}}"
    names = kind_arguments(head)
    others = [f"{name}: {value}" for name, value in zip(names[1:], values[1:], strict=False)]
    return f"write {{{', '.join([f'{head}: {values[0]}', *others])}}}"


def _without_colons(word: str, blocks: Collection[str]) -> str:
    """The pairs of `conv 6, kernel 5` with their colons; "" where it is something else.

    >>> _without_colons("conv 6, kernel 5", ()), _without_colons("conv and relu", ())
    ('conv: 6, kernel: 5', '')
    """
    pairs = [printable(pair).split() for pair in word.split(",")]
    head = pairs[0][0] if pairs[0] else ""
    if (head not in KINDS and head not in blocks) or any(len(pair) != 2 for pair in pairs):
        return ""
    return ", ".join([f"{name}: {value}" for name, value in pairs])


def _missing_space(word: str, message: str, span: Span) -> Problem:
    key, _, value = printable(word).partition(":")
    help_text = f"a space is missing after the ':', write '{key}: {value}'"
    return Problem("missing-space", message, span, helps(help_text))


def _unquoted(message: str, span: Span) -> Problem:
    help_text = (
        "inside {...} an expression with a comma needs quotes, 'max(1, 2)', and a list square"
        " brackets, [1, 2]"
    )
    return Problem("unquoted-expression", message, span, helps(help_text))


# Arguments and their values.

#: Kinds of which one is written where the other is meant, and what to say of both.
_CONFUSED = {
    "slice": "slice takes a range of one axis; crop trims the sides of the spatial axes",
    "crop": "crop trims the sides of the spatial axes; slice takes a range of one axis",
}


def confused(kind: str, value: object = None) -> tuple[Fact, ...]:
    """What else may be meant where this kind cannot do what is asked of it, by a value."""
    if kind == "slice" and type(value) is int and value >= 0:
        sides = "crop trims the sides of the spatial axes"
        return helps(f"write [{value}, {value + 1}] for one; {sides}")
    return helps(_CONFUSED.get(kind, ""))


def unknown_argument(
    target: str, text: str, span: Span, names: Sequence[str], common: Sequence[str]
) -> Problem:
    """The problem of an argument that a kind or block does not have.

    names   the arguments that it has
    common  the common keys that may stand beside them
    """
    foreign = foreign_argument(text, names)
    if foreign:
        message = f"{target} has no '{printable(text)}'"
        return Problem("foreign-name", message, span, helps(foreign))
    message = f"{target} has no argument '{printable(text)}'"
    if "(" in text or ")" in text:
        return _unquoted(message, span)
    if ":" in text:
        return _missing_space(text, message, span)
    role = next((role for role in ROLES if text == role or foreign_argument(text, [role])), "")
    if role:
        # 'dilation' is spelt much like 'activation', and is not meant.
        help_text = f"write the {role} as a layer of its own behind this one"
    else:
        help_text = did_you_mean(text, [*names, *common])
    return Problem("unknown-key", message, span, helps(help_text))


def missing_arguments(kind: str, written: Mapping[str, str] | None = None) -> str:
    """How a layer of this kind is written with all arguments that it needs.

    written  the arguments that it has, as they are written

    >>> missing_arguments("conv", {"channels": "3", "stride": "2"})
    'write {conv: 3, kernel: KERNEL, stride: 2}'
    """
    written = dict(written or {})
    required = [name for name, declared in layer_class(kind).fields.items() if declared.required]
    joins = layer_class(kind).joins
    if joins is not None and not joins.word:
        first = ", ".join([f"{name}: [...]" for name in joins.required])
        head = f"{kind}: {{{first}}}"
    else:
        first = required.pop(0)
        head = f"{kind}: {written.pop(first, first.upper())}"
    needed = [f"{name}: {written.pop(name, name.upper())}" for name in required]
    others = [f"{name}: {text}" for name, text in written.items()]
    return f"write {{{', '.join([head, *needed, *others])}}}"


def join_of_word(kind: str, value: str, names: Sequence[str]) -> str:
    """How a join is written where its branches are not a list or a mapping of them.

    value  what is written after the kind; "" for nothing
    names  the branches that the kind names

    >>> join_of_word("add", "a", ()), join_of_word("concat", "a, b", ())
    ('write {add: [[], a]}, where [] is what enters', 'write {concat: [a, b]}')
    """
    layers = [name.strip() for name in value.strip("[( )]").split(",")]
    if not all([re.fullmatch(r"[A-Za-z_][\w.]*\*?", name, re.ASCII) for name in layers]):
        layers = []
    if names:
        values = layers if len(layers) in {1, len(names)} else []
        pairs = zip_longest(names, values, fillvalue="[...]")
        branches = [f"{name}: {printable(layer)}" for name, layer in pairs]
        return f"write {{{kind}: {{{', '.join(branches)}}}}}, where [] is what enters"
    if len(layers) > 1:
        return f"write {{{kind}: [{', '.join([printable(name) for name in layers])}]}}"
    branch = printable(layers[0]) if layers else "[{conv: 64, kernel: 1}]"
    return f"write {{{kind}: [[], {branch}]}}, where [] is what enters"


def refused_value(value: object, field_type: FieldType) -> Fact | None:
    """What was meant by a value that an argument does not take; None where that is not known."""
    if isinstance(value, str):
        ours = foreign_word(value, field_type.words)
        return Help(f"it is called '{ours}' here") if ours else None
    if field_type.whole and isinstance(value, Fraction) and value.denominator != 1:
        return Help("floor, ceil, round or divisible makes it whole")
    return None


def refused_follower(role: str, value: str, words: Sequence[str]) -> str:
    """What was meant by a word that is no `norm` or `activation`; "" where that is not known.

    words  those that the role takes
    """
    ours = foreign_word(value, words)
    short = [word for word, kind in NORM_WORDS.items() if kind == value]
    other = layer_class(value).role if value in KINDS else ""
    if role == "norm" and short:
        return f"write '{short[0]}', or {{{value}: ...}} with its arguments"
    if ours:
        return f"it is called '{ours}' here"
    if role == other:
        return f"write {{{value}: ...}}"
    if other or value in NORM_WORDS:
        return f"it belongs to '{other or 'norm'}'"
    return did_you_mean(value, nearest(value, words))


# Shapes.


def channels_last(entering: Shape, inputs: Mapping[str, Shape]) -> Meant | None:
    """The input whose channels are written last, where that is why a window does not fit.

    entering  the shape that enters the window
    inputs    the network's inputs
    """
    if len(entering) < 2 or entering[-1] > min(entering[1:]):
        return None  # it is not the last axis that is too small
    for path, shape in inputs.items():
        if len(shape) == len(entering) and _looks_channels_last(shape):
            *sizes, channels = shape
            return Meant(path, (channels, *sizes), "shapes are channels first")
    return None


def tokens_first(heads: object, inputs: Mapping[str, Shape]) -> Meant | None:
    """What to say where heads do not divide channels because a sequence's length is written first.

    inputs  the network's inputs
    """
    for path, shape in inputs.items():
        if isinstance(heads, int) and len(shape) == 2 and shape[0] % heads and not shape[1] % heads:
            return Meant(path, shape[::-1], "shapes are channels first")
    return None


def flattened(nodes: Sequence[Node], branches: Sequence[int]) -> Help | None:
    """What to say of a join whose branches differ in rank because a dense layer flattened one."""
    ranks = {len(nodes[branch].shape) for branch in branches}
    found = [flattening(nodes, branch) for branch in branches] if len(ranks) > 1 else []
    return next(filter(None, found), None)


def flattening(nodes: Sequence[Node], index: int | None) -> Help | None:
    """What to say of a value without spatial axes because a dense layer flattened them."""
    while index is not None:
        node = nodes[index]
        if len(node.shape) > 1 or len(node.inputs) != 1:
            return None
        (index,) = node.inputs
        if node.kind == "dense" and len(nodes[index].shape) > 1:
            help_text = "flattened its input: 'positionwise: true' works on every position"
            return Help(f"{node.path} {help_text}")
    return None


def token_beside(layer: Layer, branches: Sequence[Node]) -> Help | None:
    """What to say of a learned token that is to stand among others, as one more position."""
    ranks = {len(node.shape) for node in branches}
    channels = {node.shape[0] for node in branches}
    constant = any(node.layer.constant for node in branches)
    if layer.kind == "concat" and ranks == {2} and len(channels) == 1 and constant:
        return Help("concat joins channels; 'axis: 1' joins the positions of sequences")
    return None


def _looks_channels_last(shape: Shape) -> bool:
    """Whether a shape reads like pixels, then their colours: [224, 224, 3], [16000, 1].

    >>> _looks_channels_last((224, 224, 3)), _looks_channels_last((3, 224, 2))
    (True, False)
    """
    *sizes, channels = shape
    return channels <= _MOST_COLOURS and min(sizes) >= _LEAST_PIXELS and prod(sizes) >= _LEAST_AREA
