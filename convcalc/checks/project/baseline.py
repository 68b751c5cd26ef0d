"""The lock that the growth of networks is measured against."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from convcalc.checks.project.targets import Target, locked_name
from convcalc.problems import ConvcalcError, Help, Problem, printable
from convcalc.roots import is_stream

if TYPE_CHECKING:
    from convcalc.checks.lock.file import Lock, LockedNetwork
    from convcalc.language.reading.limits import Limit


class Missing(Enum):
    """Why a network is not compared with the lock."""

    NOT_LOCKED = "it is not in the lock"
    NO_LOCK = "there is no lock"
    UNUSABLE = "the lock cannot be used"


class Baseline(NamedTuple):
    """The lock of one run.

    path      where it is, or should be
    lock      what it holds; None where it cannot be used
    missing   why it cannot
    problems  the same as problems
    """

    path: str
    lock: Lock | None
    missing: Missing = Missing.NOT_LOCKED
    problems: tuple[Problem, ...] = ()


class Entry(NamedTuple):
    """What the lock has of one network.

    locked    its entry; None where there is none
    missing   why there is none
    problems  why the lock cannot be read, where growth is held against it
    """

    locked: LockedNetwork | None = None
    missing: Missing = Missing.NOT_LOCKED
    problems: tuple[Problem, ...] = ()


def read_baseline(path: str, growths: Sequence[Limit], wanted: bool) -> Baseline | None:
    """The lock at a path; None where nothing is compared with it.

    One that is missing or cannot be read is a problem of each network that is held against it, and
    does not keep the others from being checked.

    growths  the limits that are held against it
    wanted   whether it is compared without any
    """
    if not growths and not wanted:
        return None
    if os.path.lexists(path):
        from convcalc.checks.lock.file import read_lock

        try:
            return Baseline(path, read_lock(path, whole=False))
        except ConvcalcError as error:
            return Baseline(path, None, Missing.UNUSABLE, error.problems)
    if not growths:
        return None
    message = f"growth is measured against {printable(path, 200)}, and there is none"
    facts = (Help("`convcalc lock` writes it; commit it"),)
    problem = Problem("no-lock", message, growths[0].span, facts)
    return Baseline(path, None, Missing.NO_LOCK, (problem,))


def locked_entry(baseline: Baseline | None, target: Target, fail_on: Iterable[Limit]) -> Entry:
    """What the lock has of one network, or why it has nothing."""
    if baseline is None:
        return Entry()
    missing, problems = baseline.missing, baseline.problems
    if baseline.lock is not None and not is_stream(target.file):
        try:
            key = locked_name(target.file, baseline.path)
            return Entry(baseline.lock.find(key, target.variant))
        except ConvcalcError as error:
            missing, problems = Missing.UNUSABLE, error.problems
    limits = (*(target.rules.growth if target.rules else ()), *fail_on)
    if all(limit.growth is None for limit in limits):
        problems = ()  # nothing is held against it; `lock --check` reports what is wrong with it
    return Entry(None, missing, problems)
