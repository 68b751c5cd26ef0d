"""The training step of whole random networks against the backward oracle."""

from __future__ import annotations

from math import isclose
from random import Random

import pytest

import convcalc
from convcalc.analysis.training.step import train
from convcalc.counts import Counts
from convcalc.graph import Network
from convcalc.layers.traits import Backward
from tests.executor.random_networks import random_network
from tests.oracle.backward_network import NetworkStep, NodeStep
from tests.quick import each_seed

NETWORKS = 60

#: What random networks seldom have.
SPECS = {
    "a value joined with itself": """
        input: [2, 3, 3]
        layers: [{conv: 2, kernel: 2}, {mul: [[], []]}, {concat: [[], [], []]}, {add: [[], []]}]
    """,
    "a join of the input": """
        input: [2, 3, 3]
        layers: [{add: [[], [{conv: 2, kernel: 1}]]}, {mul: [[], [tanh]]}]
    """,
    "several inputs": """
        input: {left: [2, 3, 3], right: [3]}
        layers:
          - {conv: 2, kernel: 2, from: left, name: a}
          - {global_avgpool: , name: b}
          - {dense: 2, from: right, name: c}
          - {reshape: [2, 1, 1], name: d}
          - {mul: [b, d]}
          - {concat: [[], b]}
    """,
    "parameters used three times": """
        input: [2, 3, 3]
        layers:
          - {conv: 2, kernel: 3, padding: 1, norm: batch, name: a}
          - {conv: 2, kernel: 3, padding: 1, norm: batch, share: a, name: b}
          - {prelu: , name: p}
          - {conv: 2, kernel: 3, padding: 1, norm: batch, share: a}
          - {prelu: , share: p}
    """,
    "results on the way": """
        input: [2, 3, 3]
        outputs: [a, b, c]
        layers: [{conv: 2, kernel: 1, name: a}, {relu: , name: b}, {dense: 2, name: c}]
    """,
    "factors of several branches": """
        input: [2, 3, 3]
        layers:
          - {conv: 2, kernel: 1}
          - {mul: [[global_avgpool, sigmoid], [], [tanh], [global_maxpool]]}
    """,
    "values of five and six axes": """
        input: [2, 3, 2]
        layers:
          - {conv: 4, kernel: 1}
          - {reshape: [2, 2, 3, 1, 2]}
          - {transpose: [4, 0, 2, 3, 1]}
          - {mul: [[], [global_avgpool, sigmoid]]}
          - {layernorm: }
          - {reshape: [2, 2, 3, 1, 2, 1]}
          - {dense: 4, positionwise: true, norm: batch, activation: tanh}
          - {concat: [[], [{prelu: }, {scale: }]]}
          - {groupnorm: 2}
          - {dense: 2}
    """,
    "products of values": """
        input: [2, 3, 3]
        layers:
          - {conv: 2, kernel: 1, name: a}
          - {matmul: [[], [{transpose: [0, 2, 1]}]]}
          - {matmul: [[], []], activation: tanh}
          - {matmul: [[], [{conv: 1, kernel: 1, from: a}]]}
          - {matmul: [input, []]}
    """,
    "constants": """
        input: [2, 4]
        layers:
          - {concat: [[{parameter: [2, 1]}], []], axis: 1}
          - {conv: 2, kernel: 1}
          - {add: [[], [parameter]]}
          - {mul: [[], [{parameter: [1, 5]}], [buffer]]}
          - {div: [[], [{buffer: [2, 1], name: b}]]}
          - {add: [[], [{parameter: , name: p}], [{parameter: , share: branch1.p}]]}
          - {slice: [0, 5], axis: 1, step: 2}
          - {dense: 2}
    """,
    "nothing to learn": "{input: [2, 3, 3], layers: [tanh, {avgpool: 2}, {add: [[], [relu]]}]}",
    "something to learn at the end": """
        input: [2, 4, 4]
        layers: [batchnorm, {batchnorm: {affine: false}}, {maxpool: 2}, flatten, {dense: 2}]
    """,
}


def assert_trains_as_predicted(seed: int) -> NetworkStep:
    """Holds the analysis of a random network against a step that is run."""
    rng = Random(seed)
    network = random_network(rng)
    batch, into_inputs = rng.choice([1, 1, 2]), rng.random() < 0.2
    return assert_agrees(network, batch, seed, into_inputs=into_inputs)


def assert_agrees(network: Network, batch: int, seed: int, *, into_inputs: bool) -> NetworkStep:
    """Holds the analysis of a network against a step that is run."""
    tried = NetworkStep(network, batch, seed, into_inputs=into_inputs)
    step = train(network, batch=batch, optimizer="adamw", input_gradient=into_inputs)
    seen = tried.observe()
    assert len(step.layers) == len(seen)
    for layer, node in zip(step.layers, seen, strict=True):
        cost = layer.cost
        told = NodeStep(
            cost.forward,
            Backward(cost.weight_gradient, cost.bias_gradient, cost.input_gradient),
            cost.gradient_sums,
            layer.kept,
            cost.step.specials,  # a square root for each parameter
        )
        assert told == node, f"{seed}: {layer.node}"
    by_gradient, by_difference = tried.slope()
    assert isclose(by_gradient, by_difference, rel_tol=1e-4, abs_tol=1e-5), seed
    return tried


@pytest.mark.parametrize("into_inputs", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", SPECS)
def test_a_written_network_trains_as_predicted(name: str, batch: int, into_inputs: bool) -> None:
    network = convcalc.loads(SPECS[name])
    assert_agrees(network, batch, 11, into_inputs=into_inputs)


@pytest.mark.no_cover
@each_seed(20, NETWORKS)
def test_a_network_trains_as_predicted(seed: int) -> None:
    assert_trains_as_predicted(seed)


def test_the_networks_show_what_is_to_be_shown() -> None:
    """Among them are forks, shared parameters, several results and layers without a gradient."""
    forks = shared = results = silent = 0
    for seed in range(NETWORKS):
        step = train(random_network(Random(seed)))
        forks += any(layer.cost.gradient_sums.adds for layer in step.layers)
        shared += any(layer.node.shares is not None for layer in step.layers)
        results += len(step.network.outputs) > 1
        silent += any(layer.cost.backward == Counts() for layer in step.layers)
    assert min(forks, shared, results, silent) >= 5


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(20))
def test_many_more_networks_train_as_predicted(chunk: int) -> None:
    for seed in range(1000 + 40 * chunk, 1040 + 40 * chunk):
        assert_trains_as_predicted(seed)
