"""Winograd's minimal filtering F(4x4, 3x3): 36 products for 16 outputs in place of 144."""

from __future__ import annotations

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.blocking import SlidingWindow, padded_input
from convcalc.executor.fast.epilogue import Epilogue
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.workspace import Workspace

# A tile of 6 by 6 inputs gives 4 by 4 outputs: Y = A'[(G g G') * (B' d B)]A for a kernel g and an
# input tile d. A two-dimensional transform is one product with the Kronecker product of the
# one-dimensional one with itself. Source: Lavin & Gray, arXiv:1509.09308, section 4.3.
_B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float64,
)
_G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_A = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ],
    np.float64,
)
INPUT = np.kron(_B, _B).astype(np.float32)
KERNEL = np.kron(_G, _G).astype(np.float32)
OUTPUT = np.kron(_A, _A).astype(np.float32)

#: Bytes of the transformed tiles of a block.
TILE_BYTES = 2 << 20
#: Output channels whose kernels are transformed at once where the result is not kept.
CHANNELS = 128


def transform_kernels(weight: Array, pool: ThreadPool, out: Array | None = None) -> Array:
    """Kernels (9 * c, c_out) in the transform's domain, (36, c, c_out); `out` may hold them."""
    taps = np.ascontiguousarray(weight).reshape(9, -1, weight.shape[-1])
    size = 4 * taps.size
    result = np.empty(size, weight.dtype) if out is None else out[:size]
    result = result.reshape(36, *taps.shape[1:])
    # By blocks of input channels, so that what is read and written stays in the cache.
    step = max(1, TILE_BYTES // (4 * 36 * weight.itemsize * weight.shape[-1]))

    def transform(start: int, _: Workspace) -> None:
        part = slice(start, start + step)
        np.matmul(KERNEL, taps[:, part].reshape(9, -1), out=result[:, part].reshape(36, -1))

    pool.run(transform, range(0, taps.shape[1], step))
    return result


def winograd(
    data: Array,
    weight: Array,
    kernels: Array | None,
    window: SlidingWindow,
    epilogue: Epilogue,
    pool: ThreadPool,
) -> Array:
    """A convolution with 3x3 windows at stride 1 in the transform's domain.

    data (n, h, w, c), weight (9 * c, c_out) -> (n, h', w', c_out). `kernels` is the transformed
    weight; without it the weight is transformed here, `CHANNELS` output channels at a time.

    Buffers: `TILE_BYTES` of transformed inputs, and as much again for tiles and products, for each
    thread; the transformed kernels of `CHANNELS` output channels.
    """
    c_in, c_out = data.shape[-1], weight.shape[-1]
    out = np.empty((len(data), *window.outputs, c_out), data.dtype)
    if kernels is not None:
        _by_rows_of_tiles(data, kernels, window, epilogue, pool, out, slice(0, c_out))
        return out
    step = min(CHANNELS, c_out)
    buffer = np.empty(36 * c_in * step, data.dtype)
    for start in range(0, c_out, step):
        channels = slice(start, min(start + step, c_out))
        part = transform_kernels(weight[:, channels], pool, buffer)
        _by_rows_of_tiles(data, part, window, epilogue, pool, out, channels)
    return out


def _by_rows_of_tiles(
    data: Array,
    kernels: Array,
    window: SlidingWindow,
    epilogue: Epilogue,
    pool: ThreadPool,
    out: Array,
    channels: slice,
) -> None:
    """Computes the output channels `channels`, whose transformed kernels are given."""
    c_in, c_out = kernels.shape[1:]
    height, width = window.outputs
    # The map is padded to whole tiles.
    down, across = len(range(0, height, 4)), len(range(0, width, 4))
    (above, _), (left, _) = window.sides
    tiled = window._replace(sides=((above, 4), (left, 4)), outputs=(4 * down, 4 * across))
    rows = max(1, TILE_BYTES // (36 * across * c_in * data.itemsize))
    rows = max(1, min(rows, -(-down // pool.size)))

    def compute(item: tuple[int, int], workspace: Workspace) -> None:
        n, top = item
        bottom = min(top + rows, down)
        count = (bottom - top) * across
        inputs = workspace.array("inputs", (36, count, c_in), data.dtype)
        _transform_inputs(data[n], (top, bottom), tiled, workspace, inputs)
        products = workspace.array("products", (36, count, c_out), data.dtype)
        np.matmul(inputs, kernels, out=products)
        results = workspace.array("tiles", (4, 4, bottom - top, across, c_out), data.dtype)
        np.matmul(OUTPUT, products.reshape(36, -1), out=results.reshape(16, -1))
        block = out[n, 4 * top : 4 * bottom, :, channels]
        for y, x in np.ndindex(4, 4):
            target = block[y::4, x::4]
            target[...] = results[y, x, : target.shape[0], : target.shape[1]]
        epilogue.apply(out, (n, slice(4 * top, min(4 * bottom, height)), slice(0, width), channels))

    pool.run(compute, [(n, top) for n in range(len(data)) for top in range(0, down, rows)])


def _transform_inputs(
    sample: Array,
    rows: tuple[int, int],
    tiled: SlidingWindow,
    workspace: Workspace,
    inputs: Array,
) -> None:
    """Fills the transformed inputs (36, tiles, c) of some rows of tiles."""
    (top, bottom), across = rows, tiled.outputs[1] // 4
    count = bottom - top
    block = (slice(4 * top, 4 * bottom), slice(0, 4 * across))
    lines = padded_input(sample, block, tiled, workspace, 0)
    tiles = workspace.array("tiles", (6, 6, count, across, sample.shape[-1]), sample.dtype)
    for y, x in np.ndindex(6, 6):
        tiles[y, x] = lines[y : y + 4 * count - 3 : 4, x : x + 4 * across - 3 : 4]
    np.matmul(INPUT, tiles.reshape(36, -1), out=inputs.reshape(36, -1))
