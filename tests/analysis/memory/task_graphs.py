"""Small random task graphs, and their least peak by trying: all orders, and all sets of tasks.

Written from the conventions of the memory page, without a look at how convcalc finds its orders.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from convcalc.analysis.memory.liveness import Operation, Tensor, TensorGraph


class Task(NamedTuple):
    """One operation: the values it reads (inputs first are numbered, then tasks), and its result.

    how  "plain", "elementwise" (may lie in a dying input of its size) or "concat" (its dying
         inputs that are no inputs of the network were made within it)
    """

    reads: tuple[int, ...]
    size: int
    how: str


class Graph:
    """Values 0 to len(inputs) - 1 are the inputs', the others the tasks', in the written order."""

    def __init__(
        self, inputs: tuple[int, ...], tasks: Iterable[Task], results: Iterable[int] = ()
    ) -> None:
        self.inputs = inputs
        self.tasks = tuple(tasks)
        self.results = frozenset(results)
        # The oracles ask for the same again and again.
        self._readers: dict[int, frozenset[int]] = {}
        self._held: dict[frozenset[int], int] = {}

    def size(self, value: int) -> int:
        count = len(self.inputs)
        return self.inputs[value] if value < count else self.tasks[value - count].size

    def readers(self, value: int) -> frozenset[int]:
        if value not in self._readers:
            found = [number for number, task in enumerate(self.tasks) if value in task.reads]
            self._readers[value] = frozenset(found)
        return self._readers[value]

    def alive(self, done: frozenset[int]) -> set[int]:
        """The values that are held when these tasks have run."""
        count = len(self.inputs)
        found = set()
        for value in [*range(count), *[count + number for number in done]]:
            readers = self.readers(value)
            needed = not readers <= done or value in self.results
            if needed or (value < count and not readers):
                found.add(value)
        return found

    def held(self, done: frozenset[int]) -> int:
        """The elements of the values that are held when these tasks have run."""
        if done not in self._held:
            self._held[done] = sum([self.size(value) for value in self.alive(done)])
        return self._held[done]

    def cost(self, done: frozenset[int], number: int) -> int:
        """What is held while a task runs after these."""
        task = self.tasks[number]
        total = self.held(done) + task.size
        after = done | {number}
        dying = [
            value
            for value in task.reads
            if value not in self.results and self.readers(value) <= after
        ]
        if task.how == "elementwise" and any(self.size(v) == task.size for v in dying):
            return total - task.size
        if task.how == "concat":
            total -= sum(self.size(value) for value in dying if value >= len(self.inputs))
        return total

    def ready(self, done: frozenset[int]) -> list[int]:
        count = len(self.inputs)
        return [
            number
            for number, task in enumerate(self.tasks)
            if number not in done and all(v < count or v - count in done for v in task.reads)
        ]

    def peak(self, order: list[int]) -> int:
        """The peak of one order."""
        costs = [self.cost(frozenset(order[:i]), number) for i, number in enumerate(order)]
        return max(costs, default=sum(self.inputs))

    def tensor_graph(self) -> TensorGraph:
        """The same as convcalc's analyses see it."""
        count = len(self.inputs)
        tensors = [Tensor(i, i, size) for i, size in enumerate(self.inputs)]
        operations = []
        for number, task in enumerate(self.tasks):
            tensors.append(Tensor(count + number, count + number, task.size))
            for value in task.reads:
                tensors[value].readers.append(number)
            reusable = [
                value
                for value in task.reads
                if value not in self.results
                and (
                    (task.how == "elementwise" and self.size(value) == task.size)
                    or (task.how == "concat" and value >= count)
                )
            ]
            starts = [
                (value, sum(self.size(before) for before in task.reads[:place]))
                for place, value in enumerate(task.reads)
            ]
            operations.append(
                Operation(
                    count + number,
                    task.reads,
                    count + number,
                    tuple(reusable),
                    task.how == "concat",
                    tuple(starts) if task.how == "concat" else (),
                )
            )
        for value in self.results:
            tensors[value].result = True
        return TensorGraph(tensors, list(range(count)), operations, list(range(len(tensors))))


def least_by_all_orders(graph: Graph) -> int:
    """The least peak over every order, each tried from beginning to end."""
    count = len(graph.tasks)
    costs: dict[tuple[frozenset[int], int], int] = {}
    peaks: list[int] = []

    def go_on(done: frozenset[int], peak: int) -> None:
        if len(done) == count:
            peaks.append(peak)
        for number in graph.ready(done):
            if (done, number) not in costs:
                costs[done, number] = graph.cost(done, number)
            go_on(done | {number}, max(peak, costs[done, number]))

    go_on(frozenset(), sum(graph.inputs))
    return min(peaks)


def least_by_subsets(graph: Graph) -> int:
    """The least peak by a recursion over sets of tasks."""
    known: dict[frozenset[int], int] = {}
    everything = frozenset(range(len(graph.tasks)))

    def best(done: frozenset[int]) -> int:
        if done == everything:
            return 0
        if done not in known:
            known[done] = min(
                max(graph.cost(done, number), best(done | {number})) for number in graph.ready(done)
            )
        return known[done]

    return max(best(frozenset()), sum(graph.inputs) if not graph.tasks else 0)


def random_graph(rng: Random, tasks: int) -> Graph:
    """Any graph: each task reads one to three values."""
    inputs = tuple(rng.randint(1, 6) for _ in range(rng.choice([1, 1, 1, 2])))
    made: list[Task] = []
    spread = rng.choice([2, 4, 99])
    for number in range(tasks):
        known = len(inputs) + number
        count = min(rng.choice([1, 1, 1, 2, 2, 3]), known)
        near = range(max(0, known - spread), known)
        reads = rng.sample(near, min(count, len(near)))
        made.append(_task(rng, inputs, made, reads))
    return _finished(rng, inputs, made)


def random_series_parallel(rng: Random, tasks: int) -> Graph:
    """A graph of chains and branches within branches that meet again, up to about `tasks`."""
    inputs = (rng.randint(1, 6),)
    made: list[Task] = []

    def grow(sources: list[int], budget: int) -> list[int]:
        """Values that the next one reads."""
        if budget <= 1:
            made.append(_task(rng, inputs, made, sources))
            return [len(inputs) + len(made) - 1]
        if rng.random() < 0.5:
            first = rng.randint(1, budget - 1)
            return grow(grow(sources, first), budget - first)
        branches = min(rng.choice([2, 2, 3, 4]), budget)
        ends: list[int] = []
        for _ in range(branches):
            if rng.random() < 0.15:
                ends += sources
            else:
                ends += grow(sources, max(1, budget // branches))
        return list(dict.fromkeys(ends))

    while len(made) < tasks:
        last = grow([len(inputs) + len(made) - 1], tasks - len(made))
        if len(last) > 1:
            made.append(_task(rng, inputs, made, last))
    return _finished(rng, inputs, made)


def random_nested(rng: Random, tasks: int) -> Graph:
    """Forks within the branches of a fork, with a task at each end of each; `tasks` is ignored."""
    inputs = (rng.randint(1, 6),)
    made: list[Task] = []

    def add(*reads: int) -> int:
        made.append(_task(rng, inputs, made, list(dict.fromkeys(reads))))
        return len(inputs) + len(made) - 1

    def chain(source: int, most: int) -> int:
        for _ in range(rng.randint(1, most)):
            source = add(source)
        return source

    def block(source: int) -> int:
        fork = add(source)
        return add(*[chain(fork, 2) for _ in range(2)])

    start = chain(0, 1)
    ends = [block(start), block(start) if rng.random() < 0.7 else chain(start, 4)]
    if rng.random() < 0.3:
        ends.append(rng.choice([start, chain(start, 2)]))
    add(*ends)
    return _finished(rng, inputs, made)


def random_alike(rng: Random, tasks: int) -> Graph:
    """Equal branches, and perhaps another one, behind a fork; `tasks` is ignored."""
    inputs = (rng.choice([2, 5, 9]),)
    sizes = (1, 2, 5, 9)
    made = [Task((0,), rng.choice(sizes), "plain")] if rng.random() < 0.7 else []
    fork = len(made)
    root = inputs[0] if fork == 0 else made[0].size
    first = Task((fork,), root, "elementwise")
    if rng.random() < 0.6:
        first = Task((fork,), rng.choice(sizes), "plain")
    pattern = [first, *[Task((), rng.choice(sizes), "plain") for _ in range(rng.randint(0, 2))]]
    other = [Task((fork,), rng.choice(sizes), "plain"), Task((), rng.choice(sizes), "plain")]
    branches = [pattern] * rng.randint(2, 4) + [other[: rng.randint(1, 2)]] * rng.randint(0, 1)
    ends = []
    for branch in branches:
        for place, task in enumerate(branch):
            reads = task.reads if place == 0 else (len(made),)
            made.append(task._replace(reads=reads))
        ends.append(len(made))
    made.append(Task(tuple(ends), rng.choice(sizes), "plain"))
    return _finished(rng, inputs, made)


def _task(rng: Random, inputs: tuple[int, ...], made: list[Task], reads: list[int]) -> Task:
    graph = Graph(inputs, made)
    how = rng.choice(["plain", "plain", "elementwise", "concat"])
    if how == "elementwise":
        return Task(tuple(reads), max(graph.size(value) for value in reads), how)
    if how == "concat" and len(reads) > 1:
        return Task(tuple(reads), sum(graph.size(value) for value in reads), how)
    return Task(tuple(reads), rng.choice([1, 2, 3, 5, 9, 20]), "plain")


def _finished(rng: Random, inputs: tuple[int, ...], made: list[Task]) -> Graph:
    graph = Graph(inputs, made)
    values = range(len(inputs), len(inputs) + len(made))
    kept = {v for v in values if not graph.readers(v) and rng.random() < 0.8}
    kept |= {v for v in values if rng.random() < 0.05}
    return Graph(inputs, made, kept)
