"""Every total of a network that can be limited, locked or compared, by name.

`MEASURES` is the table; `convcalc.spec.limits.LIMITED` has each one's unit and description. A new
total is a line in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import NamedTuple

from convcalc.analysis.liveness import Memory, Step, memory_of, steps
from convcalc.analysis.report import LayerReport, Report
from convcalc.graph import Node
from convcalc.quantities import DEFAULT_DTYPE, DTYPES


class Subject:
    """A report to be measured, for numbers of a dtype; what takes time is computed once.

    report        of a network, for one sample
    number_bytes  what a number takes in memory
    """

    __slots__ = ("_memory", "_peak", "number_bytes", "report")

    def __init__(self, report: Report, dtype: str = DEFAULT_DTYPE) -> None:
        self.report = report
        self.number_bytes = DTYPES[dtype]
        self._memory: Memory | None = None
        self._peak: Step | None = None

    @property
    def memory(self) -> Memory:
        """The network's tensors."""
        if self._memory is None:
            self._memory = memory_of(self.report.network)
        return self._memory

    @property
    def peak(self) -> Step | None:
        """The step of the written order at which the most is alive; None where nothing runs."""
        if self._peak is None:
            self._peak = max(steps(self.memory), key=lambda step: step.live, default=None)
        return self._peak


def _made(layer: LayerReport) -> int:
    """The elements that an operation writes: none where its result is a view of its input."""
    node = layer.node
    shapes = [shape[1:] for shape in layer.inputs]
    return 0 if node.layer.is_view(shapes) else prod(layer.output)


def _depth(subject: Subject) -> int:
    from convcalc.analysis.depth import weighted_depth

    return weighted_depth(subject.report.network)


def _peak(subject: Subject) -> int:
    step = subject.peak
    if step is None:
        memory = subject.memory
        return sum([memory.tensors[number].size for number in memory.inputs]) * subject.number_bytes
    return step.live * subject.number_bytes


Measure = Callable[[Subject], int]
LayerMeasure = Callable[[LayerReport, int], int]

#: What each operation adds to a total, for those that are sums over operations; the second argument
#: is the bytes of a number.
LAYER_MEASURES: dict[str, LayerMeasure] = {
    "params": lambda layer, _: layer.cost.params,
    "buffers": lambda layer, _: layer.cost.buffers,
    "macs": lambda layer, _: layer.cost.macs,
    "flops": lambda layer, _: layer.cost.flops,
    "multiplies": lambda layer, _: layer.cost.counts.multiplies,
    "adds": lambda layer, _: layer.cost.counts.adds,
    "divides": lambda layer, _: layer.cost.counts.divides,
    "compares": lambda layer, _: layer.cost.counts.compares,
    "specials": lambda layer, _: layer.cost.counts.specials,
    "weights": lambda layer, size: (layer.cost.params + layer.cost.buffers) * size,
    "activations": lambda layer, size: _made(layer) * size,
}


def _sum_of(name: str) -> Measure:
    measure = LAYER_MEASURES[name]
    return lambda subject: sum(
        [measure(layer, subject.number_bytes) for layer in subject.report.layers]
    )


#: Every total, in the order in which they are shown.
MEASURES: dict[str, Measure] = {
    "params": lambda subject: subject.report.totals.params,
    "buffers": lambda subject: subject.report.totals.buffers,
    "macs": lambda subject: subject.report.totals.macs,
    "flops": lambda subject: subject.report.totals.flops,
    "multiplies": lambda subject: subject.report.totals.counts.multiplies,
    "adds": lambda subject: subject.report.totals.counts.adds,
    "divides": lambda subject: subject.report.totals.counts.divides,
    "compares": lambda subject: subject.report.totals.counts.compares,
    "specials": lambda subject: subject.report.totals.counts.specials,
    "layers": lambda subject: len({layer.node.unit for layer in subject.report.layers}),
    "operations": lambda subject: len(subject.report.layers),
    "depth": _depth,
    "weights": _sum_of("weights"),
    "activations": _sum_of("activations"),
    "largest_activation": lambda subject: max(
        [tensor.size * subject.number_bytes for tensor in subject.memory.tensors], default=0
    ),
    "peak_memory": _peak,
}


def measured_totals(report: Report, dtype: str = DEFAULT_DTYPE) -> dict[str, int]:
    """Every total of a report, by name; bytes for numbers of this dtype.

    >>> import convcalc
    >>> report = convcalc.analyze(convcalc.load("lenet"))
    >>> measured_totals(report, "int8")["weights"]
    61706
    """
    subject = Subject(report, dtype)
    return {name: measure(subject) for name, measure in MEASURES.items()}


class Part(NamedTuple):
    """What one layer, or one tensor, contributes to a total.

    node  where it is written: the layer itself, and not what is fused behind it
    """

    path: str
    node: Node
    value: int


def heaviest(subject: Subject, metric: str) -> list[Part]:
    """What a total is made of, the largest parts first; empty where nothing adds up to it.

    Layers, with what is fused behind them; for the peak of memory, the tensors alive then.
    """
    report = subject.report
    if metric in LAYER_MEASURES:
        parts = layer_parts(subject, metric, report.layers)
    else:
        tensors = subject.memory.tensors
        numbers: Iterable[int] = ()
        if metric == "peak_memory" and subject.peak is not None:
            numbers = subject.peak.tensors
        elif metric == "largest_activation":
            numbers = range(len(tensors))
        nodes = report.network.nodes
        homes: dict[str, Node] = {}
        for node in nodes:
            homes.setdefault(node.unit, node)
        parts = []
        for number in numbers:
            node = nodes[tensors[number].node]
            size = tensors[number].size * subject.number_bytes
            parts.append(Part(node.path, homes[node.unit], size))
    return sorted([part for part in parts if part.value > 0], key=lambda part: -part.value)


def layer_parts(subject: Subject, metric: str, layers: Iterable[LayerReport]) -> list[Part]:
    """What each layer, with what is fused behind it, adds to a total; in execution order."""
    measure = LAYER_MEASURES[metric]
    homes: dict[str, Node] = {}
    values: dict[str, int] = {}
    for layer in layers:
        unit = layer.node.unit
        homes.setdefault(unit, layer.node)
        values[unit] = values.get(unit, 0) + measure(layer, subject.number_bytes)
    return [Part(unit, homes[unit], value) for unit, value in values.items()]
