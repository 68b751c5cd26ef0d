"""Every total of a network that can be limited, locked or compared, by name.

`MEASURES` is the table; `convcalc.metrics` has each one's unit and description. A new total is a
line in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.memory.liveness import Memory, Step, memory_of, peak_step
from convcalc.diagnostics import ConvcalcError
from convcalc.graph import Node
from convcalc.metrics import OWN, TOTALS
from convcalc.quantities import DEFAULT_DTYPE, DTYPES

if TYPE_CHECKING:
    from convcalc.analysis.training.step import Training


class Subject:
    """A report to be measured, for numbers of a dtype; what takes time is computed once.

    report        of a network, for one sample
    number_bytes  what a number takes in memory
    """

    __slots__ = ("_charges", "_memories", "_peaks", "_training", "number_bytes", "report")

    def __init__(self, report: Report, dtype: str = DEFAULT_DTYPE) -> None:
        self.report = report
        self.number_bytes = DTYPES[dtype]
        self._memories: dict[bool, Memory] = {}
        self._peaks: dict[bool, Step | None] = {}
        self._charges: dict[str, Sequence[int]] = {}
        self._training: Training | None = None

    def memory(self, in_place: bool = False) -> Memory:
        """The network's tensors."""
        if in_place not in self._memories:
            self._memories[in_place] = memory_of(self.report.network, in_place=in_place)
        return self._memories[in_place]

    def peak(self, in_place: bool = False) -> Step | None:
        """The step of the written order at which the most is alive; None where nothing runs."""
        if in_place not in self._peaks:
            self._peaks[in_place] = peak_step(self.memory(in_place))
        return self._peaks[in_place]

    def training(self) -> Training:
        """A training step on one sample with plain gradient descent."""
        if self._training is None:
            from convcalc.analysis.training.step import train

            self._training = train(self.report.network)
        return self._training

    def charges(self, convention: str) -> Sequence[int]:
        """What a convention charges for each operation; ConvcalcError where it has no rule."""
        if convention not in self._charges:
            from convcalc.analysis.counters.charges import BY_NAME, charges, require_rules

            found = charges(self.report, [BY_NAME[convention]])
            require_rules(found, f"flops --as {convention} --partial shows the others, marked so")
            self._charges[convention] = [charge or 0 for charge in found[0].layers]
        return self._charges[convention]


def _made(layer: LayerReport) -> int:
    """The elements that an operation writes: none where its result is a view of its input."""
    node = layer.node
    shapes = [shape[1:] for shape in layer.inputs]
    return 0 if node.layer.is_view(shapes) else prod(layer.output)


def _depth(subject: Subject) -> int:
    from convcalc.analysis.costs.depth import weighted_depth

    return weighted_depth(subject.report.network)


def _peak(subject: Subject, in_place: bool = False) -> int:
    step = subject.peak(in_place)
    memory = subject.memory(in_place)
    waiting = sum([memory.tensors[number].size for number in memory.inputs])
    return (step.live if step is not None else waiting) * subject.number_bytes


def _peak_least(subject: Subject) -> int:
    from convcalc.analysis.memory.least_peak import least_peak

    return least_peak(subject.memory(in_place=True)).peak * subject.number_bytes


def _arena(subject: Subject) -> int:
    from convcalc.analysis.memory.arena import arena

    return arena(subject.memory(in_place=True)).size * subject.number_bytes


def _training_macs(subject: Subject) -> int:
    totals = subject.training().totals
    return totals.forward_macs + totals.backward_macs


def _training_memory(subject: Subject) -> int:
    from convcalc.analysis.memory.training import training_memory

    # Whole numbers are for running a network: it is trained in float32.
    number_bytes = subject.number_bytes if subject.number_bytes > 1 else DTYPES[DEFAULT_DTYPE]
    return training_memory(subject.training(), number_bytes).total


def _bytes_moved(subject: Subject) -> int:
    return sum([part.value for part in _moved(subject)])


def _moved(subject: Subject) -> list[Part]:
    """The bytes that each unit has to move."""
    from convcalc.analysis.costs.balance import balance

    dtype = next(name for name, size in DTYPES.items() if size == subject.number_bytes)
    moved = balance(subject.report, dtype).units
    units = subject.report.units
    return [Part(u.path, u.node, moved[u.path].bytes) for u in units if u.members]


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
    "layers": lambda subject: len([1 for unit in subject.report.units if unit.members]),
    "operations": lambda subject: len(subject.report.layers),
    "depth": _depth,
    "weights": _sum_of("weights"),
    "activations": _sum_of("activations"),
    "largest_activation": lambda subject: max(
        [tensor.size * subject.number_bytes for tensor in subject.memory().tensors], default=0
    ),
    "peak_memory": _peak,
    "peak_in_place": lambda subject: _peak(subject, in_place=True),
    "peak_least": _peak_least,
    "arena": _arena,
    "bytes_moved": _bytes_moved,
    "training_macs": _training_macs,
    "training_memory": _training_memory,
}


def measure(subject: Subject, name: str, convention: str = OWN) -> int:
    """One total; `flops` as a convention counts them. ConvcalcError where something has no rule."""
    if name == "flops" and convention != OWN:
        return sum(subject.charges(convention))
    return MEASURES[name](subject)


def measured_totals(
    report: Report, dtype: str = DEFAULT_DTYPE, *, slow: bool = True
) -> dict[str, int]:
    """Every total of a report, by name; bytes for numbers of this dtype. The slow ones if asked.

    A total that the network does not have, because a kind has no rule for it, is left out.

    >>> import convcalc
    >>> report = convcalc.analyze(convcalc.load("lenet"))
    >>> measured_totals(report, "int8")["weights"]
    61706
    """
    subject = Subject(report, dtype)
    totals: dict[str, int] = {}
    for name, one in MEASURES.items():
        if slow or not TOTALS[name].slow:
            try:
                totals[name] = one(subject)
            except ConvcalcError:
                continue
    return totals


class Part(NamedTuple):
    """What one layer, or one tensor, contributes to a total.

    node  where it is written: the layer itself, and not what is fused behind it
    """

    path: str
    node: Node
    value: int


def heaviest(subject: Subject, metric: str, convention: str = OWN) -> list[Part]:
    """What a total is made of, the largest parts first; empty where nothing adds up to it.

    Layers, with what is fused behind them; for a peak of memory, the tensors alive then.
    """
    report = subject.report
    if metric in LAYER_MEASURES:
        parts = layer_parts(subject, metric, convention)
    elif metric == "training_macs":
        costs = [layer.cost for layer in subject.training().layers]
        parts = _units(report, [cost.forward_macs + cost.backward_macs for cost in costs])
    elif metric == "bytes_moved":
        parts = _moved(subject)
    elif metric in _ALIVE:
        step = subject.peak(_ALIVE[metric])
        parts = _tensors(subject, step.tensors if step is not None else (), _ALIVE[metric])
    elif metric == "largest_activation":
        parts = _tensors(subject, range(len(subject.memory().tensors)))
    else:
        parts = []
    return sorted([part for part in parts if part.value > 0], key=lambda part: -part.value)


def layer_parts(subject: Subject, metric: str, convention: str = OWN) -> list[Part]:
    """What each layer, with what is fused behind it, adds to a total; in execution order."""
    layers = subject.report.layers
    if metric == "flops" and convention != OWN:
        return _units(subject.report, subject.charges(convention))
    one = LAYER_MEASURES[metric]
    return _units(subject.report, [one(layer, subject.number_bytes) for layer in layers])


#: Peaks of memory, and whether they are those of running in place.
_ALIVE = {"peak_memory": False, "peak_in_place": True, "peak_least": True, "arena": True}


def _units(report: Report, values: Sequence[int]) -> list[Part]:
    """A value for each operation as one for each layer with what is fused behind it."""
    sums: dict[str, int] = {}
    for layer, value in zip(report.layers, values, strict=True):
        unit = layer.node.unit
        sums[unit] = sums.get(unit, 0) + value
    return [Part(u.path, u.node, sums[u.path]) for u in report.units if u.members]


def _tensors(subject: Subject, numbers: Sequence[int], in_place: bool = False) -> list[Part]:
    """Tensors by what writes them, at the place of the layer that this is fused behind."""
    tensors = subject.memory(in_place).tensors
    nodes = subject.report.network.nodes
    homes = {unit.path: unit.node for unit in subject.report.units}
    parts = []
    for number in numbers:
        node = nodes[tensors[number].node]
        size = tensors[number].size * subject.number_bytes
        parts.append(Part(node.path, homes[node.unit], size))
    return parts
