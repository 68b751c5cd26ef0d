"""Positions that no window reaches, found by sliding the windows one by one."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convcalc.analysis.costs.dropped import Dropped, dropped
from convcalc.layers import layer_class
from tests.oracle import windows as oracle

sizes = st.integers(1, 40)
steps = st.integers(1, 5)


@given(sizes, steps, steps, steps, st.integers(0, 3), st.integers(0, 3))
def test_an_axis_is_named_where_positions_are_lost(
    n: int, taps: int, stride: int, dilation: int, before: int, after: int
) -> None:
    offsets = oracle.tap_offsets(taps, dilation)
    starts = oracle.slide(n, offsets, stride, before, after)
    assume(starts)
    values = {"channels": 1, "kernel": taps, "stride": stride, "dilation": dilation}
    layer = layer_class("conv").read({**values, "padding": [[before, after]]}, 1)
    behind = range(starts[-1] + offsets[-1] + 1, n)
    # Upsampling by the stride gives fewer positions than there were.
    shorter = len([step for _ in starts for step in range(stride)]) < n
    expected = [Dropped(0, n, len(starts))] if behind and shorter else []
    assert dropped(layer, [(1, n)]) == expected


@pytest.mark.parametrize(
    ("kind", "values", "size", "expected"),
    [
        ("maxpool", {"kernel": 2}, 89, [(89, 44)]),
        ("maxpool", {"kernel": 2}, 88, []),
        ("maxpool", {"kernel": 2, "ceil_mode": True}, 89, []),
        ("conv", {"channels": 1, "kernel": 3, "stride": 2, "padding": 1}, 89, []),
        # The last column of 56 is in no window, but 28 * 2 is 56 again.
        ("conv", {"channels": 1, "kernel": 1, "stride": 2}, 56, []),
        ("conv_transpose", {"channels": 1, "kernel": 2, "stride": 2}, 89, []),
        ("adaptive_avgpool", {"size": 7}, 89, []),
    ],
)
def test_kinds(
    kind: str, values: dict[str, object], size: int, expected: list[tuple[int, int]]
) -> None:
    layer = layer_class(kind).read(values, 1)
    assert [(one.before, one.after) for one in dropped(layer, [(1, size)])] == expected
