"""An ONNX file that grows operator by operator, its weights written as they come.

Initializers are the network's learned arrays and its buffers, and nothing else; other constants are
`Constant` nodes. So a reader knows what is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.protobuf import (
    LENGTH_BYTES,
    field,
    head,
    number,
    padded_varint,
    real,
    varint,
)
from convcalc.problems import refused

Array = np.ndarray[Any, np.dtype[Any]]

#: The version of the operators: the first one with Gelu.
OPSET = 20
#: The version of the format.
IR = 9
#: The most bytes of a message of Protocol Buffers.
LARGEST_MESSAGE = 2**31 - 1

_FLOAT, _INT64, _BOOL = 1, 7, 9
#: The most numbers of all constants together, which are in memory until the end.
_MOST_CONSTANTS = 2**27
#: Bytes of an array that are copied at once, because they lie in another order in memory.
_PIECE = 2**20
#: Bytes from which on an array lies in the file beside, if there is one.
_OUTSIDE = 1024
#: An array begins there at a multiple of this.
_ALIGNED = 64


def _attribute(name: str, value: Any) -> bytes:
    head_ = field(1, name)
    if isinstance(value, float):
        return head_ + real(2, value) + number(20, 1)
    if isinstance(value, int):
        return head_ + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return head_ + field(4, value) + number(20, 3)
    if isinstance(value, bytes):
        return head_ + field(5, value) + number(20, 4)
    return head_ + b"".join(number(8, item) for item in value) + number(20, 7)


def _tensor_head(name: str, shape: Sequence[int], kind: int) -> bytes:
    """A tensor without its numbers."""
    return b"".join(number(1, size) for size in shape) + number(2, kind) + field(8, name)


def _value(name: str, shape: Sequence[int], kind: int = _FLOAT) -> bytes:
    """The name of a value with its type and shape."""
    dims = b"".join(field(1, number(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, number(1, kind) + field(2, dims)))


def _pieces(value: Array) -> Iterator[Any]:
    """The numbers as float32, row by row as they lie in a file; no more than a part is copied."""
    rows = np.atleast_1d(value)
    step = max(1, _PIECE * len(rows) // max(1, value.nbytes))
    for start in range(0, len(rows), step):
        yield np.ascontiguousarray(rows[start : start + step], "<f4").data


class _Node:
    """An operator of the layer that is being translated."""

    def __init__(
        self,
        name: str,
        operator: str,
        inputs: Sequence[str],
        outputs: list[str],
        attributes: dict[str, Any],
    ) -> None:
        self.name = name
        self.operator = operator
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes

    def message(self) -> bytes:
        return (
            b"".join(field(1, value) for value in self.inputs)
            + b"".join(field(2, value) for value in self.outputs)
            + field(3, self.name)
            + field(4, self.operator)
            + b"".join(field(5, _attribute(k, v)) for k, v in self.attributes.items())
        )


class Outside:
    """A file beside an ONNX file that holds its large arrays.

    name  by which the ONNX file finds it
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self._stream = stream
        self._end = 0

    def add(self, value: Array) -> bytes:
        """Writes an array; the fields of its tensor that say where."""
        gap = -self._end % _ALIGNED
        self._stream.write(bytes(gap))
        offset = self._end + gap
        for piece in _pieces(value):
            self._stream.write(piece)
        length = 4 * value.size
        self._end = offset + length
        entries = {"location": self.name, "offset": str(offset), "length": str(length)}
        places = [field(13, field(1, key) + field(2, text)) for key, text in entries.items()]
        return b"".join(places) + number(14, 1)


class Graph:
    """A model in float32, written to a stream that can seek.

    Operators have the names of the layers around them before their own, as PyTorch writes them:
    `/stage1/unit0/conv0/Conv`. A layer's result has the layer's path as its name.
    """

    def __init__(self, stream: BinaryIO, name: str, outside: Outside | None = None) -> None:
        self._stream = stream
        self._outside = outside
        self._scope = ""
        self._taken: dict[str, int] = {}
        self._pending: list[_Node] = []
        self._nodes: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._values: list[bytes] = []
        #: Each initializer's form: the shape, or else what was done to the array.
        self._initializers: dict[str, Hashable] = {}
        self._constants: dict[Hashable, str] = {}
        self._room = _MOST_CONSTANTS
        stream.write(
            number(1, IR)
            + field(2, "convcalc")
            + field(8, field(1, "") + number(2, OPSET))
            + varint(7 << 3 | 2)
        )
        self._start = stream.tell()
        stream.write(padded_varint(0) + field(2, name))

    # What a network has.

    def input(self, name: str, shape: Sequence[int]) -> None:
        """An input, the batch axis among its sizes."""
        self._inputs.append(field(11, _value(name, shape)))

    def output(self, name: str, shape: Sequence[int], *, whole: bool) -> None:
        """Makes a value a result of the model; `whole` if its numbers are int64."""
        self._outputs.append(field(12, _value(name, shape, _INT64 if whole else _FLOAT)))

    def value(self, name: str, shape: Sequence[int], *, whole: bool) -> None:
        """States the shape of any other value, for those who look at the file."""
        self._values.append(field(13, _value(name, shape, _INT64 if whole else _FLOAT)))

    def layer(self, scope: str) -> None:
        """Begins a layer, whose operators have names below this path."""
        self._scope = "".join([f"/{name}" for name in scope.split(".") if name])

    def result(self, value: str, name: str, *, output: bool) -> str:
        """Ends the layer, whose result is called `name`; what it is called in the end.

        A value that no operator of the layer makes keeps its name, unless it is to be an output.
        """
        made = next((node for node in self._pending if value in node.outputs), None)
        if made is None and output:
            value = self.add("Identity", value)
            made = self._pending[-1]
        if made is not None:
            for node in self._pending:
                node.inputs = [name if read == value else read for read in node.inputs]
            made.outputs = [name if written == value else written for written in made.outputs]
        for node in self._pending:
            self._nodes.append(node.message())
        self._pending = []
        return value if made is None else name

    # What a layer is made of.

    def initializer(self, name: str, form: Hashable, values: Callable[[], Array]) -> str:
        """An array of the network, written at its first use; `form` is its shape or its change.

        An array that was written in another form is written once more.
        """
        known = self._initializers.get(name)
        if known is not None and known != form:
            name = self._free(f"{self._scope}/{name}")
            known = None
        if known is None:
            self._initializers[name] = form
            self._write(name, values())
        return name

    def has_initializer(self, name: str) -> bool:
        """Whether an array of this name was written already."""
        return name in self._initializers

    @property
    def room(self) -> int:
        """How many numbers constants may still have."""
        return self._room

    def check_room(self, numbers: int) -> None:
        """Refuses a layer that would need a constant of so many numbers, before it is made."""
        if numbers > self._room:
            raise NoCounterpart("it would need a constant that is too large")

    def constant(self, value: Array) -> str:
        """Numbers that belong to no layer; the same ones are there once, if they are whole."""
        whole = value.dtype.kind == "i"
        value = np.asarray(value, "<i8" if whole else "<f4", order="C")  # keeps a scalar one
        data = value.tobytes()
        key = (value.shape, data)
        if whole and key in self._constants:
            return self._constants[key]
        self.check_room(value.size)
        self._room -= value.size
        tensor = _tensor_head("", value.shape, _INT64 if whole else _FLOAT) + field(9, data)
        name = self.add("Constant", value=tensor)
        if whole:
            self._constants[key] = name
        return name

    def named_constant(self, name: str, shape: tuple[int, ...], values: Callable[[], Array]) -> str:
        """The same, for an array of the network; once for all layers that share it."""
        key = (name, shape)
        if key not in self._constants:
            self._constants[key] = self.constant(values())
        return self._constants[key]

    def truth(self) -> str:
        """A condition that is always true."""
        return self.add("Constant", value=_tensor_head("", (), _BOOL) + field(9, b"\1"))

    def whole(self, *values: int) -> str:
        """A list of whole numbers as a constant."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A number as a constant."""
        return self.constant(np.array(value, np.float32))

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """An operator; returns the name of its (first) output. An empty input is left out."""
        return self.several(operator, *inputs, outputs=outputs, **attributes)[0]

    def several(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """The same; returns the names of all outputs."""
        base = self._free(f"{self._scope}/{operator}")
        names = [base, *[f"{base}:{place}" for place in range(1, outputs)]]
        self._pending.append(_Node(base, operator, inputs, names, attributes))
        return list(names)

    def end(self) -> None:
        """Completes the file; raises ConvcalcError where it is larger than a file can be."""
        for message in self._nodes:
            self._stream.write(head(1, len(message)))
            self._stream.write(message)
        self._stream.write(b"".join([*self._inputs, *self._outputs, *self._values]))
        size = self._stream.tell() - self._start - LENGTH_BYTES
        if size > LARGEST_MESSAGE - 2**10:
            raise refused("cannot-write", "the ONNX file would be larger than 2 GiB")
        self._stream.seek(self._start)
        self._stream.write(padded_varint(size))
        self._stream.seek(0, 2)

    def _write(self, name: str, value: Array) -> None:
        tensor = _tensor_head(name, value.shape, _FLOAT)
        size = 4 * value.size
        if self._outside is not None and size >= _OUTSIDE:
            self._stream.write(field(5, tensor + self._outside.add(value)))
            return
        raw = head(9, size)
        self._stream.write(head(5, len(tensor) + len(raw) + size) + tensor + raw)
        for piece in _pieces(value):
            self._stream.write(piece)

    def _free(self, name: str) -> str:
        """The name, with a number if it was given before."""
        count = self._taken[name] = self._taken.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count - 1}"
