"""Which files are models."""

from __future__ import annotations

from importlib import import_module

import pytest

import convcalc
from convcalc.exchange.formats import FORMATS, ULTRALYTICS, format_of
from convcalc.problems import ConvcalcError


def test_every_format_has_a_reader() -> None:
    for known in (*FORMATS, ULTRALYTICS):
        assert callable(known.reader()), known.name
        assert import_module(known.module).__doc__


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("net.onnx", "ONNX"),
        ("models/NET.ONNX", "ONNX"),
        ("net.onnx.gz", "ONNX"),
        ("yolov3.cfg", "darknet"),
        ("net.yaml", None),
        ("-", None),
        ("lenet", None),
        ("onnx", None),
    ],
)
def test_the_suffix_names_the_format(path: str, name: str | None) -> None:
    found = format_of(path)
    assert (found and found.name) == name


def test_what_cannot_be_read_is_refused_with_advice() -> None:
    with pytest.raises(ConvcalcError) as caught:
        convcalc.load("resnet50.pth")
    assert caught.value.status == 2
    (problem,) = caught.value.problems
    assert problem.code == "unsupported-model"
    assert "torch.onnx.export" in str(problem.facts)
