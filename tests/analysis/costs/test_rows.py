"""How operations become rows."""

from __future__ import annotations

from random import Random

import pytest

import convcalc
from convcalc.analysis.costs.cost import total
from convcalc.analysis.costs.rows import SORT_KEYS, rows, sort_rows
from tests.networks.grow import random_spec
from tests.quick import each_seed

SPEC = """
input: [3, 8, 8]
blocks:
  unit(c):
    - add:
        skip: [{conv: c, kernel: 1}]
        main: [{conv: c, kernel: 3, padding: 1, norm: batch, activation: relu}]
      activation: relu
layers:
  - {unit: 4, repeat: 2}
  - [{dense: 3}, softmax]
"""


def test_a_fused_layer_is_one_row_and_a_join_stands_after_its_branches() -> None:
    report = convcalc.analyze(convcalc.loads(SPEC))
    found = rows(report)
    assert [(row.name, row.kind) for row in found[:3]] == [
        ("unit0.add0.skip.conv0", "conv 1x1"),
        ("unit0.add0.main.conv0", "conv 3x3 p1 + batchnorm + relu"),
        ("unit0.add0", "add + relu"),
    ]


def test_depth_sums_groups_up() -> None:
    report = convcalc.analyze(convcalc.loads(SPEC))
    found = rows(report, depth=1)
    assert [(row.name, row.kind, row.output) for row in found] == [
        ("unit0", "3 layers", (1, 4, 8, 8)),
        ("unit1", "3 layers", (1, 4, 8, 8)),
        ("sequential0", "2 layers", (1, 3)),
    ]


@each_seed(15, 40)
def test_every_way_of_grouping_keeps_the_totals(seed: int) -> None:
    report = convcalc.analyze(convcalc.loads(random_spec(Random(seed))))
    ways = (
        rows(report),
        rows(report, expand=True),
        rows(report, depth=1),
        rows(report, depth=2, expand=True),
        rows(report, by_kind=True),
    )
    for found in ways:
        assert total([layer for row in found for layer in row.members]) == report.totals
        assert len({row.name for row in found}) == len(found)
    assert len(ways[1]) == len(report.layers)


def test_kinds_stand_in_the_order_in_which_the_network_uses_them() -> None:
    report = convcalc.analyze(convcalc.load("resnet18"))
    kinds = [row.name for row in rows(report, by_kind=True)]
    assert kinds == ["conv", "batchnorm", "relu", "maxpool", "add", "global_avgpool", "dense"]


def test_a_group_stands_where_its_last_operation_does() -> None:
    report = convcalc.analyze(convcalc.load("resnet18"))
    names = [row.name for row in rows(report, depth=3)]
    assert names[2:5] == [
        "stage0.basic_block0.add0",
        "stage0.basic_block1.add0",
        "stage1.basic_block0.add0",
    ]


@pytest.mark.parametrize("key", SORT_KEYS)
def test_sorting_puts_the_largest_first(key: str) -> None:
    report = convcalc.analyze(convcalc.load("lenet"))
    values = [SORT_KEYS[key](row.cost) for row in sort_rows(rows(report), key)]
    assert values == sorted(values, reverse=True)
