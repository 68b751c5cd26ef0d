"""Reductions along axes, and positions of an axis that are repeated or picked."""

from __future__ import annotations

from typing import Any

import pytest

from convcalc.counts import Counts
from convcalc.layers.traits import ChannelRule
from convcalc.problems import RuleError
from tests.layers.shorthand import counts, made, refusal, shape

GIVEN = (8, 3, 5)
REDUCTIONS = ["reduce_mean", "reduce_max", "reduce_sum"]


class TestReductions:
    @pytest.mark.parametrize("kind", REDUCTIONS)
    @pytest.mark.parametrize(
        ("axes", "kept", "gone"),
        [
            ([1, 2], (8, 1, 1), (8,)),
            ([0], (1, 3, 5), (3, 5)),
            ([2, 0], (1, 3, 1), (3,)),
        ],
    )
    def test_axes_become_1_or_go(
        self, kind: str, axes: list[int], kept: tuple[int, ...], gone: tuple[int, ...]
    ) -> None:
        assert shape(made(kind, axes=axes), GIVEN) == kept
        assert shape(made(kind, axes=axes, keepdims=False), GIVEN) == gone

    @pytest.mark.parametrize("kind", REDUCTIONS)
    def test_one_axis_needs_no_list(self, kind: str) -> None:
        assert made(kind, axes=2) == made(kind, axes=[2])
        for wrong in (True, -1, 0.5, "1"):
            with pytest.raises(RuleError, match="an axis or a list of axes"):
                made(kind, axes=wrong)

    def test_over_the_positions_they_cost_what_global_poolings_cost(self) -> None:
        for kind, pool in (("reduce_mean", "global_avgpool"), ("reduce_max", "global_maxpool")):
            assert counts(made(kind, axes=[1, 2]), GIVEN) == counts(made(pool), GIVEN)

    def test_by_hand(self) -> None:
        # 15 positions, 8 values each.
        assert counts(made("reduce_mean", axes=[0]), GIVEN) == Counts(adds=15 * 7, divides=15)
        assert counts(made("reduce_sum", axes=[0]), GIVEN) == Counts(adds=15 * 7)
        assert counts(made("reduce_max", axes=[0]), GIVEN) == Counts(compares=15 * 7)

    @pytest.mark.parametrize("kind", REDUCTIONS)
    def test_channels_stay_where_they_are_not_reduced(self, kind: str) -> None:
        assert made(kind, axes=[1]).channel_rule([GIVEN]) == ChannelRule("same")
        assert made(kind, axes=[0]).channel_rule([GIVEN]) == ChannelRule("constant")

    @pytest.mark.parametrize(("kind", "other"), [("avgpool", "mean"), ("maxpool", "max")])
    def test_poolings_of_channels_are_reductions_along_them(self, kind: str, other: str) -> None:
        pool, reduction = made(f"channel_{kind}"), made(f"reduce_{other}", axes=[0])
        for given in (GIVEN, (8,)):
            assert shape(pool, given) == shape(reduction, given) == (1, *given[1:])
            assert counts(pool, given) == counts(reduction, given)
        assert pool.channel_rule([GIVEN]) == ChannelRule("constant")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"axes": [3]}, "axes 3 is none of the axes of (8, 3, 5)"),
            ({"axes": [1, 1]}, "axes [1, 1] name an axis twice"),
            ({"axes": [0, 1, 2], "keepdims": False}, "reduce_sum leaves no axis"),
        ],
    )
    def test_axes_are_there_once_and_one_is_left(
        self, arguments: dict[str, Any], message: str
    ) -> None:
        error = refusal(made("reduce_sum", **arguments), GIVEN)
        assert (error.code, error.field, error.message) == ("bad-axis", "axes", message)


class TestBroadcast:
    def test_repeats_axes_of_size_1(self) -> None:
        layer = made("broadcast", shape=[-1, 7, 5])
        assert shape(layer, (8, 1, 5)) == (8, 7, 5)
        assert counts(layer, (8, 1, 5)) == Counts()
        assert not layer.is_view([(8, 1, 5)])
        assert layer.is_view([(8, 7, 5)])

    def test_a_what_if_changes_channels_that_are_not_repeated(self) -> None:
        layer = made("broadcast", shape=[8, 7, 5])
        rule = layer.channel_rule([(8, 1, 1)])
        assert rule == ChannelRule("same")
        assert shape(layer.with_channels(rule, 16, 0), (16, 1, 1)) == (16, 7, 5)
        assert layer.channel_rule([(1, 1, 1)]) == ChannelRule("fixed")

    @pytest.mark.parametrize("given", [[8, 7], [4, 7, 5], [8, 7, 4]])
    def test_other_sizes_do_not_fit(self, given: list[int]) -> None:
        error = refusal(made("broadcast", shape=given), (8, 1, 5))
        assert (error.code, error.field) == ("broadcast-mismatch", "shape")

    def test_a_size_is_no_0(self) -> None:
        assert refusal(made("broadcast", shape=[8, 0, 5]), (8, 1, 5)).code == "bad-value"


class TestGather:
    def test_picks_positions_in_order(self) -> None:
        assert shape(made("gather", indices=[2, 1, 0]), (3, 8, 8)) == (3, 8, 8)
        layer = made("gather", indices=[4, 0, 0, 0], axis=2)
        assert shape(layer, GIVEN) == (8, 3, 4)
        assert counts(layer, GIVEN) == Counts()

    def test_a_gradient_is_added_up_where_a_position_is_named_again(self) -> None:
        layer = made("gather", indices=[4, 0, 0, 0], axis=2)
        back = layer.backward_counts([GIVEN], (8, 3, 4), wanted=[True], batch=2)
        assert back.input == Counts(adds=2 * 2 * 24)

    def test_positions_are_there(self) -> None:
        error = refusal(made("gather", indices=[0, 5], axis=2), GIVEN)
        assert (error.code, error.field) == ("index-out-of-range", "indices")
        assert refusal(made("gather", indices=[0], axis=3), GIVEN).code == "bad-axis"
