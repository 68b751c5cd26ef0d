"""Metrics of many variants at once, compared with reading and analysing each of them.

    python -m benchmarks.exploring
    python -m benchmarks.exploring --points 1000000 --space resnet50
    python -m benchmarks.exploring --peers /path/to/python    # one that has torchvision, torchinfo
                                                              # and fvcore
    python -m benchmarks.exploring --billion

Processor time of one process, from the spec to the last figure: parameters, MACs, all classes of
operations, and both written peaks. What one variant costs alone, with convcalc and with the peers,
is measured on 20 of them. Every space is checked at some of its points. `--billion` measures parts
of a space of a billion points, as processes and clusters are handed them, and says what all of it
takes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.measure import (
    ENVIRONMENT,
    Row,
    at_most,
    convcalc_command,
    peak_memory,
    print_table,
    run,
)
from convcalc.explore.engine import Engine
from convcalc.explore.limits import read_bound
from convcalc.explore.ranges import read_variable
from convcalc.explore.sizes import sizes
from convcalc.explore.solve import Objective, solve
from convcalc.explore.sweep import Explorer, Question
from convcalc.explore.variables import Variable
from convcalc.language.building.spec import Spec
from convcalc.language.load import spec as read_spec
from convcalc.problems import ConvcalcError

FOLDER = Path(__file__).parent
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
    "space_of_networks": (
        *("width=0.25..1.5:0.05", "resolution=96..256:16"),
        *[f"kernels[{stage}]=3,5,7" for stage in range(5)],
        *[f"grow[{stage}]=3,4,6" for stage in range(5)],
        *[f"depths[{stage}]=1..4" for stage in range(5)],
    ),
}
#: A part of the last space: 3^12 points.
SOLVED = (
    *[f"kernels[{stage}]=3,5,7" for stage in range(5)],
    *[f"grow[{stage}]=3,4,6" for stage in range(5)],
    *("depths[1]=2..4", "depths[2]=2..4"),
)
#: Points that are read and analysed alone.
ALONE = 20
#: A sweep of 381 * 27 variants, of which the first row is waited for.
_SWEPT = ("--over", "width=0.1..2:0.005", "--over", "in_size=96..304:8", "--format", "csv")
#: About a billion points, and the parts of them that are measured: so many, of so many points.
BILLION = ("width=0.1..2:0.0005", "in_size=32..512", "classes=2..547")
PARTS, PART = 12, 1 << 16


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=10**6)
    parser.add_argument("--space", choices=SPACES)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--billion", action="store_true")
    options = parser.parse_args()
    if options.billion:
        billion()
        return
    for name in [options.space] if options.space else SPACES:
        space(name, options.points, options.peers)
    if not options.space:
        answers()
        commands()


def spec_of(name: str) -> Spec:
    """A shipped network, or the space beside this file."""
    own = FOLDER / f"{name}.yaml"
    return read_spec(own if own.exists() else name)


def space(name: str, points: int, python: str) -> None:
    """A space: all points at once, and some of them alone."""
    spec = spec_of(name)
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
        *peers(name, variables, indices, together, python),
    ]
    print_table(f"{name}: {points:,} points of {' '.join(SPACES[name])}", rows)


def peers(
    name: str,
    variables: Sequence[Variable],
    indices: Sequence[np.ndarray],
    ours: float,
    python: str,
) -> list[Row]:
    """What the points cost with other packages, from some of them; they know MACs alone."""
    if name not in {"mobilenet_v2", "resnet50"}:
        return []
    variants = [
        [float(v.values[index[point]]) for v, index in zip(variables, indices, strict=True)]
        for point in range(ALONE)
    ]
    variants = [
        [int(number) if number == int(number) else number for number in v] for v in variants
    ]
    command = [python, str(FOLDER / "exploring_peers.py"), name, json.dumps(variants)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return [Row("torchinfo, fvcore", "not installed: --peers PYTHON")]
    rows = []
    for package, seconds in json.loads(done.stdout).items():
        whole = seconds / ALONE * len(indices[0])
        rows.append(Row(f"seconds with {package}, extrapolated", f"{whole:,.0f}"))
        rows.append(Row("  times as fast", f"{whole / ours:,.0f}"))
    return rows


def answers() -> None:
    """The best points of spaces, and the sizes that work."""
    of_mobilenet = ("macs<=300M", "params<=3M", "peak_in_place<=4MiB")
    best("mobilenet_v2", SPACES["mobilenet_v2"], of_mobilenet, 0.5)
    best("space_of_networks", SOLVED, ("macs<=400M", "params<=6M"), 1)
    rows = []
    for name in ("unet", "resnet50", "inception_v3"):
        read = read_spec(name)
        start = time.process_time()
        sizes(read)
        rows.append(at_most(name, time.process_time() - start, 1))
    print_table("sizes: seconds, 1..1024 on both axes", rows)


def best(name: str, over: Sequence[str], limits: Sequence[str], goal: float) -> None:
    """The most MACs of a space under limits."""
    start = time.process_time()
    spec = spec_of(name)
    variables = [read_variable(spec, text) for text in over]
    question = Question(
        spec.source.path,
        spec.source.text,
        tuple([(variable.name, variable.values) for variable in variables]),
        metrics=("macs",),
        bounds=tuple([read_bound(text) for text in limits]),
    )
    solution = solve(Explorer(question, spec), Objective("macs", largest=True))
    seconds = time.process_time() - start
    figures = solution.best.figures if solution.best else {}
    rows = [at_most("seconds", seconds, goal), Row("most MACs", f"{figures.get('macs', 0):,}")]
    print_table(f"solve: {solution.counts.points:,} points of {name}", rows)


def commands() -> None:
    """A sweep as a whole process: when its first row is there, and how much memory it holds."""
    command = convcalc_command("sweep", "mobilenet_v2", *_SWEPT)
    run([*command, "--sample", "1"], str(FOLDER))  # which compiles the modules
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        if process.stdout is None:
            raise SystemExit("the command has no output")
        head, row = process.stdout.readline(), process.stdout.readline()
        first = time.perf_counter() - start
        lines = 2 + len(process.stdout.readlines())
        whole = time.perf_counter() - start
    if not (head.startswith(b"width,in_size") and row.startswith(b"0.1,96") and lines == 10_288):
        raise SystemExit("another result")
    with TemporaryDirectory() as folder:
        many = ("--over", "width=0.1..2:0.005", "--over", "in_size=32..656", "--format", "csv")
        target = ("--output", str(Path(folder) / "rows.csv"))
        memory = peak_memory(convcalc_command("sweep", "mobilenet_v2", *many, *target))
    rows = [
        at_most("seconds to the first row", first, 1),
        Row("seconds to the last", f"{whole:.2f}"),
        at_most("MB, 238,125 variants written to a file", memory, 250),
    ]
    print_table("sweep: 10,287 variants of mobilenet_v2, as a process", rows)


def billion() -> None:
    """What a space of a billion points costs, from some of its parts."""
    spec = read_spec("mobilenet_v2")
    variables = [read_variable(spec, text) for text in BILLION]
    question = Question(
        spec.source.path,
        spec.source.text,
        tuple([(variable.name, variable.values) for variable in variables]),
        metrics=("params", "macs", "peak_in_place"),
    )
    explorer = Explorer(question, spec)
    count = explorer.domain.count
    seconds = []
    for start in range(0, count - PART, count // PARTS):
        begun = time.process_time()
        explorer.look(start, start + PART)
        seconds.append(time.process_time() - begun)
    usual = sorted(seconds)[len(seconds) // 2]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows = [
        Row(f"seconds, the first part of {PART:,} points", f"{seconds[0]:.2f}"),
        Row("seconds, a part: median", f"{usual:.3f}"),
        Row("seconds, a part: slowest", f"{max(seconds):.3f}"),
        Row("points a second on a core", f"{PART / usual:,.0f}"),
        Row("memory of the process, MB", str(memory)),
        Row(f"minutes on a core, all {count:,} points", f"{count / PART * usual / 60:,.1f}"),
    ]
    print_table(f"a billion points: mobilenet_v2, {' '.join(BILLION)}", rows)


if __name__ == "__main__":
    main()
