"""The input sizes that a network fits, where it does not fit the one that it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from convcalc.explore.columns import Column
from convcalc.explore.engine import Engine
from convcalc.explore.sizes import pattern
from convcalc.explore.variables import IN_SIZE, Variable
from convcalc.graph import Network
from convcalc.language.building.spec import NetworkError, Variant
from convcalc.problems import ConvcalcError, Fitting, Meant, Problem, facts_of
from convcalc.shapes import Shape, SizeSet, axis_name

#: Sizes of an axis that are looked at; of two axes, combinations of these up to others.
_MOST = 4096
_LEAST_SQUARE, _MOST_SQUARE = 256, 1024
#: The layers that reading the network may have taken, and those that traces may take.
_MOST_LAYERS = 2_000
_MOST_EFFORT = 8_000
#: Mistakes that a value may have for some sizes of the input only.
_OF_VALUES = {"bad-value", "bad-expression", "no-layers"}


def with_fitting(
    error: NetworkError, problems: tuple[Problem, ...] | None = None
) -> tuple[Problem, ...]:
    """The problems of a network, the first with the input sizes that fit if these are wrong.

    problems  what is reported of the error, where that is not all of it

    The sizes are looked for where the network is small; what is not certain is not reported.
    """
    problems = error.problems if problems is None else problems
    if not may_be_of_sizes(error) or any(facts_of(p.facts, Meant) for p in problems):
        return problems
    try:
        found = _fitting(error.variant) if error.variant is not None else None
    except ConvcalcError:
        return problems  # the file itself is wrong
    if found is None:
        return problems
    first, *others = problems
    if first.code == "join-mismatch" and not _is_meant(error.variant, found, first.subject.layer):
        return problems
    return first._replace(facts=(*first.facts, found)), *others


def may_be_of_sizes(error: NetworkError) -> bool:
    """Whether an input's sizes may be what is wrong with a network."""
    if error.reached:
        return True
    codes = {problem.code for problem in error.problems}
    return bool(codes & _OF_VALUES) and error.network is not None and len(error.network.nodes) > 1


class _Unsure(Exception):
    """Raised where it is not known which sizes work."""


def _fitting(variant: Variant) -> Fitting | None:
    """The sizes that fit; None where none does, or that would take too long."""
    spec, args, _ = variant
    if spec.effort > _MOST_LAYERS:
        return None
    shapes = spec.shapes(args)
    if len(shapes) != 1:
        return None
    (name,) = shapes
    shape = _shape(variant, name)
    if len(shape) < 2:
        return None
    try:
        found = _Sizes(variant, name, shape).fitting()
    except _Unsure:
        return None
    if found is None or _holds(found, shape) or all(of.sizes == (1,) for _, of in found.axes):
        return None  # a single value is no map
    smallest = _network(variant, name, [of.sizes[0] for _, of in found.axes])
    return found if smallest is not None else None


def _holds(found: Fitting, shape: Shape) -> bool:
    """Whether a shape is said to fit."""
    sizes = shape[1:]
    known = all([size in of.sizes for size, (_, of) in zip(sizes, found.axes, strict=True)])
    return known and (not found.equal or len(set(sizes)) == 1)


def _network(variant: Variant, name: str, sizes: Sequence[int]) -> Network | None:
    """The network with these sizes of the input's axes; None where it does not fit."""
    channels = _shape(variant, name)[0]
    try:
        given = {name: [channels, *sizes]}
        return variant.spec.network(variant.args, given, max_layers=_MOST_LAYERS)
    except ConvcalcError:
        return None


def _shape(variant: Variant, name: str) -> Shape:
    """The shape of the only input, as it was given or as the file has it."""
    spec, args, given = variant
    if given is None:
        return spec.shapes(args)[name]
    return tuple(given[name] if isinstance(given, Mapping) else given)


def _is_meant(variant: Variant | None, found: Fitting, path: str) -> bool:
    """Whether branches of a join are of one size, and not repeated from a single position.

    Where few sizes fit, the largest are looked at.
    """
    if variant is None or all([of.residues for _, of in found.axes]):
        return True
    (name,) = variant.spec.shapes(variant.args)
    network = _network(variant, name, [of.sizes[-1] for _, of in found.axes])
    if network is None:
        return False
    joins = [node for node in network.nodes if node.path == path]
    return len({shape[1:] for node in joins for shape in network.input_shapes(node)}) <= 1


class _Sizes:
    """Looks at the sizes of one input of a network."""

    def __init__(self, variant: Variant, name: str, shape: Shape) -> None:
        self._variant = variant
        self._name = name
        self._shape = shape
        self._names = [axis_name(axis, len(shape) - 1) for axis in range(len(shape) - 1)]

    def fitting(self) -> Fitting | None:
        """The sizes that fit; raises _Unsure."""
        together = self._looked([IN_SIZE], _MOST, self._shape)
        of_all = pattern(together)
        if len(self._names) == 1:
            return self._all_equal(of_all)
        if len(self._names) == 2:
            axes = self._axes(of_all)
            if axes is not None:
                return Fitting(tuple(zip(self._names, axes, strict=True)), equal=False)
        return self._all_equal(of_all)

    def _all_equal(self, sizes: SizeSet) -> Fitting | None:
        axes = tuple([(name, sizes) for name in self._names])
        return Fitting(axes, equal=len(axes) > 1) if sizes.sizes else None

    def _axes(self, together: SizeSet) -> list[SizeSet] | None:
        """The sizes of two axes, where any of one goes with any of the other."""
        wanted = 2 * (together.start + together.period) if together.sizes else _LEAST_SQUARE
        most = min(max(wanted, _LEAST_SQUARE), _MOST_SQUARE)
        names = [f"{IN_SIZE}[{axis}]" for axis in range(2)]
        works = self._looked(names, most, self._shape).reshape(most, most)
        on_each = works.any(axis=1), works.any(axis=0)
        if not works.any() or (works != np.logical_and.outer(*on_each)).any():
            return None
        smallest = [int(np.argmax(of_axis)) + 1 for of_axis in on_each]
        found = []
        for axis, of_axis in enumerate(on_each):
            others = [self._shape[0], *smallest]
            along = self._looked([names[axis]], _MOST, others)
            if (along[:most] != of_axis).any():
                raise _Unsure
            found.append(pattern(along))
        return found

    def _looked(self, names: Sequence[str], most: int, shape: Sequence[int]) -> Column:
        """Which combinations of sizes work, the last axis changing first."""
        engine = Engine(
            self._variant.spec,
            [Variable(name, range(1, most + 1)) for name in names],
            [],
            args=self._variant.args,
            sizes={self._name: shape},
            max_layers=_MOST_LAYERS,
            most_effort=_MOST_EFFORT,
        )
        numbers = np.arange(most ** len(names))
        indices = np.unravel_index(numbers, (most,) * len(names))
        found = engine.evaluate(indices, load=False)
        if (~found.valid & (found.codes == "")).any():
            raise _Unsure
        return found.valid
