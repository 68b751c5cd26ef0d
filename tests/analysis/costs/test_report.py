"""What a network costs as a whole."""

from __future__ import annotations

from random import Random

import pytest

import convcalc
from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import analyze
from convcalc.counts import Counts
from convcalc.graph import Network
from tests.networks.grow import random_spec
from tests.quick import each_seed


@each_seed(40, 150)
def test_a_batch_multiplies_operations_and_no_parameters(seed: int) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    one, many = analyze(network), analyze(network, batch=12)
    for single, batched in zip(one.layers, many.layers, strict=True):
        assert (batched.cost.params, batched.cost.buffers) == (
            single.cost.params,
            single.cost.buffers,
        )
        assert batched.cost.counts == Counts(*[12 * count for count in single.cost.counts])
        assert batched.cost.macs == 12 * single.cost.macs
        assert batched.output == (12, *single.output[1:])
    assert many.totals.flops == 12 * one.totals.flops


@each_seed(20, 150)
def test_totals_are_the_sum_over_the_layers(seed: int) -> None:
    report = analyze(convcalc.loads(random_spec(Random(seed))))
    summed = Cost()
    for layer in report.layers:
        summed = summed.plus(layer.cost)
    assert summed == report.totals


@each_seed(40, 150)
def test_taps_on_padding_only_ever_add(seed: int) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    every, valid = analyze(network), analyze(network, valid_taps=True)
    for one, other in zip(every.layers, valid.layers, strict=True):
        pairs = zip(one.cost.counts, other.cost.counts, strict=True)
        assert all(a >= b for a, b in pairs), one.node
        assert one.cost.params == other.cost.params


def test_shared_parameters_count_once_their_operations_each_time() -> None:
    once = analyze(convcalc.loads("{input: [4, 8, 8], layers: [{conv: 4, kernel: 1, name: a}]}"))
    twice = analyze(
        convcalc.loads(
            "{input: [4, 8, 8], layers: ["
            "{conv: 4, kernel: 1, name: a}, {conv: 4, kernel: 1, share: a}]}"
        )
    )
    assert twice.totals.params == once.totals.params == 20
    assert twice.totals.macs == 2 * once.totals.macs


def test_shapes_of_the_network_have_the_batch_in_front() -> None:
    network = convcalc.loads(
        "{input: [4], layers: [{dense: 2}, {dense: 3}], outputs: [dense0, dense1]}"
    )
    report = analyze(network, batch=5)
    assert report.inputs == {"input": (5, 4)}
    assert report.outputs == {"dense0": (5, 2), "dense1": (5, 3)}
    assert [layer.inputs for layer in report.layers] == [((5, 4),), ((5, 2),)]


def test_a_network_without_layers_costs_nothing() -> None:
    report = analyze(Network("empty", [], {}))
    assert report.totals == Cost(0, 0, Counts(), 0)


@pytest.mark.parametrize("batch", [0, -1, 1.0, "2", True])
def test_a_batch_that_is_none_is_refused(batch: object) -> None:
    with pytest.raises(convcalc.ConvcalcError, match="batch must be a whole number from 1 on"):
        analyze(convcalc.load("lenet"), batch=batch)  # type: ignore[arg-type]
