"""The networks that ship with the package: each loads, and what it says of itself holds."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.analysis.costs.report import Report
from convcalc.language.building.expectations import Expectation
from convcalc.language.shipped import shipped_names
from convcalc.shapes import Shape
from tests.shipped import shipped


def observed(report: Report, expectation: Expectation) -> int | Shape:
    """What an expectation is about, as the report has it."""
    metric, _, name = expectation.metric.partition(".")
    if metric == "output":
        (shape,) = report.outputs.values()
        return shape[1:]
    if metric == "outputs":
        return report.outputs[name][1:]
    if metric == "layers":
        # A group's or a layer's value is that of the last operation under its name.
        return [
            layer.output[1:]
            for layer in report.layers
            if layer.node.path == name or layer.node.path.startswith(f"{name}.")
        ][-1]
    totals = report.totals
    value = getattr(totals if hasattr(totals, metric) else totals.counts, metric)
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize("name", shipped_names())
def test_a_network_keeps_its_expectations(name: str) -> None:
    report = convcalc.analyze(shipped(name))
    facts = convcalc.spec(name).expectations
    stated = {fact.metric: fact.value for fact in facts}
    assert stated == {fact.metric: observed(report, fact) for fact in facts}


def layers_of(name: str) -> list[tuple[Shape, Shape, int, int]]:
    """Inputs, output, parameters and MACs of a network's layers with weights, in order."""
    return [
        (layer.inputs[0], layer.output, layer.cost.params, layer.cost.macs)
        for layer in convcalc.analyze(shipped(name)).layers
        if layer.cost.macs
    ]


def test_1x1_convolutions_are_dense_layers_on_pixels() -> None:
    convolutions, dense = convcalc.load("conv1x1"), convcalc.load("conv1x1_as_dense")
    assert layers_of("conv1x1") == layers_of("conv1x1_as_dense")
    assert convcalc.analyze(convolutions).totals == convcalc.analyze(dense).totals
    assert {node.kind for node in convolutions.operations} == {"conv", "relu"}
    assert {node.kind for node in dense.operations} == {"dense", "relu"}


def counted_in_plain_loops(c_i: int, h: int, w: int, c_o: int, k_h: int, k_w: int) -> list[int]:
    """Multiplications and additions of a convolution without padding, one by one."""
    multiplies = adds = 0
    for _ in range(c_o):
        for _ in range(h - k_h + 1):
            for _ in range(w - k_w + 1):
                sums = 0
                for _ in range(c_i * k_h * k_w):
                    multiplies += 1
                    sums += 1
                adds += sums - 1
    return [multiplies, adds]


@pytest.mark.parametrize("sizes", [(1, 3, 3, 1, 2, 2), (3, 7, 6, 4, 3, 2), (2, 5, 5, 3, 1, 1)])
def test_one_convolution_takes_its_sizes_as_arguments(sizes: tuple[int, ...]) -> None:
    letters = dict(zip(("c_i", "h", "w", "c_o", "k_h", "k_w"), sizes, strict=True))
    counts = convcalc.analyze(convcalc.load("convolution", args=letters)).totals.counts
    assert [counts.multiplies, counts.adds] == counted_in_plain_loops(**letters)
