"""Constants: values that do not depend on the network's input, learned or not."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import Counts
from convcalc.layers.base import Layer, only
from convcalc.layers.fields import Whole, WholeList, field
from convcalc.layers.reading import Readings
from convcalc.layers.traits import OWN, SAME, Backward, ChannelRule, Start
from convcalc.problems import Rule, RuleError
from convcalc.shapes import MOST_AXES, Shape, cross_text


class _Constant(Layer):
    """An array that is the same for every sample; abstract."""

    constant = True
    shape_only = (0,)
    keeps = ()

    shape: tuple[int, ...] | None = field(
        WholeList(f"a list of 1 to {MOST_AXES} sizes, channels first", 1, MOST_AXES),
        "that of what enters if not given",
        default=None,
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return self._own_shape(inputs)

    def _own_shape(self, inputs: Sequence[Shape]) -> Shape:
        return self.shape or only(inputs)

    def all_reads(self, inputs: Sequence[Shape]) -> list[Readings]:
        return []

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return Counts()

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward()

    def start(self, name: str) -> Start:
        return Start(0.0, 0.1)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return OWN if self.shape else SAME

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> _Constant:
        return self.replace(shape=(channels, *self.shape[1:])) if self.shape else self


class Parameter(_Constant, kind="parameter"):
    """A learned constant, such as a class token or a position embedding.

    What enters is not used, unless the constant takes its shape. With `learned`, its elements share
    fewer numbers, as a bias for each pair of positions has one for each offset. They are computed
    before the network runs and kept beside the numbers, as the array `value`; the run reads these.
    In training, the elements take the numbers in turn.

    Shape:  any -> the given one, or the same
    Params: one for each element; or `learned`, and buffers one for each element
    Counts: nothing to compute
    Grads:  dparameter = sum of dy over the n samples: adds = (n - 1)*O; with `learned`, the
            elements of each number too: adds = n*O - learned
    Errors: bad-value
    Source: PyTorch's Parameter

    >>> Parameter(shape=(768, 1)).parameters([(768, 196)])
    {'weight': (768, 1)}
    >>> Parameter().output_shape([(768, 197)])
    (768, 197)
    >>> Parameter(shape=(3, 49, 49), learned=507).parameters([(96, 7, 7)])
    {'weight': (507,)}
    """

    learned: int | None = field(
        Whole(), "how many numbers it learns, if its elements share fewer", default=None
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape = self._own_shape(inputs)
        if self.learned is not None and self.learned > prod(shape):
            raise RuleError(
                "bad-value",
                f"{cross_text(shape)} elements cannot share {int(self.learned)} numbers",
                "learned",
                [Rule(f"learned <= {prod(shape)}")],
            )
        return shape

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": self._own_shape(inputs) if self.learned is None else (self.learned,)}

    def buffers(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {} if self.learned is None else {"value": self._own_shape(inputs)}

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        numbers = prod(output) if self.learned is None else self.learned
        return Backward(weights=Counts(adds=batch * prod(output) - numbers))


class Buffer(_Constant, kind="buffer"):
    """A constant that is not learned, such as the sines of a fixed position encoding.

    What enters is not used, unless the constant takes its shape. Its elements count as buffers.

    Shape:  any -> the given one, or the same
    Counts: nothing to compute
    Grads:  no gradient
    Source: PyTorch's register_buffer

    >>> Buffer().buffers([(256, 25, 38)])
    {'value': (256, 25, 38)}
    """

    def buffers(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"value": self._own_shape(inputs)}
