"""Bytes that are no ONNX file, or no whole one."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
from convcalc.exchange.onnx.wire import WireReader
from convcalc.problems import ConvcalcError


def _message(number: int, content: bytes) -> bytes:
    """A field that holds bytes, in protobuf's encoding."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no graph"),
        (b"\x80\x04\x95pickle", "no ONNX file"),
        (_message(7, b"")[:1], "ends within a field"),
        (_varint(7 << 3 | 2) + _varint(2**40), f"{2**40} bytes are announced"),
        (b"\x08" + b"\xff" * 11, "does not end"),
        (b"\x0b\x00", "does not begin a field"),
        (_message(7, _message(5, _message(1, _varint(2**64 - 1)))), "negative size"),
    ],
)
def test_refuses_bytes_that_are_no_model(data: bytes, said: str) -> None:
    with pytest.raises(ConvcalcError) as caught:
        read(ModelFile("broken.onnx", data), Choices())
    (problem,) = caught.value.problems
    assert problem.code == "bad-model"
    assert said in problem.message
    assert "broken.onnx" in problem.message
    assert caught.value.status == 2


def test_refuses_graphs_inside_of_each_other_without_end() -> None:
    graph = b""
    for _ in range(2000):
        attribute = _message(1, b"body") + _message(6, graph)
        graph = _message(1, _message(4, b"Loop") + _message(5, attribute))
    with pytest.raises(ConvcalcError, match="nested more than"):
        read(ModelFile("deep.onnx", _message(7, graph)), Choices())


def test_reads_no_numbers_of_weights() -> None:
    # A tensor that claims a gigabyte of numbers in another file: only its place is noted.
    place = _message(1, b"location") + _message(2, b"weights.bin")
    length = _message(1, b"length") + _message(2, b"1000000000")
    tensor = (
        _message(1, _varint(500) + _varint(500_000))
        + b"\x10\x01"
        + _message(8, b"weight")
        + _message(13, place)
        + _message(13, length)
        + b"\x70\x01"
    )
    reader = WireReader("large.onnx", memoryview(_message(7, _message(5, tensor))))
    graph = reader.model().graph
    assert graph is not None
    (found,) = graph.initializers
    assert (found.name, found.dims, found.type) == ("weight", (500, 500_000), 1)
    assert (found.location, found.offset, found.length) == ("weights.bin", 0, 10**9)


def test_names_the_node_that_reads_its_own_result(tmp_path: Path) -> None:
    first = _message(1, b"b") + _message(2, b"a") + _message(3, b"one") + _message(4, b"Relu")
    second = _message(1, b"a") + _message(2, b"b") + _message(3, b"two") + _message(4, b"Relu")
    graph = _message(1, first) + _message(1, second) + _message(12, _message(1, b"a"))
    with pytest.raises(ConvcalcError, match="one: it reads its own result"):
        read(ModelFile("cycle.onnx", _message(7, graph)), Choices())
