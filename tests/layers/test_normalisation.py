"""Normalisation: parameters, buffers, and counts worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from convcalc.counts import Counts
from convcalc.layers.base import parameter_count
from convcalc.layers.traits import ChannelRule
from tests.layers.shorthand import counts, made, params, refusal, shape, unreadable

GIVEN = (64, 8, 8)


class TestBatchNorm:
    def test_is_folded_into_a_scale_and_a_shift(self) -> None:
        layer = made("batchnorm")
        assert shape(layer, GIVEN) == GIVEN
        assert counts(layer, GIVEN) == Counts(multiplies=4096, adds=4096)
        assert counts(layer, (64,)) == Counts(multiplies=64, adds=64)

    def test_running_statistics_are_not_learned(self) -> None:
        layer = made("batchnorm")
        assert params(layer, GIVEN) == 128
        assert layer.buffers([GIVEN]) == {"running_mean": (64,), "running_var": (64,)}
        assert parameter_count(layer.buffers([GIVEN])) == 128

    def test_without_scale_and_shift_it_still_uses_its_statistics(self) -> None:
        layer = made("batchnorm", affine=False)
        assert params(layer, GIVEN) == 0
        assert counts(layer, GIVEN) == Counts(multiplies=4096, adds=4096)


class TestOwnStatistics:
    def test_layernorm_by_hand(self) -> None:
        # Of 4 values: sum 3 and centre 4 and sum of squares 3 and eps 1 additions; 4 squares; the
        # mean, the variance and 4 quotients; one root. Then 4 scaled and 4 shifted.
        bare = made("layernorm", 0, affine=False)
        one = Counts(multiplies=4, adds=11, divides=6, specials=1)
        assert counts(bare, (4,)) == one
        assert counts(made("layernorm", 0), (4,)) == one.plus(Counts(multiplies=4, adds=4))

    def test_each_kind_normalises_its_own_sets(self) -> None:
        # One root for each set of values.
        assert counts(made("layernorm"), GIVEN).specials == 8 * 8
        assert counts(made("groupnorm", groups=32), GIVEN).specials == 32
        assert counts(made("instancenorm"), GIVEN).specials == 64

    def test_groupnorm_lies_between_the_others(self) -> None:
        one_each = made("groupnorm", groups=64)
        assert counts(one_each, GIVEN) == counts(made("instancenorm", affine=True), GIVEN)
        all_in_one = made("groupnorm", 0, groups=1)
        assert counts(all_in_one, (64,)) == counts(made("layernorm", 0), (64,))

    def test_groups_divide_the_channels(self) -> None:
        layer = made("groupnorm", groups=3)
        error = refusal(layer, GIVEN)
        assert (error.code, error.field) == ("groups-mismatch", "groups")
        assert error.message == "64 channels cannot be split into 3 equal groups"
        assert layer.channel_rule([(63, 8, 8)]) == ChannelRule("same", groups=3)

    @pytest.mark.parametrize(
        ("kind", "values", "expected"),
        [
            ("layernorm", {}, 128),
            ("layernorm", {"affine": False}, 0),
            ("groupnorm", {"groups": 8}, 128),
            ("instancenorm", {}, 0),
            ("instancenorm", {"affine": True}, 128),
            ("lrn", {"size": 5}, 0),
        ],
    )
    def test_parameters(self, kind: str, values: dict[str, Any], expected: int) -> None:
        layer = made(kind, **values)
        assert params(layer, GIVEN) == expected
        assert layer.buffers([GIVEN]) == {}

    def test_instancenorm_needs_positions(self) -> None:
        assert refusal(made("instancenorm", 0), (64,)).code == "wrong-rank"


class TestLocalResponseNorm:
    ALEXNET = made("lrn", size=5, alpha=1, beta=1, k=2)

    def test_counts_of_alexnet(self) -> None:
        # 96*55*55 values, a window of 5 channels each.
        n = 96 * 55 * 55
        given = (96, 55, 55)
        assert shape(self.ALEXNET, given) == given
        assert counts(self.ALEXNET, given) == Counts(2 * n, 5 * n, n, 0, n)

    def test_valid_taps_leave_out_channels_that_are_not_there(self) -> None:
        # The first and last channels have 3 neighbours, their neighbours 4.
        missing = (2 + 1 + 1 + 2) * 55 * 55
        expected = counts(self.ALEXNET, (96, 55, 55)).adds - missing
        assert counts(self.ALEXNET, (96, 55, 55), valid_taps=True).adds == expected

    def test_the_largest_window_is_exact(self) -> None:
        n = 2**31 - 1
        layer = made("lrn", 0, size=n)
        assert counts(layer, (n,)).adds == n**2
        half = (n - 1) // 2
        assert counts(layer, (n,), valid_taps=True).adds == n**2 - half * (half + 1)


@pytest.mark.parametrize("kind", ["batchnorm", "layernorm", "instancenorm"])
def test_eps_must_be_above_zero(kind: str) -> None:
    error = unreadable(kind, eps=0)
    assert (error.code, error.field) == ("bad-value", "eps")
    assert error.message == "eps must be a number above 0 and below 1, not 0"
