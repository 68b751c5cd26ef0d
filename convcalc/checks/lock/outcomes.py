"""What becomes of each network in the lock, and the writing of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import measure_all
from convcalc.checks.lock.comparison import STALE, stale_problem
from convcalc.checks.lock.file import (
    MOST_LINES,
    MOST_NETWORKS,
    Lock,
    LockedNetwork,
    lock_text,
    locked_network,
    most_bytes,
    parse_lock,
    read_lock_text,
)
from convcalc.checks.project.config import CONFIG_NAME
from convcalc.checks.project.specs import Specs
from convcalc.checks.project.targets import Target, dtype_of, locked_name
from convcalc.checks.project.unknown import unknown_problems
from convcalc.codes import CODES
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.shipped import is_word, shipped_path
from convcalc.problems import (
    UNUSABLE,
    WRONG,
    AlsoIn,
    ConvcalcError,
    Help,
    Problem,
    Rule,
    facts_of,
    printable,
    refused,
    without_help,
)
from convcalc.roots import ALLOWS_MORE, check_inside, is_stream, root_of
from convcalc.safe_files import exclusive, replace_file

if TYPE_CHECKING:
    from convcalc.analysis.costs.report import Unknown
    from convcalc.exchange.load import Definition


class Outcome(NamedTuple):
    """One network and the lock.

    state     "same", "changed", "added", "removed" or "broken"
    network   its entry as of now; as it was, for "removed"; None for "broken"
    problems  why it is broken, or what is not as locked
    unknown   the operations of which the cost is unknown
    warnings  the notes on the network, and that there are such operations, where that is allowed
    """

    file: str
    variant: str
    state: str
    network: LockedNetwork | None
    problems: tuple[Problem, ...]
    status: int = WRONG
    unknown: tuple[Unknown, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The file and, where it has any, its arguments."""
        return f"{self.file} ({self.variant})" if self.variant else self.file


def lock_outcomes(
    targets: Sequence[Target],
    path: str,
    before: Lock | None,
    *,
    everything: bool,
    max_layers: int = MOST_LAYERS,
    allow_unknown: bool = False,
) -> list[Outcome]:
    """What becomes of each network: those of the targets, and locked ones that are gone.

    path        of the lock; `before` is what it holds, if it is there
    everything  whether the targets are all networks that there should be
    max_layers  the most layers of a network, and of all variants of a file together
    allow_unknown  whether a network may have operations of which the cost is unknown
    """
    specs = Specs(max_layers)
    outcomes = [
        _outcome(target, path, before, specs, allow_unknown) for target in _each_once(targets, path)
    ]
    if before is not None:
        outcomes += _gone(before, path, outcomes, everything)
    return outcomes


def _each_once(targets: Sequence[Target], path: str) -> list[Target]:
    """The targets without those that others name as well, in another way."""
    for target in targets:
        if is_stream(target.file):
            what = "standard input" if target.file == "-" else printable(target.file, 200)
            raise refused("bad-option", f"{what} has no name to lock it under")
    return [*{(locked_name(t.file, path), t.variant): t for t in reversed(targets)}.values()][::-1]


def _outcome(
    target: Target, path: str, before: Lock | None, specs: Specs, allow_unknown: bool
) -> Outcome:
    """What became of one network."""
    file = locked_name(target.file, path)
    try:
        of_file = specs.spec(target.file, named=target.named)
        analysis = Analysis(specs.network(target.file, target.args, named=target.named))
    except ConvcalcError as error:
        from convcalc.checks.project.own_file import of_target

        problems = tuple([of_target(problem, target) for problem in error.problems])
        return Outcome(file, target.variant, "broken", None, problems, error.status)
    report = analysis.report
    unknown = unknown_problems(
        report, of_file.bases, target.file, target.variant, allowed=allow_unknown
    )
    if unknown and not allow_unknown:
        return Outcome(file, target.variant, "broken", None, tuple(unknown))
    found = _compared(target, file, before, of_file, analysis)
    notes = [note for note in report.network.notes if CODES[note.code].warning]
    return found._replace(unknown=tuple(report.unknown), warnings=(*notes, *unknown))


def _compared(
    target: Target, file: str, before: Lock | None, of_file: Definition, analysis: Analysis
) -> Outcome:
    """What became of a network that can be read."""
    report = analysis.report
    dtype = dtype_of(of_file, target.rules)
    totals = measure_all(analysis, dtype)
    network = locked_network(file, target.variant, report, totals, dtype)
    if before is None:
        return Outcome(file, target.variant, "added", network, ())
    problem = stale_problem(before, network, report, of_file)
    if problem is None:
        return Outcome(file, target.variant, "same", network, ())
    state = "changed" if before.find(file, target.variant) else "added"
    return Outcome(file, target.variant, state, network, (problem,))


def _gone(before: Lock, path: str, outcomes: Sequence[Outcome], everything: bool) -> list[Outcome]:
    """The networks that are locked and not looked at now, and that are to be so no more.

    Those whose files are not there; where `everything` was looked at, all of them.
    """
    seen = {(outcome.file, outcome.variant) for outcome in outcomes}
    gone = []
    for key, network in before.networks.items():
        if key in seen:
            continue
        if not _is_there(network.file, path):
            reason = "there is no such file"
        elif everything:
            reason = f"{CONFIG_NAME} does not name it"
        else:
            continue
        message = f"{printable(network.title, 200)} is locked, but {reason}"
        help_fact = Help("`convcalc lock` removes it")
        problem = Problem(STALE, message, before.spans[key], (help_fact,))
        gone.append(Outcome(*key, "removed", network, (problem,)))
    return gone


def _is_there(file: str, path: str) -> bool:
    """Whether a locked file is there; of one outside of the lock's root, that is not looked up."""
    found = os.path.join(os.path.dirname(path), file.replace("/", os.sep))
    try:
        check_inside(found, root_of(os.path.dirname(path)))
    except ConvcalcError:
        return True
    return os.path.exists(found) or (is_word(file) and shipped_path(file) is not None)


def once_per_line(outcomes: Sequence[Outcome]) -> list[Problem]:
    """The problems of all networks, those of one line as one, with the other networks as a fact.

    An edited line changes every variant of a file, and all files that extend it. One network is
    reported for all of them, with its figures. If one of them shows that the call of a block was
    edited, and another could have had a line of that block edited as well, it is the call.
    """
    found = [(one, problem, _lines(one, problem)) for one in outcomes for problem in one.problems]
    known = {lines for _, _, lines in found}
    groups: dict[tuple[object, ...], list[tuple[Outcome, Problem, tuple[object, ...]]]] = {}
    for item in found:
        lines = item[-1]
        calls = [lines[:length] for length in range(2, len(lines))]
        groups.setdefault(next((c for c in calls if c in known), lines), []).append(item)
    problems = []
    for key, group in groups.items():
        outcome, problem, _ = next(item for item in group if item[-1] == key)
        names = tuple([one.name for one, _, _ in group if one is not outcome])
        if names and outcome.state != "broken":
            advice = facts_of(problem.facts, Help)
            facts = (*without_help(problem.facts), AlsoIn(names), *advice)
            problem = problem._replace(facts=facts)
        problems.append(problem)
    return problems


def _lines(outcome: Outcome, problem: Problem) -> tuple[object, ...]:
    """What became of a network, and the lines that did it: block calls first, outermost first."""
    if outcome.state == "broken":
        return problem.identity
    return (outcome.state, *[call.span for call in problem.calls], problem.span)


def write_lock(path: str, before: Lock | None, outcomes: Sequence[Outcome]) -> None:
    """Writes the networks that were looked at into the lock; the others stay as they are there.

    Raises OSError, and ConvcalcError with status 2 where the lock would hold too many to be read.
    """
    with exclusive(path):
        # Another `convcalc lock` may have written since it was read.
        source = read_lock_text(path) if os.path.lexists(path) else None
        if source is None:
            before = None
        elif before is None or source.text != before.source.text:
            before = parse_lock(source)
        networks = {} if before is None else dict(before.networks)
        for outcome in outcomes:
            key = (outcome.file, outcome.variant)
            if outcome.state == "removed":
                networks.pop(key, None)
            elif outcome.network is not None:
                networks[key] = outcome.network
        _check_size(path, "too-many-networks", len(networks), MOST_NETWORKS, "networks")
        text = lock_text(networks.values())
        _check_size(path, "lock-too-long", text.count("\n"), MOST_LINES, "lines")
        _check_size(path, "lock-too-long", len(text.encode()), most_bytes(), "bytes", ALLOWS_MORE)
        # A byte order mark is no part of the text, and goes.
        if source and source.text == text and os.path.getsize(path) == len(text.encode()):
            return
        replace_file(path, text)


def _check_size(path: str, code: str, size: int, most: int, unit: str, help_text: str = "") -> None:
    """Refuses a lock that could not be read again."""
    if size > most:
        message = f"{printable(path, 200)} would hold {size:,} {unit}"
        rule = Rule(f"at most {most:,}, so that it can be read")
        facts = (rule, Help(help_text)) if help_text else (rule,)
        raise ConvcalcError([Problem(code, message, None, facts)], UNUSABLE)
