"""Joins: several values become one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import ClassVar

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, check_axis
from convcalc.layers.fields import Whole, field
from convcalc.layers.reading import WHOLE, Readings, part, same, same_from
from convcalc.layers.traits import FIXED, ROLES, Backward, Branches, ChannelRule, Kept
from convcalc.problems import Rule, RuleError, listed
from convcalc.shapes import MOST_AXES, Shape, cross_text
from convcalc.symbols import larger
from convcalc.traced import named


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """NumPy's broadcasting of shapes of one rank: axes of size 1 repeat; None where others differ.

    >>> broadcast([(4, 1), (4, 7)]), broadcast([(4, 2), (4, 7)])
    ((4, 7), None)
    """
    sizes = []
    for first, *others in zip(*shapes, strict=True):
        size = first
        for other in others:
            if other != size:
                if size != 1 and other != 1:
                    return None
                size = larger(size, other)
        sizes.append(size)
    return tuple(sizes)


def _broadcast_reads(shapes: Sequence[Shape]) -> list[Readings]:
    """How units read each of some shapes that are broadcast to theirs."""
    longest = [max(sizes) for sizes in zip(*shapes, strict=True)]
    every = [same(axis) for axis in range(len(longest))]
    # An axis of size 1 beside a longer one is read whole, by every unit.
    return [
        tuple(
            [
                along if n == most else WHOLE
                for along, n, most in zip(every, shape, longest, strict=True)
            ]
        )
        for shape in shapes
    ]


class _Join(Layer):
    """Combines the values of its branches; abstract."""

    joins = Branches()
    fuses = ROLES


class _ElementwiseJoin(_Join):
    """Combines elements at the same place; abstract.

    Spatial axes broadcast as in NumPy: a 1x1 map goes with a whole one.
    """

    elementwise = True

    #: One channel goes with many, as one position does. Otherwise channels must be equal.
    gates: ClassVar[bool] = False

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        first = inputs[0]
        if any(len(shape) != len(first) for shape in inputs):
            raise RuleError("join-mismatch", f"{self.kind} needs branches of one rank")
        channels: Shape | None = first[:1]
        if self.gates:
            channels = broadcast([shape[:1] for shape in inputs])
        elif any(shape[0] != first[0] for shape in inputs):
            channels = None
        if channels is None:
            raise RuleError(
                "join-mismatch",
                f"{self.kind} needs equal channels{' (or 1)' if self.gates else ''}, not "
                + listed([str(int(shape[0])) for shape in inputs]),
            )
        sizes = broadcast([shape[1:] for shape in inputs])
        if sizes is None:
            raise RuleError(
                "join-mismatch",
                f"{self.kind} needs equal spatial sizes (or 1), not "
                + listed([cross_text(shape[1:]) for shape in inputs]),
            )
        return (*channels, *sizes)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return self.all_reads(inputs)[index]

    def all_reads(self, inputs: Sequence[Shape]) -> list[Readings]:
        return _broadcast_reads(inputs)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("tied")

    def _summed(self, inputs: Sequence[Shape], output: Shape, wanted: Sequence[bool]) -> int:
        """Additions that sum a value's gradient over the elements that it was broadcast to."""
        needed = [shape for shape, want in zip(inputs, wanted, strict=True) if want]
        return sum([prod(output) - prod(shape) for shape in needed])


class Add(_ElementwiseJoin, kind="add"):
    """The sum of the branches.

    Shape:  equal channels; spatial axes equal or 1
    Counts: adds = (branches - 1)*N, N elements of the result
    Grads:  each branch's is dy; a smaller branch of E elements sums it up: adds = N - E
    Errors: join-mismatch

    >>> Add().output_shape([(64, 8, 8), (64, 1, 1)])
    (64, 8, 8)
    """

    keeps = ()

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(adds=(len(inputs) - 1) * prod(output))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward(input=Counts(adds=batch * self._summed(inputs, output, wanted)))


class Sub(_ElementwiseJoin, kind="sub"):
    """The first branch minus the second.

    Shape:  equal channels; spatial axes equal or 1
    Counts: adds = N elements of the result
    Grads:  da = dy, db = -dy; a smaller branch of E elements sums it up: adds = N - E
    Errors: branch-count, join-mismatch

    >>> Sub().counts([(16, 8, 8), (16, 1, 1)], (16, 8, 8)).adds
    1024
    """

    joins = Branches(2, 2)
    keeps = ()

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(adds=prod(output))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward(input=Counts(adds=batch * self._summed(inputs, output, wanted)))


class Mul(_ElementwiseJoin, kind="mul"):
    """The product of the branches.

    Shape:  channels equal or 1, a gate for all channels; spatial axes equal or 1
    Counts: multiplies = (branches - 1)*N, N elements of the result
    Grads:  backwards through p_k = p_(k-1)*x_k, two multiplications an element for each step:
            multiplies = 2*(branches - 1)*N, less where a branch wants none; a smaller branch of E
            elements sums its own up: adds = N - E; keeps the branches and the p but the last
    Errors: join-mismatch

    >>> Mul().counts([(64, 8, 8), (64, 1, 1)], (64, 8, 8)).multiplies
    4096
    >>> Mul().output_shape([(64, 8, 8), (1, 8, 8)])
    (64, 8, 8)
    """

    gates = True

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(multiplies=(len(inputs) - 1) * prod(output))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        # Step k gives branch k its own, d*p_(k-1), and hands d*x_k on to the branches before it.
        own = sum(wanted[1:])
        on = sum([any(wanted[:k]) for k in range(1, len(inputs))])
        multiplies = batch * (own + on) * prod(output)
        return Backward(input=Counts(multiplies, batch * self._summed(inputs, output, wanted)))

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        last = len(inputs) - 1
        # x_k is needed if any branch before it wants a gradient, the first if the second does.
        needed = [k for k in range(1, last + 1) if any(wanted[:k])]
        first = [0] if any(wanted[1:2]) else []
        # Of the products p_2 ... p_(last): each if the branch after it wants a gradient.
        products = sum(wanted[2:])
        return Kept(tuple(first + needed), numbers=batch * products * prod(output))


class Div(_ElementwiseJoin, kind="div"):
    """The first branch divided by the second.

    Shape:  channels equal or 1; spatial axes equal or 1
    Counts: divides = N elements of the result
    Grads:  da = dy / b: divides = N; db = -(da*y): multiplies = N, if wanted; a smaller branch of E
            elements sums its own up: adds = N - E; keeps b, and y if db is wanted
    Errors: branch-count, join-mismatch

    >>> Div().counts([(16, 8, 8), (1, 8, 8)], (16, 8, 8)).divides
    1024
    """

    joins = Branches(2, 2)
    gates = True

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts(divides=prod(output))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        if not any(wanted):
            return Backward()
        elements = batch * prod(output)
        sums = batch * self._summed(inputs, output, wanted)
        return Backward(input=Counts(elements * wanted[1], sums, elements))

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((1,), output=wanted[1]) if any(wanted) else Kept()


class Concat(_Join, kind="concat"):
    """The branches, one after the other along an axis, axis 0 being the channels.

    Shape:  sizes add up on the axis; the other axes are equal
    Counts: nothing to compute
    Grads:  each branch's is its part of dy: nothing to compute
    Errors: bad-axis, join-mismatch

    >>> Concat().output_shape([(64, 8, 8), (128, 8, 8)])
    (192, 8, 8)
    >>> Concat(axis=1).output_shape([(768, 1), (768, 196)])
    (768, 197)
    """

    keeps = ()

    axis: int = field(
        Whole(0, MOST_AXES - 1), "counted from 0, the channels, without the batch axis", default=0
    )

    def gathers(self, inputs: Sequence[Shape]) -> bool:
        return prod(inputs[0][: self.axis]) == 1

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        first, axis = inputs[0], self.axis
        check_axis(axis, first)
        before, after = first[:axis], first[axis + 1 :]
        if any(shape[:axis] != before or shape[axis + 1 :] != after for shape in inputs):
            if axis == 0:
                sizes = [cross_text(shape[1:]) or "none" for shape in inputs]
                needed = "concat needs equal spatial sizes"
            else:
                sizes = [cross_text(shape) for shape in inputs]
                needed = f"concat needs equal sizes on all axes but {axis}"
            raise RuleError("join-mismatch", f"{needed}, not {listed(sizes)}")
        return (*before, sum([shape[axis] for shape in inputs]), *after)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward()

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return self.all_reads(inputs)[index]

    def all_reads(self, inputs: Sequence[Shape]) -> list[Readings]:
        axis = self.axis
        starts = accumulate([shape[axis] for shape in inputs[:-1]], initial=0)
        places = same_from(0, inputs[0])
        before, after = places[:axis], places[axis + 1 :]
        return [(*before, part(axis, start), *after) for start in starts]

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("tied" if self.axis else "joined")


class Matmul(_Join, kind="matmul"):
    """The matrix product of two branches, on their last two axes.

    Channels are an axis like any other: of values with two axes, one of the matrices'.

    Shape:  (..., i, k), (..., k, j) -> (..., i, j); the axes before these equal or 1
    Counts: T = k products summed for each of O output elements: multiplies = O*T, adds = O*(T - 1)
    Grads:  da = dy times b transposed, db = a transposed times dy, n samples: multiplies = n*O*T,
            adds = n*O*T - elements of the branch, for each that is wanted; keeps the other branch
    Errors: branch-count, join-mismatch, wrong-rank
    Source: NumPy's matmul

    >>> Matmul().output_shape([(8, 196, 64), (8, 64, 196)])
    (8, 196, 196)
    >>> Matmul().counts([(8, 196, 64), (8, 64, 196)], (8, 196, 196)).multiplies
    19668992
    """

    joins = Branches(2, 2)
    accumulates = True
    least_rank = 1

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        first, second = inputs
        if len(first) != len(second):
            raise RuleError("join-mismatch", "matmul needs branches of one rank")
        if first[-1] != second[-2]:
            raise RuleError(
                "join-mismatch",
                f"matmul needs rows of the first branch as long as columns of the second,"
                f" not {int(first[-1])} and {int(second[-2])}",
                "",
                [Rule("(..., i, k) times (..., k, j) is (..., i, j)")],
            )
        before = broadcast([shape[:-2] for shape in inputs])
        if before is None:
            raise RuleError(
                "join-mismatch",
                "matmul needs equal axes (or 1) before the last two, not "
                + listed([cross_text(shape[:-2]) for shape in inputs]),
            )
        return (*before, first[-2], second[-1])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        taps, outputs = named("T", inputs[0][-1]), named("O", prod(output))
        return Counts(outputs * taps, outputs * (taps - 1))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        products = batch * prod(output) * inputs[0][-1]
        gradients = NOTHING
        for shape, want in zip(inputs, wanted, strict=True):
            if want:
                sums = Counts(products, products - batch * prod(shape))
                gradients = gradients.plus(sums)
        return Backward(input=gradients)

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        first, second = wanted
        return Kept((0,) * second + (1,) * first)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        rank = len(inputs[0])
        before = _broadcast_reads([shape[:-2] for shape in inputs])[index]
        last = (same(rank - 2), WHOLE) if index == 0 else (WHOLE, same(rank - 1))
        return (*before, *last)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        first, second = inputs
        tied = len(first) > 2 and first[0] == second[0]
        return ChannelRule("tied") if tied else FIXED
