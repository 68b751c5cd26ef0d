"""What `check` found as SARIF 2.1.0, which code scanning and editors read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.problems import UNUSABLE, Problem, Span, printable
from convcalc.render.places import (
    beside_name,
    network_name,
    not_reported,
    problem_file,
    repository_path,
)

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
#: The base of relative paths: the root of the repository.
_ROOT = "%SRCROOT%"
#: What SARIF would take for an argument's place or for a link.
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_LINK = re.compile(r"\[(?=[^\[\]]*\]\()")


def sarif_text(checked: Sequence[CheckedNetwork], folder: str = "") -> str:
    """One run with a result for every problem and every warning.

    `folder` is where in the repository the command ran: paths are from the repository's root.

    Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0, errata 01.
    """
    import json

    from convcalc import __version__

    reported: set[object] = set()
    results = []
    for network in checked:
        metrics = {f.problem.identity: f.metric + f.rule for f in network.findings if f.problem}
        for level, problems in (("error", network.problems), ("warning", network.warnings)):
            for problem in not_reported(problems, reported):
                metric = metrics.get(problem.identity, "")
                results.append(_result(level, problem, network, metric, folder))
    rules = list(dict.fromkeys(result["ruleId"] for result in results))
    for result in results:
        result["ruleIndex"] = rules.index(result["ruleId"])
    driver = {
        "name": "convcalc",
        "version": __version__,
        "rules": [{"id": code, "shortDescription": {"text": _words(code)}} for code in rules],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {"executionSuccessful": all(network.status != UNUSABLE for network in checked)}
        ],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    data = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _words(code: str) -> str:
    return code.replace("-", " ").capitalize()


def _result(
    level: str, problem: Problem, network: CheckedNetwork, metric: str, folder: str
) -> dict[str, Any]:
    """A result; `metric` names the limit that is not kept, if the problem is one."""
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "level": level,
        "message": {"text": _message(f"{network_name(network)}: {beside_name(problem)}")},
        "locations": [_location(problem.span, problem_file(problem, network), folder)],
        "partialFingerprints": {"convcalc/v1": _fingerprint(problem, network, metric, folder)},
    }
    related = [
        {
            **_location(call.span, call.span.source.name, folder),
            "id": number,
            "message": {"text": _message(f"block {printable(call.block)} is called here")},
        }
        for number, call in enumerate(reversed(problem.calls), 1)
    ]
    if related:
        result["relatedLocations"] = related
    return result


def _location(span: Span | None, file: str, folder: str) -> dict[str, Any]:
    from urllib.parse import quote

    path = repository_path(file, folder)
    absolute = path.startswith("/") or re.match("[A-Za-z]:/", path)
    quoted = quote(path, errors="backslashreplace")
    artifact = (
        {"uri": f"file:///{quoted.lstrip('/')}"}
        if absolute
        else {"uri": quoted, "uriBaseId": _ROOT}
    )
    # Code scanning shows nothing without a line.
    region = {"startLine": 1}
    if span:
        region = {
            "startLine": span.line,
            "startColumn": span.column,
            "endColumn": span.column + max(span.width, 1),
        }
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _message(text: str) -> str:
    """A text that stands for itself: SARIF fills in `{0}` and follows `[text](1)`.

    >>> _message("{0} [a](1) {b} [c]")
    '{{0}} \\\\[a](1) {b} [c]'
    """
    return _LINK.sub(r"\\[", _PLACEHOLDER.sub(r"{{\1}}", text))


def _fingerprint(problem: Problem, network: CheckedNetwork, metric: str, folder: str) -> str:
    """The same for the same problem after an edit: no line and no figure goes into it."""
    import hashlib

    # Problems that are no limit's differ in their words without figures.
    words = re.sub(r"\d+", "0", metric or problem.text)
    file = repository_path(problem_file(problem, network), folder)
    parts = [problem.code, file, network.variant, words]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]
