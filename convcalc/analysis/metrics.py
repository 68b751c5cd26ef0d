"""How every metric of `convcalc.metrics` is computed.

Each is in one table: `COSTS` (in `costs/cost.py`) for figures of a cost, `OPERATIONS` for other
figures of an operation, `NETWORK` for figures of the network as a whole. A network's figure of the
first two tables is the sum over its operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from convcalc import given
from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.cost import COSTS, LayerReport
from convcalc.graph import Node
from convcalc.metrics import CONVENTIONS, METRICS, OWN, TOTALS
from convcalc.problems import ConvcalcError
from convcalc.quantities import DEFAULT_DTYPE, DTYPES

if TYPE_CHECKING:
    from convcalc.analysis.memory.tflm import Plan


def _written(layer: LayerReport) -> int:
    """The elements that an operation writes: none if it is a constant or a view of its input."""
    shapes = [shape[1:] for shape in layer.inputs]
    own = layer.node.layer
    return 0 if own.constant or own.is_view(shapes) else prod(layer.output)


def _live(analysis: Analysis, layer: LayerReport, dtype: str, in_place: bool) -> int | None:
    elements = analysis.live(in_place=in_place, dtype=dtype).get(layer.node.path)
    return None if elements is None else elements * analysis.batch * DTYPES[dtype]


#: Figures of an operation, in bytes for numbers of a dtype; None where it has none.
OPERATIONS: dict[str, Callable[[Analysis, LayerReport, str], int | None]] = {
    "weights": lambda _, layer, dtype: (layer.cost.params + layer.cost.buffers) * DTYPES[dtype],
    "activations": lambda _, layer, dtype: (
        _written(layer) * (layer.node.layer.element_bytes or DTYPES[dtype])
    ),
    "live": lambda analysis, layer, dtype: _live(analysis, layer, dtype, in_place=False),
    "live_in_place": lambda analysis, layer, dtype: _live(analysis, layer, dtype, in_place=True),
    "forward": lambda analysis, layer, _: analysis.step_costs[layer.node.path].forward.flops,
    "backward": lambda analysis, layer, _: analysis.step_costs[layer.node.path].backward.flops,
    "step": lambda analysis, layer, _: analysis.step_costs[layer.node.path].step.flops,
    "training": lambda analysis, layer, _: analysis.step_costs[layer.node.path].total.flops,
    "training_macs": lambda analysis, layer, _: analysis.step_costs[layer.node.path].macs,
}


def _bytes(analysis: Analysis, elements: int, dtype: str) -> int:
    """The bytes of so many elements of one sample, in all samples."""
    return elements * analysis.batch * DTYPES[dtype]


def _layers(analysis: Analysis) -> int:
    return sum([bool(unit.members) for unit in analysis.report.units])


def _depth(analysis: Analysis) -> int:
    from convcalc.analysis.costs.depth import weighted_depth

    return weighted_depth(analysis.network)


def _plan(analysis: Analysis, dtype: str) -> Plan:
    from convcalc.analysis.memory.tflm import plan

    return plan(analysis.network, dtype, analysis.batch)


def _flash(analysis: Analysis, dtype: str) -> dict[int, int]:
    from convcalc.analysis.memory.tflm import flash

    return flash(analysis.network, dtype)


def _training_memory(analysis: Analysis, dtype: str) -> int:
    from convcalc.analysis.memory.training import training_memory

    # int8 is for inference: a network is trained in float32.
    size = DTYPES[dtype] if DTYPES[dtype] > 1 else DTYPES[DEFAULT_DTYPE]
    return training_memory(analysis.training(), size).total


#: Figures of a network, in bytes for numbers of a dtype.
NETWORK: dict[str, Callable[[Analysis, str], int]] = {
    "layers": lambda analysis, _: _layers(analysis),
    "operations": lambda analysis, _: len(analysis.report.layers),
    "depth": lambda analysis, _: _depth(analysis),
    "largest_activation": lambda analysis, dtype: _bytes(
        analysis,
        max([tensor.size for tensor in analysis.memory(dtype=dtype).tensors], default=0),
        dtype,
    ),
    "peak_memory": lambda analysis, dtype: _bytes(analysis, analysis.peak(dtype=dtype), dtype),
    "peak_in_place": lambda analysis, dtype: _bytes(
        analysis, analysis.peak(in_place=True, dtype=dtype), dtype
    ),
    "peak_least": lambda analysis, dtype: _bytes(
        analysis, analysis.least_peak_in(dtype).peak, dtype
    ),
    "arena": lambda analysis, dtype: _bytes(analysis, analysis.arena_in(dtype).size, dtype),
    "tflm_arena": lambda analysis, dtype: _plan(analysis, dtype).size,
    "tflm_weights": lambda analysis, dtype: sum(_flash(analysis, dtype).values()),
    "bytes_moved": lambda analysis, dtype: sum(
        [figures.bytes for figures in analysis.balance(dtype).units.values()]
    ),
    "training_memory": _training_memory,
}


def measure(
    analysis: Analysis, name: str, dtype: str = DEFAULT_DTYPE, convention: str = OWN
) -> int:
    """A metric of a network; `flops` as a convention counts them.

    analysis    of the network
    name        a metric of `convcalc.metrics.TOTALS`, such as "macs" or "arena"
    dtype       the type of numbers whose bytes are counted
    convention  the counter whose FLOPs are meant, of `convcalc.metrics.CONVENTIONS`

    Raises ConvcalcError where there is no such metric, type or counter, and where the convention,
    or training, has no rule for a kind.

    >>> import convcalc
    >>> analysis = convcalc.Analysis(convcalc.load("resnet50"))
    >>> measure(analysis, "macs"), measure(analysis, "peak_memory", "int8")
    (4089184256, 2408448)
    """
    given.instance("analysis", analysis, Analysis, "a convcalc.Analysis")
    given.word("unknown-metric", "metric", name, TOTALS)
    given.dtype(dtype)
    given.word("unknown-convention", "counter", convention, CONVENTIONS)
    if name == "flops" and convention != OWN:
        return sum(analysis.counted(convention).values())
    if name in COSTS:
        return COSTS[name](analysis.report.totals)
    if name in NETWORK:
        return NETWORK[name](analysis, dtype)
    return together(analysis, name, analysis.report.layers, dtype) or 0


def measure_all(
    analysis: Analysis, dtype: str = DEFAULT_DTYPE, *, slow: bool = True
) -> dict[str, int]:
    """Every metric of a network but those of boards, by name; the slow ones if asked.

    One that the network does not have, because a kind has no rule for it, is left out.

    >>> import convcalc
    >>> measure_all(convcalc.Analysis(convcalc.load("lenet")), "int8")["weights"]
    61706
    """
    found: dict[str, int] = {}
    for name, metric in TOTALS.items():
        if not metric.board and (slow or not metric.slow):
            try:
                found[name] = measure(analysis, name, dtype)
            except ConvcalcError:
                continue
    return found


def together(
    analysis: Analysis, name: str, members: Sequence[LayerReport], dtype: str = DEFAULT_DTYPE
) -> int | None:
    """A layer's metric, of some operations together; None where none of them has one."""
    if name in COSTS:
        figure = COSTS[name]
        return sum([figure(member.cost) for member in members])
    found = [OPERATIONS[name](analysis, member, dtype) for member in members]
    known = [value for value in found if value is not None]
    return METRICS[name].together(known) if known else None


class Contribution(NamedTuple):
    """What a layer, a group or a tensor contributes to a metric of its network.

    node  where it is written: of a unit the layer itself, and not what is fused to it
    """

    path: str
    node: Node
    value: int


def contributions(
    analysis: Analysis, name: str, dtype: str = DEFAULT_DTYPE, convention: str = OWN
) -> list[Contribution]:
    """What a metric is made of; empty where nothing adds up to it.

    Units in execution order; for a peak of memory, the tensors alive then.
    """
    if name in NETWORK:
        return _PARTS[name](analysis, dtype) if name in _PARTS else []
    found = []
    for unit in analysis.report.units:
        if not unit.members:
            continue
        if name == "flops" and convention != OWN:
            counted = analysis.counted(convention)
            value = sum([counted[member.node.path] for member in unit.members])
        else:
            value = together(analysis, name, unit.members, dtype) or 0
        found.append(Contribution(unit.path, unit.node, value))
    return found


def heaviest(
    analysis: Analysis, name: str, dtype: str = DEFAULT_DTYPE, convention: str = OWN
) -> list[Contribution]:
    """What contributes to a metric, the largest first."""
    found = contributions(analysis, name, dtype, convention)
    return sorted([one for one in found if one.value > 0], key=lambda one: -one.value)


def _moved(analysis: Analysis, dtype: str) -> list[Contribution]:
    """The bytes that each unit has to move."""
    moved = analysis.balance(dtype).units
    units = [unit for unit in analysis.report.units if unit.members]
    return [Contribution(unit.path, unit.node, moved[unit.path].bytes) for unit in units]


def _tensors(
    analysis: Analysis, numbers: Sequence[int], dtype: str, in_place: bool
) -> list[Contribution]:
    """Tensors, each at the place of the unit that writes it."""
    tensors = analysis.memory(in_place=in_place, dtype=dtype).tensors
    nodes = analysis.network.nodes
    homes = {unit.path: unit.node for unit in analysis.report.units}
    found = []
    for number in numbers:
        node = nodes[tensors[number].node]
        size = _bytes(analysis, tensors[number].size, dtype)
        found.append(Contribution(node.path, homes[node.unit], size))
    return found


def _at_peak(analysis: Analysis, dtype: str, in_place: bool) -> list[Contribution]:
    """The tensors alive at a peak of the written order."""
    step = analysis.peak_step(in_place=in_place, dtype=dtype)
    return _tensors(analysis, step.tensors if step is not None else (), dtype, in_place)


def _planned(analysis: Analysis, dtype: str) -> list[Contribution]:
    """The tensors in a planned arena when it is fullest."""
    nodes = analysis.network.nodes
    found = _plan(analysis, dtype).fullest()
    return [Contribution(nodes[one.node].path, nodes[one.node], one.bytes) for one in found]


def _stored(analysis: Analysis, dtype: str) -> list[Contribution]:
    """What each layer's weights take in flash."""
    nodes = analysis.network.nodes
    found = _flash(analysis, dtype).items()
    return [Contribution(nodes[index].path, nodes[index], size) for index, size in found]


#: What figures of a network as a whole are made of, where they are made of something.
_PARTS: dict[str, Callable[[Analysis, str], list[Contribution]]] = {
    "largest_activation": lambda analysis, dtype: _tensors(
        analysis, range(len(analysis.memory(dtype=dtype).tensors)), dtype, in_place=False
    ),
    "peak_memory": lambda analysis, dtype: _at_peak(analysis, dtype, in_place=False),
    "peak_in_place": lambda analysis, dtype: _at_peak(analysis, dtype, in_place=True),
    "peak_least": lambda analysis, dtype: _at_peak(analysis, dtype, in_place=True),
    "arena": lambda analysis, dtype: _at_peak(analysis, dtype, in_place=True),
    "tflm_arena": _planned,
    "tflm_weights": _stored,
    "bytes_moved": _moved,
}
