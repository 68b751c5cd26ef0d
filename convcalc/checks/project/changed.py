"""Broken limits and expectations at the line that changed, so that a reviewer sees them there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.problems import Contributor, Problem, Source, Span, facts_of

#: Problems that a change anywhere in a file causes. Others stand where their cause is.
_CODES = frozenset({"over-budget", "over-warning", "growth", "fail-on", "expectation"})

#: The lines of a file that changed, as ranges in their order; none where that is not known.
ChangedLines = Callable[[str], Sequence[range]]


def at_changed_lines(
    checked: Iterable[CheckedNetwork], changed: ChangedLines
) -> list[CheckedNetwork]:
    """The same networks, with problems of limits and expectations at lines that changed.

    That is the line of the heaviest layer that changed, or else the first line of the file that
    did. Where nothing did, a problem stays where it is.
    """
    return [
        network._replace(
            problems=tuple([_moved(problem, changed) for problem in network.problems]),
            warnings=tuple([_moved(problem, changed) for problem in network.warnings]),
        )
        for network in checked
    ]


def _moved(problem: Problem, changed: ChangedLines) -> Problem:
    if problem.code not in _CODES or problem.span is None:
        return problem
    layers = [part.span for part in facts_of(problem.facts, Contributor) if part.span is not None]
    for span in (problem.span, *layers):
        if any(span.line in lines for lines in changed(span.source.name)):
            return problem._replace(span=span)
    source = problem.span.source
    first = _first_line(source, changed(source.name))
    return problem if first is None else problem._replace(span=first)


def _first_line(source: Source, changed: Sequence[range]) -> Span | None:
    """The first of these lines that is neither empty nor a comment."""
    for lines in changed:
        for number in lines:
            text = source.line(number)
            written = text.strip()
            if written and not written.startswith("#"):
                column = len(text) - len(text.lstrip()) + 1
                return Span(source, number, column, len(written))
    return None
