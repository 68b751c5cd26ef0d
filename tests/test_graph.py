"""The graph of layers, and how it is built."""

from __future__ import annotations

import numpy as np
import pytest

import convcalc
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.activation import ReLU
from convcalc.layers.convolution import Conv
from convcalc.layers.normalisation import BatchNorm
from convcalc.problems import RuleError


def conv(channels: int, kernel: int) -> Conv:
    return Conv.read({"channels": channels, "kernel": kernel}, rank=2)


SEVERAL = """
input: {left: [1, 8, 8], right: [2, 8, 8], code: [5]}
layers:
  - {conv: 4, kernel: 3, from: right}
  - {conv: 4, kernel: 3, from: left}
  - {add: [conv0, conv1]}
  - {dense: 3, from: code}
outputs: [add0, dense0]
"""


@pytest.mark.parametrize("text", [SEVERAL, "{input: [3, 8, 8], layers: [relu, relu]}"])
def test_inputs_stand_first_and_are_all_reported(text: str) -> None:
    network = convcalc.loads(text)
    count = len(network.inputs)
    kinds = [node.kind == "input" for node in network.nodes]
    assert kinds == sorted(kinds, reverse=True)
    assert sum(kinds) == count
    assert network.operations == network.nodes[count:]
    again = network.with_layers([node.layer for node in network.nodes])
    assert again.inputs == network.inputs


def test_the_shapes_of_several_inputs() -> None:
    shapes = {"left": (1, 8, 8), "right": (2, 8, 8), "code": (5,)}
    assert convcalc.loads(SEVERAL).inputs == shapes


def test_a_network_of_nothing() -> None:
    assert Network("empty", [], {}).inputs == {}


class TestBuilder:
    def test_numbers_layers_without_a_name(self) -> None:
        builder = GraphBuilder()
        index = builder.input("image", (2, 6, 6))
        for path in ("", "relu1", "", ""):
            index = builder.add(ReLU(), [index], path=path)
        paths = [node.path for node in builder.nodes]
        assert paths == ["image", "relu0", "relu1", "relu2", "relu3"]

    def test_infers_shapes_and_refuses_what_does_not_fit(self) -> None:
        builder = GraphBuilder()
        image = builder.input("image", (2, 6, 6))
        assert builder.nodes[builder.add(conv(3, 3), [image])].shape == (3, 4, 4)
        with pytest.raises(RuleError) as caught:
            builder.add(conv(3, 7), [image])
        assert caught.value.code == "window-too-large"
        assert len(builder.nodes) == 2

    def test_fuses_into_the_unit_of_a_layer(self) -> None:
        builder = GraphBuilder()
        index = builder.add(conv(3, 3), [builder.input("image", (2, 6, 6))], path="a.first")
        index = builder.fuse(ReLU(), builder.fuse(BatchNorm(), index))
        network = builder.network("small", {"end": index})
        operations = [(node.path, node.unit) for node in network.operations]
        assert operations == [
            ("a.first", "a.first"),
            ("a.first.batchnorm", "a.first"),
            ("a.first.relu", "a.first"),
        ]
        assert network.outputs == {"end": 3}

    def test_shares_the_parameters_of_earlier_layers(self) -> None:
        builder = GraphBuilder()
        image = builder.input("image", (2, 6, 6))
        first = [builder.add(conv(2, 1), [image])]
        first.append(builder.fuse(ReLU(), first[0]))
        other = [builder.add(conv(2, 1), [first[1]])]
        builder.share(other, first)
        again = builder.add(conv(2, 1), other)
        builder.share([again], other)
        assert [node.shares for node in builder.nodes] == [None, None, None, 1, 1]
        assert convcalc.analyze(builder.network("shared", {"end": again})).totals.params == 6

    def test_refuses_to_share_between_layers_that_differ(self) -> None:
        builder = GraphBuilder()
        image = builder.input("image", (2, 6, 6))
        one = builder.add(conv(2, 1), [image])
        for other in (conv(2, 3), conv(4, 1), ReLU(), BatchNorm()):
            with pytest.raises(RuleError) as caught:
                builder.share([builder.add(other, [image])], [one])
            assert caught.value.code == "share-mismatch"

    def test_refuses_nodes_that_are_not_there(self) -> None:
        builder = GraphBuilder()
        image = builder.input("image", (2, 6, 6))
        for wrong in (-1, 1, "image"):
            with pytest.raises(RuleError, match="index"):
                builder.add(ReLU(), [wrong])  # type: ignore[list-item]
            with pytest.raises(RuleError, match="index"):
                builder.network("small", {"end": wrong})  # type: ignore[dict-item]
        with pytest.raises(RuleError, match="relu takes 1 input, not 2"):
            builder.add(ReLU(), [image, image])

    def test_refuses_two_nodes_of_one_path(self) -> None:
        builder = GraphBuilder()
        index = builder.input("a", (2, 6, 6))
        index = builder.add(ReLU(), [index], path="a")
        with pytest.raises(RuleError, match="two nodes have the path 'a'"):
            builder.network("small", {"end": index})

    def test_a_layer_reads_its_own_arguments_only(self) -> None:
        for values, message in (
            ({"channels": 8}, "conv needs 'kernel'"),
            ({"channels": 8, "kernel": 3, "strid": 2}, "conv has no argument 'strid'"),
        ):
            with pytest.raises(RuleError, match=message):
                Conv.read(values, rank=2)

    def test_refuses_inputs_that_are_none(self) -> None:
        builder = GraphBuilder()
        for shape in ((0, 3), (2, -1), (2, 3.0), (np.int64(3), 4)):
            with pytest.raises(RuleError, match="whole numbers from 1 on"):
                builder.input("image", shape)  # type: ignore[arg-type]
        builder.add(ReLU(), [builder.input("image", (2, 6, 6))])
        with pytest.raises(RuleError, match="after an operation"):
            builder.input("late", (3,))

    def test_shares_with_earlier_layers_only(self) -> None:
        builder = GraphBuilder()
        image = builder.input("image", (2, 6, 6))
        one, other = [builder.add(conv(2, 1), [image]) for _ in range(2)]
        for later in (one, other):
            with pytest.raises(RuleError, match="earlier layers"):
                builder.share([one], [later])
