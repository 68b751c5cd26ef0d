"""Backward passes of convolutions, dense layers and poolings, as loops over windows and taps.

Padding takes part as in the forward pass: a tap on padding multiplies a zero, and a gradient that
belongs to padding is worked out before it is thrown away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from convcalc.layers.convolution import Conv, ConvTranspose, Depthwise
from convcalc.layers.dense import Dense
from convcalc.layers.pooling import AvgPool, GlobalAvgPool, MaxPool, MaxPoolIndices, MinPool
from tests.oracle.convolution import kept_positions
from tests.oracle.counting import Number, Tensor, at, plain, total
from tests.oracle.pooling import adaptive_windows
from tests.oracle.training import Step, put
from tests.oracle.windows import axes, everywhere, shape_of, tap_offsets, window_positions

Index = tuple[int, ...]


def conv(layer: Conv, step: Step) -> None:
    ins = shape_of(step.samples[0][0])[0] // layer.groups
    outs = layer.channels // layer.groups
    seen = [
        [group * ins + i for i in range(ins)] for group in range(layer.groups) for _ in range(outs)
    ]
    _convolution(layer, step, seen, flip=layer.flip)


def depthwise(layer: Depthwise, step: Step) -> None:
    channels = shape_of(step.samples[0][0])[0]
    _convolution(layer, step, [[c] for c in range(channels) for _ in range(layer.multiplier)])


def _convolution(
    layer: Conv | Depthwise, step: Step, seen: list[list[int]], *, flip: bool = False
) -> None:
    sizes = shape_of(step.samples[0][0])[1:]
    windows = axes(sizes, layer.kernel, layer.stride, layer.dilation, layer.padding)

    def products() -> Iterator[tuple[tuple[object, ...], Index, Index]]:
        """Of each product of the forward pass: its weight, its place of the input, its output."""
        for out_channel, channels in enumerate(seen):
            for place in everywhere([len(window.starts) for window in windows]):
                for i, channel in enumerate(channels):
                    for tap, position in window_positions(windows, place):
                        turned = [k - 1 - t for k, t in zip(layer.kernel, tap, strict=True)]
                        key = ("weight", out_channel, i, tuple(turned) if flip else tap)
                        yield key, (channel, *position), (out_channel, *place)

    with step.part("weights"):
        terms: dict[tuple[object, ...], list[Number]] = defaultdict(list)
        for sample in step.batch():
            x = step.x(sample)
            for key, source, index in products():
                (value,) = [x[source]] if source in x else step.run.padding(0.0)
                terms[key].append(value * step.dy[sample][index])
        step.dw.update({key: total(values) for key, values in terms.items()})
    if layer.bias:
        _bias(step)
    if any(step.wanted):
        with step.part("input"):
            for sample in step.batch():
                canvas: Tensor = {}
                for key, source, index in products():
                    put(canvas, source, step.dy[sample][index] * step.run.learned[key])
                step.dx[sample, 0] = _inside(step, sample, canvas)


def indices(layer: MaxPoolIndices, step: Step) -> None:
    """A place does not move with a small change."""
    for sample in step.batch():
        step.dx[sample, 0] = step.zeros(sample)


def _bias(step: Step) -> None:
    """The bias of a channel was added to each of its outputs."""
    with step.part("bias"):
        terms: dict[int, list[Number]] = defaultdict(list)
        for (_, index), gradient in step.elements():
            terms[index[0]].append(gradient)
        step.dw.update({("bias", channel): total(values) for channel, values in terms.items()})


def _inside(step: Step, sample: int, canvas: Tensor) -> Tensor:
    """The part of a padded map that is the input; places that nothing reached are zero."""
    return {
        **step.zeros(sample),
        **{i: v for i, v in canvas.items() if i in step.samples[sample][0]},
    }


def conv_transpose(layer: ConvTranspose, step: Step) -> None:
    c_in, *sizes = shape_of(step.samples[0][0])
    rank = len(sizes)
    offsets = [tap_offsets(layer.kernel[i], layer.dilation[i]) for i in range(rank)]
    kept = kept_positions(layer, sizes)
    outs = layer.channels // layer.groups
    ins = c_in // layer.groups

    def products(sample: int) -> Iterator[tuple[tuple[object, ...], Index, Number]]:
        """Of each product of the forward pass: its weight, its input, its output's gradient."""
        for channel, *place in everywhere([c_in, *sizes]):
            for o in range(outs):
                for tap in everywhere(layer.kernel):
                    position = [
                        place[i] * layer.stride[i] + offsets[i][tap[i]] for i in range(rank)
                    ]
                    # A product that is cropped off has no gradient.
                    gradient = step.run.constant(0.0)
                    if all(position[i] in kept[i] for i in range(rank)):
                        where = [kept[i].index(position[i]) for i in range(rank)]
                        gradient = step.dy[sample][at(channel // ins * outs + o, *where)]
                    yield ("weight", channel, o, tap), (channel, *place), gradient

    with step.part("weights"):
        terms: dict[tuple[object, ...], list[Number]] = defaultdict(list)
        for sample in step.batch():
            x = step.x(sample)
            for key, source, gradient in products(sample):
                terms[key].append(x[source] * gradient)
        step.dw.update({key: total(values) for key, values in terms.items()})
    if layer.bias:
        _bias(step)
    if any(step.wanted):
        with step.part("input"):
            for sample in step.batch():
                canvas: Tensor = {}
                for key, source, gradient in products(sample):
                    put(canvas, source, gradient * step.run.learned[key])
                step.dx[sample, 0] = canvas


def dense(layer: Dense, step: Step) -> None:
    shape = shape_of(step.samples[0][0])
    flat = list(everywhere(shape))

    def products() -> Iterator[tuple[tuple[object, ...], Index, Index]]:
        """Of each product of the forward pass: its weight, its input, its output."""
        for unit in range(layer.units):
            if not layer.positionwise:
                for i, source in enumerate(flat):
                    yield ("weight", unit, i), source, (unit,)
                continue
            for channel, *place in flat:
                yield ("weight", unit, channel), (channel, *place), (unit, *place)

    with step.part("weights"):
        terms: dict[tuple[object, ...], list[Number]] = defaultdict(list)
        for sample in step.batch():
            x = step.x(sample)
            for key, source, index in products():
                terms[key].append(x[source] * step.dy[sample][index])
        step.dw.update({key: total(values) for key, values in terms.items()})
    if layer.bias:
        _bias(step)
    if any(step.wanted):
        with step.part("input"):
            for sample in step.batch():
                canvas: Tensor = {}
                for key, source, index in products():
                    put(canvas, source, step.dy[sample][index] * step.run.learned[key])
                step.dx[sample, 0] = canvas


# Poolings that choose: the forward pass remembers which place it chose.


def maxpool(layer: MaxPool, step: Step) -> None:
    _chosen(step, _windows(layer, step, layer.dilation), sign=1)


def minpool(layer: MinPool, step: Step) -> None:
    _chosen(step, _windows(layer, step, layer.dilation), sign=-1)


def global_maxpool(layer: Any, step: Step) -> None:
    _chosen(step, _whole(step), sign=1)


def adaptive_maxpool(layer: Any, step: Step) -> None:
    _chosen(step, dict(adaptive_windows(layer, shape_of(step.samples[0][0]))), sign=1)


def _windows(
    layer: MaxPool | MinPool | AvgPool, step: Step, dilation: tuple[int, ...]
) -> dict[Index, list[Index]]:
    """For each place of the output the places that its window covers, padding included."""
    channels, *sizes = shape_of(step.samples[0][0])
    stride = layer.stride or layer.kernel
    windows = axes(sizes, layer.kernel, stride, dilation, layer.padding, ceil_mode=layer.ceil_mode)
    return {
        (channel, *place): [
            (channel, *position) for _, position in window_positions(windows, place)
        ]
        for channel in range(channels)
        for place in everywhere([len(window.starts) for window in windows])
    }


def _whole(step: Step) -> dict[Index, list[Index]]:
    """A window over each whole channel."""
    sources = list(everywhere(shape_of(step.samples[0][0])))
    return {index: [source for source in sources if source[0] == index[0]] for index in step.dy[0]}


def _chosen(step: Step, windows: dict[Index, list[Index]], sign: int) -> None:
    for sample in step.batch():
        x = step.samples[sample][0]
        for index, sources in windows.items():
            real = [source for source in sources if source in x]
            # A window without a real tap chooses padding.
            best = max(real, key=lambda source: sign * plain(x[source])) if real else sources[0]
            step.stored["indices"][sample, index] = best
    with step.part("input"):
        for sample in step.batch():
            canvas = step.zeros(sample)
            for index, gradient in step.dy[sample].items():
                place = step.stored["indices"][sample, index]
                canvas[place] = canvas.get(place, step.run.constant(0.0)) + gradient
            step.dx[sample, 0] = _inside(step, sample, canvas)


# Poolings that average: each value of a window has had the same share.


def avgpool(layer: AvgPool, step: Step) -> None:
    x = step.samples[0][0]
    sizes = shape_of(x)[1:]
    undilated = (1,) * len(sizes)
    stride = layer.stride or layer.kernel
    ends = [
        window.end
        for window in axes(
            sizes, layer.kernel, stride, undilated, layer.padding, ceil_mode=layer.ceil_mode
        )
    ]
    windows = _windows(layer, step, undilated)
    divisors = {}
    for index, sources in windows.items():
        inside = [all(p < end for p, end in zip(s[1:], ends, strict=True)) for s in sources]
        real = [source in x for source in sources]
        divisors[index] = sum(inside if layer.count_include_pad else real)
    _shared(step, windows, divisors)


def global_avgpool(layer: GlobalAvgPool, step: Step) -> None:
    windows = _whole(step)
    _shared(step, windows, {index: len(sources) for index, sources in windows.items()})


def adaptive_avgpool(layer: Any, step: Step) -> None:
    windows = dict(adaptive_windows(layer, shape_of(step.samples[0][0])))
    _shared(step, windows, {index: len(sources) for index, sources in windows.items()})


def _shared(step: Step, windows: dict[Index, list[Index]], divisors: dict[Index, int]) -> None:
    with step.part("input"):
        for sample in step.batch():
            canvas: Tensor = {}
            for index, sources in windows.items():
                share = step.dy[sample][index] / divisors[index]
                for source in sources:
                    put(canvas, source, share)
            step.dx[sample, 0] = _inside(step, sample, canvas)
