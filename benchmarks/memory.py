"""What `memory` costs, exact least peak included, and how the search grows.

    python -m benchmarks.memory

Whole processes: `memory` on every shipped network, as a ratio to `shapes` on it. And the search
alone, on series-parallel graphs of up to 5,000 operations: branches within branches that meet
again, every tensor of another size. How it grows is held against n*log(n).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from math import log
from random import Random

from benchmarks.measure import Row, at_most, by_turns, convcalc_command, print_table, run
from convcalc.analysis.memory.least_peak import least_peak
from convcalc.analysis.memory.liveness import Memory, Operation, Tensor
from convcalc.language.shipped import shipped_names

ROUNDS = 3
#: How many of the slowest networks the table names.
SHOWN = 5
SIZES = (1250, 2500, 5000)
#: Graphs of each size.
GRAPHS = 6


def main() -> None:
    """Prints both tables."""
    growth()
    zoo()


def zoo() -> None:
    """`memory` against `shapes`, network by network."""
    names = shipped_names()
    with tempfile.TemporaryDirectory() as folder:
        tasks: dict[str, Callable[[], object]] = {
            f"{command} {name}": partial(run, convcalc_command(command, name), folder)
            for name in names
            for command in ("shapes", "memory")
        }
        times = by_turns(tasks, ROUNDS)
    ratios = {name: times[f"memory {name}"] / times[f"shapes {name}"] for name in names}
    slowest = sorted(ratios, key=lambda name: -ratios[name])
    rows = [at_most(name, ratios[name], 4) for name in slowest[:SHOWN]]
    within = sum(ratio <= 4 for ratio in ratios.values())
    rows.append(Row("networks within the goal", f"{within} of {len(ratios)}"))
    print_table("memory as a whole process, as a ratio to shapes", rows)


def growth() -> None:
    """The search, on graphs that become larger."""
    graphs = {
        size: [series_parallel(Random(seed), size) for seed in range(GRAPHS)] for size in SIZES
    }
    exact = {size: sum(least_peak(graph).exact for graph in graphs[size]) for size in SIZES}
    times = by_turns({str(size): partial(search, graphs[size]) for size in SIZES}, ROUNDS)
    rows = [
        Row(f"{size:,} operations", f"{times[str(size)] / GRAPHS * 1000:.0f} ms", "")
        for size in SIZES
    ]
    rows += [Row(f"exact, of {GRAPHS} with {size:,}", str(exact[size])) for size in SIZES]
    first, last = SIZES[0], SIZES[-1]
    measured = times[str(last)] / times[str(first)]
    counts = {size: sum(len(graph.operations) for graph in graphs[size]) for size in SIZES}
    small, large = counts[first] / GRAPHS, counts[last] / GRAPHS
    limit = large * log(large) / (small * log(small))
    rows.append(at_most("growth, as a ratio to n*log(n)", measured / limit, 1.25))
    print_table("The least peak of series-parallel graphs", rows)


def search(graphs: list[Memory]) -> None:
    """The least peak of each graph."""
    for graph in graphs:
        least_peak(graph)


def series_parallel(rng: Random, size: int) -> Memory:
    """A network of `size` operations, made of chains and of branches between two operations."""
    tensors = [Tensor(0, 0, 50)]
    operations: list[Operation] = []

    def add(*reads: int) -> int:
        number = len(tensors)
        sizes = [tensors[read].size for read in reads]
        in_place = rng.random() < 0.3
        tensors.append(Tensor(number, number, max(sizes) if in_place else rng.randint(1, 99)))
        for read in reads:
            tensors[read].readers.append(len(operations))
        reusable = [read for read in reads if tensors[read].size == tensors[-1].size]
        operations.append(
            Operation(number, reads, number, tuple(reusable) if in_place else (), False)
        )
        return number

    def branches(source: int, count: int) -> int:
        """About `count` operations after `source`, exactly one of them last."""
        while count > 0:
            width = rng.choice([2, 2, 3])
            inner = rng.randint(width, max(width, min(count - 2, 400)))
            if count < width + 2 or rng.random() < 0.4:
                source = add(source)
                count -= 1
                continue
            fork = add(source)
            skip = rng.random() < 0.3
            ends = [branches(fork, max(inner // width, 1)) for _ in range(width - skip)]
            source = add(*ends, *([fork] if skip else []))
            count -= 2 + (width - skip) * max(inner // width, 1)
        return source

    # One fork around all of it, so that it is one piece.
    fork = add(0)
    ends = [branches(fork, (size - 2) // 2) for _ in range(2)]
    tensors[add(*ends)].kept = True
    return Memory(tensors, [0], operations, list(range(len(tensors))))


if __name__ == "__main__":
    main()
