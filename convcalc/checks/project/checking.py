"""Checks the networks of a run, and compares them with the lock where something asks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc.checks.project.gate import NO_LOCK, Baseline, Gate, judge
from convcalc.checks.project.targets import Target
from convcalc.checks.project.verdicts import Verdict
from convcalc.diagnostics import ConvcalcError, Help, Problem, printable
from convcalc.language.building.inputs import InputShapes

if TYPE_CHECKING:
    from convcalc.language.reading.limits import Limit


def check_targets(
    targets: Sequence[Target],
    lock: str,
    limits: tuple[Limit, ...] = (),
    inputs: InputShapes | None = None,
    *,
    every_total: bool = False,
) -> list[Verdict]:
    """What becomes of each network.

    lock         the path of the lock that growth is measured against
    limits       those of `--fail-on`
    inputs       another input, of `--input`: then nothing is compared with the lock
    every_total  whether all totals are measured and compared, though nothing limits them
    """
    baseline = None if inputs is not None else _baseline(lock, targets, limits, every_total)
    gate = Gate(baseline, limits, inputs, every_total)
    verdicts = [judge(target, gate) for target in targets]
    if baseline is None and inputs is None:
        verdicts = _blamed(verdicts, targets, gate, lock)
    return verdicts


def _baseline(
    path: str, targets: Sequence[Target], limits: Sequence[Limit], compared: bool
) -> Baseline | None:
    """The lock; None where nothing is compared with it.

    One that is not there or cannot be read is a problem of each network that is held against it,
    and keeps none from being checked.
    """
    grown = [limit for target in targets if target.rules for limit in target.rules.growth]
    grown += [limit for limit in limits if limit.growth is not None]
    if not grown and not compared:
        return None
    from convcalc.checks.lock.file import read_lock

    if os.path.lexists(path):
        try:
            return Baseline(path, read_lock(path, whole=False))
        except ConvcalcError as error:
            return Baseline(path, None, error.problems)
    if not grown:
        return None
    span = None if grown[0].span.source.name.startswith("--") else grown[0].span
    message = f"growth is measured against {printable(path, 200)}, and there is none"
    facts = (Help("`convcalc lock` writes it; commit it"),)
    return Baseline(path, None, (Problem(NO_LOCK, message, span, facts),))


def _blamed(
    verdicts: list[Verdict], targets: Sequence[Target], gate: Gate, path: str
) -> list[Verdict]:
    """Where an expectation is broken and there is a lock: the line that has changed since."""
    # Standard input is not locked, and cannot be read again.
    broken = [
        verdict.file != "-" and any(problem.code == "expectation" for problem in verdict.problems)
        for verdict in verdicts
    ]
    if not any(broken) or not os.path.lexists(path):
        return verdicts
    from convcalc.checks.lock.file import read_lock

    try:
        gate = gate._replace(baseline=Baseline(path, read_lock(path, whole=False)))
        return [
            judge(target, gate)._replace(baseline={}) if again else verdict
            for target, verdict, again in zip(targets, verdicts, broken, strict=True)
        ]
    except ConvcalcError:
        return verdicts  # nothing asked for the lock; `lock --check` tells what is wrong with it
