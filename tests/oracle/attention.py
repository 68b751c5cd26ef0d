"""Attention in plain loops: its parts, and the whole of it from its definition."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from convcalc.layers.attention import (
    AttentionBias,
    AttentionNorm,
    AttentionScores,
    AttentionValues,
)
from tests.oracle.counting import (
    Number,
    Run,
    Tensor,
    at,
    combine,
    exp,
    maximum,
    square_root,
    total,
)
from tests.oracle.windows import everywhere, shape_of

Place = tuple[int, ...]

#: Hidden units of the network behind a continuous bias.
HIDDEN = 512


def window_of(layer: Any, place: Place, sizes: Sequence[int]) -> list[Place]:
    """The positions of the window of a place, on a map of these sizes, in their order.

    Positions before the first window are in one with those behind the last whole one.
    """
    if layer.window is None:
        return list(everywhere(sizes))
    axes = []
    for y, n, taps, apart, shift in zip(
        place, sizes, layer.window, layer.dilation, layer.shift, strict=True
    ):
        first = 0 if taps == n else shift
        counted = (y - first) % n
        start = counted - counted % (taps * apart) + counted % apart
        axes.append([(start + first + t * apart) % n for t in range(taps)])
    indices = everywhere([len(axis) for axis in axes])
    return [tuple([axes[a][i] for a, i in enumerate(index)]) for index in indices]


def kept_apart(layer: Any, one: Place, other: Place, sizes: Sequence[int]) -> bool:
    """Whether two positions of a window lie at opposite ends of a shifted axis."""
    if layer.window is None:
        return False
    axes = zip(one, other, sizes, layer.window, layer.shift, strict=True)
    return any((a < shift) != (b < shift) for a, b, n, taps, shift in axes if taps != n)


def pairs(
    layer: Any, places: Sequence[int], sizes: Sequence[int]
) -> Iterator[tuple[Place, int, Place, bool]]:
    """Each position of the query with the number and place of each key; whether they are apart."""
    for place in everywhere(places):
        for number, key in enumerate(window_of(layer, place, sizes)):
            yield place, number, key, kept_apart(layer, place, key, sizes)


def norm(layer: AttentionNorm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return normalised(layer.heads, x, run, scaled=layer.scaled)[0]


def normalised(
    heads: int, x: Tensor, run: Run, *, scaled: bool
) -> tuple[Tensor, dict[tuple[int, Place], Number]]:
    """Each head of each position divided by its length; and the lengths."""
    channels, *sizes = shape_of(x)
    size = channels // heads
    result: Tensor = {}
    lengths: dict[tuple[int, Place], Number] = {}
    for place in everywhere(sizes):
        for head in range(heads):
            members = range(head * size, head * size + size)
            squares = total([x[at(c, *place)] * x[at(c, *place)] for c in members])
            length = maximum(square_root(squares), 1e-12)
            lengths[head, tuple(place)] = length
            for c in members:
                unit = x[at(c, *place)] / length
                result[at(c, *place)] = unit * run.weight("weight", head) if scaled else unit
    return result, lengths


def scores(layer: AttentionScores, inputs: Sequence[Tensor], run: Run) -> Tensor:
    query, key = inputs
    size = shape_of(query)[0] // layer.heads
    places, sizes = shape_of(query)[1:], shape_of(key)[1:]
    keys = len(window_of(layer, (0,) * len(sizes), sizes))
    result: Tensor = {}
    for place, number, other, apart in pairs(layer, places, sizes):
        for head in range(layer.heads):
            index = at(head * keys + number, *place)
            result[index] = run.constant(-math.inf)
            if apart and run.valid_taps:
                continue
            members = range(head * size, head * size + size)
            product = total([query[at(c, *place)] * key[at(c, *other)] for c in members])
            if not apart:
                result[index] = product
    return result


def bias(layer: AttentionBias, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return biased(layer, x, bias_table(layer, layer.window or shape_of(x)[1:], run), run)


def biased(layer: AttentionBias, x: Tensor, table: Tensor, run: Run) -> Tensor:
    """The scores, each with the number of its offset."""
    sizes = shape_of(x)[1:]
    window = layer.window or sizes
    keys = len(window_of(layer, (0,) * len(sizes), sizes))
    result: Tensor = {}
    for place, number, _, apart in pairs(layer, sizes, sizes):
        own = window_of(layer, place, sizes).index(tuple(place))
        offset = offset_of(layer, window, own, number)
        for head in range(layer.heads):
            index = at(head * keys + number, *place)
            result[index] = x[index]
            if not (apart and run.valid_taps):
                result[index] = x[index] + table[at(head, *offset)]
    return result


def offset_of(layer: Any, window: Sequence[int], query: int, key: int) -> Place:
    """Where the number of a query and a key stands, both counted within their window."""
    places = list(everywhere(window))
    axes = zip(places[query], places[key], window, strict=True)
    if layer.form == "distance":
        return tuple([abs(q - k) for q, k, _ in axes])
    return tuple([q - k + taps - 1 for q, k, taps in axes])


def bias_table(layer: AttentionBias, window: Sequence[int], run: Run) -> Tensor:
    """The number of each head and offset."""
    distances = layer.form == "distance"
    offsets = list(everywhere([n if distances else 2 * n - 1 for n in window]))
    if layer.form != "continuous":
        heads = range(layer.heads)
        return {at(h, *offset): run.weight("bias", h, *offset) for h in heads for offset in offsets}
    table: Tensor = {}
    for offset in offsets:
        hidden = hidden_units(window, offset, run)
        for head in range(layer.heads):
            products = [run.weight("weight", head, u) * hidden[u] for u in range(HIDDEN)]
            table[at(head, *offset)] = 16 * sigmoid(total(products))
    return table


def coordinates(window: Sequence[int], offset: Place) -> list[float]:
    """The offset as the small network takes it: from -1 to 1, finer near 0."""
    found = []
    for taps, index in zip(window, offset, strict=True):
        far = 8 * (index - taps + 1) / (taps - 1 if taps > 1 else 1)
        found.append(math.copysign(math.log2(abs(far) + 1) / 3, far))
    return found


def hidden_units(window: Sequence[int], offset: Place, run: Run) -> list[Number]:
    """The small network's hidden layer, of one offset."""
    place = coordinates(window, offset)
    return [
        maximum(
            total([run.weight("hidden_weight", u, a) * v for a, v in enumerate(place)])
            + run.weight("hidden_bias", u),
            0.0,
        )
        for u in range(HIDDEN)
    ]


def sigmoid(x: Number) -> Number:
    return 1 / (1 + exp(-x))


def values(layer: AttentionValues, inputs: Sequence[Tensor], run: Run) -> Tensor:
    probabilities, value = inputs
    channels, *sizes = shape_of(value)
    places = shape_of(probabilities)[1:]
    keys = len(window_of(layer, (0,) * len(sizes), sizes))
    terms: dict[Place, list[Number]] = {}
    for place, number, other, apart in pairs(layer, places, sizes):
        if apart and run.valid_taps:
            continue
        for channel in range(channels):
            head = channel * layer.heads // channels
            share = probabilities[at(head * keys + number, *place)]
            product = (run.constant(0.0) if apart else share) * value[at(channel, *other)]
            terms.setdefault(at(channel, *place), []).append(product)
    return {index: total(products) for index, products in terms.items()}


def attention(layer: Any, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """All of it from its definition, position by position; none of its parts is used."""
    query, key, value = inputs
    size, width = shape_of(query)[0] // layer.heads, shape_of(value)[0] // layer.heads
    places, sizes = shape_of(query)[1:], shape_of(key)[1:]
    window = layer.window or sizes
    table: Tensor = {}
    if layer.position_bias != "none":
        table = bias_table(AttentionBias(heads=layer.heads, form=layer.position_bias), window, run)
    if layer.similarity == "cosine":
        query, _ = normalised(layer.heads, query, run, scaled=True)
        key, _ = normalised(layer.heads, key, run, scaled=False)
    else:
        query = {index: number * (1 / math.sqrt(size)) for index, number in query.items()}
    result: Tensor = {}
    for place in everywhere(places):
        keys = window_of(layer, place, sizes)
        counted = [
            (number, other)
            for number, other in enumerate(keys)
            if not (run.valid_taps and kept_apart(layer, place, other, sizes))
        ]
        for head in range(layer.heads):
            row = []
            for number, other in counted:
                members = range(head * size, head * size + size)
                score = total([query[at(c, *place)] * key[at(c, *other)] for c in members])
                if table:
                    form = AttentionBias(form=layer.position_bias)
                    own = keys.index(tuple(place))
                    score = score + table[at(head, *offset_of(form, window, own, number))]
                masked = kept_apart(layer, place, other, sizes)
                row.append(run.constant(-math.inf) if masked else score)
            largest = combine(row, maximum)
            powers = [exp(score - largest) for score in row]
            sum_ = total(powers)
            shares = [power / sum_ for power in powers]
            for c in range(head * width, head * width + width):
                gathered = zip(shares, counted, strict=True)
                result[at(c, *place)] = total(
                    [share * value[at(c, *other)] for share, (_, other) in gathered]
                )
    return result
