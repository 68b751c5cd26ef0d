"""The graph of layers: a network, whatever it was read from, and how one is built.

Nodes stand in execution order, inputs first; a node names the nodes that enter it by their index.
Every node carries its shape, so that reports, what-ifs and the executor compute none twice.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Mapping, Sequence
from copy import copy

from convcalc import given
from convcalc.layers.base import Layer
from convcalc.layers.structure import Input
from convcalc.problems import (
    Call,
    ConvcalcError,
    Entering,
    Problem,
    Rule,
    RuleError,
    Span,
    Subject,
    Value,
    printable,
    refused,
)
from convcalc.shapes import LARGEST_SIZE, Shape, tuple_text
from convcalc.symbols import whole


class Node:
    """One operation.

    path    its group path with dots, unique: `stage1.unit0.conv0.relu`
    unit    the path of the row it belongs to: a fused activation's is its layer's
    layer   what it computes
    inputs  indices of the nodes whose values enter it
    reads   those of them whose values it uses, and not only their shapes
    shape   of its result, for one sample
    span    where it is written; None for an input or a network made in Python
    calls   the block calls around it, outermost first
    shares  the index of the node whose parameters it uses, if they are not its own
    written the layer that is written, where that becomes several nodes and this is one of them
    """

    __slots__ = (
        "calls",
        "inputs",
        "layer",
        "path",
        "reads",
        "shape",
        "shares",
        "span",
        "unit",
        "written",
    )

    def __init__(
        self,
        path: str,
        unit: str,
        layer: Layer,
        inputs: tuple[int, ...],
        shape: Shape,
        span: Span | None = None,
        calls: tuple[Call, ...] = (),
        shares: int | None = None,
    ) -> None:
        self.path = path
        self.unit = unit
        self.layer = layer
        self.inputs = inputs
        self.reads = inputs
        if layer.shape_only:
            self.reads = tuple([i for n, i in enumerate(inputs) if n not in layer.shape_only])
        self.shape = shape
        self.span = span
        self.calls = calls
        self.shares = shares
        self.written: Layer | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def kind(self) -> str:
        """The layer's kind."""
        return self.layer.kind

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the network, and no operation."""
        return self.layer.kind == "input"

    def width(self, number_bytes: int) -> int:
        """How many numbers of so many bytes an element of its result takes."""
        return (self.layer.element_bytes or number_bytes) // number_bytes

    def __repr__(self) -> str:
        return f"<{self.path}: {self.layer!r} -> {self.shape}>"


class Network:
    """Nodes, their wiring, and which of them are the results.

    name     what the network is called
    nodes    inputs (kind "input") first, then operations in the order in which they run
    outputs  the results by name: the index of the node that computes each
    source   the file that it was read from, "-" for standard input; "" where it was read from none
    notes    on what in the file is read otherwise than it may be meant
    """

    def __init__(
        self,
        name: str,
        nodes: Sequence[Node],
        outputs: Mapping[str, int],
        source: str = "",
        notes: Sequence[Problem] = (),
    ) -> None:
        self.name = name
        self.nodes = list(nodes)
        self.outputs = dict(outputs)
        self.source = source
        self.notes = tuple(notes)

    def __repr__(self) -> str:
        inputs = ", ".join([f"{name} {tuple_text(shape)}" for name, shape in self.inputs.items()])
        operations = len(self.nodes) - len(self.inputs)
        outputs = ", ".join(self.outputs)
        return f"<Network {self.name}: {inputs} -> {operations:,} operations -> {outputs}>"

    @property
    def inputs(self) -> dict[str, Shape]:
        """The inputs' shapes by name, for one sample."""
        shapes = {}
        for node in self.nodes:
            if not node.is_input:
                break  # inputs stand first, and a network may have many other nodes
            shapes[node.path] = node.shape
        return shapes

    @property
    def operations(self) -> list[Node]:
        """The nodes that are not inputs."""
        return [node for node in self.nodes if not node.is_input]

    def input_shapes(self, node: Node) -> list[Shape]:
        """The shapes that enter a node."""
        return [self.nodes[index].shape for index in node.inputs]

    def with_layers(self, layers: Sequence[Layer]) -> Network:
        """The same wiring with other layers, shapes computed anew.

        Raises ConvcalcError, naming the first layer whose inputs no longer fit.
        """
        given.instance("layers", layers, Sequence, "a list of layers")
        if len(layers) != len(self.nodes):
            message = f"layers must be {len(self.nodes)}, one for each node, not {len(layers)}"
            raise refused("bad-option", message)
        builder = GraphBuilder()
        for old, layer in zip(self.nodes, layers, strict=True):
            try:
                index = builder.add(
                    layer,
                    old.inputs,
                    path=old.path,
                    unit=old.unit,
                    span=old.span,
                    calls=old.calls,
                    written=old.written,
                )
                if old.shares is not None:
                    builder.share([index], [old.shares])
            except RuleError as error:
                shapes = [builder.nodes[index].shape for index in old.inputs]
                raise ConvcalcError([located(error, old, shapes)]) from None
        changed = builder.network(self.name, self.outputs, self.source)
        changed.notes = self.notes
        return changed


def check_network(network: object) -> None:
    """Refuses with a ConvcalcError what is no network, a path, say."""
    loads = isinstance(network, str | os.PathLike)
    help_text = f"convcalc.load({printable(repr(network))}) reads one" if loads else ""
    given.instance("network", network, Network, "a convcalc.Network", help_text)


class Names:
    """The names of one group of layers, from which layers without a name get a number.

    taken  the names in use; the owner adds to it
    """

    __slots__ = ("_next", "taken")

    def __init__(self, taken: Container[str]) -> None:
        self.taken = taken
        self._next: dict[str, int] = {}

    def numbered(self, prefix: str) -> str:
        """The prefix with the next number that is free: `conv0`, `conv1`."""
        number = self._next.get(prefix, 0)
        while f"{prefix}{number}" in self.taken:
            number += 1
        self._next[prefix] = number + 1
        return f"{prefix}{number}"


class GraphBuilder:
    """Builds a network node by node: names, shapes, shared parameters, places.

    Everything that makes nodes does it here: the language, what-ifs, importers, tests.

    >>> from convcalc.layers.convolution import Conv
    >>> from convcalc.layers.activation import ReLU
    >>> builder = GraphBuilder()
    >>> image = builder.input("image", (3, 32, 32))
    >>> conv = builder.add(Conv.read({"channels": 8, "kernel": 3}, rank=2), [image])
    >>> end = builder.fuse(ReLU(), conv)
    >>> builder.network("small", {"features": end}).nodes[1:]  # doctest: +ELLIPSIS
    [<conv0: Conv(...) -> (8, 30, 30)>, <conv0.relu: ReLU() -> (8, 30, 30)>]
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._places: dict[int, int] = {}
        self._paths: set[str] = set()
        self._names = Names(self._paths)

    def __repr__(self) -> str:
        last = f", the last {self.nodes[-1]!r}" if self.nodes else ""
        return f"<GraphBuilder: {len(self.nodes):,} nodes{last}>"

    def input(self, name: str, shape: Shape, span: Span | None = None) -> int:
        """Adds an input of the network, without its batch axis; its index.

        Raises RuleError where a size is not a whole number from 1 on, or operations were added
        before.
        """
        given.text("name", name)
        given.instance("shape", shape, Sequence, "a list of sizes")
        if self.nodes and not self.nodes[-1].is_input:
            raise RuleError("bad-input", f"the input '{name}' is added after an operation")
        if any(not whole(size) or size < 1 for size in shape):
            message = f"the sizes of '{name}' are whole numbers from 1 on, not {shape!r}"
            raise RuleError("bad-input", message)
        return self.add(Input(shape=tuple(shape)), (), path=name, span=span)

    def add(
        self,
        layer: Layer,
        inputs: Sequence[int],
        *,
        path: str = "",
        unit: str = "",
        span: Span | None = None,
        calls: tuple[Call, ...] = (),
        written: Layer | None = None,
    ) -> int:
        """Adds a layer that reads these nodes, or the parts that it becomes; the result's index.

        path   its group path, which no other node has; by default the kind's prefix with a number,
               `conv0` or `pool0`
        unit   the path of the layer that it is fused to; by default it is a unit of its own
        span   where it is written, and `calls` the block calls around that place
        written  the layer that it is a part of, if it is one

        Raises RuleError where the inputs do not fit the layer, or are no earlier nodes.
        """
        try:
            return self._add(layer, inputs, path, unit, span, calls, written)
        except (AttributeError, TypeError, ValueError):
            # Asked only here: a network has many nodes, and nearly all are right.
            given.instance("layer", layer, Layer, "a layer")
            given.instance("inputs", inputs, Sequence, "a list of indices")
            given.text("path", path)
            given.text("unit", unit)
            raise

    def _add(
        self,
        layer: Layer,
        inputs: Sequence[int],
        path: str,
        unit: str,
        span: Span | None,
        calls: tuple[Call, ...],
        written: Layer | None,
    ) -> int:
        shapes = [self._node(index).shape for index in inputs]
        shape = result_shape(layer, shapes)
        path = path or self._names.numbered(layer.prefix)
        parts = layer.parts(shapes)
        if parts:
            read = list(inputs)
            for part in parts:
                name = f"{path}.{part.name}" if part.name else path
                sources = [read[place] for place in part.reads]
                read.append(
                    self.add(
                        part.layer,
                        sources,
                        path=name,
                        unit=unit or path,
                        span=span,
                        calls=calls,
                        written=layer,
                    )
                )
            return read[-1]
        self._paths.add(path)
        made = Node(path, unit or path, layer, tuple(inputs), shape, span, calls)
        made.written = written
        self.nodes.append(made)
        return len(self.nodes) - 1

    def fuse(self, layer: Layer, index: int, span: Span | None = None) -> int:
        """Adds a norm or activation to the unit of a node that it reads; its index."""
        node = self._node(index)
        given.instance("layer", layer, Layer, "a layer")
        path = f"{node.unit}.{layer.kind}"
        return self.add(
            layer, (index,), path=path, unit=node.unit, span=span or node.span, calls=node.calls
        )

    def places(self, index: int) -> int:
        """Adds, if it is not there yet, a node for where a maxpool's maxima were; its index.

        In the network it stands beside the maxpool, in whose unit it is. Raises RuleError where the
        node is no maxpool.
        """
        node = self._node(index)
        if index not in self._places:
            layer = node.layer.places()
            if layer is None:
                message = f"{node.path} is a {node.kind}, and no maxpool"
                raise RuleError("unpool-mismatch", message)
            self._places[index] = self.add(
                layer,
                node.inputs,
                path=f"{node.path}.{layer.kind}",
                unit=node.unit,
                span=node.span,
                calls=node.calls,
            )
        return self._places[index]

    def share(self, indices: Sequence[int], others: Sequence[int]) -> None:
        """Lets layers use the parameters of earlier ones, in order.

        Layers without parameters, such as another activation, may differ. Raises RuleError
        share-mismatch where the parameters do not pair.
        """
        given.instance("indices", indices, Sequence, "a list of indices")
        given.instance("others", others, Sequence, "a list of indices")
        ours = [index for index in indices if self._parameters(index)]
        theirs = [index for index in others if self._parameters(index)]
        if ours and theirs and max(theirs) >= min(ours):
            raise RuleError("share-mismatch", "parameters are shared with earlier layers", "share")
        if indices and others and (len(ours) != len(theirs) or not ours):
            self._check_same(indices[0], others[0])
        if len(ours) != len(theirs):
            message = f"{_layers(len(ours))} cannot share those of {_layers(len(theirs))}"
            raise RuleError("share-mismatch", message, "share")
        for index, other in zip(ours, theirs, strict=True):
            self._check_same(index, other)
            source = self.nodes[other].shares
            self.nodes[index].shares = other if source is None else source

    def remove(self, indices: Collection[int]) -> dict[int, int]:
        """Removes nodes that no others read; the new index of each that is left.

        Where others share the parameters of a removed one, the first of them has them.
        """
        kept = [index for index in range(len(self.nodes)) if index not in indices]
        numbers = {index: number for number, index in enumerate(kept)}
        owners: dict[int, int] = {}
        for index in kept:
            node = self.nodes[index]
            node.inputs = tuple([numbers[read] for read in node.inputs])
            node.reads = tuple([numbers[read] for read in node.reads])
            if node.shares is not None:
                owner = owners.setdefault(node.shares, numbers.get(node.shares, numbers[index]))
                node.shares = owner if owner != numbers[index] else None
        self._paths.difference_update([self.nodes[index].path for index in indices])
        self.nodes[:] = [self.nodes[index] for index in kept]
        return numbers

    def network(self, name: str, outputs: Mapping[str, int], source: str = "") -> Network:
        """The network, whose results are the nodes with these indices.

        Raises RuleError where two nodes have one path, or a result is none of the nodes.
        """
        given.text("name", name)
        outputs = given.mapping("outputs", outputs)
        for index in outputs.values():
            self._node(index)
        if len(self._paths) < len(self.nodes):
            seen: set[str] = set()
            for node in self.nodes:
                if node.path in seen:
                    raise RuleError("duplicate-name", f"two nodes have the path '{node.path}'")
                seen.add(node.path)
        return Network(name, *self.in_order(outputs), source)

    def in_order(self, outputs: Mapping[str, int]) -> tuple[list[Node], dict[str, int]]:
        """The nodes and the results in the network's order: `places` beside their maxpools."""
        if not self._places:
            return self.nodes, dict(outputs)
        beside = {places: pool for pool, places in self._places.items()}
        order = sorted(range(len(self.nodes)), key=lambda index: (beside.get(index, index), index))
        moved = {old: new for new, old in enumerate(order)}
        nodes = []
        for old in order:
            node = copy(self.nodes[old])
            node.inputs = tuple([moved[index] for index in node.inputs])
            node.reads = tuple([moved[index] for index in node.reads])
            node.shares = None if node.shares is None else moved[node.shares]
            nodes.append(node)
        return nodes, {name: moved[index] for name, index in outputs.items()}

    def _node(self, index: int) -> Node:
        if type(index) is not int or not 0 <= index < len(self.nodes):
            count = len(self.nodes)
            raise RuleError("unknown-layer", f"{index!r} is not the index of one of {count} nodes")
        return self.nodes[index]

    def _parameters(self, index: int) -> dict[str, Shape]:
        node = self._node(index)
        return node.layer.parameters([self.nodes[i].shape for i in node.inputs])

    def _check_same(self, index: int, other: int) -> None:
        """Refuses sharing between layers that differ in kind or sizes."""
        ours, theirs = self.nodes[index], self.nodes[other]
        if ours.kind != theirs.kind:
            raise RuleError(
                "share-mismatch",
                f"cannot share the parameters of {theirs.path}, a {theirs.kind}: not the same kind",
                "share",
            )
        mine, shared = self._parameters(index), self._parameters(other)
        if mine != shared:
            raise RuleError(
                "share-mismatch",
                f"cannot share the parameters of {theirs.path}: their sizes differ",
                "share",
                [Rule(f"{_sizes(mine)} here, {_sizes(shared)} in {theirs.path}")],
            )


def located(error: RuleError, node: Node, shapes: Sequence[Shape]) -> Problem:
    """A broken rule as a problem of this node."""
    inputs = Entering(tuple([Value(tuple(shape)) for shape in shapes]))
    return error.at(node.span, Subject(layer=node.path), [inputs], node.calls)


def result_shape(layer: Layer, inputs: Sequence[Shape]) -> Shape:
    """The shape that a layer makes of these inputs; raises RuleError where they do not fit.

    Holds the rules that are the same for every kind: as many inputs and axes as it takes, and no
    size too large.
    """
    layer.check_inputs(inputs)
    shape = layer.output_shape(inputs)
    for size in shape:
        if size > LARGEST_SIZE:
            raise RuleError(
                "size-too-large",
                f"a size of {size} is above the largest allowed, {LARGEST_SIZE}",
                "",
                [Rule(f"sizes are at most 2^31 - 1 = {LARGEST_SIZE}")],
            )
    return shape


def _sizes(parameters: dict[str, Shape]) -> str:
    return ", ".join(f"{name} {tuple_text(shape)}" for name, shape in parameters.items()) or "none"


def _layers(count: int) -> str:
    return f"{count} layer{'s' if count != 1 else ''} with parameters"
