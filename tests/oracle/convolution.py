"""Convolutions as loops over outputs, channels and taps."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.layers.convolution import Conv, ConvTranspose, Depthwise
from tests.oracle.counting import Run, Tensor, at, total
from tests.oracle.windows import axes, everywhere, shape_of, tap_offsets, window_positions


def conv(layer: Conv, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Each group of outputs looks at its own group of inputs."""
    (x,) = inputs
    c_in = shape_of(x)[0]
    ins_per_group = c_in // layer.groups
    outs_per_group = layer.channels // layer.groups
    seen = [
        [group * ins_per_group + i for i in range(ins_per_group)]
        for group in range(layer.groups)
        for _ in range(outs_per_group)
    ]
    return _convolve(layer, x, run, seen, flip=layer.flip)


def depthwise(layer: Depthwise, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Each output looks at one input; each input has `multiplier` outputs."""
    (x,) = inputs
    seen = [[channel] for channel in range(shape_of(x)[0]) for _ in range(layer.multiplier)]
    return _convolve(layer, x, run, seen)


def _convolve(
    layer: Conv | Depthwise, x: Tensor, run: Run, seen: list[list[int]], *, flip: bool = False
) -> Tensor:
    """`seen` lists, for each output channel, the input channels that it sums over."""
    windows = axes(shape_of(x)[1:], layer.kernel, layer.stride, layer.dilation, layer.padding)

    def turned(tap: tuple[int, ...]) -> tuple[int, ...]:
        return tuple([k - 1 - t for k, t in zip(layer.kernel, tap, strict=True)])

    places = list(everywhere([len(window.starts) for window in windows]))
    looks = [list(window_positions(windows, place)) for place in places]
    result: Tensor = {}
    for out_channel, channels in enumerate(seen):
        for place, look in zip(places, looks, strict=True):
            products = []
            for i, channel in enumerate(channels):
                for tap, position in look:
                    weight = run.weight("weight", out_channel, i, turned(tap) if flip else tap)
                    source = (channel, *position)
                    values = [x[source]] if source in x else run.padding(0.0)
                    products += [value * weight for value in values]
            bias = run.weight("bias", out_channel) if layer.bias else None
            if not products:
                # Nothing to compute: the value is known before the input is.
                result[at(out_channel, *place)] = bias or run.constant(0.0)
                continue
            sum_ = total(products)
            result[at(out_channel, *place)] = sum_ + bias if bias else sum_
    return result


def conv_transpose(layer: ConvTranspose, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Every input is multiplied with the kernel and added onto the output around its place."""
    (x,) = inputs
    c_in, *sizes = shape_of(x)
    rank = len(sizes)
    offsets = [tap_offsets(layer.kernel[i], layer.dilation[i]) for i in range(rank)]
    kept = kept_positions(layer, sizes)
    canvas: Tensor = {}
    outs_per_group = layer.channels // layer.groups
    ins_per_group = c_in // layer.groups
    for (channel, *place), value in x.items():
        group = channel // ins_per_group
        for o in range(outs_per_group):
            out_channel = group * outs_per_group + o
            for tap in everywhere(layer.kernel):
                position = tuple(
                    [place[i] * layer.stride[i] + offsets[i][tap[i]] for i in range(rank)]
                )
                inside = all(position[i] in kept[i] for i in range(rank))
                if run.valid_taps and not inside:
                    continue
                product = value * run.weight("weight", channel, o, tap)
                source = (out_channel, *position)
                canvas[source] = canvas[source] + product if source in canvas else product
    result: Tensor = {}
    for out_channel in range(layer.channels):
        bias = run.weight("bias", out_channel) if layer.bias else None
        for place_ in everywhere([len(positions) for positions in kept]):
            source = (out_channel, *[kept[i][place_[i]] for i in range(rank)])
            if source in canvas:
                result[at(out_channel, *place_)] = canvas[source] + bias if bias else canvas[source]
            elif bias and not run.valid_taps:
                result[at(out_channel, *place_)] = run.constant(0.0) + bias
            else:
                result[at(out_channel, *place_)] = bias or run.constant(0.0)
    return result


def kept_positions(layer: ConvTranspose, sizes: Sequence[int]) -> list[list[int]]:
    """Which positions of each uncropped axis are kept; output padding is appended first."""
    kept = []
    for i, size in enumerate(sizes):
        last_written = (size - 1) * layer.stride[i] + tap_offsets(
            layer.kernel[i], layer.dilation[i]
        )[-1]
        uncropped = list(range(last_written + 1))
        extra = None if layer.output_padding is None else layer.output_padding[i]
        if isinstance(layer.padding, str):
            kept.append(_same(uncropped, size, layer.stride[i], extra, layer.padding))
            continue
        before, after = layer.padding[i]
        uncropped += [last_written + 1 + more for more in range(extra or 0)]
        kept.append(uncropped[before : len(uncropped) - after])
    return kept


def _same(positions: list[int], size: int, stride: int, extra: int | None, word: str) -> list[int]:
    """The positions that `same` keeps: some are taken from the ends in turn, or more follow.

    Without output padding there are `stride` for each input. With it, the last input has only the
    middle of its kernel, which is one position if the kernel has one, and the output padding.
    """
    last_input = stride
    if extra is not None:
        kernel = len(positions) - (size - 1) * stride
        last_input = (1 if kernel % 2 else 0) + extra
    wanted = (size - 1) * stride + last_input
    kept = [*positions, *range(len(positions), wanted)]
    at_the_end = word == "same"
    while len(kept) > wanted:
        kept.pop(-1 if at_the_end else 0)
        at_the_end = not at_the_end
    return kept
