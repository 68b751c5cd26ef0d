"""What a `.tflite` file holds: tensors, and operations that compute some of others."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from convcalc.exchange.tflite.flatbuffer import DamagedError, Table, root
from convcalc.shapes import LARGEST_SIZE, MOST_AXES

_MARK = b"TFL3"
#: Tensors, and how often they are read, for each layer that a network may have.
_TENSORS = 5
#: Numbers of constants that are read: those of shapes, axes and single factors.
_MOST_NUMBERS = 64
#: The types of tensors, by their numbers: NumPy's name, and the letter of what can be read.
_TYPES: dict[int, tuple[str, str]] = {
    0: ("float32", "f"),
    1: ("float16", "e"),
    2: ("int32", "i"),
    3: ("uint8", "B"),
    4: ("int64", "q"),
    6: ("bool", "B"),
    7: ("int16", "h"),
    9: ("int8", "b"),
    10: ("float64", "d"),
    12: ("uint64", "Q"),
    15: ("uint32", "I"),
    16: ("uint16", "H"),
    17: ("int4", ""),
}
_WIDTHS = {"f": 4, "e": 2, "i": 4, "B": 1, "q": 8, "h": 2, "b": 1, "d": 8, "Q": 8, "I": 4, "H": 2}


class FileTensor(NamedTuple):
    """A tensor of the file.

    shape     with the batch; a size that is open has any number
    is_open   of each size, whether it is open
    dtype     NumPy's name of its type
    letter    `struct`'s name of it; "" where its numbers are not read
    offset, length  where its bytes lie, if it is a constant; else 0 bytes
    scale, zero  how whole numbers stand for others, if they do
    """

    name: str
    shape: tuple[int, ...]
    is_open: tuple[bool, ...]
    dtype: str
    letter: str
    offset: int
    length: int
    scale: float
    zero: int

    @property
    def constant(self) -> bool:
        """Whether the file holds its numbers."""
        return self.length > 0


class Operation(NamedTuple):
    """An operation: its number, the name of one that is not built in, and its tensors."""

    operator: int
    custom: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None


class Graph(NamedTuple):
    """The first graph of a file."""

    tensors: list[FileTensor]
    operations: Sequence[Operation]
    inputs: Sequence[int]
    outputs: Sequence[int]
    data: memoryview

    def numbers(self, index: int) -> list[float] | None:
        """The numbers of a small constant; None where it is none, or not small."""
        tensor = self.tensors[index]
        width = _WIDTHS.get(tensor.letter, 0)
        if not tensor.constant or not width or tensor.length > _MOST_NUMBERS * width:
            return None
        form = Struct(f"<{tensor.letter}")
        piece = self.data[tensor.offset : tensor.offset + tensor.length // width * width]
        found = [item[0] for item in form.iter_unpack(piece)]
        if tensor.scale:
            return [(item - tensor.zero) * tensor.scale for item in found]
        return found

    def wholes(self, index: int) -> list[int] | None:
        """The same of whole numbers, such as a shape."""
        found = self.numbers(index)
        if found is None or not all(isinstance(item, int) for item in found):
            return None
        return [int(item) for item in found]


def read_graph(data: memoryview, most: int) -> Graph:
    """The graph of a file with at most so many operations; raises DamagedError."""
    model = root(data, _MARK)
    codes = [_code(table) for table in model.tables(1, 10_000)]
    graphs = model.tables(2, 1000)
    if not graphs:
        raise DamagedError("it has no graph")
    # Weights may be spread over many buffers, and every tensor has one.
    buffers = [_buffer(table, data) for table in model.tables(4, _TENSORS * most)]
    graph = graphs[0]
    tensors = [_tensor(table, buffers) for table in graph.tables(0, _TENSORS * most)]
    operations: list[Operation] = []
    reads = 0
    for table in graph.tables(3, 2 * most):
        operations.append(_operation(table, codes, len(tensors)))
        reads += len(operations[-1].inputs) + len(operations[-1].outputs)
        if reads > _TENSORS * most:
            raise DamagedError(f"its operations read more than {_TENSORS * most} tensors")
    inputs, outputs = graph.numbers(1, "i", 1000), graph.numbers(2, "i", 1000)
    if not all(0 <= index < len(tensors) for index in [*inputs, *outputs]):
        raise DamagedError("an input or an output is no tensor")
    return Graph(tensors, operations, inputs, outputs, data)


def _code(table: Table) -> tuple[int, str]:
    # Numbers above 127 came later, in a field of their own.
    old, new = table.number(0, "b"), table.number(3, "i")
    return max(old, new), table.text(1)


def _buffer(table: Table, data: memoryview) -> tuple[int, int]:
    offset, size = table.number(1, "Q"), table.number(2, "Q")
    if offset > 1:  # in a large file the bytes lie behind the tables
        if offset + size > len(data):
            raise DamagedError("the weights are cut off")
        return offset, size
    return table.bytes(0)


def _tensor(table: Table, buffers: Sequence[tuple[int, int]]) -> FileTensor:
    shape = table.numbers(0, "i", MOST_AXES + 2)
    if not all(0 <= size <= LARGEST_SIZE for size in shape):
        raise DamagedError("a size of a tensor is below 0")
    signature = table.numbers(7, "i", MOST_AXES + 2)
    signature = signature if len(signature) == len(shape) else shape
    is_open = tuple([size < 0 for size in signature])
    number = table.number(2, "I")
    if number >= len(buffers):
        raise DamagedError("a tensor names a buffer that is not there")
    dtype, letter = _TYPES.get(table.number(1, "b"), ("", ""))
    scale, zero = 0.0, 0
    quantization = table.table(4)
    if quantization is not None:
        # One scale for all numbers; those of each channel are only needed to run the network.
        if quantization.bytes(2, 4)[1] == 1:
            scale = quantization.numbers(2, "f", 1)[0]
        if quantization.bytes(3, 8)[1] == 1:
            zero = quantization.numbers(3, "q", 1)[0]
    offset, length = buffers[number]
    name = table.text(3)
    return FileTensor(name, tuple(shape), is_open, dtype, letter, offset, length, scale, zero)


def _operation(table: Table, codes: Sequence[tuple[int, str]], tensors: int) -> Operation:
    number = table.number(0, "I")
    if number >= len(codes):
        raise DamagedError("an operation has no code")
    code, custom = codes[number]
    inputs, outputs = table.numbers(1, "i", 1000), table.numbers(2, "i", 1000)
    if not all(-1 <= index < tensors for index in [*inputs, *outputs]) or -1 in outputs:
        raise DamagedError("an operation names a tensor that is not there")
    return Operation(code, custom, tuple(inputs), tuple(outputs), table.table(4))
