"""The time of `memory`, exact least peak included, and how the search for it grows.

    python -m benchmarks.memory

Whole processes: `memory` on every shipped network, as a ratio to `shapes`. The search alone: graphs
of network families with growing depth, compared with n*log(n) in nodes and edges, and the slowest
graphs of all families.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from math import log

from benchmarks.measure import Row, at_most, by_turns, convcalc_command, print_table, run
from convcalc.analysis.memory.least_peak import least_peak
from convcalc.analysis.memory.liveness import TensorGraph
from convcalc.language.shipped import shipped_names
from tests.analysis.memory import families

ROUNDS = 3
#: How many of the slowest networks the table names.
SHOWN = 5
#: Families of about 1,200 operations for each unit of depth.
DEEPER: dict[str, Callable[[int], TensorGraph]] = {
    "transformer": lambda depth: families.transformer(80 * depth),
    "wavenet": lambda depth: families.wavenet(150 * depth),
    "hrnet": lambda depth: families.hrnet(128, (1, 4 * depth, 3 * depth)),
    "nasnet": lambda depth: families.nasnet(26 * depth),
    "bifpn": lambda depth: families.bifpn(28 * depth),
    "detr": lambda depth: families.detr(6, 40 * depth),
}
DEPTHS = (1, 4)


def main() -> None:
    """Prints both tables."""
    growth()
    zoo()


def zoo() -> None:
    """`memory` compared with `shapes`, network by network."""
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
    """The search on graphs of growing depth, and on one graph of every family."""
    graphs = {f"{name} {d}": make(d) for name, make in DEEPER.items() for d in DEPTHS}
    others = {name: make() for name, make in families.FAMILIES.items()}
    everything = {**graphs, **others}
    times = by_turns({name: partial(least_peak, g) for name, g in everything.items()}, ROUNDS)
    rows = []
    for name in DEEPER:
        small, large = (f"{name} {depth}" for depth in DEPTHS)
        grown = times[large] / times[small] / (expected(graphs[large]) / expected(graphs[small]))
        count = len(graphs[large].operations)
        rows += [
            Row(f"{name}, {count:,} operations", f"{times[large] * 1000:.0f} ms"),
            at_most(f"{name}, growth as a ratio to n*log(n)", grown, 1.25),
        ]
    print_table("The least peak of networks of growing depth", rows)
    slowest = sorted(others, key=lambda name: -times[name])[:SHOWN]
    rows = [Row(name, f"{times[name] * 1000:.0f} ms") for name in slowest]
    exact = sum(least_peak(graph).exact for graph in everything.values())
    rows.append(Row("exact", f"{exact} of {len(everything)}", "", exact == len(everything)))
    print_table("The least peak of network families", rows)


def expected(graph: TensorGraph) -> float:
    """n*log(n), where n counts operations and what they read."""
    n = len(graph.operations) + sum(len(operation.reads) for operation in graph.operations)
    return n * log(n)


if __name__ == "__main__":
    main()
