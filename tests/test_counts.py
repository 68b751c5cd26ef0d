"""Counts: five classes kept apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from convcalc.counts import Counts

counts = st.builds(Counts, *[st.integers(0, 10**30)] * 5)


def test_are_zero_unless_given() -> None:
    assert Counts() == (0, 0, 0, 0, 0)
    assert Counts(adds=3) == (0, 3, 0, 0, 0)


def test_flops_are_all_five_classes() -> None:
    assert Counts(1, 20, 300, 4000, 50000).flops == 54321


@given(counts, counts)
def test_plus_adds_class_by_class(a: Counts, b: Counts) -> None:
    both = a.plus(b)
    for name in Counts._fields:
        assert getattr(both, name) == getattr(a, name) + getattr(b, name)
    assert both.flops == a.flops + b.flops


@given(counts, st.integers(0, 20))
def test_times_is_repeated_addition(a: Counts, factor: int) -> None:
    repeated = Counts()
    for _ in range(factor):
        repeated = repeated.plus(a)
    assert a.times(factor) == repeated


def test_are_exact_at_any_size() -> None:
    assert Counts(multiplies=2**62).times(2**64).multiplies == 2**126
