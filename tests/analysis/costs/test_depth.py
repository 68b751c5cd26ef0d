"""How deep a network is, as people count it."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.analysis.costs.depth import weighted_depth


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        *(("alexnet", 8), ("vgg11", 11), ("vgg19", 19), ("googlenet", 22), ("lenet", 5)),
        *((f"resnet{depth}", depth) for depth in (18, 34, 50, 101, 152)),
        *((f"densenet{depth}", depth) for depth in (121, 161, 169, 201)),
    ],
)
def test_the_depth_is_the_one_in_the_name(name: str, depth: int) -> None:
    assert weighted_depth(convcalc.load(name)) == depth
