"""Metrics: by hand, and against sums over the layers that JSON reports."""

from __future__ import annotations

import json
from math import prod
from random import Random

import pytest

import convcalc
from convcalc.analysis.costs.cost import COSTS
from convcalc.analysis.metrics import (
    NETWORK,
    OPERATIONS,
    contributions,
    heaviest,
    measure,
    measure_all,
    together,
)
from convcalc.metrics import METRICS, SUMS, TOTALS
from convcalc.render.report import report_data
from tests.networks.grow import random_spec
from tests.quick import each_seed

BY_HAND = """
input: [3, 8, 8]
layers:
  - {conv: 4, kernel: 1, norm: batch, activation: relu}
  - {add: [[], [{conv: 4, kernel: 1}]]}
  - flatten
  - {dense: 10}
"""


def grown(seed: int, batch: int = 1) -> convcalc.Analysis:
    return convcalc.Analysis(convcalc.loads(random_spec(Random(seed))), batch=batch)


def test_every_metric_is_computed_in_one_place() -> None:
    assert sorted([*COSTS, *OPERATIONS, *NETWORK]) == sorted(METRICS)
    assert {*SUMS} <= {*COSTS, *OPERATIONS}
    assert not [name for name in NETWORK if METRICS[name].of != "network"]


def test_a_small_network_by_hand() -> None:
    """Tensors of 192, 256 and 10 numbers; the addition reads two of 256 and makes a third."""
    totals = measure_all(convcalc.Analysis(convcalc.loads(BY_HAND)), "float16")
    params = (3 * 4 + 4) + 2 * 4 + (4 * 4 + 4) + (256 * 10 + 10)
    assert totals == {
        "params": params,
        "buffers": 8,
        "macs": 64 * 12 + 64 * 16 + 2560,
        "flops": totals["flops"],
        "multiplies": 64 * 12 + 64 * 16 + 2560 + 256,
        "adds": 64 * 12 + 64 * 16 + 2560 + 256 + 256,
        "divides": 0,
        "compares": 256,
        "specials": 0,
        "layers": 5,
        "operations": 7,
        "depth": 3,
        "weights": 2 * (params + 8),
        "activations": 2 * (5 * 256 + 10),
        "largest_activation": 2 * 256,
        "peak_memory": 2 * 3 * 256,
        # In place the normalisation, the activation and the addition take nothing of their own.
        "peak_in_place": 2 * 2 * 256,
        "peak_least": 2 * 2 * 256,
        "arena": 2 * 2 * 256,
        # What is fused to the first convolution, and the flattening, move nothing.
        "bytes_moved": 2 * (192 + 16 + 8 + 256 + 256 + 20 + 256 + 3 * 256 + 256 + 2570 + 10),
        # Forward, the weights' gradients, and the inputs' except the first convolution's.
        "training_macs": 2 * (64 * 12 + 64 * 16 + 2560) + 64 * 16 + 2560,
        "training_memory": totals["training_memory"],
    }
    # Narrow weights and gradients, their float32 master copy, float32 statistics; and activations.
    assert totals["training_memory"] > (2 + 2 + 4) * params + 4 * 8


@each_seed(10, 30)
def test_totals_are_sums_of_what_json_reports(seed: int) -> None:
    analysis = grown(seed)
    totals = measure_all(analysis, "float32")
    layers = json.loads(json.dumps(report_data(analysis.report)))["layers"]
    for name in ("params", "buffers", "macs", "flops", "multiplies", "adds", "compares"):
        assert totals[name] == sum(layer[name] for layer in layers)
    assert totals["operations"] == len(layers)
    assert totals["weights"] == 4 * sum(layer["params"] + layer["buffers"] for layer in layers)
    sizes = [prod(layer["output"]) for layer in layers]
    inputs = [prod(shape) for shape in analysis.report.inputs.values()]
    assert totals["activations"] <= 4 * sum(sizes)
    assert totals["largest_activation"] == 4 * max([*sizes, *inputs])
    assert totals["largest_activation"] <= totals["peak_memory"] <= 4 * sum([*sizes, *inputs])


@each_seed(10, 20)
def test_counts_and_tensors_grow_with_the_batch(seed: int) -> None:
    one, three = measure_all(grown(seed)), measure_all(grown(seed, batch=3))
    fixed = ("params", "buffers", "weights", "layers", "operations", "depth")
    for name in ("macs", "flops", "activations", "largest_activation", "peak_memory", "arena"):
        assert three[name] == 3 * one[name]
    assert {name: three[name] for name in fixed} == {name: one[name] for name in fixed}
    assert one["bytes_moved"] <= three["bytes_moved"] <= 3 * one["bytes_moved"]


@each_seed(10, 30)
def test_contributions_add_up_to_the_whole(seed: int) -> None:
    analysis = grown(seed)
    for name in (*SUMS, "bytes_moved", "training_macs"):
        parts = contributions(analysis, name, "int8")
        assert sum(part.value for part in parts) == measure(analysis, name, "int8")
        values = [part.value for part in heaviest(analysis, name, "int8")]
        assert values == sorted(values, reverse=True)
    alive = heaviest(analysis, "peak_memory", "int8")
    assert sum(part.value for part in alive) == measure(analysis, "peak_memory", "int8")
    (largest, *_) = heaviest(analysis, "largest_activation", "int8")
    assert largest.value == measure(analysis, "largest_activation", "int8")


@each_seed(10, 20)
def test_the_most_that_is_alive_at_a_layer_is_the_peak(seed: int) -> None:
    analysis = grown(seed, batch=2)
    for live, peak in (("live", "peak_memory"), ("live_in_place", "peak_in_place")):
        alive = together(analysis, live, analysis.report.layers)
        assert alive is None or alive == measure(analysis, peak)


def test_a_view_has_no_moment_of_its_own() -> None:
    analysis = convcalc.Analysis(convcalc.loads(BY_HAND))
    (flatten,) = [one for one in analysis.report.layers if one.node.kind == "flatten"]
    assert together(analysis, "live", [flatten]) is None


def test_slow_totals_are_measured_where_they_are_asked_for() -> None:
    analysis = convcalc.Analysis(convcalc.loads(BY_HAND))
    quick = measure_all(analysis, slow=False)
    assert [*quick] == [name for name, metric in TOTALS.items() if not metric.slow]


@pytest.mark.parametrize("convention", ["torch", "fvcore", "torchvision"])
def test_conventions_are_those_of_flops(convention: str) -> None:
    """Published figures of ResNet-50, as `flops --as` has them."""
    published = {"torch": 8_178_368_512, "fvcore": 4_111_512_576, "torchvision": 4_089_184_256}
    analysis = convcalc.Analysis(convcalc.load("resnet50"))
    assert measure(analysis, "flops", convention=convention) == published[convention]
    parts = contributions(analysis, "flops", convention=convention)
    assert sum(part.value for part in parts) == published[convention]
    first = heaviest(analysis, "flops", convention=convention)[0]
    assert first.value == max(part.value for part in parts)


def test_a_contribution_is_written_where_its_layer_is() -> None:
    """What is fused to a convolution stands at the convolution's line."""
    analysis = convcalc.Analysis(convcalc.loads(BY_HAND))
    peak = heaviest(analysis, "peak_memory")
    assert {part.node.span.line for part in peak if part.node.span} == {4, 5}
    assert heaviest(analysis, "depth") == []
    assert heaviest(analysis, "layers") == []


def test_the_peak_of_resnet50_is_the_published_one() -> None:
    totals = measure_all(convcalc.Analysis(convcalc.load("resnet50")))
    assert totals["peak_memory"] == 9_633_792
    assert totals["depth"] == 50
