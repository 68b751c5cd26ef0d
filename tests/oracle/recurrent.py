"""Recurrent layers, number by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convcalc.layers.recurrent import GRU, LSTM, ConvLSTM
from tests.oracle.activation import sigmoid
from tests.oracle.counting import Number, Run, Tensor, tanh, total
from tests.oracle.windows import axes, everywhere, shape_of, window_positions


class Gate(NamedTuple):
    """A gate of one unit before its activation: what the input gives to it, and the state."""

    given: Number
    state: Number


def directions(layer: LSTM | GRU, length: int) -> list[tuple[str, list[int]]]:
    """What the weights of each direction are called behind their names, and its order."""
    forward = list(range(length))
    return [("", forward), ("_reverse", forward[::-1])][: 2 if layer.bidirectional else 1]


def _weighted(
    run: Run, kind: str, suffix: str, row: int, values: Sequence[Number], *, bias: bool
) -> Number:
    weight = f"weight_{kind}{suffix}"
    found = total([value * run.weight(weight, row, i) for i, value in enumerate(values)])
    return found + run.weight(f"bias_{kind}{suffix}", row) if bias else found


def gate(
    layer: LSTM | GRU,
    run: Run,
    suffix: str,
    row: int,
    channels: Sequence[Number],
    state: Sequence[Number],
) -> Gate:
    """Row `row` of the products with the input and with the state before."""
    return Gate(
        _weighted(run, "ih", suffix, row, channels, bias=layer.bias),
        _weighted(run, "hh", suffix, row, state, bias=layer.bias),
    )


class LSTMStep(NamedTuple):
    """One unit after one step of an LSTM."""

    i: Number
    f: Number
    g: Number
    o: Number
    c: Number
    h: Number


class GRUStep(NamedTuple):
    """One unit after one step of a GRU; `state` is what the reset gate weakens."""

    r: Number
    z: Number
    m: Number
    state: Number
    h: Number


#: The place of a unit's step: which direction, which position of the sequence, which unit.
Place = tuple[int, int, int]


def lstm_steps(layer: LSTM, x: Tensor, run: Run) -> Iterator[tuple[Place, LSTMStep]]:
    """Every unit of every step, in the order in which they are computed."""
    c_in, length = shape_of(x)
    for number, (suffix, order) in enumerate(directions(layer, length)):
        h = [run.constant(0.0) for _ in range(layer.units)]
        c = list(h)
        for place in order:
            channels = [x[channel, place] for channel in range(c_in)]
            done = []
            for unit in range(layer.units):
                rows = [unit + layer.units * k for k in range(4)]
                i, f, g, o = [gate(layer, run, suffix, row, channels, h) for row in rows]
                inward, forget = sigmoid(i.given + i.state), sigmoid(f.given + f.state)
                new, outward = tanh(g.given + g.state), sigmoid(o.given + o.state)
                cell = forget * c[unit] + inward * new
                done.append(LSTMStep(inward, forget, new, outward, cell, outward * tanh(cell)))
            yield from [((number, place, unit), step) for unit, step in enumerate(done)]
            h, c = [step.h for step in done], [step.c for step in done]


def gru_steps(layer: GRU, x: Tensor, run: Run) -> Iterator[tuple[Place, GRUStep]]:
    """Every unit of every step, in the order in which they are computed."""
    c_in, length = shape_of(x)
    for number, (suffix, order) in enumerate(directions(layer, length)):
        h = [run.constant(0.0) for _ in range(layer.units)]
        for place in order:
            channels = [x[channel, place] for channel in range(c_in)]
            done = []
            for unit in range(layer.units):
                rows = [unit + layer.units * k for k in range(3)]
                r, z, m = [gate(layer, run, suffix, row, channels, h) for row in rows]
                reset, update = sigmoid(r.given + r.state), sigmoid(z.given + z.state)
                new = tanh(m.given + reset * m.state)
                state = (1.0 - update) * new + update * h[unit]
                done.append(GRUStep(reset, update, new, m.state, state))
            yield from [((number, place, unit), step) for unit, step in enumerate(done)]
            h = [step.h for step in done]


def lstm(layer: LSTM, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {
        (number * layer.units + unit, place): step.h
        for (number, place, unit), step in lstm_steps(layer, x, run)
    }


def gru(layer: GRU, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {
        (number * layer.units + unit, place): step.h
        for (number, place, unit), step in gru_steps(layer, x, run)
    }


#: What a convolution of maps multiplies: a weight by its key, and where the other factor stands.
Factors = list[tuple[tuple[object, ...], tuple[int, ...]]]


def then(cell: tuple[int, ...], step: int) -> tuple[int, ...]:
    """Where a channel and position of a map stand in a sequence of maps."""
    return (cell[0], step, *cell[1:])


class Gates:
    """The products of a convolutional LSTM's gates, by row and output position."""

    def __init__(self, layer: ConvLSTM, shape: Sequence[int]) -> None:
        c_in, _, *sizes = shape
        ones = [1] * len(sizes)
        shown = axes(sizes, layer.kernel, layer.stride, layer.dilation, layer.padding)
        outputs = [len(window.starts) for window in shown]
        around = axes(outputs, layer.kernel, ones, ones, "same")
        places = list(everywhere(outputs))
        #: The state's channels and positions.
        self.cells = [(channel, *place) for place in places for channel in range(layer.channels)]
        self.looks = {
            place: [
                (name, channel, tap, position)
                for name, channels, windows in (
                    ("weight_ih", c_in, shown),
                    ("weight_hh", layer.channels, around),
                )
                for channel in range(channels)
                for tap, position in window_positions(windows, place)
            ]
            for place in places
        }

    def factors(self, name: str, row: int, place: tuple[int, ...]) -> Factors:
        """Those of one of the two convolutions."""
        return [
            ((name, row, channel, tap), (channel, *position))
            for which, channel, tap, position in self.looks[place]
            if which == name
        ]


def conv_lstm_steps(
    layer: ConvLSTM, x: Tensor, run: Run
) -> Iterator[tuple[tuple[int, ...], LSTMStep]]:
    """Every unit of every step, by its place in the result, in the order of computing."""
    shape = shape_of(x)
    gates = Gates(layer, shape)
    h = {cell: run.constant(0.0) for cell in gates.cells}
    c = dict(h)
    for step in range(shape[1]):
        shown = {(channel, *place): v for (channel, t, *place), v in x.items() if t == step}
        done = {}
        for cell in gates.cells:
            before = [
                _gate(layer, run, gates, k * layer.channels + cell[0], cell[1:], shown, h)
                for k in range(4)
            ]
            i, f, o = [sigmoid(before[k]) for k in (0, 1, 3)]
            g = tanh(before[2])
            new = f * c[cell] + i * g
            done[cell] = LSTMStep(i, f, g, o, new, o * tanh(new))
        yield from [(then(cell, step), unit) for cell, unit in done.items()]
        h, c = {i: s.h for i, s in done.items()}, {i: s.c for i, s in done.items()}


def _gate(
    layer: ConvLSTM,
    run: Run,
    gates: Gates,
    row: int,
    place: tuple[int, ...],
    shown: Tensor,
    h: Tensor,
) -> Number:
    products = []
    for name, values in (("weight_ih", shown), ("weight_hh", h)):
        for key, source in gates.factors(name, row, place):
            weight = run.weight(*key)
            found = [values[source]] if source in values else run.padding(0.0)
            products += [value * weight for value in found]
    summed = total(products)
    return summed + run.weight("bias", row) if layer.bias else summed


def conv_lstm(layer: ConvLSTM, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {index: step.h for index, step in conv_lstm_steps(layer, x, run)}
