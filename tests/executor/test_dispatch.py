"""Which kernel a layer gets, and that Winograd's gives what the direct one gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.executor import dispatch
from convcalc.executor.fast import winograd as winograd_module
from convcalc.executor.fast.blocking import SlidingWindow, window_over
from convcalc.executor.fast.convolution import convolve
from convcalc.executor.fast.epilogue import Epilogue, relu_in_place
from convcalc.executor.fast.winograd import transform_kernels, winograd
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.workspace import Workspace

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def window(
    size: int, kernel: int = 3, stride: int = 1, dilation: int = 1, pad: int = 1
) -> SlidingWindow:
    span = (kernel - 1) * dilation + 1
    both = [(number, number) for number in (size, kernel, span, stride, dilation)]
    return window_over(*both, ((pad, pad), (pad, pad)))


@pytest.mark.parametrize(
    ("slide", "channels", "groups", "dtype", "exact", "expected"),
    [
        (window(56), 64, 1, SINGLE, False, "winograd"),
        (window(14), 64, 1, SINGLE, False, "im2col"),
        (window(56), 64, 1, DOUBLE, False, "im2col"),
        (window(56), 64, 1, SINGLE, True, "im2col"),
        (window(56), 16, 1, SINGLE, False, "im2col"),
        (window(56, stride=2), 64, 1, SINGLE, False, "im2col"),
        (window(56, dilation=2), 64, 1, SINGLE, False, "im2col"),
        (window(56, kernel=5), 64, 1, SINGLE, False, "im2col"),
        (window(56), 64, 2, SINGLE, False, "im2col"),
        (window(56), 64, 64, SINGLE, False, "depthwise"),
        (window(56, kernel=1, pad=0), 64, 1, SINGLE, False, "im2col"),
    ],
)
def test_algorithm(
    slide: SlidingWindow, channels: int, groups: int, dtype: Any, exact: bool, expected: str
) -> None:
    found = dispatch.convolution_algorithm(slide, channels, channels, groups, dtype, exact)
    assert found == expected


@pytest.mark.parametrize("transformed", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_winograd_agrees_with_a_direct_convolution(
    transformed: bool, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd_module, "CHANNELS", 16)
    monkeypatch.setattr(winograd_module, "TILE_BYTES", 36 * 4 * 3 * 8 * 2)
    rng = np.random.default_rng(1)
    for number in range(12):
        height, width = map(int, rng.integers(3, 15, 2))
        c_in, c_out, batch = rng.integers(1, 40), rng.integers(1, 40), rng.integers(1, 3)
        above, below, left, right = map(int, rng.integers(0, 3, 4))
        sides = ((above, below), (left, right))
        slide = window_over((height, width), (3, 3), (3, 3), (1, 1), (1, 1), sides)
        data = rng.normal(size=(batch, height, width, c_in)).astype(SINGLE)
        weight = rng.normal(size=(9 * c_in, c_out)).astype(SINGLE)
        residual = rng.normal(size=(batch, *slide.outputs, c_out)).astype(SINGLE)
        bias = rng.normal(size=c_out).astype(SINGLE)
        epilogue = Epilogue(None, bias, residual, relu_in_place)
        with ThreadPool([Workspace() for _ in range(threads)]) as pool:
            kernels = transform_kernels(weight, pool) if transformed else None
            found = winograd(data, weight, kernels, slide, epilogue, pool)
            expected = convolve(data, weight, slide, 1, epilogue, pool)
        assert found.shape == expected.shape
        error = np.abs(found - expected).max() / np.abs(expected).max()
        assert error < 1e-5, f"number {number}: {slide}"


def test_a_whole_run_with_winograd_is_close_to_an_exact_one() -> None:
    network = convcalc.loads(
        """
        input: [3, 60, 60]
        layers:
          - {conv: 32, kernel: 3, padding: 1, activation: relu, repeat: 3}
          - {maxpool: 2}
          - {conv: 48, kernel: 3, padding: 1, norm: batch, activation: relu, repeat: 2}
        """
    )
    inputs = ready_inputs(network, {}, 1, 0, SINGLE)
    (found,) = Program(network, threads=2).run(inputs).values()
    (exact,) = Program(network, threads=2, exact=True).run(inputs).values()
    inputs = ready_inputs(network, {}, 1, 0, DOUBLE)
    (double,) = Program(network, threads=2, dtype="float64").run(inputs).values()
    largest = np.abs(double).max()
    assert np.abs(exact - double).max() < np.abs(found - double).max() < 1e-5 * largest


def test_every_kind_of_pool_is_in_the_table() -> None:
    assert set(dispatch.POOLS) == {"maxpool", "minpool", "avgpool"}
