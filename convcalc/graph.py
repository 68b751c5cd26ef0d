"""The graph of layers: what a network is once its file has been read.

Nodes stand in execution order, inputs first; a node names the nodes it reads by their index. Every
node carries its shape, so that what follows (reports, what-ifs, the executor) computes none twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.diagnostics import Call, ConvcalcError, Problem, RuleError, Source, Span
from convcalc.layers.base import Layer
from convcalc.shapes import LARGEST_SIZE, Shape, tuple_text, with_batch

if TYPE_CHECKING:
    from convcalc.quantities import Growth


class Node:
    """One operation.

    path    its group path with dots, unique: `stage1.unit0.conv0.relu`
    unit    the path of the row it belongs to: a fused activation's is its layer's
    layer   what it computes
    inputs  indices of the nodes it reads
    shape   of its result, for one sample
    span    where it is written; None for an input or a network made in Python
    calls   the block calls around it, outermost first
    shares  the index of the node whose parameters it uses, if they are not its own
    """

    __slots__ = ("calls", "inputs", "layer", "path", "shape", "shares", "span", "unit")

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
        self.shape = shape
        self.span = span
        self.calls = calls
        self.shares = shares

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def kind(self) -> str:
        """The layer's kind."""
        return self.layer.kind

    def __repr__(self) -> str:
        return f"<{self.path}: {self.layer!r} -> {self.shape}>"


class Expectation(NamedTuple):
    """A fact that must hold: `params`, `macs` ..., `output`, `outputs.NAME` or `layers.PATH`."""

    metric: str
    value: int | Shape
    span: Span


class Limit(NamedTuple):
    """The most that a total may be.

    metric      "macs", "peak_memory", "output", "layers.conv*.params"
    most        the figure; 0 where `sizes` or `growth` says it
    unit        "" for counts, "B" for bytes
    text        the limit as it is written: "310M"
    span        where that is
    dtype       what a number takes in memory, for bytes
    convention  whose counting the limit follows: `flops: {max: 620M, as: convcalc}`
    sizes       the largest sizes of a result, for "output"
    growth      by how much the total may grow over the lock
    """

    metric: str
    most: int
    unit: str
    text: str
    span: Span
    dtype: str = "float32"
    convention: str = ""
    sizes: Shape = ()
    growth: Growth | None = None


class Network:
    """A network: nodes in execution order, and which of them are its results.

    name     what the network is called
    source   the file's display name, or "-" for standard input
    nodes    inputs (kind "input") first, then operations in the order in which they run
    outputs  the results by name: the index of the node that makes each
    expect   the facts that the file states about itself
    altered  why they need not hold: "--set" or "--input" made another network of the file
    budget   the limits that the file sets itself
    bases    the files that it extends, and where each is named
    """

    def __init__(
        self,
        name: str,
        source: str,
        nodes: Sequence[Node],
        outputs: dict[str, int],
        expect: Sequence[Expectation] = (),
        altered: str = "",
        budget: Sequence[Limit] = (),
        bases: Mapping[Source, Span] | None = None,
    ) -> None:
        self.name = name
        self.source = source
        self.nodes = list(nodes)
        self.outputs = dict(outputs)
        self.expect = tuple(expect)
        self.altered = altered
        self.budget = tuple(budget)
        self.bases = dict(bases or {})

    @property
    def inputs(self) -> dict[str, Shape]:
        """The inputs' shapes by name, for one sample."""
        shapes = {}
        for node in self.nodes:
            if node.kind != "input":
                break  # inputs stand first, and a network may have many other nodes
            shapes[node.path] = node.shape
        return shapes

    @property
    def operations(self) -> list[Node]:
        """The nodes that are not inputs."""
        return [node for node in self.nodes if node.kind != "input"]

    def input_shapes(self, node: Node) -> list[Shape]:
        """The shapes that a node reads."""
        return [self.nodes[index].shape for index in node.inputs]

    def with_layers(self, layers: Sequence[Layer]) -> Network:
        """The same wiring with other layers, shapes computed anew.

        Raises ConvcalcError, naming the first layer whose inputs no longer fit.
        """
        nodes: list[Node] = []
        for old, layer in zip(self.nodes, layers, strict=True):
            shapes = [nodes[index].shape for index in old.inputs]
            try:
                shape = result_shape(layer, shapes)
                if old.shares is not None:
                    shared = nodes[old.shares]
                    shared_inputs = [nodes[index].shape for index in shared.inputs]
                    same_parameters(layer, shapes, shared.layer, shared_inputs, shared.path)
            except RuleError as error:
                raise ConvcalcError([located(error, old, shapes)]) from None
            nodes.append(
                Node(old.path, old.unit, layer, old.inputs, shape, old.span, old.calls, old.shares)
            )
        return Network(
            self.name,
            self.source,
            nodes,
            self.outputs,
            self.expect,
            self.altered,
            self.budget,
            self.bases,
        )


def located(error: RuleError, node: Node, shapes: Sequence[Shape]) -> Problem:
    """A broken rule as a problem of this node."""
    inputs = [("input", ", ".join(tuple_text(with_batch(shape, 1)) for shape in shapes))]
    return Problem(
        error.code,
        f"{node.path}: {error.message}",
        node.span,
        (*inputs, *error.facts),
        node.calls,
    )


def result_shape(layer: Layer, inputs: Sequence[Shape]) -> Shape:
    """The shape that a layer makes of these inputs; raises RuleError where they do not fit.

    Holds the rules that are the same for every kind: enough spatial axes, and no size too large.
    """
    for shape in inputs:
        if len(shape) - 1 < layer.least_rank:
            raise RuleError(
                "wrong-rank",
                f"{layer.kind} needs an input with spatial axes, not the"
                f" {shape[0]} plain features of {tuple_text(shape)}",
            )
    shape = layer.output_shape(inputs)
    if max(shape) > LARGEST_SIZE:
        raise RuleError(
            "size-too-large",
            f"a size of {max(shape)} is above the largest allowed, {LARGEST_SIZE}",
            "",
            [("rule", f"sizes are at most 2^31 - 1 = {LARGEST_SIZE}")],
        )
    return shape


def same_parameters(
    layer: Layer,
    inputs: Sequence[Shape],
    shared: Layer,
    shared_inputs: Sequence[Shape],
    shared_path: str,
) -> None:
    """Refuses sharing parameters between layers that differ in kind or sizes."""
    if layer.kind != shared.kind:
        raise RuleError(
            "share-mismatch",
            f"cannot share the parameters of {shared_path}, a {shared.kind}: not the same kind",
            "share",
        )
    mine, theirs = layer.parameters(inputs), shared.parameters(shared_inputs)
    if mine != theirs:
        raise RuleError(
            "share-mismatch",
            f"cannot share the parameters of {shared_path}: their sizes differ",
            "share",
            [("rule", f"{_sizes(mine)} here, {_sizes(theirs)} in {shared_path}")],
        )


def _sizes(parameters: dict[str, Shape]) -> str:
    return ", ".join(f"{name} {tuple_text(shape)}" for name, shape in parameters.items()) or "none"
