"""ONNX models written by hand, so that no package but the runtime is needed to compare with it.

A model is a Protocol Buffers message; only the fields that are used here are known. Field numbers
are those of onnx.proto3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from convcalc.executor.arrays import Array

_TYPES = {"float32": 1, "int64": 7, "float64": 11}
#: The version of the operators: the first one with Gelu.
OPSET = 20
#: The version of the format.
IR = 9


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while True:
        low, value = value & 127, value >> 7
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, value: Array) -> bytes:
    dims = b"".join(_number(1, size) for size in value.shape)
    kind = _number(2, _TYPES[value.dtype.name])
    return dims + kind + _bytes(8, name) + _bytes(9, np.ascontiguousarray(value).tobytes())


def _attribute(name: str, value: Any) -> bytes:
    head = _bytes(1, name)
    if isinstance(value, float):
        return head + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, 2)
    if isinstance(value, str):
        return head + _bytes(4, value) + _number(20, 3)
    return head + b"".join(_number(8, item) for item in value) + _number(20, 7)


def _value(name: str, shape: Sequence[int], dtype: str) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    tensor = _number(1, _TYPES[dtype]) + _bytes(2, dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


class Graph:
    """A model that grows operator by operator; values are known by name."""

    def __init__(self, dtype: str = "float32") -> None:
        self.dtype = dtype
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._count = 0

    def input(self, name: str, shape: Sequence[int]) -> str:
        self._inputs.append(_value(name, shape, self.dtype))
        return name

    def output(self, name: str) -> None:
        self._outputs.append(_bytes(1, name))

    def constant(self, value: Array) -> str:
        """A weight in the model's type, or whole numbers."""
        name = self._name()
        if value.dtype.kind == "f":
            value = value.astype(self.dtype)
        self._constants.append(_tensor(name, value))
        return name

    def whole(self, *values: int) -> str:
        """A list of whole numbers as a constant."""
        return self.constant(np.array(values, np.int64))

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """An operator; returns the name of its (first) output. An empty input is left out."""
        return self.several(operator, *inputs, outputs=outputs, **attributes)[0]

    def several(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """The same; returns the names of all outputs."""
        names = [self._name() for _ in range(outputs)]
        self._nodes.append(
            b"".join(_bytes(1, name) for name in inputs)
            + b"".join(_bytes(2, name) for name in names)
            + _bytes(4, operator)
            + b"".join(_bytes(5, _attribute(k, v)) for k, v in attributes.items())
        )
        return names

    def model(self) -> bytes:
        """The model's bytes, as `onnxruntime.InferenceSession` takes them."""
        graph = (
            b"".join(_bytes(1, node) for node in self._nodes)
            + _bytes(2, "network")
            + b"".join(_bytes(5, constant) for constant in self._constants)
            + b"".join(_bytes(11, value) for value in self._inputs)
            + b"".join(_bytes(12, value) for value in self._outputs)
        )
        return _number(1, IR) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, OPSET))

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"
