"""The least peak over all orders, against oracles that try them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

import convcalc
from convcalc.analysis.memory.least_peak import LeastPeak, least_peak
from convcalc.analysis.memory.liveness import memory_of, peak_elements
from convcalc.analysis.memory.pieces import Piece
from convcalc.analysis.memory.states import least_peak_order
from convcalc.language.shipped import shipped_names
from tests.analysis.memory.orders import (
    Graph,
    least_by_all_orders,
    least_by_subsets,
    random_alike,
    random_graph,
    random_nested,
    random_series_parallel,
)
from tests.shipped import shipped

Maker = Callable[[Random, int], Graph]
MAKERS = (random_graph, random_series_parallel, random_nested, random_alike)
#: Twenty batches, of which the first is enough to measure coverage with.
FIRST_MEASURED = [0, *[pytest.param(batch, marks=pytest.mark.no_cover) for batch in range(1, 20)]]


def checked(graph: Graph) -> LeastPeak:
    """What is found for a graph: its order must be one, and reach the peak."""
    found = least_peak(graph.memory())
    assert sorted(found.order) == list(range(len(graph.tasks)))
    done: set[int] = set()
    for number in found.order:
        assert number in graph.ready(frozenset(done))
        done.add(number)
    assert max(graph.peak(found.order), sum(graph.inputs)) == found.peak
    return found


@pytest.mark.parametrize("batch", range(20))
@pytest.mark.parametrize("make", [random_graph, random_series_parallel])
def test_no_order_is_better(make: Maker, batch: int) -> None:
    """2,000 graphs of up to 8 tasks, against all their orders."""
    for seed in range(50):
        rng = Random(f"orders {make.__name__} {batch} {seed}")
        graph = make(rng, rng.randint(1, 7))
        if len(graph.tasks) > 8:
            graph = random_graph(rng, 6)
        found = checked(graph)
        assert found.exact
        assert found.peak == least_by_all_orders(graph)


@pytest.mark.parametrize("batch", FIRST_MEASURED)
@pytest.mark.parametrize("make", MAKERS)
def test_no_set_of_tasks_leads_to_less(make: Maker, batch: int) -> None:
    """4,000 graphs of up to 12 tasks, and some of more, against a recursion over subsets."""
    for seed in range(50):
        rng = Random(f"subsets {make.__name__} {batch} {seed}")
        graph = make(rng, rng.randint(5, 12))
        found = checked(graph)
        assert found.exact
        assert found.peak == least_by_subsets(graph)


@pytest.mark.parametrize("batch", FIRST_MEASURED[:10])
@pytest.mark.parametrize("make", MAKERS)
def test_reductions_keep_the_least_peak(make: Maker, batch: int) -> None:
    """1,000 graphs as one piece each, though they could be cut, and searched to the end."""
    for seed in range(25):
        rng = Random(f"pieces {make.__name__} {batch} {seed}")
        graph = make(rng, rng.randint(5, 12))
        memory = graph.memory()
        writers = [-1] * len(memory.tensors)
        for place, operation in enumerate(memory.operations):
            writers[operation.writes] = place
        piece = Piece(memory, writers, 0, len(graph.tasks))
        elements, works = piece.elements()
        found = least_peak_order(elements, sum(graph.inputs), 0, 10**9, 10**6)
        order = [task for element in found.order or () for task in works[element]]
        assert sorted(order) == list(range(len(graph.tasks)))
        assert graph.peak(order) == found.bound == least_by_subsets(graph)


@pytest.mark.parametrize("make", MAKERS)
def test_a_search_that_is_given_up_still_brackets_the_least(make: Maker) -> None:
    for seed in range(100):
        rng = Random(f"given up {make.__name__} {seed}")
        graph = make(rng, 10)
        found = least_peak(graph.memory(), budget=5)
        least = least_by_subsets(graph)
        assert found.bound <= least <= found.peak
        assert graph.peak(found.order) == found.peak


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_network_is_exact(name: str) -> None:
    network = shipped(name)
    for concat_in_place in (False, True):
        memory = memory_of(network, in_place=True, concat_in_place=concat_in_place)
        found = least_peak(memory)
        assert found.exact
        assert peak_elements(memory, found.order) == found.peak <= peak_elements(memory)


def test_equal_branches_are_no_search() -> None:
    wide, narrow = "{conv: 8, kernel: 1, activation: relu}", "{conv: 2, kernel: 1}"
    branch = f"      - [{wide}, {wide}, {narrow}]"
    network = convcalc.loads(
        "name: wide\ninput: [3, 8, 8]\nlayers:\n  - {conv: 16, kernel: 1}\n  - concat:\n"
        + "\n".join([branch] * 64)
        + "\n"
    )
    assert least_peak(memory_of(network, in_place=True), budget=2_000).exact


def test_a_knot_that_is_too_large_gets_a_bound() -> None:
    rng = Random(0)
    graph = random_graph(rng, 300)
    found = least_peak(Graph(graph.inputs, graph.tasks).memory(), budget=3_000)
    assert 0 < found.bound <= found.peak
