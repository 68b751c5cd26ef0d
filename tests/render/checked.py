"""Checked networks to render: some with a bit of everything, random ones with hostile names."""

from __future__ import annotations

from hypothesis import strategies as st

from convcalc.checks.project.findings import CheckedNetwork, Finding
from convcalc.problems import Call, Help, Note, Problem, Rule, Source, Span, Subject

EDGE = Source("models/edge/a.yaml", "input: [3, 32, 32]\nlayers:\n  - {conv: 64, kernel: 3}\n")
BASE = Source("models/base.yaml", "blocks:\n  unit:\n    - {conv: 8, kernel: 40}\n")

OVER = Problem(
    "over-budget",
    "macs is 1,622,016, at most 1,500,000 are allowed",
    Span(EDGE, 3, 5, 4),
    (
        Note("over by 122,016 (8.1%)"),
        Help("shrink it, or edit the limit at convcalc.yaml:6"),
    ),
)
NEAR = Problem(
    "over-budget", "params is 1,792, more than 1,700", Span(EDGE, 3, 5, 4), (Note("by 5.4%"),)
)
GREW = Problem(
    "growth", "macs grew from 1,500,000 to 1,622,016 (+8.13%), at most +2%", Span(EDGE, 3, 5, 4)
)
BROKEN = Problem(
    "window-too-large",
    "conv0: kernel height 40 does not fit the padded input height 32",
    Span(BASE, 3, 24, 2),
    (Rule("floor((32 - 40 + 0 + 1) / 1) = -7, must be at least 1"),),
    (Call(Span(EDGE, 3, 5, 4), "unit", 0, 2),),
)
MISSING = Problem("unreadable", "models/gone.yaml cannot be opened: no such file")

#: A budget kept and one broken, a warning; a broken block; a file that is not there; a good one.
CHECKED = (
    CheckedNetwork(
        "models/edge/a.yaml",
        "width=0.5",
        1,
        (OVER, GREW),
        (NEAR,),
        (
            Finding(
                "macs", "budget", 1622016, 1500000, "", False, None, OVER, "1.5M", "convcalc.yaml:6"
            ),
            Finding("params", "warn", 1792, 1700, "", False, None, NEAR, "1.7k", "convcalc.yaml:8"),
            Finding("macs", "growth", 1622016, 1530000, "", False, 1500000, GREW, "+2%"),
            Finding("peak_memory", "budget", 252000, 300000, "B", True),
        ),
        {"params": 1792, "macs": 1622016, "peak_memory": 252000},
        {"params": 1792, "macs": 1500000, "peak_memory": 260000},
    ),
    CheckedNetwork("models/edge/b.yaml", "", 1, (BROKEN,)),
    CheckedNetwork("models/gone.yaml", "", 2, (MISSING,)),
    CheckedNetwork(
        "models/edge/c.yaml",
        "",
        0,
        totals={"params": 10, "macs": 2500000, "peak_memory": 4096},
        skipped="no baseline: convcalc.lock does not know it",
    ),
)

#: Letters, and what the formats take for something else; no lone surrogates, files hold none.
TEXT = st.text(
    st.one_of(
        st.sampled_from("ab01%:,|`*_[]()<>&\"'{}\\@#\n\r\t\x00\x1b\u2028\ufffe\U0001f600é"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=8,
)
SPANS = st.builds(
    Span,
    st.builds(Source, TEXT.map(lambda text: text + ".yaml"), TEXT),
    st.integers(1, 99),
    st.integers(1, 99),
    st.integers(0, 9),
)
PROBLEMS = st.builds(
    Problem,
    st.sampled_from(["over-budget", "window-too-large", "expectation"]),
    TEXT,
    st.none() | SPANS,
    st.lists(st.builds(Rule, TEXT) | st.builds(Help, TEXT), max_size=2).map(tuple),
    st.lists(st.builds(Call, SPANS, TEXT, st.integers(0, 1), st.just(2)), max_size=1).map(tuple),
    st.builds(Subject, variant=TEXT, layer=TEXT, value=st.none() | TEXT),
)


@st.composite
def checked(draw: st.DrawFn) -> CheckedNetwork:
    """A network that holds together: broken findings have their problem among the others."""
    findings, problems, warnings = [], list[Problem](), list[Problem]()
    for rule in draw(st.lists(st.sampled_from(["budget", "warn", "growth"]), max_size=3)):
        ok, problem = draw(st.booleans()), draw(PROBLEMS)
        if not ok:
            (warnings if rule == "warn" else problems).append(problem)
        limit = draw(st.integers(0, 10**30))
        found = draw(st.integers(0, limit) if ok else st.integers(limit + 1, 10**31))
        unit = draw(st.sampled_from(["", "B"]))
        findings.append(
            Finding(draw(TEXT), rule, found, limit, unit, ok, None, None if ok else problem)
        )
    problems += draw(st.lists(PROBLEMS, max_size=2))
    status = draw(st.sampled_from([1, 2])) if problems else draw(st.sampled_from([0, 0, 2]))
    totals = st.dictionaries(st.sampled_from(["params", "macs", "peak_memory"]), st.integers(0))
    return CheckedNetwork(
        draw(TEXT.filter(bool)),
        draw(TEXT),
        status,
        tuple(problems),
        tuple(warnings),
        tuple(findings),
        draw(totals),
        draw(totals),
        draw(TEXT),
    )


MANY = st.lists(checked(), max_size=3)
