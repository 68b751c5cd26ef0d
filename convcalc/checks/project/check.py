"""Networks held against what they and convcalc.yaml say of them: what `convcalc check` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import measure_all
from convcalc.checks.project.against import check_against
from convcalc.checks.project.baseline import (
    Baseline,
    Entry,
    Missing,
    locked_entry,
    read_baseline,
)
from convcalc.checks.project.expectations import broken_expectations
from convcalc.checks.project.findings import CheckedNetwork
from convcalc.checks.project.limits import LimitChecker
from convcalc.checks.project.own_file import of_target
from convcalc.checks.project.specs import Specs
from convcalc.checks.project.targets import Rules, Target
from convcalc.checks.project.unknown import unknown_problems
from convcalc.codes import CODES
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.inputs import InputShapes
from convcalc.language.building.spec import NetworkError
from convcalc.metrics import TOTALS
from convcalc.problems import UNUSABLE, WRONG, ConvcalcError, Problem
from convcalc.quantities import BYTES
from convcalc.roots import is_stream

if TYPE_CHECKING:
    from convcalc.checks.lock.file import LockedNetwork
    from convcalc.exchange.load import Definition
    from convcalc.language.reading.limits import Limit


class Settings(NamedTuple):
    """What every network of one run is held to.

    baseline     the lock, if anything is compared with it
    fail_on      the limits of `--fail-on`
    inputs       another input, of `--input`
    every_total  whether totals that take long are measured too, though nothing limits them
    max_layers   the most layers of a network, and of all variants of a file together
    allow_unknown  whether a network may have operations of which the cost is unknown
    dtype        the type of numbers of `--dtype`; None for each network's own
    """

    baseline: Baseline | None = None
    fail_on: tuple[Limit, ...] = ()
    inputs: InputShapes | None = None
    every_total: bool = False
    max_layers: int = MOST_LAYERS
    allow_unknown: bool = False
    dtype: str | None = None


def check_networks(
    targets: Sequence[Target],
    lock_path: str,
    fail_on: tuple[Limit, ...] = (),
    inputs: InputShapes | None = None,
    *,
    every_total: bool = False,
    max_layers: int = MOST_LAYERS,
    allow_unknown: bool = False,
    dtype: str | None = None,
) -> list[CheckedNetwork]:
    """Every target checked; the lock is read where growth is limited, or totals are shown with it.

    Where an expectation is broken the lock is read too, for the line that has changed since.
    """
    if inputs is not None:
        settings = Settings(None, fail_on, inputs, every_total, max_layers, allow_unknown, dtype)
        return _all_checked(targets, settings)
    growths = [limit for target in targets if target.rules for limit in target.rules.growth]
    growths += [limit for limit in fail_on if limit.growth is not None]
    baseline = read_baseline(lock_path, growths, every_total)
    settings = Settings(baseline, fail_on, None, every_total, max_layers, allow_unknown, dtype)
    checked = _all_checked(targets, settings)
    if baseline is None:
        checked = _again_with_lock(checked, targets, settings, lock_path)
    return checked


def _again_with_lock(
    checked: list[CheckedNetwork], targets: Sequence[Target], settings: Settings, path: str
) -> list[CheckedNetwork]:
    """The same, with broken expectations at the line that has changed since the lock."""
    # Standard input and pipes are not locked, and cannot be read again.
    broken = [
        any(problem.code == "expectation" for problem in network.problems)
        and not is_stream(network.file)
        for network in checked
    ]
    if not any(broken) or not os.path.lexists(path):
        return checked
    from convcalc.checks.lock.file import read_lock

    try:
        settings = settings._replace(baseline=Baseline(path, read_lock(path, whole=False)))
        specs = Specs(settings.max_layers)
        return [
            check_network(target, settings, specs)._replace(baseline={}) if again else network
            for target, network, again in zip(targets, checked, broken, strict=True)
        ]
    except ConvcalcError:
        return checked  # nothing asked for the lock; `lock --check` reports what is wrong with it


def _all_checked(targets: Sequence[Target], settings: Settings) -> list[CheckedNetwork]:
    specs = Specs(settings.max_layers)
    return [check_network(target, settings, specs) for target in targets]


def check_network(target: Target, settings: Settings, specs: Specs) -> CheckedNetwork:
    """One network checked; mistakes in its file are among the problems."""
    baseline = settings.baseline if settings.inputs is None else None
    entry = locked_entry(baseline, target, settings.fail_on)
    try:
        of_file = specs.spec(target.file, named=target.named)
        network = specs.network(target.file, target.args, settings.inputs, named=target.named)
        altered = _altered(of_file, target, settings)
    except ConvcalcError as error:
        problems = tuple([of_target(problem, target) for problem in error.problems])
        status = UNUSABLE if entry.problems else error.status
        checked = CheckedNetwork(target.file, target.variant, status, (*problems, *entry.problems))
        return checked._replace(error=error if isinstance(error, NetworkError) else None)
    analysis = Analysis(network)
    limits = LimitChecker(target, of_file, analysis, entry.locked, settings.dtype)
    skipped = _skipped(of_file, altered, target, settings)
    skipped += _check_limits(limits, of_file, entry, settings, altered=bool(altered))
    broken = [] if altered else broken_expectations(of_file.expectations, analysis.report)
    if broken and entry.locked is not None and baseline is not None:
        broken = _at_first_change(broken, baseline, entry.locked, limits)
    models = [] if altered else check_against(network, target, settings.max_layers)
    allowed = settings.allow_unknown
    unknown = unknown_problems(
        analysis.report, of_file.bases, target.file, target.variant, allowed=allowed
    )
    wrong = () if allowed else unknown
    problems = (*wrong, *broken, *models, *limits.problems, *entry.problems)
    unread = any(CODES[problem.code].status == UNUSABLE for problem in models)
    status = UNUSABLE if limits.misused or entry.problems or unread else WRONG
    return CheckedNetwork(
        target.file,
        target.variant,
        status if problems else 0,
        problems,
        (
            *[note for note in network.notes if CODES[note.code].warning],
            *(unknown if allowed else ()),
            *limits.warnings,
        ),
        tuple(limits.findings),
        measure_all(analysis, limits.dtype, slow=settings.every_total),
        _comparable(entry.locked, limits.dtype) if entry.locked is not None else {},
        "; ".join(skipped),
        unknown=tuple(analysis.report.unknown),
        least=frozenset([name for name in TOTALS if analysis.report.totals.misses(name)]),
        dtype=limits.dtype,
    )


def _comparable(locked: LockedNetwork, dtype: str) -> dict[str, int]:
    """The locked totals that are measured in the same unit as those of now."""
    same = locked.dtype == dtype
    return {
        name: total
        for name, total in locked.totals.items()
        if same or name not in TOTALS or TOTALS[name].unit != BYTES
    }


def _check_limits(
    limits: LimitChecker, of_file: Definition, entry: Entry, settings: Settings, *, altered: bool
) -> list[str]:
    """Checks all limits that hold for a network; what of them had to be left out, and why."""
    rules = limits.target.rules or Rules()
    missing = entry.missing.value
    skipped = []
    if settings.every_total and entry.missing is Missing.UNUSABLE and not entry.problems:
        skipped.append(f"it is not compared with the lock: {missing}")
    if not altered:
        limits.check("budget", of_file.budget)
    if settings.inputs is None:
        limits.check("budget", rules.budget, configured=True)
        limits.check("warn", rules.warn, configured=True)
        if entry.locked is not None:
            limits.check("growth", rules.growth, configured=True)
        elif rules.growth:
            skipped.append(f"its growth is not checked: {missing}")
    for limit in settings.fail_on:
        if entry.locked is not None or limit.growth is None:
            limits.check("fail-on", [limit])
        else:
            skipped.append(f"--fail-on {limit.metric} is not checked: {missing}")
    if limits.unlocked:
        names = ", ".join(dict.fromkeys(limits.unlocked))
        skipped.append(f"the growth of {names} is not checked: it is not in the lock")
    return skipped


def _at_first_change(
    broken: Sequence[Problem], baseline: Baseline, locked: LockedNetwork, limits: LimitChecker
) -> list[Problem]:
    """Broken expectations at the line that has changed since the network was locked."""
    if baseline.lock is None:
        return list(broken)
    from convcalc.checks.lock.comparison import at_first_change
    from convcalc.checks.lock.file import locked_network

    report, bases = limits.report, limits.of_file.bases
    totals = measure_all(limits.analysis, limits.dtype)
    now = locked_network(locked.file, locked.variant, report, totals, limits.dtype)
    return at_first_change(broken, baseline.lock, now, report, bases)


def _altered(of_file: Definition, target: Target, settings: Settings) -> list[str]:
    """What makes the network another than the one that the file is about, as it is written."""
    found = []
    if of_file.changes(target.args):
        rules = target.rules or Rules()
        configured = all(name in rules.sets for name in target.args)
        found.append("set" if configured else "--set")
    return [*found, *(["--input"] if settings.inputs else [])]


def _skipped(
    of_file: Definition, altered: Sequence[str], target: Target, settings: Settings
) -> list[str]:
    """What cannot be held against an altered network."""
    if not altered:
        return []
    rules = target.rules or Rules()
    parts = {"expectations": of_file.expectations, "own budget": of_file.budget}
    if settings.inputs is not None:
        parts["limits in convcalc.yaml"] = (*rules.budget, *rules.warn, *rules.growth)
    about = [part for part, has in parts.items() if has]
    if not about:
        return []
    verb = "is" if about == ["own budget"] else "are"
    flags = " ".join(altered)
    return [f"its {' and '.join(about)} {verb} about the file as it is: skipped under {flags}"]
