"""Recurrent layers, number by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convcalc.layers.recurrent import GRU, LSTM
from tests.oracle.activation import sigmoid
from tests.oracle.counting import Number, Run, Tensor, tanh, total
from tests.oracle.windows import shape_of


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
