"""Writes the network, node by node, while the operations of a file are gone through.

A value of the file is a `View`: a node of the network, and which axis of the node's value each of
its axes is. A file that only relabels axes (channels last, a batch of windows, heads of attention)
adds no node; what labels cannot say becomes a `transpose` or a `reshape`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from math import prod
from typing import NamedTuple

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Tensor
from convcalc.exchange.onnx import wire
from convcalc.exchange.onnx.inference import is_weight
from convcalc.exchange.onnx.naming import Paths, Scope, of_weight
from convcalc.exchange.onnx.values import ELEMENT_TYPES, Constant, Op, Value
from convcalc.graph import GraphBuilder
from convcalc.layers import layer_class
from convcalc.layers.base import Layer
from convcalc.problems import printable, refused
from convcalc.shapes import MOST_AXES, Shape

Axes = tuple[int | None, ...]
#: How a stored array becomes a parameter, as in `Tensor`.
Steps = tuple[tuple[str, tuple[int, ...]], ...]


class Unsupported(Exception):
    """An operation whose rule does not cover how it is used: it becomes opaque."""


class View(NamedTuple):
    """A value of the file as a node of the network.

    node  the node's index
    axes  for each axis of the value the axis of the node; None for one of size 1 that the node
          does not have. Axes of the node that are named by none have size 1.
    sole  whether nothing else reads the node, so that what follows can be fused to it
    """

    node: int
    axes: Axes
    sole: bool = False


class Writer:
    """The network so far.

    builder     makes the nodes
    views       the values of the file that were written, by identity
    names       what the file calls a node's value, by the node's path
    """

    def __init__(self, file: ModelFile, paths: Paths, max_layers: int) -> None:
        self.builder = GraphBuilder()
        self.names: dict[str, str] = {}
        self.owners: dict[tuple[int, ...], int] = {}
        self._file = file
        self._paths = paths
        self._max_layers = max_layers
        self._views: dict[int, View] = {}
        self._stages: dict[int, tuple[int, int]] = {}
        self._left: dict[int, int] = {}
        self._others: dict[str, ModelFile] = {}
        self._layers: dict[tuple[object, ...], Layer] = {}
        self._arrays: dict[tuple[str, str], tuple[Constant, Steps]] = {}
        self._scope: Scope = ()

    # What an operation reads and makes.

    def begin(self, op: Op) -> None:
        """Says whose nodes follow."""
        self._scope = op.module

    def input_name(self, name: str) -> str:
        """What an input is called, one of several, that the file calls `name`."""
        return self._paths.named(name)

    def shape(self, node: int) -> Shape:
        """The shape of a node's value."""
        return self.builder.nodes[node].shape

    def known(self, value: Value) -> bool:
        """Whether a value is written already."""
        return id(value) in self._views

    def view(self, value: Value) -> View:
        """A value as a node; a constant becomes one where it is first read so."""
        view = self._views.get(id(value))
        if view is None:
            if not isinstance(value, Constant):
                raise Unsupported
            self.parameter(value, range(len(value.shape)))
            view = self._views[id(value)]
        return view

    def put(self, value: Value, node: int, axes: Axes) -> None:
        """Notes the node of a value that an operation made."""
        self._views[id(value)] = View(node, axes, sole=value.users == 1)
        self.names.setdefault(self.builder.nodes[node].path, value.name)

    def relabel(self, value: Value, view: View, axes: Axes) -> None:
        """Notes a value that is another one with its axes in another order."""
        self._views[id(value)] = View(view.node, axes, view.sole and value.users == 1)

    # Nodes.

    def add(
        self,
        kind: str,
        args: Mapping[str, object],
        inputs: Sequence[int],
        layer: Layer | None = None,
    ) -> int:
        """A node of its own; raises RuleError where the inputs do not fit."""
        nodes = self.builder.nodes
        if len(nodes) >= self._max_layers + 100:
            raise refused(
                "too-many-layers",
                f"the file has more than {self._max_layers:,} layers",
                "--max-layers allows more",
            )
        if layer is None:
            layer = self._layer(kind, args, len(nodes[inputs[0]].shape) - 1 if inputs else 0)
        path = self._paths.path(self._scope, layer.prefix)
        return self.builder.add(layer, inputs, path=path)

    def fused(self, kind: str, args: Mapping[str, object], view: View) -> int:
        """A norm or activation, in the unit of what it reads where that can be."""
        node = view.node
        layer = self._layer(kind, args, len(self.shape(node)) - 1)
        unit, stage = self._stages.get(node, (node, -1))
        fuses = self.builder.nodes[unit].layer.fuses
        if view.sole and layer.role in fuses:
            place = fuses.index(layer.role)
            path = f"{self.builder.nodes[unit].unit}.{kind}"
            if place > stage and self._paths.take(path):
                index = self.builder.fuse(layer, node)
                self._stages[index] = unit, place
                return index
        return self.add(kind, args, [node], layer)

    def _layer(self, kind: str, args: Mapping[str, object], rank: int) -> Layer:
        """The layer with these arguments, which mostly are those of an earlier one."""
        key = (kind, rank, repr(args))
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = layer_class(kind).read(args, rank)
        return layer

    def parameter(self, value: Constant, order: Sequence[int | None]) -> int:
        """A weight as a node, with its axes in an order; None for an axis of size 1 more.

        Axes of the weight that are not in the order have size 1.
        """
        shape = tuple([1 if axis is None else value.shape[axis] for axis in order]) or (1,)
        if len(shape) > MOST_AXES or not self.builder.nodes:
            raise Unsupported
        elements = prod(shape)
        numbers = self._learned(value, elements)
        scope = self._scope
        self._scope = of_weight(value.name) or scope
        args: dict[str, object] = {"shape": list(shape)}
        if 0 < numbers < elements:
            args["learned"] = numbers
        node = self.add("parameter" if numbers else "buffer", args, [0])
        self._scope = scope
        self._views[id(value)] = View(node, _inverse(order, len(value.shape)))
        path = self.builder.nodes[node].path
        self.names.setdefault(path, value.name)
        if numbers == elements and value.tensor is not None:
            places = [axis for axis in order if axis is not None]
            rest = [axis for axis in range(len(value.shape)) if axis not in places]
            self.tensor(path, "weight", value, ("transpose", (*places, *rest)), ("reshape", shape))
        return node

    def _learned(self, value: Constant, elements: int) -> int:
        """How many learned numbers a constant brings that no other has brought."""
        if not is_weight(value):
            return 0
        left = 0
        for source in value.sources or (value,):
            taken = min(self._left.get(id(source), source.elements), elements - left)
            self._left[id(source)] = self._left.get(id(source), source.elements) - taken
            left += taken
        return left

    def tensor(
        self, path: str, name: str, value: Constant, *steps: tuple[str, tuple[int, ...]]
    ) -> None:
        """Notes the value of a node's parameter; `steps` follow those of the value.

        Raises ConvcalcError where another file should hold its numbers, and does not.
        """
        if value.tensor is not None:
            self._arrays[path, name] = value, steps
            if value.tensor.location:
                self._place(value.tensor)

    def tensors(self, paths: Container[str]) -> dict[str, Tensor]:
        """Where the numbers of the parameters of these nodes lie, for each "PATH.NAME"."""
        found: dict[str, Tensor] = {}
        for (path, name), (value, steps) in self._arrays.items():
            tensor = value.tensor
            place = self._place(tensor) if tensor is not None and path in paths else None
            if tensor is not None and place is not None:
                every = tuple([step for step in (*value.moved, *steps) if not _idle(step)])
                dtype = ELEMENT_TYPES.get(tensor.type, ("",))[0]
                found[f"{path}.{name}"] = Tensor(*place, dtype, tensor.dims, every)
        return found

    def _place(self, tensor: wire.Tensor) -> tuple[ModelFile, int, int] | None:
        """The file, the offset and the bytes of a tensor's numbers; None where they are not there.

        Numbers of variable length, as protobuf can store them, are not.
        """
        length = prod(tensor.dims) * ELEMENT_TYPES.get(tensor.type, ("", 0, ""))[1]
        if tensor.location:
            file = self._beside(tensor.location)
            if tensor.offset + length > len(file.data):
                raise refused(
                    "bad-model",
                    f"the tensor '{printable(tensor.name)}' ends behind the end of {file.name}",
                )
            return file, tensor.offset, length
        place = tensor.raw
        if place is None and len(tensor.typed) == 1:
            typed = tensor.typed[0][1]
            place = typed if isinstance(typed, tuple) else None
        if place is None or place[1] - place[0] != length:
            return None
        return self._file, place[0], length

    def _beside(self, location: str) -> ModelFile:
        """A file that holds weights, opened once."""
        file = self._others.get(location)
        if file is None:
            file = self._others[location] = self._file.beside(location)
        return file

    def share(self, node: int, weights: Sequence[Constant | None]) -> None:
        """Lets a node use the parameters of an earlier one that reads the same initializers."""
        key = tuple([id(weight) for weight in weights if weight is not None and is_weight(weight)])
        if not key:
            return
        owner = self.owners.setdefault(key, node)
        if owner != node and self.builder.nodes[owner].kind == self.builder.nodes[node].kind:
            self.builder.share([node], [owner])

    # Layouts.

    def arranged(self, value: Value, order: Sequence[int | None]) -> int:
        """A node that has some axes of a value in an order; None for an axis of size 1 more.

        Axes of the value that are not in the order have size 1.
        """
        if isinstance(value, Constant) and not self.known(value):
            return self.parameter(value, order)
        view = self.view(value)
        wanted = tuple([1 if axis is None else value.shape[axis] for axis in order]) or (1,)
        return self.reordered(view, order, wanted)

    def reordered(self, view: View, order: Sequence[int | None], wanted: Shape) -> int:
        """The view's node with its axes in an order, as a node of the wanted shape."""
        node, axes = view.node, view.axes
        own = self.shape(node)
        if wanted == own and all(
            [axis is None or axes[axis] in (None, place) for place, axis in enumerate(order)]
        ):
            return node
        places = [axes[axis] for axis in order if axis is not None]
        sequence = [place for place in places if place is not None and own[place] > 1]
        if sequence != sorted(sequence):
            mapped = [place for place in places if place is not None]
            rest = [place for place in range(len(own)) if place not in mapped]
            node = self.transpose(node, [*mapped, *rest])
        return self.reshape(node, wanted)

    def transpose(self, node: int, order: Sequence[int]) -> int:
        """A node with the axes in another order; two in a row become one."""
        made = self.builder.nodes[node]
        if made.kind == "transpose":
            before = made.layer.argument("order")
            if isinstance(before, tuple):
                order = [before[place] for place in order]
                node = made.inputs[0]
        if [*order] == [*range(len(order))]:
            return node
        return self.add("transpose", {"order": [*order]}, [node])

    def reshape(self, node: int, shape: Shape) -> int:
        """A node with another shape; two in a row become one."""
        made = self.builder.nodes[node]
        while made.kind in ("reshape", "flatten") and made.shape != shape:
            node = made.inputs[0]
            made = self.builder.nodes[node]
        if made.shape == shape:
            return node
        if len(shape) > MOST_AXES:
            raise Unsupported
        if len(shape) == 1:
            return self.add("flatten", {}, [node])
        return self.add("reshape", {"shape": [*shape]}, [node])

    def channels_first(self, value: Value) -> int:
        """A node with all axes of a value but the first, which is the batch."""
        if not value.shape or value.shape[0] != 1:
            raise Unsupported
        return self.arranged(value, range(1, len(value.shape)))

    def put_first(self, value: Value, node: int) -> None:
        """Notes a value whose node has all of its axes but the first."""
        self.put(value, node, (None, *range(len(value.shape) - 1)))


def _inverse(order: Sequence[int | None], rank: int) -> Axes:
    """Which place each axis has in an order; None for one that is not in it."""
    places = {axis: place for place, axis in enumerate(order)}
    return tuple([places.get(axis) for axis in range(rank)])


def _idle(step: tuple[str, tuple[int, ...]]) -> bool:
    name, numbers = step
    return name == "transpose" and numbers == tuple(range(len(numbers)))
