"""Receptive fields are held against runs: what a unit sees changes it, what it does not see cannot.

A slab of the input, all that lies before the first position that a unit is said to see, at it, at
the last one, or behind it, is set to NaN. NaN spreads through every sum, product and maximum, so
the unit becomes NaN in some channel if it depends on the slab: no weight can hide it, nor can a
ReLU or an equal maximum. A unit that becomes NaN without seeing the slab (a bilinear resize
multiplies a neighbour by zero at an edge) must not change when the slab takes other finite values.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

import convcalc
from convcalc.analysis.field.fields import Fields, unit_field
from convcalc.executor.arrays import Array
from convcalc.graph import Network, Node


def slabs(first: int, last: int, n: int) -> Iterator[tuple[slice, bool]]:
    """Pieces of an axis of size n, and whether a unit depends on them."""
    yield slice(first, first + 1), True
    yield slice(last, last + 1), True
    if first:
        yield slice(0, first), False
    if last + 1 < n:
        yield slice(last + 1, n), False


def up_to(network: Network, node: Node) -> Network:
    """The network without what comes after a layer, whose value is the result."""
    index = network.nodes.index(node)
    nodes = network.nodes[: index + 1]
    return Network(network.name, nodes, {"end": index})


def probed(network: Network, node: Node, place: tuple[int, ...]) -> list[tuple[str, bool, bool]]:
    """For each slab: what it is, whether the unit should depend on it, and whether it does.

    A run has two samples for each slab, NaN and other values there, and one that is plain.
    """
    found = unit_field(network, network.nodes.index(node), place)
    rng = np.random.default_rng(0)
    plain = {name: rng.uniform(0.5, 1.5, shape) for name, shape in network.inputs.items()}
    cases: list[tuple[str, bool]] = []
    samples: list[dict[str, Array]] = [plain]
    for origin, ends in found.inputs.items():
        name = network.nodes[origin].path
        for axis, ((first, last), n) in enumerate(zip(ends, plain[name].shape[1:], strict=True)):
            for piece, expected in slabs(first, last, n):
                where = (*[slice(None)] * (axis + 1), piece)
                for value in (np.nan, 5.0):
                    changed = {key: array.copy() for key, array in plain.items()}
                    changed[name][where] *= value
                    samples.append(changed)
                cases.append((f"{name}, axis {axis}, {piece.start} to {piece.stop}", expected))
    if not cases:
        return []
    batch = {name: np.stack([sample[name] for sample in samples]) for name in plain}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are not finite
        values = convcalc.execute(up_to(network, node), batch, dtype="float64", exact=True)["end"]
    unit = (slice(None), *place)
    before, *after = [sample[unit] for sample in values]
    results = []
    for (what, expected), poisoned, changed in zip(cases, after[::2], after[1::2], strict=True):
        reached = bool(np.isnan(poisoned).any())
        results.append((what, expected, reached and (expected or differs(before, changed))))
    return results


def differs(before: Array, after: Array) -> bool:
    """Whether values are others, rounding aside."""
    return not np.allclose(before, after, rtol=1e-9, atol=1e-9)


def hold_the_report(seen: Fields, network: Network, node: Node, place: tuple[int, ...]) -> None:
    """The field of a unit that no padding takes part in is the one that the report tells."""
    found = unit_field(network, network.nodes.index(node), place)
    ends_of = {network.nodes[origin].path: ends for origin, ends in found.inputs.items()}
    layer = seen[node.path]
    assert set(ends_of) <= set(layer.axes)
    for name, ends in ends_of.items():
        if not place and not all(axis.whole for axis in layer.axes[name]):
            continue  # flattened: all its units together see more than one of them
        for axis, (first, last) in zip(layer.axes[name], ends, strict=True):
            size = last - first + 1
            what = f"{node.path} at {place} on {name}: {axis}, {first} to {last}"
            assert size <= axis.size, what
            if axis.whole:
                assert (first, size) == (axis.offset, axis.size), what
            elif not found.cut and not axis.uneven:
                assert size == axis.size, what
