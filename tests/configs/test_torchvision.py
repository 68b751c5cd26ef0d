"""The shipped networks against torchvision: totals of all 68, and 20 of them layer by layer."""

from __future__ import annotations

import pytest

import convcalc
from tests.configs.torchvision import PUBLISHED, TABLES, TRAINING_ONLY, Row
from tests.shipped import shipped

#: PyTorch's name of a layer by our kind.
TYPES = {
    "conv": ("Conv2d",),
    "depthwise": ("Conv2d",),
    "dense": ("Linear",),
    "batchnorm": ("BatchNorm2d",),
    "layernorm": ("LayerNorm", "LayerNorm2d"),
}


def test_the_facts_are_complete() -> None:
    assert len(PUBLISHED) == 80
    assert len(TABLES) == 20
    assert set(TABLES) <= set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_totals_are_the_published_ones(name: str) -> None:
    fact = PUBLISHED[name]
    report = convcalc.analyze(shipped(name))
    assert report.inputs == {"input": (1, *fact.input)}
    assert list(report.outputs.values()) == [(1, 1000)]
    assert report.totals.params == fact.params - TRAINING_ONLY.get(name, 0)
    assert round(report.totals.macs / 1e9, 3) == fact.gmacs


@pytest.mark.parametrize("name", TABLES)
def test_every_weighted_layer_is_torchvisions(name: str) -> None:
    # Even branches run in torchvision's order, so that no layers need to be matched up. The factors
    # of a layer scale are no layer there, but a bare parameter of the block.
    report = convcalc.analyze(shipped(name))
    ours = [row for row in report.layers if row.cost.params and row.node.kind != "scale"]
    for row, theirs in zip(ours, TABLES[name], strict=True):
        assert theirs.type in TYPES[row.node.kind], row.node.path
        assert Row(theirs.type, row.output[1:], row.cost.params, row.cost.macs) == theirs, (
            row.node.path
        )


def test_layer_scales_are_the_rest_of_convnexts_parameters() -> None:
    report = convcalc.analyze(convcalc.load("convnext_tiny"))
    scales = [row.cost.params for row in report.layers if row.node.kind == "scale"]
    assert scales == [96] * 3 + [192] * 3 + [384] * 9 + [768] * 3
