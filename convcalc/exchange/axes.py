"""Values whose axes are in a file's order, in a network whose channels are first.

Nothing is moved for the order of axes alone: a value knows which axis of ours each of the file's
is. In the files of Keras and of TFLite the channels are mostly the last axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from convcalc.exchange.assembly import Assembly
from convcalc.layers.opaque import Opaque, operation_name
from convcalc.problems import ConvcalcError
from convcalc.shapes import Shape


class Value(NamedTuple):
    """What a layer computes.

    at      the index of the node
    order   for each axis of the file's, without the batch, the axis of the node's shape
    flat    of plain features: the map of ours that they were, where the file orders them otherwise
    single  whether one layer alone reads it
    """

    at: int
    order: tuple[int, ...]
    flat: Shape | None = None
    single: bool = False


def channels_last(rank: int) -> tuple[int, ...]:
    """The order of a value whose last axis of the file's is its channels, with so many axes.

    >>> channels_last(3), channels_last(1)
    ((1, 2, 0), (0,))
    """
    return (*range(1, rank), 0)


def channel_order(rank: int, axis: int) -> tuple[int, ...]:
    """The order of a value whose channels are this axis of the file's."""
    return tuple([0 if i == axis else i + (i < axis) for i in range(rank)])


class Adder:
    """Adds the nodes of one layer.

    path  of the layer
    name  what the file calls it, after the models that it is in: "backbone/conv1"
    kind  its class: "Conv2D"
    old   whether Keras, if it is that, is older than version 3
    """

    def __init__(
        self, assembly: Assembly, path: str, name: str, kind: str, *, old: bool = False
    ) -> None:
        self.assembly = assembly
        self.path = path
        self.name = name
        self.kind = kind
        self.old = old

    def mistake(self, message: str) -> ConvcalcError:
        """What is wrong with the layer's configuration."""
        return self.assembly.error("bad-model", message, self.name)

    def unread(self, message: str) -> ConvcalcError:
        """What of the layer is not read."""
        return self.assembly.error("unsupported-model", message, self.name)

    def shape(self, value: Value) -> Shape:
        """The shape of a value's node."""
        return self.assembly.shape(value.at)

    def sizes(self, value: Value) -> Shape:
        """The shape in the file's order, without the batch."""
        shape = self.shape(value)
        return tuple([shape[axis] for axis in value.order])

    def node(
        self,
        kind: str,
        inputs: Sequence[int],
        part: str = "",
        **arguments: Any,
    ) -> int:
        """Adds a node; `part` is its own name in the layer."""
        path = f"{self.path}.{part}" if part else self.path
        return self.assembly.add(kind, inputs, arguments, path=path, name=self.name)

    def follow(self, kind: str, value: Value, arguments: Mapping[str, Any]) -> Value:
        """Adds a norm or an activation: fused to the layer before, if that alone is read here."""
        if value.single:
            index = self.assembly.follow(kind, value.at, arguments, name=self.name, path=self.path)
        else:
            index = self.node(kind, [value.at], **arguments)
        return value._replace(at=index)

    def moved(self, value: Value, order: tuple[int, ...]) -> Value:
        """The value with its axes in this order; transposed only where it has another."""
        value = self.plain(value)
        if value.order == order:
            return value
        if len(order) != len(value.order):
            raise self.mistake(f"a value of {len(order)} axes should enter, not {len(value.order)}")
        axes = [0] * len(order)
        for ours, theirs in zip(order, value.order, strict=True):
            axes[ours] = theirs
        index = self.node("transpose", [value.at], "transpose", order=axes)
        return Value(index, order)

    def with_channels(self, value: Value, axis: int) -> Value:
        """The value with an axis of the file's, counted without the batch, as its channels."""
        rank = len(value.order)
        if not -rank <= axis < rank:
            raise self.mistake(f"axis {axis + 1} is none of {rank + 1}")
        order = channel_order(rank, axis % rank)
        return value if value.order == order else self.moved(value, order)

    def plain(self, value: Value) -> Value:
        """Plain features in the file's order."""
        if value.flat is None:
            return value
        shape = list(value.flat)
        index = self.node("reshape", [value.at], "map", shape=shape)
        order = [*range(1, len(shape)), 0]
        index = self.node("transpose", [index], "transpose", order=order)
        return Value(self.node("flatten", [index], "flatten"), (0,))


def opaque(
    add: Adder, values: Sequence[Value], op: str, sizes: Sequence[int], **more: Any
) -> Value:
    """An operation without a rule, whose result has these sizes in the file's order."""
    shape = (sizes[-1], *sizes[:-1])
    inputs = [value.at for value in values]
    layer = Opaque(op=operation_name(op), shape=shape, params=more.get("params"))
    index = add.assembly.add_layer(layer, inputs, path=add.path, name=add.name)
    return Value(index, channels_last(len(shape)))


def reshaped(add: Adder, value: Value, sizes: Sequence[int]) -> Value:
    """The values in the file's order in a shape, channels first where that moves nothing."""
    before = add.sizes(value)
    order = channels_last(len(sizes))
    vector = len([s for s in before if s > 1]) <= 1 and len([s for s in sizes if s > 1]) <= 1
    channels_stay = value.order == channels_last(len(before)) and before[-1] == sizes[-1]
    if vector or channels_stay:
        index = add.node("reshape", [value.at], shape=[sizes[-1], *sizes[:-1]])
        return Value(index, order)
    value = add.moved(value, tuple(range(len(before))))
    index = add.node("reshape", [value.at], shape=list(sizes))
    return Value(index, tuple(range(len(sizes))))


def joined(add: Adder, kind: str, values: Sequence[Value]) -> Value:
    """An element-wise operation on values that may be broadcast."""
    largest = max(values, key=lambda value: len(value.order))
    if any(value.flat != largest.flat for value in values):
        values = [add.plain(value) for value in values]
        largest = max(values, key=lambda value: len(value.order))
    rank, indices = len(largest.order), []
    for value in values:
        sizes = add.sizes(value)
        # Axes of size 1 come first, as in NumPy.
        missing = [1] * (rank - len(sizes))
        full = reshaped(add, value, [*missing, *sizes]) if missing else value
        moved = full if full.order == largest.order else add.moved(full, largest.order)
        indices.append(moved.at)
    channels = max([add.assembly.shape(index)[0] for index in indices])
    if kind in {"add", "sub"}:
        for i, index in enumerate(indices):
            shape = add.assembly.shape(index)
            if shape[0] == 1 < channels:
                wanted = [channels, *[-1] * (rank - 1)]
                indices[i] = add.node("broadcast", [index], "broadcast", shape=wanted)
    index = add.node(kind, indices)
    return Value(index, largest.order, values[0].flat)
