"""The `args` of a file: numbers that a person would want to change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

from convcalc.exchange.decompile.items import (
    CLASSES,
    WIDTH,
    Argument,
    Expression,
    Item,
    Value,
)
from convcalc.exchange.decompile.naming import all_items
from convcalc.exchange.decompile.spelling import Block
from convcalc.graph import Network, Node
from convcalc.layers import KINDS

#: Parts of the names of layers that predict classes.
_OF_CLASSES = re.compile(r"(?:class|cls|logit|score)", re.IGNORECASE)
#: Arguments that are the number of a layer's channels.
_CHANNELS = ("channels", "units")
#: The most channels that a picture has, which a network makes of a sigmoid.
_MOST_OF_PICTURE = 4
#: What a width is multiplied by, the least one, and the least number of places where it is written.
_FACTORS = frozenset({1, 2, 3, 4, 6, 8, 16, 32})
_LEAST_WIDTH = 8
_LEAST_PLACES = 3
_WORD = re.compile(r"[a-z_]\w*")


class Heads(NamedTuple):
    """The layers that predict classes.

    classes   how many; 0 where there are none
    channels  the paths of the layers whose channels these are, and the name of that argument
    shapes    the paths of reshapes behind them, whose first axis they are
    results   the paths of all layers whose channels are those of a result
    """

    classes: int
    channels: Mapping[str, str]
    shapes: frozenset[str]
    results: frozenset[str]


def class_heads(network: Network) -> Heads:
    """The layers whose channels are the number of classes.

    >>> import convcalc
    >>> heads = class_heads(convcalc.load("lenet"))
    >>> heads.classes, heads.channels
    (10, {'dense2': 'units'})
    """
    classes = 0
    channels: dict[str, str] = {}
    shapes: set[str] = set()
    results: set[str] = set()
    alone = len(network.outputs) == 1
    for index in network.outputs.values():
        passed = _head(network, index)
        size = network.nodes[index].shape[0]
        results.update([node.path for node in passed if _written(node)])
        if size < 2 or size != (classes or size) or not _predict_classes(network, passed, alone):
            continue
        classes = size
        for node in passed:
            if node.kind == "reshape":
                shapes.add(node.path)
            if _written(node):
                channels[node.path] = _written(node)
    return Heads(classes, channels, frozenset(shapes), frozenset(results))


def _written(node: Node) -> str:
    """The argument that is the number of a layer's channels; "" where none is."""
    return next((name for name in _CHANNELS if name in node.layer.fields), "")


def _head(network: Network, result: int) -> list[Node]:
    """The layers from a result back to those that say how many channels it has; or none."""
    size = network.nodes[result].shape[0]
    passed: list[Node] = []
    left, seen = [result], {result}
    while left:
        node = network.nodes[left.pop()]
        passed.append(node)
        if _written(node) and getattr(node.layer, _written(node)) == size:
            continue
        before = {network.nodes[index].shape[0] for index in node.inputs}
        if before != {size} or _written(node) or node.written is not None or node.layer.constant:
            return []
        left += [index for index in node.inputs if index not in seen]
        seen.update(node.inputs)
    return passed


def _predict_classes(network: Network, passed: list[Node], alone: bool) -> bool:
    """Whether the channels of a result are classes: by what is computed of them, or by names.

    alone  whether the network has no other result
    """
    kinds = {node.kind for node in passed}
    heads = list(filter(_written, passed))
    if not heads:
        return False
    if any(node.layer.role == "norm" for node in passed):
        return False
    size = heads[0].shape[0]
    if "softmax" in kinds or ("sigmoid" in kinds and size > _MOST_OF_PICTURE):
        return True
    if size in [shape[0] for shape in network.inputs.values()]:
        return False
    if all(len(node.shape) == 1 or set(node.shape[1:]) == {1} for node in passed[:1]):
        return all(node.kind in ("conv", "dense") for node in heads)
    return alone and any(_OF_CLASSES.search(node.path) for node in heads)


def name_classes(items: list[Item], heads: Heads) -> None:
    """Writes the argument in the place of the number of classes."""
    classes = Argument(CLASSES, heads.classes)
    for item in items:
        if item.path in heads.channels:
            item.args[heads.channels[item.path]] = classes
        if item.path in heads.shapes and item.args["shape"][0] == heads.classes:
            item.args["shape"] = (classes, *item.args["shape"][1:])


class Place(NamedTuple):
    """Where a number is written: an argument, or an entry of one."""

    args: dict[str, Value]
    name: str
    entry: int | None = None

    @property
    def value(self) -> Value:
        """What is written there."""
        value = self.args[self.name]
        return value if self.entry is None else value[self.entry]

    def write(self, value: Value) -> None:
        """Writes something else there."""
        if self.entry is not None:
            entries = self.args[self.name]
            value = (*entries[: self.entry], value, *entries[self.entry + 1 :])
        self.args[self.name] = value


def name_width(
    sequence: Sequence[Item], blocks: Mapping[str, Block], results: frozenset[str]
) -> int:
    """Writes all numbers of channels as multiples of one; that one, or 0 where there is none.

    results  the paths of layers whose channels stay as they are
    """
    finder = _Channels(blocks, results)
    items = [*sequence, *[item for block in blocks.values() for item in block.body]]
    items = list(all_items(items))
    places = [place for item in items for place in finder.places(item)]
    places += [
        Place(block.presets, name)
        for block in blocks.values()
        for name in finder.of_block(block.name)
        if type(block.presets.get(name)) is int
    ]
    numbers = {place.value for place in places}
    width = min(numbers, default=0)
    if width < _LEAST_WIDTH or any(n % width or n // width not in _FACTORS for n in numbers):
        return 0
    for item in items:
        places += _shape_places(item, numbers)
        _write_heads(item, width)
    least = _LEAST_PLACES - (len(numbers) == 1 and bool(blocks))
    if len(places) < least:
        return 0
    for place in places:
        factor = place.value // width
        place.write(Expression(WIDTH if factor == 1 else f"{factor}*{WIDTH}"))
    return width


def _shape_places(item: Item, numbers: set[int]) -> Iterator[Place]:
    """Numbers of channels in the shape of a layer, and in the range of a slice."""
    if item.kind == "slice" and not item.args.get("axis"):
        for entry, number in enumerate(item.args["channels"]):
            if number in numbers or (type(number) is int and number > max(numbers)):
                yield Place(item.args, "channels", entry)
    elif item.kind in ("reshape", "parameter", "buffer") and "shape" in item.args:
        if item.args["shape"][0] in numbers:
            yield Place(item.args, "shape", 0)


def _write_heads(item: Item, width: int) -> None:
    """Writes how many channels a head has, where a reshape splits channels into heads."""
    shape: tuple[Value, ...] = item.args.get("shape", ()) if item.kind == "reshape" else ()
    if len(shape) < 3 or any(type(size) is not int or size < 1 for size in shape[:-1]):
        return
    total = prod(shape[:-1])
    if total % width == 0 and total // width in _FACTORS and shape[-2] > 1:
        factor, split = total // width, prod(shape[:-2])
        factor, split = (1, split // factor) if split % factor == 0 else (factor, split)
        text = WIDTH if factor == 1 else f"{factor}*{WIDTH}"
        text = text if split == 1 else f"{text}//{split}"
        Place(item.args, "shape", len(shape) - 2).write(Expression(text))


class _Channels:
    """Finds which arguments are numbers of channels."""

    def __init__(self, blocks: Mapping[str, Block], results: frozenset[str]) -> None:
        self.blocks = blocks
        self.results = results
        self.known: dict[str, set[str]] = {}

    def of_block(self, name: str) -> set[str]:
        """The arguments of a block that are the channels of a layer in it."""
        if name not in self.known:
            found: set[str] = set()
            block = self.blocks[name]
            for item in all_items(block.body):
                for argument in self.names(item):
                    value = item.args.get(argument)
                    if isinstance(value, Expression):
                        found.update(_WORD.findall(value))
            self.known[name] = found & set(block.args)
        return self.known[name]

    def names(self, item: Item) -> set[str]:
        """The arguments of a layer that are numbers of channels."""
        if item.kind in self.blocks:
            return self.of_block(item.kind)
        return set(_CHANNELS) if item.kind in KINDS and item.kind != "slice" else set()

    def places(self, item: Item) -> Iterator[Place]:
        """Where numbers of channels are written in a layer."""
        if item.path in self.results:
            return
        for name in self.names(item):
            for args in (item.args, item.first):
                if type(args.get(name)) is int:
                    yield Place(args, name)
