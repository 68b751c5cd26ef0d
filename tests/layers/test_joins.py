"""Joins: broadcasting, counts, and branches that do not fit."""

from __future__ import annotations

import pytest

from convcalc.counts import Counts
from convcalc.layers.traits import ChannelRule
from convcalc.shapes import Shape
from tests.layers.shorthand import counts, made, refusal, shape


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
    for kind in ("add", "sub", "mul", "div"):
        if len(branches) == 2 or kind in ("add", "mul"):
            assert shape(made(kind), *branches) == expected


@pytest.mark.parametrize("kind", ["mul", "div"])
def test_one_channel_goes_with_many(kind: str) -> None:
    # Attention U-Net's gate: one factor for all channels of a place, in either order.
    for branches in ([(64, 8, 8), (1, 8, 8)], [(1, 8, 8), (64, 8, 8)], [(64, 8, 1), (1, 1, 8)]):
        assert shape(made(kind), *branches) == (64, 8, 8)
    assert shape(made(kind), (64,), (1,)) == (64,)


def test_one_step_for_each_further_branch() -> None:
    given = [(64, 8, 8)] * 3
    assert counts(made("add"), *given) == Counts(adds=2 * 4096)
    assert counts(made("mul"), *given) == Counts(multiplies=2 * 4096)
    # Every element of the result takes a step, also where a branch repeats its value.
    assert counts(made("mul"), (64, 8, 8), (64, 1, 1)) == Counts(multiplies=4096)
    assert counts(made("mul"), (64, 1, 1), (1, 8, 8)) == Counts(multiplies=4096)
    assert counts(made("sub"), (64, 8, 8), (64, 1, 1)) == Counts(adds=4096)
    assert counts(made("div"), (1, 8, 8), (64, 1, 1)) == Counts(divides=4096)


def test_concat_joins_channels_for_nothing() -> None:
    # GoogLeNet's inception 3a.
    branches = [(64, 28, 28), (128, 28, 28), (32, 28, 28), (32, 28, 28)]
    assert shape(made("concat"), *branches) == (256, 28, 28)
    assert counts(made("concat"), *branches) == Counts()
    assert shape(made("concat"), (10,), (20,)) == (30,)


def test_concat_joins_any_axis() -> None:
    # ViT's extra token, before 14x14 patches.
    assert shape(made("concat", axis=1), (768, 1), (768, 196)) == (768, 197)
    assert shape(made("concat", axis=2), (3, 8, 5), (3, 8, 7), (3, 8, 1)) == (3, 8, 13)
    assert counts(made("concat", axis=1), (768, 1), (768, 196)) == Counts()


@pytest.mark.parametrize(
    ("axis", "shape", "gathers"),
    [(0, (2, 3, 4), True), (1, (2, 3, 4), False), (1, (1, 3, 4), True), (2, (1, 3, 4), False)],
)
def test_parts_lie_in_one_piece_if_no_axis_before_is_longer_than_one(
    axis: int, shape: Shape, gathers: bool
) -> None:
    assert made("concat", axis=axis).gathers([shape, shape]) == gathers


@pytest.mark.parametrize(
    ("kind", "branches", "message"),
    [
        ("add", [(64, 8, 8), (32, 8, 8)], "add needs equal channels, not 64, 32"),
        ("add", [(64, 8, 8), (1, 8, 8)], "add needs equal channels, not 64, 1"),
        ("sub", [(1, 8, 8), (64, 8, 8)], "sub needs equal channels, not 1, 64"),
        ("mul", [(64, 8, 8), (2, 8, 8)], "mul needs equal channels (or 1), not 64, 2"),
        ("div", [(64, 8, 8), (64, 8, 4)], "div needs equal spatial sizes (or 1), not 8x8, 8x4"),
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


@pytest.mark.parametrize("kind", ["sub", "div"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_difference_and_a_quotient_have_two_sides(kind: str, count: int) -> None:
    error = refusal(made(kind), *[(8, 4, 4)] * count)
    assert error.code == "branch-count"
    assert error.message == f"{kind} takes exactly 2 branches, not {count}"


def test_parts_that_do_not_fit_along_an_axis() -> None:
    error = refusal(made("concat", axis=1), (64, 8, 8), (32, 8, 8))
    assert error.code == "join-mismatch"
    assert error.message == "concat needs equal sizes on all axes but 1, not 64x8x8, 32x8x8"
    error = refusal(made("concat", axis=2), (64, 8), (64, 8))
    assert (error.code, error.field) == ("bad-axis", "axis")
    assert error.message == "axis 2 is none of the axes of (64, 8)"


def test_channel_rules() -> None:
    branches = [(64, 8, 8), (64, 8, 8)]
    assert made("add").channel_rule(branches) == ChannelRule("tied")
    assert made("mul").channel_rule(branches) == ChannelRule("tied")
    assert made("sub").channel_rule(branches) == ChannelRule("tied")
    assert made("div").channel_rule(branches) == ChannelRule("tied")
    assert made("concat").channel_rule(branches) == ChannelRule("joined")
    assert made("concat", axis=1).channel_rule(branches) == ChannelRule("tied")


MATRICES: list[tuple[list[Shape], Shape]] = [
    # Attention over 14x14 positions in 12 heads of 64 channels: scores, then values.
    ([(12, 196, 64), (12, 64, 196)], (12, 196, 196)),
    ([(12, 196, 196), (12, 196, 64)], (12, 196, 64)),
    # Two axes are one matrix: the channels are its rows.
    ([(6, 5), (5, 7)], (6, 7)),
    # Axes before the matrices broadcast as in NumPy.
    ([(4, 1, 2, 3), (1, 5, 3, 2)], (4, 5, 2, 2)),
    ([(3, 2, 2, 1, 4, 5), (3, 2, 2, 7, 5, 1)], (3, 2, 2, 7, 4, 1)),
]


@pytest.mark.parametrize(("branches", "expected"), MATRICES)
def test_matrices_are_multiplied(branches: list[Shape], expected: Shape) -> None:
    assert shape(made("matmul"), *branches) == expected


def test_a_matrix_product_costs_its_products() -> None:
    # ViT-B/16 at 224 pixels, one layer: 197 tokens, 12 heads of 64 channels (59,610,624 MACs).
    scores, values = [(12, 197, 64), (12, 64, 197)], [(12, 197, 197), (12, 197, 64)]
    counted = [counts(made("matmul"), *branches) for branches in (scores, values)]
    assert sum(found.multiplies for found in counted) == 59_610_624
    assert [found.adds for found in counted] == [12 * 197 * 197 * 63, 12 * 197 * 64 * 196]
    for branches, found in zip((scores, values), counted, strict=True):
        output = shape(made("matmul"), *branches)
        assert made("matmul").macs(branches, output, found) == found.multiplies


@pytest.mark.parametrize(
    ("branches", "code", "message"),
    [
        ([(8, 4, 3)], "branch-count", "matmul takes exactly 2 branches, not 1"),
        ([(8, 4, 4)] * 3, "branch-count", "matmul takes exactly 2 branches, not 3"),
        ([(8, 4, 3), (3, 5)], "join-mismatch", "matmul needs branches of one rank"),
        (
            [(8, 4, 3), (8, 4, 3)],
            "join-mismatch",
            "matmul needs rows of the first branch as long as columns of the second, not 3 and 4",
        ),
        (
            [(8, 2, 4, 3), (8, 3, 3, 4)],
            "join-mismatch",
            "matmul needs equal axes (or 1) before the last two, not 8x2, 8x3",
        ),
        (
            [(8,), (8,)],
            "wrong-rank",
            "matmul needs an input with spatial axes, not the 8 plain features of (8,)",
        ),
    ],
)
def test_matrices_that_do_not_fit(branches: list[Shape], code: str, message: str) -> None:
    error = refusal(made("matmul"), *branches)
    assert (error.code, error.message) == (code, message)


def test_channels_that_are_an_axis_of_the_matrices_stay() -> None:
    rule = made("matmul").channel_rule
    assert rule([(12, 196, 64), (12, 64, 196)]) == ChannelRule("tied")
    assert rule([(6, 5), (5, 7)]).relation == "fixed"
    assert rule([(1, 6, 5), (8, 5, 7)]).relation == "fixed"
