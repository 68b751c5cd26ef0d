"""Names for layers that others refer to, taken from their paths where these say something."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from convcalc.exchange.decompile.items import CLASSES, WIDTH, Item, inner_item, inner_list
from convcalc.language.keys import COMMON_KEYS, GROUP, LAYER_FUNCTIONS, PLACE_WORDS
from convcalc.language.reading.expressions import FUNCTIONS
from convcalc.layers import CHOICES, KINDS

#: Words that cannot be names, or would be read as something else.
RESERVED = frozenset(
    {
        *(
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "true",
            "false",
            "null",
            "input",
            "layers",
        ),
        *("and", "or", "not", "if", "else", "in", "is", "for", "lambda", GROUP, "pool"),
        *(CLASSES, WIDTH),
        *COMMON_KEYS,
        *LAYER_FUNCTIONS,
        *PLACE_WORDS,
        *FUNCTIONS,
        *CHOICES,
        *KINDS,
    }
)
#: Parts of paths that say nothing.
_VAGUE = re.compile(
    r"(?:branch|main|shortcut|skip|module|modules|model|net|network|block|blocks|layer|layers|seq"
    r"|sequential|features|stage|stages|body|m|op|conv|bn|norm|act|cv|fn|unit|units|input|output"
    r"|node|tensor|out|onnx|self|getattr|call|x|identity|downsample)?[_\d]*\Z",
    re.IGNORECASE,
)
_LONGEST = 30


def all_items(sequence: Iterable[Item]) -> Iterator[Item]:
    """The items of a sequence, and those in their branches and regions."""
    left = list(sequence)[::-1]
    while left:
        item = left.pop()
        yield item
        for branch in item.branches or ():
            left += (inner_list(branch) or [])[::-1]
        left += (item.body or [])[::-1]


def referred(items: Iterable[Item]) -> Iterator[Item]:
    """The items that others name."""
    for item in items:
        yield from item.references()
        if item.source is not None:
            yield item.source
        if item.share is not None:
            yield item.share
        for branch in item.branches or ():
            named = inner_item(branch)
            if named is not None:
                yield named


def words(path: str) -> list[str]:
    """The parts of a path that say something, the last first.

    >>> words("layer1.0.conv1"), words("encoder3.conv1"), words("c2f0.unit0.add0.main.conv0")
    ([], ['encoder3'], ['c2f0'])
    """
    found = []
    for part in reversed(path.split(".")):
        cleaned = re.sub(r"[^A-Za-z0-9_]+", "_", part).strip("_").lower()
        stem = cleaned.rstrip("0123456789_")
        if stem and len(cleaned) <= _LONGEST and cleaned[0].isalpha():
            if stem not in RESERVED and not _VAGUE.match(cleaned):
                found.append(cleaned)
    return found


class Namer:
    """Gives names that nothing else in a file has.

    taken  what cannot be a name: those of blocks and of arguments
    """

    def __init__(self, taken: Container[str]) -> None:
        self.taken = taken
        self.given: set[str] = set()
        #: What stands before the number of a name, and the names of copies, which get numbers.
        self.numbered: set[str] = set()
        self.copies: set[str] = set()

    def name(self, stems: Iterable[str], otherwise: str) -> str:
        """The first of some names that is free, or the other one with a number."""
        name = next(filter(self.free, stems), None)
        number = 1
        while name is None:
            name = f"{otherwise}{number}" if self.free(f"{otherwise}{number}") else None
            number += 1
        self.given.add(name)
        if name != _unnumbered(name):
            self.numbered.add(_unnumbered(name))
        return name

    def name_of_copies(self, stems: Iterable[str]) -> str:
        """A name for a repeated layer, each copy of which is called so with a number."""
        bare = [stem.rstrip("0123456789_") for stem in stems]
        letters = [f"unit_{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
        for stem in (*bare, "unit", *letters):
            if stem and stem not in _PREFIXES and stem not in self.numbered and self.free(stem):
                self.given.add(stem)
                self.copies.add(stem)
                return stem
        return self.name((), "unit_z")

    def free(self, name: str) -> bool:
        """Whether nothing has a name yet, nor is called so by its number."""
        stem = _unnumbered(name)
        if stem != name and (stem in self.taken or stem in _PREFIXES or stem in self.copies):
            return False
        return name not in self.given and name not in RESERVED and name not in self.taken


def _unnumbered(name: str) -> str:
    """A name without the number at its end."""
    return name.rstrip("0123456789")


_PREFIXES = frozenset({*KINDS, "pool", GROUP})


def named_items(
    sequence: list[Item], inputs: list[Item], outputs: list[Item], namer: Namer
) -> dict[Item, str]:
    """The names of the inputs and of what is referred to, or a result, in one sequence."""
    names: dict[Item, str] = {}
    alone = len(inputs) == 1
    for item in inputs:
        names[item] = "input" if alone else namer.name(words(item.path)[:1], "input_")
    items = list(all_items(sequence))
    wanted = set(referred(items))
    results = set(outputs) if len(outputs) > 1 or outputs[0] is not sequence[-1] else set()
    for item in items:
        if item in wanted or item in results:
            if item.repeat is not None and item not in results:
                names[item] = namer.name_of_copies(words(item.path))
                continue
            names[item] = namer.name(words(item.path), "result" if item in results else "x")
    return names
