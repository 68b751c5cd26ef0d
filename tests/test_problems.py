"""Problems as data: what they are about, and when two are one."""

from __future__ import annotations

import pytest

from convcalc.problems import (
    Help,
    Note,
    Problem,
    Reason,
    Related,
    RuleError,
    Source,
    Span,
    Subject,
    facts_of,
    is_related,
    without_help,
)

PLACE = Span(Source("a.yaml", "input: [3]\n"), 1, 8)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (Subject(), "no"),
        (Subject(layer="conv0"), "conv0: no"),
        (Subject(layer="conv0", argument="kernel"), "conv0: no"),
        (Subject(option="--set", argument="width"), "--set width: no"),
        (Subject(option="--set", argument="width", value=""), "--set width=: no"),
        (Subject(file="b.yaml", option="set", argument="w", value="1"), "b.yaml: set w=1: no"),
        (Subject(variant="width=0.5", file="b.yaml"), "width=0.5: b.yaml: no"),
        (Subject(change="--kernel 2", layer="conv0"), "with --kernel 2, conv0: no"),
        (Subject(file="a\nb"), "a\\nb: no"),
    ],
)
def test_what_it_is_about_comes_before_the_message(subject: Subject, text: str) -> None:
    problem = Problem("code", "no", PLACE, subject=subject)
    assert problem.message == "no"
    assert problem.text == text
    assert str(problem) == f"a.yaml:1:8: error[code]: {text}"


def test_more_of_what_it_is_about_leaves_the_rest() -> None:
    problem = Problem("code", "no", PLACE, subject=Subject(layer="conv0"))
    assert problem.about(variant="w=1").text == "w=1: conv0: no"
    assert problem.about(variant="w=1").about(variant="") == problem


def test_a_mistake_in_a_file_that_is_read_again_is_the_same() -> None:
    again = Span(Source("a.yaml", "input: [3]\n"), 1, 8)
    edited = Span(Source("a.yaml", "input: [4]\n"), 1, 8)
    one, other = Problem("code", "no", PLACE), Problem("code", "no", again, (Note("more"),))
    assert one.identity == other.identity
    assert len({one.identity, other.identity}) == 1
    assert one.identity != Problem("code", "no", edited).identity
    assert one.identity != Problem("code", "no", PLACE, subject=Subject(layer="conv0")).identity


def test_a_rule_gets_its_place() -> None:
    error = RuleError("too-large", "3 is too large", "kernel", [Note("rule")])
    problem = error.at(PLACE, Subject(layer="conv0"), [Note("entering")])
    assert problem == Problem(
        "too-large",
        "3 is too large",
        PLACE,
        (Note("entering"), Note("rule")),
        (),
        Subject(layer="conv0", argument="kernel"),
    )


def test_facts_are_chosen_by_kind() -> None:
    first = Related(Reason.FIRST, PLACE)
    facts = (first, Note("n"), Help("h"))
    assert facts_of(facts, Help) == [Help("h")]
    assert without_help(facts) == [first, Note("n")]
    assert is_related(first, Reason.FIRST)
    assert not is_related(first, Reason.EXTENDS)
    assert not is_related(Note("read because of 'extends' at a.yaml:1:8"), Reason.EXTENDS)
