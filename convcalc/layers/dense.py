"""The dense (fully connected) layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, only
from convcalc.layers.fields import Flag, Whole, field
from convcalc.layers.reading import WHOLE, Readings, same_from
from convcalc.layers.traits import FREE, OWN, ROLES, Backward, ChannelRule
from convcalc.shapes import Shape, cross_text
from convcalc.traced import named


class Dense(Layer, kind="dense"):
    """Fully connected layer. A map is flattened first, unless `positionwise` is true.

    Shape:  (c, h, w) -> (units,); positionwise: (c, h, w) -> (units, h, w)
    Params: units * c*h*w (positionwise: units * c), + units with a bias
    Counts: T inputs per unit, O output elements;
            multiplies = O*T; adds = O*(T - 1), + O with a bias
    Grads:  dweight: multiplies = n*O*T, adds = n*O*T - weights; dbias: adds = n*O - units;
            dx: multiplies = n*O*T, adds = n*O*T - n*inputs; keeps x
    Source: Gluon's Dense; positionwise is PyTorch's Linear on the channel axis

    >>> Dense(units=120).output_shape([(16, 5, 5)])
    (120,)
    >>> Dense(units=120).counts([(16, 5, 5)], (120,))
    Counts(multiplies=48000, adds=48000, divides=0, compares=0, specials=0)
    """

    fuses = ROLES
    weighted = True
    accumulates = True
    keeps = ("inputs",)

    units: int = field(Whole(), "output features", symbol="u")
    bias: bool = field(Flag(), "add one learned number per unit", default=True)
    positionwise: bool = field(Flag(), "work on the channels of each position", default=False)

    def _inputs_per_unit(self, inputs: Sequence[Shape]) -> int:
        shape = only(inputs)
        return shape[0] if self.positionwise else prod(shape)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (self.units, *only(inputs)[1:]) if self.positionwise else (self.units,)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        taps = named("T", self._inputs_per_unit(inputs))
        outputs = named("O", prod(output))
        return Counts(outputs * taps, outputs * (taps - 1) + (outputs if self.bias else 0))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        taps, outputs = self._inputs_per_unit(inputs), batch * prod(output)
        products = outputs * taps
        return Backward(
            weights=Counts(products, products - self.units * taps),
            bias=Counts(adds=outputs - self.units) if self.bias else NOTHING,
            input=Counts(products, products - batch * prod(only(inputs)))
            if any(wanted)
            else NOTHING,
        )

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        weight = (self.units, self._inputs_per_unit(inputs))
        return {"weight": weight, "bias": (self.units,)} if self.bias else {"weight": weight}

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        shape = inputs[index]
        return (WHOLE, *same_from(1, shape)) if self.positionwise else (WHOLE,) * len(shape)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        # Only the positionwise layer is a (1x1) convolution; a classifier's units are its own.
        return FREE if self.positionwise else OWN

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> Dense:
        return self.replace(units=channels)

    def summary(self) -> str:
        return "dense positionwise" if self.positionwise else "dense"

    def described(self, inputs: Sequence[Shape]) -> str:
        units = f"dense {self._inputs_per_unit(inputs)} -> {self.units}"
        return f"{units} positionwise" if self.positionwise else units

    def remark(self, inputs: Sequence[Shape]) -> str:
        shape = only(inputs)
        if self.positionwise or prod(shape[1:]) == 1:
            return ""
        what = f"flattens {cross_text(shape)} to {prod(shape)} values"
        return f"{what}; with positionwise: true it works on each position"
