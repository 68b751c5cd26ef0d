"""Explanations: every kind has one, and its figures are those of the report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from math import floor
from random import Random

import pytest

import convcalc
from convcalc.analysis.costs.explain import Explanation, explain, find_nodes
from convcalc.graph import GraphBuilder
from convcalc.layers.base import Layer, parameter_count
from convcalc.shapes import Shape
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.networks.grow import random_spec
from tests.oracle.random_layers import drawn
from tests.quick import each_seed


def _evaluated(formula: str, **names: int) -> int:
    """The value of a formula, by Python itself; exact quotients stand without a floor."""
    text = re.sub(r"\b(\d+)\b", r"Fraction(\1)", formula)
    known = {"Fraction": Fraction, "floor": floor}
    value = eval(text, known, names)  # noqa: S307 - a formula that the code under test printed
    assert value == int(value)
    return int(value)


def _explained(layer: Layer, shapes: Sequence[Shape]) -> Explanation:
    """The explanation of a layer on inputs of these shapes."""
    builder = GraphBuilder()
    inputs = [builder.input(f"x{index}", tuple(shape)) for index, shape in enumerate(shapes)]
    index = builder.add(layer, inputs, path="it")
    return explain(builder.network("net", {"it": index}), builder.nodes[index])


@each_seed(20, 60)
def test_every_printed_formula_gives_the_figure_beside_it(seed: int) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    report = convcalc.analyze(network)
    for layer in report.layers:
        explanation = explain(network, layer.node)
        steps = [*explanation.shape, *explanation.params, *explanation.counts]
        for step in steps:
            if step.numbers:
                assert _evaluated(step.numbers) == step.value, (layer.node, step)
        counts = {step.what: step.value for step in explanation.counts}
        for name, count in layer.cost.counts._asdict().items():
            assert counts.get(name, 0) == count
        assert explanation.total_params == layer.cost.params


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_every_kind_is_explained(kind: str) -> None:
    for seed in range(12):
        layer, shapes = drawn(kind, f"explain {seed}")
        explanation = _explained(layer, shapes)
        output = layer.output_shape(shapes)
        names = {"channels", "features", "length", "depth", "height", "width"}
        names |= {f"axis {number}" for number in range(1, 6)}
        assert tuple(s.value for s in explanation.shape if s.what in names) == output
        assert explanation.total_params == parameter_count(layer.parameters(shapes))
        assert explanation.total_params == sum(
            step.value for step in explanation.params if step.what in layer.parameters(shapes)
        )
        counts = {step.what: step.value for step in explanation.counts}
        valid = {step.what: step.value for step in explanation.valid}
        for valid_taps in (False, True):
            for name, count in (
                layer.counts(shapes, output, valid_taps=valid_taps)._asdict().items()
            ):
                told = counts.get(name, 0)
                assert (valid.get(name, told) if valid_taps else told) == count
        nothing = any("nothing to compute" in note for note in explanation.notes)
        assert nothing == (not any(counts.values()))


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_symbols_and_numbers_are_the_same_formula(kind: str) -> None:
    """Within a step each symbol stands for one number; put in, they give the value."""
    words = re.compile(r"[A-Za-z_]\w*|\(-\d+\)|\d+")
    for seed in range(12):
        explanation = _explained(*drawn(kind, f"symbols {seed}"))
        for step in [*explanation.shape, *explanation.params, *explanation.counts]:
            known: dict[str, int] = {}
            symbols, numbers = words.findall(step.symbol), words.findall(step.numbers)
            for symbol, number in zip(symbols, numbers, strict=True):
                if symbol == "floor":
                    assert number == "floor"
                elif not symbol.isdecimal():
                    value = int(number.strip("()"))
                    assert known.setdefault(symbol, value) == value, step
            if step.symbol:
                assert _evaluated(step.symbol, **known) == step.value, step
                assert _evaluated(step.numbers) == step.value, step


def test_a_layer_with_what_is_fused_behind_it() -> None:
    network = convcalc.load("lenet")
    assert [node.path for node in find_nodes(network, "conv0")] == ["conv0", "conv0.sigmoid"]
    assert [node.path for node in find_nodes(network, "conv0.sigmoid")] == ["conv0.sigmoid"]
    assert find_nodes(network, "nothing") == []


def test_the_positions_that_the_floor_leaves_unused() -> None:
    text = """
input: [1, 10, 11]
layers:
  - {conv: 1, kernel: 3, stride: 4, padding: [[0, 2], [0, 1]]}
"""
    network = convcalc.loads(text)
    notes = explain(network, network.operations[0]).notes
    # Height: 12 padded positions, windows at 0, 4, 8 end at 10: one of padding is left.
    # Width: 12 padded positions as well, one of padding is left.
    assert notes == [
        "height: the floor leaves 1 position of padding unused",
        "width: the floor leaves 1 position of padding unused",
    ]
    text = "{input: [1, 12], layers: [{maxpool: 5}]}"
    network = convcalc.loads(text)
    assert explain(network, network.operations[0]).notes == [
        "length: the floor leaves 2 positions unused: input 10 to 11"
    ]


@pytest.mark.parametrize(
    "arguments", ["kernel: 2", "kernel: 3, padding: 2", "kernel: 4, stride: 2"]
)
def test_a_transposed_convolution_leaves_no_position_unused(arguments: str) -> None:
    network = convcalc.loads(f"{{input: [1, 6], layers: [{{conv_transpose: 1, {arguments}}}]}}")
    assert explain(network, network.operations[0]).notes == []


def test_ceil_mode_hangs_over_the_edge() -> None:
    network = convcalc.loads("{input: [1, 6], layers: [{maxpool: 3, stride: 2, ceil_mode: true}]}")
    assert explain(network, network.operations[0]).notes == [
        "length: the last window hangs 1 over the edge (ceil_mode)"
    ]
