"""The graph of layers: its inputs stand first."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.graph import Network

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
def test_inputs_stand_first_and_are_all_told(text: str) -> None:
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
    assert Network("empty", "-", [], {}).inputs == {}
