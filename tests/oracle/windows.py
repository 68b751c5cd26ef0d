"""Where windows stand, found by sliding them step by step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from convcalc.layers.fields import Padding
from tests.oracle.counting import Tensor


class Axis:
    """A window on one axis: where it starts, as positions of the input, and which taps it has.

    `end` is the first position behind the padding that follows the input.
    """

    def __init__(self, starts: list[int], offsets: list[int], end: int) -> None:
        self.starts = starts
        self.offsets = offsets
        self.end = end


def tap_offsets(taps: int, dilation: int) -> list[int]:
    """Where the taps of a window lie, seen from its start."""
    return list(range(0, taps * dilation, dilation))


def slide(
    n: int, offsets: list[int], stride: int, before: int, after: int, *, ceil_mode: bool = False
) -> list[int]:
    """The starts of all windows on n positions, with padding before and after.

    A window is taken while it fits. Under ceil_mode it is also taken if the one before it left a
    position over, unless it starts behind the input.
    """
    end = n + after
    starts: list[int] = []
    start = -before
    while True:
        last_tap = start + offsets[-1]
        fits = last_tap < end
        left_over = last_tap - stride + 1 < end
        if not (left_over and start < n if ceil_mode else fits):
            return starts
        starts.append(start)
        start += stride


def axis(
    n: int,
    taps: int,
    stride: int,
    dilation: int,
    padding: tuple[int, int] | str,
    *,
    ceil_mode: bool = False,
) -> Axis:
    """A window on n positions; padding is (before, after), `same`, `same_lower` or `causal`."""
    offsets = tap_offsets(taps, dilation)
    if padding == "causal":
        # The last tap of the first window is on the first position.
        padding = (offsets[-1], 0)
    if isinstance(padding, str):
        # The least padding with which a window begins at every stride-th position.
        wanted = len(range(0, n, stride))
        needed = 0
        while len(slide(n, offsets, stride, 0, needed)) < wanted:
            needed += 1
        padding = split(needed, padding)
    before, after = padding
    starts = slide(n, offsets, stride, before, after, ceil_mode=ceil_mode)
    return Axis(starts, offsets, n + after)


def split(total: int, word: str) -> tuple[int, int]:
    """Padding in two halves; an odd position comes after with `same`, before with `same_lower`."""
    before = after = 0
    for position in range(total):
        if (position % 2 == 0) == (word == "same_lower"):
            before += 1
        else:
            after += 1
    return before, after


def axes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Padding,
    *,
    ceil_mode: bool = False,
) -> list[Axis]:
    """The windows of all spatial axes."""
    return [
        axis(
            sizes[i],
            kernel[i],
            stride[i],
            dilation[i],
            padding if isinstance(padding, str) else padding[i],
            ceil_mode=ceil_mode,
        )
        for i in range(len(sizes))
    ]


def everywhere(sizes: Iterable[int]) -> Iterable[tuple[int, ...]]:
    """Every index of a block of these sizes."""
    return itertools.product(*[range(size) for size in sizes])


def window_positions(
    windows: Sequence[Axis], place: tuple[int, ...]
) -> Iterable[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The taps of the window at one place of the output: (tap, position on the input) pairs."""
    for tap in everywhere([len(window.offsets) for window in windows]):
        yield (
            tap,
            tuple(
                [
                    window.starts[o] + window.offsets[t]
                    for window, o, t in zip(windows, place, tap, strict=True)
                ]
            ),
        )


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """The shape that a tensor's indices span; every index must be there."""
    shape = tuple([1 + max(axis) for axis in zip(*tensor, strict=True)])
    assert set(tensor) == set(everywhere(shape)), "the result has holes"
    return shape
