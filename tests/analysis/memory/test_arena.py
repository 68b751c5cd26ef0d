"""A static allocation: what is alive at once never overlaps."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

import convcalc
from convcalc.analysis.memory import arena as placing
from convcalc.analysis.memory.arena import allocate
from convcalc.analysis.memory.least_peak import least_peak
from convcalc.analysis.memory.liveness import TensorGraph, live_sets, peak_of, tensor_graph
from tests.analysis.memory.task_graphs import random_graph, random_series_parallel
from tests.networks.grow import random_spec
from tests.quick import each_seed


def check(graph: TensorGraph, order: list[int]) -> None:
    """Tensors alive at one step lie apart, but for those that are written in place."""
    arena = allocate(graph, order)
    places = {place.tensor: place for place in arena.allocations}
    sizes = [tensor.size for tensor in graph.tensors]
    assert peak_of(graph, order) <= arena.size <= sum(sizes)
    for found in live_sets(graph, order):
        written = graph.operations[found.operation].writes
        for one, other in combinations(found.tensors, 2):
            a, b = places[one], places[other]
            apart = a.offset + sizes[one] <= b.offset or b.offset + sizes[other] <= a.offset
            assert apart or (other == written and one in found.in_place)
        for tensor in found.in_place:
            start, end = places[tensor].offset, places[tensor].offset + sizes[tensor]
            inside = places[written]
            assert inside.offset <= start <= end <= inside.offset + sizes[written]
        for tensor in found.tensors:
            assert 0 <= places[tensor].offset <= arena.size - sizes[tensor]


@each_seed(15, 40)
@pytest.mark.parametrize("in_place", [False, True])
def test_grown_networks(seed: int, in_place: bool) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    graph = tensor_graph(network, in_place=in_place, concat_in_place=in_place and seed % 2 == 0)
    check(graph, list(range(len(graph.operations))))
    check(graph, least_peak(graph).order)


@each_seed(30, 60)
def test_random_graphs(seed: int) -> None:
    make = random_graph if seed % 2 else random_series_parallel
    graph = make(Random(seed), 15).tensor_graph()
    check(graph, list(range(len(graph.operations))))
    check(graph, least_peak(graph).order)


def test_a_chain_needs_no_more_than_its_peak() -> None:
    rng = Random(5)
    layers = "".join(f"  - {{conv: {rng.randint(1, 99)}, kernel: 1}}\n" for _ in range(200))
    network = convcalc.loads(f"name: chain\ninput: [3, 4]\nlayers:\n{layers}")
    graph = tensor_graph(network)
    assert allocate(graph).size == peak_of(graph)


def test_parts_of_a_concatenation_lie_one_after_the_other() -> None:
    network = convcalc.loads(
        "name: parts\ninput: [2, 4]\nlayers:\n"
        "  - concat:\n"
        "      - [{conv: 3, kernel: 1, activation: relu}]\n"
        "      - [{conv: 5, kernel: 1}]\n"
        "  - {conv: 1, kernel: 1}\n"
    )
    graph = tensor_graph(network, in_place=True, concat_in_place=True)
    places = allocate(graph).allocations
    within = {place.within for place in places} - {None}
    assert len(within) == 1
    (whole,) = [place for place in places if place.tensor in within]
    starts = [place.offset - whole.offset for place in places if place.within is not None]
    assert sorted(starts) == [0, 0, 12]


def test_rows_of_several_channels_are_copied() -> None:
    text = "{{input: [2, 4, 3], layers: [{{concat: [[relu], [tanh]], axis: {}}}, relu]}}"
    for axis, copied in ((0, False), (1, True)):
        network = convcalc.loads(text.format(axis))
        graph = tensor_graph(network, in_place=True, concat_in_place=True)
        places = allocate(graph).allocations
        assert all(place.within is None for place in places) == copied
        # Both parts, and the whole beside them or around them.
        assert peak_of(graph) == (2 if copied else 1) * 2 * 2 * 4 * 3


def test_a_part_lies_behind_what_is_joined_twice_before_it() -> None:
    network = convcalc.loads(
        "name: twice\ninput: [2, 4]\nlayers:\n"
        "  - {conv: 3, kernel: 1, name: one}\n"
        "  - {conv: 5, kernel: 1, name: two}\n"
        "  - concat: [one, one, two]\n"
        "  - {conv: 1, kernel: 1}\n"
    )
    found = allocate(tensor_graph(network, in_place=True, concat_in_place=True))
    places = {network.nodes[place.tensor].path: place for place in found.allocations}
    assert places["one"].within is None
    assert places["two"].offset == places["concat0"].offset + 2 * 3 * 4


@pytest.mark.parametrize("seed", range(20))
def test_blocks_placed_as_they_come(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_MOST_PAIRS", 0)
    network = convcalc.loads(random_spec(Random(seed)))
    graph = tensor_graph(network, in_place=True, concat_in_place=seed % 2 == 0)
    check(graph, list(range(len(graph.operations))))
    made = random_graph(Random(seed), 15).tensor_graph()
    check(made, list(range(len(made.operations))))


@pytest.mark.no_cover
def test_five_thousand_branches() -> None:
    # Each alive beside each other: to compare all pairs of them takes minutes.
    branches = "".join(f"      - [{{conv: {n % 7 + 1}, kernel: 1}}]\n" for n in range(5000))
    network = convcalc.loads(
        f"name: wide\ninput: [2, 4]\nlayers:\n  - concat:\n{branches}  - {{conv: 1, kernel: 1}}\n"
    )
    graph = tensor_graph(network, in_place=True)
    found = allocate(graph)
    assert 100 * found.size <= 101 * peak_of(graph)
    # The branches, in their places: none lies on the one before it.
    ends = 0
    for place in sorted([p for p in found.allocations if p.last == 5000], key=lambda p: p.offset):
        assert ends <= place.offset
        ends = place.offset + graph.tensors[place.tensor].size
    assert ends <= found.size
