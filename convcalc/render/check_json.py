"""What `check` found as JSON; keys are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.checks.project.verdicts import Finding, Verdict
from convcalc.diagnostics import Problem
from convcalc.render.facts import worded
from convcalc.render.jsons import json_text

SCHEMA = "convcalc.check/1"


def check_json(verdicts: Sequence[Verdict]) -> str:
    """A document with an object for each network, a line each."""
    failed = sum(1 for verdict in verdicts if verdict.status)
    return json_text(
        {
            "schema": SCHEMA,
            "ok": not failed,
            "checked": len(verdicts),
            "failed": failed,
            "files": [_verdict(verdict) for verdict in verdicts],
        }
    )


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "file": verdict.file,
        "variant": verdict.variant,
        "ok": not verdict.status,
        "status": verdict.status,
        "skipped": verdict.skipped,
        "problems": [problem_data(problem) for problem in verdict.problems],
        "warnings": [problem_data(problem) for problem in verdict.warnings],
        "findings": [_finding(finding) for finding in verdict.findings],
        "totals": verdict.totals,
        "baseline": verdict.baseline,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "metric": finding.metric,
        "rule": finding.rule,
        "ok": finding.ok,
        "found": finding.found,
        "limit": finding.limit,
        "unit": finding.unit,
        "baseline": finding.baseline,
        "written": finding.written,
        "place": finding.place,
        "parts": [
            {"path": part.path, "place": part.place, "value": part.value} for part in finding.parts
        ],
    }


def problem_data(problem: Problem) -> dict[str, Any]:
    """A problem with its place, its facts, and what it is about."""
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
