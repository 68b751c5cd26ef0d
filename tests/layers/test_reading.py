"""What kinds declare to read is what a run depends on: a value that is not a number spreads to it.

Every result that depends on an input of a sum, a product or a maximum is NaN when that input is, so
one run for each input position shows which units read it.
"""

from __future__ import annotations

import itertools
import random
import warnings
from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.arithmetic import Window
from convcalc.graph import result_shape
from convcalc.layers.attention import AttentionValues
from convcalc.layers.base import Layer
from convcalc.layers.reading import (
    Centres,
    Reading,
    Readings,
    adaptive,
    grouped,
    interleaved,
    interpolated,
    reshaped,
    sampled,
    shifted,
    slides,
    transposed,
    windowed,
    wrapped,
)
from convcalc.layers.recurrent import GRU, LSTM
from convcalc.layers.resizing import Upsample
from convcalc.shapes import Shape
from tests.executor.values import network_of
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.layers.shorthand import made
from tests.oracle.random_layers import drawn

LAYERS = 8
PROBES = 4


def positions(reading: Reading, unit: tuple[int, ...], n: int) -> set[int]:
    """The positions of an axis of size n that the unit at this place reads."""
    if reading.along is None:
        return set(range(n))
    found = set()
    for place in reading.at(unit[reading.along]):
        if 0 <= place < n:
            found.add(place)
        elif reading.outside is not None:
            found.add(reading.outside(place))
    return found


def readers(readings: Readings, place: tuple[int, ...], shape: Shape, output: Shape) -> set[object]:
    """The units that read this place of an input, as the readings say it."""
    found: set[object] = set()
    for unit in itertools.product(*map(range, output)):
        axes = zip(readings, place, shape, strict=True)
        if all([at in positions(reading, unit, n) for reading, at, n in axes]):
            found.add(unit)
    return found


def spread(layer: Layer, shapes: list[Shape], number: int, place: tuple[int, ...]) -> set[object]:
    """The units of a run that depend on one value of an input."""
    network = network_of(layer, shapes)
    rng = np.random.default_rng(1)
    inputs = {name: rng.uniform(0.5, 1.5, (1, *shape)) for name, shape in network.inputs.items()}
    inputs[f"input{number}"][0][place] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are not finite
        (result,) = convcalc.execute(network, inputs, dtype="float64", exact=True).values()
    return {tuple(int(i) for i in unit) for unit in np.argwhere(np.isnan(result[0]))}


#: One channel of a block is read, which one the position says, or one position, which one the
#: channel says: the declared block or window is not exact.
BLOCKS = {"pixel_shuffle", "pixel_unshuffle", "attention_scores"}
#: Where one reads depends on its offsets; the other reads further the more steps there were.
BOUNDS = {"deform_conv", "conv_lstm", "indices"}


def without_channels(units: set[object]) -> set[object]:
    return {unit[1:] for unit in units if isinstance(unit, tuple)}


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", [kind for kind in KNOWN_NODE_KINDS if kind != "unpool"])
def test_units_read_what_the_kind_declares(kind: str) -> None:
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"reading {number}")
        output = result_shape(layer, shapes)
        rng = random.Random(number)
        if layer.constant:
            assert layer.all_reads(shapes) == []
            assert not spread(layer, shapes, 0, tuple(rng.randrange(n) for n in shapes[0]))
            continue
        for index, shape in enumerate(shapes):
            readings = layer.reads(shapes, index)
            assert len(readings) == len(shape)
            irregular = any(reading.irregular for reading in readings)
            for _ in range(PROBES):
                place = tuple(rng.randrange(n) for n in shape)
                told = readers(readings, place, shape, output)
                seen = spread(layer, shapes, index, place)
                what = f"{layer!r} on {shapes}, input {index} at {place}"
                if irregular:
                    assert seen <= told, what
                elif kind in BLOCKS | BOUNDS or both_ways(layer):
                    assert seen <= told, what
                elif unweighted(layer):
                    assert told <= seen, what
                else:
                    assert seen == told, what


def both_ways(layer: Layer) -> bool:
    """Whether some channels read what comes before, the others what follows: it declares all."""
    return isinstance(layer, LSTM | GRU) and layer.bidirectional


def unweighted(layer: Layer) -> bool:
    """Whether a run multiplies neighbours by zero, which spreads NaN but is no dependence."""
    if isinstance(layer, AttentionValues):
        return any(layer.shift)
    return isinstance(layer, Upsample) and layer.mode != "nearest"


def differences(layer: Layer, shape: Shape, place: tuple[int, ...]) -> set[object]:
    """The units of a run whose values change with one value of the input."""
    network = network_of(layer, [shape])
    before = np.ones((1, *shape))
    after = before.copy()
    after[0][place] = 2.0
    results = [convcalc.execute(network, x, dtype="float64")["layer"][0] for x in (before, after)]
    return {tuple(int(i) for i in unit) for unit in np.argwhere(results[0] != results[1])}


@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
def test_bilinear_reads_no_neighbour_of_weight_zero(coordinates: str) -> None:
    factors = (2, 3, 5, Fraction(3, 2))
    for factor, size, axis in itertools.product(factors, (1, 2, 4), (1, 2)):
        shape = (1, size, 3) if axis == 1 else (1, 3, size)
        layer = made("upsample", factor=factor, mode="bilinear", coordinates=coordinates)
        output = result_shape(layer, [shape])
        for place in itertools.product(*map(range, shape)):
            told = readers(layer.reads([shape], 0), place, shape, output)
            assert differences(layer, shape, place) == told


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_readings_repeat_with_their_period(kind: str) -> None:
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"period {number}")
        for readings in layer.all_reads(shapes):
            for reading in readings:
                if reading.along is None:
                    continue
                for y in range(-3, 2 * reading.period):
                    first, second = reading.at(y), reading.at(y + reading.period)
                    moved = [place + reading.advance for place in first]
                    assert list(second) == moved, f"{layer!r} on {shapes}"


sizes = st.integers(1, 40)
#: A reading, its output's units, and the positions of its input's axis.
ReadingCase = tuple[Reading, int, int]


@st.composite
def resizes(draw: st.DrawFn) -> ReadingCase:
    """An axis that is resized or pooled to any size, in any way or by any fraction."""
    n, out = draw(sizes), draw(sizes)
    if draw(st.booleans()):
        return adaptive(1, n, out), out, n
    ways = {
        "mode": draw(st.sampled_from(["nearest", "bilinear", "bicubic"])),
        "coordinates": draw(st.sampled_from(["half_pixel", "align_corners", "asymmetric"])),
    }
    if draw(st.booleans()):
        return made("upsample", 1, size=out, **ways).reads([(1, n)], 0)[1], out, n
    factor = Fraction(draw(st.integers(1, 4 * n)), draw(sizes))
    factor = max(factor, Fraction(1, n))
    layer = made("upsample", 1, factor=factor, **ways)
    (_, out) = layer.output_shape([(1, n)])
    return layer.reads([(1, n)], 0)[1], out, n


@st.composite
def windows(draw: st.DrawFn) -> ReadingCase:
    """A sliding window, or a transposed one, whose windows may lie off the axis."""
    n, out, taps, stride = draw(sizes), draw(sizes), draw(sizes), draw(st.integers(1, 12))
    dilation, before = draw(st.integers(1, 12)), draw(sizes)
    window = Window(n, taps, stride, dilation, before, 0, out)
    return draw(st.sampled_from([slides(1, window), *transposed([window])])), out, n


@st.composite
def moves(draw: st.DrawFn) -> ReadingCase:
    """Positions that are moved, repeated or interleaved."""
    a, b, c = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    return draw(
        st.sampled_from(
            [
                (shifted(1, a - b), c, draw(sizes)),
                (grouped(1, a, b), a * c, b * c),
                (grouped(1, a, 1), draw(sizes), draw(sizes)),
                (interleaved(1, a, b), a * b, a * b),
                (wrapped(1, a, b), a * b * c, b),
                (windowed(1, a, b, 0), draw(st.integers(1, a * b * c)), a * b * c),
                (windowed(1, a, 1, c % a), draw(st.integers(1, a * b)), a * b),
            ]
        )
    )


@given(st.one_of(resizes(), windows(), moves()))
def test_the_count_is_that_of_all_positions_read(case: ReadingCase) -> None:
    reading, units, n = case
    read = {place for y in range(units) for place in positions(reading, (0, y), n)}
    assert (n if reading.along is None else reading.count(units, n)) == len(read)


@given(st.one_of(resizes(), windows(), moves()), st.data())
def test_a_span_goes_from_the_first_position_read_to_the_last(
    case: ReadingCase, data: st.DataObject
) -> None:
    reading, units, _ = case
    if reading.along is None:
        return
    first = data.draw(st.integers(0, units - 1))
    some = range(first, data.draw(st.integers(first, units - 1)) + 1)
    read = [place for y in some for place in reading.at(y)]
    expected = range(min(read), max(read) + 1) if read else range(0)
    assert reading.span(some) == expected


@given(st.one_of(resizes(), windows(), moves()), st.data())
def test_the_readers_of_positions_are_in_a_row(case: ReadingCase, data: st.DataObject) -> None:
    reading, units, n = case
    if reading.along is None or not reading.ascending:
        return
    first = data.draw(st.integers(0, n - 1))
    some = range(first, data.draw(st.integers(first, n - 1)) + 1)
    spans = {y: reading.at(y) for y in range(units)}
    expected = [y for y, taps in spans.items() if taps[0] <= some[-1] and taps[-1] >= some[0]]
    assert list(reading.readers(some, units)) == expected


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_kinds_count_all_positions_read(kind: str) -> None:
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"count {number}")
        output = result_shape(layer, shapes)
        for readings, shape in zip(layer.all_reads(shapes), shapes, strict=not layer.shape_only):
            for reading, n in zip(readings, shape, strict=True):
                if reading.along is None:
                    continue
                units = output[reading.along]
                unit = [0] * len(output)
                read = set()
                for unit[reading.along] in range(units):
                    read |= positions(reading, tuple(unit), n)
                assert reading.count(units, n) == len(read), f"{layer!r} on {shapes}"


def test_an_axis_of_any_size_is_counted_at_once() -> None:
    n, out = 2_000_000_011, 1_999_999_973
    assert sampled(1, Centres(n, 0, out), 0, 0).count(out, n) == out
    assert interpolated(1, Centres(2 * n, n - out, 2 * out)).count(out, n) == n
    assert adaptive(1, n, out).count(out, n) == n
    assert adaptive(1, n, out).span(range(out)) == range(n)
    (landing,) = transposed([Window(n, 2, 10**9, 1, 0, 0, out)])
    assert landing.count(out, n) == 2
    assert landing.span(range(2, out)) == range(1, 2)


def test_a_transposed_convolution_with_gaps() -> None:
    layer = made("conv_transpose", 1, channels=1, kernel=2, stride=4, dilation=2)
    (_, axis) = layer.reads([(1, 5)], 0)
    assert [list(axis.at(o)) for o in range(5)] == [[0], [], [0], [], [1]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((2, 3, 4), (24,)),
        ((2, 3, 4), (6, 4)),
        ((6, 4), (2, 3, 4)),
        ((4, 6), (6, 4)),
        ((2, 1, 3), (3, 2)),
    ],
)
def test_reshaping_keeps_the_order_of_values(before: Shape, after: Shape) -> None:
    numbers = np.arange(prod(before)).reshape(before)
    moved = numbers.reshape(after)
    readings = reshaped(before, after)
    for unit in itertools.product(*map(range, after)):
        place = np.unravel_index(int(moved[unit]), before)
        for reading, at, n in zip(readings, place, before, strict=True):
            if not reading.irregular:
                assert int(at) in positions(reading, unit, n)
                assert n == 1 or len(positions(reading, unit, n)) == 1
    if len(after) == 1 or before == (2, 3, 4):
        assert not any(reading.irregular for reading in readings)
