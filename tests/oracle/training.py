"""A layer's training step in plain loops: what the backward oracle works with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from convcalc.counts import Counts
from convcalc.layers.base import Layer
from convcalc.layers.traits import Kept
from tests.oracle.counting import Number, Run, Tensor

#: An element of a batch: its sample, and its index there.
Element = tuple[int, tuple[int, ...]]


class Step:
    """One layer, a batch that went through it, and the gradient that comes back.

    samples   for each sample of the batch its inputs
    outputs   for each sample what the layer made of them
    dy        for each sample the gradient with respect to that
    wanted    for each input whether its gradient is asked for

    A backward function writes the gradients with respect to the inputs into `dx`, by sample and
    input, and those of learned numbers into `dw` under the numbers' own keys. It does its work in
    `part`s, whose operations are booked apart. What it takes from the forward pass it takes through
    `x`, `y` or `stored`, so that this is seen as well.
    """

    def __init__(
        self,
        layer: Layer,
        samples: Sequence[Sequence[Tensor]],
        run: Run,
        wanted: Sequence[bool],
    ) -> None:
        self.layer = layer
        self.samples = samples
        self.run = run
        self.wanted = wanted
        self.outputs: list[Tensor] = []
        self.dy: list[Tensor] = []
        self.dx: dict[tuple[int, int], Tensor] = {}
        self.dw: dict[tuple[object, ...], Number] = {}
        self.counts: dict[str, Counts] = {}
        self.stored: dict[str, dict[object, Any]] = {
            "numbers": {},
            "statistics": {},
            "flags": {},
            "indices": {},
        }
        self._used_inputs: set[int] = set()
        self._used_output = False

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Books what is done inside under this name."""
        before = self.run.tally.counts()
        yield
        after = self.run.tally.counts()
        done = Counts(*[b - a for a, b in zip(before, after, strict=True)])
        self.counts[name] = self.counts.get(name, Counts()).plus(done)

    def x(self, sample: int, which: int = 0) -> Tensor:
        """An input that the forward pass kept."""
        self._used_inputs.add(which)
        return self.samples[sample][which]

    def y(self, sample: int) -> Tensor:
        """An output that the forward pass kept."""
        self._used_output = True
        return self.outputs[sample]

    def batch(self) -> range:
        """The samples' numbers."""
        return range(len(self.samples))

    def elements(self) -> Iterator[tuple[Element, Number]]:
        """Every element of the batch's outputs, with the gradient with respect to it."""
        for sample in self.batch():
            for index, gradient in self.dy[sample].items():
                yield (sample, index), gradient

    def zeros(self, sample: int, which: int = 0) -> Tensor:
        """An input's gradient before anything has been added to it."""
        return {index: self.run.constant(0.0) for index in self.samples[sample][which]}

    def kept(self) -> Kept:
        """What was seen to be taken from the forward pass."""
        return Kept(
            tuple(sorted(self._used_inputs)),
            self._used_output,
            **{name: len(values) for name, values in self.stored.items()},
        )


def put(canvas: Tensor, index: tuple[int, ...], value: Number) -> None:
    """Adds a value onto a place; the first one is only stored."""
    canvas[index] = canvas[index] + value if index in canvas else value
