"""What an operation costs: parameters and counts, as exact integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from convcalc.counts import Counts
from convcalc.graph import Node
from convcalc.metrics import SUMS
from convcalc.shapes import Shape


class Cost(NamedTuple):
    """Parameters and operations, of a layer or of many: the known part of them.

    unknown   the layers of which it is not known what they compute
    unlisted  the layers of which it is not known what they learn
    """

    params: int = 0
    buffers: int = 0
    counts: Counts = Counts()
    macs: int = 0
    unknown: int = 0
    unlisted: int = 0

    @property
    def flops(self) -> int:
        """The sum of the five counted classes."""
        return self.counts.flops

    def plus(self, other: Cost) -> Cost:
        """The sum, field by field."""
        return Cost(
            self.params + other.params,
            self.buffers + other.buffers,
            self.counts.plus(other.counts),
            self.macs + other.macs,
            self.unknown + other.unknown,
            self.unlisted + other.unlisted,
        )

    def misses(self, metric: str) -> bool:
        """Whether a part of a metric is unknown, here or of the network whose total this is."""
        if metric in _LEARNED:
            return self.unlisted > 0
        return self.unknown > 0 and metric not in _OF_RESULTS

    def known(self, name: str) -> int | None:
        """A figure of `COSTS` by its name; None where a part of it is unknown."""
        return None if self.misses(name) else COSTS[name](self)

    def to_dict(self) -> dict[str, int]:
        """Its metrics by name, of its known part."""
        return {name: figure_of(self) for name, figure_of in _SUMMED}


#: Metrics of which an unknown layer's part is known where its parameters are given.
_LEARNED = ("params", "buffers", "weights", "tflm_weights")
#: Metrics of which it is known whatever the layer computes: only results take part in them.
_OF_RESULTS = ("layers", "operations", "activations", "largest_activation")

#: Figures of the known part of a cost, be it that of one operation, of several or a difference.
COSTS: dict[str, Callable[[Cost], int]] = {
    "params": lambda cost: cost.params,
    "buffers": lambda cost: cost.buffers,
    "multiplies": lambda cost: cost.counts.multiplies,
    "adds": lambda cost: cost.counts.adds,
    "divides": lambda cost: cost.counts.divides,
    "compares": lambda cost: cost.counts.compares,
    "specials": lambda cost: cost.counts.specials,
    "other": lambda cost: cost.counts.divides + cost.counts.compares + cost.counts.specials,
    "macs": lambda cost: cost.macs,
    "flops": lambda cost: cost.flops,
}


#: Those that a network has as the sum over its layers.
_SUMMED = [(name, figure_of) for name, figure_of in COSTS.items() if name in SUMS]


class LayerReport:
    """One operation: its node, its shapes with the batch axis in front, and its cost."""

    __slots__ = ("cost", "inputs", "node", "output")

    def __init__(self, node: Node, inputs: tuple[Shape, ...], output: Shape, cost: Cost) -> None:
        self.node = node
        self.inputs = inputs
        self.output = output
        self.cost = cost

    @property
    def counts(self) -> Counts | None:
        """Its operations; None where they are unknown."""
        return None if self.cost.unknown else self.cost.counts

    def __repr__(self) -> str:
        node, macs = self.node, self.cost.known("macs")
        figures = "cost unknown" if macs is None else f"{self.cost.params:,} params, {macs:,} MACs"
        return f"<{node.path}: {node.kind} -> {self.output}, {figures}>"

    def to_dict(self, sources: Sequence[str]) -> dict[str, Any]:
        """The operation as plain data; `sources` are the paths of what it reads."""
        node, cost = self.node, self.cost
        span = node.span
        return {
            "name": node.name,
            "path": node.path,
            "kind": node.kind,
            "file": span.source.name if span else None,
            "line": span.line if span else None,
            "calls": [call.to_dict() for call in node.calls],
            "from": list(sources),
            "inputs": [list(shape) for shape in self.inputs] if sources else [],
            "output": list(self.output),
            **({name: cost.known(name) for name, _ in _SUMMED} if cost.unknown else cost.to_dict()),
        }


def total(layers: Sequence[LayerReport]) -> Cost:
    """The sum of the layers' costs."""
    columns = zip(*[(*r.cost[:2], *r.cost.counts, *r.cost[3:]) for r in layers], strict=True)
    sums = [sum(column) for column in columns] or [0] * 10
    return Cost(sums[0], sums[1], Counts(*sums[2:7]), *sums[7:])
