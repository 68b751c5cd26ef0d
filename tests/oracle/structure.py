"""Layers that move, select, repeat or scale values, element by element."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.layers.base import Layer
from convcalc.layers.structure import (
    ChannelShuffle,
    Crop,
    Pad,
    PixelShuffle,
    PixelUnshuffle,
    Reshape,
    Scale,
    Slice,
    Transpose,
)
from tests.oracle.counting import Number, Run, Tensor, at
from tests.oracle.windows import everywhere, shape_of


def unchanged(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return dict(x)


def _in_order(x: Tensor) -> list[Number]:
    """The values in the order in which they lie in memory: the last axis runs fastest."""
    return [x[index] for index in everywhere(shape_of(x))]


def flatten(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {(i,): value for i, value in enumerate(_in_order(x))}


def reshape(layer: Reshape, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    values = _in_order(x)
    for size in range(1, len(values) + 1):
        shape = [size if given == -1 else given for given in layer.shape]
        indices = list(everywhere(shape))
        if len(indices) == len(values):
            return dict(zip(indices, values, strict=True))
    raise ValueError("no size fits")


def transpose(layer: Transpose, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {tuple([index[axis] for axis in layer.order]): value for index, value in x.items()}


def _reflected(kept: list[int], position: int) -> int:
    """The position as far on this side of the edge as it is on the other."""
    mirrored = [*reversed(kept[1:]), *kept, *reversed(kept[:-1])]
    return mirrored[position - kept[0] + len(kept) - 1]


def pad(layer: Pad, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    padded = [
        range(-before, n + after) for n, (before, after) in zip(sizes, layer.padding, strict=True)
    ]
    # The positions that are not cropped: what is added is copied from these.
    kept = [
        [p for p in positions if 0 <= p < n] for n, positions in zip(sizes, padded, strict=True)
    ]
    result: Tensor = {}
    for channel, *place in everywhere([channels, *[len(positions) for positions in padded]]):
        position = [padded[axis][i] for axis, i in enumerate(place)]
        if layer.mode == "reflect":
            position = [_reflected(on, p) for on, p in zip(kept, position, strict=True)]
        elif layer.mode == "replicate":
            position = [min(max(p, on[0]), on[-1]) for on, p in zip(kept, position, strict=True)]
        elif layer.mode == "circular":
            position = [on[(p - on[0]) % len(on)] for on, p in zip(kept, position, strict=True)]
        source = (channel, *position)
        result[at(channel, *place)] = x[source] if source in x else run.constant(layer.value)
    return result


def crop(layer: Crop, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    kept = [range(n)[b : n - a] for n, (b, a) in zip(sizes, layer.padding, strict=True)]
    return {
        (channel, *place): x[at(channel, *[kept[axis][i] for axis, i in enumerate(place)])]
        for channel, *place in everywhere([channels, *[len(positions) for positions in kept]])
    }


def pixel_shuffle(layer: PixelShuffle, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Channel c*f*f + i*f + j of the input becomes offset (i, j) of channel c."""
    (x,) = inputs
    rank = len(shape_of(x)) - 1
    offsets = list(everywhere([layer.factor] * rank))
    result: Tensor = {}
    for (channel, *place), value in x.items():
        out_channel, which = divmod(channel, len(offsets))
        position = [p * layer.factor + o for p, o in zip(place, offsets[which], strict=True)]
        result[at(out_channel, *position)] = value
    return result


def pixel_unshuffle(layer: PixelUnshuffle, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Offset (i, j) of a block of channel c becomes channel c*f*f + i*f + j."""
    (x,) = inputs
    rank = len(shape_of(x)) - 1
    offsets = list(everywhere([layer.factor] * rank))
    result: Tensor = {}
    for (channel, *place), value in x.items():
        block = [p // layer.factor for p in place]
        offset = tuple([p % layer.factor for p in place])
        result[at(channel * len(offsets) + offsets.index(offset), *block)] = value
    return result


def channel_shuffle(layer: ChannelShuffle, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    channels, *sizes = shape_of(x)
    names = list(range(channels))
    size = channels // layer.groups
    groups = [names[start : start + size] for start in range(0, channels, size)]
    dealt = [group[i] for i in range(size) for group in groups]
    return {
        (new, *place): x[at(old, *place)]
        for new, old in enumerate(dealt)
        for place in everywhere(sizes)
    }


def slice_(layer: Slice, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    axis, (start, stop) = layer.axis, layer.channels
    positions = list(range(shape_of(x)[axis]))[start : stop : layer.step]
    moved = {old: new for new, old in enumerate(positions)}
    return {
        at(*index[:axis], moved[index[axis]], *index[axis + 1 :]): value
        for index, value in x.items()
        if index[axis] in moved
    }


def scale(layer: Scale, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {index: value * scale_factor(layer, index, run) for index, value in x.items()}


def scale_factor(layer: Scale, index: tuple[int, ...], run: Run) -> Number:
    """What multiplies the element with this index."""
    if not layer.learned:
        return run.constant(layer.init)
    return run.weight("weight", index[0] if layer.per_channel else 0)
