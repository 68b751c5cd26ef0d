"""What operations of ONNX become, each in a file written for it."""

from __future__ import annotations

import gc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.analysis.analysis import Analysis
from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices, Computed, Model, Tensor
from convcalc.exchange.onnx import read
from convcalc.exchange.onnx.values import INT64, Constant, Op, Value
from convcalc.exchange.onnx.wire import Graph
from convcalc.problems import ConvcalcError
from tests.exchange.onnx.messages import (
    graph,
    info,
    integer,
    integers,
    message,
    model,
    node,
    number,
    tensor,
    text,
)

IMAGE = info("x", ["batch", 3, 8, 8])


def read_nodes(
    nodes: list[bytes], initializers: list[bytes], inputs: list[bytes], version: int = 17
) -> Model:
    content = model(graph(nodes, initializers, inputs), version)
    return read(ModelFile("net.onnx", content), Choices())


def kinds(found: Model) -> list[str]:
    return [node.kind for node in found.network.operations]


def floats(name: str, *dims: int) -> bytes:
    """A weight whose numbers are left out."""
    return tensor(name, dims, kind=1)


def bytes_of(name: str, *dims: int) -> bytes:
    """A weight of int8 numbers."""
    count = 1
    for dim in dims:
        count *= dim
    return tensor(name, dims, kind=3) + message(9, bytes(count))


def test_one_initializer_that_is_read_twice_is_shared_and_a_copy_is_not() -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("Conv", ["a", "w"], ["b"]),
        node("Identity", ["w"], ["same"]),
        node("Conv", ["b", "same"], ["y"]),
    ]
    found = read_nodes(nodes, [floats("w", 3, 3, 1, 1)], [IMAGE])
    first, second, third = found.network.operations
    assert second.shares == found.network.nodes.index(first)
    assert third.shares is None
    assert Analysis(found.network).report.totals.params == 18


def test_weights_of_bytes_keep_their_type() -> None:
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        node("DequantizeLinear", ["w", "s", "z"], ["wd"]),
        node("Conv", ["xd", "wd"], ["a"], name="/stem/Conv"),
        node("QuantizeLinear", ["a", "s", "z"], ["y"]),
    ]
    weights = [bytes_of("w", 4, 3, 3, 3), floats("s"), tensor("z", [], [0], kind=3)]
    found = read_nodes(nodes, weights, [IMAGE])
    assert kinds(found) == ["conv"]
    weight = found.tensors["stem.weight"]
    assert isinstance(weight, Computed)
    stored = weight.inputs[0]
    assert isinstance(stored, Tensor)
    assert (stored.dtype, stored.length) == ("int8", 108)


def test_convolutions_of_whole_numbers_are_convolutions() -> None:
    names = ["x", "s", "z", "w", "s", "z", "s", "z", "b"]
    nodes = [node("QLinearConv", names, ["a"], integers("pads", [1, 1, 1, 1])),
             node("QLinearAdd", ["a", "s", "z", "a", "s", "z", "s", "z"], ["y"],
                  domain="com.microsoft")]  # fmt: skip
    weights = [bytes_of("w", 4, 3, 3, 3), tensor("b", [4], [1, 2, 3, 4], kind=6), floats("s")]
    found = read_nodes(nodes, [*weights, tensor("z", [], [0], kind=3)], [IMAGE])
    assert kinds(found) == ["conv", "add"]
    report = Analysis(found.network).report
    assert (report.totals.params, report.totals.macs) == (112, 4 * 27 * 64)


def test_a_condition_that_is_known_is_taken() -> None:
    def branch(op: str) -> bytes:
        return graph([node(op, ["x"], ["z"])], outputs=[message(1, b"z")])

    def body(name: str, op: str) -> bytes:
        return message(5, message(1, name.encode()) + message(6, branch(op)) + number(20, 5))

    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "one"], ["c"]),
        node("Equal", ["c", "three"], ["is"]),
        node("If", ["is"], ["y"], body("then_branch", "Relu"), body("else_branch", "Tanh")),
    ]
    found = read_nodes(nodes, [tensor("one", [], [1]), tensor("three", [], [3])], [IMAGE])
    assert kinds(found) == ["relu"]


def test_functions_are_put_in_the_place_of_their_calls() -> None:
    inner = node("LeakyRelu", ["a"], ["b"])
    reference = message(5, message(1, b"alpha") + message(21, b"slope") + number(20, 1))
    fields = [message(1, b"Act"), message(4, b"a"), message(5, b"b"), message(6, b"slope")]
    function = message(25, b"".join([*fields, message(7, inner + reference), message(10, b"my")]))
    slope = message(5, message(1, b"slope") + b"\x15\x00\x00\x00\x3f" + number(20, 1))
    call = node("Act", ["x"], ["y"], slope, domain="my")
    content = model(graph([call], [], [IMAGE])) + function
    found = read(ModelFile("net.onnx", content), Choices())
    (layer,) = [each.layer for each in found.network.operations]
    assert layer.kind == "leaky_relu"
    assert layer.argument("slope") == 0.5


def test_orders_of_axes_cost_no_layer() -> None:
    nodes = [
        node("Transpose", ["x"], ["a"], integers("perm", [0, 3, 1, 2])),
        node("Conv", ["a", "w"], ["b"]),
        node("Transpose", ["b"], ["c"], integers("perm", [0, 2, 3, 1])),
        node("LayerNormalization", ["c", "g", "h"], ["d"], integer("axis", -1)),
        node("MatMul", ["d", "m"], ["e"]),
        node("Transpose", ["e"], ["y"], integers("perm", [0, 3, 1, 2])),
    ]
    weights = [floats("w", 4, 3, 1, 1), floats("g", 4), floats("h", 4), floats("m", 4, 6)]
    found = read_nodes(nodes, weights, [info("x", [1, 8, 8, 3])])
    assert kinds(found) == ["transpose", "conv", "layernorm", "dense"]
    assert found.network.operations[-1].shape == (6, 8, 8)


def test_attention_of_several_heads_is_one_layer() -> None:
    nodes = [node("MatMul", ["x", "w"], ["qkv"]),
             node("Reshape", ["qkv", "five"], ["split"]),
             node("Transpose", ["split"], ["turned"], integers("perm", [2, 0, 3, 1, 4])),
             node("Split", ["turned"], ["q4", "k4", "v4"], integer("axis", 0)),
             *[node("Squeeze", [f"{name}4", "zero"], [name]) for name in "qkv"],
             node("Transpose", ["k"], ["kt"], integers("perm", [0, 1, 3, 2])),
             node("MatMul", ["q", "kt"], ["scores"]),
             node("Div", ["scores", "root"], ["scaled"]),
             node("Softmax", ["scaled"], ["p"], integer("axis", -1)),
             node("MatMul", ["p", "v"], ["heads"]),
             node("Transpose", ["heads"], ["back"], integers("perm", [0, 2, 1, 3])),
             node("Reshape", ["back", "three"], ["y"])]  # fmt: skip
    root = tensor("root", [], kind=1) + message(9, b"\x00\x00\x80\x40")
    constants = [floats("w", 32, 96), tensor("five", [5], [1, 10, 3, 2, 16]),
                 tensor("three", [3], [1, 10, 32]), tensor("zero", [1], [0]), root]  # fmt: skip
    found = read_nodes(nodes, constants, [info("x", [1, 10, 32])])
    assert "attention_scores" in kinds(found)
    assert "matmul" not in kinds(found)
    assert Analysis(found.network).report.totals.macs == 10 * 32 * 96 + 2 * 10 * 10 * 32


def test_padding_that_is_computed_is_a_pad() -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Slice", ["s", "two", "four"], ["hw"]),
        node("Mod", ["hw", "five"], ["rest"]),
        node("Concat", ["none", "rest", "none", "zeros"], ["pads"], integer("axis", 0)),
        node("Pad", ["x", "pads"], ["y"], text("mode", "reflect")),
    ]
    constants = [tensor("two", [1], [2]), tensor("four", [1], [4]), tensor("five", [1], [5]),
                 tensor("none", [2], [0, 0]), tensor("zeros", [2], [0, 0])]  # fmt: skip
    found = read_nodes(nodes, constants, [IMAGE])
    assert kinds(found) == ["pad"]
    assert found.network.operations[0].shape == (3, 11, 11)


def test_sizes_are_asked_for_by_name() -> None:
    nodes = [node("Relu", ["x"], ["y"])]
    content = model(graph(nodes, [], [info("x", ["n", 3, "height", "width"])]))
    with pytest.raises(ConvcalcError) as caught:
        read(ModelFile("net.onnx", content), Choices(dims={"width": 20}))
    (problem,) = caught.value.problems
    assert problem.code == "unknown-dimension"
    assert "'height', axis 2 of the input 'x'" in problem.message
    assert "--dim height=" in str(problem.facts)
    found = read(ModelFile("net.onnx", content), Choices(dims={"width": 20, "height": 10}))
    assert found.network.inputs == {"input": (3, 10, 20)}
    assert found.dims == {"n": 1, "width": 20, "height": 10}
    given = read(ModelFile("net.onnx", content), Choices(input=(3, 5, 6)))
    assert given.network.inputs == {"input": (3, 5, 6)}


def test_weights_may_lie_in_another_file(tmp_path: Path) -> None:
    def content(length: int) -> bytes:
        place = message(1, b"location") + message(2, b"weights.bin")
        size = message(1, b"offset") + message(2, str(length).encode())
        weight = floats("w", 4, 3, 1, 1) + message(13, place) + message(13, size) + number(14, 1)
        return model(graph([node("Conv", ["x", "w"], ["y"], name="/a/Conv")], [weight], [IMAGE]))

    (tmp_path / "weights.bin").write_bytes(bytes(64))
    found = read(ModelFile("net.onnx", content(16), folder=str(tmp_path)), Choices())
    place = found.tensors["a.weight"]
    assert isinstance(place, Tensor)
    assert (place.offset, place.length, place.dtype) == (16, 48, "float32")
    with pytest.raises(ConvcalcError, match="ends behind the end"):
        read(ModelFile("net.onnx", content(17), folder=str(tmp_path)), Choices())
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ConvcalcError, match=r"weights\.bin"):
        read(ModelFile("net.onnx", content(16), folder=str(tmp_path)), Choices())


def test_weights_in_another_file_stay_in_the_folder(tmp_path: Path) -> None:
    place = message(1, b"location") + message(2, b"../secret.bin")
    weight = floats("w", 4, 3, 1, 1) + message(13, place) + number(14, 1)
    content = model(graph([node("Conv", ["x", "w"], ["y"])], [weight], [IMAGE]))
    with pytest.raises(ConvcalcError) as caught:
        read(ModelFile("net.onnx", content, folder=str(tmp_path)), Choices())
    assert caught.value.status == 2
    assert "secret.bin" in caught.value.problems[0].message


def test_of_a_batch_of_a_fixed_size_one_sample_is_read() -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("Reshape", ["a", "rows"], ["b"]),
        node("Gemm", ["b", "m"], ["y"], integer("transB", 1)),
    ]
    weights = [floats("w", 4, 3, 1, 1), tensor("rows", [2], [8, -1]), floats("m", 10, 256)]
    found = read_nodes(nodes, weights, [info("x", [8, 3, 8, 8])])
    assert found.network.inputs == {"input": (3, 8, 8)}
    assert kinds(found) == ["conv", "dense"]
    assert Analysis(found.network).report.totals.macs == 4 * 3 * 64 + 2560


def test_parts_of_a_weight_are_found_where_they_lie() -> None:
    nodes = [
        node("Split", ["w", "sizes"], ["first", "second"], integer("axis", 0)),
        node("Conv", ["x", "first"], ["a"], name="/a/Conv"),
        node("Conv", ["x", "second"], ["b"], name="/b/Conv"),
        node("Concat", ["a", "b"], ["y"], integer("axis", 1)),
    ]
    weight = tensor("w", [6, 3, 1, 1], kind=1) + message(9, bytes(72))
    found = read_nodes(nodes, [weight, tensor("sizes", [2], [2, 4])], [IMAGE])
    first, second = found.tensors["a.weight"], found.tensors["b.weight"]
    assert first.shape == second.shape == (6, 3, 1, 1)
    assert ("slice", (0, 0, 2)) in first.steps
    assert ("slice", (0, 2, 6)) in second.steps
    assert Analysis(found.network).report.totals.params == 18


@given(
    st.lists(st.integers(-3, 3), max_size=6)
    | st.builds(
        lambda first, step, count: [first + step * n for n in range(count)],
        st.integers(-9, 9),
        st.integers(-3, 3),
        st.integers(0, 9),
    )
)
def test_what_all_numbers_of_a_constant_are(numbers: list[int]) -> None:
    constant = Constant("c", (len(numbers),), INT64, [*numbers])
    evenly = constant.evenly()
    steps = {second - first for first, second in pairwise(numbers)}
    # One number is a range as well.
    if numbers and len(steps) <= 1 and min(steps, default=1) > 0:
        assert evenly is not None
        assert [*evenly] == numbers
    else:
        assert evenly is None
    assert constant.uniform() == (numbers[0] if len({*numbers}) == 1 else None)


def test_a_shape_that_no_rule_gives_is_the_one_that_the_file_states() -> None:
    # How many boxes are left is known when the network runs, or is said before.
    boxes = node("NonMaxSuppression", ["x"], ["boxes", "count"], domain="d")
    last = node("Relu", ["boxes"], ["y"])
    stated = [message(13, info("boxes", [1, "left", 4]))]
    content = graph([boxes, last], [], [IMAGE]) + b"".join(stated)
    with pytest.raises(ConvcalcError, match="'left', axis 1 of its result") as caught:
        read(ModelFile("net.onnx", model(content)), Choices())
    assert caught.value.problems[0].code == "unknown-dimension"
    assert "--dim left=N" in str(caught.value.problems[0].facts)
    found = read(ModelFile("net.onnx", model(content)), Choices(dims={"left": 7}))
    assert [node.shape for node in found.network.operations] == [(7, 4)] * 2
    assert found.dims["left"] == 7


def test_a_result_that_nobody_reads_needs_no_shape() -> None:
    split = node("Strange", ["x"], ["y", "rest"], domain="d")
    content = graph([split], [], [IMAGE], [info("y", [1, 5])])
    found = read(ModelFile("net.onnx", model(content)), Choices())
    assert [node.shape for node in found.network.operations] == [(5,)]


def test_a_size_that_is_computed_may_be_stated() -> None:
    # The new shape is a number of the picture itself.
    shape = node("Strange", ["x"], ["shape"], domain="d")
    moved = node("Reshape", ["x", "shape"], ["y"])
    stated = message(13, info("shape", [3], kind=7))
    content = graph([shape, moved], [], [IMAGE], [info("y", [1, 3, 64])]) + stated
    network = read(ModelFile("net.onnx", model(content)), Choices()).network
    assert network.nodes[network.outputs["y"]].shape == (3, 64)


def test_without_a_shape_the_value_before_is_named() -> None:
    strange = node("Strange", ["r"], ["s"], name="tail", domain="d")
    content = graph([node("Relu", ["x"], ["r"]), strange, node("Relu", ["s"], ["y"])], [], [IMAGE])
    with pytest.raises(ConvcalcError, match="tail: d:Strange: it has no rule") as caught:
        read(ModelFile("net.onnx", model(content)), Choices())
    assert "--outputs r ends the network" in str(caught.value.problems[0].facts)


def test_names_in_a_function_are_its_own() -> None:
    # The file's y and that of the function are two values.
    strange = node("Strange", ["a"], ["y"], domain="d")
    after = node("Relu", ["y"], ["b"])
    function = message(1, b"F") + message(4, b"a") + message(5, b"b") + message(10, b"d")
    function += message(7, strange) + message(7, after)
    whole = model(graph([node("F", ["x"], ["y"], domain="d")], [], [IMAGE], [info("y", [1, 5])]))
    with pytest.raises(ConvcalcError, match="d:Strange: it has no rule"):
        read(ModelFile("net.onnx", whole + message(25, function)), Choices())


def test_values_go_back_to_the_places_of_a_pooling() -> None:
    window = [integers("kernel_shape", [2, 2]), integers("strides", [2, 2])]
    nodes = [
        node("MaxPool", ["x"], ["a", "places"], *window),
        node("Relu", ["a"], ["b"]),
        node("MaxUnpool", ["b", "places"], ["y"], *window),
    ]
    found = read_nodes(nodes, [], [IMAGE])
    assert kinds(found) == ["maxpool", "indices", "relu", "unpool"]
    assert found.network.operations[-1].shape == (3, 8, 8)


def test_places_that_are_moved_are_no_places() -> None:
    window = [integers("kernel_shape", [2, 2]), integers("strides", [2, 2])]
    nodes = [
        node("MaxPool", ["x"], ["a", "places"], *window),
        node("Add", ["places", "one"], ["moved"]),
        node("MaxUnpool", ["a", "moved"], ["y"], *window),
    ]
    found = read_nodes(nodes, [tensor("one", [1], [1])], [IMAGE])
    assert [each.layer.argument("op") for each in found.network.nodes if each.layer.unknown] == [
        "MaxUnpool"
    ]


@pytest.mark.parametrize("last", [True, False])
def test_a_global_response_normalisation(last: bool) -> None:
    spatial, channel, shape = ([1, 2], [3], [8]) if last else ([2, 3], [1], [8, 1, 1])
    nodes = [
        node("ReduceL2", ["x"], ["length"], integers("axes", spatial)),
        node("ReduceMean", ["length"], ["mean"], integers("axes", channel)),
        node("Add", ["mean", "eps"], ["around"]),
        node("Div", ["length", "around"], ["n"]),
        node("Mul", ["x", "n"], ["p"]),
        node("Mul", ["w", "p"], ["q"]),
        node("Add", ["b", "q"], ["r"]),
        node("Add", ["x", "r"], ["y"]),
    ]
    number_of_code = tensor("eps", [], kind=1) + message(9, bytes.fromhex("bd378635"))
    weights = [floats("w", *shape), floats("b", *shape), number_of_code]
    image = info("x", [1, 5, 6, 8] if last else [1, 8, 5, 6])
    found = read_nodes(nodes, weights, [image])
    assert [kind for kind in kinds(found) if kind != "transpose"] == ["grn"]
    (norm,) = [each for each in found.network.operations if each.kind == "grn"]
    assert norm.layer.argument("eps") == 1e-6
    assert Analysis(found.network).report.totals.params == 16


def test_what_was_read_is_freed_with_the_network() -> None:
    # A file that is mapped stays open until nothing refers to it.
    def kept() -> int:
        return sum(isinstance(each, Op | Value | Graph) for each in gc.get_objects())

    content = model(graph([node("Conv", ["x", "w"], ["y"])], [floats("w", 4, 3, 3, 3)], [IMAGE]))
    file = ModelFile("net.onnx", content)
    gc.collect()
    before = kept()
    gc.disable()
    try:
        network = read(file, Choices()).network
        assert (kept(), len(network.nodes)) == (before, 2)
    finally:
        gc.enable()
