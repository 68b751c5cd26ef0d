"""How values, layers and blocks are spelt in a network file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from convcalc.exchange.decompile.items import (
    Branch,
    Copies,
    Expression,
    Fused,
    Guarded,
    Item,
    Value,
    inner_list,
)
from convcalc.language.keys import GROUP
from convcalc.layers import KINDS, NORM_WORDS, layer_class
from convcalc.layers.traits import ROLES
from convcalc.record import Record

#: The width of a page.
WIDTH = 100
#: The most layers that are written in one line.
_MOST_IN_LINE = 5
#: Text that YAML takes for something else inside of brackets.
_NEEDS_QUOTES = re.compile(r"""[,\[\]{}#"']|^[-*&!%@`>|?:](?![\w(.])|: """)
_WORDS = {kind: word for word, kind in NORM_WORDS.items()}

#: Defaults by kind: the values of arguments.
Defaults = Mapping[str, Mapping[str, Value]]


class Block(Record):
    """A block of the file.

    name     by which it is called
    args     its arguments, in order
    presets  the defaults of the last of them
    body     its layers
    sorts    what each argument is: a number of channels, about windows, a layer, ...
    """

    name: str
    args: tuple[str, ...]
    presets: dict[str, Value]
    body: list[Item]
    sorts: Mapping[str, str]


def number_text(number: float) -> str:
    """A number as a person writes it.

    >>> number_text(1e-05), number_text(20.0), number_text(0.1), number_text(-3)
    ('1e-5', '20', '0.1', '-3')
    """
    if isinstance(number, int) or (number.is_integer() and abs(number) < 10**15):
        return str(int(number))
    mantissa, letter, exponent = repr(number).partition("e")
    return f"{mantissa}e{int(exponent)}" if letter else mantissa


class Speller:
    """Writes layers.

    defaults  of the file, which need not be repeated
    names     of the items that others refer to
    blocks    the blocks of the file
    """

    def __init__(
        self, defaults: Defaults, names: Mapping[Item, str], blocks: Mapping[str, Block]
    ) -> None:
        self.defaults = defaults
        self.names = names
        self.blocks = blocks

    # Values.

    def value(self, value: Value) -> str:
        """A value as it stands inside of brackets."""
        if value is None:
            return "none"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Expression):
            return f'"{value}"' if _NEEDS_QUOTES.search(value) else str(value)
        if isinstance(value, str):
            return value
        if isinstance(value, Item):
            return self.names[value]
        if isinstance(value, Fused):
            return self.fused(value)
        if isinstance(value, tuple):
            return "[" + ", ".join([self.value(entry) for entry in value]) + "]"
        return number_text(value)

    def fused(self, fused: Fused) -> str:
        """A norm or activation as an argument."""
        args = self.arguments(fused.kind, dict(fused.args))
        if not args:
            word = _WORDS.get(fused.kind)
            if word is not None:
                return word
            return (
                fused.kind
                if layer_class(fused.kind).role == "activation"
                else f"{{{fused.kind}: }}"
            )
        first = next(iter(layer_class(fused.kind).fields))
        if list(args) == [first] and not isinstance(args[first], tuple):
            return f"{{{fused.kind}: {self.value(args[first])}}}"
        return f"{{{fused.kind}: {{{self.entries(args)}}}}}"

    def entries(self, args: Mapping[str, Value]) -> str:
        """Arguments with their names."""
        return ", ".join([f"{name}: {self.value(value)}" for name, value in args.items()])

    def arguments(self, kind: str, args: Mapping[str, Value]) -> dict[str, Value]:
        """The arguments that must be written: those that the file's defaults do not give."""
        defaults = self.defaults.get(kind)
        if not defaults:
            return dict(args)
        kept = {n: v for n, v in args.items() if n not in defaults or not same(defaults[n], v)}
        for name in defaults:
            if name not in args:
                kept[name] = usual(kind, name)
        return kept

    # Layers.

    def layer(self, item: Item) -> str:
        """A layer in one line."""
        keys = self.keys(item)
        if item.kind == GROUP:
            keys[0] = (GROUP, self.branch(self._group(item)))
        elif item.branches is not None and not _word(item):
            keys[0] = (item.kind, self.branches(item))
        if len(keys) == 1 and not keys[0][1]:
            return keys[0][0]
        return "{" + ", ".join([f"{key}: {text}" for key, text in keys]) + "}"

    def branches(self, join: Item) -> str:
        """The branches of a join in one line."""
        parts = [self.branch(branch) for branch in join.branches or ()]
        if join.labels:
            pairs = zip(join.labels, parts, strict=True)
            return "{" + ", ".join([f"{name}: {part}" for name, part in pairs]) + "}"
        return "[" + ", ".join(parts) + "]"

    def _group(self, item: Item) -> list[Item]:
        """The layers of a group."""
        return (item.branches and inner_list(item.branches[0])) or []

    def branch(self, branch: Branch) -> str:
        """A branch in one line."""
        if isinstance(branch, Guarded):
            when = self.value(Expression(branch.when))
            return f"{{when: {when}, layers: {self.branch(branch.layers)}}}"
        if isinstance(branch, Copies):
            return f"{self.names[branch.item]}*"
        if isinstance(branch, Item):
            return self.names[branch]
        return "[" + ", ".join([self.layer(item) for item in branch]) + "]"

    def keys(self, item: Item) -> list[tuple[str, str]]:
        """The kind with its first argument, and the other keys; a join's branches are missing."""
        block = self.blocks.get(item.kind)
        if block is not None:
            keys = self._call(item, block)
        elif item.kind == GROUP:
            keys = [(GROUP, "")]
        else:
            args = self.arguments(item.kind, item.args)
            head = ""
            if item.branches is None or _word(item):
                first = _word(item) or next(iter(layer_class(item.kind).fields), "")
                if first in args:
                    head = self.value(args.pop(first))
            order = [*layer_class(item.kind).fields, *ROLES]
            keys = [(item.kind, head)]
            keys += [(name, self.value(args[name])) for name in order if name in args]
        if item.repeat is not None:
            keys.append(("repeat", self.value(item.repeat)))
        if item.first:
            keys.append(("first", "{" + self.entries(item.first) + "}"))
        if item.when:
            keys.append(("when", self.value(Expression(item.when))))
        if item.share is not None:
            keys.append(("share", self.names[item.share]))
        if item.source is not None:
            keys.append(("from", self.names[item.source]))
        if item in self.names:
            keys.append(("name", self.names[item]))
        return keys

    def _call(self, item: Item, block: Block) -> list[tuple[str, str]]:
        """A block's name with the positional arguments, and the named ones."""
        given = [n for n in block.args if n in item.args]
        positional: list[str] = []
        for name in block.args:
            if name not in item.args or (name in block.presets and len(positional) != 0):
                break
            positional.append(name)
        named = [n for n in given if n not in positional]
        values = [self.value(item.args[n]) for n in positional]
        head = values[0] if values else ""
        if len(values) > 1 or head.startswith(("[", "{")):
            head = "[" + ", ".join(values) + "]"
        return [(item.kind, head), *[(n, self.value(item.args[n])) for n in named]]

    def lines(self, item: Item, indent: int) -> list[str]:
        """A layer of a list, in as many lines as it needs."""
        margin = " " * indent
        text = self.layer(item)
        short = indent + 2 + len(text) <= WIDTH
        if item.branches is None or _word(item):
            if short:
                return [f"{margin}- {text}"]
            return wrapped(f"{margin}- {text}", indent + 4)
        if short and simple(item):
            return [f"{margin}- {text}"]
        (kind, _), *others = self.keys(item)
        lines = [f"{margin}- {kind}:"]
        if kind == GROUP:
            lines += self.sequence(self._group(item), indent + 4)
            return lines + [f"{margin}  {key}: {text}" for key, text in others]
        head = f"{lines[0]} {self.branches(item)}"
        if len(head) <= WIDTH and simple(item):
            rest = ", ".join([f"{key}: {text}" for key, text in others])
            if len(others) > 1 and max(len(head) + 2, indent + 5 + len(rest)) <= WIDTH:
                return [f"{margin}- {{{head.strip()[2:]},", f"{margin}    {rest}}}"]
            return [head, *[f"{margin}  {key}: {text}" for key, text in others]]
        for place, branch in enumerate(item.branches):
            label = f"{item.labels[place]}:" if item.labels else "-"
            lines += self._branch_lines(branch, label, indent + 4)
        lines += [f"{margin}  {key}: {text}" for key, text in others]
        return lines

    def _branch_lines(self, branch: Branch, label: str, indent: int) -> list[str]:
        margin = " " * indent
        text = self.branch(branch)
        short = indent + len(label) + 1 + len(text) <= WIDTH
        if not isinstance(branch, list) or (
            short and len(branch) <= _MOST_IN_LINE and all(map(simple, branch))
        ):
            return [f"{margin}{label} {text}"]
        if label != "-":
            return [margin + label, *self.sequence(branch, indent + 2)]
        first, *others = self.sequence(branch, indent + 2)
        return [f"{margin}- {first.lstrip()}", *others]

    def sequence(self, items: Sequence[Item], indent: int) -> list[str]:
        """Layers, one after the other."""
        return [line for item in items for line in self.lines(item, indent)]

    def head(self, block: Block) -> str:
        """A block's signature."""
        args = []
        for name in block.args:
            preset = block.presets.get(name)
            if name in block.presets:
                text = str(preset) if isinstance(preset, Expression) else self.value(preset)
                args.append(f"{name}={text}")
            else:
                args.append(name)
        return f"  {block.name}({', '.join(args)}):" if args else f"  {block.name}:"

    def block(self, block: Block) -> list[str]:
        """A block's signature and its layers."""
        head = self.head(block)
        text = f"{head} {self.branch(block.body)}"
        if len(text) <= WIDTH and len(block.body) <= 3 and all(map(simple, block.body)):
            return [text]
        return [head, *self.sequence(block.body, 4)]


def _word(item: Item) -> str:
    """The argument in the place of the branches of a join, where its one branch is what enters."""
    joins = layer_class(item.kind).joins if item.kind in KINDS else None
    return joins.word if joins is not None and item.branches == [[]] else ""


def head_width(block: Block) -> int:
    """How many letters the signature of a block takes."""
    return len(Speller({}, {}, {}).head(block))


def simple(item: Item) -> bool:
    """Whether a layer may stand in one line."""
    return _layers(item) <= _MOST_IN_LINE


def _layers(item: Item) -> int:
    if item.branches is None:
        return 1
    return sum([_layers(inner) for b in item.branches for inner in inner_list(b) or ()])


def same(first: Value, second: Value) -> bool:
    """Whether two values are equal; true is no 1."""
    return type(first) is type(second) and bool(first == second)


def usual(kind: str, name: str) -> Value:
    """What an argument is where neither the layer nor the file says it."""
    fields = layer_class(kind).fields if kind in KINDS else {}
    return fields[name].default if name in fields else None


def wrapped(text: str, indent: int) -> list[str]:
    """A text in several lines, broken after commas outside of quotes."""
    lines: list[str] = []
    while len(text) > WIDTH:
        place, quoted = 0, False
        for index, letter in enumerate(text[:WIDTH]):
            quoted = quoted != (letter == '"')
            if letter == "," and not quoted and index > indent:
                place = index + 1
        if not place:
            break
        lines.append(text[:place])
        text = " " * indent + text[place:].lstrip()
    return [*lines, text]
