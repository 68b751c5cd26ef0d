"""The memory page's rules, held against runs: what is freed and written over is not missed.

A small runner calls the plain kernels. It computes in an arena, at the predicted offsets, or it
frees every tensor when it is predicted dead while tracemalloc counts what it holds.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Mapping
from random import Random

import numpy as np
import pytest

import convcalc
from convcalc.analysis.memory.arena import allocate
from convcalc.analysis.memory.least_peak import least_peak
from convcalc.analysis.memory.liveness import TensorGraph, live_sets, tensor_graph
from convcalc.executor.arrays import Array
from convcalc.executor.kernels import KERNELS
from convcalc.executor.weights import array_name, array_shapes
from convcalc.graph import Network
from tests.executor.random_networks import random_network
from tests.executor.values import random_inputs, random_weights, relative_error, run, seeded
from tests.networks.grow import random_spec
from tests.quick import each_seed

#: NumPy's arrays, to tracemalloc, without Python's own objects.
ARRAYS = np.lib.tracemalloc_domain
BYTES = 8


def network_for(seed: int) -> Network:
    """A random network: half of them grown from the language."""
    if seed % 2:
        return random_network(Random(f"liveness {seed}"))
    return convcalc.loads(random_spec(Random(f"liveness {seed}")))


def computed(
    network: Network, index: int, values: Mapping[int, Array], weights: Mapping[str, Array]
) -> Array:
    """What a node computes from the values at hand; of a constant any will do."""
    node = network.nodes[index]
    owner = index if node.shares is None else node.shares
    own = {
        name: weights[array_name(network.nodes[owner], name)]
        for name in array_shapes(network, owner)
    }
    entering = [values[i] for i in node.reads] or [next(iter(values.values()))]
    return KERNELS[node.layer.kind](node.layer, entering, own)


def constants(
    network: Network,
    memory: TensorGraph,
    inputs: Mapping[str, Array],
    weights: Mapping[str, Array],
) -> dict[int, Array]:
    """What lies among the weights, by node: constants and views of them."""
    found: dict[int, Array] = {}
    for index, node in enumerate(network.nodes):
        if memory.tensor_of[index] is None:
            values = found if node.reads else dict(enumerate(inputs.values()))
            found[index] = computed(network, index, values, weights)
    return found


def views_behind(network: Network, memory: TensorGraph) -> dict[int, list[int]]:
    """The views of each tensor, in the order in which they are written."""
    found: dict[int, list[int]] = {tensor.number: [] for tensor in memory.tensors}
    for index, number in enumerate(memory.tensor_of):
        if number is not None and memory.tensors[number].node != index:
            found[number].append(index)
    return found


@pytest.mark.no_cover
@each_seed(20, 60)
@pytest.mark.parametrize("concat_in_place", [False, True])
def test_a_run_within_the_arena_computes_the_same(seed: int, concat_in_place: bool) -> None:
    network = network_for(seed)
    _, numbers = seeded(f"arena {seed}")
    weights = random_weights(network, numbers)
    inputs = random_inputs(network, 1, numbers)
    expected = run(network, inputs, weights)
    memory = tensor_graph(network, in_place=True, concat_in_place=concat_in_place)
    views = views_behind(network, memory)
    for order in (list(range(len(memory.operations))), least_peak(memory).order):
        found = allocate(memory, order)
        whole = np.full(found.size, np.nan)
        values = constants(network, memory, inputs, weights)

        def hold(tensor: int, value: Array, place: int) -> None:
            index = memory.tensors[tensor].node
            held = whole[place : place + value.size].reshape(value.shape)  # noqa: B023
            held[...] = value
            values[index] = held  # noqa: B023
            for view in views[tensor]:
                shape = (1, *network.nodes[view].shape)
                values[view] = held.reshape(shape)  # noqa: B023

        offsets = {place.tensor: place.offset for place in found.allocations}
        for number in memory.inputs:
            path = network.nodes[memory.tensors[number].node].path
            hold(number, inputs[path], offsets[number])
        for place in order:
            operation = memory.operations[place]
            result = computed(network, operation.node, values, weights)
            # A copy: a kernel may look at its input while the result is written over it.
            hold(operation.writes, result.copy(), offsets[operation.writes])
        for index in network.outputs.values():
            assert relative_error(values[index], expected[index]) < 1e-9


@pytest.mark.no_cover
@each_seed(10, 40)
@pytest.mark.parametrize("in_place", [False, True])
def test_a_run_that_frees_what_is_dead_holds_what_was_predicted(seed: int, in_place: bool) -> None:
    network = network_for(seed)
    _, numbers = seeded(f"freed {seed}")
    weights = random_weights(network, numbers)
    made = random_inputs(network, 2, numbers)
    expected = run(network, made, weights)
    memory = tensor_graph(network, in_place=in_place)
    views = views_behind(network, memory)
    order = least_peak(memory).order if seed % 3 == 0 else list(range(len(memory.operations)))
    values = constants(network, memory, made, weights)
    gc.collect()
    tracemalloc.start()
    try:

        def hold(tensor: int, held: Array) -> None:
            values[memory.tensors[tensor].node] = held
            for view in views[tensor]:
                values[view] = held.reshape(2, *network.nodes[view].shape)

        for number in memory.inputs:
            path = network.nodes[memory.tensors[number].node].path
            hold(number, np.array(made[path], order="C"))
        for step in live_sets(memory, order):
            operation = memory.operations[step.operation]
            result = computed(network, operation.node, values, weights)
            if step.in_place:
                into = values[memory.tensors[step.in_place[0]].node]
            else:
                into = np.empty(result.shape)
            np.copyto(into, result)
            hold(operation.writes, into)
            del result, into
            assert held_bytes() == step.live * 2 * BYTES
            for number in step.frees:
                for index in (memory.tensors[number].node, *views[number]):
                    del values[index]
        for index in network.outputs.values():
            assert relative_error(values[index], expected[index]) < 1e-9
    finally:
        tracemalloc.stop()


def held_bytes() -> int:
    """Bytes of all arrays alive that were made since tracemalloc started."""
    kept = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, ARRAYS)])
    return sum(trace.size for trace in kept.traces)
