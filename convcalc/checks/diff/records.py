"""A network's layers as its versions are compared: what each one is, reads and costs.

A record is made of a live network, or of what a lock holds of one. A lock holds less: only the
arguments that a layer's line shows, and no wiring.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import Report
from convcalc.analysis.units import Unit
from convcalc.layers.base import Layer
from convcalc.problems import Call, Span
from convcalc.shapes import Shape


class Part(NamedTuple):
    """The layer itself, or a norm or activation fused to it.

    kind       its kind
    layer      the class of that kind; None for a kind that only an older convcalc had
    arguments  those that are known, as a spec would say them
    """

    kind: str
    layer: type[Layer] | None
    arguments: Mapping[str, str]

    @property
    def role(self) -> str:
        """What it is to the layer that it is fused to: "norm" or "activation"."""
        return self.layer.role if self.layer is not None else ""


class Record:
    """A layer with its norm and activation, or an input of the network; abstract.

    index    its position in its network
    path     its group path
    layer    the class of the layer itself; None for a kind that only an older convcalc had
    what     values that are equal if two layers do the same
    output   the shape of its result, batch first
    cost     of all its operations; of a locked layer its parameters and multiply-accumulates
    sources  the records that it reads, by index
    shares   the record whose parameters it uses, by index, if they are not its own
    unit     the layer in a live network; None for a locked one
    """

    __slots__ = (
        "cost",
        "index",
        "layer",
        "output",
        "path",
        "shares",
        "sources",
        "unit",
        "what",
    )

    def __init__(
        self,
        index: int,
        path: str,
        layer: type[Layer] | None,
        what: tuple[Hashable, ...],
        output: Shape,
        cost: Cost,
        unit: Unit | None,
    ) -> None:
        self.index = index
        self.path = path
        self.layer = layer
        self.what = what
        self.output = output
        self.cost = cost
        self.unit = unit
        self.sources: list[int] = unit.sources if unit is not None else []
        self.shares: int | None = None

    @property
    def summary(self) -> str:
        """What it is, for a table: `conv 3x3 + relu`."""
        raise NotImplementedError

    @property
    def parts(self) -> tuple[Part, ...]:
        """The layer itself, and what is fused to it."""
        raise NotImplementedError

    @property
    def inputs(self) -> tuple[Shape, ...]:
        """The shapes that it reads, batch first; none for an input and for a locked layer."""
        return self.unit.members[0].inputs if self.unit is not None and self.unit.members else ()

    @property
    def group(self) -> str:
        """The path of the group that it is in; empty at the top."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]

    @property
    def kind(self) -> str:
        """The kind of the layer itself."""
        return self.layer.kind if self.layer is not None else self.summary.partition(" ")[0]

    @property
    def prefix(self) -> str:
        """What such layers are called by default, before their number."""
        return self.layer.prefix if self.layer is not None else self.kind

    @property
    def span(self) -> Span | None:
        """Where it is written; None for a network made in Python, and for a locked layer."""
        return self.unit.span if self.unit is not None else None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The block calls around it, outermost first."""
        return self.unit.calls if self.unit is not None else ()

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the network."""
        return self.kind == "input"

    def __repr__(self) -> str:
        return f"<{self.path}: {self.summary} -> {self.output}>"


class LiveRecord(Record):
    """A layer of a live network, of which everything is known."""

    __slots__ = ("_parts", "live")

    def __init__(self, live: Unit) -> None:
        kind = type(live.layers[0])
        super().__init__(live.index, live.path, kind, live.layers, live.output, live.cost, live)
        self.shares = live.shares
        self.live = live
        self._parts: tuple[Part, ...] = ()

    @property
    def summary(self) -> str:
        return self.live.summary

    @property
    def parts(self) -> tuple[Part, ...]:
        if not self._parts:
            self._parts = tuple([_part(layer) for layer in self.live.layers])
        return self._parts


def records_of(report: Report) -> list[Record]:
    """The layers of a live network, in execution order, inputs included."""
    return [LiveRecord(unit) for unit in report.units]


def _part(layer: Layer) -> Part:
    arguments = {
        name: declared.type.written(layer.argument(name)) for name, declared in layer.fields.items()
    }
    return Part(layer.kind, type(layer), arguments)


class Argument(NamedTuple):
    """An argument that differs between two layers: its name, and both values as a spec has them."""

    name: str
    before: str
    after: str


def differing_arguments(old: Record, new: Record) -> list[Argument]:
    """What differs between two layers, each with what is fused to it, as far as both are known.

    >>> import convcalc
    >>> old, new = [
    ...     records_of(convcalc.analyze(convcalc.loads(text)))[1]
    ...     for text in (
    ...         "{input: [3, 8, 8], layers: [{conv: 4, kernel: 3, activation: relu}]}",
    ...         "{input: [3, 8, 8], layers: [{conv: 4, kernel: [5, 3]}]}",
    ...     )
    ... ]
    >>> [tuple(argument) for argument in differing_arguments(old, new)]
    [('kernel', '3', '[5, 3]'), ('activation', 'relu', 'none')]
    """
    before, after = old.parts, new.parts
    found: list[Argument] = []
    if before[0].kind != after[0].kind:
        found.append(Argument("kind", before[0].kind, after[0].kind))
    found += _differing(before[0], after[0], "")
    roles = {part.role for part in (*before[1:], *after[1:])}
    for role in sorted(roles, reverse=True):  # the norm comes before the activation
        ours = [part for part in before[1:] if part.role == role]
        theirs = [part for part in after[1:] if part.role == role]
        if [part.kind for part in ours] != [part.kind for part in theirs]:
            names = [" + ".join(part.kind for part in one) or "none" for one in (ours, theirs)]
            found.append(Argument(role or "fused", names[0], names[1]))
        else:
            for one, other in zip(ours, theirs, strict=True):
                found += _differing(one, other, f"{role} ")
    return found


def _differing(old: Part, new: Part, prefix: str) -> list[Argument]:
    return [
        Argument(f"{prefix}{name}", old.arguments[name], after)
        for name, after in new.arguments.items()
        # One number stands for one, two or three axes, so texts are compared.
        if name in old.arguments and old.arguments[name] != after
    ]
