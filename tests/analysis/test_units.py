"""A layer with what is fused to it is one unit."""

from __future__ import annotations

from random import Random

import pytest

import convcalc
from convcalc.analysis.costs.cost import total
from tests.networks.grow import random_spec

SPEC = """
input: [3, 8, 8]
layers:
  - {name: first, conv: 3, kernel: 3, padding: 1, norm: batch, activation: relu}
  - add: [[], [{conv: 3, kernel: 3, padding: 1, norm: batch, share: first}]]
"""


def test_a_norm_and_an_activation_belong_to_their_layer() -> None:
    units = convcalc.analyze(convcalc.loads(SPEC), batch=2).units
    assert [(unit.path, unit.summary, unit.output) for unit in units] == [
        ("input", "input", (2, 3, 8, 8)),
        ("first", "conv 3x3 + batchnorm + relu", (2, 3, 8, 8)),
        ("add0.branch1.conv0", "conv 3x3 + batchnorm", (2, 3, 8, 8)),
        ("add0", "add", (2, 3, 8, 8)),
    ]
    first = units[1]
    assert [node.path for node in first.nodes] == ["first", "first.batchnorm", "first.relu"]
    assert first.node.span is first.span
    assert first.span is not None
    assert first.span.line == 4


def test_sources_and_shared_parameters_are_units() -> None:
    units = convcalc.analyze(convcalc.loads(SPEC)).units
    assert [unit.sources for unit in units] == [[], [0], [1], [1, 2]]
    assert [unit.shares for unit in units] == [None, None, 1, None]


@pytest.mark.parametrize("seed", range(20))
def test_units_hold_every_operation_once(seed: int) -> None:
    report = convcalc.analyze(convcalc.loads(random_spec(Random(seed))), batch=3)
    members = [member for unit in report.units for member in unit.members]
    assert sorted(map(id, members)) == sorted(map(id, report.layers))
    for index, unit in enumerate(report.units):
        assert unit.index == index
        assert unit.cost == total(unit.members)
        assert all(source < index for source in unit.sources)
    assert report.units is report.units
