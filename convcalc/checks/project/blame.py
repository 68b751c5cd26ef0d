"""Where a problem is told: in a file that its reader can edit."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.diagnostics import Problem, Reason, Related, Source, Span, is_related
from convcalc.language.shipped import is_shipped


def in_own_file(
    problem: Problem, bases: Mapping[Source, Span], otherwise: Span | None = None
) -> Problem:
    """A problem at a line of a network that ships with convcalc, at the reader's own line instead.

    That is the innermost call of a block around it which stands in another file, else the `extends`
    that leads to the shipped network, else `otherwise`. The shipped line is told as a note.

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
    facts = [f for f in problem.facts if not is_related(f, Reason.EXTENDS)]
    shipped = Related(Reason.SHIPPED, span)
    return problem._replace(span=place, calls=own, facts=(shipped, *facts))


def _ships(span: Span) -> bool:
    return is_shipped(span.source.path)
