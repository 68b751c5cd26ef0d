"""Bytes that are no ONNX file, or no whole one."""

from __future__ import annotations

import pytest

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
from convcalc.exchange.onnx.wire import WireReader
from convcalc.problems import ConvcalcError
from tests.exchange.onnx.messages import message, varint


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no graph"),
        (b"\x80\x04\x95pickle", "no ONNX file"),
        (message(7, b"")[:1], "ends within a field"),
        (varint(7 << 3 | 2) + varint(2**40), f"{2**40} bytes are announced"),
        (b"\x08" + b"\xff" * 11, "does not end"),
        (b"\x0b\x00", "does not begin a field"),
        (message(7, message(5, message(1, varint(2**64 - 1)))), "negative size"),
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
        attribute = message(1, b"body") + message(6, graph)
        graph = message(1, message(4, b"Loop") + message(5, attribute))
    with pytest.raises(ConvcalcError, match="nested more than"):
        read(ModelFile("deep.onnx", message(7, graph)), Choices())


def test_reads_no_numbers_of_weights() -> None:
    # A tensor that claims a gigabyte of numbers in another file: only its place is noted.
    place = message(1, b"location") + message(2, b"weights.bin")
    length = message(1, b"length") + message(2, b"1000000000")
    tensor = (
        message(1, varint(500) + varint(500_000))
        + b"\x10\x01"
        + message(8, b"weight")
        + message(13, place)
        + message(13, length)
        + b"\x70\x01"
    )
    reader = WireReader("large.onnx", message(7, message(5, tensor)))
    graph = reader.model().graph
    assert graph is not None
    (found,) = graph.initializers
    assert (found.name, found.dims, found.type) == ("weight", (500, 500_000), 1)
    assert (found.location, found.offset, found.length) == ("weights.bin", 0, 10**9)


def test_names_the_node_that_reads_its_own_result() -> None:
    first = message(1, b"b") + message(2, b"a") + message(3, b"one") + message(4, b"Relu")
    second = message(1, b"a") + message(2, b"b") + message(3, b"two") + message(4, b"Relu")
    graph = message(1, first) + message(1, second) + message(12, message(1, b"a"))
    with pytest.raises(ConvcalcError, match="one: it reads its own result"):
        read(ModelFile("cycle.onnx", message(7, graph)), Choices())


def test_a_file_that_is_cut_short_says_what_helps() -> None:
    whole = message(7, message(11, b"x"))
    with pytest.raises(ConvcalcError) as caught:
        read(ModelFile("net.onnx", whole[:-1]), Choices())
    assert "copy or download it again" in str(caught.value.problems[0].facts)
