"""What `check` found as a JUnit report, which most CI systems show as tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.problems import UNUSABLE, Problem, printable
from convcalc.render.check_text import drawn_elsewhere
from convcalc.render.places import network_name

#: The test that stands for everything that is not a limit.
_SPEC = "shapes and expectations"


class _Case(NamedTuple):
    """A test: its name, and what became of it."""

    name: str
    tag: str = ""  # "failure", "error", "skipped", or "" where it passed
    problems: Sequence[Problem] = ()
    note: str = ""


def junit_text(checked: Sequence[CheckedNetwork]) -> str:
    """A test suite for each network: a test that the spec holds, and one for each limit.

    Source: the form that Ant's JUnit task began and Jenkins describes in junit-10.xsd.
    """
    suites = [(network_name(network), _cases(network), network.warnings) for network in checked]
    every = [case for _, cases, _ in suites for case in cases]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f"<testsuites{_attributes(name='convcalc check', **_counts(every))}>")
    for name, cases, warnings in suites:
        lines.append(f"  <testsuite{_attributes(name=name, **_counts(cases))}>")
        for case in cases:
            lines += _case(name, case)
        if warnings:
            lines.append(f"    <system-out>{_text(warnings, 'warning')}</system-out>")
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _cases(network: CheckedNetwork) -> list[_Case]:
    """The tests that a network amounts to; what was skipped is a test of its own."""
    others = drawn_elsewhere(network)
    broken = "error" if network.status == UNUSABLE else "failure"
    unexplained = network.status and not network.problems
    cases = [_Case(_SPEC, broken if others or unexplained else "", others)]
    if network.skipped:
        cases.append(_Case("what was left out", "skipped", (), network.skipped))
    for finding in network.findings:
        # A warning is no failure: it stands in the suite's output.
        fails = not finding.ok and finding.rule != "warn"
        problems = (finding.problem,) if fails and finding.problem else ()
        cases.append(_Case(f"{finding.rule} {finding.metric}", "failure" * fails, problems))
    return cases


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    tags = [case.tag for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
        "skipped": str(tags.count("skipped")),
        # Some readers insist on a time; nothing was measured.
        "time": "0",
    }


def _case(network: str, case: _Case) -> Iterator[str]:
    name = printable(case.name, 500)
    opening = f"    <testcase{_attributes(classname=network, name=name, time='0')}"
    if not case.tag:
        yield opening + "/>"
        return
    yield opening + ">"
    if case.note or not case.problems:
        yield f"      <{case.tag}{_attributes(message=printable(case.note or 'failed', 500))}/>"
    else:
        # One element for all: readers show only the first of several.
        first = case.problems[0]
        attributes = _attributes(message=printable(first.text, 1000), type=first.code)
        yield f"      <{case.tag}{attributes}>{_text(case.problems)}</{case.tag}>"
    yield "    </testcase>"


def _text(problems: Sequence[Problem], level: str = "error") -> str:
    from convcalc.render.diagnostics import diagnostics_text

    return _escaped(diagnostics_text(problems, level), quote=False)


def _attributes(**values: str) -> str:
    return "".join(f' {key}="{_escaped(value)}"' for key, value in values.items())


def _escaped(text: str, quote: bool = True) -> str:
    # Whatever XML cannot hold at all, such as control characters, is gone since printable().
    from html import escape

    return escape(text, quote)
