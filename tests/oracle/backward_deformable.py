"""The backward pass of convolutions whose taps move."""

from __future__ import annotations

from collections import defaultdict

from convcalc.layers.deformable import DeformConv
from tests.oracle.counting import Number, Tensor, at, total
from tests.oracle.deformable import Corner, Look, Mix, columns
from tests.oracle.training import Step
from tests.oracle.windows import shape_of


def deform_conv(layer: DeformConv, step: Step) -> None:
    ins = shape_of(step.samples[0][0])[0] // layer.groups
    outs = layer.channels // layer.groups
    terms: dict[tuple[object, ...], list[Number]] = defaultdict(list)
    shifts: dict[int, list[Number]] = defaultdict(list)
    for sample in step.batch():
        inputs = [step.x(sample, which) for which in range(len(step.wanted))]
        dy = step.dy[sample]
        with step.part("weights"):
            # What the taps read is read again instead of kept.
            read = list(columns(layer, inputs, step.run))
            for channel, place, tap, _, _, given in read:
                group, i = divmod(channel, ins)
                for out in range(group * outs, (group + 1) * outs):
                    terms["weight", out, i, tap].append(given * dy[at(out, *place)])
        for index, gradient in dy.items():
            shifts[index[0]].append(gradient)
        if not any(step.wanted):
            continue
        with step.part("input"):
            gradients = Gradients(step, sample)
            for channel, place, tap, look, found, _ in read:
                group, i = divmod(channel, ins)
                back = total(
                    [
                        step.run.weight("weight", out, i, tap) * dy[at(out, *place)]
                        for out in range(group * outs, (group + 1) * outs)
                    ]
                )
                gradients.add(back, look, found)
            gradients.finish()
    with step.part("weights"):
        step.dw.update({key: total(values) for key, values in terms.items()})
    if layer.bias:
        with step.part("bias"):
            step.dw.update({("bias", out): total(values) for out, values in shifts.items()})


class Gradients:
    """The gradients of one sample's branches, as they arrive."""

    def __init__(self, step: Step, sample: int) -> None:
        self.step = step
        self.sample = sample
        self.value, self.offset, *mask = step.wanted
        self.mask = any(mask)
        self.masked = bool(mask)
        self.canvas: Tensor = {}
        self.offsets: dict[tuple[int, ...], list[Number]] = defaultdict(list)
        self.factors: dict[tuple[int, ...], list[Number]] = defaultdict(list)

    def add(self, back: Number, look: Look, found: Mix | Corner) -> None:
        """Takes the gradient of what one tap gave to one channel."""
        if self.mask:
            self.factors[look.factor].append(back * found.value)
        if not (self.value or self.offset):
            return
        if self.masked:
            back = back * self.step.x(self.sample, 2)[look.factor]
        self.through(back, look, found)

    def through(self, g: Number, look: Look, found: Mix | Corner) -> None:
        """Through a + t*(b - a), to t, and to a and b where something behind them wants it."""
        if isinstance(found, Corner):
            zero = self.step.run.constant(0.0)
            self.canvas[found.source] = self.canvas.get(found.source, zero) + g
            return
        if self.offset:
            which, *place = look.factor
            index = at(which * len(look.low) + found.axis, *place)
            self.offsets[index].append(g * found.difference)
        if self.value or not isinstance(found.parts[0], Corner):
            to_b = look.share[found.axis] * g
            self.through(g - to_b, look, found.parts[0])
            self.through(to_b, look, found.parts[1])

    def finish(self) -> None:
        """Sums up what arrived for the same number; beyond the edges there is none."""
        step, sample = self.step, self.sample
        if self.value:
            there = step.samples[sample][0]
            inside = {index: g for index, g in self.canvas.items() if index in there}
            step.dx[sample, 0] = {**step.zeros(sample), **inside}
        if self.offset:
            step.dx[sample, 1] = {index: total(terms) for index, terms in self.offsets.items()}
        if self.mask:
            step.dx[sample, 2] = {index: total(terms) for index, terms in self.factors.items()}
