"""Weights that a file computes before the network runs, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices, Model
from convcalc.exchange.onnx import read
from convcalc.exchange.tensors import TensorArrays
from convcalc.executor.program import Program
from convcalc.executor.weights import GivenWeights, array_name, array_shapes
from convcalc.problems import ConvcalcError
from tests.exchange import runtime
from tests.exchange.onnx import messages
from tests.exchange.onnx.messages import (
    graph,
    info,
    integer,
    integers,
    message,
    node,
    number,
    tensor,
    text,
)

#: The result, whose shape onnxruntime finds.
RESULT = message(1, b"y") + message(2, message(1, number(1, 1)))
RNG = np.random.default_rng(5)


def stored(name: str, array: Any) -> bytes:
    """An initializer with its numbers."""
    array = np.asarray(array)
    kind = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "float16": 10}
    return tensor(name, array.shape, kind=kind[array.dtype.name]) + message(9, array.tobytes())


def weight(name: str, *shape: int) -> bytes:
    return stored(name, RNG.uniform(0.2, 1.5, shape).astype(np.float32))


def model(content: bytes) -> bytes:
    """A file with the version of the format that onnxruntime asks for."""
    return number(1, 8) + messages.model(content)


def results(read_model: Model, x: Any) -> list[Any]:
    """What the executor computes with the model's own weights."""
    network = read_model.network
    names = [
        array_name(each, name)
        for index, each in enumerate(network.nodes)
        for name in array_shapes(network, index)
    ]
    assert names
    arrays = TensorArrays({name: read_model.tensors[name] for name in names})
    given = GivenWeights(arrays)
    given.check(network)
    found = Program(network, weights=given).run({next(iter(network.inputs)): x})
    return [found[index] for index in network.outputs.values()]


def compare(content: bytes, x: Any) -> None:
    """Both give the same for a model with the input `x` and the result `y`."""
    (wanted,) = runtime.run(content, {"x": x})
    found = read(ModelFile("net.onnx", content), Choices())
    (result,) = results(found, x)
    assert not any(each.layer.unknown for each in found.network.nodes)
    np.testing.assert_allclose(result.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-5)


def whole(name: str, *values: int) -> bytes:
    return stored(name, np.array(values, np.int64))


#: What makes `c` of the weights `a` (4, 6) and `b` (6), and of whole numbers.
CHAINS: dict[str, list[bytes]] = {
    "arithmetic": [
        node("Mul", ["a", "b"], ["p"]),
        node("Sub", ["p", "a"], ["q"]),
        node("Div", ["q", "b"], ["r"]),
        node("Pow", ["b", "b"], ["s"]),
        node("Add", ["r", "s"], ["c"]),
    ],
    "functions": [
        node("Sqrt", ["a"], ["p"]),
        node("Tanh", ["p"], ["q"]),
        node("Exp", ["q"], ["r"]),
        node("Sigmoid", ["r"], ["s"]),
        node("Log", ["s"], ["t"]),
        node("Neg", ["t"], ["u"]),
        node("Erf", ["u"], ["v"]),
        node("Reciprocal", ["v"], ["w"]),
        node("Softplus", ["w"], ["c"]),
    ],
    "standardised": [
        node("ReduceMean", ["a"], ["mean"], integers("axes", [1]), integer("keepdims", 1)),
        node("Sub", ["a", "mean"], ["p"]),
        node("ReduceL2", ["p"], ["norm"], integers("axes", [1]), integer("keepdims", 1)),
        node("Div", ["p", "norm"], ["c"]),
    ],
    "moved": [
        node("Transpose", ["a"], ["p"], integers("perm", [1, 0])),
        node("Gather", ["p", "places"], ["q"], integer("axis", 1)),
        node("Slice", ["q", "starts", "ends"], ["r"]),
        node("Concat", ["r", "r"], ["s"], integer("axis", 0)),
        node("Tile", ["b", "twice"], ["t"]),
        node("Split", ["t"], ["first", "second"], integer("axis", 0)),
        node("Add", ["first", "second"], ["u"]),
        node("Reshape", ["u", "column"], ["v"]),
        node("Mul", ["s", "v"], ["w"]),
        node("Reshape", ["w", "shape"], ["c"]),
    ],
    "products": [
        node("Transpose", ["a"], ["p"], integers("perm", [1, 0])),
        node("MatMul", ["a", "p"], ["q"]),
        node("Gemm", ["q", "a"], ["r"]),
        node("Softmax", ["r"], ["s"], integer("axis", 1)),
        node("Einsum", ["s", "a"], ["t"], text("equation", "ij,ij->ij")),
        node("Relu", ["t"], ["c"]),
    ],
    "norms": [
        node("LayerNormalization", ["a", "b", "b"], ["p"], integer("axis", -1)),
        node("LeakyRelu", ["p"], ["q"]),
        node("Clip", ["q"], ["r"]),
        node("HardSwish", ["r"], ["c"]),
    ],
    "chosen": [
        node("Greater", ["a", "b"], ["larger"]),
        node("Not", ["larger"], ["smaller"]),
        node("Where", ["smaller", "a", "b"], ["p"]),
        node("Shape", ["a"], ["size"]),
        node("ConstantOfShape", ["size"], ["zero"]),
        node("ScatterND", ["zero", "points", "two"], ["q"]),
        node("GatherND", ["a", "points"], ["two_of_a"]),
        node("ScatterND", ["q", "others", "two_of_a"], ["r"]),
        node("Max", ["p", "r"], ["c"]),
    ],
    "quantized": [
        node("QuantizeLinear", ["a", "step", "zero"], ["p"]),
        node("DequantizeLinear", ["p", "step", "zero"], ["q"]),
        node("DequantizeLinear", ["bytes", "steps", "zeros"], ["r"], integer("axis", 1)),
        node("Add", ["q", "r"], ["c"]),
    ],
}


@pytest.mark.parametrize("name", sorted(CHAINS))
def test_numbers_are_those_of_onnxruntime(name: str) -> None:
    numbers = [
        weight("a", 4, 6),
        weight("b", 6),
        whole("places", 2, 0, 3, 1),
        whole("starts", 1, 0),
        whole("ends", 4, 4),
        whole("twice", 2),
        whole("column", 6, 1),
        whole("shape", 4, 6),
        stored("points", np.array([[0, 1], [3, 5]], np.int64)),
        stored("others", np.array([[2, 2], [1, 4]], np.int64)),
        weight("two", 2),
        stored("step", np.float32(0.01)),
        stored("steps", RNG.uniform(0.01, 0.02, 6).astype(np.float32)),
        stored("bytes", RNG.integers(-90, 90, (4, 6)).astype(np.int8)),
        stored("zeros", RNG.integers(-9, 9, 6).astype(np.int8)),
    ]
    if name != "chosen":
        numbers.append(stored("zero", np.int8(3)))
    nodes = [*CHAINS[name], node("Add", ["x", "c"], ["y"])]
    content = model(graph(nodes, numbers, [info("x", [1, 4, 6])], [RESULT]))
    compare(content, RNG.standard_normal((1, 4, 6)).astype(np.float32))


def test_what_a_weight_is_made_of_may_be_standardised() -> None:
    nodes = [
        node("InstanceNormalization", ["raw", "ones", "zeros"], ["turned"]),
        node("Reshape", ["turned", "shape"], ["w"]),
        node("Conv", ["x", "w"], ["y"]),
    ]
    numbers = [
        weight("raw", 1, 4, 27),
        weight("ones", 4),
        weight("zeros", 4),
        whole("shape", 4, 3, 3, 3),
    ]
    content = model(graph(nodes, numbers, [info("x", [1, 3, 8, 8])], [RESULT]))
    compare(content, RNG.standard_normal((1, 3, 8, 8)).astype(np.float32))


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3)])
def test_gates_are_in_their_order(kind: str, gates: int, directions: int) -> None:
    way = "bidirectional" if directions == 2 else "forward"
    attributes = [integer("hidden_size", 5), text("direction", way)]
    if kind == "GRU":
        attributes.append(integer("linear_before_reset", 1))
    nodes = [node(kind, ["x", "w", "r", "b"], ["y"], *attributes)]
    numbers = [
        weight("w", directions, gates * 5, 3),
        weight("r", directions, gates * 5, 5),
        weight("b", directions, 2 * gates * 5),
    ]
    content = model(graph(nodes, numbers, [info("x", [7, 1, 3])], [RESULT]))
    x = RNG.standard_normal((7, 1, 3)).astype(np.float32)
    (wanted,) = runtime.run(content, {"x": x})
    found = read(ModelFile("net.onnx", content), Choices())
    (result,) = results(found, x[None])
    np.testing.assert_allclose(result.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-5)


def test_steps_from_a_given_state() -> None:
    nodes = [
        node("LSTM", ["x", "w", "r", "b", "", "h", "c"], ["", "y"], integer("hidden_size", 5)),
    ]
    numbers = [weight("w", 1, 20, 3), weight("r", 1, 20, 5), weight("b", 1, 40)]
    numbers += [weight("h", 1, 1, 5), weight("c", 1, 1, 5)]
    content = model(graph(nodes, numbers, [info("x", [3, 1, 3])], [RESULT]))
    x = RNG.standard_normal((3, 1, 3)).astype(np.float32)
    (wanted,) = runtime.run(content, {"x": x})
    (result,) = results(read(ModelFile("net.onnx", content), Choices()), x[None])
    np.testing.assert_allclose(result.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-5)


def test_fewer_numbers_than_elements() -> None:
    """A bias for each pair of positions, gathered from a table; some pairs share a number."""
    nodes = [node("Gather", ["table", "places"], ["bias"]), node("Add", ["x", "bias"], ["y"])]
    places = RNG.integers(0, 7, (9, 9))
    numbers = [weight("table", 7), stored("places", places)]
    content = model(graph(nodes, numbers, [info("x", [1, 9, 9])], [RESULT]))
    compare(content, RNG.standard_normal((1, 9, 9)).astype(np.float32))
    network = read(ModelFile("net.onnx", content), Choices()).network
    (shared,) = [each for each in network.nodes if each.kind == "parameter"]
    assert shared.layer.argument("learned") == 7


def test_one_number_repeated() -> None:
    value = tensor("", [1], kind=1) + message(9, np.float32(1.25).tobytes())
    attribute = message(5, message(1, b"value") + message(5, value) + number(20, 4))
    nodes = [
        node("ConstantOfShape", ["size"], ["c"], attribute),
        node("Mul", ["c", "a"], ["d"]),
        node("Add", ["x", "d"], ["y"]),
    ]
    numbers = [whole("size", 9, 9), weight("a", 9)]
    content = model(graph(nodes, numbers, [info("x", [1, 9, 9])], [RESULT]))
    compare(content, RNG.standard_normal((1, 9, 9)).astype(np.float32))


def test_an_operation_without_a_rule_for_numbers() -> None:
    nodes = [
        node("OneHot", ["where", "depth", "ends"], ["hot"]),
        node("MatMul", ["hot", "a"], ["c"]),
        node("Add", ["x", "c"], ["y"]),
    ]
    numbers = [
        whole("where", *range(70)),
        stored("depth", np.int64(9)),
        weight("ends", 2),
        weight("a", 9, 6),
    ]
    content = model(graph(nodes, numbers, [info("x", [1, 70, 6])], [RESULT]))
    found = read(ModelFile("net.onnx", content), Choices())
    with pytest.raises(ConvcalcError, match="OneHot: it computes weights, and has no rule"):
        results(found, np.zeros((1, 70, 6), np.float32))


def test_numbers_that_do_not_fit() -> None:
    nodes = [
        node("Gather", ["a", "places"], ["c"], integer("axis", 0)),
        node("Add", ["x", "c"], ["y"]),
    ]
    numbers = [weight("a", 4, 80), whole("places", 3, 9)]
    content = model(graph(nodes, numbers, [info("x", [1, 2, 80])], [RESULT]))
    found = read(ModelFile("net.onnx", content), Choices())
    with pytest.raises(ConvcalcError, match="out of bounds"):
        results(found, np.zeros((1, 2, 80), np.float32))
