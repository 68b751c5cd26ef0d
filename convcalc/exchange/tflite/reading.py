"""Reading a `.tflite` file into a network."""

from __future__ import annotations

from collections import Counter

from convcalc.exchange.assembly import Assembly, network_name, path_of
from convcalc.exchange.axes import Adder, Value, channels_last, opaque
from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices, Model, Tensor
from convcalc.exchange.tflite.flatbuffer import DamagedError
from convcalc.exchange.tflite.folding import SHAPE, fold
from convcalc.exchange.tflite.graph import FileTensor, Graph, Operation, read_graph
from convcalc.exchange.tflite.operations import OPERATIONS, Step, Steps, has_batch, sizes_of
from convcalc.problems import ConvcalcError, printable
from convcalc.shapes import elements, tuple_text

#: Operations that hand on a constant as it is, in another type: DEQUANTIZE and CAST.
_SAME_CONSTANT = (6, 53)
_CUSTOM, _DENSIFY = 32, 124


def read(file: ModelFile, choices: Choices) -> Model:
    """The network of a `.tflite` file, and where its weights lie.

    Raises ConvcalcError with status 2: bad-model where the file is damaged, unsupported-model where
    it is whole and cannot be read, and the code of the rule that is broken where sizes do not fit.
    """
    assembly = Assembly(file.name, choices)
    try:
        graph = read_graph(file.data, choices.max_layers)
        return _Reader(assembly, graph, file).read(network_name(file.path), file.path)
    except DamagedError as error:
        raise assembly.error("bad-model", f"the file is damaged: {error}") from None


class _Reader:
    """Adds the operations of a graph.

    values  what the tensors are that were computed, by their numbers
    same    constants in another type, by their numbers: the constant itself
    shapes  the numbers of tensors that are made of the sizes of others, where they are known
    """

    def __init__(self, assembly: Assembly, graph: Graph, file: ModelFile) -> None:
        self.file = file
        self.assembly = assembly
        self.graph = graph
        self.values: dict[int, Value] = {}
        self.same: dict[int, int] = {}
        self.shapes: dict[int, list[int] | None] = {}
        self.uses = Counter(
            [index for operation in graph.operations for index in set(operation.inputs)]
        )
        self.uses.update(graph.outputs)

    def read(self, name: str, path: str) -> Model:
        graph = self.graph
        for index in graph.inputs:
            self.input(index)
        for number, operation in enumerate(graph.operations):
            self.operation(number, operation)
        outputs = {}
        for index in graph.outputs:
            if index not in self.values:
                raise self.wrong(index, "no operation computes this result")
            value = self.values[index]
            outputs[self.assembly.node(value.at).unit] = value.at
        if not outputs:
            raise self.assembly.error("bad-model", "the file has no results")
        return self.assembly.model(name, outputs, path)

    def name(self, index: int) -> str:
        """What the file calls a tensor: the last of the names that were joined in it."""
        names = [part for part in self.graph.tensors[index].name.split(";") if part]
        return names[-1] if names else f"tensor{index}"

    def wrong(self, index: int, message: str) -> ConvcalcError:
        return self.assembly.error("bad-model", message, self.name(index))

    def input(self, index: int) -> None:
        tensor = self.graph.tensors[index]
        sizes = sizes_of(tensor)
        if min(sizes) < 1:
            raise self.wrong(index, f"an input of the sizes {tuple_text(sizes)}")
        order = channels_last(len(sizes))
        shape = (sizes[-1], *sizes[:-1])
        made = self.assembly.input(self.name(index), shape)
        if self.assembly.shape(made) != shape:
            message = f"the sizes of '{printable(self.name(index))}' are fixed: {tuple_text(shape)}"
            raise self.assembly.error("unsupported-model", message)
        self.values[index] = Value(made, order)

    def tensor(self, index: int) -> FileTensor | None:
        """A tensor that is read; None for one that is left out."""
        return self.graph.tensors[self.same.get(index, index)] if index >= 0 else None

    def operation(self, number: int, operation: Operation) -> None:
        inputs = [self.tensor(index) for index in operation.inputs]
        if not operation.outputs:
            return
        if all(tensor is None or tensor.constant for tensor in inputs):
            if operation.operator in _SAME_CONSTANT and len(inputs) == 1:
                source = operation.inputs[0]
                self.same[operation.outputs[0]] = self.same.get(source, source)
                return
            if operation.operator == _DENSIFY and inputs and inputs[0]:
                # Its numbers are stored without the zeros between them.
                stored, dense = inputs[0], self.graph.tensors[operation.outputs[0]]
                dense = dense._replace(
                    offset=stored.offset, length=stored.length, dtype="", letter=""
                )
                self.graph.tensors[operation.outputs[0]] = dense
                return
        computed = {i for i in operation.inputs if i >= 0 and not self.is_constant(i)}
        if operation.operator == SHAPE or (computed and computed <= self.shapes.keys()):
            for index in operation.outputs:
                self.shapes[index] = self.folded(operation)
            return
        word, make = OPERATIONS.get(operation.operator, (f"operation{operation.operator}", None))
        if operation.operator == _CUSTOM:
            word, make = operation.custom or "CUSTOM", None
        name = self.name(operation.outputs[0])
        values = {}
        for place, index in enumerate(operation.inputs):
            tensor = inputs[place]
            if tensor is None or tensor.constant or index in self.shapes:
                continue
            if index not in self.values:
                raise self.wrong(index, f"{printable(word)} reads it before it is computed")
            values[place] = self.values[index]._replace(single=self.uses[index] == 1)
        add = Adder(self.assembly, path_of(name) or f"{word.lower()}{number}", name, word)
        outputs = [self.graph.tensors[index] for index in operation.outputs]

        def numbers(place: int) -> list[float] | None:
            if place >= len(operation.inputs) or operation.inputs[place] < 0:
                return None
            return self.numbers(operation.inputs[place])

        step = Step(add, operation, inputs, outputs, values, numbers, self.locate)
        result = make(step) if make is not None and len(outputs) == 1 else None
        if result is None:
            self.unknown(add, word, operation, step)
            return
        self.finish(operation.outputs[0], result, step)

    def finish(self, index: int, result: Value, step: Step) -> None:
        """Keeps the result of an operation, if it has the sizes that the file says."""
        tensor, sizes = step.outputs[0], step.add.sizes(result)
        known = self.graph.tensors[index]
        shape = tensor.shape
        if tensor == known:
            entering = next(step.inputs[place] for place in step.values)
            shape = (1, *sizes) if has_batch(entering) or len(known.shape) > len(sizes) else sizes
        # A file may leave the sizes of a result to whoever runs it.
        same = [
            is_open or ours == theirs
            for ours, theirs, is_open in zip(shape, known.shape, known.is_open, strict=False)
        ]
        if known.shape and (len(shape) != len(known.shape) or not all(same)):
            message = f"{printable(step.add.kind)} computes {tuple_text(shape)} of what enters"
            raise self.wrong(index, f"{message}, where the file has {tuple_text(known.shape)}")
        self.graph.tensors[index] = tensor._replace(shape=shape)
        self.values[index] = result

    def numbers(self, index: int) -> list[float] | None:
        """The numbers of a small constant, or of one that was computed from sizes."""
        if index in self.shapes:
            found = self.shapes[index]
            return None if found is None else list(found)
        return self.graph.numbers(self.same.get(index, index))

    def folded(self, operation: Operation) -> list[int] | None:
        """What an operation computes of sizes; None where that is not known."""
        if operation.operator == SHAPE:
            return list(self.graph.tensors[operation.inputs[0]].shape) if operation.inputs else None
        read = []
        for index in operation.inputs:
            found = self.numbers(index) if index >= 0 else None
            if found is None or not all(isinstance(item, int) for item in found):
                return None
            read.append([int(item) for item in found])
        return fold(operation, read)

    def is_constant(self, index: int) -> bool:
        """Whether the file holds the numbers of a tensor."""
        return self.graph.tensors[self.same.get(index, index)].constant

    def locate(self, name: str, tensor: FileTensor, steps: Steps) -> None:
        """Says where the numbers of a parameter lie."""
        self.assembly.tensors[name] = Tensor(
            self.file, tensor.offset, tensor.length, tensor.dtype, tensor.shape, steps
        )

    def unknown(self, add: Adder, word: str, operation: Operation, step: Step) -> None:
        """An operation without a rule: a node for each of its results."""
        learned = sum(
            [elements(tensor.shape) for tensor in step.inputs if tensor and tensor.constant]
        )
        entering = [add.plain(value) for value in step.values.values()]
        if not entering:
            raise add.mistake(f"{printable(word)} computes a constant, which is not read")
        for place, index in enumerate(operation.outputs):
            sizes = sizes_of(self.graph.tensors[index])
            if not self.graph.tensors[index].shape or min(sizes) < 1:
                raise self.wrong(index, f"a result of the sizes {tuple_text(sizes)}")
            params = learned if place == 0 else 0
            self.values[index] = opaque(add, entering, word, sizes, params=params)
