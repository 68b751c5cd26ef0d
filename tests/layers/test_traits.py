"""What kinds declare of themselves: branches, the parts that they become, how weights start."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from convcalc.counts import Counts
from convcalc.graph import GraphBuilder
from convcalc.layers import KINDS, layer_class
from convcalc.layers.activation import ReLU, Softmax
from convcalc.layers.base import Layer, Part
from convcalc.layers.joins import Add, Mul
from convcalc.layers.structure import Scale
from convcalc.layers.traits import ROLES, Backward, Branches, Start
from convcalc.problems import RuleError
from convcalc.shapes import Shape
from tests.layers.shorthand import made
from tests.oracle.random_layers import drawn

TWO = Branches(2, 2)
NAMED = Branches.named("query", "key", "value")
MASKED = Branches.named("value", "offset", optional="mask")


@pytest.mark.parametrize(
    ("branches", "takes", "refuses"),
    [
        (Branches(), [1, 2, 9], [0]),
        (TWO, [2], [0, 1, 3]),
        (NAMED, [3], [0, 2, 4]),
        (MASKED, [2, 3], [0, 1, 4]),
    ],
)
def test_branches_are_counted(branches: Branches, takes: list[int], refuses: list[int]) -> None:
    for count in takes:
        branches.check("kind", count)
    for count in refuses:
        with pytest.raises(RuleError) as caught:
            branches.check("kind", count)
        assert caught.value.code == "branch-count"
        assert caught.value.message == f"kind takes {branches.text}, not {count}"


class Gated(Layer, kind="gated"):
    """A made-up kind of three nodes: softmax(query * key) * value."""

    joins = NAMED
    fuses = ROLES

    def parts(self, inputs: Sequence[Shape]) -> tuple[Part, ...]:
        return (
            Part("product", Mul(), (0, 1)),
            Part("softmax", Softmax(), (3,)),
            Part("", Add(), (4, 2)),
        )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[2]


def test_a_layer_may_become_several_nodes() -> None:
    builder = GraphBuilder()
    inputs = [builder.input(name, (8, 4)) for name in ("query", "key", "value")]
    gate = builder.add(Gated(), inputs, path="gate")
    end = builder.fuse(ReLU(), gate)
    nodes = builder.nodes[3:]
    assert [node.path for node in nodes] == ["gate.product", "gate.softmax", "gate", "gate.relu"]
    assert {node.unit for node in nodes} == {"gate"}
    assert [node.inputs for node in nodes] == [(0, 1), (3,), (4, 2), (5,)]
    assert (gate, end, nodes[2].shape) == (5, 6, (8, 4))
    with pytest.raises(RuleError, match="gated takes the branches query, key, value, not 2"):
        builder.add(Gated(), inputs[:2])


@pytest.mark.parametrize("kind", KINDS)
def test_parts_read_what_is_before_them_and_the_last_is_the_layer(kind: str) -> None:
    layer, shapes = drawn(kind, "parts")
    parts = layer.parts(shapes)
    for place, part in enumerate(parts):
        assert all(read < len(shapes) + place for read in part.reads)
    assert not parts or [part.name for part in parts].index("") == len(parts) - 1


def test_multiplies_are_macs_where_a_kind_accumulates() -> None:
    counts, back = Counts(multiplies=7), Backward(weights=Counts(3), input=Counts(2, adds=1))
    dense, mul = made("dense", units=3), made("mul")
    assert dense.macs([(4,)], (3,), counts) == 7
    assert dense.backward_macs([(4,)], (3,), back) == (2, 3)
    assert mul.macs([(4,)] * 2, (4,), counts) == 0
    assert mul.backward_macs([(4,)] * 2, (4,), back) == (0, 0)


def test_weights_start_where_training_starts() -> None:
    for kind in KINDS:
        layer, shapes = drawn(kind, "start")
        for name in {**layer.parameters(shapes), **layer.buffers(shapes)}:
            start = layer.start(name)
            factor = name.startswith("weight")
            assert (start is None) == (layer_class(kind).weighted and factor)
    assert made("prelu").start("weight") == Start(0.25, 0.05)
    assert Scale(init=1e-6).start("weight") == Start(1e-6)
    assert made("batchnorm").start("weight") == Start(1.0, 0.25)
    assert made("batchnorm").start("running_mean") == Start(0.0, 0.1)


def test_sums_of_products_know_how_long_they_are() -> None:
    assert made("dense", units=3).fan_in([(4, 5, 5)]) == 100
    assert made("conv", channels=6, kernel=3, groups=2).fan_in([(4, 5, 5)]) == 18
    assert made("depthwise", kernel=3).fan_in([(4, 5, 5)]) == 9
    # Of 16 taps a quarter meets an input at each place of the output.
    assert made("conv_transpose", channels=6, kernel=4, stride=2).fan_in([(8, 5, 5)]) == 8 * 4
    assert made("conv_transpose", channels=6, kernel=1, stride=4).fan_in([(1, 5, 5)]) == 1
