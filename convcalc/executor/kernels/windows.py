"""Windows: the data is padded, then NumPy makes views of all windows.

`sliding_window_view` finds the number of windows; no formula here does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from convcalc.executor.arrays import Array

if TYPE_CHECKING:
    from convcalc.layers.fields import Padding

Sides = tuple[tuple[int, int], ...]


def extents(kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """The positions from a window's first tap to its last, on each axis."""
    return tuple([range(0, k * d, d)[-1] + 1 for k, d in zip(kernel, dilation, strict=True)])


def padding_sides(
    padding: Padding, sizes: Sequence[int], spans: Sequence[int], stride: Sequence[int]
) -> Sides:
    """Padding (before, after) of each axis of a map with these sizes.

    `same` pads so that a window begins at every stride-th position of the input; an odd position
    goes after the map, with `same_lower` before it. `causal` puts the last tap of each window on
    the position where the window would begin without padding.
    """
    if not isinstance(padding, str):
        return tuple([(int(before), int(after)) for before, after in padding])
    sides = []
    for size, span, step in zip(sizes, spans, stride, strict=True):
        if padding == "causal":
            sides.append((span - 1, 0))
            continue
        last_start = range(0, size, step)[-1]
        missing = max(last_start + span - size, 0)
        half = missing // 2
        rest = missing - half
        sides.append((rest, half) if padding == "same_lower" else (half, rest))
    return tuple(sides)


def strided_windows(
    data: Array,
    spans: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    first_axis: int = 2,
) -> Array:
    """A view of all windows; the axes of the window come last.

    The spatial axes of `data` begin at `first_axis`.
    """
    axes = tuple(range(first_axis, first_axis + len(spans)))
    windows = sliding_window_view(data, tuple(spans), axis=axes)
    every = [slice(None)] * data.ndim
    for axis, step in zip(axes, stride, strict=True):
        every[axis] = slice(None, None, step)
    index = (*every, *[slice(None, None, d) for d in dilation])
    return windows[index]


def padded(data: Array, sides: Sides, fill: float) -> Array:
    """A copy of `data` (batch, channels, *spatial) with `fill` around it."""
    return np.pad(data, ((0, 0), (0, 0), *sides), constant_values=fill)


def ceil_padding(sides: Sides, stride: Sequence[int]) -> Sides:
    """The padding in ceil_mode, where the last window may reach beyond the layer's padding."""
    return tuple([(b, a + step - 1) for (b, a), step in zip(sides, stride, strict=True)])


def starts_inside(sides: Sides, sizes: Sequence[int], stride: Sequence[int]) -> tuple[int, ...]:
    """The number of windows of each axis that begin before the padding after the input."""
    return tuple(
        [
            len(range(0, before + size, step))
            for (before, _), size, step in zip(sides, sizes, stride, strict=True)
        ]
    )


def ceil_windows(
    data: Array,
    sides: Sides,
    fill: float,
    spans: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Array:
    """All windows of a pooling layer in ceil_mode; none begins in the padding after the input."""
    windows = strided_windows(
        padded(data, ceil_padding(sides, stride), fill), spans, stride, dilation
    )
    starts = starts_inside(sides, data.shape[2:], stride)
    index = (slice(None), slice(None), *[slice(count) for count in starts])
    return windows[index]
