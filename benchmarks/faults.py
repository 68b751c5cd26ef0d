"""Single faults in a spec: one value, key or line is changed, as people change them by mistake.

Each operator takes a spec and a random generator and returns a `Fault`, or None if the spec has
nothing that it can change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from convcalc.language.reading.nodes import ListNode, MapNode, ScalarNode, YamlNode, read_yaml
from convcalc.layers import KINDS
from convcalc.problems import Source


class Fault(NamedTuple):
    """A spec with one fault.

    text     the whole spec
    line     the changed line, counted from 1; if a line was removed, the one after it
    removed  how many lines were removed there; negative if lines were added
    what     the change, as text
    """

    text: str
    line: int
    removed: int
    what: str


class Spec:
    """A spec's text and the places where a fault can be put."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.keys: list[ScalarNode] = []
        self.values: list[ScalarNode] = []
        root = read_yaml(Source("spec", text))
        if isinstance(root, MapNode):
            for key, value in root.entries.values():
                self.keys.append(key)
                if key.text != "name":
                    self._collect(value)

    def _collect(self, node: YamlNode) -> None:
        if isinstance(node, ScalarNode):
            if node.text:
                self.values.append(node)
        elif isinstance(node, ListNode):
            for item in node.items:
                self._collect(item)
        elif isinstance(node, MapNode):
            for key, value in node.entries.values():
                self.keys.append(key)
                self._collect(value)

    @property
    def written(self) -> Iterator[int]:
        """The numbers of the lines that hold more than a comment."""
        for number, line in enumerate(self.lines, 1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield number

    def with_line(self, number: int, line: str, removed: int = 0) -> Fault:
        """The spec with another line."""
        old = self.lines[number - 1]
        lines = [*self.lines[: number - 1], line, *self.lines[number:]]
        return Fault("\n".join(lines) + "\n", number, removed, f"{old.strip()} -> {line.strip()}")

    def with_scalar(self, node: ScalarNode, text: str) -> Fault:
        """The spec with other text in place of a scalar; its quotes stay."""
        line = self.lines[node.line - 1]
        start, width = node.column - 1, node.width
        if node.quoted:
            start, width = start + 1, width - 2
        return self.with_line(node.line, line[:start] + text + line[start + width :])


Operator = Callable[[Spec, Random], Fault | None]


def _pick(random: Random, nodes: list[ScalarNode], pattern: str) -> ScalarNode | None:
    """A random scalar on one line whose whole text matches the pattern."""
    found = [n for n in nodes if re.fullmatch(pattern, n.text) and n.width >= len(n.text)]
    return random.choice(found) if found else None


def _misspelt(word: str, random: Random) -> str:
    """A word with two letters swapped, one left out, or one doubled."""
    at = random.randrange(len(word) - 1)
    ways = [
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    ]
    return next((way for way in random.sample(ways, 3) if way != word), word + "x")


def other_number(spec: Spec, random: Random) -> Fault | None:
    """A wrong number: off by one, doubled, ten times as large, 0, or negative."""
    node = _pick(random, spec.values, r"[1-9][0-9]{0,5}")
    if node is None:
        return None
    number = int(node.text)
    others = {number + 1, number - 1, 2 * number, 10 * number, 0, -number} - {number}
    return spec.with_scalar(node, str(random.choice(sorted(others))))


def no_number(spec: Spec, random: Random) -> Fault | None:
    """Something that is not a number in place of one."""
    node = _pick(random, spec.values, r"[1-9][0-9]{0,5}")
    words = ["three", "3.5", "true", "[]", "{}", "1e-3", "010", "0x10", "~", "3px", "'3 3'"]
    return spec.with_scalar(node, random.choice(words)) if node else None


def misspelt_value(spec: Spec, random: Random) -> Fault | None:
    """A word that is misspelt: a kind, an activation, an argument, a layer's name."""
    node = _pick(random, spec.values, r"[a-z][a-z_0-9]{2,}")
    if node is None or node.text in {"true", "false"}:
        return None
    return spec.with_scalar(node, _misspelt(node.text, random))


#: Words that are valid in the same place, and mean something else.
_SWAPS = {
    "relu": "gelu",
    "relu6": "relu",
    "sigmoid": "tanh",
    "batch": "layer",
    "none": "relu",
    "true": "false",
    "false": "true",
    "flatten": "dropout",
    "global_avgpool": "flatten",
    "same": "valid",
}


def other_word(spec: Spec, random: Random) -> Fault | None:
    """Another word that is valid there."""
    node = _pick(random, spec.values, "|".join(_SWAPS))
    return spec.with_scalar(node, _SWAPS[node.text]) if node else None


def broken_expression(spec: Spec, random: Random) -> Fault | None:
    """An expression with an unknown name or a syntax error."""
    node = _pick(random, spec.values, r"(?=.*[a-z])[^\[\]{},]*[*/+ (][^\[\]{},]*")
    if node is None:
        return None
    text = node.text
    changed = random.choice(
        [
            re.sub(r"[a-z_]{1,}", lambda match: _misspelt(match[0] + "_", random), text, count=1),
            re.sub(r"\s*\*\s*", "", text, count=1),
            f"{text} *",
            f"({text}",
            text.replace("*", "^", 1),
        ]
    )
    return spec.with_scalar(node, changed) if changed != text else None


def misspelt_key(spec: Spec, random: Random) -> Fault | None:
    """A key that is misspelt: a kind, an argument, a common key, a block."""
    node = _pick(random, spec.keys, r"[a-z][a-z_0-9]{2,}")
    return spec.with_scalar(node, _misspelt(node.text, random)) if node else None


#: Other libraries' names of our keys.
_FOREIGN = {
    "kernel": "kernel_size",
    "stride": "strides",
    "padding": "pad",
    "conv": "Conv2d",
    "dense": "Linear",
    "maxpool": "MaxPool2d",
    "activation": "act",
    "bias": "use_bias",
    "dilation": "dilation_rate",
    "norm": "bn",
    "concat": "cat",
    "avgpool": "AveragePooling2D",
}


def foreign_key(spec: Spec, random: Random) -> Fault | None:
    """Another library's name of a key."""
    node = _pick(random, spec.keys, "|".join(_FOREIGN))
    return spec.with_scalar(node, _FOREIGN[node.text]) if node else None


def other_kind(spec: Spec, random: Random) -> Fault | None:
    """Another kind in place of one."""
    node = _pick(random, spec.keys, "|".join(KINDS))
    if node is None:
        return None
    others = ["conv", "maxpool", "avgpool", "dense", "depthwise", "add", "concat", "dropout"]
    return spec.with_scalar(node, random.choice([kind for kind in others if kind != node.text]))


def other_key(spec: Spec, random: Random) -> Fault | None:
    """Another argument's name in place of one."""
    keys = ["kernel", "stride", "padding", "groups", "dilation", "repeat", "bias", "when", "from"]
    node = _pick(random, spec.keys, "|".join(keys))
    others = [key for key in keys if node is not None and key != node.text]
    return spec.with_scalar(node, random.choice(others)) if node else None


def argument_left_out(spec: Spec, random: Random) -> Fault | None:
    """A layer without one of its arguments."""
    places = [
        (number, match)
        for number in spec.written
        for match in re.finditer(r", \w+: [\w.*/+-]+(?=[,}])", spec.lines[number - 1])
    ]
    if not places:
        return None
    number, match = random.choice(places)
    line = spec.lines[number - 1]
    return spec.with_line(number, line[: match.start()] + line[match.end() :])


def argument_twice(spec: Spec, random: Random) -> Fault | None:
    """An argument that is written twice."""
    places = [
        (number, match)
        for number in spec.written
        for match in re.finditer(r", \w+: [\w.*/+-]+(?=[,}])", spec.lines[number - 1])
    ]
    if not places:
        return None
    number, match = random.choice(places)
    line = spec.lines[number - 1]
    return spec.with_line(number, line[: match.end()] + match[0] + line[match.end() :])


def line_left_out(spec: Spec, random: Random) -> Fault | None:
    """A line that is missing."""
    number = random.choice([*spec.written])
    lines = [*spec.lines[: number - 1], *spec.lines[number:]]
    what = f"{spec.lines[number - 1].strip()} -> (left out)"
    return Fault("\n".join(lines) + "\n", number, 1, what)


def line_twice(spec: Spec, random: Random) -> Fault | None:
    """A line that is doubled."""
    number = random.choice([*spec.written])
    lines = [*spec.lines[:number], *spec.lines[number - 1 :]]
    what = f"{spec.lines[number - 1].strip()} -> (twice)"
    return Fault("\n".join(lines) + "\n", number, -1, what)


def other_indentation(spec: Spec, random: Random) -> Fault | None:
    """A line that begins a column too far left or right, or with a tab."""
    number = random.choice([*spec.written])
    line = spec.lines[number - 1]
    ways = [f" {line}", f"  {line}", f"\t{line}"]
    if line.startswith("  "):
        ways += [line[1:], line[2:]]
    return spec.with_line(number, random.choice(ways))


def lost_character(spec: Spec, random: Random) -> Fault | None:
    """A bracket, brace, comma, colon, quote or dash that is missing."""
    places = [
        (number, at)
        for number in spec.written
        for at, character in enumerate(spec.lines[number - 1].split(" #")[0])
        if character in "[]{},:\"'" or spec.lines[number - 1][at:].startswith("- ")
    ]
    number, at = random.choice(places)
    line = spec.lines[number - 1]
    return spec.with_line(number, line[:at] + line[at + 1 :])


def lost_space(spec: Spec, random: Random) -> Fault | None:
    """A colon without the space after it."""
    places = [
        (number, match.start())
        for number in spec.written
        for match in re.finditer(r": \w", spec.lines[number - 1].split(" #")[0])
    ]
    if not places:
        return None
    number, at = random.choice(places)
    line = spec.lines[number - 1]
    return spec.with_line(number, line[: at + 1] + line[at + 2 :])


OPERATORS: dict[str, Operator] = {
    "another number": other_number,
    "no number": no_number,
    "misspelt value": misspelt_value,
    "another word": other_word,
    "broken expression": broken_expression,
    "misspelt key": misspelt_key,
    "another library's key": foreign_key,
    "another kind": other_kind,
    "another argument": other_key,
    "argument left out": argument_left_out,
    "argument twice": argument_twice,
    "line left out": line_left_out,
    "line twice": line_twice,
    "another indentation": other_indentation,
    "lost character": lost_character,
    "lost space": lost_space,
}
