"""A static allocation: what is alive at once never overlaps."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

import convcalc
import convcalc.analysis.memory.arena as placing
from convcalc.analysis.memory.arena import arena
from convcalc.analysis.memory.least_peak import least_peak
from convcalc.analysis.memory.liveness import Memory, memory_of, peak_elements, steps
from tests.analysis.memory.task_graphs import random_graph, random_series_parallel
from tests.networks.grow import random_spec


def check(memory: Memory, order: list[int]) -> None:
    """Tensors alive at one step lie apart, but for those that are written in place."""
    found = arena(memory, order)
    places = {place.tensor: place for place in found.places}
    sizes = [tensor.size for tensor in memory.tensors]
    assert peak_elements(memory, order) <= found.size <= sum(sizes)
    for step in steps(memory, order):
        written = memory.operations[step.operation].writes
        for one, other in combinations(step.tensors, 2):
            a, b = places[one], places[other]
            apart = a.offset + sizes[one] <= b.offset or b.offset + sizes[other] <= a.offset
            assert apart or (other == written and one in step.in_place)
        for tensor in step.in_place:
            start, end = places[tensor].offset, places[tensor].offset + sizes[tensor]
            inside = places[written]
            assert inside.offset <= start <= end <= inside.offset + sizes[written]
        for tensor in step.tensors:
            assert 0 <= places[tensor].offset <= found.size - sizes[tensor]


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("in_place", [False, True])
def test_grown_networks(seed: int, in_place: bool) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    memory = memory_of(network, in_place=in_place, concat_in_place=in_place and seed % 2 == 0)
    check(memory, list(range(len(memory.operations))))
    check(memory, least_peak(memory).order)


@pytest.mark.parametrize("seed", range(200))
def test_random_graphs(seed: int) -> None:
    make = random_graph if seed % 2 else random_series_parallel
    memory = make(Random(seed), 15).memory()
    check(memory, list(range(len(memory.operations))))
    check(memory, least_peak(memory).order)


def test_a_chain_needs_no_more_than_its_peak() -> None:
    rng = Random(5)
    layers = "".join(f"  - {{conv: {rng.randint(1, 99)}, kernel: 1}}\n" for _ in range(200))
    network = convcalc.loads(f"name: chain\ninput: [3, 4]\nlayers:\n{layers}")
    memory = memory_of(network)
    assert arena(memory).size == peak_elements(memory)


def test_parts_of_a_concatenation_lie_one_after_the_other() -> None:
    network = convcalc.loads(
        "name: parts\ninput: [2, 4]\nlayers:\n"
        "  - concat:\n"
        "      - [{conv: 3, kernel: 1, activation: relu}]\n"
        "      - [{conv: 5, kernel: 1}]\n"
        "  - {conv: 1, kernel: 1}\n"
    )
    memory = memory_of(network, in_place=True, concat_in_place=True)
    places = arena(memory).places
    within = {place.within for place in places} - {None}
    assert len(within) == 1
    (whole,) = [place for place in places if place.tensor in within]
    starts = [place.offset - whole.offset for place in places if place.within is not None]
    assert sorted(starts) == [0, 0, 12]


def test_a_part_lies_behind_what_is_joined_twice_before_it() -> None:
    network = convcalc.loads(
        "name: twice\ninput: [2, 4]\nlayers:\n"
        "  - {conv: 3, kernel: 1, name: one}\n"
        "  - {conv: 5, kernel: 1, name: two}\n"
        "  - concat: [one, one, two]\n"
        "  - {conv: 1, kernel: 1}\n"
    )
    found = arena(memory_of(network, in_place=True, concat_in_place=True))
    places = {network.nodes[place.tensor].path: place for place in found.places}
    assert places["one"].within is None
    assert places["two"].offset == places["concat0"].offset + 2 * 3 * 4


@pytest.mark.parametrize("seed", range(50))
def test_blocks_placed_as_they_come(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_MOST_PAIRS", 0)
    network = convcalc.loads(random_spec(Random(seed)))
    memory = memory_of(network, in_place=True, concat_in_place=seed % 2 == 0)
    check(memory, list(range(len(memory.operations))))
    made = random_graph(Random(seed), 15).memory()
    check(made, list(range(len(made.operations))))


def test_five_thousand_branches() -> None:
    # Each alive beside each other: to compare all pairs of them takes minutes.
    branches = "".join(f"      - [{{conv: {n % 7 + 1}, kernel: 1}}]\n" for n in range(5000))
    network = convcalc.loads(
        f"name: wide\ninput: [2, 4]\nlayers:\n  - concat:\n{branches}  - {{conv: 1, kernel: 1}}\n"
    )
    memory = memory_of(network, in_place=True)
    found = arena(memory)
    assert 100 * found.size <= 101 * peak_elements(memory)
    # The branches, in their places: none lies on the one before it.
    ends = 0
    for place in sorted([p for p in found.places if p.last == 5000], key=lambda p: p.offset):
        assert ends <= place.offset
        ends = place.offset + memory.tensors[place.tensor].size
    assert ends <= found.size
