"""Which kernel a layer gets: decided here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import numpy as np

from convcalc.executor.arrays import Array, channels_first, packed
from convcalc.executor.fast import convolution, elementwise, pooling
from convcalc.executor.fast import separable as fused
from convcalc.executor.fast.dense import Rows, dense
from convcalc.executor.fast.finish import Finish
from convcalc.executor.fast.strips import Slide, slide_over
from convcalc.executor.fast.winograd import CHANNELS, FEW_TILES, TILES, transformed, winograd
from convcalc.executor.kernels import KERNELS
from convcalc.executor.kernels.convolution import cropped
from convcalc.executor.kernels.pooling import divisors
from convcalc.executor.kernels.windows import (
    extents,
    hanging,
    padding_sides,
    starts_inside,
)
from convcalc.executor.threads import Team
from convcalc.shapes import Shape

Method = Literal["pointwise", "depthwise", "winograd", "direct"]

#: Kinds besides the element-wise ones that look at one position's channels at a time.
POSITIONWISE = frozenset({"softmax", "layernorm", "lrn"})

#: How pooling kinds combine a window's values, and what padding holds.
POOLS: dict[str, tuple[np.ufunc, float]] = {
    "maxpool": (np.maximum, -np.inf),
    "minpool": (np.minimum, np.inf),
    "avgpool": (np.add, 0.0),
}


def method(
    slide: Slide, c_in: int, c_out: int, groups: int, dtype: Any, exact: bool, kept: bool
) -> Method:
    """The kernel of a convolution; `kept` says whether the run keeps transformed weights.

    `python -m benchmarks.executor --kernels` times each kernel on the layers of known networks;
    the bounds below are where the faster one changes. Winograd's is about twice as fast on maps of
    14 and more, if transforming the weights is done before, from 28 on if it is not; the transforms
    of few channels cost more than they save. Its rounding errors are about four times the direct
    kernel's, and it does not perform the products that are counted: it is off in float64 and where
    exactness is asked for.
    """
    if groups == c_in and groups > 1:
        return "depthwise"
    if prod(slide.kernel) == 1 and not any(map(sum, slide.sides)):
        return "pointwise"
    if (
        slide.kernel == (3, 3)
        and slide.stride == slide.dilation == (1, 1)
        and groups == 1
        and c_in >= 32
        and c_out >= 32
        and min(slide.outputs) >= (14 if kept else 28)
        and dtype == np.float32
        and not exact
    ):
        return "winograd"
    return "direct"


class Prepared:
    """A layer's weights as its kernel wants them.

    arrays  by name, a convolution's weight (c_out, c_in, ...) with output channels last in memory
    factor  each output channel times this; None if there is nothing left to multiply
    bias    each output channel plus this; None without
    rows    the weight of a dense layer by blocks, `step` rows each
    kept    Winograd's transformed weight, where a run keeps it
    """

    __slots__ = ("arrays", "bias", "factor", "keep", "kept", "rows", "step")

    def __init__(self, arrays: dict[str, Array], *, keep: bool = False) -> None:
        self.arrays = arrays
        self.bias = arrays.get("bias")
        self.factor: Array | None = None
        self.rows: Rows | None = None
        self.step = 0
        self.keep = keep
        self.kept: Array | None = None

    @property
    def bytes(self) -> int:
        """What the arrays take."""
        kept = 0 if self.kept is None else self.kept.nbytes
        return kept + sum([array.nbytes for array in self.arrays.values()])


def slide_of(layer: Any, data: Array) -> Slide:
    """How the window of a convolution or pooling layer slides over a value (n, c, *sizes)."""
    sizes = data.shape[2:]
    stride = layer.stride or layer.kernel
    dilation = getattr(layer, "dilation", None) or (1,) * len(sizes)
    spans = extents(layer.kernel, dilation)
    sides = padding_sides(layer.padding, sizes, spans, stride)
    if not getattr(layer, "ceil_mode", False):
        return slide_over(sizes, layer.kernel, spans, stride, dilation, sides)
    over = hanging(sides, stride)
    slide = slide_over(sizes, layer.kernel, spans, stride, dilation, over)
    starts = starts_inside(sides, sizes, stride)
    outputs = [min(pair) for pair in zip(slide.outputs, starts, strict=True)]
    return slide._replace(outputs=tuple(outputs))


def convolve(
    layer: Any, data: Array, ready: Prepared, finish: Finish, team: Team, exact: bool
) -> Array:
    """A `conv` or `depthwise` layer: (n, c, *sizes) -> (n, c_out, *outputs)."""
    weight = ready.arrays["weight"]
    slide = slide_of(layer, data)
    c_in, c_out = data.shape[1], len(weight)
    groups = c_in // weight.shape[1]
    last = team.packed(data)
    inside = _inside(weight)
    matrix = inside.reshape(-1, c_out)
    chosen = method(slide, c_in, c_out, groups, data.dtype, exact, ready.keep)
    if chosen == "depthwise":
        out = convolution.depthwise(last, inside[..., 0, :], slide, finish, team)
    elif chosen == "pointwise":
        out = convolution.pointwise(last, matrix, slide.stride, groups, finish, team)
    elif chosen == "winograd":
        if ready.keep and ready.kept is None:
            ready.kept = transformed(matrix, team)
        out = winograd(last, matrix, ready.kept, slide, finish, team)
    else:
        out = convolution.direct(last, matrix, slide, groups, finish, team)
    return channels_first(out)


def separable(
    layers: Sequence[Any],
    middle: int,
    data: Array,
    ready: Sequence[Prepared],
    finishes: Sequence[Finish],
    team: Team,
) -> Array:
    """A depthwise layer, `layers[middle]`, with the pointwise ones before and behind it."""
    insides = [_inside(one.arrays["weight"]) for one in ready]
    around = [
        fused.Pointwise(inside.reshape(-1, inside.shape[-1]), finish)
        for inside, finish in zip(insides, finishes, strict=True)
    ]
    out = fused.separable(
        team.packed(data),
        around[0] if middle else None,
        insides[middle][..., 0, :],
        slide_of(layers[middle], data),
        finishes[middle],
        around[-1] if middle < len(layers) - 1 else None,
        team,
    )
    return channels_first(out)


def _inside(weight: Array) -> Array:
    """A weight (c_out, c_in / groups, *kernel) as (*kernel, c_in / groups, c_out), as in memory."""
    view: Array = weight.transpose(*range(2, weight.ndim), 1, 0)
    return view


def transpose_convolve(
    layer: Any, data: Array, ready: Prepared, finish: Finish, team: Team
) -> Array:
    """A `conv_transpose` layer with what follows it."""
    weight = ready.arrays["weight"]
    last = team.packed(data)
    inside = weight.transpose(*range(2, weight.ndim), 0, 1)
    spans = extents(layer.kernel, layer.dilation)
    # The last input position writes as far as its window reaches.
    reach = [
        range(0, size * step, step)[-1] + span
        for size, step, span in zip(last.shape[1:-1], layer.stride, spans, strict=True)
    ]
    c_out = weight.shape[1] * layer.groups
    full = team.empty((len(data), *reach, c_out), data.dtype)
    team.run(lambda n, worker: worker.do(np.copyto, full[n], 0), range(len(full)))
    how = convolution.Transposition(layer.kernel, layer.stride, layer.dilation, layer.groups)
    convolution.transposed(last, inside, how, full, team)
    inner = team.call(lambda whole: cropped(whole, layer, data.shape[2:]), channels_first(full))
    out = team.packed(inner)
    team.run(lambda n, worker: finish.apply(worker, out, (n,)), range(len(out)))
    return channels_first(out)


def dense_by_rows(layer: Any, data: Array, ready: Prepared, finish: Finish, team: Team) -> Array:
    """A `dense` layer with what follows it."""
    if layer.positionwise:
        weight = ready.arrays["weight"]
        last = team.packed(data)
        everywhere = (1,) * (last.ndim - 2)
        out = convolution.pointwise(last, weight.T, everywhere, 1, finish, team)
        return channels_first(out)
    flat = team.compact(data).reshape(len(data), -1)
    if ready.rows is not None:
        return dense(flat, ready.rows, layer.units, ready.step, finish, team)
    weight = ready.arrays["weight"]
    step = max(1, -(-len(weight) // (4 * team.size)))
    return dense(flat, lambda start, stop, _: weight[start:stop], len(weight), step, finish, team)


def accumulate(
    layer: Any, data: Array, ready: Prepared, finish: Finish, team: Team, exact: bool
) -> Array:
    """A layer of sums of products, with what follows it: (n, c, *sizes) -> (n, c_out, *outputs)."""
    if layer.kind == "dense":
        return dense_by_rows(layer, data, ready, finish, team)
    if layer.kind == "conv_transpose":
        return transpose_convolve(layer, data, ready, finish, team)
    return convolve(layer, data, ready, finish, team, exact)


def compute(layer: Any, inputs: list[Array], ready: Prepared, team: Team, in_place: bool) -> Array:
    """A layer of any other kind."""
    kind, data = layer.kind, inputs[0]
    plain = KERNELS[kind]
    if kind in POOLS:
        combine, fill = POOLS[kind]
        slide = slide_of(layer, data)
        out = pooling.pooled(team.packed(data), slide, combine, fill, team)
        result = channels_first(out)
        if kind == "avgpool":
            counts = divisors(layer, data).astype(data.dtype)
            team.do(np.divide, result, counts, result)
        return result
    if kind in POSITIONWISE or (layer.elementwise and layer.joins is None):
        target = data if in_place else None
        return elementwise.positionwise(
            data, lambda piece: plain(layer, [piece], ready.arrays), target, team
        )
    if layer.joins and layer.elementwise and len({value.shape for value in inputs}) == 1:
        combine = np.add if kind == "add" else np.multiply
        return elementwise.combined(inputs, combine, team, data if in_place else None)

    def make(*values: Array) -> Array:
        return _settled(plain(layer, values, ready.arrays), values[0])

    return team.call(make, *inputs)


def _settled(result: Array, data: Array) -> Array:
    """The result of a plain kernel with channels last in memory.

    A view of a part is copied, because it would keep the whole in memory.
    """
    settled = packed(result)
    if settled.size < data.size and np.may_share_memory(settled, data):
        settled = settled.copy()
    return channels_first(settled)


def kept_bytes(layer: Any, weights: int) -> int:
    """What a program that holds its weights keeps of a layer: an estimate from above.

    Winograd's transformed weights, 36 numbers for 9, are kept beside them.
    """
    transforms = layer.kind == "conv" and tuple(layer.kernel) == (3, 3)
    return weights * 5 if transforms else weights


def buffer_bytes(
    layer: Any, inputs: Sequence[Shape], output: Shape, batch: int, itemsize: int, threads: int
) -> int:
    """What the kernel of a layer takes besides values and weights: an estimate from above.

    From predicted shapes, because it is asked before anything is allocated.
    """
    positions, size = batch * prod(output[1:]), batch * prod(inputs[0]) * itemsize
    out = positions * output[0] * itemsize
    if layer.kind == "conv_transpose":
        spans = [k * d for k, d in zip(layer.kernel, layer.dilation, strict=True)]
        reach = [
            n * s + span for n, s, span in zip(inputs[0][1:], layer.stride, spans, strict=True)
        ]
        uncropped: int = batch * output[0] * prod(reach) * itemsize
        return uncropped + size // inputs[0][0] * output[0]
    if layer.kind in ("conv", "depthwise"):
        taps: int = prod(layer.kernel)
        row = taps * inputs[0][0] * itemsize
        columns = positions * row if positions < 4 * convolution.SMALL_MAP else 0
        strided = size if taps == 1 and prod(layer.stride) > 1 else 0
        pieces = threads * (2 * convolution.COLUMNS + convolution.LEAST_POSITIONS * row)
        if max(layer.dilation) > 1:
            # The padded strip of a dilated window may hold a good part of the input.
            pieces += threads * size
        if tuple(layer.kernel) == (3, 3) and layer.kind == "conv":
            kernels = 36 * inputs[0][0] * CHANNELS * itemsize
            tile = 36 * (inputs[0][0] + output[0]) * itemsize
            pieces = max(pieces, kernels + threads * 2 * TILES + FEW_TILES * batch * tile)
        return pieces + max(columns, strided)
    if layer.kind in POOLS:
        return _pool_bytes(layer, inputs[0], output, itemsize, threads)
    if layer.weighted:
        return threads * 2 * convolution.COLUMNS
    if layer.kind in POSITIONWISE or layer.elementwise:
        return min(size, threads * elementwise.PIECE * itemsize) * 8
    return size + 2 * out


def _pool_bytes(layer: Any, shape: Shape, output: Shape, itemsize: int, threads: int) -> int:
    """Padded strips of at least a row of windows, and the divisors of a mean."""
    stride = layer.stride or layer.kernel
    dilation = getattr(layer, "dilation", (1,) * len(stride))
    spans = [d * (k - 1) + 1 for k, d in zip(layer.kernel, dilation, strict=True)]
    reach = [
        max(n, (out - 1) * s + span)
        for n, out, s, span in zip(shape[1:], output[1:], stride, spans, strict=True)
    ]
    row: int = spans[0] * prod(reach[1:]) * shape[0] * itemsize
    divisors: int = 2 * np.dtype(np.int64).itemsize * prod(reach) * (layer.kind == "avgpool")
    return threads * 2 * (convolution.COLUMNS + row) + divisors
