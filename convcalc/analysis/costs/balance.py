"""Balance: what a layer computes for each byte that it must move, and the time that this bounds.

The model is the roofline of Williams, Waterman and Patterson (Communications of the ACM 52, 2009):
a device does at most so many operations and moves at most so many bytes a second. A layer must read
each input value that it uses, and its weights, and write its result, once at least; so it takes at
least the longer of the two times. That is a bound and no prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

from convcalc import given
from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.report import Report
from convcalc.analysis.field.dependencies import NetworkReadings
from convcalc.arithmetic import Ratio
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network
from convcalc.language.device import Device
from convcalc.layers.base import parameter_count
from convcalc.quantities import DTYPES

PICOSECONDS = 10**12


class Figures(NamedTuple):
    """What is known to be computed and moved, by one layer or by many.

    operations  scalar operations, a multiply-add being two
    read        bytes of input values, those that are used, once
    weights     bytes of learned numbers and of other constants, once
    written     bytes of results
    unknown     the layers of which nothing is known
    """

    operations: int = 0
    read: int = 0
    weights: int = 0
    written: int = 0
    unknown: int = 0

    @property
    def bytes(self) -> int:
        """All bytes that are moved."""
        return self.read + self.weights + self.written

    @property
    def intensity(self) -> Ratio | None:
        """Operations for each byte; None where no byte is moved."""
        return Ratio.of(self.operations, self.bytes) if self.bytes else None

    def plus(self, other: Figures) -> Figures:
        """The sum, figure by figure."""
        return Figures(*[mine + theirs for mine, theirs in zip(self, other, strict=True)])


class Bound(NamedTuple):
    """The least time that some layers take on a device, one after the other.

    Each layer is bound by one of the two; what bounds them is summed up apart, so that the sum is
    exact.

    operations  those of layers that computing bounds, at `peak` a second
    bytes       those of layers that memory bounds, at `bandwidth` a second
    """

    peak: int
    bandwidth: int
    operations: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, figures: Figures, peak: int, bandwidth: int) -> Bound:
        """The bound of one layer."""
        if figures.operations * bandwidth >= figures.bytes * peak:
            return cls(peak, bandwidth, figures.operations, 0)
        return cls(peak, bandwidth, 0, figures.bytes)

    @property
    def picoseconds(self) -> int:
        """The time, rounded down, so that it stays a bound."""
        total = self.operations * self.bandwidth + self.bytes * self.peak
        return total * PICOSECONDS // (self.peak * self.bandwidth)

    @property
    def by(self) -> str:
        """What takes longer: "compute" or "memory"; nothing where there is nothing to do."""
        if not self.operations and not self.bytes:
            return ""
        computing = self.operations * self.bandwidth >= self.bytes * self.peak
        return "compute" if computing else "memory"

    def plus(self, other: Bound) -> Bound:
        """The time of both, one after the other."""
        operations, moved = self.operations + other.operations, self.bytes + other.bytes
        return self._replace(operations=operations, bytes=moved)


class Balance:
    """The figures of every operation and of every unit.

    dtype    the type of inputs and results
    weights  the type of learned numbers
    """

    def __init__(
        self,
        report: Report,
        dtype: str,
        weights: str,
        operations: dict[str, Figures],
        units: dict[str, Figures],
    ) -> None:
        self.report = report
        self.dtype = dtype
        self.weights = weights
        self.operations = operations
        self.units: dict[str, Figures] = units

    def of(self, members: Sequence[LayerReport], *, fused: bool) -> list[Figures]:
        """The figures of each unit, or of each operation, among some operations."""
        if not fused:
            return [self.operations[member.node.path] for member in members]
        return [self.units[unit] for unit in dict.fromkeys(m.node.unit for m in members)]

    def __repr__(self) -> str:
        figures = total(self.units.values())
        least = "" if self.report.complete else "at least "
        moved = f"{figures.operations:,} operations, {figures.bytes:,} bytes"
        return f"<Balance of {self.report.network.name}: {self.dtype}, {least}{moved}>"

    def to_dict(self, device: Device | None = None) -> dict[str, Any]:
        """The report and the balance as plain data, with the keys of `balance --format json`.

        device  whose least time is added
        """
        if device is not None:
            given.instance("device", device, Device, "one of convcalc.language.device")
            given.word("unknown-dtype", "peak of the device", self.dtype, device.operations)
        report = self.report
        data = report.to_dict()
        for layer, entry in zip(report.layers, data["layers"], strict=True):
            entry["balance"] = self._figures(self.operations[layer.node.path], device)
        units = [{"name": unit, **self._figures(one, device)} for unit, one in self.units.items()]
        data["balance"] = {
            "dtype": self.dtype,
            "weights": self.weights,
            "device": None if device is None else device._asdict(),
            "layers": units,
            "totals": self._known([*self.units.values()], device),
        }
        return data

    def _figures(self, one: Figures, device: Device | None) -> dict[str, Any]:
        """Those of one operation or unit; None in place of each where they are unknown."""
        data = self._known([one], device)
        return dict.fromkeys(data) if one.unknown else data

    def _known(self, parts: Sequence[Figures], device: Device | None) -> dict[str, Any]:
        figures = total(parts)
        intensity = None if figures.unknown else figures.intensity
        data: dict[str, Any] = {
            "operations": figures.operations,
            "read": figures.read,
            "weights": figures.weights,
            "written": figures.written,
            "bytes": figures.bytes,
            "intensity": None if intensity is None else intensity.data,
        }
        if device is not None:
            least = bound(parts, device, self.dtype)
            data["at_least_ps"] = least.picoseconds
            data["bound_by"] = least.by or None
        return data


def total(figures: Iterable[Figures]) -> Figures:
    """The sum."""
    found = Figures()
    for one in figures:
        found = found.plus(one)
    return found


def bound(figures: Iterable[Figures], device: Device, dtype: str) -> Bound:
    """The least time of layers that run one after the other."""
    peak = device.operations[dtype]
    found = Bound(peak, device.bytes)
    for one in figures:
        found = found.plus(Bound.of(one, peak, device.bytes))
    return found


def intensity_text(intensity: Ratio | None) -> str:
    """Operations for each byte with two decimals, rounded in integers.

    >>> intensity_text(Ratio.of(1, 3)), intensity_text(None)
    ('0.33', '-')
    """
    if intensity is None:
        return "-"
    numerator, denominator = intensity
    hundredths = (200 * numerator + denominator) // (2 * denominator)
    return f"{hundredths // 100:,}.{hundredths % 100:02d}"


@gc_paused()
def balance(report: Report, dtype: str = "float32", weights: str | None = None) -> Balance:
    """What every operation and every unit computes and moves, for the report's batch.

    In a unit, the norm and the activation run before the layer's result is written, so the unit
    moves no more than the layer alone. A single operation moves its own input and result.

    >>> import convcalc
    >>> found = balance(convcalc.analyze(convcalc.load("lenet")))
    >>> found.units["dense0"]
    Figures(operations=96360, read=1600, weights=192480, written=480, unknown=0)
    """
    network = report.network
    weights = weights or dtype
    elements = _Elements(network)
    sizes = (report.batch, DTYPES[dtype], DTYPES[weights])
    return Balance(
        report,
        dtype,
        weights,
        {layer.node.path: elements.figures([layer], *sizes) for layer in report.layers},
        {u.path: elements.figures(u.members, *sizes) for u in report.units if u.members},
    )


class _Elements:
    """The values that groups of operations read from outside and write for outside."""

    def __init__(self, network: Network) -> None:
        self.nodes = network.nodes
        self.indices = {node.path: index for index, node in enumerate(network.nodes)}
        self.readings = NetworkReadings(network)
        self.read_by: dict[int, list[int]] = {index: [-1] for index in network.outputs.values()}
        #: Constants and views of them, which are read where they stand, among the weights.
        self.constants: set[int] = set()
        for index, node in enumerate(network.nodes):
            if node.layer.constant or (node.layer.view and node.inputs[0] in self.constants):
                self.constants.add(index)
            for source in node.reads:
                self.read_by.setdefault(source, []).append(index)
        self.known: dict[tuple[int, tuple[int, ...], int], int] = {}

    def figures(
        self, members: Sequence[LayerReport], samples: int, number: int, weight: int
    ) -> Figures:
        """What these operations compute and move.

        number  bytes of a value
        weight  bytes of a learned number
        """
        unknown = sum([member.node.layer.unknown for member in members])
        members = [member for member in members if not member.node.layer.unknown]
        inside = {self.indices[member.node.path] for member in members}
        read: dict[int, int] = {}
        weights = written = operations = 0
        for member in members:
            node = member.node
            index = self.indices[node.path]
            operations += member.cost.flops
            shapes = [self.nodes[source].shape for source in node.inputs]
            if node.layer.constant:
                weights += prod(node.shape)
                continue
            weights += parameter_count(node.layer.parameters(shapes))
            if node.layer.view:
                continue  # the same memory as its input: nothing moves
            for position, source in enumerate(node.reads):
                if source not in inside and source not in self.constants:
                    used = self.used(index, position) * self.nodes[source].width(number)
                    read[source] = max(read.get(source, 0), used)
            readers = self.read_by.get(index, [])
            if not readers or any([reader not in inside for reader in readers]):
                written += prod(node.shape) * node.width(number)
        value = number * samples
        moved = (sum(read.values()) * value, weights * weight, written * value)
        return Figures(operations, *moved, unknown)

    def used(self, index: int, position: int) -> int:
        """The values of an input that a layer reads: those in one of its windows."""
        node = self.nodes[index]
        shape = self.nodes[node.reads[position]].shape
        key = (id(node.layer), shape, position)
        if key not in self.known or len(node.inputs) > 1:
            counts = []
            for reading, n in zip(self.readings.of(index, position), shape, strict=True):
                if reading.along is None:
                    counts.append(n)
                else:
                    counts.append(reading.count(node.shape[reading.along], n))
            self.known[key] = prod(counts)
        return self.known[key]
