"""What one layer becomes in the source of a framework, before any text is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Word(str):
    """A value that stands in the source as it is: `nn.ReLU`."""

    __slots__ = ()


class Operation:
    """One operation.

    callee    the module that is constructed; "" for an operation that needs none
    values    the arguments of the constructor, or the numbers in the text, by name
    defaults  those arguments that need not be written where they have this value
    plain     how many of the first arguments are written without their names
    text      what is computed: {self} is the module, {0} the first input, {name} a value
    chains    whether it can be an element of a sequence of modules, with one input and one result
    bare      what computes the same without a module; "" if nothing does
    kind      what it is called where it needs a name
    """

    __slots__ = ("bare", "callee", "chains", "defaults", "kind", "plain", "text", "values")

    def __init__(
        self,
        kind: str,
        callee: str,
        values: Mapping[str, Any] | None = None,
        *,
        defaults: Mapping[str, Any] | None = None,
        plain: int = 0,
        text: str = "{self}({0})",
        bare: str = "",
    ) -> None:
        self.kind = kind
        self.callee = callee
        self.values = dict(values or {})
        self.defaults = dict(defaults or {})
        self.plain = plain
        self.text = text
        self.bare = bare
        self.chains = text == "{self}({0})"

    @property
    def key(self) -> tuple[object, ...]:
        """What has to be equal of two operations for one text to stand for both."""
        return self.callee, tuple(self.values), self.plain, self.text


class Step:
    """A leaf of a layer.

    leaf   the operation
    reads  what enters it: places among the layer's inputs, or -1, -2, ... for the steps before
    """

    __slots__ = ("leaf", "reads")

    def __init__(self, leaf: Operation, reads: Sequence[int] = (0,)) -> None:
        self.leaf = leaf
        self.reads = tuple(reads)


def chain(*leaves: Operation) -> list[Step]:
    """Leaves one behind the other, the first of which reads the layer's input."""
    return [Step(leaf, (-1,) if place else (0,)) for place, leaf in enumerate(leaves)]


def function(kind: str, text: str, inputs: int = 1, **values: Any) -> list[Step]:
    """An operation without a module."""
    return [Step(Operation(kind, "", values, text=text), range(inputs))]


def alike(values: Sequence[Any]) -> Any:
    """The one value of all axes, or all of them."""
    return values[0] if len(set(values)) == 1 else tuple(values)
