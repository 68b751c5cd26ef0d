"""`convcalc lock`: writes what every network costs into a file that is committed, or checks it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import measure_all
from convcalc.checks.lock.file import (
    Lock,
    LockedNetwork,
    lock_text,
    locked_network,
    parse_lock,
    read_lock,
)
from convcalc.checks.lock.staleness import gone_problem, stale_problem, told_once
from convcalc.checks.project.config import find_config, read_config
from convcalc.checks.project.targets import (
    CONFIG_NAME,
    LOCK_NAME,
    Target,
    dtype_of,
    find_targets,
    locked_name,
)
from convcalc.cli import options
from convcalc.cli.guard import guarded, tell, tell_problems, unusable
from convcalc.cli.output import emit, emit_lines, reason, refuse_empty
from convcalc.diagnostics import (
    WRONG,
    ChangedTotals,
    ConvcalcError,
    Problem,
    facts_of,
    printable,
    refused,
)
from convcalc.language.load import read_file, spec
from convcalc.language.shipped import is_word, shipped_path
from convcalc.safe_files import exclusive, replace_file

FORMATS = ("text", "json")


class Outcome(NamedTuple):
    """One network and the lock.

    state     "same", "changed", "added", "removed" or "broken"
    network   its entry as of now; as it was, for "removed"; None for "broken"
    problems  why it is broken, or what is not as locked
    """

    file: str
    variant: str
    state: str
    network: LockedNetwork | None
    problems: tuple[Problem, ...]
    status: int = WRONG


@guarded
def lock(
    files: options.Files = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the lock is stale.")
    ] = False,
    sets: options.Sets = None,
    style: options.Format = "text",
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="PATH", help=f"This lock instead of {LOCK_NAME}."),
    ] = None,
) -> int:
    """What every network costs, in a file to commit: a pull request's diff then shows the cost.

    Examples:
      convcalc lock                      what the nearest convcalc.yaml names
      convcalc lock --check              is the lock what it would be now?
      convcalc lock models/ extra.yaml   these; what else is locked stays as it is

    Exit status: 0 good; 1 the lock is stale, or a spec is wrong: then nothing is written; 2 a file
    or the lock cannot be read. Formats: text, json.
    """
    options.read_word("--format", style, FORMATS)
    config_path = find_config()
    config = read_config(config_path) if config_path is not None else None
    if not files and config is None:
        help_text = "name files, as in `convcalc lock models/`, or write a convcalc.yaml"
        raise refused("no-files", "no FILE, and no convcalc.yaml from here upwards", help_text)
    targets = find_targets(files or [], config, options.read_sets(sets))
    refuse_empty(output)
    path = output or os.path.join(config.folder if config is not None else "", LOCK_NAME)
    if check and not os.path.lexists(path):
        help_text = "`convcalc lock` writes it; commit it"
        raise refused("no-lock", f"there is no {printable(path, 200)} to check", help_text)
    # A lock that cannot be read is refused even where it would be written anew: it may hold a merge
    # that is not finished, and networks that are not named now.
    before = read_lock(path) if check or os.path.lexists(path) else None
    outcomes = [_outcome(target, path, before) for target in _each_once(targets, path)]
    if before is not None:
        outcomes += _gone(before, path, outcomes, everything=not files and not sets)
    broken = any(outcome.state == "broken" for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.problems] if check or broken else []
    if broken:
        failed = [outcome for outcome in failed if check or outcome.state == "broken"]
    if failed:
        problems = told_once([(_name(o), problem) for o in failed for problem in o.problems])
        tell_problems(problems, "\n")
    elif not check:
        _write(path, before, outcomes)
    status = max([outcome.status for outcome in failed], default=0)
    summary = _summary(path, outcomes, check, bool(failed))
    if style == "json":
        emit(_json(path, outcomes, not failed), None)
    elif failed:
        tell(summary)
    else:
        emit_lines(summary, None)
    return status


def _each_once(targets: Sequence[Target], path: str) -> list[Target]:
    """The targets without those that others name as well, in another way."""
    for target in targets:
        if target.file == "-":
            unusable("standard input has no name to lock it under")
    return [*{(locked_name(t.file, path), t.variant): t for t in reversed(targets)}.values()][::-1]


def _outcome(target: Target, path: str, before: Lock | None) -> Outcome:
    """What became of one network."""
    file = locked_name(target.file, path)
    try:
        of_file = spec(target.file)
        analysis = Analysis(of_file.network(target.args))
    except ConvcalcError as error:
        from convcalc.checks.project.gate import readable

        problems = tuple([readable(problem, target) for problem in error.problems])
        return Outcome(file, target.variant, "broken", None, problems, error.status)
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
        problem = gone_problem(before, network, reason)
        gone.append(Outcome(*key, "removed", network, (problem,)))
    return gone


def _is_there(file: str, path: str) -> bool:
    found = os.path.join(os.path.dirname(path), file.replace("/", os.sep))
    return os.path.exists(found) or (is_word(file) and shipped_path(file) is not None)


def _write(path: str, before: Lock | None, outcomes: Sequence[Outcome]) -> None:
    """Writes the networks that were looked at into the lock; the others stay as they are there."""
    with exclusive(path):
        # Another `convcalc lock` may have written since it was read.
        source = read_file(path, "the lock") if os.path.lexists(path) else None
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
        text = lock_text(networks.values())
        # A byte order mark is no part of the text, and goes.
        if source and source.text == text and os.path.getsize(path) == len(text.encode()):
            return
        try:
            replace_file(path, text)
        except OSError as error:
            unusable(f"{printable(path, 200)} cannot be written: {reason(error)}")


def _summary(path: str, outcomes: Sequence[Outcome], check: bool, failed: bool) -> str:
    """What is told last: how many networks, and what became of each that is not as before."""
    states = [outcome.state for outcome in outcomes]
    lines = []
    if not check and not failed and states.count("added") < len(states):
        lines = [f"  {o.state:7}  {_title(o)}\n" for o in outcomes if o.state != "same"]
    name = printable(path, 200)
    total = len(states) - states.count("removed")
    networks = f"{total} network{'s' if total != 1 else ''}"
    parts = [
        f"{states.count(state)} {state}"
        for state in ("changed", "added", "removed", "broken")
        if state in states
    ]
    what = ", ".join(parts) or ("as locked" if check else "nothing changed")
    if failed and not check:
        what += "; nothing is written"
    return f"{name}: {networks}, {what}\n" + "".join(lines)


def _name(outcome: Outcome) -> str:
    return f"{outcome.file} ({outcome.variant})" if outcome.variant else outcome.file


def _title(outcome: Outcome) -> str:
    title = _name(outcome)
    facts = outcome.problems[0].facts if outcome.problems else ()
    totals = facts_of(facts, ChangedTotals)
    return printable(f"{title}: {totals[0].text}" if totals else title, 1000)


def _json(path: str, outcomes: Sequence[Outcome], ok: bool) -> str:
    from convcalc.render.check_json import problem_data
    from convcalc.render.jsons import json_text

    networks = [
        {
            "file": outcome.file,
            "variant": outcome.variant,
            "state": outcome.state,
            "totals": outcome.network.totals if outcome.network else {},
            "problems": [problem_data(problem) for problem in outcome.problems],
        }
        for outcome in outcomes
    ]
    return json_text({"schema": "convcalc.locking/1", "lock": path, "ok": ok, "networks": networks})
