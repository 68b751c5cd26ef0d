"""Where the numbers of constants lie: in the file, beside it, or in what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from struct import pack, unpack
from typing import Any

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Computed, Source, Tensor
from convcalc.exchange.onnx.values import (
    ELEMENT_TYPES,
    FLOATS,
    MOST_KNOWN,
    MOST_KNOWN_FLOATS,
    Constant,
    Number,
    Op,
)
from convcalc.exchange.onnx.wire import Tensor as Written
from convcalc.exchange.onnx.wire import WireReader
from convcalc.problems import printable, refused
from convcalc.shapes import Shape

Step = tuple[str, tuple[int, ...]]


class Places:
    """Finds the numbers of one model's constants; none of them is read here."""

    def __init__(self, file: ModelFile) -> None:
        self._file = file
        self._others: dict[str, ModelFile] = {}
        self._found: dict[int, tuple[Constant, Source | None]] = {}

    def extent(self, tensor: Written) -> tuple[ModelFile, int, int] | None:
        """The file, the first byte and the number of bytes; None of what is not stored as bytes.

        Raises ConvcalcError where the file beside the model is missing or too short.
        """
        size = ELEMENT_TYPES.get(tensor.type, ("", 0, ""))[1]
        length = prod(tensor.dims) * size
        file, offset, found = self._file, 0, length
        if tensor.location:
            file, offset = self._beside(tensor.location), tensor.offset
            if offset + length > len(file.data):
                raise refused(
                    "bad-model",
                    f"the tensor '{printable(tensor.name)}' ends behind the end of {file.name}",
                )
            found = length if tensor.length < 0 else tensor.length
        elif tensor.raw is not None:
            offset, found = tensor.raw[0], tensor.raw[1] - tensor.raw[0]
        elif len(tensor.typed) == 1 and isinstance(tensor.typed[0][1], tuple):
            offset, end = tensor.typed[0][1]
            found = end - offset
        else:
            return None
        return (file, offset, length) if found == length else None

    def numbers(self, reader: WireReader, tensor: Written, elements: int) -> list[Number] | None:
        """The numbers of a tensor; None where they are not there, or too many."""
        name, size, letter = ELEMENT_TYPES.get(tensor.type, ("", 0, ""))
        most = MOST_KNOWN_FLOATS if tensor.type in FLOATS else MOST_KNOWN
        if elements > most or not letter:
            return None
        if elements == 0:
            return []
        if tensor.raw is None and not tensor.location:
            return _typed_numbers(reader, tensor, elements)
        extent = self.extent(tensor)
        if extent is None:
            start, end = tensor.raw or (0, 0)
            if end == start:
                return None
            raise refused(
                "bad-model",
                f"the tensor {printable(tensor.name)} has {end - start} bytes,"
                f" and {elements} numbers of type {name} take {elements * size}",
            )
        file, offset, length = extent
        return list(unpack(f"<{elements}{letter}", file.data[offset : offset + length]))

    def source(self, constant: Constant, steps: Sequence[Step] = ()) -> Source | None:
        """The numbers of a constant, and how they become a parameter.

        Those that are not there have the length 0. None where they are no numbers, or are written
        as whole numbers of variable length.
        """
        waiting = [constant]
        while waiting:
            one = waiting[-1]
            if id(one) in self._found:
                waiting.pop()
                continue
            inputs = one.made[0].inputs if one.made is not None else []
            missing = [each for each in _constants(inputs) if id(each) not in self._found]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            self._found[id(one)] = one, self._source(one)
        found = self._found[id(constant)][1]
        if found is None:
            return None
        return found._replace(steps=(*found.steps, *[each for each in steps if not _idle(each)]))

    def _source(self, one: Constant) -> Source | None:
        moved = tuple([step for step in one.moved if not _idle(step)])
        dtype = _type_name(one.dtype)
        if one.made is not None:
            op, which = one.made
            inputs = [
                self._found[id(each)][1] if isinstance(each, Constant) else None
                for each in op.inputs
            ]
            given = [each is not None for each in op.inputs]
            if any(there and lies is None for there, lies in zip(given, inputs, strict=True)):
                return None
            compute = partial(_computed, op, which)
            return Computed(tuple(inputs), compute, dtype, op.outputs[which].shape, moved)
        if one.tensor is not None:
            extent = self.extent(one.tensor)
            if extent is not None:
                return Tensor(*extent, _type_name(one.tensor.type), one.tensor.dims, moved)
        numbers = one.numbers()
        if numbers is None and one.tensor is not None and not one.tensor.typed:
            return Tensor(self._file, 0, 0, _type_name(one.tensor.type), one.tensor.dims, moved)
        if numbers is None:
            return None
        shape = one.tensor.dims if one.tensor is not None else one.shape
        return Computed((), partial(_listed, numbers, shape, dtype), dtype, shape, moved)

    def is_filled(self, constant: Constant, number: int) -> bool:
        """Whether all numbers that are stored for a constant are this one."""
        known = constant.numbers()
        if known is not None:
            return all([each == number for each in known])
        tensor = constant.tensor
        extent = self.extent(tensor) if tensor is not None else None
        if tensor is None or extent is None or extent[2] > _MOST_BYTES:
            return False
        file, offset, length = extent
        letter = ELEMENT_TYPES[tensor.type][2]
        each = pack(f"<{letter}", number) if letter else b""
        return bytes(file.data[offset : offset + length]) == each * prod(tensor.dims)

    def _beside(self, location: str) -> ModelFile:
        """A file that holds weights, opened once."""
        file = self._others.get(location)
        if file is None:
            file = self._others[location] = self._file.beside(location)
        return file


def _typed_numbers(reader: WireReader, tensor: Written, elements: int) -> list[Number] | None:
    """Numbers that lie in the file as protobuf's own."""
    found: list[Number] = []
    for field, place in tensor.typed:
        if field in (5, 7, 11):
            found += reader.numbers(place)
        elif field in (4, 10):
            data = reader.data[place[0] : place[1]] if isinstance(place, tuple) else place
            size, letter = (4, "f") if field == 4 else (8, "d")
            if isinstance(data, int) or len(data) % size:
                shown = printable(tensor.name)
                raise refused("bad-model", f"the numbers of the tensor {shown} are cut off")
            found += unpack(f"<{len(data) // size}{letter}", data)
    if not found:
        return None
    if len(found) != elements:
        raise refused(
            "bad-model",
            f"the tensor {printable(tensor.name)} has {len(found)} numbers,"
            f" and its shape has {elements}",
        )
    if tensor.type == 10:
        return [unpack("<e", (int(bits) & 0xFFFF).to_bytes(2, "little"))[0] for bits in found]
    return found


#: The most bytes that are looked at to see whether all numbers are the same.
_MOST_BYTES = 1_000_000


def _constants(values: Sequence[object]) -> Iterator[Constant]:
    return (value for value in values if isinstance(value, Constant))


def _type_name(dtype: int) -> str:
    name = ELEMENT_TYPES.get(dtype, ("", 0, ""))[0]
    return "uint8" if name == "bool" else name


def _idle(step: Step) -> bool:
    name, numbers = step
    return name == "transpose" and numbers == tuple(range(len(numbers)))


def _computed(op: Op, which: int, *arrays: Any) -> Any:
    from convcalc.exchange.onnx.computed import computed  # NumPy, only where numbers are read

    return computed(op, arrays)[which]


def _listed(numbers: Sequence[Number], shape: Shape, dtype: str) -> Any:
    from convcalc.exchange.onnx.computed import listed

    return listed(numbers, shape, dtype)
