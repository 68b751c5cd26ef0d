"""TFLite's files, against what its own interpreter says of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.exchange.files import read_bytes
from convcalc.exchange.model import Choices, Model, Tensor
from convcalc.exchange.tflite import read
from convcalc.exchange.tflite.flatbuffer import root
from convcalc.problems import UNUSABLE, ConvcalcError
from tests.exchange.hostile import read_or_refuse
from tests.quick import fewer_examples

_DATA = Path(__file__).parents[1] / "data" / "tflite"
FACTS = json.loads((_DATA / "facts.json").read_text(encoding="utf-8"))
#: Files with an operation that has no rule.
PARTIAL = {"bp_nmp", "mp_selfie_segmentation"}


def content(name: str) -> bytes:
    return gzip.decompress((_DATA / f"{name}.tflite.gz").read_bytes())


def of(data: bytes, choices: Choices | None = None) -> Model:
    return read(read_bytes("net.tflite", data), choices or Choices())


@pytest.mark.parametrize("name", FACTS)
def test_has_the_figures_of_the_interpreter(name: str) -> None:
    facts = FACTS[name]
    network = of(content(name)).network
    report = convcalc.analyze(network)
    assert report.totals.macs == facts["macs"]
    assert bool(report.unknown) == (name in PARTIAL)
    if name not in PARTIAL:
        assert report.totals.params == facts["weights"]
    shapes = [network.nodes[index].shape for index in network.outputs.values()]
    # The batch is dropped, and the channels are the first axis.
    assert [int(np.prod(shape)) for shape in shapes] == [
        int(np.prod(shape)) for shape in facts["outputs"]
    ]
    assert [sorted(shape) for shape in network.inputs.values()] == [
        sorted(shape[1:]) for shape in facts["inputs"]
    ]


def test_weights_have_their_types_and_lie_in_the_file() -> None:
    model = of(content("kws_int8"))
    assert {tensor.dtype for tensor in model.tensors.values()} == {"int8", "int32"}
    sizes = {"int8": 1, "int32": 4}
    for tensor in model.tensors.values():
        assert isinstance(tensor, Tensor)
        assert tensor.length == int(np.prod(tensor.shape)) * sizes[tensor.dtype]
        assert tensor.offset + tensor.length <= len(tensor.file.data)
    network = model.network
    for node in network.nodes:
        for name, shape in node.layer.parameters(network.input_shapes(node)).items():
            stored = model.tensors[f"{node.path}.{name}"]
            assert int(np.prod(stored.shape)) == int(np.prod(shape))


def test_channels_last_moves_nothing() -> None:
    kinds = {node.kind for node in of(content("mobilenet")).network.nodes}
    assert "transpose" not in kinds
    assert {"conv", "depthwise", "relu6", "global_avgpool", "softmax"} <= kinds


def test_is_known_by_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "kws.tflite"
    path.write_bytes(content("kws_float"))
    assert list(convcalc.load(path).inputs.values()) == [(1, 49, 40)]


def test_sizes_of_inputs_are_fixed() -> None:
    with pytest.raises(ConvcalcError, match="are fixed"):
        of(content("kws_float"), Choices(input=[1, 32, 32]))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "not marked"),
        (b"\x08\0\0\0TFL2" + bytes(100), "not marked"),
        (pack("<i", 2**31 - 1) + b"TFL3" + bytes(100), "out of the file"),
        (b"\x08\0\0\0TFL3" + bytes(100), "no graph"),
        (content("kws_float")[:-3000], "damaged"),
    ],
)
def test_what_is_damaged(data: bytes, what: str) -> None:
    with pytest.raises(ConvcalcError, match=what) as caught:
        of(data)
    assert caught.value.status == UNUSABLE
    assert caught.value.problems[0].code == "bad-model"


def test_a_list_that_is_longer_than_the_file() -> None:
    data = bytearray(content("kws_float"))
    for place in range(8, 400, 4):
        changed = bytearray(data)
        changed[place : place + 4] = b"\xff\xff\xff\x7f"
        read_or_refuse(read, "net.tflite", bytes(changed))


@fewer_examples(2)
@given(st.sampled_from(["kws_float", "kws_int8", "unet", "se"]), st.data())
def test_a_changed_file_is_read_or_refused(name: str, data: st.DataObject) -> None:
    whole = bytearray(content(name))
    # What is not weights lies at the beginning or at the end.
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.sampled_from([len(whole), data.draw(st.integers(0, len(whole)))]))
    read_or_refuse(read, "net.tflite", bytes(whole[:cut]))


@pytest.mark.parametrize("name", ["kws_int8", "se", "unet", "bp_nmp"])
def test_an_operation_whose_inputs_are_gone(name: str) -> None:
    whole = content(name)
    graph = root(memoryview(whole), b"TFL3").tables(2, 1)[0]
    for operation in graph.tables(3, 1000):
        start, _ = operation.bytes(1, 4)
        changed = bytearray(whole)
        changed[start - 4 : start] = bytes(4)  # how many there are
        read_or_refuse(read, "net.tflite", bytes(changed))
