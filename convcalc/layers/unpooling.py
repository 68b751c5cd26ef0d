"""Unpooling: values put back where the maxima of an earlier pooling were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.counts import Counts
from convcalc.layers.base import Layer
from convcalc.layers.fields import FieldType, field
from convcalc.layers.pooling import MaxPool
from convcalc.layers.reading import Readings, same, transposed
from convcalc.layers.traits import Backward, ChannelRule, Kept
from convcalc.problems import Rule, RuleError
from convcalc.shapes import MOST_WINDOW_AXES, Shape, tuple_text


class _PoolName(FieldType):
    """The name of an earlier maxpool, which the language finds."""

    reference = True
    text = "the name of an earlier maxpool"

    def read(self, value: object, rank: int) -> MaxPool:
        if isinstance(value, MaxPool):
            return value
        if isinstance(value, Layer):
            raise RuleError(
                "unpool-mismatch", f"must be {self.text}, not of a layer of kind {value.kind}"
            )
        raise self.refuse(value)

    def written(self, value: Any) -> str:
        return str(value.summary())

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class Unpool(Layer, kind="unpool"):
    """Values where the maxima of an earlier maxpool were, and zeros elsewhere.

    The maxpool gets a node of its own for these places, NAME.indices, of 8 bytes an element.

    Shape:  that of the maxpool's result -> that of its input
    Counts: nothing to compute
    Grads:  dx is dy at the places: nothing to compute; keeps the places
    Errors: unpool-mismatch, wrong-rank
    Source: PyTorch's MaxUnpool2d

    >>> halved = MaxPool(kernel=(2, 2), padding=((0, 0), (0, 0)), dilation=(1, 1))
    >>> Unpool(pool=halved).output_shape([(64, 112, 112), (64, 112, 112), (64, 224, 224)])
    (64, 224, 224)
    """

    # What enters, the places, and the maxpool's input, of which only the size is needed.
    inputs = 3
    shape_only = (2,)
    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    pool: MaxPool = field(_PoolName(), "the maxpool")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        value, places, entered = inputs
        if value != places:
            raise RuleError(
                "unpool-mismatch",
                f"unpool needs as many values as its maxpool has, {tuple_text(places)},"
                f" not {tuple_text(value)}",
                "pool",
                [Rule("each value goes to where one maximum was")],
            )
        return entered

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward()

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((1,))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        # A place gets the value of a window that lies over it.
        return (same(0), *transposed(self.pool.windows([inputs[2]])))

    def all_reads(self, inputs: Sequence[Shape]) -> list[Readings]:
        return [self.reads(inputs, 0)] * 2

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("tied")
