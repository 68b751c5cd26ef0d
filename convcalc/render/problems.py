"""Problems and notes as data; keys are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.problems import Problem


def problems_data(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Each problem with its place, its facts, and what it is about."""
    return [_problem_data(problem) for problem in problems]


def _problem_data(problem: Problem) -> dict[str, Any]:
    """A problem with its place, its facts, and what it is about."""
    from convcalc.render.facts import worded  # few networks have a problem or a note

    span = problem.span
    return {
        "code": problem.code,
        "message": problem.text,
        "file": span.source.name if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "facts": [{"label": label, "text": text} for label, text in worded(problem.facts)],
        "subject": {name: text for name, text in problem.subject._asdict().items() if text},
    }
