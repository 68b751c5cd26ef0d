"""Layers that repeat or pick positions of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, check_axis, only
from convcalc.layers.fields import Whole, WholeList, field
from convcalc.layers.reading import WHOLE, Readings, picked, same, same_from
from convcalc.layers.traits import FIXED, SAME, Backward, ChannelRule
from convcalc.problems import Rule, RuleError
from convcalc.shapes import MOST_AXES, Shape

#: The longest list that a file can hold.
_MOST_INDICES = 1000


class Broadcast(Layer, kind="broadcast"):
    """Axes of size 1 repeated, to a given shape.

    Shape:  any -> the given one, of as many axes; each equal, 1 in the input, or -1 where it stays
    Counts: nothing to compute
    Grads:  dx: the dy of all copies added up: adds = O - N
    Errors: broadcast-mismatch
    Source: PyTorch's broadcast_to and expand

    >>> Broadcast(shape=(-1, 7, 7)).output_shape([(64, 1, 1)])
    (64, 7, 7)
    """

    keeps = ()

    shape: tuple[int, ...] = field(
        WholeList(f"a list of 1 to {MOST_AXES} sizes, -1 for each that stays", -1, MOST_AXES),
        "the new shape, without the batch axis",
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape = only(inputs)
        if len(self.shape) != len(shape):
            raise RuleError(
                "broadcast-mismatch",
                f"shape lists {len(self.shape)} sizes, but the input has {len(shape)} axes",
                "shape",
                [Rule("one size for each axis, without the batch axis")],
            )
        found = []
        for axis, (n, size) in enumerate(zip(shape, self.shape, strict=True)):
            if size == 0:
                raise RuleError("bad-value", "shape may hold no 0", "shape")
            if size == -1:
                found.append(n)
            elif n in (1, size):
                found.append(size)
            else:
                raise RuleError(
                    "broadcast-mismatch",
                    f"axis {axis} of the input has {int(n)} positions, which cannot be broadcast"
                    f" to {int(size)}",
                    "shape",
                    [Rule("each size is the input's, or the input's is 1; -1 keeps it")],
                )
        return tuple(found)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        copies = batch * (prod(output) - prod(only(inputs)))
        return Backward(input=Counts(adds=copies) if any(wanted) else NOTHING)

    def is_view(self, inputs: Sequence[Shape]) -> bool:
        return self.output_shape(inputs) == only(inputs)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        pairs = zip(only(inputs), self.output_shape(inputs), strict=True)
        return tuple([same(axis) if n == out else WHOLE for axis, (n, out) in enumerate(pairs)])

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return SAME if self.output_shape(inputs)[0] == only(inputs)[0] else FIXED

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> Broadcast:
        if rule.relation == "fixed" or self.shape[0] == -1:
            return self
        return self.replace(shape=(channels, *self.shape[1:]))


class Gather(Layer, kind="gather"):
    """The positions of an axis that a list names, in its order; axis 0 being the channels.

    Shape:  the axis gets as many positions as the list names
    Counts: nothing to compute
    Grads:  dx: dy goes to where it was taken from, and is added up where that is named more than
            once: adds = O - elements that are taken
    Errors: bad-axis, index-out-of-range
    Source: ONNX's Gather of constant indices, PyTorch's index_select

    >>> Gather(indices=(2, 0, 0)).output_shape([(3, 8, 8)])
    (3, 8, 8)
    """

    keeps = ()

    indices: tuple[int, ...] = field(
        WholeList(f"a list of 1 to {_MOST_INDICES} positions, counted from 0", 0, _MOST_INDICES),
        "the positions in order",
    )
    axis: int = field(
        Whole(0, MOST_AXES - 1), "counted from 0, the channels, without the batch axis", default=0
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape, axis = only(inputs), self.axis
        check_axis(axis, shape)
        n, last = shape[axis], max(self.indices)
        if last >= n:
            raise RuleError(
                "index-out-of-range",
                f"indices name position {last}, but axis {axis} of the input has {int(n)}",
                "indices",
                [Rule(f"0 <= index <= {int(n) - 1}")],
            )
        return (*shape[:axis], len(self.indices), *shape[axis + 1 :])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        repeated = len(self.indices) - len(set(self.indices))
        each = prod(output[: self.axis]) * prod(output[self.axis + 1 :])
        return Backward(input=Counts(adds=batch * repeated * each) if any(wanted) else NOTHING)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        places = same_from(0, inputs[index])
        return (
            *places[: self.axis],
            picked(self.axis, self.indices),
            *places[self.axis + 1 :],
        )

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return SAME if self.axis else FIXED
