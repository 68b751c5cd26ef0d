"""A network compared with its entry in the lock: what changed, and which line was edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from convcalc.analysis.costs.report import Report
from convcalc.checks.diff.changes import Change, Changes
from convcalc.checks.diff.hunks import Hunk, hunks
from convcalc.checks.diff.wording import headline
from convcalc.checks.lock.edited_line import Place, edited_line
from convcalc.checks.lock.file import Lock, LockedNetwork, unit_text
from convcalc.checks.lock.layers import changes_since
from convcalc.checks.project.own_file import in_own_file
from convcalc.metrics import TOTALS
from convcalc.problems import (
    ChangedTotals,
    Fact,
    Help,
    Locked,
    Note,
    Problem,
    Reason,
    Related,
    Source,
    Span,
    Subject,
    printable,
)
from convcalc.quantities import change_text
from convcalc.shapes import Shape, cross_text

if TYPE_CHECKING:
    from convcalc.exchange.load import Definition

#: What accepts a change.
ACCEPT = "`convcalc lock` accepts the change"
#: The code of every problem that a lock makes.
STALE = "stale-lock"
#: Layers and changes that one note names.
_MOST_NAMED = 3


def stale_problem(
    lock: Lock, found: LockedNetwork, report: Report, of_file: Definition
) -> Problem | None:
    """What is not as the lock says, at the line of the first layer that differs; None if nothing.

    `found` is the network's entry as it would be locked now, `report` what it was made of, and
    `of_file` the spec of that network.
    """
    locked = lock.find(found.file, found.variant)
    if locked is None:
        message = f"{printable(found.title, 200)} is not in the lock"
        help_text = "`convcalc lock` adds it"
        problem = Problem(STALE, message, first_line(of_file), (Help(help_text),))
        return in_own_file(problem, of_file.bases)
    if locked == found and list(locked.layers) == list(found.layers):
        return None
    text, (span, calls), path, notes = _first_difference(locked, found, report)
    span = span or first_line(of_file)
    facts: list[Fact] = [_locked_at(lock, locked, path), *[Note(note) for note in notes]]
    if locked.dtype != found.dtype:
        facts.append(Note(f"bytes are locked as {locked.dtype}, and are {found.dtype} now"))
    if locked.totals != found.totals:
        least = [name for name in TOTALS if locked.misses(name) or found.misses(name)]
        facts.append(ChangedTotals(total_changes(locked.totals, found.totals, least)))
    subject = Subject(variant=found.variant)
    problem = Problem(STALE, text, span, (*facts, Help(ACCEPT)), calls, subject)
    place = lock.spans[found.file, found.variant]
    return in_own_file(problem, of_file.bases, place)


def at_first_change(
    problems: Sequence[Problem],
    lock: Lock,
    found: LockedNetwork,
    report: Report,
    bases: Mapping[Source, Span],
) -> list[Problem]:
    """Broken expectations, at the line that changed since the network was locked, if one did.

    The expectation most likely held then, so that this change broke it.
    """
    locked = lock.find(found.file, found.variant)
    if not problems or locked is None or list(locked.layers.items()) == list(found.layers.items()):
        return list(problems)
    text, (span, calls), path, _ = _first_difference(locked, found, report)
    moved = []
    for problem in problems:
        facts: list[Fact] = [_locked_at(lock, locked, path, text)]
        if problem.span is not None:
            facts.append(Related(Reason.EXPECTATION, problem.span))
        there = problem._replace(span=span, calls=calls, facts=(*facts, *problem.facts))
        moved.append(in_own_file(there, bases, problem.span))
    return moved


def _locked_at(lock: Lock, locked: LockedNetwork, path: str, change: str = "") -> Locked:
    """Where a layer is locked, or the network where the layer is not."""
    return Locked(lock.place(locked, path), path if path in locked.layers else "", change)


def total_changes(
    before: Mapping[str, int], after: Mapping[str, int], least: Sequence[str] = ()
) -> str:
    """The most important totals that differ: "params 61,706 -> 80,000 (+29.65%)".

    Of those that are `least` a part is unknown.
    """
    names = [*before, *[name for name in after if name not in before]]
    differ = [name for name in names if before.get(name) != after.get(name)]
    headlines = [name for name, metric in TOTALS.items() if metric.headline]
    shown = [name for name in headlines if name in differ] or differ[: len(headlines)]
    texts = [_change(name, before.get(name), after.get(name), name in least) for name in shown]
    more = len(differ) - len(shown)
    return "; ".join([*texts, *([f"and {more} more"] if more else [])])


def _change(name: str, before: int | None, after: int | None, least: bool = False) -> str:
    if before is None or after is None:
        what = "is not locked yet" if before is None else "is locked but not measured any more"
        return f"{printable(name)} {what}"
    unit = unit_text(name)
    if least:
        return f"{printable(name)} at least {before:,} -> at least {after:,}{unit}"
    return f"{printable(name)} {before:,} -> {after:,}{unit} ({change_text(before, after)})"


def first_line(of_file: Definition) -> Span:
    """The first line of the file, for a change of no layer."""
    return Span(of_file.source, 1, 1)


class _Difference(NamedTuple):
    """The first thing that is not as locked.

    text   what it is
    place  the line that was edited
    path   the layer in the lock; "" where it is none of the lock
    notes  what else changed
    """

    text: str
    place: Place
    path: str = ""
    notes: Sequence[str] = ()


def _first_difference(locked: LockedNetwork, found: LockedNetwork, report: Report) -> _Difference:
    changes = changes_since(locked, report)
    several = hunks(changes)
    if several:
        first, *others = several
        change = first.changes[0]
        notes = []
        if first.follows:
            paths = [new.path for _, new in first.follows]
            verb = "follows" if len(paths) == 1 else "follow"
            notes.append(f"{_layers(paths)} {verb}: {_named(paths)}")
        if others:
            shown = others[: _MOST_NAMED + 1]
            texts = [f"{hunk.name} {hunk.mark}{_at(hunk, changes)}" for hunk in shown]
            notes.append(f"other changes: {_named(texts)}")
        place = edited_line(change, changes)
        text = ", ".join([headline(first), *_costs(first)])
        path = change.old.path if change.old is not None else ""
        return _Difference(text, place, path, notes)
    for old, new in zip(*changes.records, strict=True):
        if old.path != new.path:  # another number alone
            text = f"{new.path} renamed: was {old.path}"
            return _Difference(text, edited_line(Change("renamed", old, new), changes), old.path)
    file = printable(found.file, 200)
    if locked.outputs != found.outputs:
        text = f"results {_puts(locked.outputs)} -> {_puts(found.outputs)}"
    elif locked.dtype != found.dtype:
        text = f"the dtype of {file} is {found.dtype}, locked as {locked.dtype}"
    else:
        text = f"the totals of {file} are not as locked"
    return _Difference(text, Place(None, ()))


def _at(hunk: Hunk, changes: Changes) -> str:
    span = edited_line(hunk.changes[0], changes).span
    return f" at {span.in_line}" if span is not None else ""


def _costs(hunk: Hunk) -> list[str]:
    """What a hunk costs more; of one layer that is in both, also what it cost before."""
    change = hunk.changes[0]
    delta = hunk.delta
    unknown = [f"{name} unknown" for name in ("params", "macs") if delta.misses(name)]
    if unknown:
        return unknown
    figures = {"params": delta.params, "macs": delta.macs}
    if len(hunk.changes) == 1 and change.old is not None and change.new is not None:
        old, new = change.old.cost, change.new.cost
        before, after = [{"params": cost.params, "macs": cost.macs} for cost in (old, new)]
        return [_change(name, before[name], after[name]) for name, more in figures.items() if more]
    return [f"{name} {more:+,}" for name, more in figures.items() if more]


def _layers(names: Sequence[str]) -> str:
    return f"{len(names)} layer{'s' * (len(names) > 1)}"


def _named(names: Sequence[str]) -> str:
    """The first few names, and dots if there are more."""
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown}, ..." if len(names) > _MOST_NAMED else shown


def _puts(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {cross_text(shape)}" for name, shape in shapes.items())
