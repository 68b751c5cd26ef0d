"""Joins: broadcasting, counts, and branches that do not fit."""

from __future__ import annotations

import pytest

from convcalc.counts import Counts
from convcalc.layers.traits import ChannelRule
from convcalc.shapes import Shape
from tests.layers.making import counts, made, refusal, shape


@pytest.mark.parametrize(
    ("branches", "expected"),
    [
        ([(64, 8, 8), (64, 8, 8)], (64, 8, 8)),
        # Squeeze-and-excitation: one factor for each channel, in either order.
        ([(64, 8, 8), (64, 1, 1)], (64, 8, 8)),
        ([(64, 1, 1), (64, 8, 8)], (64, 8, 8)),
        # As in NumPy each axis broadcasts on its own.
        ([(64, 8, 1), (64, 1, 9)], (64, 8, 9)),
        ([(64,), (64,), (64,)], (64,)),
        ([(64, 1, 1), (64, 1, 1)], (64, 1, 1)),
    ],
)
def test_elements_are_combined_with_broadcasting(branches: list[Shape], expected: Shape) -> None:
    for kind in ("add", "mul"):
        assert shape(made(kind), *branches) == expected


def test_one_step_for_each_further_branch() -> None:
    given = [(64, 8, 8)] * 3
    assert counts(made("add"), *given) == Counts(adds=2 * 4096)
    assert counts(made("mul"), *given) == Counts(multiplies=2 * 4096)
    # Every element of the result takes a step, also where a branch repeats its value.
    assert counts(made("mul"), (64, 8, 8), (64, 1, 1)) == Counts(multiplies=4096)


def test_concat_joins_channels_for_nothing() -> None:
    # GoogLeNet's inception 3a.
    branches = [(64, 28, 28), (128, 28, 28), (32, 28, 28), (32, 28, 28)]
    assert shape(made("concat"), *branches) == (256, 28, 28)
    assert counts(made("concat"), *branches) == Counts()
    assert shape(made("concat"), (10,), (20,)) == (30,)


@pytest.mark.parametrize(
    ("kind", "branches", "message"),
    [
        ("add", [(64, 8, 8), (32, 8, 8)], "add needs equal channels, not 64, 32"),
        ("mul", [(64, 8, 8), (1, 8, 8)], "mul needs equal channels, not 64, 1"),
        (
            "add",
            [(64, 8, 8), (64, 4, 8)],
            "add needs equal spatial sizes (or 1), not 8x8, 4x8",
        ),
        ("add", [(64, 1, 1), (64,)], "add needs branches of one rank"),
        (
            "concat",
            [(64, 8, 8), (64, 1, 1), (64, 8, 8)],
            "concat needs equal spatial sizes, not 8x8, 1x1, 8x8",
        ),
        ("concat", [(64, 8, 8), (64,)], "concat needs equal spatial sizes, not 8x8, none"),
    ],
)
def test_branches_that_do_not_fit(kind: str, branches: list[Shape], message: str) -> None:
    error = refusal(made(kind), *branches)
    assert (error.code, error.message) == ("join-mismatch", message)


def test_channel_rules() -> None:
    branches = [(64, 8, 8), (64, 8, 8)]
    assert made("add").channel_rule(branches) == ChannelRule("tied")
    assert made("mul").channel_rule(branches) == ChannelRule("tied")
    assert made("concat").channel_rule(branches) == ChannelRule("joined")
