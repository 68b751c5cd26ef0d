"""Kernel dispatch: which kernel computes a layer, and how much memory it may take."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import numpy as np

from convcalc.executor.arrays import Array, channels_first, packed
from convcalc.executor.fast import convolution, elementwise, pooling
from convcalc.executor.fast.blocking import BLOCK_BYTES, SlidingWindow, window_over
from convcalc.executor.fast.dense import WeightRows, dense
from convcalc.executor.fast.epilogue import Epilogue
from convcalc.executor.fast.winograd import CHANNELS, TILE_BYTES, transform_kernels, winograd
from convcalc.executor.kernels import KERNELS
from convcalc.executor.kernels.convolution import cropped
from convcalc.executor.kernels.pooling import divisors, tap_spacing
from convcalc.executor.kernels.windows import ceil_padding, extents, padding_sides, starts_inside
from convcalc.executor.thread_pool import ThreadPool
from convcalc.shapes import Shape

Algorithm = Literal["depthwise", "winograd", "im2col"]

#: Channels and positions from which Winograd's algorithm is the fastest.
WINOGRAD_CHANNELS, WINOGRAD_SIZE = 32, 28

#: Kinds whose kernels take an epilogue: what follows such a layer can be fused to it.
WITH_EPILOGUE = frozenset({"conv", "depthwise", "conv_transpose", "dense"})

#: Kinds besides the element-wise ones that look at one position's channels at a time.
POSITIONWISE = frozenset({"softmax", "layernorm", "lrn", "rmsnorm", "l2norm"})

#: Element-wise kinds whose kernels look at where an element lies, so that they need the whole map.
PLACED = frozenset({"attention_bias"})

#: Kinds that multiply activations, which are put in order first.
PRODUCTS = frozenset({"matmul", "attention_scores", "attention_values"})

#: How a pooling kind combines the values of a window, and the value of padding.
POOLS: dict[str, tuple[np.ufunc, float]] = {
    "maxpool": (np.maximum, -np.inf),
    "minpool": (np.minimum, np.inf),
    "avgpool": (np.add, 0.0),
}


class PreparedWeights:
    """A layer's weights as its kernel wants them.

    arrays   by name; a convolution's weight (c_out, c_in, ...) has its output channels innermost
    factor   for each output channel, what is left of a folded normalisation; None without
    bias     for each output channel; None without
    rows     generates rows of a dense layer's weight, `step` at a time, where none is in `arrays`
    cached   whether the next run uses these weights again
    kernels  Winograd's transformed weight, kept if `cached`
    """

    __slots__ = ("arrays", "bias", "cached", "factor", "kernels", "rows", "step")

    def __init__(self, arrays: dict[str, Array], *, cached: bool = False) -> None:
        self.arrays = arrays
        self.bias = arrays.get("bias")
        self.factor: Array | None = None
        self.rows: WeightRows | None = None
        self.step = 0
        self.cached = cached
        self.kernels: Array | None = None

    @property
    def bytes(self) -> int:
        """Bytes of the arrays."""
        kernels = 0 if self.kernels is None else self.kernels.nbytes
        return kernels + sum([array.nbytes for array in self.arrays.values()])


def run_layer(
    layer: Any,
    inputs: list[Array],
    weights: PreparedWeights,
    epilogue: Epilogue,
    pool: ThreadPool,
    exact: bool,
    in_place: bool,
) -> Array:
    """The result (n, c, *sizes) of a layer.

    exact     perform the products that are counted: no Winograd
    in_place  the result may overwrite the input
    """
    kind, data = layer.kind, inputs[0]
    if kind == "dense":
        return _dense(layer, data, weights, epilogue, pool)
    if kind == "conv_transpose":
        return _convolve_transposed(layer, data, weights, epilogue, pool)
    if kind in WITH_EPILOGUE:
        return _convolve(layer, data, weights, epilogue, pool, exact)
    kernel = KERNELS[kind]
    if kind in POOLS:
        return _pool(layer, data, pool)
    alike = len({value.shape for value in inputs}) == 1
    if (alike and layer.elementwise and kind not in PLACED) or kind in POSITIONWISE:
        return elementwise.positionwise(
            inputs,
            lambda *blocks: kernel(layer, blocks, weights.arrays),
            data if in_place else None,
            pool,
        )
    result = packed(kernel(layer, inputs, weights.arrays))
    if result.size < data.size and np.may_share_memory(result, data):
        # A view of a part would keep the whole in memory.
        result = result.copy()
    return channels_first(result)


def convolution_algorithm(
    window: SlidingWindow, c_in: int, c_out: int, groups: int, dtype: Any, exact: bool
) -> Algorithm:
    """The algorithm of a convolution.

    `python -m benchmarks.executor --kernels` times two of them on layers of known networks:
    Winograd's is faster on maps of 28 and more positions, even if the weights are transformed in
    each run; with few channels the transforms cost more than they save. Its rounding errors are
    about four times those of a direct convolution, and it does not perform the products that are
    counted: it is off in float64 and if `exact`.
    """
    if groups == c_in and groups > 1:
        return "depthwise"
    if (
        window.kernel == (3, 3)
        and window.stride == window.dilation == (1, 1)
        and groups == 1
        and min(c_in, c_out) >= WINOGRAD_CHANNELS
        and min(window.outputs) >= WINOGRAD_SIZE
        and dtype == np.float32
        and not exact
    ):
        return "winograd"
    return "im2col"


def _convolve(
    layer: Any,
    data: Array,
    weights: PreparedWeights,
    epilogue: Epilogue,
    pool: ThreadPool,
    exact: bool,
) -> Array:
    weight = weights.arrays["weight"]
    c_in, c_out = data.shape[1], len(weight)
    groups = c_in // weight.shape[1]
    sizes = data.shape[2:]
    spans = extents(layer.kernel, layer.dilation)
    sides = padding_sides(layer.padding, sizes, spans, layer.stride)
    window = window_over(sizes, layer.kernel, spans, layer.stride, layer.dilation, sides)
    last = packed(data)
    # As in memory: (*kernel, c_in / groups, c_out).
    inside = weight.transpose(*range(2, weight.ndim), 1, 0)
    matrix = inside.reshape(-1, c_out)
    algorithm = convolution_algorithm(window, c_in, c_out, groups, data.dtype, exact)
    if algorithm == "depthwise":
        out = convolution.depthwise(last, inside[..., 0, :], window, epilogue, pool)
    elif algorithm == "winograd":
        if weights.cached and weights.kernels is None:
            weights.kernels = transform_kernels(matrix, pool)
        out = winograd(last, matrix, weights.kernels, window, epilogue, pool)
    else:
        out = convolution.convolve(last, matrix, window, groups, epilogue, pool)
    return channels_first(out)


def _convolve_transposed(
    layer: Any, data: Array, weights: PreparedWeights, epilogue: Epilogue, pool: ThreadPool
) -> Array:
    weight = weights.arrays["weight"]
    inside = weight.transpose(*range(2, weight.ndim), 0, 1)
    last = packed(data)
    # The last input position writes as far as its window reaches.
    reach = [
        range(0, size * step, step)[-1] + span
        for size, step, span in zip(
            last.shape[1:-1], layer.stride, extents(layer.kernel, layer.dilation), strict=True
        )
    ]
    full = np.zeros((len(data), *reach, weight.shape[1] * layer.groups), data.dtype)
    convolution.convolve_transposed(
        last, inside, layer.stride, layer.dilation, layer.groups, full, pool
    )
    out = packed(cropped(channels_first(full), layer, data.shape[2:]))
    pool.run(lambda n, _: epilogue.apply(out, (n,)), range(len(out)))
    return channels_first(out)


def _dense(
    layer: Any, data: Array, weights: PreparedWeights, epilogue: Epilogue, pool: ThreadPool
) -> Array:
    if layer.positionwise:
        matrix, last = weights.arrays["weight"].T, packed(data)
        ones = (1,) * (last.ndim - 2)
        window = window_over(last.shape[1:-1], ones, ones, ones, ones, ((0, 0),) * len(ones))
        return channels_first(convolution.convolve(last, matrix, window, 1, epilogue, pool))
    flat = data.reshape(len(data), -1)
    if weights.rows is not None:
        return dense(flat, weights.rows, layer.units, weights.step, epilogue, pool)
    weight = weights.arrays["weight"]
    step = max(1, -(-len(weight) // (4 * pool.size)))
    return dense(flat, lambda a, b, _: weight[a:b], len(weight), step, epilogue, pool)


def _pool(layer: Any, data: Array, pool: ThreadPool) -> Array:
    combine, fill = POOLS[layer.kind]
    sizes, stride, dilation = data.shape[2:], layer.stride or layer.kernel, tap_spacing(layer)
    spans = extents(layer.kernel, dilation)
    sides = padding_sides(layer.padding, sizes, spans, stride)
    if layer.ceil_mode:
        window = window_over(
            sizes, layer.kernel, spans, stride, dilation, ceil_padding(sides, stride)
        )
        starts = starts_inside(sides, sizes, stride)
        outputs = [min(pair) for pair in zip(window.outputs, starts, strict=True)]
        window = window._replace(outputs=tuple(outputs))
    else:
        window = window_over(sizes, layer.kernel, spans, stride, dilation, sides)
    result = channels_first(pooling.pooled(packed(data), window, combine, fill, pool))
    if layer.kind == "avgpool":
        result /= divisors(layer, data).astype(data.dtype)
    return result


def cached_bytes(layer: Any, weights: int) -> int:
    """An upper bound for what a program that caches its weights keeps of a layer.

    Winograd's transformed weights, 36 numbers for 9, are kept beside them.
    """
    transforms = layer.kind == "conv" and tuple(layer.kernel) == (3, 3)
    return weights * 5 if transforms else weights


def buffer_bytes(
    layer: Any, inputs: Sequence[Shape], output: Shape, batch: int, itemsize: int, threads: int
) -> int:
    """An upper bound for what a layer's kernel takes besides values and weights.

    It follows from predicted shapes, because nothing is allocated yet when it is needed.
    """
    c_in, c_out = inputs[0][0], output[0]
    size, out = batch * prod(inputs[0]) * itemsize, batch * prod(output) * itemsize
    if layer.kind == "conv_transpose":
        spans = [k * d for k, d in zip(layer.kernel, layer.dilation, strict=True)]
        reach = [
            n * s + span for n, s, span in zip(inputs[0][1:], layer.stride, spans, strict=True)
        ]
        uncropped: int = batch * c_out * prod(reach) * itemsize
        return uncropped + size // c_in * c_out
    if layer.kind in ("conv", "depthwise"):
        taps: int = prod(layer.kernel)
        if taps == 1 and not isinstance(layer.padding, str) and not any(map(sum, layer.padding)):
            return size if prod(layer.stride) > 1 else 0
        row = taps * c_in * itemsize
        block = 2 * BLOCK_BYTES + convolution.LEAST_POSITIONS * row
        if max(layer.dilation) > 1 and (layer.kind == "depthwise" or layer.groups > 1):
            # The padded input of a block of dilated windows may be a large part of the input.
            block += size
        positions = batch * prod(output[1:])
        small = positions * row if positions < convolution.SMALL_MAP else 0
        kernels = tiles = 0
        if tuple(layer.kernel) == (3, 3) and min(c_in, c_out) >= WINOGRAD_CHANNELS:
            kernels = 36 * c_in * CHANNELS * itemsize
            row_of_tiles = 36 * c_in * itemsize * -(-output[2] // 4)
            tiles = max(TILE_BYTES, row_of_tiles) * (3 * c_in + 2 * c_out) // c_in
        return max(threads * block, small + threads * BLOCK_BYTES, kernels + threads * tiles)
    if layer.kind in POOLS:
        return _pool_bytes(layer, inputs[0], output, itemsize, threads)
    if layer.kind == "dense":
        return 0
    alike = layer.elementwise and layer.kind not in PLACED and len({*inputs}) == 1
    if alike or layer.kind in POSITIONWISE:
        return min(size, threads * elementwise.BLOCK * itemsize) * 8
    if layer.kind in ("lstm", "gru"):
        # What the gates get from the input, of one direction, and a step's own arrays.
        size += (layer.gates - 1) * out
    if layer.kind == "conv_lstm":
        # The windows of one convolution at a time, a step's own arrays, and all states twice.
        windows = prod(layer.kernel) * max(c_in, c_out) + 24 * c_out
        size = batch * prod(output[2:]) * windows * itemsize
    if layer.kind == "deform_conv":
        size += _moved_tap_bytes(layer, inputs, output, itemsize) * batch
    if layer.kind in PRODUCTS:
        # NumPy copies matrices whose rows are not contiguous, and windows are moved together first.
        size = 2 * batch * sum([prod(shape) for shape in inputs]) * itemsize
    return size + 2 * out


def _moved_tap_bytes(layer: Any, inputs: Sequence[Shape], output: Shape, itemsize: int) -> int:
    """Copies of offsets and mask, what one tap reads while it is interpolated, and where."""
    positions, rank = prod(output[1:]), len(layer.kernel)
    reads = (2**rank + 3) * inputs[0][0] * positions
    places = layer.offset_groups * positions * (rank * (3 * itemsize + 8) + 24)
    copies = sum([prod(shape) for shape in inputs[1:]])
    total: int = (reads + copies) * itemsize + places
    return total


def _pool_bytes(layer: Any, shape: Shape, output: Shape, itemsize: int, threads: int) -> int:
    """The padded input of at least a row of windows, and the divisors of a mean."""
    stride, dilation = layer.stride or layer.kernel, tap_spacing(layer)
    spans = [d * (k - 1) + 1 for k, d in zip(layer.kernel, dilation, strict=True)]
    reach = [
        max(n, (out - 1) * s + span)
        for n, out, s, span in zip(shape[1:], output[1:], stride, spans, strict=True)
    ]
    row: int = spans[0] * prod(reach[1:]) * shape[0] * itemsize
    counts: int = 2 * np.dtype(np.int64).itemsize * prod(reach) * (layer.kind == "avgpool")
    return threads * 2 * (BLOCK_BYTES + row) + counts
