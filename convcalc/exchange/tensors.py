"""The numbers of a model's parameters, read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convcalc.exchange.arrays import Header
from convcalc.exchange.model import Source, Tensor
from convcalc.problems import ConvcalcError, printable, refused

#: Types that NumPy has no name for: how their bits are stored, and how they become float32.
_BFLOAT16 = "bfloat16"

Steps = Sequence[tuple[str, tuple[int, ...]]]


class TensorArrays:
    """Parameters by name, as arrays of their own shapes; a file of arrays in all but its format.

    headers  shape and type of every array, by name
    """

    def __init__(self, tensors: Mapping[str, Source]) -> None:
        self._tensors = tensors
        self.headers = {name: _header(tensor, name) for name, tensor in tensors.items()}

    @property
    def complete(self) -> bool:
        """Whether the numbers of all of them are in the file."""
        return not self.missing()

    def missing(self) -> list[str]:
        """The names of those whose numbers are not in the file."""
        return [name for name, source in self._tensors.items() if not _is_there(source)]

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """The values of one array, in new memory; raises ConvcalcError where they are missing."""
        return np.array(values_of(self._tensors[name], name))


def values_of(source: Source, name: str) -> np.ndarray[Any, Any]:
    """The numbers of a parameter in its own shape; a view of the file where that is possible.

    Raises ConvcalcError where they are not in the file, or it is not known how to compute them.
    """
    found: dict[int, np.ndarray[Any, Any]] = {}
    waiting = [source]
    while waiting:
        one = waiting[-1]
        inputs = () if isinstance(one, Tensor) else one.inputs
        missing = [each for each in inputs if each is not None and id(each) not in found]
        if missing and id(one) not in found:
            waiting += missing
            continue
        waiting.pop()
        if isinstance(one, Tensor):
            array = _stored(one, name)
        else:
            array = one.compute(*[None if each is None else found[id(each)] for each in inputs])
        found[id(one)] = _moved(array, one.steps)
    return found[id(source)]


def _stored(tensor: Tensor, name: str) -> np.ndarray[Any, Any]:
    stored = _stored_type(tensor, name)
    size = int(np.prod(tensor.shape, dtype=np.int64)) * stored.itemsize
    data = tensor.file.data[tensor.offset : tensor.offset + tensor.length]
    if len(data) != size:
        message = f"{tensor.file.name}: the numbers of {printable(name)} are not in the file"
        raise refused("bad-model", message)
    array = np.frombuffer(data, stored).reshape(tensor.shape)
    if tensor.dtype == _BFLOAT16:
        array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return array


def _moved(array: np.ndarray[Any, Any], steps: Steps) -> np.ndarray[Any, Any]:
    for step, numbers in steps:
        if step == "transpose":
            array = array.transpose(numbers)
        elif step == "reshape":
            array = array.reshape(numbers)
        elif step == "slice":
            axis, start, stop = numbers
            array = array[(slice(None),) * axis + (slice(start, stop),)]
        elif step == "take":
            axis, *places = numbers
            array = array.take(places, axis)
        else:
            raise ValueError(f"a tensor has no step '{step}'")
    return array


def _is_there(source: Source) -> bool:
    """Whether the file has the numbers, or all of those that they are computed of."""
    seen: set[int] = set()
    waiting = [source]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if not isinstance(one, Tensor):
            waiting += [each for each in one.inputs if each is not None]
        elif not len(one.file.data) - one.offset >= one.length > 0:
            return False
    return True


def _stored_type(tensor: Source, name: str) -> np.dtype[Any]:
    text = "uint16" if tensor.dtype == _BFLOAT16 else tensor.dtype
    try:
        stored = np.dtype(text)
    except TypeError:
        raise _unreadable(tensor, name) from None
    if stored.kind not in "fiu":
        raise _unreadable(tensor, name)
    little: np.dtype[Any] = stored.newbyteorder("<")
    return little


def _unreadable(tensor: Source, name: str) -> ConvcalcError:
    where = f"{tensor.file.name}: " if isinstance(tensor, Tensor) else ""
    message = f"{where}{printable(name)} holds numbers of type {tensor.dtype}"
    return refused("unsupported-model", message, "float, integer and bfloat16 numbers can be read")


def _header(tensor: Source, name: str) -> Header:
    shape = list(tensor.shape)
    for step, numbers in tensor.steps:
        if step == "transpose":
            shape = [shape[axis] for axis in numbers]
        elif step == "reshape":
            shape = list(numbers)
        elif step == "take":
            shape[numbers[0]] = len(numbers) - 1
        else:
            axis, start, stop = numbers
            shape[axis] = stop - start
    stored = _stored_type(tensor, name)
    return Header(tuple(shape), np.dtype(np.float32) if tensor.dtype == _BFLOAT16 else stored)
