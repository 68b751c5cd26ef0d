"""Which positions of a layer's input no window reaches, because its output size is rounded down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from convcalc.arithmetic import Window, unused
from convcalc.layers.base import Layer
from convcalc.shapes import Shape
from convcalc.symbols import larger, smaller


class Dropped(NamedTuple):
    """An axis of which the last positions are dropped: its sizes before and after.

    axis  the spatial axis, from 0
    """

    axis: int
    before: int
    after: int


def dropped(layer: Layer, inputs: Sequence[Shape]) -> list[Dropped]:
    """The axes of which a layer drops positions so that its stride does not lead back.

    A stride that divides the size loses nothing that an upsampling would miss.

    >>> import convcalc
    >>> network = convcalc.loads("{input: [1, 89, 88], layers: [{maxpool: 2}]}")
    >>> dropped(network.nodes[1].layer, [(1, 89, 88)])
    [Dropped(axis=0, before=89, after=44)]
    """
    if layer.scatters:
        return []
    return [
        Dropped(axis, window.n, window.out)
        for axis, window in enumerate(layer.windows(inputs))
        if lost(window) > 0
    ]


def lost(window: Window) -> int:
    """Above 0 just where a window's axis is dropped from; a formula where sizes are unknown."""
    padding = window.before + window.after
    left = unused(window.n, window.extent, padding, window.stride, window.out)
    return larger(smaller(left - window.after, window.n - window.out * window.stride), 0)
