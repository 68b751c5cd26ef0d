"""Which kernel a layer gets, and that Winograd's gives what the direct one gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.executor import choice
from convcalc.executor.fast import winograd as winograd_module
from convcalc.executor.fast.convolution import direct
from convcalc.executor.fast.finish import Finish, relu_in_place
from convcalc.executor.fast.strips import Slide, slide_over
from convcalc.executor.fast.winograd import transformed, winograd
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.threads import Team

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def slide(size: int, kernel: int = 3, stride: int = 1, dilation: int = 1, pad: int = 1) -> Slide:
    pair = (size, size)
    span = (kernel - 1) * dilation + 1
    both = (stride, stride)
    return slide_over(
        pair, (kernel, kernel), (span, span), both, (dilation, dilation), ((pad, pad), (pad, pad))
    )


@pytest.mark.parametrize(
    ("window", "channels", "groups", "dtype", "exact", "kept", "expected"),
    [
        (slide(56), 64, 1, SINGLE, False, False, "winograd"),
        (slide(14), 64, 1, SINGLE, False, True, "winograd"),
        (slide(14), 64, 1, SINGLE, False, False, "direct"),
        (slide(56), 64, 1, DOUBLE, False, True, "direct"),
        (slide(56), 64, 1, SINGLE, True, True, "direct"),
        (slide(56), 16, 1, SINGLE, False, True, "direct"),
        (slide(56, stride=2), 64, 1, SINGLE, False, True, "direct"),
        (slide(56, dilation=2), 64, 1, SINGLE, False, True, "direct"),
        (slide(56, kernel=5), 64, 1, SINGLE, False, True, "direct"),
        (slide(56), 64, 2, SINGLE, False, True, "direct"),
        (slide(56), 64, 64, SINGLE, False, True, "depthwise"),
        (slide(56, kernel=1, pad=0), 64, 1, SINGLE, False, True, "pointwise"),
        (slide(56, kernel=1, pad=1), 64, 1, SINGLE, False, True, "direct"),
    ],
)
def test_rule(
    window: Slide, channels: int, groups: int, dtype: Any, exact: bool, kept: bool, expected: str
) -> None:
    found = choice.method(window, channels, channels, groups, dtype, exact, kept)
    assert found == expected


@pytest.mark.parametrize("few_tiles", [0, 10_000])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_winograd_agrees_with_direct(
    few_tiles: int, kept: bool, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd_module, "FEW_TILES", few_tiles)
    monkeypatch.setattr(winograd_module, "CHANNELS", 16)
    monkeypatch.setattr(winograd_module, "TILES", 36 * 4 * 3 * 8 * 2)
    rng = np.random.default_rng(1)
    for number in range(12):
        height, width = rng.integers(3, 15, 2)
        c_in, c_out, batch = rng.integers(1, 40), rng.integers(1, 40), rng.integers(1, 3)
        pads = rng.integers(0, 3, 4)
        sides = ((int(pads[0]), int(pads[1])), (int(pads[2]), int(pads[3])))
        window = slide_over((int(height), int(width)), (3, 3), (3, 3), (1, 1), (1, 1), sides)
        data = rng.normal(size=(batch, height, width, c_in)).astype(SINGLE)
        weight = rng.normal(size=(9 * c_in, c_out)).astype(SINGLE)
        residual = rng.normal(size=(batch, *window.outputs, c_out)).astype(SINGLE)
        finish = Finish(rng.normal(size=c_out).astype(SINGLE), residual, relu_in_place)
        with Team(threads) as team:
            prepared = transformed(weight, team) if kept else None
            found = winograd(data, weight, prepared, window, finish, team)
            expected = direct(data, weight, window, 1, finish, team)
        assert found.shape == expected.shape
        error = np.abs(found - expected).max() / np.abs(expected).max()
        assert error < 1e-5, f"number {number}: {window}"


def test_a_whole_run_with_winograd_is_close_to_an_exact_one() -> None:
    network = convcalc.load("vgg11", input=[3, 64, 64])
    inputs = ready_inputs(network, {}, 1, 0, SINGLE)
    (found,) = Program(network, threads=2).run(inputs).values()
    (exact,) = Program(network, threads=2, exact=True).run(inputs).values()
    inputs = ready_inputs(network, {}, 1, 0, DOUBLE)
    (double,) = Program(network, threads=2, dtype="float64").run(inputs).values()
    largest = np.abs(double).max()
    assert np.abs(found - double).max() < 1e-5 * largest
    assert np.abs(exact - double).max() < 1e-5 * largest


def test_every_kind_of_pool_is_in_the_table() -> None:
    assert set(choice.POOLS) == {"maxpool", "minpool", "avgpool"}
