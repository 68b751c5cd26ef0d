"""How often the first problem is reported at the right line.

    python -m benchmarks.mutations [--count N] [--seed N] [--show CLASS]

makes single faults in the shipped networks, one changed value, key or line each, and runs what CI
runs on each of them: `check`, then `lock --check` against the lock of the network without the
fault. The first problem's place is then compared with

- the changed line; if a line was left out, the lines on both sides of the gap; if a line was
  doubled, both;
- the first line whose shape the fault breaks, and the block calls that lead to it. It is found from
  the operations alone, not from any message: the first operation in execution order that the sound
  network has and the faulty one cannot build; or, if all can be built, the first whose kind, shape,
  parameters or operation counts differ.

A fault that changes no operation and no total, such as another rate of a dropout, cannot be found
by costs; it is counted separately and not in the rate. Without a lock, a fault that only an
expectation notices is reported at the expectation: that is a class of its own, and not right.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from random import Random
from typing import NamedTuple

from benchmarks.faults import OPERATORS, Fault, Spec
from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.metrics import measure_all
from convcalc.checks.lock.comparison import stale_problem
from convcalc.checks.lock.file import Lock, lock_text, locked_network, parse_lock
from convcalc.checks.project.baseline import Baseline
from convcalc.checks.project.check import Settings, check_network
from convcalc.checks.project.specs import Specs
from convcalc.checks.project.targets import LOCK_NAME, Target
from convcalc.graph import Node
from convcalc.language.load import load, spec
from convcalc.language.shipped import shipped_folder, shipped_names
from convcalc.problems import ConvcalcError, Problem, Source, Span

COUNT = 640
SEED = 20260101
GOAL = 98

MUTATED = "the changed line"
BROKEN = "the first line that it breaks"
CALL = "a call that leads to that line"
EXPECTED = "the expectation that no longer holds"
ELSEWHERE = "another line"
SILENT = "no problem is reported"
NO_DIFFERENCE = "no figure differs (not counted)"
RIGHT = (MUTATED, BROKEN, CALL)
CLASSES = (*RIGHT, EXPECTED, ELSEWHERE, SILENT, NO_DIFFERENCE)

#: A line of a file.
Place = tuple[str, int]


class Trial(NamedTuple):
    """A fault, and the class of the first problem that is reported.

    alone    by `check` without a lock
    checked  by `check` with a lock
    locked   by `check` with a lock, and then `lock --check`
    problem  the problem of `locked`
    """

    network: str
    operator: str
    fault: Fault
    alone: str
    checked: str
    locked: str
    problem: Problem | None


class Sound(NamedTuple):
    """A network without a fault."""

    spec: Spec
    analysis: Analysis
    lock: Lock


def trials(count: int, seed: int, networks: Sequence[str] = ()) -> Iterator[Trial]:
    """Distinct faults in these networks, or in all that ship; operators and networks take turns."""
    random = Random(seed)
    with _workshop() as folder:
        known: dict[str, Sound] = {}
        seen: set[str] = set()
        names = list(networks or shipped_names())
        operators = [*OPERATORS]
        while len(seen) < count:
            if not len(seen) % len(names):
                random.shuffle(names)
            name = names[len(seen) % len(names)]
            operator = operators[len(seen) % len(operators)]
            if name not in known:
                known[name] = _sound(name, folder)
            fault = None
            for _ in range(20):
                fault = OPERATORS[operator](known[name].spec, random)
                if fault is not None and fault.text not in seen:
                    break
                fault, operator = None, random.choice(operators)
            if fault is not None:
                seen.add(fault.text)
                yield _tried(name, operator, fault, known[name])


@contextmanager
def _workshop() -> Iterator[str]:
    """Changes into a folder with copies of the shipped networks."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(shipped_folder(), os.path.join(folder, "configs"))
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def _path(name: str) -> str:
    return f"configs/{name}.yaml"


def _sound(name: str, folder: str) -> Sound:
    with open(os.path.join(folder, _path(name)), encoding="utf-8") as file:
        text = file.read()
    analysis = Analysis(load(_path(name)))
    totals = measure_all(analysis, slow=False)
    entry = locked_network(_path(name), "", analysis.report, totals)
    return Sound(Spec(text), analysis, parse_lock(Source(LOCK_NAME, lock_text([entry]))))


def _tried(name: str, operator: str, fault: Fault, sound: Sound) -> Trial:
    path = _path(name)
    with open(path, encoding="utf-8") as file:
        before = file.read()
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(fault.text)
        right = _right_places(path, fault, sound)
        alone = _class(_checked(path, None), right)
        problem = _checked(path, sound.lock)
        checked = _class(problem, right)
        problem = problem or _locked(path, sound.lock)
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(before)
    return Trial(name, operator, fault, alone, checked, _class(problem, right), problem)


def _checked(path: str, lock: Lock | None) -> Problem | None:
    """The first problem that `check` reports."""
    baseline = Baseline(LOCK_NAME, lock) if lock is not None else None
    problems = check_network(Target(path), Settings(baseline), Specs()).problems
    return problems[0] if problems else None


def _locked(path: str, lock: Lock) -> Problem | None:
    """The problem that `lock --check` reports for a spec without errors."""
    read = spec(path)
    analysis = Analysis(read.network())
    totals = measure_all(analysis, slow=False)
    now = locked_network(path, "", analysis.report, totals)
    return stale_problem(lock, now, analysis.report, read)


class _Right(NamedTuple):
    """The right places for the problem; `differs` is whether the fault changes any figure."""

    mutated: set[Place]
    broken: set[Place]
    calls: set[Place]
    expectations: set[Place]
    differs: bool


def _class(problem: Problem | None, right: _Right) -> str:
    if problem is None:
        return SILENT if right.differs else NO_DIFFERENCE
    if problem.span is None:
        return ELSEWHERE
    place = (problem.span.source.name, problem.span.line)
    for name, places in ((MUTATED, right.mutated), (BROKEN, right.broken), (CALL, right.calls)):
        if place in places:
            return name
    return EXPECTED if place in right.expectations else ELSEWHERE


def _right_places(path: str, fault: Fault, sound: Sound) -> _Right:
    mutated = {(path, fault.line)}
    if fault.removed > 0:
        mutated.add((path, fault.line - 1))
    elif fault.removed < 0:
        mutated.add((path, fault.line + 1))
    nodes, whole = _operations(path)
    firsts: list[tuple[Node | None, bool]] = []
    differs = True
    if whole:
        analysis = Analysis(load(path))
        firsts = _first_others(sound.analysis.report, analysis.report, path, fault)
        differs = bool(firsts) or analysis.report.outputs != sound.analysis.report.outputs
        differs = differs or measure_all(analysis, slow=False) != measure_all(
            sound.analysis, slow=False
        )
    elif nodes is not None:
        firsts = [(_first_missing(sound.analysis.report, nodes, path, fault), True)]
    broken: set[Place] = set()
    calls: set[Place] = set()
    for node, in_sound in firsts:
        if node is not None and node.span is not None:
            broken.add(_moved(node.span, path, fault, in_sound))
            calls.update([_moved(call.span, path, fault, in_sound) for call in node.calls])
    expectations = {
        (e.span.source.name, e.span.line) for e in (spec(path).expectations if whole else ())
    }
    return _Right(mutated, broken, calls, expectations, differs)


def _moved(span: Span, path: str, fault: Fault, in_sound: bool) -> Place:
    """Where a line is in the faulty spec; lines of the sound spec below the fault have moved."""
    below = in_sound and span.source.name == path and span.line > fault.line
    return (span.source.name, span.line - (fault.removed if below else 0))


def _operations(path: str) -> tuple[list[Node] | None, bool]:
    """The operations that can be built, and whether the spec is sound; None if it is unreadable."""
    try:
        network, problems = spec(path).read()
    except ConvcalcError:
        return None, False
    return network.nodes if network else None, not problems


#: An operation's line and the calls that lead to it, as lines of the sound spec.
_Key = tuple[Place, tuple[tuple[Place, int], ...]]


def _key(node: Node, path: str, fault: Fault | None) -> _Key:
    def place(file: str, line: int) -> Place:
        """The line in the sound spec."""
        if fault is not None and file == path and line >= fault.line + (fault.removed < 0):
            line += fault.removed
        return (file, line)

    span = node.span
    own = place(span.source.name, span.line) if span is not None else ("", 0)
    calls = [(place(c.span.source.name, c.span.line), c.copy) for c in node.calls]
    return (own, tuple(calls))


def _first_missing(sound: Report, built: Sequence[Node], path: str, fault: Fault) -> Node | None:
    """The first operation of the sound network that the faulty spec cannot build."""
    left = Counter(_key(node, path, fault) for node in built)
    for node in sound.network.nodes:
        key = _key(node, path, None)
        if fault.removed > 0 and (path, fault.line) in {key[0], *[place for place, _ in key[1]]}:
            continue  # its line was left out
        if not left[key]:
            return node
        left[key] -= 1
    return None


def _first_others(
    sound: Report, faulty: Report, path: str, fault: Fault
) -> list[tuple[Node | None, bool]]:
    """The first layer, with its fused operations, that differs in place, kind, shape or cost.

    Each comes as the layer of the sound network (True) and of the faulty one (False). Among equal
    layers it is ambiguous which one is new, so two answers are right: the first that is written at
    another line, and the first that differs in kind, shape or cost. If the inputs differ, these.
    Empty if nothing differs.
    """
    inputs = [[n for n in r.network.nodes if n.kind == "input"] for r in (sound, faulty)]
    for old, new in zip(*inputs, strict=False):
        if (old.path, old.shape) != (new.path, new.shape):
            return [(old, True), (new, False)]
    ours, theirs = _units(sound), _units(faulty)
    found: list[tuple[Node | None, bool]] = []
    placed = False
    for before, after in zip_longest(ours, theirs):
        if before is None or after is None:
            last = theirs[-1][0].node
            gone = before[0].node if before else None
            return [*found, (gone, True), (after[0].node if after else last, False)]
        pair = [(before[0].node, True), (after[0].node, False)]
        if [_facts(layer) for layer in before] != [_facts(layer) for layer in after]:
            return [*found, *pair]
        moved = _key(before[0].node, path, None) != _key(after[0].node, path, fault)
        if moved and not placed:
            placed = True
            found = [*pair]
    return []


def _units(report: Report) -> list[list[LayerReport]]:
    """The operations by layer, each with its fused operations."""
    found: dict[str, list[LayerReport]] = {}
    for layer in report.layers:
        found.setdefault(layer.node.unit, []).append(layer)
    return [*found.values()]


def _facts(layer: LayerReport) -> tuple[object, ...]:
    return (layer.node.kind, layer.output, layer.cost)


def rate(classes: Counter[str], of: Sequence[str]) -> str:
    """A percentage with one decimal, rounded down."""
    whole = sum(classes[name] for name in of)
    right = sum(classes[name] for name in RIGHT)
    thousandths = 1000 * right // whole if whole else 1000
    return f"{thousandths // 10}.{thousandths % 10}% ({right} of {whole})"


def main() -> None:
    """Prints the classes, the rates, and the faults of one class."""
    parser = argparse.ArgumentParser(
        description="How often the first problem is reported at the right line."
    )
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--show", default=ELSEWHERE, help="the class whose faults are listed")
    options = parser.parse_args()
    found = list(trials(options.count, options.seed))
    networks = len({trial.network for trial in found})
    print(f"{len(found)} single faults in {networks} networks, seed {options.seed}\n")
    columns = {
        "no lock": Counter(trial.alone for trial in found),
        "a lock": Counter(trial.checked for trial in found),
        "lock --check": Counter(trial.locked for trial in found),
    }
    print(f"{'the first problem is at':40}" + "".join([f"{name:>14}" for name in columns]))
    for name in CLASSES:
        print(f"{name:40}" + "".join([f"{classes[name]:>14}" for classes in columns.values()]))
    changing = [name for name in CLASSES if name != NO_DIFFERENCE]
    reported = [name for name in changing if name != SILENT]
    print("\nThe first problem is at the right line")
    for text, column, of in (
        ("check without a lock, of what it reports", "no lock", reported),
        ("check with a lock, of what it reports", "a lock", reported),
        ("check with a lock, of all that changes", "a lock", changing),
        ("check and lock --check, of all that changes", "lock --check", changing),
    ):
        print(f"  {text:48}{rate(columns[column], of)}")
    operators = Counter(trial.operator for trial in found)
    print(f"\n{'operator':24}{'faults':>8}{'right':>8}{'not counted':>13}")
    for operator, number in sorted(operators.items()):
        classes = Counter(trial.locked for trial in found if trial.operator == operator)
        right = sum(classes[name] for name in RIGHT)
        print(f"{operator:24}{number:>8}{right:>8}{classes[NO_DIFFERENCE]:>13}")
    for trial in found:
        if trial.locked == options.show:
            problem = trial.problem
            place = f"{problem.span}" if problem and problem.span else "nowhere"
            code = f"{problem.code}: {problem.message}" if problem else ""
            print(f"\n{trial.network}:{trial.fault.line} {trial.operator}: {trial.fault.what}")
            print(f"  {place} {code[:160]}")


if __name__ == "__main__":
    main()
