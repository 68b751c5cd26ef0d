"""How every sort of fact is worded."""

from __future__ import annotations

import typing

import pytest

from convcalc.facts import worded
from convcalc.problems import (
    AlsoIn,
    Branch,
    ChangedTotals,
    Contributor,
    DidYouMean,
    Entering,
    Fact,
    Fitting,
    Help,
    Locked,
    Meant,
    Note,
    Reason,
    Related,
    Rule,
    Source,
    Span,
    Value,
)
from convcalc.shapes import SizeSet

PLACE = Span(Source("a.yaml", ""), 3, 5)
CASES: list[tuple[Fact, str, str]] = [
    (Rule("8 / 3 must be whole"), "rule", "8 / 3 must be whole"),
    (Note("a note"), "note", "a note"),
    (Help("do this"), "help", "do this"),
    (DidYouMean("conf", ("conv", "dense")), "help", "did you mean 'conv'?"),
    (DidYouMean("zzz", ("conv", "dense")), "help", "one of conv, dense"),
    (
        Meant("input", (3, 8, 8), "shapes are channels first"),
        "help",
        "shapes are channels first: is the input meant to be [3, 8, 8]?",
    ),
    (Meant("left", (3,), "so"), "help", "so: is the input 'left' meant to be [3]?"),
    (
        Fitting((("height", SizeSet((3, 4), 1, 3, 4)), ("width", SizeSet((3, 4), 1, 3, 4))), False),
        "help",
        "the network fits with height and width from 3 on",
    ),
    (Entering((Value((4, 8, 8)), Value((4, 6)))), "input", "(1, 4, 8, 8), (1, 4, 6)"),
    (
        Entering((Value((4,), "conv0", span=PLACE),)),
        "input",
        "(1, 4), from conv0 at line 3",
    ),
    (
        Entering((Value((4,), "conv0", span=PLACE, elsewhere=True),)),
        "input",
        "(1, 4), from conv0 at a.yaml:3:5",
    ),
    (Entering((Value((4,), "input", True),)), "input", "(1, 4), the network's input"),
    (Entering((Value((4,), "left", True),)), "input", "(1, 4), the input 'left'"),
    (Entering((Value(()),)), "input", "unknown"),
    (Branch("main", Value((4, 2), "conv0")), "branch", "main: (1, 4, 2), from conv0"),
    (Related(Reason.FIRST, PLACE), "first", "line 3, column 5"),
    (Related(Reason.NOTICED, PLACE), "note", "noticed at line 3, column 5"),
    (Related(Reason.EXTENDS, PLACE), "note", "read because of 'extends' at a.yaml:3:5"),
    (Related(Reason.USES, PLACE), "note", "read as the block at a.yaml:3:5"),
    (
        Related(Reason.SHIPPED, PLACE),
        "note",
        "the line is a.yaml:3:5, of a network that ships with convcalc",
    ),
    (Related(Reason.CALL, PLACE), "note", "called at a.yaml:3:5"),
    (Related(Reason.DEFAULT, PLACE), "note", "the value is that of 'defaults' at a.yaml:3:5"),
    (Related(Reason.EXPECTATION, PLACE), "note", "the expectation stands at a.yaml:3:5"),
    (Locked("convcalc.lock:9", "conv0"), "note", "locked at convcalc.lock:9"),
    (Locked("convcalc.lock:4"), "note", "the network is locked at convcalc.lock:4"),
    (
        Locked("convcalc.lock:9", "conv0", "conv0 is not as locked"),
        "note",
        "conv0 is not as locked; locked at convcalc.lock:9",
    ),
    (
        Contributor("conv0", PLACE, 1000, whole=3000),
        "note",
        "heaviest: conv0 at a.yaml:3, 1,000 (33.3%)",
    ),
    (Contributor("conv0", None, 700, "B"), "note", "heaviest: conv0, 700 B"),
    (Contributor("conv0", PLACE, 7, grew=True), "note", "grew most: conv0 at a.yaml:3, +7"),
    (
        Contributor("conv1", PLACE, 7, grew=True, change="follows conv0"),
        "note",
        "grew most: conv1 at a.yaml:3, +7: follows conv0",
    ),
    (ChangedTotals("params 1 -> 2"), "note", "totals: params 1 -> 2"),
    (AlsoIn(("b",)), "note", "also in 1 other network: b"),
    (
        AlsoIn(("b", "c", "d", "e")),
        "note",
        "also in 4 other networks: b, c, d, ...",
    ),
]


@pytest.mark.parametrize(("fact", "label", "text"), CASES)
def test_wording(fact: Fact, label: str, text: str) -> None:
    assert worded([fact]) == ((label, text),)


def test_every_sort_of_fact_and_of_place_has_a_wording() -> None:
    shown = [fact for fact, _, _ in CASES]
    assert {type(fact) for fact in shown} >= {
        sort for sort in typing.get_args(Fact) if typing.get_origin(sort) is None
    }
    assert {fact.reason for fact in shown if isinstance(fact, Related)} == set(Reason)


def test_what_has_nothing_to_say_is_left_out() -> None:
    many = tuple(f"name{number}" for number in range(30))
    assert worded([DidYouMean("zzz", many), Note("n")]) == (("note", "n"),)
