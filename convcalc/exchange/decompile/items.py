"""Layers as they are written: a network's nodes, with what is fused to them taken together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from convcalc.arithmetic import Ratio
from convcalc.graph import Network, Node
from convcalc.layers import layer_class
from convcalc.layers.base import Layer
from convcalc.layers.fields import Field
from convcalc.layers.traits import ROLES
from convcalc.shapes import Shape

#: What an argument holds: a number, a truth value, a word, a list, a fused layer, an expression, or
#: an item whose name is written.
Value: TypeAlias = Any


class Fused(NamedTuple):
    """A norm or an activation as the argument of the layer that it is fused to."""

    kind: str
    args: tuple[tuple[str, Value], ...]


class Expression(str):
    """A value that is computed where it stands: `4*channels`."""

    __slots__ = ()


#: The arguments of a file: the number of classes, and what all numbers of channels are made of.
CLASSES = "classes"
WIDTH = "width"


class Argument(Expression):
    """An argument of the file, which has a value."""

    __slots__ = ("value",)
    value: int

    def __new__(cls, name: str, value: int) -> Argument:
        made = super().__new__(cls, name)
        made.value = value
        return made


class Item:
    """One written layer.

    kind      a kind, a block's name, INPUT or REGION
    args      its arguments by name, those with the kind's defaults left out
    reads     the items whose values enter it; of a join, one for each branch
    shape     of its value, for one sample
    path      of its node in the network
    share     the item whose parameters it uses, if they are not its own
    labels    the names of a join's branches, where they have names
    branches  of a join, once it is nested: each a list of items, or an item that is referred to
    body      of a region: its items, in order
    entering  the shape of the value that enters it
    source    the item after `from`, where that is not the one before
    when      the condition after `when`
    repeat    how many copies, where `repeat` is written; `first` holds what differs in the first
    """

    __slots__ = (
        "args",
        "body",
        "branches",
        "entering",
        "first",
        "kind",
        "labels",
        "path",
        "reads",
        "repeat",
        "shape",
        "share",
        "source",
        "when",
    )

    def __init__(self, kind: str, args: Mapping[str, Value], shape: Shape, path: str) -> None:
        self.kind = kind
        self.args = dict(args)
        self.reads: list[Item] = []
        self.shape = shape
        self.path = path
        self.share: Item | None = None
        self.labels: tuple[str, ...] = ()
        self.branches: list[Branch] | None = None
        self.body: list[Item] | None = None
        self.entering: Shape = ()
        self.source: Item | None = None
        self.when = ""
        self.repeat: Value = None
        self.first: dict[str, Value] = {}

    def __repr__(self) -> str:
        return f"<{self.kind} {self.args} {self.path}>"

    def references(self) -> Iterator[Item]:
        """The items that its arguments name."""
        for value in self.args.values():
            if isinstance(value, Item):
                yield value


#: The kinds of items that are no layers: an input, and layers that read others of their own.
INPUT = "input"
REGION = "(region)"


class Guarded:
    """A branch that is there under a condition."""

    __slots__ = ("layers", "when")

    def __init__(self, layers: list[Item] | Item | Copies) -> None:
        self.layers = layers
        self.when = ""


class Copies:
    """All copies of a repeated layer, as branches of a join."""

    __slots__ = ("item",)

    def __init__(self, item: Item) -> None:
        self.item = item


#: A branch: layers, an earlier layer, its copies, or one of these under a condition.
Branch: TypeAlias = "list[Item] | Item | Guarded | Copies"


def inner_list(branch: Branch) -> list[Item] | None:
    """The layers of a branch; None where it is a reference."""
    layers = branch.layers if isinstance(branch, Guarded) else branch
    return layers if isinstance(layers, list) else None


def inner_item(branch: Branch) -> Item | None:
    """The item that a branch refers to; None where it is a list of layers."""
    layers = branch.layers if isinstance(branch, Guarded) else branch
    named = layers.item if isinstance(layers, Copies) else layers
    return named if isinstance(named, Item) else None


class Items(NamedTuple):
    """A network's items in execution order, its inputs and its results."""

    inputs: list[Item]
    items: list[Item]
    outputs: list[Item]


def read_items(network: Network, *, fuse: bool = True) -> Items:
    """The written layers that a network is made of; what no result needs is left out.

    fuse  whether norms and activations become arguments of the layers before them
    """
    return _Reader(network, fuse).read()


class _Reader:
    def __init__(self, network: Network, fuse: bool) -> None:
        self.network = network
        self.nodes = network.nodes
        self.fuse = fuse
        #: The item whose value each node's is.
        self.items: dict[int, Item] = {}
        self.by_path: dict[str, Item] = {}
        self.uses = [0] * len(self.nodes)
        self.sharers: dict[int, int] = {}

    def read(self) -> Items:
        for node in self.nodes:
            for index in node.inputs:
                self.uses[index] += 1
            if node.shares is not None:
                self.sharers[node.shares] = self.sharers.get(node.shares, 0) + 1
        for index in self.network.outputs.values():
            self.uses[index] += 2  # a result is named, and nothing can be fused to it
        made: list[Item] = []
        parts: list[int] = []
        for index, node in enumerate(self.nodes):
            if node.kind == "indices":
                continue
            if node.written is not None:
                parts.append(index)
                if node.path == node.unit:
                    made.append(self._composed(parts))
                    parts = []
                continue
            joins = node.layer.joins
            if joins is not None and len(node.inputs) == 1 and joins.least == 1:
                self.items[index] = self.items[node.inputs[0]]
            elif not (self.fuse and self._fused(index, node)):
                made.append(self._item(index, node))
        outputs = list(dict.fromkeys(self.items[i] for i in self.network.outputs.values()))
        live = _live(outputs)
        return Items(
            [item for item in made if item.kind == INPUT],
            [item for item in made if item.kind != INPUT and item in live],
            outputs,
        )

    def _item(self, index: int, node: Node) -> Item:
        layer = node.layer
        item = Item(node.kind, written_arguments(layer), node.shape, node.path)
        inputs = node.inputs
        if node.kind == "unpool":
            # It reads what enters, and names the maxpool whose places and input it reads too.
            item.args = {"pool": self.by_path[self.nodes[inputs[1]].unit]}
            inputs = inputs[:1]
        if layer.constant:
            item.args["shape"] = tuple(node.shape)
            inputs = ()
        if node.kind == "reshape":
            item.args["shape"] = flexible(self.nodes[inputs[0]].shape, node.shape)
        item.reads = [self.items[i] for i in inputs]
        if layer.joins is not None:
            item.labels = layer.joins.names[: len(inputs)]
            if len(inputs) < 2:
                item.branches = [[] for _ in inputs]
        return self._add(item, index, index)

    def _composed(self, parts: list[int]) -> Item:
        """The item of a layer that became several nodes."""
        last = self.nodes[parts[-1]]
        layer = last.written or last.layer
        item = Item(layer.kind, written_arguments(layer), last.shape, last.path)
        own = set(parts)
        item.reads = [
            self.items[i] for part in parts for i in self.nodes[part].inputs if i not in own
        ]
        item.labels = layer.joins.names if layer.joins is not None else ()
        learned = [part for part in parts if self.nodes[part].shares is not None]
        return self._add(item, parts[-1], learned[0] if learned else parts[-1])

    def _add(self, item: Item, index: int, learned: int) -> Item:
        self.items[index] = item
        self.by_path[item.path] = item
        shared = self.nodes[learned].shares
        if shared is not None:
            # A node with another unit than its own path is a part, or fused.
            item.share = self.items.get(shared) or self.by_path[self.nodes[shared].unit]
        return item

    def _fused(self, index: int, node: Node) -> bool:
        """Makes a norm or activation an argument of the item before it, where it may be."""
        role = node.layer.role
        if not role or self.uses[node.inputs[0]] != 1:
            return False
        before = self.items[node.inputs[0]]
        if before.kind == INPUT or role not in layer_class(before.kind).fuses:
            return False
        if role == "norm" and layer_class(before.kind).joins is not None:
            return False  # what follows all of several units stands behind the last one
        if any(later in before.args for later in ROLES[ROLES.index(role) :]):
            return False
        if not self._shares_alike(index, node, before):
            return False
        args = tuple(written_arguments(node.layer).items())
        before.args[role] = Fused(node.kind, args)
        before.shape = node.shape
        self.items[index] = before
        return True

    def _shares_alike(self, index: int, node: Node, before: Item) -> bool:
        """Whether a fused layer shares its parameters with the same item as the one before it."""
        shapes = self.network.input_shapes(node)
        main = node.inputs[0]
        while self.items.get(self.nodes[main].inputs[0]) is before:
            main = self.nodes[main].inputs[0]
        shared = self.nodes[main].shares
        if not node.layer.parameters(shapes):
            return True
        if node.shares is None:
            return shared is None and self.sharers.get(index, 0) == self.sharers.get(main, 0)
        return shared is not None and self.items.get(node.shares) is before.share


def _live(outputs: list[Item]) -> set[Item]:
    """The items that some result is made of."""
    found: set[Item] = set()
    left = list(outputs)
    while left:
        item = left.pop()
        if item not in found:
            found.add(item)
            left += [*item.reads, *item.references()]
            left += [item.share] if item.share is not None else []
    return found


def written_arguments(layer: Layer) -> dict[str, Value]:
    """A layer's arguments as a user would give them, without those that need not be given."""
    found = {}
    for name, declared in layer.fields.items():
        value = getattr(layer, name)
        if declared.default is None and value is not None:
            # Left out, it follows from others.
            value = layer.argument(name)
            if layer.replace(**{name: None}).argument(name) == value:
                continue
        value = plain(declared, value)
        if value != declared.default:
            found[name] = value
    return found


def flexible(entering: Shape, shape: Shape) -> tuple[int, ...]:
    """The shape of a reshape, -1 where its last axis is the last ones of what enters.

    >>> flexible((64, 7, 7), (64, 49)), flexible((192, 49), (3, 64, 49))
    ((64, -1), (3, 64, -1))
    >>> flexible((64, 49), (64, 7, 7))
    (64, 7, 7)
    """
    places = 1
    for size in reversed(entering[1:]):
        places *= size
        if len(shape) > 1 and places == shape[-1] > 1:
            return (*shape[:-1], -1)
    return tuple(shape)


def plain(declared: Field, value: Value) -> Value:
    """A stored value as it is given: one number for all axes where they are equal.

    >>> from convcalc.layers import layer_class
    >>> fields = layer_class("conv").fields
    >>> plain(fields["kernel"], (3, 3)), plain(fields["padding"], ((1, 1), (0, 1)))
    (3, (1, (0, 1)))
    """
    if not declared.type.per_axis or not isinstance(value, tuple):
        return value
    entries: list[Value] = []
    for entry in value:
        if isinstance(entry, Ratio):
            whole = entry.denominator == 1
            entries.append(entry.numerator if whole else Expression(str(entry)))
        elif isinstance(entry, tuple):
            before, after = entry
            entries.append(before if before == after else entry)
        else:
            entries.append(entry)
    alike = len(set(entries)) == 1 and not isinstance(entries[0], tuple)
    return entries[0] if alike else tuple(entries)
