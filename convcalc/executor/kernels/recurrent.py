"""Recurrent layers, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array, channels_first, channels_last
from convcalc.executor.kernels.activation import sigmoid_of
from convcalc.executor.kernels.convolution import correlate, with_bias
from convcalc.executor.kernels.windows import extents, padded, padding_sides

if TYPE_CHECKING:
    from convcalc.layers import recurrent as kinds

Weights = Mapping[str, Array]

#: What a step makes of the state: (what the gates get from the input, what they get from the
#: state, the state and what else is carried on) -> the same of the next step.
_Step = Callable[[Array, Array, tuple[Array, ...]], tuple[Array, ...]]


def lstm(layer: kinds.LSTM, inputs: Sequence[Array], weights: Weights) -> Array:
    """Gates i, f, g, o; the cell c = f*c + i*g; the state h = o*tanh(c)."""
    return _along(layer, inputs[0], weights, _lstm_step, carried=2)


def gru(layer: kinds.GRU, inputs: Sequence[Array], weights: Weights) -> Array:
    """Gates r, z, m; the state h = (1 - z)*m + z*h."""
    return _along(layer, inputs[0], weights, _gru_step, carried=1)


def conv_lstm(layer: kinds.ConvLSTM, inputs: Sequence[Array], weights: Weights) -> Array:
    """An lstm whose products are convolutions of a map and of the state, step by step."""
    maps = inputs[0].swapaxes(1, 2)
    ones = (1,) * (maps.ndim - 3)
    sides = padding_sides(
        layer.padding, maps.shape[3:], extents(layer.kernel, layer.dilation), layer.stride
    )
    states: list[Array] = []
    carried: tuple[Array, ...] = ()
    for place in range(maps.shape[1]):
        shown = padded(maps[:, place], sides, 0)
        given = correlate(shown, weights["weight_ih"], layer.stride, layer.dilation, 1)
        given = with_bias(given, weights)
        if not states:
            zeros = np.zeros_like(given[:, : layer.channels])
            carried = (zeros, zeros)
        around = padding_sides("same", given.shape[2:], layer.kernel, ones)
        state = correlate(padded(carried[0], around, 0), weights["weight_hh"], ones, ones, 1)
        carried = _lstm_step(given, state, carried)
        states.append(carried[0])
    return np.stack(states, axis=2)


def _lstm_step(given: Array, state: Array, carried: tuple[Array, ...]) -> tuple[Array, ...]:
    _, cell = carried
    i, f, g, o = np.split(given + state, 4, axis=1)
    cell = sigmoid_of(f) * cell + sigmoid_of(i) * np.tanh(g)
    return sigmoid_of(o) * np.tanh(cell), cell


def _gru_step(given: Array, state: Array, carried: tuple[Array, ...]) -> tuple[Array, ...]:
    (before,) = carried
    given_r, given_z, given_m = np.split(given, 3, axis=1)
    state_r, state_z, state_m = np.split(state, 3, axis=1)
    z = sigmoid_of(given_z + state_z)
    m = np.tanh(given_m + sigmoid_of(given_r + state_r) * state_m)
    return ((1 - z) * m + z * before,)


def _along(
    layer: kinds.LSTM | kinds.GRU, value: Array, weights: Weights, step: _Step, carried: int
) -> Array:
    """The states of all steps, one direction's channels after the other's."""
    sequence = channels_last(value)
    batch, length, _ = sequence.shape
    directions = [("", range(length))]
    if layer.bidirectional:
        directions.append(("_reverse", range(length - 1, -1, -1)))
    states = np.empty((batch, length, len(directions) * layer.units), value.dtype)
    for number, (suffix, order) in enumerate(directions):
        # What the input gives to the gates is one product for all steps.
        given = sequence @ weights[f"weight_ih{suffix}"].T
        recurrent = weights[f"weight_hh{suffix}"].T
        added: Array | float = 0.0
        if layer.bias:
            given += weights[f"bias_ih{suffix}"]
            added = weights[f"bias_hh{suffix}"]
        channels = slice(number * layer.units, (number + 1) * layer.units)
        last = (np.zeros((batch, layer.units), value.dtype),) * carried
        for place in order:
            last = step(given[:, place], last[0] @ recurrent + added, last)
            states[:, place, channels] = last[0]
    return channels_first(states)
