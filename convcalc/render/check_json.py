"""What `check` found as JSON; keys are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.analysis.costs.report import unknown_data
from convcalc.checks.project.findings import CheckedNetwork, Finding
from convcalc.facts import problems_data
from convcalc.render.jsons import json_text

SCHEMA = "convcalc.check/1"


def check_json(checked: Sequence[CheckedNetwork]) -> str:
    """A document with an object for each network, a line each."""
    failed = sum(1 for network in checked if network.status)
    return json_text(
        {
            "schema": SCHEMA,
            "ok": not failed,
            "checked": len(checked),
            "failed": failed,
            "files": [_network(network) for network in checked],
        }
    )


def _network(network: CheckedNetwork) -> dict[str, Any]:
    return {
        "file": network.file,
        "variant": network.variant,
        "ok": not network.status,
        "status": network.status,
        "skipped": network.skipped,
        "problems": problems_data(network.problems),
        "warnings": problems_data(network.warnings),
        "findings": [_finding(finding) for finding in network.findings],
        "totals": network.totals,
        "dtype": network.dtype or None,
        "baseline": network.baseline,
        **unknown_data(network.unknown),
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
        "dtype": finding.dtype or None,
        "place": finding.place,
        "complete": not finding.least,
        "parts": [
            {
                "path": part.path,
                "place": part.span.in_line if part.span else "",
                "value": part.value,
                "change": part.change,
            }
            for part in finding.parts
        ],
    }
