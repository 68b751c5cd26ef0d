"""The numbers of a model's parameters, read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convcalc.exchange.arrays import Header
from convcalc.exchange.model import Tensor
from convcalc.problems import ConvcalcError, printable, refused

#: Types that NumPy has no name for: how their bits are stored, and how they become float32.
_BFLOAT16 = "bfloat16"


class TensorArrays:
    """Parameters by name, as arrays of their own shapes; a file of arrays in all but its format.

    headers  shape and type of every array, by name
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors
        self.headers = {name: _header(tensor, name) for name, tensor in tensors.items()}

    @property
    def complete(self) -> bool:
        """Whether the numbers of all of them are in the file."""
        return all([_is_there(tensor) for tensor in self._tensors.values()])

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """The values of one array, in new memory; raises ConvcalcError where they are missing."""
        return np.array(values_of(self._tensors[name], name))


def values_of(tensor: Tensor, name: str) -> np.ndarray[Any, Any]:
    """The numbers of a parameter in its own shape; a view of the file where that is possible."""
    stored = _stored_type(tensor, name)
    size = int(np.prod(tensor.shape, dtype=np.int64)) * stored.itemsize
    data = tensor.file.data[tensor.offset : tensor.offset + tensor.length]
    if len(data) != size:
        message = f"{tensor.file.name}: the numbers of {printable(name)} are not in the file"
        raise refused("bad-model", message)
    array = np.frombuffer(data, stored).reshape(tensor.shape)
    if tensor.dtype == _BFLOAT16:
        array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    for step, numbers in tensor.steps:
        if step == "transpose":
            array = array.transpose(numbers)
        elif step == "reshape":
            array = array.reshape(numbers)
        elif step == "slice":
            axis, start, stop = numbers
            array = array[(slice(None),) * axis + (slice(start, stop),)]
        else:
            raise ValueError(f"a tensor has no step '{step}'")
    return array


def _is_there(tensor: Tensor) -> bool:
    return len(tensor.file.data) - tensor.offset >= tensor.length > 0


def _stored_type(tensor: Tensor, name: str) -> np.dtype[Any]:
    text = "uint16" if tensor.dtype == _BFLOAT16 else tensor.dtype
    try:
        stored = np.dtype(text)
    except TypeError:
        raise _unreadable(tensor, name) from None
    if stored.kind not in "fiu":
        raise _unreadable(tensor, name)
    little: np.dtype[Any] = stored.newbyteorder("<")
    return little


def _unreadable(tensor: Tensor, name: str) -> ConvcalcError:
    message = f"{tensor.file.name}: {printable(name)} holds numbers of type {tensor.dtype}"
    return refused("unsupported-model", message, "float, integer and bfloat16 numbers can be read")


def _header(tensor: Tensor, name: str) -> Header:
    shape = list(tensor.shape)
    for step, numbers in tensor.steps:
        if step == "transpose":
            shape = [shape[axis] for axis in numbers]
        elif step == "reshape":
            shape = list(numbers)
        else:
            axis, start, stop = numbers
            shape[axis] = stop - start
    stored = _stored_type(tensor, name)
    return Header(tuple(shape), np.dtype(np.float32) if tensor.dtype == _BFLOAT16 else stored)
