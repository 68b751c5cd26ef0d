"""A layer that is translated into operators of ONNX: its inputs, its shapes and its arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from convcalc.exchange.write.onnx.graph import Array, Graph
from convcalc.shapes import Shape


class Case:
    """One layer to be translated.

    graph   where its operators go
    inputs  the names of the values that enter it
    shapes  their shapes, with the batch axis
    output  the shape of its result, with the batch axis
    masks   whether it has to keep positions apart that a shift brings into one window
    """

    def __init__(
        self,
        graph: Graph,
        inputs: Sequence[str],
        shapes: Sequence[Shape],
        output: Shape,
        arrays: Mapping[str, str],
        read: Callable[[str], Array],
        masks: bool,
    ) -> None:
        self.graph = graph
        self.inputs = list(inputs)
        self.shapes = list(shapes)
        self.output = output
        self.masks = masks
        self._arrays = arrays
        self._read = read

    @property
    def input(self) -> str:
        """The name of the first value that enters."""
        return self.inputs[0]

    @property
    def shape(self) -> Shape:
        """The shape of that value."""
        return self.shapes[0]

    @property
    def rank(self) -> int:
        """Its spatial axes."""
        return len(self.shape) - 2

    def has(self, name: str) -> bool:
        """Whether the layer has an array of this name."""
        return name in self._arrays

    def array(self, name: str = "weight") -> str:
        """An array of the layer as it is."""
        return self.changed(name, "", lambda value: value)

    def arrays(self, *names: str) -> list[str]:
        """Those of these arrays that the layer has."""
        return [self.array(name) for name in names if self.has(name)]

    def changed(self, name: str, change: str, values: Callable[[Array], Array]) -> str:
        """An array in which something is changed before it is written; `change` names that."""
        return self.graph.initializer(self._arrays[name], change, lambda: values(self._read(name)))

    def shaped(self, name: str, shape: Sequence[int]) -> str:
        """An array in another shape."""
        full = self._arrays[name]
        if self.graph.has_initializer(full):
            return self.graph.add("Reshape", self.array(name), self.graph.whole(*shape))
        return self.changed(name, "", lambda value: value.reshape(shape))

    def literal(self, name: str, shape: Sequence[int]) -> str:
        """An array that is not learned, as a constant in a shape; no initializer, if it fits."""
        if prod(shape) > self.graph.room:
            return self.shaped(name, shape)
        return self.graph.named_constant(
            self._arrays[name], tuple(shape), lambda: self._read(name).reshape(shape)
        )

    def joined(self, name: str, join: Callable[[Callable[[str], Array]], Array]) -> str:
        """One array of several of the layer, called as the first of them."""
        return self.graph.initializer(self._arrays[name], "joined", lambda: join(self._read))

    def per_channel(self, name: str = "weight") -> str:
        """An array with a number for each channel, or one, that goes with the input's axes."""
        return self.shaped(name, [-1, *[1] * self.rank])

    def reshaped(self, value: str, *shape: int) -> str:
        """A value in another shape; 0 keeps an axis."""
        return self.graph.add("Reshape", value, self.graph.whole(*shape))


Translation = Callable[[Any, Case], str]

# Windows.


def sliced(
    case: Case,
    value: str,
    axes: Sequence[int],
    starts: Sequence[int],
    stops: Sequence[int],
    step: int = 1,
) -> str:
    """A part of a value along some of its axes, the batch axis among them."""
    whole = case.graph.whole
    steps = [] if step == 1 else [whole(*[step] * len(axes))]
    return case.graph.add("Slice", value, whole(*starts), whole(*stops), whole(*axes), *steps)


def reduced(case: Case, operator: str, value: str, axes: Sequence[int], keepdims: int = 1) -> str:
    """Of the axes of a value, batch included, some reduced."""
    return case.graph.add(operator, value, case.graph.whole(*axes), keepdims=keepdims)


def operator(name: str, **attributes: Any) -> Translation:
    """A kind that is one operator, with the same inputs."""
    return lambda layer, case: case.graph.add(name, *case.inputs, **attributes)


def channels_last(case: Case) -> list[int]:
    """The axes in the order in which the channels are the last one."""
    return [0, *range(2, case.rank + 2), 1]


def channels_first(case: Case) -> list[int]:
    """The axes in the order that undoes that."""
    return [0, case.rank + 1, *range(1, case.rank + 1)]
