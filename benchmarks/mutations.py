"""How often the first thing that is told blames the line that is wrong.

    python -m benchmarks.mutations [--count N] [--seed N] [--show CLASS]

makes single faults in the shipped networks, one changed value, key or line each, and runs what CI
runs on each of them: `check`, then `lock --check` against the lock of the network without the
fault. The first problem's place is then compared with

- the line that was changed: the one in which a fault was put; where a line was left out, those on
  both sides of the gap; where one is there twice, both;
- the first line whose shape the fault breaks, and the block calls that lead to it. It is found from
  the operations alone, not from any message: it is the first operation in execution order that the
  network without the fault has and that can no longer be made; or, where all can be made, the first
  whose kind, shape, parameters or operation counts are not what they were.

A fault that leaves every operation and total as it was, such as another rate of a dropout, is none
that costs can show; it is counted apart and not in the rate. A fault that only an expectation
notices, because there is no lock, is blamed on the line of the expectation: the second table, of
`check` without a lock, counts that as a line of its own and not as right.
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
SILENT = "nothing is told"
NO_DIFFERENCE = "nothing measured differs (not counted)"
RIGHT = (MUTATED, BROKEN, CALL)
CLASSES = (*RIGHT, EXPECTED, ELSEWHERE, SILENT, NO_DIFFERENCE)

#: A line of a file.
Place = tuple[str, int]


class Trial(NamedTuple):
    """A fault and the classes of what is told of it first.

    alone    by `check` where there is no lock
    checked  by `check` where there is one
    locked   by `check` and then `lock --check`
    told     the last of these
    """

    network: str
    operator: str
    fault: Fault
    alone: str
    checked: str
    locked: str
    told: Problem | None


class Sound(NamedTuple):
    """A network without a fault."""

    spec: Spec
    analysis: Analysis
    lock: Lock


def trials(count: int, seed: int) -> Iterator[Trial]:
    """Faults over all operators and networks in turn, each different from the others."""
    random = Random(seed)
    with _workshop() as folder:
        known: dict[str, Sound] = {}
        seen: set[str] = set()
        names = shipped_names()
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
    """A folder with copies of the shipped networks, as the current one."""
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
        told = _checked(path, sound.lock)
        checked = _class(told, right)
        told = told or _locked(path, sound.lock)
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(before)
    return Trial(name, operator, fault, alone, checked, _class(told, right), told)


def _checked(path: str, lock: Lock | None) -> Problem | None:
    """The first problem that `check` tells."""
    baseline = Baseline(LOCK_NAME, lock) if lock is not None else None
    problems = check_network(Target(path), Settings(baseline)).problems
    return problems[0] if problems else None


def _locked(path: str, lock: Lock) -> Problem | None:
    """The problem that `lock --check` tells of a sound spec."""
    read = spec(path)
    analysis = Analysis(read.network())
    totals = measure_all(analysis, slow=False)
    now = locked_network(path, "", analysis.report, totals)
    return stale_problem(lock, now, analysis.report, read)


class _Right(NamedTuple):
    """Where a fault may rightly be blamed; `differs` is whether it changes anything measured."""

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
    nodes, whole = _made(path)
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
    """Where a line is in the faulty spec: of the sound one those below the fault have moved."""
    below = in_sound and span.source.name == path and span.line > fault.line
    return (span.source.name, span.line - (fault.removed if below else 0))


def _made(path: str) -> tuple[list[Node] | None, bool]:
    """The operations that can be made of a spec, and whether it is sound; None if it is unread."""
    try:
        network, problems = spec(path).read()
    except ConvcalcError:
        return None, False
    return network.nodes if network else None, not problems


#: Which line an operation is of, and through which calls: the same in both specs.
_Key = tuple[Place, tuple[tuple[Place, int], ...]]


def _key(node: Node, path: str, fault: Fault | None) -> _Key:
    def place(file: str, line: int) -> Place:
        """In the sound spec."""
        if fault is not None and file == path and line >= fault.line + (fault.removed < 0):
            line += fault.removed
        return (file, line)

    span = node.span
    own = place(span.source.name, span.line) if span is not None else ("", 0)
    calls = [(place(c.span.source.name, c.span.line), c.copy) for c in node.calls]
    return (own, tuple(calls))


def _first_missing(sound: Report, made: Sequence[Node], path: str, fault: Fault) -> Node | None:
    """The first operation of the sound network that is not among those that could be made."""
    left = Counter(_key(node, path, fault) for node in made)
    for node in sound.network.nodes:
        key = _key(node, path, None)
        if fault.removed > 0 and (path, fault.line) in {key[0], *[place for place, _ in key[1]]}:
            continue  # it is not there because its line is not
        if not left[key]:
            return node
        left[key] -= 1
    return None


def _first_others(
    sound: Report, faulty: Report, path: str, fault: Fault
) -> list[tuple[Node | None, bool]]:
    """The first layer, with what is fused behind it, that is another or costs something else.

    What stood there in the sound network (True), and what stands there now (False). Where layers
    are alike it may be asked which of them is new; both answers are right: the first that is
    written elsewhere, and the first that differs in kind, shape or cost. Of inputs, the inputs.
    Empty where nothing differs.
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
    """The operations, each with what is fused behind it."""
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
    """Prints the classes, the rates, and on request what is in a class."""
    parser = argparse.ArgumentParser(description="How often the first problem blames the line.")
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
    told = [name for name in changing if name != SILENT]
    print("\nThe right line is blamed")
    for text, column, of in (
        ("by check without a lock, of what it tells", "no lock", told),
        ("by check with a lock, of what it tells", "a lock", told),
        ("by check with a lock, of all that changes", "a lock", changing),
        ("by check and lock --check, of all that changes", "lock --check", changing),
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
            place = f"{trial.told.span}" if trial.told and trial.told.span else "nowhere"
            code = f"{trial.told.code}: {trial.told.message}" if trial.told else ""
            print(f"\n{trial.network}:{trial.fault.line} {trial.operator}: {trial.fault.what}")
            print(f"  {place} {code[:160]}")


if __name__ == "__main__":
    main()
