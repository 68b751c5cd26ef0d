"""Layers that resample maps: sizes, costs, errors, and the positions that units take."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcalc.counts import Counts
from convcalc.facts import worded
from convcalc.layers.base import Layer
from tests.layers.shorthand import counts, made, refusal, shape


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (made("upsample", factor=2), (256, 13, 13), (256, 26, 26)),
        (made("upsample", factor=[1, 2, 2], rank=3), (8, 4, 4, 4), (8, 4, 8, 8)),
        (made("upsample", size=[33, 65], mode="bilinear"), (21, 9, 9), (21, 33, 65)),
        # A fraction of an odd size is rounded down, as in PyTorch.
        (made("upsample", factor=Fraction(3, 2), mode="bilinear"), (64, 32, 33), (64, 48, 49)),
        (made("upsample", factor=[Fraction(1, 3), Fraction(7, 10)]), (8, 10, 10), (8, 3, 7)),
        # 10 * 0.3 is below 3 in floating point.
        (made("upsample", 1, factor=Fraction(3, 10)), (8, 10), (8, 3)),
    ],
)
def test_sizes(layer: Layer, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert shape(layer, given) == expected


@pytest.mark.parametrize(
    ("layer", "field", "message", "facts"),
    [
        (made("upsample"), "size", "takes either factor or size", ()),
        (made("upsample", factor=2, size=4), "size", "takes either factor or size", ()),
        (
            made("upsample", factor=[1, Fraction(1, 9)]),
            "factor",
            "factor 1/9 leaves nothing of the width 8",
            (("rule", "floor(8*1/9) = 0, must be at least 1"),),
        ),
    ],
)
def test_errors(layer: Layer, field: str, message: str, facts: tuple[tuple[str, str], ...]) -> None:
    error = refusal(layer, (3, 8, 8))
    assert (error.code, error.field, error.message) == ("upsample-size", field, message)
    assert worded(error.facts) == facts


def test_copying_the_nearest_costs_nothing() -> None:
    assert counts(made("upsample", factor=2), (16, 5, 5)) == Counts()


@pytest.mark.parametrize(("rank", "steps"), [(1, 1), (2, 3), (3, 7)])
def test_linear_upsampling_interpolates_along_each_axis(rank: int, steps: int) -> None:
    layer = made("upsample", rank, factor=2, mode="bilinear")
    outputs = 3 * 8**rank
    expected = Counts(multiplies=steps * outputs, adds=2 * steps * outputs)
    assert counts(layer, (3, *[4] * rank)) == expected


@pytest.mark.parametrize(("rank", "sums"), [(1, 1), (2, 5), (3, 21)])
def test_cubic_upsampling_weighs_four_along_each_axis(rank: int, sums: int) -> None:
    layer = made("upsample", rank, factor=Fraction(3, 2), mode="bicubic")
    outputs = 3 * 6**rank
    expected = Counts(multiplies=4 * sums * outputs, adds=3 * sums * outputs)
    assert counts(layer, (3, *[4] * rank)) == expected


@pytest.mark.parametrize(
    ("values", "n", "taken"),
    [
        # 2 of 3 positions are copied once, the third twice: PyTorch's nearest.
        ({"factor": Fraction(3, 2)}, 4, [[0], [0], [1], [2], [2], [3]]),
        # Its nearest-exact takes what the middle of a unit lies on.
        (
            {"factor": Fraction(3, 2), "coordinates": "half_pixel"},
            4,
            [[0], [1], [1], [2], [3], [3]],
        ),
        ({"size": 5, "coordinates": "align_corners"}, 3, [[0], [1], [1], [2], [2]]),
        ({"factor": 2, "mode": "bilinear"}, 2, [[-1, 0], [0, 1], [0, 1], [1, 2]]),
        (
            {"size": 3, "mode": "bilinear", "coordinates": "align_corners"},
            2,
            [[0], [0, 1], [1]],
        ),
        (
            {"factor": 2, "mode": "bilinear", "coordinates": "asymmetric"},
            2,
            [[0], [0, 1], [1], [1, 2]],
        ),
        ({"size": 1, "mode": "bilinear", "coordinates": "align_corners"}, 7, [[0]]),
        ({"factor": 1, "mode": "bicubic"}, 2, [[-1, 0, 1, 2], [0, 1, 2, 3]]),
    ],
)
def test_which_positions_units_take(
    values: dict[str, object], n: int, taken: list[list[int]]
) -> None:
    layer = made("upsample", 1, **values)
    (_, reading) = layer.reads([(1, n)], 0)
    (_, out) = shape(layer, (1, n))
    assert [list(reading.at(y)) for y in range(out)] == taken


def test_the_default_coordinates_follow_from_the_mode() -> None:
    coordinates = {
        mode: made("upsample", factor=2, mode=mode).argument("coordinates")
        for mode in ("nearest", "bilinear", "bicubic")
    }
    assert coordinates == {
        "nearest": "asymmetric",
        "bilinear": "half_pixel",
        "bicubic": "half_pixel",
    }
