"""Figures of a balance."""

from __future__ import annotations

from convcalc.render.balance import time_text


def test_times_are_rounded_down() -> None:
    texts = {
        0: "0",
        999: "999 ps",
        1_000: "1.00 ns",
        59_999_999: "59.9 us",
        123_456_789_000: "123 ms",
        5 * 10**15 + 1: "5,000 s",
    }
    assert {value: time_text(value) for value in texts} == texts
