"""The arithmetic of windows against counting on fingers, and at sizes that no loop would finish."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convcalc import arithmetic as ar
from convcalc.traced import Traced

LARGEST = 2**31 - 1

small = st.integers(0, 12)
steps = st.integers(1, 6)
counts = st.integers(1, 12)
huge = st.integers(1, LARGEST)


def window_starts(n: int, k: int, before: int, after: int, s: int) -> list[int]:
    """Where windows of extent k start on positions -before to n + after, step by step."""
    starts = []
    start = -before
    while start + k <= n + after:
        starts.append(start)
        start += s
    return starts


def landings(positions: int, taps: int, stride: int, dilation: int) -> Iterator[int]:
    """Where every tap of every window lands, the first at 0."""
    for i, t in product(range(positions), range(taps)):
        yield i * stride + t * dilation


class TestExtent:
    @given(counts, steps)
    def test_spans_from_the_first_tap_to_the_last(self, kernel: int, dilation: int) -> None:
        taps = list(landings(1, kernel, 1, dilation))
        assert ar.extent(kernel, dilation) == len(range(taps[0], taps[-1] + 1))


class TestWindowOutput:
    @pytest.mark.parametrize(
        ("n", "k", "p", "s", "out"),
        [
            # Dumoulin & Visin, figures 2.1 to 2.7: their p is per side.
            (4, 3, 0, 1, 2),
            (5, 4, 4, 1, 6),
            (5, 3, 2, 1, 5),
            (5, 3, 4, 1, 7),
            (5, 3, 0, 2, 2),
            (5, 3, 2, 2, 3),
            (6, 3, 2, 2, 3),
            # LeNet's first layer; AlexNet's as Krizhevsky's 224 and as the 227 it really takes.
            (28, 5, 4, 1, 28),
            (224, 11, 0, 4, 54),
            (227, 11, 0, 4, 55),
            # ResNet's first layer.
            (224, 7, 6, 2, 112),
            # Does not fit, by one and by two strides.
            (4, 5, 0, 1, 0),
            (2, 5, 0, 1, -2),
        ],
    )
    def test_known_sizes(self, n: int, k: int, p: int, s: int, out: int) -> None:
        assert ar.window_output(n, k, p, s) == out

    @given(counts, counts, small, small, steps)
    def test_is_the_number_of_windows_that_fit(
        self, n: int, k: int, before: int, after: int, s: int
    ) -> None:
        starts = window_starts(n, k, before, after, s)
        assert max(ar.window_output(n, k, before + after, s), 0) == len(starts)

    @given(counts, counts, small, small, steps)
    def test_unused_is_what_the_last_window_leaves(
        self, n: int, k: int, before: int, after: int, s: int
    ) -> None:
        starts = window_starts(n, k, before, after, s)
        assume(starts)
        beyond_last = range(starts[-1] + k, n + after)
        assert ar.unused(n, k, before + after, s, len(starts)) == len(beyond_last)

    def test_unused_is_negative_where_the_window_hangs_over(self) -> None:
        out = ar.window_output_ceil(112, 3, 0, 0, 2)
        assert ar.unused(112, 3, 0, 2, out) == -1


class TestWindowOutputCeil:
    @pytest.mark.parametrize(
        ("n", "k", "before", "after", "s", "out"),
        [
            (112, 3, 0, 0, 2, 56),  # GoogLeNet's and SqueezeNet's pools
            (112, 3, 1, 1, 2, 57),
            (5, 2, 0, 0, 2, 3),
            (4, 2, 0, 0, 2, 2),
            (3, 2, 1, 1, 2, 2),  # a third window would start behind the input
            (4, 1, 0, 0, 3, 2),  # the stride is longer than the window
            (3, 1, 0, 0, 3, 1),  # and the next window would start behind the input
            (3, 5, 0, 0, 4, 1),  # the first window already hangs over
        ],
    )
    def test_known_sizes(self, n: int, k: int, before: int, after: int, s: int, out: int) -> None:
        assert ar.window_output_ceil(n, k, before, after, s) == out

    @given(counts, counts, small, small, steps)
    def test_takes_at_most_one_window_more_than_fit(
        self, n: int, k: int, before: int, after: int, s: int
    ) -> None:
        assume(max(before, after) < k)
        starts = window_starts(n, k, before, after, s)
        following = starts[-1] + s if starts else -before
        # The next window is taken if the windows so far leave a position over, and it starts on
        # the input or in the padding before it.
        left_over = following - s + k < n + after
        expected = len(starts) + (left_over and following < n)
        assert max(ar.window_output_ceil(n, k, before, after, s), 0) == expected


class TestSamePadding:
    @given(counts, counts, steps)
    def test_is_the_least_that_gives_a_window_to_every_stride(self, n: int, k: int, s: int) -> None:
        wanted = len(range(0, n, s))
        least = next(p for p in range(n + k) if len(window_starts(n, k, 0, p, s)) == wanted)
        assert ar.same_padding(n, k, s) == least

    def test_known_sizes(self) -> None:
        assert ar.same_padding(224, 7, 2) == 5  # 2 before and 3 after, as in TensorFlow's ResNet
        assert ar.same_padding(28, 5, 1) == 4
        assert ar.same_padding(10, 1, 3) == 0


class TestTransposedOutput:
    @pytest.mark.parametrize(
        ("n", "k", "p", "s", "extra", "out"),
        [
            # DCGAN's generator, from 1 to 64.
            (1, 4, 0, 1, 0, 4),
            (4, 4, 2, 2, 0, 8),
            (8, 4, 2, 2, 0, 16),
            (32, 4, 2, 2, 0, 64),
            # A 3x3 kernel doubles a map with one position of output padding.
            (7, 3, 2, 2, 1, 14),
            # U-Net's 2x2 up-convolution.
            (28, 2, 0, 2, 0, 56),
        ],
    )
    def test_known_sizes(self, n: int, k: int, p: int, s: int, extra: int, out: int) -> None:
        assert ar.transposed_output(n, k, p, s, extra) == out

    @given(counts, counts, steps, steps, small)
    def test_reaches_as_far_as_the_last_product(
        self, n: int, taps: int, stride: int, dilation: int, extra: int
    ) -> None:
        k = ar.extent(taps, dilation)
        reached = 1 + max(landings(n, taps, stride, dilation))
        assert ar.transposed_output(n, k, 0, stride, extra) == reached + extra

    @given(counts, counts, small, steps)
    def test_gives_back_the_input_of_a_convolution(self, n: int, k: int, p: int, s: int) -> None:
        out = ar.window_output(n, k, p, s)
        assume(out >= 1)
        lost = ar.unused(n, k, p, s, out)
        assert ar.transposed_output(out, k, p, s, lost) == n


class TestFloorSum:
    @given(small, st.integers(0, 40), st.integers(0, 40), st.integers(1, 15))
    def test_adds_up(self, count: int, a: int, b: int, m: int) -> None:
        assert ar.floor_sum(count, a, b, m) == sum((a * i + b) // m for i in range(count))

    @given(huge, huge)
    def test_of_huge_numbers_follows_the_known_sum(self, a: int, m: int) -> None:
        # Graham, Knuth & Patashnik, Concrete Mathematics, equation 3.32 with x = 0.
        assert 2 * ar.floor_sum(m, a, 0, m) == (a - 1) * (m - 1) + gcd(a, m) - 1

    @given(huge, huge)
    def test_of_huge_numbers_follows_hermite(self, b: int, m: int) -> None:
        assert ar.floor_sum(m, 1, b, m) == b

    @given(huge, huge, huge, huge, huge)
    def test_of_huge_numbers_can_be_split(
        self, first: int, rest: int, a: int, b: int, m: int
    ) -> None:
        parts = ar.floor_sum(first, a, b, m) + ar.floor_sum(rest, a, b + a * first, m)
        assert ar.floor_sum(first + rest, a, b, m) == parts


class TestPairsWithin:
    @given(small, small, steps, steps, st.integers(-5, 40), st.integers(-5, 40))
    def test_counts_taps_in_a_range(
        self, positions: int, taps: int, stride: int, dilation: int, low: int, high: int
    ) -> None:
        assume(low <= high)
        inside = [x for x in landings(positions, taps, stride, dilation) if low <= x < high]
        assert ar.pairs_within(positions, taps, stride, dilation, low, high) == len(inside)

    @given(huge, huge, huge, huge, huge, huge, huge)
    def test_of_huge_windows_does_not_care_what_is_called_a_tap(
        self, positions: int, taps: int, stride: int, dilation: int, a: int, b: int, c: int
    ) -> None:
        low, middle, high = sorted([a, b, c])
        whole = ar.pairs_within(positions, taps, stride, dilation, low, high)
        assert whole == ar.pairs_within(taps, positions, dilation, stride, low, high)
        parts = [(low, middle), (middle, high)]
        halves = [ar.pairs_within(positions, taps, stride, dilation, *part) for part in parts]
        assert sum(halves) == whole

    def test_of_the_largest_window_is_exact(self) -> None:
        # n windows of n taps, padded so that window i has its first tap at i - (n - 1): i + 1 taps
        # of window i are real.
        n = LARGEST
        assert ar.pairs_within(n, n, 1, 1, n - 1, n - 1 + n) == n * (n + 1) // 2


class TestPositionsWithRealTap:
    @given(small, counts, steps, steps, st.integers(0, 30), counts)
    def test_counts_windows_that_meet_the_input(
        self, out: int, taps: int, stride: int, dilation: int, before: int, n: int
    ) -> None:
        met = 0
        for o in range(out):
            positions = [o * stride - before + t * dilation for t in range(taps)]
            met += any(0 <= position < n for position in positions)
        assert ar.positions_with_real_tap(out, taps, stride, dilation, before, n) == met

    @given(huge, huge, huge, huge, st.integers(0, LARGEST), huge)
    def test_of_huge_windows_stays_within_bounds(
        self, out: int, taps: int, stride: int, dilation: int, before: int, n: int
    ) -> None:
        met = ar.positions_with_real_tap(out, taps, stride, dilation, before, n)
        real = ar.pairs_within(out, taps, stride, dilation, before, before + n)
        assert 0 <= met <= min(out, real)
        assert met >= -(-real // min(taps, n))

    def test_of_the_largest_window_is_exact(self) -> None:
        # Every third window starts on the one real position; the others' taps jump over it.
        n = LARGEST
        assert ar.positions_with_real_tap(n, 1, 1, 3, n - 1, 1) == 1
        assert ar.positions_with_real_tap(n, n, 1, 3, n - 1, 1) == (n - 1) // 3 + 1


class TestProductsLand:
    @given(counts, counts, steps, steps)
    def test_counts_positions_written_to(
        self, n: int, taps: int, stride: int, dilation: int
    ) -> None:
        written = set(landings(n, taps, stride, dilation))
        assert ar.positions_reached(n, taps, stride, dilation) == len(written)

    @given(counts, counts, steps, steps, st.integers(0, 30), st.integers(0, 90))
    def test_counts_those_in_a_range(
        self, n: int, taps: int, stride: int, dilation: int, low: int, high: int
    ) -> None:
        assume(low <= high)
        written = {x for x in landings(n, taps, stride, dilation) if low <= x < high}
        assert ar.positions_reached(n, taps, stride, dilation, low, high) == len(written)

    @given(huge, huge, huge, huge)
    def test_of_huge_windows_are_the_same_in_a_range_that_holds_all(
        self, n: int, taps: int, stride: int, dilation: int
    ) -> None:
        last = (n - 1) * stride + (taps - 1) * dilation
        everywhere = ar.positions_reached(n, taps, stride, dilation)
        assert ar.positions_reached(n, taps, stride, dilation, 0, last + 1) == everywhere
        assert everywhere == ar.positions_reached(taps, n, dilation, stride)

    def test_of_the_largest_window_are_exact(self) -> None:
        n = LARGEST
        assert ar.positions_reached(n, n, 1, 1) == 2 * n - 1
        assert ar.positions_reached(n, 1, 2, 1) == n
        assert ar.positions_reached(n, 3, 2, 1) == 2 * n + 1


class TestAdaptiveTaps:
    @given(st.integers(1, 40), st.integers(1, 40))
    def test_adds_up_the_windows(self, n: int, out: int) -> None:
        total = 0
        for i in range(out):
            # Position x belongs to window i if it shares more than an edge with part i of `out`.
            total += sum(x * out < (i + 1) * n and (x + 1) * out > i * n for x in range(n))
        assert ar.adaptive_taps(n, out) == total

    def test_of_the_largest_window_is_exact(self) -> None:
        assert ar.adaptive_taps(LARGEST, 1) == LARGEST
        assert ar.adaptive_taps(LARGEST, 2) == LARGEST + 1
        assert ar.adaptive_taps(LARGEST - 1, 2) == LARGEST - 1


@given(counts, counts, steps, steps, small, small)
def test_terms_give_the_same_integers(
    n: int, taps: int, stride: int, dilation: int, before: int, after: int
) -> None:
    """`explain` runs the same functions on numbers that remember their formula."""

    def run(wrap: type[int | Traced]) -> list[int]:
        def term(value: int, name: str) -> int:
            return Traced(value, name) if wrap is Traced else value

        k = ar.extent(term(taps, "t"), term(dilation, "d"))
        return [
            k,
            ar.window_output(term(n, "n"), k, term(before + after, "p"), term(stride, "s")),
            ar.window_output_ceil(
                term(n, "n"), k, term(before, "b"), term(after, "a"), term(stride, "s")
            ),
            ar.same_padding(term(n, "n"), k, term(stride, "s")),
            ar.transposed_output(
                term(n, "n"), k, term(before + after, "p"), term(stride, "s"), term(0, "o")
            ),
        ]

    assert run(Traced) == run(int)
