"""Convolutions whose taps move, number by number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convcalc.layers.deformable import DeformConv
from tests.oracle.counting import Number, Run, Tensor, at, total
from tests.oracle.windows import axes, everywhere, shape_of, window_positions


class Look(NamedTuple):
    """Where one tap of one offset group reads for one output position.

    factor  the index of its factor in the mask
    low     the position at or before it, on each axis
    share   how far it is from there
    """

    factor: tuple[int, ...]
    low: tuple[int, ...]
    share: list[Number]


#: By offset group, output position and tap.
Looks = dict[tuple[int, tuple[int, ...], tuple[int, ...]], Look]


def looks(layer: DeformConv, inputs: Sequence[Tensor]) -> Looks:
    """An offset is added to the place of its tap, and the whole part of that taken off."""
    value, offset = inputs[:2]
    sizes = shape_of(value)[1:]
    windows = axes(sizes, layer.kernel, layer.stride, layer.dilation, layer.padding)
    found: Looks = {}
    for group in range(layer.offset_groups):
        for place in everywhere([len(window.starts) for window in windows]):
            for number, (tap, position) in enumerate(window_positions(windows, place)):
                which = group * math.prod(layer.kernel) + number
                low, share = [], []
                for axis, start in enumerate(position):
                    moved = offset[at(which * len(sizes) + axis, *place)] + float(start)
                    low.append(math.floor(moved.value))
                    share.append(moved - float(low[-1]))
                found[group, place, tap] = Look(at(which, *place), tuple(low), share)
    return found


class Mix(NamedTuple):
    """A step of an interpolation: a + t*(b - a) along an axis, made of two steps or values."""

    axis: int
    difference: Number
    value: Number
    parts: tuple[Mix | Corner, Mix | Corner]


class Corner(NamedTuple):
    """A value that is interpolated, and where it stands; zero where there is none."""

    source: tuple[int, ...]
    value: Number


def mixed(x: Tensor, run: Run, index: tuple[int, ...], look: Look) -> Mix | Corner:
    """The value at a place, along the axes that `index` has not yet."""
    axis = len(index) - 1
    if axis == len(look.low):
        return Corner(index, x[index] if index in x else run.constant(0.0))
    a = mixed(x, run, (*index, look.low[axis]), look)
    b = mixed(x, run, (*index, look.low[axis] + 1), look)
    difference = b.value - a.value
    return Mix(axis, difference, a.value + look.share[axis] * difference, (a, b))


def columns(
    layer: DeformConv, inputs: Sequence[Tensor], run: Run
) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...], Look, Mix | Corner, Number]]:
    """Each channel, output position and tap, where it looks, what it finds and what it gives."""
    value, *others = inputs
    where = looks(layer, inputs)
    channels = shape_of(value)[0]
    for (group, place, tap), look in where.items():
        size = channels // layer.offset_groups
        for channel in range(group * size, (group + 1) * size):
            found = mixed(value, run, (channel,), look)
            given = found.value
            if len(others) > 1:
                given = given * others[1][look.factor]
            yield channel, place, tap, look, found, given


def deform_conv(layer: DeformConv, inputs: Sequence[Tensor], run: Run) -> Tensor:
    channels = shape_of(inputs[0])[0]
    ins, outs = channels // layer.groups, layer.channels // layer.groups
    products: dict[tuple[int, ...], list[Number]] = {}
    for channel, place, tap, _, _, given in columns(layer, inputs, run):
        group, i = divmod(channel, ins)
        for out in range(group * outs, (group + 1) * outs):
            weight = run.weight("weight", out, i, tap)
            products.setdefault(at(out, *place), []).append(given * weight)
    result: Tensor = {}
    for index, terms in products.items():
        summed = total(terms)
        result[index] = summed + run.weight("bias", index[0]) if layer.bias else summed
    return result
