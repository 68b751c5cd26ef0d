"""A network as an ONNX file, written without the onnx package."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from math import prod
from typing import BinaryIO

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.onnx.case import Case, Translation
from convcalc.exchange.write.onnx.graph import Array, Graph, Outside
from convcalc.exchange.write.onnx.table import TRANSLATIONS
from convcalc.graph import Network, Node
from convcalc.safe_files import replacing
from convcalc.shapes import with_batch

#: The arrays of a node by name: learned ones and statistics. Asked for when they are written.
Arrays = Callable[[int], Mapping[str, Array]]

#: Bytes of weights from which on they lie in a file of their own: a file of more than 2 GiB cannot
#: be read, and constants have to fit beside them.
SEPARATE = 1_500_000_000


def write_onnx(network: Network, arrays: Arrays, path: str, *, batch: int = 1) -> list[str]:
    """Writes a network as an ONNX file in float32; returns the files that were written.

    Weights of more than 1.5 GB are written beside it, to PATH.data. Only one layer's are in memory
    at a time. Raises ConvcalcError where a layer has no counterpart, and OSError.
    """
    if 4 * _numbers(network) <= SEPARATE:
        with replacing(path) as stream:
            write_model(network, arrays, stream, batch=batch)
        return [path]
    beside = f"{path}.data"
    with replacing(beside) as data, replacing(path) as stream:
        outside = Outside(data, os.path.basename(beside))
        write_model(network, arrays, stream, outside, batch=batch)
    return [path, beside]


def onnx_bytes(network: Network, arrays: Arrays, *, batch: int = 1) -> bytes:
    """The same in memory, as `onnxruntime.InferenceSession` takes it."""
    stream = io.BytesIO()
    write_model(network, arrays, stream, batch=batch)
    return stream.getvalue()


def write_model(
    network: Network,
    arrays: Arrays,
    stream: BinaryIO,
    outside: Outside | None = None,
    *,
    batch: int = 1,
) -> None:
    """Writes the model to a stream that can seek, and large arrays to `outside` if it is given."""
    graph = Graph(stream, network.name, outside)
    names = _result_names(network)
    scopes = _scopes(network)
    masks = _masking(network)
    written: list[str] = []
    results = set(network.outputs.values())
    for index, node in enumerate(network.nodes):
        shape = with_batch(node.shape, batch)
        graph.layer(scopes[index])
        if node.is_input:
            graph.input(node.path, shape)
            written.append(node.path)
            continue
        owner = index if node.shares is None else node.shares
        case = Case(
            graph,
            [written[i] for i in node.inputs],
            [with_batch(network.nodes[i].shape, batch) for i in node.inputs],
            shape,
            {name: f"{network.nodes[owner].path}.{name}" for name in _array_names(network, owner)},
            _reading(arrays, owner),
            index in masks,
        )
        try:
            value = _translation(node)(node.layer, case)
        except NoCounterpart as error:
            raise error.refused(node, "ONNX") from None
        written.append(graph.result(value, names[index], output=index in results))
        if index not in results:
            graph.value(written[-1], shape, whole=bool(node.layer.element_bytes))
    _write_outputs(network, graph, written, batch)
    graph.end()


def _translation(node: Node) -> Translation:
    translation = TRANSLATIONS.get(node.kind)
    if translation is None:
        raise NoCounterpart
    return translation


def _write_outputs(network: Network, graph: Graph, written: list[str], batch: int) -> None:
    taken = set(network.inputs)
    for name, index in network.outputs.items():
        value, node = written[index], network.nodes[index]
        if value in taken:
            # A model's results have names of their own.
            graph.layer("")
            copied = f"{name}.output" if name in written else name
            value = graph.result(graph.add("Identity", value), copied, output=True)
        taken.add(value)
        shape = with_batch(node.shape, batch)
        graph.output(value, shape, whole=bool(node.layer.element_bytes))


def _scopes(network: Network) -> list[str]:
    """What the names of each node's operators begin with.

    It is the path of the layer, or the one around it where other layers lie within: the branches of
    `add0` are `add0.main` and so on, and the addition itself stands beside `add0`.
    """
    around = {""}
    for node in network.nodes:
        path = node.unit.rpartition(".")[0]
        while path not in around:
            around.add(path)
            path = path.rpartition(".")[0]
    return [
        node.unit.rpartition(".")[0] if node.unit in around else node.unit for node in network.nodes
    ]


def _result_names(network: Network) -> list[str]:
    """What each node's result is called: as its output, or by its path.

    An output has the name of its layer and is the value after the layer's norm and activation. The
    value before them then has the kind's name as well.
    """
    names: dict[int, str] = {}
    for name, index in network.outputs.items():
        if not network.nodes[index].is_input:
            names.setdefault(index, name)
    taken = set(names.values()) | set(network.inputs)
    found = []
    for index, node in enumerate(network.nodes):
        name = names.get(index) or node.path
        if index not in names and name in taken:
            name = f"{node.path}/{node.kind}"
        found.append(name)
    return found


def _array_names(network: Network, index: int) -> list[str]:
    node = network.nodes[index]
    shapes = network.input_shapes(node)
    return [*node.layer.parameters(shapes), *node.layer.buffers(shapes)]


def _numbers(network: Network) -> int:
    """The numbers of all arrays."""
    count = 0
    for node in network.nodes:
        if not node.is_input and node.shares is None:
            shapes = network.input_shapes(node)
            arrays = {**node.layer.parameters(shapes), **node.layer.buffers(shapes)}
            count += sum([prod(shape) for shape in arrays.values()])
    return count


def _reading(arrays: Arrays, owner: int) -> Callable[[str], Array]:
    """Reads an array of a node; all of its arrays are asked for once, and only if one is read."""
    read: dict[str, Array] = {}

    def get(name: str) -> Array:
        if not read:
            read.update(arrays(owner))
        return read[name]

    return get


def _masking(network: Network) -> set[int]:
    """The nodes that have to mask the pairs of positions that a shift keeps apart.

    Scores leave it to a position bias that is added to them alone, because there it costs nothing;
    behind a softmax of masked scores there is nothing left to mask.
    """
    readers: dict[int, list[Node]] = {}
    for node in network.nodes:
        for index in node.inputs:
            readers.setdefault(index, []).append(node)
    found: set[int] = set()
    for index, node in enumerate(network.nodes):
        if node.kind == "attention_scores":
            following = readers.get(index, [])
            alone = [reader.kind for reader in following] == ["attention_bias"]
            if not alone or index in network.outputs.values():
                found.add(index)
        elif node.kind == "attention_bias":
            if _source(network, node, "") == "attention_scores" and not found & set(node.inputs):
                found.add(index)
        elif node.kind == "attention_values":
            if _source(network, node, "dropout") != "softmax":
                found.add(index)
    return found


def _source(network: Network, node: Node, through: str) -> str:
    """The kind of a node's first source that is not of the kind `through`."""
    source = network.nodes[node.inputs[0]]
    while source.kind == through:
        source = network.nodes[source.inputs[0]]
    return source.kind
