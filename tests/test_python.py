"""The Python face: what is shown of objects, and what they are as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import convcalc
from convcalc.analysis.memory.inference import measure_memory
from convcalc.language.device import read_device
from tests.cli.runner import run

#: A network with a layer of which the cost is unknown.
PARTLY = "{input: [3, 8, 8], layers: [{conv: 4, kernel: 3}, {opaque: Sort, shape: [4, 6, 6]}]}"


def shown(*command: str) -> Any:
    """What a command writes as JSON."""
    return json.loads(run(*command, "--format", "json").out)


@pytest.fixture(params=["resnet18", "partly.yaml"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A shipped network, and one with an unknown layer."""
    if request.param == "resnet18":
        return "resnet18"
    path = tmp_path / "partly.yaml"
    path.write_text(PARTLY, encoding="utf-8")
    return str(path)


class TestPlainData:
    """`to_dict` has the keys and the values of the command's JSON."""

    def test_of_a_report(self, file: str) -> None:
        report = convcalc.analyze(convcalc.load(file), batch=2)
        assert report.to_dict() == shown("shapes", file, "--batch", "2")
        assert convcalc.Analysis(report.network, batch=2).to_dict() == report.to_dict()

    def test_of_a_balance(self, file: str) -> None:
        found = convcalc.Analysis(convcalc.load(file)).balance("int8")
        assert found.to_dict() == shown("balance", file, "--dtype", "int8")
        with_device = shown("balance", file, "--dtype", "int8", "--device", "cortex_m7")
        assert found.to_dict(read_device("cortex_m7")) == with_device

    def test_of_a_training_step(self, file: str) -> None:
        step = convcalc.train(convcalc.load(file), optimizer="adam")
        assert (
            step.to_dict() == shown("flops", file, "--training", "--optimizer", "adam")["training"]
        )

    def test_of_memory(self, file: str) -> None:
        found = measure_memory(convcalc.analyze(convcalc.load(file)), dtype="int8")
        assert found.to_dict() == shown("memory", file, "--dtype", "int8")["memory"]

    def test_of_fields(self, file: str) -> None:
        found = convcalc.Analysis(convcalc.load(file)).fields.to_dict()
        layers = shown("field", file)["layers"]
        assert {layer["path"]: layer["field"] for layer in layers}.items() <= found.items()

    def test_is_json(self) -> None:
        network = convcalc.load("lenet")
        for one in (convcalc.analyze(network), convcalc.train(network)):
            assert json.loads(json.dumps(one.to_dict())) == one.to_dict()


def test_memory_says_itself_that_it_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "partly.yaml"
    path.write_text(PARTLY, encoding="utf-8")
    memory = shown("memory", str(path))["memory"]
    assert memory["complete"] is False
    assert memory["unknown"] == [{"name": "opaque0", "op": "Sort"}]
    assert shown("memory", "lenet")["memory"]["complete"] is True


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: convcalc.load("lenet"), ["lenet", "(1, 28, 28)", "11 operations", "dense2"]),
        (lambda: convcalc.spec("mobilenet_v2"), ["mobilenet_v2", "width=1"]),
        (lambda: convcalc.analyze(convcalc.load("lenet")), ["lenet", "61,706", "416,520"]),
        (lambda: convcalc.analyze(convcalc.load("lenet")).layers[0], ["conv0", "(1, 6, 28, 28)"]),
        (lambda: convcalc.analyze(convcalc.loads(PARTLY)), ["at least 112 params"]),
        (lambda: convcalc.analyze(convcalc.loads(PARTLY)).layers[1], ["cost unknown"]),
        (lambda: convcalc.Analysis(convcalc.load("lenet"), batch=3), ["lenet", "batch 3"]),
        (lambda: convcalc.Analysis(convcalc.load("lenet")).balance(), ["lenet", "float32"]),
        (lambda: convcalc.Analysis(convcalc.load("lenet")).fields, ["lenet"]),
        (lambda: convcalc.train(convcalc.load("lenet")), ["lenet", "sgd", "1,131,960 MACs"]),
        (lambda: convcalc.Runner(convcalc.load("lenet"), threads=1), ["lenet", "float32"]),
        (convcalc.GraphBuilder, ["0 nodes"]),
    ],
)
def test_what_is_shown_of_an_object(made: Any, words: list[str]) -> None:
    text = repr(made())
    assert not [word for word in words if word not in text], text
    assert " at 0x" not in text
