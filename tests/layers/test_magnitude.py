"""Normalisations by magnitude: parameters, and counts worked out by hand."""

from __future__ import annotations

from convcalc.counts import Counts
from convcalc.layers.traits import Start
from tests.layers.shorthand import counts, made, params, refusal, shape, unreadable

GIVEN = (64, 8, 8)


class TestRMSNorm:
    def test_by_hand(self) -> None:
        # Of 4 values: 4 squares, summed by 3 additions and eps by one; the mean and 4 quotients;
        # one root. Then 4 scaled.
        bare = made("rmsnorm", 0, affine=False)
        one = Counts(multiplies=4, adds=4, divides=5, specials=1)
        assert counts(bare, (4,)) == one
        assert counts(made("rmsnorm", 0), (4,)) == one.plus(Counts(multiplies=4))
        assert counts(made("rmsnorm"), GIVEN).specials == 8 * 8

    def test_learns_a_scale_and_no_shift(self) -> None:
        assert params(made("rmsnorm"), GIVEN) == 64
        assert params(made("rmsnorm", affine=False), GIVEN) == 0

    def test_eps_is_above_0(self) -> None:
        assert unreadable("rmsnorm", eps=0).code == "bad-value"


class TestL2Norm:
    def test_by_hand(self) -> None:
        # Of 4 values: 4 squares, summed by 3 additions, one root, compared with eps; 4 quotients.
        one = Counts(multiplies=4, adds=3, divides=4, compares=1, specials=1)
        assert counts(made("l2norm", 0), (4,)) == one
        assert counts(made("l2norm"), GIVEN).compares == 8 * 8

    def test_learns_nothing(self) -> None:
        # SSD's layer after conv4_3 is this and a scale that begins at 20.
        assert params(made("l2norm"), (512, 38, 38)) == 0
        assert params(made("scale", init=20), (512, 38, 38)) == 512


class TestGlobalResponseNorm:
    def test_by_hand(self) -> None:
        # Two channels of 3 values: 6 squares, 4 additions, 2 roots; the mean of two: an addition
        # and a quotient; eps; two shares. Each value: by its share, scaled, shifted, and x added.
        layer = made("grn", 1)
        assert shape(layer, (2, 3)) == (2, 3)
        assert counts(layer, (2, 3)) == Counts(
            multiplies=6 + 6 + 6, adds=4 + 1 + 1 + 6 + 6, divides=1 + 2, specials=2
        )

    def test_scale_and_shift_begin_at_0(self) -> None:
        layer = made("grn")
        assert params(layer, GIVEN) == 128
        assert [layer.start(name) for name in layer.parameters([GIVEN])] == [Start(0.0, 0.25)] * 2

    def test_needs_positions(self) -> None:
        assert refusal(made("grn", 0), (64,)).code == "wrong-rank"
