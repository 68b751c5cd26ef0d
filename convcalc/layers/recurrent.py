"""Recurrent layers: `lstm`, `gru` and `conv_lstm`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar, TypeVar

from convcalc.arithmetic import Window, positions_reached
from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, only
from convcalc.layers.convolution import Convolution, real_taps
from convcalc.layers.fields import Flag, Whole, field
from convcalc.layers.reading import WHOLE, Readings, slides
from convcalc.layers.traits import FREE, STARTS, Backward, ChannelRule, Kept, Start
from convcalc.layers.windows import sliding_windows, window_summary
from convcalc.problems import Help, RuleError
from convcalc.shapes import MOST_WINDOW_AXES, Shape, tuple_text
from convcalc.traced import named

R = TypeVar("R", bound="_Recurrent")


class _Recurrent(Layer):
    """A state that each position of a sequence changes; its values are the result; abstract.

    Each of its gates is a sum of products with the position's channels and with the state before,
    for every unit.
    """

    weighted = True
    least_rank = 1
    most_rank = 1

    #: The gates, each of which has weights of its own.
    gates: ClassVar[int]
    #: What a step costs for each unit beside the sums of products and their biases.
    step: ClassVar[Counts]
    #: The same of the step's backward pass.
    step_back: ClassVar[Counts]
    #: What the gradient of the state before takes for each unit beside its sum of products.
    handed_back: ClassVar[Counts]
    #: The numbers that a step keeps for each unit.
    numbers: ClassVar[int]
    #: The sums of gradients for each unit that its biases' gradients are.
    bias_sums: ClassVar[int]

    units: int = field(Whole(), "size of the state, and of the result's channels", symbol="u")
    bidirectional: bool = field(
        Flag(), "go along the sequence both ways, each with weights of its own", default=False
    )
    bias: bool = field(Flag(), "add two learned numbers per gate and unit", default=True)

    @property
    def directions(self) -> int:
        """How often the sequence is gone along."""
        return 2 if self.bidirectional else 1

    @classmethod
    def wrong_rank(cls, shape: Shape) -> RuleError:
        if len(shape) == 1:
            return super().wrong_rank(shape)
        return RuleError(
            "wrong-rank",
            f"{cls.kind} reads a sequence (channels, length), not the {len(shape) - 1} spatial"
            f" axes of {tuple_text(shape)}",
            facts=[
                Help("{reshape: [in_channels, -1]} makes a sequence of a map's positions"),
            ],
        )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _, length = only(inputs)
        return (self.directions * self.units, length)

    def _products(self, inputs: Sequence[Shape]) -> int:
        """The multiplies of a step that are accumulated, in one direction."""
        return self.gates * self.units * named("T", only(inputs)[0] + self.units)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        sums = self.gates * self.units
        products = self._products(inputs)
        biases = 2 * sums if self.bias else 0
        one = Counts(products, products - sums + biases).plus(self.step.times(self.units))
        return one.times(self.directions * output[1])

    def macs(self, inputs: Sequence[Shape], output: Shape, counts: Counts) -> int:
        products = self._products(inputs)
        steps = counts.multiplies // (products + self.step.multiplies * self.units)
        return steps * products

    def _weight_gradients(self, inputs: Sequence[Shape], output: Shape) -> tuple[Counts, int]:
        """What the weights' gradients of a sample take, and the products among it.

        Their sums over all steps begin with a product each, which is one addition less for a whole
        batch; that is left to the caller.
        """
        units, length = self.units, output[1]
        sums = self.gates * units
        steps, handed = self.directions * length, self.directions * (length - 1)
        # The state before the first step wants no gradient.
        state = Counts(sums * units, (sums - 1) * units).plus(self.handed_back.times(units))
        products = self._products(inputs)
        counted = (
            Counts(products, products)
            .plus(self.step_back.times(units))
            .times(steps)
            .plus(state.times(handed))
        )
        return counted, steps * products + handed * sums * units

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        channels, length = only(inputs)
        sums, steps = self.gates * self.units, batch * self.directions * length
        weights, _ = self._weight_gradients(inputs, output)
        first = self.directions * self._products(inputs)
        bias = self.bias_sums * self.units * (steps - self.directions)
        # Of two directions the second's gradient is added to the first's.
        both = (self.directions - 1) * batch * length * channels
        return Backward(
            weights=weights.times(batch).plus(Counts(adds=-first)),
            bias=Counts(adds=bias) if self.bias else NOTHING,
            input=Counts(steps * sums * channels, steps * (sums - 1) * channels + both)
            if any(wanted)
            else NOTHING,
        )

    def backward_macs(
        self, inputs: Sequence[Shape], output: Shape, back: Backward
    ) -> tuple[int, int]:
        weights, products = self._weight_gradients(inputs, output)
        batch = back.weights.multiplies // weights.multiplies
        return back.input.multiplies, batch * products

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((0,), output=True, numbers=self.numbers * batch * prod(output))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        if self.bidirectional:
            return (WHOLE, WHOLE)
        # All positions up to its own: as many taps as there are positions, the last one on it.
        _, length = only(inputs)
        return (WHOLE, slides(1, Window(length, length, 1, 1, length - 1, 0, length)))

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        sums = self.gates * self.units
        arrays: dict[str, Shape] = {}
        for suffix in ("", "_reverse")[: self.directions]:
            arrays[f"weight_ih{suffix}"] = (sums, only(inputs)[0])
            arrays[f"weight_hh{suffix}"] = (sums, self.units)
            if self.bias:
                arrays[f"bias_ih{suffix}"] = arrays[f"bias_hh{suffix}"] = (sums,)
        return arrays

    def start(self, name: str) -> Start | None:
        return STARTS["bias"] if name.startswith("bias") else None

    def fan_in(self, inputs: Sequence[Shape]) -> float:
        return only(inputs)[0] + self.units

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("free", self.directions)

    def with_channels(self: R, rule: ChannelRule, channels: int, start: int) -> R:
        return self.replace(units=channels // rule.factor)

    def summary(self) -> str:
        return f"{self.kind} both ways" if self.bidirectional else self.kind


class LSTM(_Recurrent, kind="lstm"):
    """Long short-term memory: the state after each position of a sequence.

    i, f, o = sigmoid and g = tanh of W x + b + V h + b', each with its own W, V, b and b'; then
    c = f*c + i*g and h = o*tanh(c), from h = c = 0 on. With `bidirectional` the states of a second
    run, from the end to the beginning, follow as further channels.

    Shape:  (c, n) -> (units, n), or (2*units, n) if bidirectional
    Params: D * 4*u*(c + u), + D * 8*u with a bias; u units, D directions
    Counts: for each of D*n steps, T = c + u: multiplies = 4*u*T + 3*u,
            adds = 4*u*(T - 1) + 4*u, + 8*u with a bias; divides = 3*u; specials = 5*u;
            macs = 4*u*T
    Grads:  s samples; for each of s*D*n steps: da of the gates: multiplies = 15*u, adds = 5*u,
            specials = u; dW and dV: multiplies = 4*u*T, adds as many, less 4*u*T for each
            direction; dx: multiplies = 4*u*c, adds = (4*u - 1)*c, + c where a second direction
            is added; for each of s*D*(n - 1) steps: dh and dc of the step before:
            multiplies = 4*u*u + u, adds = (4*u - 1)*u + 2*u; db = db': adds = 4*u*D*(s*n - 1);
            keeps x, h, and i, f, g, o and c of each step
    Errors: wrong-rank
    Source: Hochreiter & Schmidhuber, Neural Computation 9, 1997; PyTorch's LSTM

    >>> LSTM(units=256).output_shape([(512, 26)])
    (256, 26)
    >>> LSTM(units=256, bidirectional=True).counts([(512, 26)], (512, 26)).multiplies
    40934400
    """

    gates = 4
    step = Counts(multiplies=3, adds=4, divides=3, specials=5)
    step_back = Counts(multiplies=15, adds=5, specials=1)
    handed_back = Counts(multiplies=1, adds=2)
    numbers = 5
    bias_sums = 4


class GRU(_Recurrent, kind="gru"):
    """Gated recurrent units: the state after each position of a sequence.

    r, z = sigmoid of W x + b + V h + b', each with its own W, V, b and b';
    m = tanh of W x + b + r*(V h + b'); then h = (1 - z)*m + z*h, from h = 0 on. With
    `bidirectional` the states of a second run, from the end to the beginning, follow as further
    channels.

    Shape:  (c, n) -> (units, n), or (2*units, n) if bidirectional
    Params: D * 3*u*(c + u), + D * 6*u with a bias; u units, D directions
    Counts: for each of D*n steps, T = c + u: multiplies = 3*u*T + 3*u,
            adds = 3*u*(T - 1) + 4*u, + 6*u with a bias; divides = 2*u; specials = 3*u;
            macs = 3*u*T
    Grads:  s samples; for each of s*D*n steps: da of the gates: multiplies = 10*u, adds = 4*u;
            dW and dV: multiplies = 3*u*T, adds as many, less 3*u*T for each direction;
            dx: multiplies = 3*u*c, adds = (3*u - 1)*c, + c where a second direction is added;
            for each of s*D*(n - 1) steps: dh of the step before: multiplies = 3*u*u + u,
            adds = (3*u - 1)*u + 2*u; db and db': adds = 4*u*D*(s*n - 1), two of the sums are
            the same; keeps x, h, and r, z, m and V h + b' of m of each step
    Errors: wrong-rank
    Source: Cho et al., arXiv:1406.1078, with the reset gate behind the product, as in PyTorch's GRU

    >>> GRU(units=256).parameters([(512, 26)])["weight_hh"]
    (768, 256)
    """

    gates = 3
    step = Counts(multiplies=3, adds=4, divides=2, specials=3)
    step_back = Counts(multiplies=10, adds=4)
    handed_back = Counts(multiplies=1, adds=2)
    numbers = 4
    bias_sums = 4


class ConvLSTM(Convolution, kind="conv_lstm"):
    """Long short-term memory of maps: the state, a map as well, after each map of a sequence.

    The first spatial axis is time; windows slide on the others. The gates are those of an `lstm`,
    with convolutions in the place of its products: W of the map, as the arguments say, and V of the
    state, which keeps its size, without stride and dilation. There are no peepholes.

    Shape:  (c, n, h, w) -> (channels, n, h', w'), h' = floor((h - k + p + s) / s)
    Params: 4*channels * (c + channels) * k_h * k_w, + 4*channels with a bias
    Counts: for each of n steps, U = channels*h'*w', T = (c + channels)*k_h*k_w:
            multiplies = 4*U*T + 3*U, adds = 4*U*(T - 1) + 4*U, + 4*U with a bias;
            divides = 3*U; specials = 5*U; macs = 4*U*T
    Grads:  s samples, T = T_W + T_V of the two convolutions; for each of s*n steps: da of the
            gates: multiplies = 15*U, adds = 5*U, specials = U; dW and dV: multiplies = 4*U*T, adds
            as many, less one for each weight; dx: multiplies = 4*U*T_W, adds as many, less the
            elements of the padded map that receive a product; for each of s*(n - 1) steps: dh and
            dc of the step before: multiplies = 4*U*T_V + U, adds = 4*U*T_V + 2*U, less the elements
            of the padded state; db: adds = s*n*4*U - 4*channels; keeps x, h, and i, f, g, o and c
    Errors: window-too-large, wrong-rank
    Source: Shi et al., arXiv:1506.04214, without peepholes; Keras's ConvLSTM2D

    >>> layer = ConvLSTM.read({"channels": 40, "kernel": 3, "padding": 1}, 3)
    >>> layer.output_shape([(1, 15, 40, 40)])
    (40, 15, 40, 40)
    """

    fuses = ()
    accumulates = False
    time_axes = 1
    least_rank = 2
    most_rank = 1 + MOST_WINDOW_AXES

    channels: int = field(Whole(), "channels of the state, and of the result", symbol="c_out")

    @classmethod
    def wrong_rank(cls, shape: Shape) -> RuleError:
        if len(shape) != 2:
            return super().wrong_rank(shape)
        return RuleError(
            "wrong-rank",
            f"{cls.kind} reads a sequence of maps (channels, steps, height, width), not"
            f" {tuple_text(shape)}",
            facts=[Help("lstm and gru read a sequence (channels, length)")],
        )

    def windows(self, inputs: Sequence[Shape]) -> tuple[Window, ...]:
        return sliding_windows(
            only(inputs)[2:], self.kernel, self.stride, self.dilation, self.padding
        )

    def _state_windows(self, output: Shape) -> tuple[Window, ...]:
        """Those that slide on the state, which keeps its size."""
        ones = (1,) * len(self.kernel)
        return sliding_windows(output[2:], self.kernel, ones, ones, "same")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (self.channels, only(inputs)[1], *[w.out for w in self.windows(inputs)])

    def _products(self, inputs: Sequence[Shape], output: Shape) -> tuple[int, int]:
        """The multiplies of a step that are accumulated: of the map, and of the state."""
        gates = 4 * self.channels * prod(output[2:])
        taps = prod(self.kernel)
        return gates * only(inputs)[0] * taps, gates * self.channels * taps

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        channels = only(inputs)[0]
        units = named("U", self.channels * prod(output[2:]))
        taps = named("T", (channels + self.channels) * prod(self.kernel))
        products = 4 * units * taps
        if valid_taps:
            of_map = channels * prod([real_taps(w) for w in self.windows(inputs)])
            of_state = self.channels * prod([real_taps(w) for w in self._state_windows(output)])
            products = 4 * self.channels * (of_map + of_state)
        sums = 0 if self.bias else 4 * units
        one = Counts(products, products - sums).plus(LSTM.step.times(units))
        return one.times(output[1])

    def macs(self, inputs: Sequence[Shape], output: Shape, counts: Counts) -> int:
        return counts.multiplies - LSTM.step.multiplies * (counts.divides // LSTM.step.divides)

    def _weight_gradients(self, inputs: Sequence[Shape], output: Shape) -> tuple[Counts, int]:
        """What the weights' gradients of a sample take, and the products among it.

        Their sums begin with a product each; that is left to the caller.
        """
        units, length = self.channels * prod(output[2:]), output[1]
        of_map, of_state = self._products(inputs, output)
        products = of_map + of_state
        reached = self.channels * prod(
            [positions_reached(w.out, w.taps, 1, 1) for w in self._state_windows(output)]
        )
        state = Counts(of_state, of_state - reached).plus(LSTM.handed_back.times(units))
        counted = (
            Counts(products, products)
            .plus(LSTM.step_back.times(units))
            .times(length)
            .plus(state.times(length - 1))
        )
        return counted, length * products + (length - 1) * of_state

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        channels, length = only(inputs)[:2]
        units = self.channels * prod(output[2:])
        arrays = self.parameters(inputs)
        weights, _ = self._weight_gradients(inputs, output)
        first = prod(arrays["weight_ih"]) + prod(arrays["weight_hh"])
        of_map, _ = self._products(inputs, output)
        reached = channels * prod(
            [positions_reached(w.out, w.taps, w.stride, w.dilation) for w in self.windows(inputs)]
        )
        return Backward(
            weights=weights.times(batch).plus(Counts(adds=-first)),
            bias=Counts(adds=4 * (batch * length * units - self.channels))
            if self.bias
            else NOTHING,
            input=Counts(of_map, of_map - reached).times(batch * length)
            if any(wanted)
            else NOTHING,
        )

    def backward_macs(
        self, inputs: Sequence[Shape], output: Shape, back: Backward
    ) -> tuple[int, int]:
        weights, products = self._weight_gradients(inputs, output)
        return back.input.multiplies, back.weights.multiplies // weights.multiplies * products

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((0,), output=True, numbers=LSTM.numbers * batch * prod(output))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        output = self.output_shape(inputs)
        _, length, *_ = only(inputs)
        # With each step back in time the state's windows reach further.
        reach = [
            Window(
                w.n,
                w.extent + (length - 1) * (state.taps - 1) * w.stride,
                w.stride,
                1,
                w.before + (length - 1) * state.before * w.stride,
                0,
                w.out,
            )
            for w, state in zip(self.windows(inputs), self._state_windows(output), strict=True)
        ]
        steps = slides(1, Window(length, length, 1, 1, length - 1, 0, length))
        return (WHOLE, steps, *[slides(axis, window) for axis, window in enumerate(reach, 2)])

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        gates = 4 * self.channels
        arrays: dict[str, Shape] = {
            "weight_ih": (gates, only(inputs)[0], *self.kernel),
            "weight_hh": (gates, self.channels, *self.kernel),
        }
        return {**arrays, "bias": (gates,)} if self.bias else arrays

    def start(self, name: str) -> Start | None:
        return STARTS["bias"] if name == "bias" else None

    def fan_in(self, inputs: Sequence[Shape]) -> float:
        return (only(inputs)[0] + self.channels) * prod(self.kernel)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return FREE

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> ConvLSTM:
        return self.replace(channels=channels)

    def summary(self) -> str:
        return window_summary(self, self.kernel, self.stride, self.dilation)
