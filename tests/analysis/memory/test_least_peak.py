"""The least peak over all orders, against oracles that try them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

import convcalc
from convcalc.analysis.memory import least_peak as least_peaks
from convcalc.analysis.memory import search
from convcalc.analysis.memory.least_peak import LeastPeak, least_peak
from convcalc.analysis.memory.liveness import peak_of, tensor_graph
from tests.analysis.memory.families import FAMILIES
from tests.analysis.memory.task_graphs import (
    Graph,
    Task,
    least_by_all_orders,
    least_by_subsets,
    random_alike,
    random_graph,
    random_nested,
    random_series_parallel,
)
from tests.quick import every_network
from tests.shipped import shipped

Maker = Callable[[Random, int], Graph]
#: About a second.
SLOW_FAMILIES = {"hrnet, very wide"}
MAKERS = (random_graph, random_series_parallel, random_nested, random_alike)


def checked(graph: Graph) -> LeastPeak:
    """What is found for a graph: its order must be one, and reach the peak."""
    found = least_peak(graph.tensor_graph())
    assert sorted(found.order) == list(range(len(graph.tasks)))
    done: set[int] = set()
    for number in found.order:
        assert number in graph.ready(frozenset(done))
        done.add(number)
    assert max(graph.peak(found.order), sum(graph.inputs)) == found.peak
    return found


@pytest.mark.parametrize("make", [random_graph, random_series_parallel])
def test_no_order_is_better(make: Maker) -> None:
    """200 graphs of up to 8 tasks, against all their orders."""
    for seed in range(100):
        rng = Random(f"orders {make.__name__} {seed}")
        graph = make(rng, rng.randint(1, 7))
        if len(graph.tasks) > 8:
            graph = random_graph(rng, 6)
        found = checked(graph)
        assert found.exact
        assert found.peak == least_by_all_orders(graph)


@pytest.mark.parametrize("graphs", [50, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.parametrize("turn", [1, 7, 500])
@pytest.mark.parametrize("make", MAKERS)
def test_no_set_of_tasks_leads_to_less(
    make: Maker, turn: int, graphs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graphs of some 12 tasks, against a recursion over subsets.

    In short turns the search from the end arrives about as often as the one from the start.
    """
    monkeypatch.setattr(search, "_TURN", turn)
    for seed in range(graphs):
        rng = Random(f"subsets {make.__name__} {turn} {seed}")
        graph = make(rng, rng.randint(5, 12))
        found = checked(graph)
        assert found.exact
        assert found.peak == least_by_subsets(graph)


@pytest.mark.parametrize("make", MAKERS)
def test_a_search_that_is_given_up_still_brackets_the_least(make: Maker) -> None:
    for seed in range(100):
        rng = Random(f"given up {make.__name__} {seed}")
        graph = make(rng, 10)
        found = least_peak(graph.tensor_graph(), budget=5)
        least = least_by_subsets(graph)
        assert found.bound <= least <= found.peak
        assert graph.peak(found.order) == found.peak


@pytest.mark.no_cover
@every_network
def test_every_shipped_network_is_exact(name: str) -> None:
    network = shipped(name)
    for concat_in_place in (False, True):
        memory = tensor_graph(network, in_place=True, concat_in_place=concat_in_place)
        found = least_peak(memory)
        assert found.exact
        assert peak_of(memory, found.order) == found.peak <= peak_of(memory)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long) if name in SLOW_FAMILIES else name
        for name in FAMILIES
    ],
)
def test_every_family_is_exact(name: str) -> None:
    memory = FAMILIES[name]()
    found = least_peak(memory)
    assert found.exact
    assert peak_of(memory, found.order) == found.peak <= peak_of(memory)


def test_equal_branches_take_few_moves() -> None:
    wide, narrow = "{conv: 8, kernel: 1, activation: relu}", "{conv: 2, kernel: 1}"
    branch = f"      - [{wide}, {wide}, {narrow}]"
    network = convcalc.loads(
        "name: wide\ninput: [3, 8, 8]\nlayers:\n  - {conv: 16, kernel: 1}\n  - concat:\n"
        + "\n".join([branch] * 64)
        + "\n"
    )
    assert least_peak(tensor_graph(network, in_place=True), budget=2_000).exact


def test_a_graph_that_takes_too_many_moves_gets_a_bound_and_a_better_order() -> None:
    graph = random_graph(Random(3), 300)
    memory = Graph(graph.inputs, graph.tasks).tensor_graph()
    found = least_peak(memory, budget=30_000)
    assert 0 < found.bound < found.peak < peak_of(memory)
    assert peak_of(memory, found.order) == found.peak


class CountingSegment(search.Segment):
    """Counts how often a search asks what an operation adds."""

    asked = 0

    def effect(self, waiting: int, operation: int) -> tuple[int, int]:
        CountingSegment.asked += 1
        return super().effect(waiting, operation)


def asked(graph: Graph, budget: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a search asks that is given up after an effort of `budget`."""
    monkeypatch.setattr(least_peaks, "Segment", CountingSegment)
    CountingSegment.asked = 0
    least_peak(graph.tensor_graph(), budget=budget)
    return CountingSegment.asked


def tree(leaves: int) -> Graph:
    """Pairs of values added, pairs of sums added, and so on; the leaves are of several sizes."""
    rng = Random("tree")
    tasks = [Task((0,), rng.randint(5, 60), "plain") for _ in range(leaves)]
    level = [Task((1 + number,), 4, "plain") for number in range(leaves)]
    while level:
        first = 1 + len(tasks)
        tasks += level
        pairs = range(first, first + len(level) - 1, 2)
        level = [Task((number, number + 1), 4, "elementwise") for number in pairs]
    return Graph((3,), tasks, {len(tasks)})


def test_a_search_asks_less_often_where_its_states_are_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A state of a segment has a bit for each of its operations."""
    small = asked(tree(256), 30_000, monkeypatch)
    assert 30_000 <= small <= 3 * 30_000
    assert asked(tree(4096), 30_000, monkeypatch) <= 20_000 + 2 * 4096


def test_moves_that_are_tried_again_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step of a chain is a reason to try the operations that stand beside it again."""
    count = 1_500
    chain = [Task((number,), 3, "elementwise") for number in range(count)]
    wide = [Task((0,), 50, "plain") for _ in range(count)]
    small = [Task((1 + count + number,), 1, "plain") for number in range(count)]
    ends = tuple(range(1 + 2 * count, 1 + 3 * count))
    graph = Graph((3,), [*chain, *wide, *small, Task((count, *ends), 1, "plain")], {3 * count + 1})
    assert asked(graph, 20_000, monkeypatch) <= 3 * 20_000
