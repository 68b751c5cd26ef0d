"""Attention that a file writes out as products, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
from tests.exchange.onnx.messages import graph, info, integer, integers, node
from tests.exchange.onnx.test_computed import RESULT, compare, model, stored, weight

RNG = np.random.default_rng(3)
SWAP = integers("perm", [0, 1, 3, 2])
PARTS = ["scale", "attention_scores", "softmax", "attention_values"]

#: Query, key and value are maps with 2 heads of 16 channels.
OF_MAPS = {
    "columns": [
        node("Mul", ["k", "quarter"], ["ks"]),
        node("Transpose", ["ks"], ["kt"], SWAP),
        node("MatMul", ["kt", "q"], ["scores"]),
        node("Softmax", ["scores"], ["p"], integer("axis", 2)),
    ],
    "rows that are turned": [
        node("Transpose", ["q"], ["qt"], SWAP),
        node("MatMul", ["qt", "k"], ["scores"]),
        node("Mul", ["scores", "quarter"], ["scaled"]),
        node("Softmax", ["scaled"], ["rows"], integer("axis", -1)),
        node("Transpose", ["rows"], ["p"], SWAP),
    ],
    "a factor before a reshape": [
        node("Reshape", ["q", "long"], ["ql"]),
        node("Mul", ["ql", "quarter"], ["qs"]),
        node("Reshape", ["qs", "heads"], ["q2"]),
        node("Transpose", ["k"], ["kt"], SWAP),
        node("MatMul", ["kt", "q2"], ["scores"]),
        node("Softmax", ["scores"], ["p"], integer("axis", 2)),
    ],
}


def read_kinds(content: bytes) -> list[str]:
    found = read(ModelFile("net.onnx", content), Choices())
    return [each.kind for each in found.network.operations]


@pytest.mark.parametrize("form", OF_MAPS)
def test_attention_of_maps(form: str) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["qkv"]),
        node("Split", ["qkv", "sizes"], ["q3", "k3", "v3"], integer("axis", 1)),
        *[node("Reshape", [f"{name}3", "heads"], [name]) for name in "qkv"],
        *OF_MAPS[form],
        node("MatMul", ["v", "p"], ["sums"]),
        node("Reshape", ["sums", "map"], ["y"]),
    ]
    constants = [
        weight("w", 96, 8, 1, 1),
        stored("quarter", np.float32(0.25)),
        stored("sizes", np.array([32, 32, 32])),
        stored("heads", np.array([1, 2, 16, -1])),
        stored("long", np.array([1, 32, -1])),
        stored("map", np.array([1, 32, 5, 6])),
    ]
    content = model(graph(nodes, constants, [info("x", [1, 8, 5, 6])], [RESULT]))
    assert read_kinds(content) == ["conv", "slice", "slice", "slice", *PARTS]
    compare(content, RNG.normal(size=(1, 8, 5, 6)).astype(np.float32))


def test_attention_in_windows_of_a_sequence() -> None:
    nodes = [
        node("Reshape", ["x", "windows"], ["apart"]),
        node("MatMul", ["apart", "w"], ["qkv"]),
        node("Reshape", ["qkv", "five"], ["split"]),
        node("Transpose", ["split"], ["turned"], integers("perm", [2, 0, 3, 1, 4])),
        *[node("Gather", ["turned", f"n{n}"], [name]) for n, name in enumerate("qkv")],
        node("Transpose", ["k"], ["kt"], SWAP),
        node("MatMul", ["q", "kt"], ["scores"]),
        node("Mul", ["scores", "quarter"], ["scaled"]),
        node("Softmax", ["scaled"], ["p"], integer("axis", -1)),
        node("MatMul", ["p", "v"], ["heads"]),
        node("Transpose", ["heads"], ["back"], integers("perm", [0, 2, 1, 3])),
        node("Reshape", ["back", "three"], ["y"]),
    ]
    constants = [
        weight("w", 32, 96),
        stored("quarter", np.float32(0.25)),
        stored("windows", np.array([3, 4, 32])),
        stored("five", np.array([3, 4, 3, 2, 16])),
        *[stored(f"n{n}", np.array(n)) for n in range(3)],
        stored("three", np.array([1, 12, 32])),
    ]
    content = model(graph(nodes, constants, [info("x", [1, 12, 32])], [RESULT]))
    found = read(ModelFile("net.onnx", content), Choices()).network
    (scores,) = [each for each in found.operations if each.kind == "attention_scores"]
    assert scores.layer.argument("heads") == 2
    assert scores.layer.argument("window") == (1, 4)
    compare(content, RNG.normal(size=(1, 12, 32)).astype(np.float32))
