"""Joins: several values become one."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import Counts
from convcalc.diagnostics import RuleError
from convcalc.layers.base import ChannelRule, Layer
from convcalc.shapes import Shape, cross_text


class _Join(Layer):
    """Combines the values of its branches; abstract."""

    joins = True
    fuses = True


class _ElementwiseJoin(_Join):
    """Combines elements at the same place; abstract.

    Axes broadcast as in NumPy: a 1x1 map goes with a whole one. Channels must be equal.
    """

    elementwise = True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        first = inputs[0]
        if any(len(shape) != len(first) for shape in inputs):
            raise RuleError("join-mismatch", f"{self.kind} needs branches of one rank")
        if any(shape[0] != first[0] for shape in inputs):
            raise RuleError(
                "join-mismatch",
                f"{self.kind} needs equal channels, not "
                + ", ".join(str(int(shape[0])) for shape in inputs),
            )
        sizes = []
        for axis in range(1, len(first)):
            largest = max([shape[axis] for shape in inputs])
            if any(shape[axis] not in (1, largest) for shape in inputs):
                raise RuleError(
                    "join-mismatch",
                    f"{self.kind} needs equal spatial sizes (or 1), not "
                    + ", ".join(cross_text(shape[1:]) for shape in inputs),
                )
            sizes.append(largest)
        return (first[0], *sizes)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("tied")


class Add(_ElementwiseJoin, kind="add"):
    """The sum of the branches.

    Shape:  equal channels; spatial axes equal or 1
    Counts: adds = (branches - 1)*N, N elements of the result
    Errors: join-mismatch

    >>> Add().output_shape([(64, 8, 8), (64, 1, 1)])
    (64, 8, 8)
    """

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(adds=(len(inputs) - 1) * prod(output))


class Mul(_ElementwiseJoin, kind="mul"):
    """The product of the branches.

    Shape:  equal channels; spatial axes equal or 1
    Counts: multiplies = (branches - 1)*N, N elements of the result
    Errors: join-mismatch

    >>> Mul().counts([(64, 8, 8), (64, 1, 1)], (64, 8, 8)).multiplies
    4096
    """

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(multiplies=(len(inputs) - 1) * prod(output))


class Concat(_Join, kind="concat"):
    """The branches' channels, one after the other.

    Shape:  equal spatial sizes; channels add up
    Counts: nothing to compute
    Errors: join-mismatch

    >>> Concat().output_shape([(64, 8, 8), (128, 8, 8)])
    (192, 8, 8)
    """

    gathers = True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        first = inputs[0]
        if any(shape[1:] != first[1:] for shape in inputs):
            raise RuleError(
                "join-mismatch",
                "concat needs equal spatial sizes, not "
                + ", ".join(cross_text(shape[1:]) or "none" for shape in inputs),
            )
        return (sum([shape[0] for shape in inputs]), *first[1:])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("joined")
