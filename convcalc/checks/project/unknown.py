"""Networks with operations of which the cost is unknown: no total of theirs can be promised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from convcalc.analysis.costs.report import unknown_text
from convcalc.checks.project.own_file import in_own_file
from convcalc.problems import Help, Problem, Source, Span, Subject

if TYPE_CHECKING:
    from convcalc.analysis.costs.report import Report


def unknown_problems(
    report: Report, bases: Mapping[Source, Span], file: str, variant: str, *, allowed: bool
) -> list[Problem]:
    """The problem of a network whose cost is partly unknown, at the first such operation.

    It is a warning where the unknown is `allowed`. `bases` and `variant` are those of its file,
    which is named where the operation has no line in it: in a model file.
    """
    if report.complete:
        return []
    node = next(layer.node for layer in report.layers if layer.node.layer.unknown)
    message = f"its cost is known in part only: {unknown_text(report.unknown)}"
    facts = () if allowed else (Help("--allow-unknown takes the known part, marked so"),)
    subject = Subject(variant=variant, file="" if node.span else file)
    problem = Problem("unknown-cost", message, node.span, facts, node.calls, subject)
    return [in_own_file(problem, bases)]
