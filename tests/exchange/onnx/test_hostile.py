"""Files that are wrong, or that ask for more than there is: an answer or an error, and soon."""

from __future__ import annotations

import pytest

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
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
)

IMAGE = info("x", [1, 3, 64, 64])


def _refused(data: bytes) -> tuple[str, str]:
    with pytest.raises(ConvcalcError) as caught:
        read(ModelFile("bad.onnx", data), Choices())
    (problem,) = caught.value.problems
    assert caught.value.status == 2
    return problem.code, problem.message


def test_sizes_that_no_value_has() -> None:
    over = graph([node("Expand", ["x", "s"], ["y"])], [tensor("s", [1], [2**40])], [IMAGE])
    code, said = _refused(model(over))
    assert code == "bad-model"
    assert said.startswith("bad.onnx: Expand: Expand: ")
    chain = [
        node("Concat", [f"s{n}", f"s{n}"], [f"s{n + 1}"], integer("axis", 1)) for n in range(40)
    ]
    whole = graph([*chain, node("Relu", ["s40"], ["y"])], [], [info("s0", [1, 3, 8, 8])])
    assert _refused(model(whole))[0] == "bad-model"


def test_numbers_that_grow_without_end() -> None:
    squares = [node("Mul", [f"s{n}", f"s{n}"], [f"s{n + 1}"]) for n in range(60)]
    last = node("Reshape", ["x", "s60"], ["y"])
    squared = graph([*squares, last], [tensor("s0", [2], [10**9, 10**9])], [IMAGE])
    assert _refused(model(squared))[0] == "unsupported-model"
    doubled = [
        node("Concat", [f"s{n}", f"s{n}"], [f"s{n + 1}"], integer("axis", 0)) for n in range(60)
    ]
    whole = graph([*doubled, last], [tensor("s0", [2], [1, 1])], [IMAGE])
    assert _refused(model(whole))[0] == "bad-model"


def test_constants_that_are_too_many_to_compute() -> None:
    sums = [node("Add", [f"c{n}", f"c{n}"], [f"c{n + 1}"]) for n in range(2000)]
    last = node("Reshape", ["x", "c2000"], ["y"])
    whole = graph([*sums, last], [tensor("c0", [40_000], [1] * 40_000)], [IMAGE])
    assert _refused(model(whole))[0] == "unsupported-model"


def test_functions_that_call_each_other() -> None:
    def function(name: str, nodes: list[bytes]) -> bytes:
        fields = message(1, name.encode()) + message(4, b"a") + message(5, b"b")
        return message(
            25, fields + b"".join([message(7, each) for each in nodes]) + message(10, b"d")
        )

    calls = graph([node("F0", ["x"], ["y"], domain="d")], [], [IMAGE])
    itself = function("F0", [node("F0", ["a"], ["b"], domain="d")])
    assert "call each other" in _refused(model(calls) + itself)[1]
    tower = b"".join(
        function(f"F{n}", [node(f"F{n + 1}", ["a"], ["c"], domain="d"),
                           node(f"F{n + 1}", ["c"], ["b"], domain="d")])
        for n in range(30)
    )  # fmt: skip
    tower += function("F30", [node("Relu", ["a"], ["b"])])
    assert "its functions become more than" in _refused(model(calls) + tower)[1]


def test_windows_and_axes_that_do_not_fit() -> None:
    large = node("MaxPool", ["x"], ["y"], integers("kernel_shape", [2**40, 1]))
    assert _refused(model(graph([large], [], [IMAGE])))[0] == "bad-model"
    turned = node("Transpose", ["x"], ["y"], integers("perm", [0, 1, 1, 2]))
    assert _refused(model(graph([turned], [], [IMAGE])))[0] == "bad-model"
    far = node("Concat", ["x", "x"], ["y"], integer("axis", 7))
    assert _refused(model(graph([far], [], [IMAGE])))[0] == "bad-model"


def test_names_are_shown_without_their_escapes() -> None:
    strange = node("Fo\x1b[31mo", ["x"], ["y"], name="\x1b[2J")
    message_ = _refused(model(graph([strange], [], [info("x", [1, 3])])))[1]
    assert "\x1b" not in message_


def test_an_operation_without_a_rule_is_opaque() -> None:
    strange = node("NonMaxSuppression", ["x"], ["y"], domain="com.example")
    network = read(
        ModelFile("new.onnx", model(graph([strange], [], [IMAGE], [info("y", [1, 100, 4])]))),
        Choices(),
    ).network
    (operation,) = network.operations
    assert operation.kind == "opaque"
    assert operation.shape == (100, 4)


@pytest.mark.parametrize(
    "content",
    [
        # Nodes, weights, values and names that cost a file little.
        message(1, b"") * 500,
        message(5, b"") * 500,
        message(13, b"") * 2000,
        message(1, message(1, b"") * 2000),
        message(1, message(5, message(1, b"a")) + message(5, message(4, b"b"))) * 400,
        message(1, message(3, b"n" * 4000)) * 50,
        message(1, integers("axes", range(5000))),
    ],
)
def test_steps_of_reading_are_bounded_by_the_layers_that_are_allowed(content: bytes) -> None:
    whole = model(graph([node("Relu", ["x"], ["y"])], [], [IMAGE]) + content)
    with pytest.raises(ConvcalcError, match="steps to read") as caught:
        read(ModelFile("large.onnx", whole), Choices(max_layers=50))
    assert caught.value.problems[0].code == "too-many-layers"
    assert "large.onnx" in caught.value.problems[0].message
    read(ModelFile("large.onnx", whole), Choices())


def test_lists_of_axes_are_short() -> None:
    reduced = node("ReduceMean", ["x", "axes"], ["y"])
    axes = tensor("axes", [5000], [1] * 5000)
    code, said = _refused(model(graph([reduced], [axes], [IMAGE]), 18))
    assert code == "bad-model"
    assert "5,000 numbers" in said


@pytest.mark.parametrize(
    "strange",
    [
        node("Gemm", ["one", "w"], ["y"]),
        node("DepthToSpace", ["one"], ["y"], integer("blocksize", 2)),
        node("Attention", ["x", "x", "one"], ["y"]),
        node("Softmax", ["x"], ["y"], integer("axis", 7)),
    ],
)
def test_values_without_axes(strange: bytes) -> None:
    one = node("ReduceMean", ["x"], ["one"], integer("keepdims", 0))
    weight = tensor("w", [4, 4], kind=1)
    assert _refused(model(graph([one, strange], [weight], [IMAGE])))[0] == "bad-model"


def test_values_that_do_not_fit_together() -> None:
    one = node("ReduceMean", ["x"], ["one"], integer("keepdims", 0))
    both = node("Concat", ["flat", "one"], ["y"], integer("axis", 0))
    flat = node("Reshape", ["x", "all"], ["flat"])
    whole = graph([one, flat, both], [tensor("all", [1], [-1])], [IMAGE])
    assert "do not go together" in _refused(model(whole))[1]


def test_numbers_that_are_cut_off() -> None:
    cut = number(1, 1) + number(2, 1) + message(4, b"123") + message(8, b"\x1b[2J")
    clip = node("Clip", ["x", "low"], ["y"])
    low = node("Constant", [], ["low"], message(5, message(1, b"value") + message(5, cut)))
    said = _refused(model(graph([low, clip], [], [IMAGE])))[1]
    assert "are cut off" in said
    assert "\x1b" not in said


def test_a_file_without_results() -> None:
    assert "no results" in _refused(model(message(1, node("Relu", ["x"], ["y"]))))[1]


def test_constants_without_numbers_take_no_work() -> None:
    # Larger than all that is computed beforehand, and not in the file.
    names = [f"n{number}" for number in range(3)]
    large = [node("Neg", ["large"], [name]) for name in names]
    unknown = node("Foo", ["x", *names], ["z"], domain="d")
    shape = node("Concat", ["a", "b"], ["shape"], integer("axis", 0))
    last = node("Reshape", ["x", "shape"], ["y"])
    constants = [tensor("large", [10**6]), tensor("a", [1], [1]), tensor("b", [1], [-1])]
    results = [info("z", [1, 8]), message(1, b"y")]
    whole = graph([*large, unknown, shape, last], constants, [IMAGE], results)
    network = read(ModelFile("net.onnx", model(whole)), Choices()).network
    assert network.nodes[network.outputs["y"]].shape == (3 * 64 * 64,)
