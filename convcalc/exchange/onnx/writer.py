"""Writes the network, node by node, while the operations of a file are gone through.

A value of the file is a `View`: a node of the network, and which axis of the node's value each of
its axes is. A file that only relabels axes (channels last, a batch of windows, heads of attention)
adds no node; what labels cannot say becomes a `transpose` or a `reshape`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

from convcalc.exchange.model import Computed, Source
from convcalc.exchange.onnx.inference import is_weight
from convcalc.exchange.onnx.naming import Paths, Scope, of_weight
from convcalc.exchange.onnx.places import Places
from convcalc.exchange.onnx.values import Constant, Op, Value
from convcalc.graph import GraphBuilder
from convcalc.layers import layer_class
from convcalc.layers.base import Layer
from convcalc.problems import refused
from convcalc.shapes import MOST_AXES, Shape

Axes = tuple[int | None, ...]
#: How a stored array becomes a parameter, as in `Tensor`.
Steps = tuple[tuple[str, tuple[int, ...]], ...]

#: Element types whose numbers mean something only with a scale.
_QUANTIZED = frozenset((2, 3, 6, 21, 22))


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
    places      where the numbers of constants lie
    names       what the file calls a node's value, by the node's path
    """

    def __init__(self, places: Places, paths: Paths, max_layers: int) -> None:
        self.builder = GraphBuilder()
        self.places = places
        self.names: dict[str, str] = {}
        self.owners: dict[tuple[int, ...], int] = {}
        self._paths = paths
        self._max_layers = max_layers
        self._views: dict[int, View] = {}
        self._stages: dict[int, tuple[int, int]] = {}
        self._left: dict[int, int] = {}
        self._layers: dict[tuple[object, ...], Layer] = {}
        self._arrays: dict[tuple[str, str], tuple[Constant, Steps]] = {}
        self._first: dict[str, tuple[Constant, int]] = {}
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
        places = [axis for axis in order if axis is not None]
        rest = [axis for axis in range(len(value.shape)) if axis not in places]
        name = "weight" if numbers == elements else "value"
        self.tensor(path, name, value, ("transpose", (*places, *rest)), ("reshape", shape))
        if 0 < numbers < elements:
            self._first[path] = value, numbers
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
        self._arrays[path, name] = value, steps
        if value.tensor is not None and value.tensor.location:
            self.places.extent(value.tensor)

    def tensors(self, paths: Container[str]) -> dict[str, Source]:
        """Where the numbers of the parameters of these nodes lie, for each "PATH.NAME"."""
        found: dict[str, Source | None] = {}
        for (path, name), (value, steps) in self._arrays.items():
            quantized = value.made is None and value.dtype in _QUANTIZED
            if path in paths and not quantized:
                found[f"{path}.{name}"] = self.places.source(value, steps)
        for path, (value, count) in self._first.items():
            if path in paths:
                found[f"{path}.weight"] = self._first_numbers(value, count)
        return {name: source for name, source in found.items() if source is not None}

    def _first_numbers(self, value: Constant, count: int) -> Source | None:
        """Where the numbers lie that the elements of a parameter share."""
        sources = [self.places.source(source) for source in value.sources or (value,)]
        known = tuple([source for source in sources if source is not None])
        if len(known) < len(sources):
            return None
        return Computed(known, partial(_first_of_all, count), "float32", (count,))

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


def _first_of_all(count: int, *arrays: Any) -> Any:
    """The first numbers of some arrays, one after another."""
    from convcalc.exchange.onnx.computed import joined  # NumPy, only where numbers are read

    return joined(arrays)[:count]
