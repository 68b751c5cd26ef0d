"""Metrics of many variants at once, compared with reading and analysing each of them.

    python -m benchmarks.exploring
    python -m benchmarks.exploring --points 1000000 --space resnet50

Processor time of one process, from the spec to the last figure: parameters, MACs, all classes of
operations, and both written peaks. What one variant costs alone is measured on 20 of them. Every
space is checked at some of its points.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.measure import Row, at_most, print_table
from convcalc.explore.engine import Engine
from convcalc.explore.limits import read_bound
from convcalc.explore.ranges import read_variable
from convcalc.explore.sizes import sizes
from convcalc.explore.solve import Objective, solve
from convcalc.explore.sweep import Explorer, Question
from convcalc.language.load import spec as read_spec
from convcalc.problems import ConvcalcError

METRICS = (
    *("params", "macs", "flops", "multiplies", "adds", "divides", "compares", "specials"),
    *("peak_memory", "peak_in_place"),
)
SPACES: dict[str, Sequence[str]] = {
    "mobilenet_v2": ("width=0.1..2:0.005", "in_size=32..512"),
    "resnet50": (
        *("depths[0]=2..4", "depths[1]=2..6", "depths[2]=2..8", "depths[3]=2..4"),
        *("group_width=32..128:32", "in_size=64..320:32"),
    ),
    "efficientnet_b0": ("width=1..2:0.05", "depth=1..3.2:0.1", "resolution=128..640:8"),
}
#: Points that are read and analysed alone.
ALONE = 20


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=10**6)
    parser.add_argument("--space", choices=SPACES)
    options = parser.parse_args()
    for name in [options.space] if options.space else SPACES:
        space(name, options.points)
    if not options.space:
        answers()


def space(name: str, points: int) -> None:
    """A space: all points at once, and some of them alone."""
    spec = read_spec(name)
    variables = [read_variable(spec, text) for text in SPACES[name]]
    random = np.random.default_rng(1)
    indices = [random.integers(0, len(variable), points) for variable in variables]
    start = time.process_time()
    engine = Engine(spec, variables, METRICS)
    found = engine.evaluate(indices)
    together = time.process_time() - start
    start = time.process_time()
    for point in range(ALONE):
        place = [int(index[point]) for index in indices]
        try:
            alone = engine.measured(place, METRICS)
        except ConvcalcError:
            alone = dict.fromkeys(METRICS, 0)
        if alone != {metric: int(found.figures[metric][point]) for metric in METRICS}:
            raise SystemExit(f"{name}: another figure at {place}")
    each = (time.process_time() - start) / ALONE
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows = [
        at_most("seconds", together, 2),
        at_most("paths", engine.paths, 60),
        at_most("memory of the process, MB", memory, 700),
        Row("points read alone", str(engine.loaded)),
        Row("seconds, each read and analysed alone", f"{each * points:,.0f}"),
        Row("times as fast", f"{each * points / together:,.0f}"),
    ]
    print_table(f"{name}: {points:,} points of {' '.join(SPACES[name])}", rows)


def answers() -> None:
    """The best point of a space, and the sizes that work."""
    spec = read_spec("mobilenet_v2")
    start = time.process_time()
    variables = [read_variable(spec, text) for text in SPACES["mobilenet_v2"]]
    bounds = [read_bound(text) for text in ("macs<=300M", "params<=3M", "peak_in_place<=4MiB")]
    question = Question(
        spec.source.path,
        spec.source.text,
        tuple([(variable.name, variable.values) for variable in variables]),
        metrics=("macs",),
        bounds=tuple(bounds),
    )
    solution = solve(Explorer(question, spec), Objective("macs", largest=True))
    seconds = time.process_time() - start
    rows = [at_most("seconds", seconds, 0.5), Row("best", str(solution.best))]
    print_table(f"solve: {solution.counts.points:,} points of mobilenet_v2", rows)
    rows = []
    for name in ("unet", "resnet50", "inception_v3"):
        read = read_spec(name)
        start = time.process_time()
        sizes(read)
        rows.append(at_most(name, time.process_time() - start, 1))
    print_table("sizes: seconds, 1..1024 on both axes", rows)


if __name__ == "__main__":
    main()
