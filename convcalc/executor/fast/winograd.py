"""Winograd's minimal filtering F(4x4, 3x3): 36 products for 16 outputs in place of 144."""

from __future__ import annotations

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.fast.finish import Finish
from convcalc.executor.fast.strips import Slide, strip
from convcalc.executor.store import Scratch
from convcalc.executor.threads import Team, Worker

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

#: Bytes of the transformed tiles of one piece.
TILES = 2 << 20
#: Output channels whose kernels are transformed at once where the result is not kept.
CHANNELS = 128
#: Tiles of a map up to which it is worked on as a whole.
FEW_TILES = 64


def transformed(weight: Array, team: Team, out: Array | None = None) -> Array:
    """Kernels (9 * c, c_out) in the transform's domain, (36, c, c_out); `out` may hold them."""
    taps = np.ascontiguousarray(weight).reshape(9, -1, weight.shape[-1])
    size = 4 * taps.size
    result = np.empty(size, weight.dtype) if out is None else out[:size]
    result = result.reshape(36, *taps.shape[1:])
    # Input channels at a time, so that what is read and written stays in the cache.
    step = max(1, TILES // (4 * 36 * weight.itemsize * weight.shape[-1]))

    def work(start: int, scratch: Scratch) -> None:
        part = slice(start, start + step)
        np.matmul(KERNEL, taps[:, part].reshape(9, -1), out=result[:, part].reshape(36, -1))

    team.each(work, range(0, taps.shape[1], step))
    return result


def winograd(
    data: Array, weight: Array, kept: Array | None, slide: Slide, finish: Finish, team: Team
) -> Array:
    """A convolution with 3x3 windows at stride 1 in the transform's domain.

    data (n, h, w, c), weight (9 * c, c_out) -> (n, h', w', c_out). `kept` is the transformed weight
    where a run keeps it; otherwise it is transformed here, by blocks of output channels.

    Large maps are worked on by rows of tiles; on small ones the 36 products are shared out, so that
    each thread reads its part of the kernels only.

    Buffer: `TILES` bytes of transformed input and as much for the products a thread, or both for a
    whole small map; the transformed kernels of `CHANNELS` output channels.
    """
    c_out = weight.shape[-1]
    height, width = slide.outputs
    # The map is padded to whole tiles.
    down, across = len(range(0, height, 4)), len(range(0, width, 4))
    (above, _), (left, _) = slide.sides
    tiled = slide._replace(sides=((above, 4), (left, 4)), outputs=(4 * down, 4 * across))
    out = team.empty((len(data), height, width, c_out), data.dtype)
    convolve = _whole_map if down * across <= FEW_TILES else _by_rows
    step = c_out if kept is not None else min(CHANNELS, c_out)
    room = team.empty((36 * data.shape[-1] * step if kept is None else 0,), data.dtype)
    for start in range(0, c_out, step):
        part = slice(start, min(start + step, c_out))
        kernels = kept if kept is not None else transformed(weight[:, part], team, room)
        convolve(data, kernels, tiled, finish, team, out, part)
    return out


def _by_rows(
    data: Array,
    kernels: Array,
    slide: Slide,
    finish: Finish,
    team: Team,
    out: Array,
    channels: slice,
) -> None:
    """The output channels `channels`, whose transformed kernels are given, by rows of tiles."""
    c_in, c_out = kernels.shape[1:]
    down, across = [size // 4 for size in slide.outputs]
    rows = max(1, TILES // (36 * across * c_in * data.itemsize))
    rows = max(1, min(rows, -(-down // team.size)))
    jobs = [(n, top) for n in range(len(data)) for top in range(0, down, rows)]

    def lists(job: tuple[int, int], worker: Worker) -> None:
        n, top = job
        bottom = min(top + rows, down)
        count = (bottom - top) * across
        inputs = worker.array("inputs", (36, count, c_in), data.dtype)
        _enter(worker, data[n], (top, bottom), slide, inputs)
        products = worker.array("products", (36, count, c_out), data.dtype)
        worker.do(np.matmul, inputs, kernels, products)
        _leave(worker, products, out, (n, top, bottom, channels), across)
        last, end = min(4 * bottom, out.shape[1]), out.shape[2]
        finish.apply(worker, out, (n, slice(4 * top, last), slice(0, end), channels))

    team.run(lists, jobs)


def _whole_map(
    data: Array,
    kernels: Array,
    slide: Slide,
    finish: Finish,
    team: Team,
    out: Array,
    channels: slice,
) -> None:
    """The same for small maps: all samples' tiles at once, product by product."""
    c_in, c_out = kernels.shape[1:]
    down, across = [size // 4 for size in slide.outputs]
    tiles = down * across
    inputs = team.empty((36, len(data), tiles, c_in), data.dtype)
    products = team.empty((36, len(data), tiles, c_out), data.dtype)

    def enter(n: int, worker: Worker) -> None:
        made = worker.array("inputs", (36, tiles, c_in), data.dtype)
        _enter(worker, data[n], (0, down), slide, made)
        worker.do(np.copyto, inputs[:, n], made)

    def multiply(point: int, worker: Worker) -> None:
        rows = inputs[point].reshape(-1, c_in)
        worker.do(np.matmul, rows, kernels[point], products[point].reshape(-1, c_out))

    def leave(n: int, worker: Worker) -> None:
        _leave(worker, products[:, n], out, (n, 0, down, channels), across)
        finish.apply(worker, out, (n, slice(None), slice(None), channels))

    team.run(enter, range(len(data)))
    team.run(multiply, range(36))
    team.run(leave, range(len(data)))


def _enter(
    worker: Worker, sample: Array, rows: tuple[int, int], slide: Slide, inputs: Array
) -> None:
    """Lists what makes the transformed tiles of some rows of tiles, (36, tiles, c)."""
    (top, bottom), across = rows, slide.outputs[1] // 4
    count = bottom - top
    block = (slice(4 * top, 4 * bottom), slice(0, 4 * across))
    lines = strip(sample, block, slide, worker, 0)
    tiles = worker.array("tiles", (6, 6, count, across, sample.shape[-1]), sample.dtype)
    for y in range(6):
        for x in range(6):
            seen = lines[y : y + 4 * count - 3 : 4, x : x + 4 * across - 3 : 4]
            worker.do(np.copyto, tiles[y, x], seen)
    worker.do(np.matmul, INPUT, tiles.reshape(36, -1), inputs.reshape(36, -1))


def _leave(
    worker: Worker,
    products: Array,
    out: Array,
    where: tuple[int, int, int, slice],
    across: int,
) -> None:
    """Lists what puts products (36, tiles, c_out) into tile rows and channels of the image."""
    n, top, bottom, channels = where
    c_out = products.shape[-1]
    results = worker.array("tiles", (4, 4, bottom - top, across, c_out), products.dtype)
    worker.do(np.matmul, OUTPUT, products.reshape(36, -1), results.reshape(16, -1))
    piece = out[n, 4 * top : 4 * bottom, :, channels]
    for y in range(4):
        for x in range(4):
            target = piece[y::4, x::4]
            inside = results[y, x, : target.shape[0], : target.shape[1]]
            worker.do(np.copyto, target, inside)
