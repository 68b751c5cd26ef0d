"""Totals: by hand, and against sums over the layers that JSON reports."""

from __future__ import annotations

import json
from math import prod
from random import Random

import pytest

import convcalc
from convcalc.analysis.costs.report import analyze
from convcalc.analysis.measures import (
    LAYER_MEASURES,
    MEASURES,
    Subject,
    heaviest,
    layer_parts,
    measure,
    measured_totals,
)
from convcalc.metrics import SUMS, TOTALS
from convcalc.render.jsons import report_data
from tests.networks.grow import random_spec


def test_every_metric_of_a_network_is_computed() -> None:
    assert list(TOTALS) == list(MEASURES)
    assert list(SUMS) == list(LAYER_MEASURES)


BY_HAND = """
input: [3, 8, 8]
layers:
  - {conv: 4, kernel: 1, norm: batch, activation: relu}
  - {add: [[], [{conv: 4, kernel: 1}]]}
  - flatten
  - {dense: 10}
"""


def test_a_small_network_by_hand() -> None:
    """Tensors of 192, 256 and 10 numbers; the addition reads two of 256 and makes a third."""
    totals = measured_totals(analyze(convcalc.loads(BY_HAND)), "float16")
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
        # What is fused behind the first convolution, and the flattening, move nothing.
        "bytes_moved": 2 * (192 + 16 + 8 + 256 + 256 + 20 + 256 + 3 * 256 + 256 + 2570 + 10),
        # Forward, the weights' gradients, and the inputs' except the first convolution's.
        "training_macs": 2 * (64 * 12 + 64 * 16 + 2560) + 64 * 16 + 2560,
        "training_memory": totals["training_memory"],
    }
    # Narrow weights and gradients, their float32 master copy, float32 statistics; and activations.
    assert totals["training_memory"] > (2 + 2 + 4) * params + 4 * 8


@pytest.mark.parametrize("seed", range(30))
def test_totals_are_sums_of_what_json_reports(seed: int) -> None:
    report = analyze(convcalc.loads(random_spec(Random(seed))))
    totals = measured_totals(report, "float32")
    layers = json.loads(json.dumps(report_data(report)))["layers"]
    for name in ("params", "buffers", "macs", "flops", "multiplies", "adds", "compares"):
        assert totals[name] == sum(layer[name] for layer in layers)
    assert totals["operations"] == len(layers)
    assert totals["weights"] == 4 * sum(layer["params"] + layer["buffers"] for layer in layers)
    sizes = [prod(layer["output"]) for layer in layers]
    inputs = [prod(shape) for shape in report.inputs.values()]
    assert totals["activations"] <= 4 * sum(sizes)
    assert totals["largest_activation"] == 4 * max([*sizes, *inputs])
    assert totals["largest_activation"] <= totals["peak_memory"] <= 4 * sum([*sizes, *inputs])


@pytest.mark.parametrize("seed", range(30))
def test_parts_add_up_to_the_whole(seed: int) -> None:
    report = analyze(convcalc.loads(random_spec(Random(seed))))
    subject = Subject(report, "int8")
    for name in LAYER_MEASURES:
        parts = layer_parts(subject, name)
        assert sum(part.value for part in parts) == MEASURES[name](subject)
        values = [part.value for part in heaviest(subject, name)]
        assert values == sorted(values, reverse=True)
    alive = heaviest(subject, "peak_memory")
    assert sum(part.value for part in alive) == MEASURES["peak_memory"](subject)
    (largest, *_) = heaviest(subject, "largest_activation")
    assert largest.value == MEASURES["largest_activation"](subject)


def test_slow_totals_are_measured_where_they_are_asked_for() -> None:
    report = analyze(convcalc.loads(BY_HAND))
    assert set(MEASURES) - set(measured_totals(report, slow=False)) == {
        name for name, metric in TOTALS.items() if metric.slow
    }
    subject = Subject(report)
    steps = heaviest(subject, "training_macs")
    assert sum(part.value for part in steps) == measure(subject, "training_macs")


@pytest.mark.parametrize("convention", ["torch", "fvcore", "torchvision"])
def test_conventions_are_those_of_flops(convention: str) -> None:
    """Published figures of ResNet-50, as `flops --as` has them."""
    published = {"torch": 8_178_368_512, "fvcore": 4_111_512_576, "torchvision": 4_089_184_256}
    subject = Subject(analyze(convcalc.load("resnet50")))
    assert measure(subject, "flops", convention) == published[convention]
    parts = layer_parts(subject, "flops", convention)
    assert sum(part.value for part in parts) == published[convention]
    assert heaviest(subject, "flops", convention)[0].value == max(part.value for part in parts)


def test_a_part_is_written_where_its_layer_is() -> None:
    """What is fused behind a convolution is blamed on the convolution's line."""
    subject = Subject(analyze(convcalc.loads(BY_HAND)))
    peak = heaviest(subject, "peak_memory")
    assert {part.node.span.line for part in peak if part.node.span} == {4, 5}
    assert heaviest(subject, "depth") == []
    assert heaviest(subject, "layers") == []


def test_the_peak_of_resnet50_is_the_published_one() -> None:
    totals = measured_totals(analyze(convcalc.load("resnet50")))
    assert totals["peak_memory"] == 9_633_792
    assert totals["depth"] == 50
