"""What layers compute and move, and how long that takes at least, worked out by hand."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

import convcalc
from convcalc.analysis.costs.balance import Bound, Figures, balance, bound, intensity_text, total
from convcalc.arithmetic import Ratio
from convcalc.language.device import Device
from tests.networks.grow import random_spec
from tests.quick import each_seed

BOARD = Device("board", {"float32": 10**9}, 2 * 10**9, "made up")


def figures(layers: str, input: str = "[2, 8, 8]", dtype: str = "float32") -> dict[str, Figures]:
    network = convcalc.loads(f"{{input: {input}, layers: [{layers}]}}")
    return balance(convcalc.analyze(network), dtype).units


class TestFigures:
    def test_a_convolution(self) -> None:
        found = figures("{conv: 4, kernel: 3, padding: 1}")["conv0"]
        # 2*64 values in, 4*2*9 weights and 4 biases, 4*64 values out.
        assert found == Figures(4 * 64 * 18 * 2, 128 * 4, 76 * 4, 256 * 4)
        assert found.bytes == 4 * (128 + 76 + 256)
        assert found.intensity == Ratio.of(9216, 1840)

    def test_what_is_fused_moves_nothing_of_its_own(self) -> None:
        plain = figures("{conv: 4, kernel: 1, bias: false}")["conv0"]
        fused = figures("{conv: 4, kernel: 1, bias: false, norm: batch, activation: relu}")["conv0"]
        assert (fused.read, fused.written) == (plain.read, plain.written)
        assert fused.weights == plain.weights + 8 * 4
        assert fused.operations == plain.operations + 3 * 256

    def test_types_have_sizes_of_their_own(self) -> None:
        network = convcalc.load("lenet")
        report = convcalc.analyze(network, batch=3)
        one, other = balance(report), balance(report, "float16", "int8")
        for unit, before in one.units.items():
            after = other.units[unit]
            assert (after.read * 2, after.weights * 4, after.written * 2) == before[1:4]
            assert after.operations == before.operations

    def test_weights_are_read_once_for_a_batch(self) -> None:
        network = convcalc.load("lenet")
        single = balance(convcalc.analyze(network)).units["dense0"]
        many = balance(convcalc.analyze(network, batch=16)).units["dense0"]
        assert many == Figures(16 * single[0], 16 * single[1], single[2], 16 * single[3])

    def test_only_values_under_a_window_are_read(self) -> None:
        # Every other row and column; half of the channels; what a crop leaves.
        assert figures("{conv: 1, kernel: 1, stride: 2}")["conv0"].read == 2 * 16 * 4
        assert figures("{slice: [1, 2]}")["slice0"].read == 64 * 4
        assert figures("{crop: 2}")["crop0"].read == 2 * 16 * 4
        # Rows 0 to 2 and 4 to 6; columns 0 and 1, of the first window, and 3 to 5.
        layers = "{maxpool: 3, stride: 4, padding: [[0, 0], [1, 1]]}"
        assert figures(layers)["pool0"].read == 2 * 6 * 5 * 4

    def test_views_move_nothing(self) -> None:
        found = figures("flatten, dropout, {dense: 3}")
        assert found["flatten0"] == found["dropout0"] == Figures()
        assert found["dense0"].read == 128 * 4

    def test_a_value_that_is_added_to_itself_is_read_once(self) -> None:
        assert figures("{add: [[], []]}")["add0"][1:4] == (512, 0, 512)
        assert figures("{add: [[], [{conv: 2, kernel: 1}]]}")["add0"].read == 1024

    def test_shared_weights_are_read_by_both(self) -> None:
        layers = "{conv: 2, kernel: 1, name: a}, {conv: 2, kernel: 1, name: b, share: a}"
        found = figures(layers)
        assert found["a"].weights == found["b"].weights == 6 * 4

    @each_seed(15, 30)
    def test_no_operation_moves_more_than_its_tensors(self, seed: int) -> None:
        network = convcalc.loads(random_spec(Random(seed)))
        report = convcalc.analyze(network)
        found = balance(report)
        for layer in report.layers:
            mine = found.operations[layer.node.path]
            sizes = [int(np.prod(shape)) for shape in layer.inputs]
            assert mine.operations == layer.cost.flops
            assert 0 <= mine.read <= 4 * sum(sizes)
            assert mine.written in {0, 4 * int(np.prod(layer.output))}
        every, fused = total(found.operations.values()), total(found.units.values())
        assert every.operations == fused.operations == report.totals.flops
        assert every.weights == fused.weights
        assert fused.read <= every.read
        assert fused.written <= every.written


class TestBounds:
    def test_the_longer_of_two_times_bounds(self) -> None:
        computing = Bound.of(Figures(3000, 100, 0, 0), 10**9, 2 * 10**9)
        assert (computing.by, computing.picoseconds) == ("compute", 3_000_000)
        moving = Bound.of(Figures(10, 2000, 1000, 1000), 10**9, 2 * 10**9)
        assert (moving.by, moving.picoseconds) == ("memory", 2_000_000)

    def test_a_layer_on_the_ridge_is_bound_by_both_and_called_computing(self) -> None:
        assert Bound.of(Figures(10, 20, 0, 0), 10**9, 2 * 10**9).by == "compute"

    def test_nothing_to_do_takes_no_time(self) -> None:
        nothing = bound([Figures()], BOARD, "float32")
        assert (nothing.by, nothing.picoseconds) == ("", 0)

    @pytest.mark.parametrize("seed", range(20))
    def test_sums_are_exact_and_rounded_down(self, seed: int) -> None:
        rng = Random(seed)
        device = Device("odd", {"float32": rng.randint(1, 10**15)}, rng.randint(1, 10**13), "")
        parts = [Figures(*[rng.randint(0, 10**9) for _ in range(4)]) for _ in range(9)]
        peak = device.operations["float32"]
        exact = sum(
            max(Fraction(one.operations, peak), Fraction(one.bytes, device.bytes)) for one in parts
        )
        assert bound(parts, device, "float32").picoseconds == int(exact * 10**12)


def test_intensities_are_rounded() -> None:
    assert intensity_text(Ratio.of(999, 1000)) == "1.00"
    assert intensity_text(Ratio.of(12345678, 10)) == "1,234,567.80"
