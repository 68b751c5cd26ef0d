"""Backward passes of recurrent layers: back along the steps, from the last one on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import NamedTuple

from convcalc.layers.recurrent import GRU, LSTM, ConvLSTM
from tests.oracle.counting import Number, Run, Tensor, tanh, total
from tests.oracle.recurrent import (
    Gates,
    conv_lstm_steps,
    directions,
    gru_steps,
    lstm_steps,
    then,
)
from tests.oracle.training import Step, put
from tests.oracle.windows import shape_of


class Back(NamedTuple):
    """What one unit of one step gives back.

    given, state  by gate the gradient of what the input, and the state before, gave to it
    carried       gradients for the same unit of the step before, by what is carried on; empty if
                  there is none
    """

    given: list[Number]
    state: list[Number]
    carried: dict[str, Number]


#: What the step kept by name; the state's gradient; gradients that the step after hands back; the
#: state and the cell before; whether there is a step before.
Unit = Callable[[Callable[[str], Number], Number, dict[str, Number], Number, Number, bool], Back]


def lstm(layer: LSTM, step: Step) -> None:
    for sample in step.batch():
        for place, done in lstm_steps(layer, step.samples[sample][0], step.run):
            for name in ("i", "f", "g", "o", "c"):
                step.stored["numbers"][sample, place, name] = getattr(done, name)
    _back(layer, step, 4, _lstm_unit)


def _lstm_unit(
    kept: Callable[[str], Number],
    dh: Number,
    handed: dict[str, Number],
    h: Number,
    c: Number,
    more: bool,
) -> Back:
    i, f, g, o = map(kept, "ifgo")
    t = tanh(kept("c"))
    dc = dh * o * (1.0 - t * t)
    if "c" in handed:
        dc = dc + handed["c"]
    gates = [
        dc * g * i * (1.0 - i),
        dc * c * f * (1.0 - f),
        dc * i * (1.0 - g * g),
        dh * t * o * (1.0 - o),
    ]
    return Back(gates, gates, {"c": dc * f} if more else {})


def gru(layer: GRU, step: Step) -> None:
    for sample in step.batch():
        for place, done in gru_steps(layer, step.samples[sample][0], step.run):
            for name in ("r", "z", "m", "state"):
                step.stored["numbers"][sample, place, name] = getattr(done, name)
    _back(layer, step, 3, _gru_unit)


def _gru_unit(
    kept: Callable[[str], Number],
    dh: Number,
    handed: dict[str, Number],
    h: Number,
    c: Number,
    more: bool,
) -> Back:
    r, z, m, state = map(kept, ("r", "z", "m", "state"))
    rest = 1.0 - z
    new = dh * rest * (1.0 - m * m)
    reset = new * state * r * (1.0 - r)
    update = dh * (h - m) * z * rest
    return Back([reset, update, new], [reset, update, new * r], {"h": dh * z} if more else {})


def _back(layer: LSTM | GRU, step: Step, gates: int, unit_back: Unit) -> None:
    c_in, length = shape_of(step.samples[0][0])
    units, run = layer.units, step.run
    rows = range(gates * units)
    terms: dict[tuple[object, ...], list[Number]] = defaultdict(list)
    shifts: dict[tuple[object, ...], list[Number]] = defaultdict(list)
    canvases: list[Tensor] = [{} for _ in step.batch()]
    for sample, number in product(step.batch(), range(1 + layer.bidirectional)):
        suffix, order = directions(layer, length)[number]
        handed: list[dict[str, Number]] = [{} for _ in range(units)]
        for place, before in zip(order[::-1], [*order[-2::-1], None], strict=True):
            with step.part("weights"):
                h, c = _before(layer, step, sample, number, before)
                backs = []
                for unit in range(units):
                    dh = step.dy[sample][number * units + unit, place]
                    if "h" in handed[unit]:
                        dh = dh + handed[unit]["h"]
                    kept = partial(_kept, step, sample, (number, place, unit))
                    more = before is not None
                    backs.append(unit_back(kept, dh, handed[unit], h[unit], c[unit], more))
                given = [backs[row % units].given[row // units] for row in rows]
                state = [backs[row % units].state[row // units] for row in rows]
                for row, channel in product(rows, range(c_in)):
                    value = given[row] * step.x(sample)[channel, place]
                    terms[f"weight_ih{suffix}", row, channel].append(value)
                for row, unit in product(rows, range(units)):
                    terms[f"weight_hh{suffix}", row, unit].append(state[row] * h[unit])
                if before is not None:
                    handed = [back.carried for back in backs]
                    for unit in range(units):
                        back = _through(run, f"weight_hh{suffix}", unit, state)
                        if "h" in handed[unit]:
                            back = back + handed[unit]["h"]
                        handed[unit]["h"] = back
            for row in rows:
                shifts[f"bias_ih{suffix}", row].append(given[row])
                shifts[f"bias_hh{suffix}", row].append(state[row])
            if any(step.wanted):
                with step.part("input"):
                    for channel in range(c_in):
                        back = _through(run, f"weight_ih{suffix}", channel, given)
                        put(canvases[sample], (channel, place), back)
    with step.part("weights"):
        step.dw.update({key: total(values) for key, values in terms.items()})
    if layer.bias:
        with step.part("bias"):
            step.dw.update(_sums(shifts))
    for sample, canvas in enumerate(canvases):
        step.dx[sample, 0] = canvas


def _kept(step: Step, sample: int, place: tuple[int, ...], name: str) -> Number:
    number: Number = step.stored["numbers"][sample, place, name]
    return number


def _before(
    layer: LSTM | GRU, step: Step, sample: int, number: int, place: int | None
) -> tuple[list[Number], list[Number]]:
    """The state and the cell of every unit at the step before, zeros where there is none."""
    units, y = range(layer.units), step.y(sample)
    zeros = [step.run.constant(0.0) for _ in units]
    if place is None:
        return zeros, zeros
    h = [y[number * layer.units + unit, place] for unit in units]
    if isinstance(layer, GRU):
        return h, zeros
    return h, [_kept(step, sample, (number, place, unit), "c") for unit in units]


def _through(run: Run, name: str, column: int, gradients: list[Number]) -> Number:
    """What reaches one number that was multiplied by a column of weights."""
    return total([run.weight(name, row, column) * g for row, g in enumerate(gradients)])


def _sums(shifts: dict[tuple[object, ...], list[Number]]) -> dict[tuple[object, ...], Number]:
    """The gradients of biases; two that are added to the same numbers have one gradient."""
    found: dict[tuple[object, ...], Number] = {}
    known: dict[tuple[int, ...], Number] = {}
    for key, values in shifts.items():
        same = tuple(map(id, values))
        if same not in known:
            known[same] = total(values)
        found[key] = known[same]
    return found


def conv_lstm(layer: ConvLSTM, step: Step) -> None:
    shape = shape_of(step.samples[0][0])
    gates = Gates(layer, shape)
    run, zero = step.run, step.run.constant(0.0)
    terms: dict[tuple[object, ...], list[Number]] = defaultdict(list)
    shifts: dict[tuple[object, ...], list[Number]] = defaultdict(list)
    for sample in step.batch():
        for index, done in conv_lstm_steps(layer, step.samples[sample][0], run):
            for name in ("i", "f", "g", "o", "c"):
                step.stored["numbers"][sample, index, name] = getattr(done, name)
        handed: dict[tuple[int, ...], dict[str, Number]] = {cell: {} for cell in gates.cells}
        step.dx[sample, 0] = step.zeros(sample)
        for t in range(shape[1])[::-1]:
            x, y = step.x(sample), step.y(sample)
            shown = {(channel, *place): v for (channel, s, *place), v in x.items() if s == t}
            h = {cell: y[then(cell, t - 1)] if t else zero for cell in gates.cells}
            with step.part("weights"):
                da = _gates_of_maps(layer, step, sample, gates, t, handed)
                for (row, *place), gradient in da.items():
                    for name, values in (("weight_ih", shown), ("weight_hh", h)):
                        for key, source in gates.factors(name, row, tuple(place)):
                            terms[key].append(gradient * values.get(source, zero))
                if t:
                    canvas = _spread(run, gates, "weight_hh", da)
                    for cell in gates.cells:
                        handed[cell]["h"] = canvas[cell]
            for (row, *_), gradient in da.items():
                shifts["bias", row].append(gradient)
            if any(step.wanted):
                with step.part("input"):
                    canvas = _spread(run, gates, "weight_ih", da)
                inside = {then(cell, t): g for cell, g in canvas.items() if cell in shown}
                step.dx[sample, 0].update(inside)
    with step.part("weights"):
        step.dw.update({key: total(values) for key, values in terms.items()})
    if layer.bias:
        with step.part("bias"):
            step.dw.update({key: total(values) for key, values in shifts.items()})


def _gates_of_maps(
    layer: ConvLSTM,
    step: Step,
    sample: int,
    gates: Gates,
    t: int,
    handed: dict[tuple[int, ...], dict[str, Number]],
) -> Tensor:
    """The gradients of a step's gates by row and place; those for the step before are handed on."""
    da: Tensor = {}
    for cell in gates.cells:
        dh = step.dy[sample][then(cell, t)]
        if "h" in handed[cell]:
            dh = dh + handed[cell]["h"]
        zero = step.run.constant(0.0)
        c = step.stored["numbers"][sample, then(cell, t - 1), "c"] if t else zero
        kept = partial(_kept, step, sample, then(cell, t))
        back = _lstm_unit(kept, dh, handed[cell], zero, c, t > 0)
        handed[cell] = back.carried
        for k, gradient in enumerate(back.given):
            row = (k * layer.channels + cell[0], *cell[1:])
            da[row] = gradient
    return da


def _spread(run: Run, gates: Gates, name: str, da: Tensor) -> Tensor:
    """The gradients of what a convolution's products were made of, beyond the edges too."""
    canvas: Tensor = {}
    for (row, *place), gradient in da.items():
        for key, source in gates.factors(name, row, tuple(place)):
            put(canvas, source, run.weight(*key) * gradient)
    return canvas
