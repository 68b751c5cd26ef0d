"""Normalisations by magnitude, forward and backward, as loops over what shares a magnitude."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.layers.magnitude import GlobalResponseNorm, L2Norm, RMSNorm
from tests.oracle.counting import Number, Run, Tensor, at, maximum, square_root, total
from tests.oracle.training import Element, Step
from tests.oracle.windows import everywhere, shape_of


def _rows(x: Tensor) -> list[list[tuple[int, ...]]]:
    """The channels of each position."""
    channels, *sizes = shape_of(x)
    return [[at(c, *place) for c in range(channels)] for place in everywhere(sizes)]


def _maps(x: Tensor) -> list[list[tuple[int, ...]]]:
    """The positions of each channel."""
    channels, *sizes = shape_of(x)
    return [[at(c, *place) for place in everywhere(sizes)] for c in range(channels)]


def _squares(x: Tensor, indices: list[tuple[int, ...]]) -> Number:
    return total([x[index] * x[index] for index in indices])


def _root(layer: RMSNorm, x: Tensor, row: list[tuple[int, ...]]) -> Number:
    return square_root(_squares(x, row) / len(row) + layer.eps)


def rmsnorm(layer: RMSNorm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    result: Tensor = {}
    for row in _rows(x):
        root = _root(layer, x, row)
        for index in row:
            result[index] = x[index] / root
            if layer.affine:
                result[index] = result[index] * run.weight("weight", index[0])
    return result


def rmsnorm_backward(layer: RMSNorm, step: Step) -> None:
    roots = step.stored["statistics"]
    normalised: dict[Element, Number] = {}
    for sample in step.batch():
        x = step.samples[sample][0]
        for row in _rows(x):
            roots[sample, row[0][1:]] = _root(layer, x, row)
    with step.part("weights" if layer.affine else "input"):
        for (sample, index), _ in step.elements():
            normalised[sample, index] = step.x(sample)[index] / roots[sample, index[1:]]
    if layer.affine:
        with step.part("weights"):
            for c in range(shape_of(step.dy[0])[0]):
                step.dw["weight", c] = total(
                    [dy * normalised[e] for e, dy in step.elements() if e[1][0] == c]
                )
    if not any(step.wanted):
        return
    with step.part("input"):
        for sample in step.batch():
            step.dx[sample, 0] = {}
            for row in _rows(step.dy[sample]):
                g = {index: step.dy[sample][index] for index in row}
                if layer.affine:
                    g = {i: dy * step.run.weight("weight", i[0]) for i, dy in g.items()}
                mean = total([g[i] * normalised[sample, i] for i in row]) / len(row)
                for i in row:
                    rest = g[i] - normalised[sample, i] * mean
                    step.dx[sample, 0][i] = rest / roots[sample, i[1:]]


def l2norm(layer: L2Norm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    result: Tensor = {}
    for row in _rows(x):
        length = maximum(square_root(_squares(x, row)), layer.eps)
        result.update({index: x[index] / length for index in row})
    return result


def l2norm_backward(layer: L2Norm, step: Step) -> None:
    """Where eps took the place of the length, the divisor does not depend on x."""
    lengths = step.stored["statistics"]
    for sample in step.batch():
        x = step.samples[sample][0]
        for row in _rows(x):
            lengths[sample, row[0][1:]] = maximum(square_root(_squares(x, row)), layer.eps)
    with step.part("input"):
        for sample in step.batch():
            x, dy = step.x(sample), step.dy[sample]
            step.dx[sample, 0] = {}
            for row in _rows(dy):
                length = lengths[sample, row[0][1:]]
                normalised = {index: x[index] / length for index in row}
                along = total([dy[index] * normalised[index] for index in row])
                if not length > layer.eps:
                    along = step.run.constant(0.0)
                for index in row:
                    rest = dy[index] - normalised[index] * along
                    step.dx[sample, 0][index] = rest / length


def grn(layer: GlobalResponseNorm, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    maps = _maps(x)
    lengths = [square_root(_squares(x, indices)) for indices in maps]
    divisor = total(lengths) / len(lengths) + layer.eps
    result: Tensor = {}
    for c, indices in enumerate(maps):
        share = lengths[c] / divisor
        for index in indices:
            scaled = run.weight("weight", c) * (x[index] * share)
            result[index] = scaled + run.weight("bias", c) + x[index]
    return result


def grn_backward(layer: GlobalResponseNorm, step: Step) -> None:
    """y = w*x*l/m + b + x: through x itself, its own length, and the mean of all lengths."""
    stored = step.stored["statistics"]
    shares: dict[tuple[int, int], Number] = {}
    along: dict[tuple[int, int], Number] = {}
    for sample in step.batch():
        x = step.samples[sample][0]
        lengths = [square_root(_squares(x, indices)) for indices in _maps(x)]
        stored.update({(sample, c): length for c, length in enumerate(lengths)})
        stored[sample, "divisor"] = total(lengths) / len(lengths) + layer.eps
    maps = _maps(step.dy[0])
    with step.part("weights"):
        for sample in step.batch():
            x, dy = step.x(sample), step.dy[sample]
            for c, indices in enumerate(maps):
                shares[sample, c] = stored[sample, c] / stored[sample, "divisor"]
                along[sample, c] = total([dy[index] * x[index] for index in indices])
        for c in range(len(maps)):
            terms = [along[sample, c] * shares[sample, c] for sample in step.batch()]
            step.dw["weight", c] = total(terms)
    with step.part("bias"):
        for c in range(len(maps)):
            step.dw["bias", c] = total([dy for (_, i), dy in step.elements() if i[0] == c])
    if not any(step.wanted):
        return
    with step.part("input"):
        for sample in step.batch():
            x, dy = step.x(sample), step.dy[sample]
            scales = [step.run.weight("weight", c) for c in range(len(maps))]
            b = [scale * along[sample, c] for c, scale in enumerate(scales)]
            mean = total([value * shares[sample, c] for c, value in enumerate(b)]) / len(b)
            step.dx[sample, 0] = {}
            for c, indices in enumerate(maps):
                direct = scales[c] * shares[sample, c] + 1
                by_length = (b[c] - mean) / stored[sample, "divisor"] / stored[sample, c]
                for index in indices:
                    step.dx[sample, 0][index] = dy[index] * direct + x[index] * by_length
