"""Putting a network together from a model file: layers by kind, mistakes with their place."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence

from convcalc.exchange.model import Choices, Model, Tensor
from convcalc.graph import GraphBuilder, Names, Node
from convcalc.layers import layer_class
from convcalc.layers.base import Layer
from convcalc.layers.traits import ROLES
from convcalc.problems import (
    UNUSABLE,
    ConvcalcError,
    Entering,
    Fact,
    Problem,
    RuleError,
    Span,
    Subject,
    Value,
    helps,
    printable,
)
from convcalc.shapes import Shape
from convcalc.spelling import did_you_mean

#: A norm or an activation: its kind and its arguments.
Fused = tuple[str, Mapping[str, object]]

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


class Assembly:
    """A network while it is read from a file.

    file     what messages call the file
    choices  the user's
    names    what the file calls the nodes, by their paths
    tensors  where the parameters lie, by their names
    """

    def __init__(self, file: str, choices: Choices) -> None:
        self.file = file
        self.choices = choices
        self.names: dict[str, str] = {}
        self.tensors: dict[str, Tensor] = {}
        self._builder = GraphBuilder()
        self._inputs: list[str] = []
        self._paths: set[str] = set()
        self._names = Names(self._paths)

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return len(self._builder.nodes)

    def node(self, index: int) -> Node:
        """The node that computes a value."""
        return self._builder.nodes[index]

    def shape(self, index: int) -> Shape:
        """The shape of a value, for one sample."""
        return self._builder.nodes[index].shape

    def error(
        self,
        code: str,
        message: str,
        node: str = "",
        span: Span | None = None,
        help_text: str = "",
        facts: Sequence[Fact] = (),
    ) -> ConvcalcError:
        """What is wrong with the file, at a node of it: status 2."""
        subject = Subject(file="" if span else self.file, layer=printable(node))
        problem = Problem(code, message, span, (*facts, *helps(help_text)), subject=subject)
        return ConvcalcError([problem], UNUSABLE)

    def too_many(self, name: str, span: Span | None = None) -> ConvcalcError:
        """The network has more layers than it may have, this one first."""
        message = f"the network has more than {self.choices.max_layers} layers"
        return self.error("too-many-layers", message, name, span, "--max-layers allows more")

    def input(self, name: str, shape: Shape, span: Span | None = None) -> int:
        """Adds an input of this shape, or of the one that the user chose; its index."""
        given = self.choices.input
        if isinstance(given, Mapping):
            given = given.get(name)
        self._inputs.append(name)
        sizes = shape if given is None else tuple(given)
        if len(sizes) != len(shape):
            axes = "axis" if len(shape) == 1 else "axes"
            message = f"the input '{printable(name)}' has {len(shape)} {axes} beside the batch"
            raise self.error("bad-input", f"{message}, not {len(sizes)}", span=span)
        return self._made(
            lambda: self._builder.input(self._free(path_of(name)), sizes, span), name, span, ()
        )

    def add(
        self,
        kind: str,
        inputs: Sequence[int],
        arguments: Mapping[str, object] | None = None,
        *,
        path: str = "",
        name: str = "",
        span: Span | None = None,
        fused: Sequence[Fused] = (),
    ) -> int:
        """Adds a layer, and what is fused to it; the index of the value.

        arguments  as a spec gives them
        path       of its node; by default its kind with a number
        name       what the file calls it

        Raises ConvcalcError, naming the file and the node, where the inputs do not fit it.
        """
        rank = len(self.shape(inputs[0])) - 1

        def read() -> int:
            layer = layer_class(kind).read(arguments or {}, rank)
            return self._builder.add(layer, inputs, path=self._free(path), span=span)

        index = self._made(read, name or path or kind, span, inputs)
        if name:
            self.names[self.node(index).path] = name
        for role, given in fused:
            index = self.follow(role, index, given, name=name, span=span)
        return index

    def add_layer(
        self,
        layer: Layer,
        inputs: Sequence[int],
        *,
        path: str = "",
        name: str = "",
        span: Span | None = None,
    ) -> int:
        """Adds a layer that was made already; the index of its value. Raises as `add` does."""

        def read() -> int:
            return self._builder.add(layer, inputs, path=self._free(path), span=span)

        index = self._made(read, name or path or layer.kind, span, inputs)
        if name:
            self.names[self.node(index).path] = name
        return index

    def follow(
        self,
        kind: str,
        index: int,
        arguments: Mapping[str, object] | None = None,
        *,
        name: str = "",
        span: Span | None = None,
        path: str = "",
    ) -> int:
        """Adds a norm or an activation, fused to the layer before it where that can be.

        path  of the node where it is not fused
        """
        cls = layer_class(kind)
        before = self.node(index)
        if not self._fuses(before, cls) or f"{before.unit}.{kind}" in self._paths:
            return self.add(kind, [index], arguments, path=path, name=name, span=span)

        def read() -> int:
            layer = cls.read(arguments or {}, len(before.shape) - 1)
            return self._builder.fuse(layer, index, span)

        made = self._made(read, name or before.unit, span, [index])
        if name:
            self.names[self.node(made).path] = name
        return made

    def _fuses(self, before: Node, cls: type[Layer]) -> bool:
        """Whether a layer with this role may still be fused to the unit of a node."""
        if cls.role not in ROLES:
            return False
        if before.path == before.unit:
            return cls.role in before.layer.fuses
        # Something is fused to the unit already, or it has parts of its own.
        role = before.layer.role
        return role in ROLES and ROLES.index(role) < ROLES.index(cls.role)

    def share(
        self, ours: Sequence[int], theirs: Sequence[int], name: str = "", span: Span | None = None
    ) -> None:
        """Lets layers use the parameters of earlier ones, in order."""

        def read() -> int:
            self._builder.share(ours, theirs)
            return ours[0]

        self._made(read, name or self.node(ours[0]).path, span, ())

    def model(
        self, name: str, outputs: Mapping[str, int], source: str, span: Span | None = None
    ) -> Model:
        """The model with these results, or with those that the user chose.

        Raises ConvcalcError where the user names an input or a result that is not there.
        """
        given = self.choices.input
        for word in given if isinstance(given, Mapping) else ():
            if word not in self._inputs:
                message = f"the network has no input '{printable(word)}'"
                help_text = did_you_mean(word, self._inputs)
                raise self.error("unknown-input", message, help_text=help_text)
        if given is not None and not isinstance(given, Mapping) and len(self._inputs) > 1:
            help_text = f"its inputs are {', '.join(self._inputs[:10])}: write NAME=CxHxW"
            raise self.error("unknown-input", "which input?", help_text=help_text)
        results = dict(outputs)
        if self.choices.outputs:
            results = self._chosen(results)
            results = self._cut(results)
        network = self._builder.network(name, results, source)
        kept = {node.path for node in network.nodes}
        return Model(
            network,
            tensors={n: lies for n, lies in self.tensors.items() if n.rpartition(".")[0] in kept},
            names={path: text for path, text in self.names.items() if path in kept},
        )

    def _chosen(self, outputs: Mapping[str, int]) -> dict[str, int]:
        """The results that the user chose: by the names of results, nodes or the file's own."""
        known: dict[str, int] = {}
        for index, node in enumerate(self._builder.nodes):
            known.setdefault(node.path, index)
            known[node.unit] = index
            if node.path in self.names:
                known[self.names[node.path]] = index
        known.update(outputs)
        for word in self.choices.outputs:
            if word not in known:
                message = f"the network has no node '{printable(word)}'"
                raise self.error("unknown-layer", message, help_text=did_you_mean(word, known))
        return {word: known[word] for word in self.choices.outputs}

    def _cut(self, outputs: Mapping[str, int]) -> dict[str, int]:
        """Removes what the results do not need."""
        nodes = self._builder.nodes
        needed = set(outputs.values())
        for index in range(len(nodes) - 1, -1, -1):
            if index in needed:
                needed.update(nodes[index].inputs)
        kept = [n for n, node in enumerate(nodes) if n in needed or node.kind == "input"]
        numbers = self._builder.remove(set(range(len(nodes))).difference(kept))
        return {name: numbers[index] for name, index in outputs.items()}

    def numbered(self, prefix: str) -> str:
        """The prefix with the next number that no path has: `yolo0`."""
        return self._names.numbered(prefix)

    def _made(
        self, make: Callable[[], int], name: str, span: Span | None, inputs: Sequence[int]
    ) -> int:
        """What `make` adds; a broken rule becomes a problem of the file."""
        if len(self._builder.nodes) > self.choices.max_layers:
            raise self.too_many(name, span)
        first = len(self._builder.nodes)
        try:
            index = make()
        except RuleError as error:
            entering = Entering(tuple([Value(self.shape(index)) for index in inputs]))
            subject = Subject(file="" if span else self.file, layer=printable(name))
            facts = [entering] if inputs else []
            raise ConvcalcError([error.at(span, subject, facts)], UNUSABLE) from None
        self._paths.update([node.path for node in self._builder.nodes[first:]])
        return index

    def _free(self, path: str) -> str:
        """The path, with a number where a node has it already."""
        return self._names.numbered(f"{path}_") if path in self._paths else path


def network_name(path: str) -> str:
    """What a network is called that is read from a file: its name without suffixes.

    >>> network_name("models/yolov3.cfg"), network_name("net.tflite.gz")
    ('yolov3', 'net')
    """
    return os.path.basename(path).partition(".")[0] or "network"


def path_of(name: str) -> str:
    """A file's name of a node as a path: other characters become '_', slashes dots.

    >>> path_of("model/stem/conv:0"), path_of("/a b//c/")
    ('model.stem.conv_0', 'a_b.c')
    """
    parts = [_NOT_IN_NAMES.sub("_", part[:80]).strip("_") for part in name.split("/")[:20]]
    return ".".join([part for part in parts if part])
