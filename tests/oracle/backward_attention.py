"""Backward passes of the parts of attention."""

from __future__ import annotations

from collections import defaultdict

from convcalc.layers.attention import (
    AttentionBias,
    AttentionNorm,
    AttentionScores,
    AttentionValues,
)
from tests.oracle.attention import (
    HIDDEN,
    bias_table,
    biased,
    coordinates,
    hidden_units,
    normalised,
    offset_of,
    pairs,
    sigmoid,
    window_of,
)
from tests.oracle.counting import Number, Tensor, at, total
from tests.oracle.training import Step, put
from tests.oracle.windows import everywhere, shape_of


def norm_forward(layer: AttentionNorm, step: Step) -> None:
    """As at inference; the lengths are kept."""
    step.outputs = []
    for sample in step.batch():
        y, lengths = normalised(layer.heads, step.samples[sample][0], step.run, scaled=layer.scaled)
        step.outputs.append(y)
        for key, length in lengths.items():
            step.stored["statistics"][sample, key] = length


def norm(layer: AttentionNorm, step: Step) -> None:
    lengths = dict(step.stored["statistics"])
    channels, *sizes = shape_of(step.dy[0])
    size = channels // layer.heads
    unit: dict[tuple[int, ...], Number] = {}
    inner: dict[tuple[int, int, tuple[int, ...]], Number] = {}

    def normalise_again() -> None:
        """The normalised values, and for each head of each position the sum of dy times these."""
        for sample in step.batch():
            x, dy = step.x(sample), step.dy[sample]
            for place in map(tuple, everywhere(sizes)):
                for head in range(layer.heads):
                    row = [at(c, *place) for c in range(head * size, head * size + size)]
                    for index in row:
                        unit[at(sample, *index)] = x[index] / lengths[sample, (head, place)]
                    products = [dy[index] * unit[at(sample, *index)] for index in row]
                    inner[sample, head, place] = total(products)

    if layer.scaled:
        with step.part("weights"):
            normalise_again()
            terms: dict[int, list[Number]] = defaultdict(list)
            for (_, head, _), found in inner.items():
                terms[head].append(found)
            step.dw.update({("weight", head): total(found) for head, found in terms.items()})
    if not any(step.wanted):
        step.x(0)
        return
    with step.part("input"):
        if not layer.scaled:
            normalise_again()
        for (sample, head, place), summed in inner.items():
            length = lengths[sample, (head, place)]
            found = step.run.weight("weight", head) * summed if layer.scaled else summed
            at_least = length > 1e-12
            for c in range(head * size, head * size + size):
                index, dy = at(c, *place), step.dy[sample][at(c, *place)]
                if layer.scaled:
                    dy = step.run.weight("weight", head) * dy
                along = unit[at(sample, *index)] * (found if at_least else step.run.constant(0.0))
                step.dx.setdefault((sample, 0), {})[index] = (dy - along) / length


def scores(layer: AttentionScores, step: Step) -> None:
    """Each product hands dy times one factor to the other one's gradient.

    What a shift keeps apart is computed as well, and is 0.
    """
    query, key = step.samples[0]
    channels, *places = shape_of(query)
    sizes = shape_of(key)[1:]
    size = channels // layer.heads
    keys = len(window_of(layer, (0,) * len(sizes), sizes))
    with step.part("input"):
        for which, wanted in enumerate(step.wanted):
            if not wanted:
                continue
            for sample in step.batch():
                factors, canvas = step.x(sample, 1 - which), step.dx.setdefault((sample, which), {})
                for place, number, other, apart in pairs(layer, places, sizes):
                    own, factor = (place, other) if which == 0 else (other, place)
                    for c in range(channels):
                        dy = step.dy[sample][at(c // size * keys + number, *place)]
                        if apart:
                            dy = step.run.constant(0.0)
                        put(canvas, at(c, *own), dy * factors[at(c, *factor)])


def bias_forward(layer: AttentionBias, step: Step) -> None:
    """The numbers are computed once for the batch."""
    window = layer.window or shape_of(step.samples[0][0])[1:]
    table = bias_table(layer, window, step.run)
    step.outputs = [biased(layer, x, table, step.run) for (x,) in step.samples]


def bias(layer: AttentionBias, step: Step) -> None:
    sizes = shape_of(step.samples[0][0])[1:]
    window = layer.window or sizes
    keys = len(window_of(layer, (0,) * len(sizes), sizes))
    continuous = layer.form == "continuous"
    offsets = list(everywhere([2 * taps - 1 for taps in window])) if continuous else []
    if continuous:
        _keep(step, layer, window, offsets)
    table: Tensor = {}
    with step.part("weights" if continuous else "bias"):
        for sample in step.batch():
            for place, number, _, _ in pairs(layer, sizes, sizes):
                own = window_of(layer, place, sizes).index(tuple(place))
                offset = offset_of(layer, window, own, number)
                for head in range(layer.heads):
                    dy = step.dy[sample][at(head * keys + number, *place)]
                    put(table, at(head, *offset), dy)
    if continuous:
        _network(step, layer, window, offsets, table)
    else:
        step.dw.update({("bias", *index): number for index, number in table.items()})
    if any(step.wanted):
        for sample in step.batch():
            step.dx[sample, 0] = dict(step.dy[sample])


def _keep(
    step: Step,
    layer: AttentionBias,
    window: tuple[int, ...],
    offsets: list[tuple[int, ...]],
) -> None:
    """What the small network keeps, once for the batch: hidden units and sigmoids."""
    kept = step.stored["numbers"]
    for offset in map(tuple, offsets):
        hidden = hidden_units(window, offset, step.run)
        kept.update({("hidden", offset, u): number for u, number in enumerate(hidden)})
        for head in range(layer.heads):
            products = [step.run.weight("weight", head, u) * hidden[u] for u in range(HIDDEN)]
            kept["sigmoid", offset, head] = sigmoid(total(products))


def _network(
    step: Step,
    layer: AttentionBias,
    window: tuple[int, ...],
    offsets: list[tuple[int, ...]],
    table: Tensor,
) -> None:
    """Back through 16*sigmoid, the second dense layer, the relu and the first one."""
    kept, heads = step.stored["numbers"], range(layer.heads)
    before: dict[tuple[int, ...], list[Number]] = {}
    dw: dict[tuple[object, ...], list[Number]] = defaultdict(list)
    with step.part("weights"):
        for offset in map(tuple, offsets):
            dy = []
            for head in heads:
                s = kept["sigmoid", offset, head]
                dy.append(16 * table[at(head, *offset)] * (s * (1 - s)))
            before[offset] = []
            for u in range(HIDDEN):
                hidden = kept["hidden", offset, u]
                for head in heads:
                    dw["weight", head, u].append(dy[head] * hidden)
                back = total([dy[head] * step.run.weight("weight", head, u) for head in heads])
                before[offset].append(back if hidden > 0.0 else step.run.constant(0.0))
            for u, back in enumerate(before[offset]):
                for axis, value in enumerate(coordinates(window, offset)):
                    dw["hidden_weight", u, axis].append(back * value)
        step.dw.update({name: total(terms) for name, terms in dw.items()})
    with step.part("bias"):
        for u in range(HIDDEN):
            terms = [before[tuple(offset)][u] for offset in offsets]
            step.dw["hidden_bias", u] = total(terms)


def values(layer: AttentionValues, step: Step) -> None:
    """As for the scores; a probability that is kept apart has no part in the result."""
    probabilities, value = step.samples[0]
    channels, *sizes = shape_of(value)
    places = shape_of(probabilities)[1:]
    keys = len(window_of(layer, (0,) * len(sizes), sizes))
    with step.part("input"):
        for which, wanted in enumerate(step.wanted):
            if not wanted:
                continue
            for sample in step.batch():
                factors, canvas = step.x(sample, 1 - which), step.dx.setdefault((sample, which), {})
                for place, number, other, apart in pairs(layer, places, sizes):
                    for c in range(channels):
                        share = at(c * layer.heads // channels * keys + number, *place)
                        own, factor = share, at(c, *other)
                        if which == 1:
                            own, factor = factor, own
                        dy = step.dy[sample][at(c, *place)]
                        if apart:
                            dy = step.run.constant(0.0)
                        put(canvas, own, dy * factors[factor])
