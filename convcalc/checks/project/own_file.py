"""Where a problem is reported: in a file that the user can edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from convcalc.language.load import find_source, opener_of
from convcalc.language.reading.files import read_document
from convcalc.language.shipped import is_shipped
from convcalc.problems import ConvcalcError, Problem, Reason, Related, Source, Span, is_related
from convcalc.roots import is_stream

if TYPE_CHECKING:
    from convcalc.checks.project.targets import Target


def in_own_file(
    problem: Problem, bases: Mapping[Source, Span], otherwise: Span | None = None
) -> Problem:
    """A problem at a line of a network that ships with convcalc, at the user's own line instead.

    That is the innermost call of a block around it which stands in another file, else the `extends`
    that leads to the shipped network, else `otherwise`. The shipped line becomes a note.

    bases  the files that a network extends, and where each is named
    """
    span, calls = problem.span, problem.calls
    own = tuple([call for call in calls if not _ships(call.span)])
    if span is None or not _ships(span):
        return problem._replace(calls=own)
    place: Span | None = span
    if own:
        place, own = own[-1].span, own[:-1]
    named = {source.path: span for source, span in bases.items()}
    while place is not None and _ships(place):
        place = named.get(place.source.path)
    if place is None and otherwise is not None and not _ships(otherwise):
        place = otherwise
    # The `extends` would lead to the line that is not shown.
    facts = [
        f
        for f in problem.facts
        if not is_related(f, Reason.EXTENDS) and not is_related(f, Reason.USES)
    ]
    shipped = Related(Reason.SHIPPED, span)
    return problem._replace(span=place, calls=own, facts=(shipped, *facts))


def _ships(span: Span) -> bool:
    return is_shipped(span.source.path)


def of_target(problem: Problem, target: Target) -> Problem:
    """A mistake found on reading a network, at a place where the user can mend it."""
    return _of_shipped(_of_set(problem, target), target)


def _of_set(problem: Problem, target: Target) -> Problem:
    """A problem of `--set` with its file; one that convcalc.yaml made, at its place there."""
    if problem.span is not None or problem.subject.option != "--set":
        return problem
    problem = problem.about(file=target.file)
    sets = target.rules.sets if target.rules is not None else {}
    span = sets.get(problem.subject.argument)
    return problem if span is None else problem.about(option="set")._replace(span=span)


def _of_shipped(problem: Problem, target: Target) -> Problem:
    """A mistake that shows in a shipped network, at the line of the file that extends it."""
    if problem.span is None or is_stream(target.file) or not _ships(problem.span):
        return problem
    try:
        source = find_source(target.file)
        return in_own_file(problem, read_document(source, opener_of(source)).bases)
    except ConvcalcError:
        return problem
