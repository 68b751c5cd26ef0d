"""Networks as source: what is written. What it computes is tested where the framework is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import convcalc
from convcalc.exchange.write.source import keras_operations, torch_operations
from convcalc.exchange.write.source.keras_text import keras_source
from convcalc.exchange.write.source.torch_text import torch_source
from convcalc.graph import GraphBuilder, Network
from convcalc.language.shipped import shipped_names
from convcalc.layers import NODE_KINDS
from convcalc.layers.convolution import Conv
from convcalc.problems import ConvcalcError
from tests.quick import each_network
from tests.shipped import shipped

#: What has attention with a position bias or of groups of positions, an LSTM, or an unpooling.
NOT_IN_KERAS = frozenset(
    [
        *("crnn", "efficientformer_l1", "maxvit_t", "mobilevit_s", "segnet", "swin_b", "swin_s"),
        *("swin_t", "swin_v2_b", "swin_v2_s", "swin_v2_t"),
    ]
)
GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "vgg16", "densenet121"])
def test_source_is_what_a_person_would_write(name: str) -> None:
    assert torch_source(shipped(name)) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2"])
def test_keras_source_is_what_a_person_would_write(name: str) -> None:
    golden = GOLDEN / f"{name}_keras.txt"
    assert keras_source(shipped(name)) == golden.read_text(encoding="utf-8")


@pytest.mark.no_cover
@pytest.mark.parametrize("write", [torch_source, keras_source])
@each_network(shipped_names())
def test_source_is_well_formed(name: str, write: Callable[[Network], str], tmp_path: Path) -> None:
    if write is keras_source and name in NOT_IN_KERAS:
        with pytest.raises(ConvcalcError, match="has no counterpart in Keras"):
            write(shipped(name))
        return
    text = write(shipped(name))
    ast.parse(text)
    assert max(map(len, text.splitlines())) <= 100
    path = tmp_path / "net.py"
    path.write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,W,F,I,N",
        "--ignore",
        "N812",
    ]
    done = subprocess.run(
        [*command, "--line-length", "100", str(path)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("kind", ["conv: 4", "depthwise: 3", "conv_transpose: 4"])
def test_keras_takes_no_stride_with_a_dilation(kind: str) -> None:
    kernel = "" if kind.startswith("depth") else "kernel: 3, "
    layer = f"{{{kind}, {kernel}stride: 2, dilation: 2, name: turned}}"
    with pytest.raises(ConvcalcError, match="strides and dilations cannot both be above 1"):
        keras_source(convcalc.loads(f"{{input: [4, 9, 9], layers: [{layer}]}}"))


def test_every_kind_has_its_source() -> None:
    # An attention is written as a whole, and an operation without a rule not at all.
    others = {kind for kind in NODE_KINDS if kind.startswith("attention_")} | {"opaque"}
    for operations in (torch_operations, keras_operations):
        assert set(operations.TRANSLATIONS) == set(NODE_KINDS) - others


def test_it_depends_on_no_other_program() -> None:
    imported = set()
    for name in ("swin_v2_t", "crnn", "segnet"):
        for node in ast.walk(ast.parse(torch_source(shipped(name)))):
            if isinstance(node, ast.Import):
                imported.update([alias.name.split(".")[0] for alias in node.names])
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
    assert imported == {"math", "torch"}


def test_blocks_that_differ_in_numbers_are_one_class() -> None:
    text = torch_source(
        convcalc.loads(
            """
input: [3, 8, 8]
blocks:
  twice(c): [{conv: c, kernel: 3, padding: 1}, {conv: c, kernel: 3, padding: 1}]
layers: [{twice: 4}, {twice: 8}, {twice: 12}]
"""
        )
    )
    assert text.count("class ") == 2
    assert "def __init__(self, in_channels, channels):" in text
    assert "Twice(3, 4), Twice(4, 8), Twice(8, 12)" in text


def test_layers_that_some_blocks_leave_out_are_optional() -> None:
    text = torch_source(
        convcalc.loads(
            """
input: [4, 8, 8]
blocks:
  unit(c):
    - add:
        main: [{conv: c, kernel: 3, padding: 1}, {conv: c, kernel: 3, padding: 1}]
        shortcut: [{conv: c, kernel: 1, when: in_channels != c}]
layers: [{unit: 4}, {unit: 8}, {unit: 8}]
"""
        )
    )
    assert "if in_channels != channels" in text
    assert text.count("class Unit") == 1


def test_layers_that_share_weights_are_one_module() -> None:
    text = torch_source(
        convcalc.loads(
            """
input: [4, 8, 8]
blocks:
  head: [{conv: 4, kernel: 3, padding: 1, activation: relu}, {conv: 2, kernel: 1}]
layers:
  - {maxpool: 2, name: half}
  - {head: , from: input, name: first}
  - {head: , from: half, name: second, share: first}
outputs: [first, second]
"""
        )
    )
    assert "self.first(" in text
    assert "self.second" not in text


def test_names_of_python_are_no_names_of_modules() -> None:
    layers = "{conv: 2, kernel: 1, name: class}, {conv: 3, kernel: 1, name: train}"
    add = "{add: [[{conv: 3, kernel: 1, name: lambda}], []], name: self}"
    text = torch_source(convcalc.loads(f"{{input: [1, 4, 4], layers: [{layers}, {add}]}}"))
    ast.parse(text)


def test_a_layer_without_a_counterpart_is_named() -> None:
    spec = "{input: [4, 7, 7], layers: [{conv: 4, kernel: 3, flip: true, name: turned}]}"
    with pytest.raises(ConvcalcError) as caught:
        torch_source(convcalc.loads(spec))
    (problem,) = caught.value.problems
    assert (problem.code, problem.subject.layer) == ("no-counterpart", "turned")
    assert "conv has no counterpart in PyTorch" in problem.message


def test_a_network_without_blocks_is_grouped_by_its_paths() -> None:
    network = shipped("resnet18")
    for node in network.nodes:
        assert node.span is not None or not node.inputs
    builder = convcalc.GraphBuilder()
    for node in network.nodes:
        if not node.inputs:
            builder.input(node.path, node.shape)
        else:
            builder.add(node.layer, node.inputs, path=node.path, unit=node.unit)
    text = torch_source(builder.network("resnet18", network.outputs))
    ast.parse(text)
    assert text.count("\nclass ") < 10
    assert len(text.splitlines()) < 150


def test_blocks_of_two_names_inside_of_each_other() -> None:
    paths = (
        *("block0.block0.a", "block0.block0.b", "block0.c", "block1.d", "block1.e"),
        *("block2.other0.f", "block2.other0.g", "block2.h"),
        *("other1.block0.i", "other1.block0.j", "other1.k"),
    )
    builder = GraphBuilder()
    at = builder.input("x", (4, 8, 8))
    for number, path in enumerate(paths):
        size = 1 + number % 2 * 2
        layer = Conv.read({"channels": 4, "kernel": size, "padding": size // 2}, rank=2)
        at = builder.add(layer, [at], path=path)
    network = builder.network("net", {"y": at})
    for write in (torch_source, keras_source):
        ast.parse(write(network))
