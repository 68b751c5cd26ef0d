"""Recurrent layers: sizes, parameters, costs and refusals."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.analysis.field.fields import fields
from convcalc.counts import Counts
from convcalc.facts import worded
from convcalc.transform.whatif import scale_channels, with_kernel
from tests.layers.shorthand import counts, made, params, refusal, shape


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_sequence_keeps_its_length(kind: str) -> None:
    assert shape(made(kind, 1, units=256), (512, 26)) == (256, 26)
    assert shape(made(kind, 1, units=256, bidirectional=True), (512, 26)) == (512, 26)


@pytest.mark.parametrize(
    ("kind", "channels", "values", "expected"),
    [
        # As PyTorch's LSTM and GRU have them.
        ("lstm", 512, {"units": 256, "bidirectional": True}, 1_576_960),
        ("lstm", 768, {"units": 256}, 1_050_624),
        ("lstm", 10, {"units": 20, "bias": False}, 2_400),
        ("gru", 512, {"units": 256, "bidirectional": True}, 1_182_720),
        ("gru", 10, {"units": 20}, 1_920),
        ("gru", 10, {"units": 20, "bias": False}, 1_800),
    ],
)
def test_parameters(kind: str, channels: int, values: dict[str, object], expected: int) -> None:
    assert params(made(kind, 1, **values), (channels, 26)) == expected


def test_products_with_the_input_and_with_the_state_are_multiply_accumulates() -> None:
    # 197 tokens of 768 channels: half of what PyTorch's FlopCounterMode reports, 413,138,944.
    layer, given = made("lstm", 1, units=256), (768, 197)
    found = counts(layer, given)
    macs = layer.macs([given], (256, 197), found)
    assert macs == 206_569_472
    states = 256 * 197
    assert found == Counts(
        multiplies=macs + 3 * states,
        adds=macs - 4 * states + 8 * states + 4 * states,
        divides=3 * states,
        specials=5 * states,
    )
    # A GRU has three gates, an LSTM four.
    gru = made("gru", 1, units=256)
    assert gru.macs([given], (256, 197), counts(gru, given)) == 3 * macs // 4


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_two_directions_cost_twice_as_much(kind: str) -> None:
    one, both = made(kind, 1, units=6), made(kind, 1, units=6, bidirectional=True)
    assert counts(both, (5, 9)) == counts(one, (5, 9)).times(2)
    assert params(both, (5, 9)) == 2 * params(one, (5, 9))


def test_a_picture_is_no_sequence() -> None:
    error = refusal(made("lstm", units=256), (64, 8, 8))
    assert (error.code, error.message) == (
        "wrong-rank",
        "lstm reads a sequence (channels, length), not the 2 spatial axes of (64, 8, 8)",
    )
    assert worded(error.facts) == (
        ("help", "{reshape: [in_channels, -1]} makes a sequence of a map's positions"),
    )
    assert refusal(made("gru", 0, units=256), (64,)).code == "wrong-rank"


def test_units_see_what_comes_before_them() -> None:
    network = convcalc.loads("{input: [4, 9], layers: [{lstm: 5}]}")
    (axis,) = fields(network)["lstm0"].axes["input"]
    assert (axis.size, axis.offset, str(axis.stride)) == (9, -8, "1")
    both = convcalc.loads("{input: [4, 9], layers: [{lstm: {units: 5, bidirectional: true}}]}")
    (axis,) = fields(both)["lstm0"].axes["input"]
    assert (axis.size, axis.whole) == (9, True)


def test_a_skip_over_a_recurrent_layer_is_aligned() -> None:
    network = convcalc.loads("{input: [4, 9], layers: [{add: [[], [{gru: 4}]]}]}")
    assert not fields(network).misaligned


def test_a_what_if_keeps_two_directions_equal() -> None:
    network = convcalc.loads(
        "{input: [4, 9], layers: [{lstm: {units: 5, bidirectional: true}}, {slice: [0, 5]},"
        " {conv: 3, kernel: 1}]}"
    )
    channels = [node.shape[0] for node in scale_channels(network, 2).operations]
    assert channels == [20, 10, 3]


def test_a_step_of_training_goes_back_through_time() -> None:
    network = convcalc.loads("{input: [6, 26], layers: [{lstm: 8, repeat: 2}]}")
    step = convcalc.train(network, batch=3)
    macs = step.totals.forward_macs
    assert macs == 3 * 26 * (4 * 8 * (6 + 8) + 4 * 8 * (8 + 8))
    # All of them twice, but for the input's gradient, and a state before the first step.
    unwanted = 3 * 26 * 4 * 8 * 6 + 2 * 3 * 4 * 8 * 8
    assert step.totals.backward_macs == 2 * macs - unwanted


class TestMaps:
    """A `conv_lstm` reads a sequence of maps."""

    def test_windows_slide_on_the_axes_after_time(self) -> None:
        layer = made("conv_lstm", 3, channels=40, kernel=3, padding=1)
        assert shape(layer, (1, 15, 40, 40)) == (40, 15, 40, 40)
        # As Keras's ConvLSTM2D(40, 3) has them.
        assert params(layer, (1, 15, 40, 40)) == 59_200
        strided = made("conv_lstm", 3, channels=8, kernel=[3, 5], stride=2)
        assert shape(strided, (4, 6, 9, 9)) == (8, 6, 4, 3)
        assert shape(made("conv_lstm", 2, channels=8, kernel=[3]), (4, 6, 9)) == (8, 6, 7)
        assert shape(made("conv_lstm", 4, channels=8, kernel=1), (4, 6, 2, 3, 4)) == (8, 6, 2, 3, 4)

    def test_both_convolutions_are_multiply_accumulates(self) -> None:
        layer, given = made("conv_lstm", 3, channels=8, kernel=3, stride=2), (4, 6, 9, 9)
        steps, units = 6, 8 * 4 * 4
        macs = steps * 4 * units * (4 + 8) * 9
        found = counts(layer, given)
        assert found == Counts(
            multiplies=macs + steps * 3 * units,
            adds=macs + steps * 4 * units,
            divides=steps * 3 * units,
            specials=steps * 5 * units,
        )
        assert layer.macs([given], (8, 6, 4, 4), found) == macs
        valid = counts(layer, given, valid_taps=True)
        # The map is not padded, the state is: of its 4x4 windows' 144 taps 100 are on it.
        fewer = steps * 4 * 8 * 8 * (144 - 100)
        assert valid == found.plus(Counts(multiplies=-fewer, adds=-fewer))
        assert layer.macs([given], (8, 6, 4, 4), valid) == macs - fewer

    def test_units_see_further_back_in_time(self) -> None:
        network = convcalc.loads(
            "{input: [1, 4, 32, 32], layers: [{conv_lstm: 2, kernel: 3, padding: same}]}"
        )
        steps, rows, _ = fields(network)["conv_lstm0"].axes["input"]
        # One window of 3, and three steps of the state that reach one position further each.
        assert (steps.size, steps.offset, rows.size, rows.offset) == (4, -3, 9, -4)

    def test_one_map_is_no_sequence(self) -> None:
        error = refusal(made("conv_lstm", 1, channels=8, kernel=3), (64, 100))
        assert (error.code, error.message) == (
            "wrong-rank",
            "conv_lstm reads a sequence of maps (channels, steps, height, width), not (64, 100)",
        )
        assert refusal(made("conv_lstm", 0, channels=8, kernel=3), (64,)).code == "wrong-rank"

    def test_what_ifs_change_both_convolutions(self) -> None:
        network = convcalc.loads(
            "{input: [1, 4, 9, 9], layers: [{conv_lstm: 2, kernel: 3, padding: 1},"
            " {conv: 1, kernel: 1}]}"
        )
        wider = scale_channels(network, 2).operations[0]
        assert wider.layer.parameters([(1, 4, 9, 9)])["weight_hh"] == (16, 4, 3, 3)
        larger = with_kernel(network, 5).operations[0]
        assert larger.shape == (2, 4, 9, 9)
        assert larger.layer.parameters([(1, 4, 9, 9)])["weight_hh"] == (8, 2, 5, 5)
