"""Every kernel, plain and fast, and whole runs, against plain loops in float64."""

from __future__ import annotations

import numpy as np
import pytest

from convcalc.executor.kernels import KERNELS
from tests.executor.random_networks import depthwise_network, random_network
from tests.executor.values import (
    loops,
    network_loops,
    network_of,
    program_of,
    random_inputs,
    random_weights,
    relative_error,
    run,
    seeded,
)
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.oracle.random_layers import random_layer
from tests.quick import each_seed

#: Relative error of float64 arithmetic in another order.
EXACT = 1e-12
#: The kinds whose kernels have the most to get wrong.
INTRICATE = {"conv": 60, "depthwise": 40, "conv_transpose": 60, "maxpool": 30, "avgpool": 30}


def test_every_kind_has_a_kernel() -> None:
    assert set(KERNELS) == set(KNOWN_NODE_KINDS)


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_layers_agree_with_loops(kind: str, blocks: str) -> None:
    for number in range(INTRICATE.get(kind, 12)):
        chance, values = seeded(f"{kind} {number} {blocks}")
        layer, shapes = random_layer(chance, kind)
        network = network_of(layer, shapes)
        inputs = random_inputs(network, chance.randint(1, 3), values)
        weights = random_weights(network, values)
        own = {name.removeprefix("layer."): value for name, value in weights.items()}
        expected = loops(layer, list(inputs.values()), own)
        told = f"{layer!r} on {shapes}, number {number}"
        plain = KERNELS[kind](layer, list(inputs.values()), own)
        assert relative_error(plain, expected) < EXACT, f"plain: {told}"
        threads = chance.choice([1, 2, 3])
        (found,) = run(network, inputs, weights, threads=threads).values()
        assert relative_error(found, expected) < EXACT, f"{threads} threads: {told}"


def test_the_result_does_not_depend_on_the_layout_of_the_input() -> None:
    for kind in KNOWN_NODE_KINDS:
        chance, values = seeded(f"layout {kind}")
        layer, shapes = random_layer(chance, kind)
        network = network_of(layer, shapes)
        inputs = random_inputs(network, 2, values)
        weights = random_weights(network, values)
        rows = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
        (first,) = run(network, inputs, weights).values()
        (second,) = run(network, rows, weights).values()
        np.testing.assert_allclose(first, second, rtol=EXACT, atol=EXACT)


def test_inputs_stay_as_they_were() -> None:
    for kind in KNOWN_NODE_KINDS:
        chance, values = seeded(f"untouched {kind}")
        layer, shapes = random_layer(chance, kind)
        network = network_of(layer, shapes)
        inputs = random_inputs(network, 1, values)
        weights = random_weights(network, values)
        before = {name: value.copy() for name, value in {**inputs, **weights}.items()}
        run(network, inputs, weights)
        for name, value in {**inputs, **weights}.items():
            np.testing.assert_array_equal(value, before[name], err_msg=kind)


@pytest.mark.no_cover
@each_seed(20, 90)
def test_networks_agree_with_loops(seed: int, blocks: str) -> None:
    chance, values = seeded(f"network {seed}")
    network = chance.choice([random_network, random_network, depthwise_network])(chance)
    inputs = random_inputs(network, chance.choice([1, 2]), values)
    weights = random_weights(network, values)
    expected = network_loops(network, inputs, weights)
    told = "\n".join(map(repr, network.nodes))
    outputs = set(network.outputs.values())
    fused = program_of(network, weights, threads=2)
    # All values are kept, so that nothing is fused.
    apart = program_of(network, weights, keep=range(1, len(network.nodes)))
    cached = program_of(network, weights, threads=chance.choice([1, 3]), cache_weights=True)
    other = random_inputs(network, chance.choice([1, 3]), values)
    cached.run(other)
    for found in (fused.run(inputs), apart.run(inputs), cached.run(inputs)):
        assert set(found) >= outputs, told
        for index, value in found.items():
            assert relative_error(value, expected[index]) < EXACT, f"{index} in\n{told}"
