"""Exact arithmetic: fractions, and of windows the sizes, the padding, the taps on real input.

Everything is per axis and exact: integers in, integers out, no loop over a size, so that an axis of
two billion positions costs no more than one of two.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

from convcalc.symbols import Symbol, common_divisor, larger
from convcalc.traced import plain


class Window(NamedTuple):
    """A sliding window on one spatial axis, in positions of the input."""

    n: int
    taps: int
    stride: int
    dilation: int
    before: int
    after: int
    out: int

    @property
    def extent(self) -> int:
        """The positions it spans."""
        return extent(self.taps, self.dilation)


def extent(kernel: int, dilation: int) -> int:
    """The input positions a dilated kernel spans: dilation*(kernel - 1) + 1."""
    if not isinstance(dilation, Symbol) and dilation == 1:
        return kernel
    return dilation * (kernel - 1) + 1


def window_output(n: int, k: int, p: int, s: int) -> int:
    """Output size of a sliding window, floor((n - k + p + s) / s).

    n is the input size, k the window's extent, p the total padding, s the stride.

    >>> window_output(28, 5, 4, 1)
    28
    """
    return (n - k + p + s) // s


def window_output_ceil(n: int, k: int, before: int, after: int, s: int) -> int:
    """Output size under ceil_mode: ceil((n - k + p) / s) + 1.

    A last window that would start in the padding after the input is left out.

    >>> window_output_ceil(112, 3, 0, 0, 2)
    56
    """
    out = (n - k + before + after + 2 * s - 1) // s
    # How many windows start before the padding after the input.
    most = -(-(plain(n) + plain(before)) // plain(s))
    return out - larger(plain(out) - most, 0)


def same_padding(n: int, k: int, s: int) -> int:
    """Total padding for an output of ceil(n / s) positions.

    >>> same_padding(224, 3, 2)
    1
    """
    n, k, s = plain(n), plain(k), plain(s)
    out = -(-n // s)
    return larger((out - 1) * s + k - n, 0)


def transposed_output(n: int, k: int, p: int, s: int, extra: int) -> int:
    """Output size of a transposed convolution, (n - 1)*s - p + k + output padding.

    >>> transposed_output(4, 4, 2, 2, 0)
    8
    """
    return (n - 1) * s - p + k + extra


def unused(n: int, k: int, p: int, s: int, out: int) -> int:
    """Padded positions past the last window, which the floor leaves unused (negative: overhang)."""
    return n + p - ((out - 1) * s + k)


def floor_sum(count: int, a: int, b: int, m: int) -> int:
    """The sum of floor((a*i + b) / m) for i from 0 to count - 1, for a, b >= 0 and m > 0.

    Source: the Euclid-like recursion of Knuth's Concrete Mathematics, section 3.5.

    >>> floor_sum(4, 6, 3, 10) == 0 + 0 + 1 + 2
    True
    """
    total = 0
    while count > 0:
        total += (a // m) * (count * (count - 1) // 2) + (b // m) * count
        a, b = a % m, b % m
        top = a * count + b
        if top < m:
            break
        count, b, m, a = top // m, top % m, a, m
    return total


def pairs_below(positions: int, taps: int, stride: int, dilation: int, limit: int) -> int:
    """How many (i, t), 0 <= i < positions, 0 <= t < taps, have i*stride + t*dilation < limit."""
    if positions <= 0 or taps <= 0 or limit <= 0:
        return 0
    # Tap t is below the limit for ceil((limit - t*dilation) / stride) positions, cut to the range.
    # The taps split into those below for all positions, those for some, and those for none.
    some = min(taps, -(-limit // dilation))
    slack = limit - (positions - 1) * stride
    every = min(some, -(-slack // dilation)) if slack > 0 else 0
    middle = some - every
    # Counted from the far end, so that the sum has a positive slope.
    last = limit - (some - 1) * dilation
    return every * positions + floor_sum(middle, dilation, last + stride - 1, stride)


def pairs_within(positions: int, taps: int, stride: int, dilation: int, low: int, high: int) -> int:
    """How many (i, t) have low <= i*stride + t*dilation < high.

    With low = the padding before and high = low + n this is the number of taps, over all windows,
    that fall on real input.

    >>> pairs_within(28, 5, 1, 1, 2, 30)
    134
    """
    return pairs_below(positions, taps, stride, dilation, high) - pairs_below(
        positions, taps, stride, dilation, low
    )


def positions_with_real_tap(
    out: int, taps: int, stride: int, dilation: int, before: int, n: int
) -> int:
    """How many of the `out` window positions have at least one tap on real input.

    >>> positions_with_real_tap(5, 3, 2, 1, 3, 4)
    3
    """
    # Position o has its first tap at a = o*stride - before.
    first_inside = min(out, -(-before // stride))
    past_end = min(out, -(-(before + n) // stride))
    inside = max(0, past_end - first_inside)
    # With a < 0 the taps meet the input at a mod dilation, provided that the last one reaches it.
    first_reaching = max(0, -(-(before - (taps - 1) * dilation) // stride))
    hanging = max(0, first_inside - first_reaching)
    if n < dilation and hanging:
        offset = (first_reaching * stride - before) % dilation
        low = floor_sum(hanging, stride, offset + dilation - n, dilation)
        hanging -= low - floor_sum(hanging, stride, offset, dilation)
    return inside + hanging


def positions_reached(
    n: int, taps: int, stride: int, dilation: int, low: int | None = None, high: int | None = None
) -> int:
    """How many distinct positions i*stride + t*dilation (in [low, high)) receive a product.

    The positions that a transposed convolution writes to, n inputs and `taps` taps.

    >>> positions_reached(3, 3, 2, 1)
    7
    """
    common = common_divisor(stride, dilation)
    same_i, same_t = dilation // common, stride // common
    # (i, t) and (i - same_i, t + same_t) land on the same position: count those without a
    # predecessor, that is all of them but those that have one.
    if low is None or high is None:
        return n * taps - larger(0, n - same_i) * larger(0, taps - same_t)
    shift = same_i * stride
    return pairs_within(n, taps, stride, dilation, low, high) - pairs_within(
        n - same_i, taps - same_t, stride, dilation, low - shift, high - shift
    )


def adaptive_taps(n: int, out: int) -> int:
    """Sum of the sizes of `out` adaptive windows over n, from floor(i*n/out) to ceil((i+1)*n/out).

    Neighbouring windows share a position except at the gcd(n, out) - 1 places where both edges are
    whole, so the sum is n + out - gcd(n, out).

    >>> adaptive_taps(7, 3)
    9
    """
    return n + out - common_divisor(n, out)


class Ratio(NamedTuple):
    """An exact fraction in lowest terms; `Ratio.of` makes one."""

    numerator: int
    denominator: int

    @classmethod
    def of(cls, numerator: int, denominator: int = 1) -> Ratio:
        """The fraction, reduced.

        >>> str(Ratio.of(-6, 4)), str(Ratio.of(7)), str(Ratio.of(1, 3))
        ('-1.5', '7', '1/3')
        """
        common = gcd(numerator, denominator)
        if denominator < 0:
            common = -common
        return cls(numerator // common, denominator // common)

    @property
    def data(self) -> int | str:
        """A whole number as it is, another as text: "1/2"."""
        whole = self.denominator == 1
        return self.numerator if whole else f"{self.numerator}/{self.denominator}"

    def __str__(self) -> str:
        """As a decimal number where three decimals are exact."""
        if 1000 % self.denominator:
            return f"{self.numerator}/{self.denominator}"
        sign = "-" if self.numerator < 0 else ""
        whole, rest = divmod(abs(self.numerator) * (1000 // self.denominator), 1000)
        return f"{sign}{whole}.{rest:03d}".rstrip("0").rstrip(".")
