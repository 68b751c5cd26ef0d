"""Reads an ONNX file as a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices, Model, Tensors
from convcalc.exchange.onnx import wire
from convcalc.exchange.onnx.inference import Inference, Inferred, is_weight
from convcalc.exchange.onnx.naming import Paths, last_in_module, module_of, module_of_node
from convcalc.exchange.onnx.patterns import find_patterns
from convcalc.exchange.onnx.places import Places
from convcalc.exchange.onnx.table import WRITTEN
from convcalc.exchange.onnx.values import Constant, Op, Value
from convcalc.exchange.onnx.wire import WireReader
from convcalc.exchange.onnx.writer import Unsupported, Writer
from convcalc.graph import Network
from convcalc.layers.opaque import Opaque, operation_name
from convcalc.problems import ConvcalcError, Problem, RuleError, listed, printable, refused
from convcalc.shapes import MOST_AXES, Shape
from convcalc.spelling import did_you_mean


def read(file: ModelFile, choices: Choices) -> Model:
    """The network of an ONNX file.

    Raises ConvcalcError with status 2: bad-model for a damaged file, unsupported-model for one that
    cannot be read, unknown-dimension where a size is missing. An operation without a rule becomes
    an opaque layer.
    """
    try:
        graph = WireReader(file.name, file.stored, choices.max_layers).model()
        return read_model(graph, file, choices)
    except ConvcalcError as error:
        problems = [_located(problem, file.name) for problem in error.problems]
        raise ConvcalcError(problems, error.status) from None


def _located(problem: Problem, name: str) -> Problem:
    shown = printable(name, 200)
    if shown in problem.message or problem.subject.file:
        return problem
    return problem._replace(message=f"{shown}: {problem.message}")


def read_model(graph: wire.Model, file: ModelFile, choices: Choices) -> Model:
    """The network of a graph, whose weights lie in a file.

    Raises ConvcalcError as `read` does; its messages do not name the file.
    """
    reader = WireReader(file.name, file.stored, choices.max_layers)
    shapes = _given_shapes(choices)
    outputs = _wanted(graph, choices.outputs)
    places = Places(file)
    inferred = Inference(reader, places, graph, choices.dims, shapes, outputs).run()
    find_patterns(live(inferred))
    ops = live(inferred)
    for op in ops:
        op.module = module_of(op)
    writer = Writer(places, Paths([op.module for op in ops]), choices.max_layers)
    _inputs(writer, inferred)
    for op in ops:
        writer.begin(op)
        _write(writer, op)
    network = _network(writer, inferred, file.name)
    paths = {node.path for node in network.nodes}
    names = {path: name for path, name in writer.names.items() if path in paths}
    tensors = Tensors(lambda: writer.tensors(paths))
    for op in inferred.ops:
        # Operations and their results name each other: apart, they are freed at once.
        op.outputs = []
    return Model(network=network, dims=inferred.dims, tensors=tensors, names=names)


def _wanted(model: wire.Model, names: Sequence[str]) -> dict[str, str]:
    """The values at which the network ends, by the names that were given.

    A name is that of a value or of a node in the file, or a module's path, which ends with its last
    node. Raises ConvcalcError bad-option for one that is none of these.
    """
    graph = model.graph
    if graph is None or not names:
        return {}
    values = {name for node in graph.nodes for name in node.outputs}
    values.update([info.name for info in graph.inputs])
    values.update([tensor.name for tensor in graph.initializers])
    calls = {node.name: node for node in graph.nodes if node.name and node.outputs}
    found = {}
    for name in names:
        node = None if name in values else calls.get(name) or last_in_module(graph.nodes, name)
        if node is None and name not in values:
            modules = [".".join(module_of_node(each)) for each in graph.nodes]
            results = listed([printable(info.name) for info in graph.outputs[:10]])
            raise refused(
                "bad-option",
                f"--outputs {printable(name)}: the file has no value, node or module of this name",
                did_you_mean(name, [*modules, *calls, *values]) or f"its own results are {results}",
            )
        found[name] = name if node is None else node.outputs[0]
    return found


def _given_shapes(choices: Choices) -> Mapping[str, Shape]:
    """The shapes of inputs that are not to be the file's; "" names an only input."""
    given = choices.input
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {name: tuple(shape) for name, shape in given.items()}
    return {"": tuple(given)}


def live(inferred: Inferred) -> list[Op]:
    """The operations that the results need, in order; and how many read each value."""
    for op in inferred.ops:
        for each in (*op.inputs, *op.outputs):
            if each is not None:
                each.users = 0
    for value in inferred.inputs:
        value.users = 0
    for value in inferred.outputs.values():
        value.users += 1
    kept = []
    for op in reversed(inferred.ops):
        if any([value.users for value in op.outputs]):
            kept.append(op)
            for read in op.inputs:
                if read is not None:
                    read.users += 1
    return kept[::-1]


def _inputs(writer: Writer, inferred: Inferred) -> None:
    for value in inferred.inputs:
        batch = inferred.batch[value.name]
        name = "input" if len(inferred.inputs) == 1 else writer.input_name(value.name)
        sizes = [size for axis, size in enumerate(value.shape) if axis != batch]
        try:
            node = writer.builder.input(name, tuple(sizes) or (1,))
        except RuleError as error:
            raise refused(error.code, error.message) from None
        if len(sizes) > 4:
            raise refused(
                "unsupported-model",
                f"the input '{printable(value.name)}' has {len(sizes)} axes beside the batch",
            )
        places = iter(range(len(sizes)))
        axes = [None if axis == batch else next(places) for axis in range(len(value.shape))]
        writer.put(value, node, tuple(axes))


def _write(writer: Writer, op: Op) -> None:
    """Writes an operation; as an opaque layer where it has no rule."""
    rule = WRITTEN.get(op.type)
    if rule is not None:
        try:
            rule(writer, op)
        except (Unsupported, RuleError):
            pass
        except ConvcalcError as error:
            if error.problems[0].code != "unsupported-model":
                raise
        else:
            return
    _opaque(writer, op)


def _opaque(writer: Writer, op: Op) -> None:
    inputs = []
    weights = 0
    for value in op.inputs:
        if isinstance(value, Constant) and not writer.known(value):
            weights += value.elements if is_weight(value) else 0
        elif value is not None and writer.known(value):
            view = writer.view(value)
            if view.node not in inputs:
                inputs.append(view.node)
    for number, value in enumerate(op.outputs):
        if not value.users or 0 in value.shape:
            continue
        first = len(value.shape) > 1 and value.shape[0] == 1
        shape = value.shape[1:] if first else value.shape
        if len(shape) > MOST_AXES:
            shape = (prod(shape),)
        try:
            layer = Opaque(
                op=operation_name(op.type), shape=shape or (1,), params=weights if not number else 0
            )
            node = writer.add("opaque", {}, inputs, layer)
        except RuleError as error:
            raise op.refuse("unsupported-model", error.message) from None
        axes = (None, *range(len(shape))) if first else tuple(range(len(shape)))
        writer.put(value, node, axes[: len(value.shape)])


def _network(writer: Writer, inferred: Inferred, source: str) -> Network:
    outputs = {}
    for name, value in inferred.outputs.items():
        outputs[name] = _output(writer, value)
    builder = writer.builder
    unread = _unread(writer, outputs.values())
    numbers = builder.remove(unread)
    name = source.rpartition("/")[2].removesuffix(".gz").removesuffix(".onnx")
    return builder.network(
        name or "network", {name: numbers[index] for name, index in outputs.items()}, source
    )


def _output(writer: Writer, value: Value) -> int:
    """The node of a result, with its axes in the file's order."""
    shape = value.shape
    axes = [*range(len(shape))]
    if len(shape) > 1 and shape[0] == 1:
        axes = axes[1:]
    if isinstance(value, Constant) and not writer.known(value):
        raise refused("unsupported-model", f"the result '{printable(value.name)}' is a constant")
    wanted = tuple([shape[axis] for axis in axes]) or (1,)
    try:
        node = writer.reordered(writer.view(value), axes, wanted)
    except (Unsupported, RuleError):
        raise refused(
            "unsupported-model", f"the result '{printable(value.name)}' has {len(shape)} axes"
        ) from None
    if writer.builder.nodes[node].kind == "input":
        node = writer.add("identity", {}, [node])
    return node


def _unread(writer: Writer, outputs: Iterable[int]) -> set[int]:
    """The nodes that no result depends on."""
    nodes = writer.builder.nodes
    needed = set(outputs)
    for index in range(len(nodes) - 1, -1, -1):
        if index in needed:
            needed.update(nodes[index].inputs)
    return {
        index for index, node in enumerate(nodes) if index not in needed and node.kind != "input"
    }
