"""The analyses of a network: each is computed when it is first asked for, and once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from convcalc import given
from convcalc.analysis.costs.report import Report, analyze
from convcalc.graph import Network, check_network
from convcalc.metrics import CONVENTIONS
from convcalc.quantities import DEFAULT_DTYPE, DTYPES

if TYPE_CHECKING:
    from convcalc.analysis.costs.balance import Balance
    from convcalc.analysis.field.dependencies import NetworkReadings
    from convcalc.analysis.field.fields import Fields
    from convcalc.analysis.field.global_reads import LocalReadings
    from convcalc.analysis.memory.arena import Arena
    from convcalc.analysis.memory.least_peak import LeastPeak
    from convcalc.analysis.memory.liveness import LiveSet, TensorGraph
    from convcalc.analysis.training.step import StepCost, Training

T = TypeVar("T")


class Analysis:
    """What can be computed from a network, for a batch of samples.

    Raises ConvcalcError where `batch` is not a whole number from 1 on, and its methods do where a
    type of numbers, a counter or an optimizer does not exist.

    network     the network
    batch       samples at once; counts and costs hold for all of them
    valid_taps  whether counts leave out the taps that fall on padding

    >>> import convcalc
    >>> analysis = convcalc.Analysis(convcalc.load("vgg16"))
    >>> analysis.report.totals.macs, analysis.fields["stage4.pool0"].size_text()
    (15470264320, '212x212')
    """

    def __init__(self, network: Network, *, batch: int = 1, valid_taps: bool = False) -> None:
        check_network(network)
        self.network = network
        self.batch = given.whole("batch", batch)
        self.valid_taps = given.flag("valid_taps", valid_taps)
        self._known: dict[object, Any] = {}

    def __repr__(self) -> str:
        taps = ", valid taps" if self.valid_taps else ""
        return f"<Analysis of {self.network.name}: batch {self.batch}{taps}>"

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data; `balance()`, `training()` and `fields` have their own."""
        return self.report.to_dict()

    def _once(self, key: object, compute: Callable[[], T]) -> T:
        """The result of `compute`, which runs where the key is new."""
        if key not in self._known:
            self._known[key] = compute()
        found: T = self._known[key]
        return found

    @cached_property
    def report(self) -> Report:
        """What every operation costs."""
        return analyze(self.network, batch=self.batch, valid_taps=self.valid_taps)

    @cached_property
    def fields(self) -> Fields:
        """The receptive fields."""
        from convcalc.analysis.field.fields import fields

        return fields(self.network, self.readings)

    @cached_property
    def readings(self) -> NetworkReadings:
        """How the layers read their inputs."""
        from convcalc.analysis.field.dependencies import NetworkReadings

        return NetworkReadings(self.network)

    @cached_property
    def local_readings(self) -> LocalReadings:
        """How layers read without what makes fields global, and which layers do so."""
        from convcalc.analysis.field.global_reads import LocalReadings

        return LocalReadings(self.network, self.readings.declared)

    @cached_property
    def local_fields(self) -> Fields:
        """The receptive fields without what makes them global."""
        from convcalc.analysis.field.fields import fields

        return fields(self.network, self.local_readings)

    def balance(self, dtype: str = "float32", weights: str | None = None) -> Balance:
        """What is computed and moved; `weights` is their type, if it is another one."""
        from convcalc.analysis.costs.balance import balance

        given.dtype(dtype)
        given.dtype(dtype if weights is None else weights)
        key = ("balance", dtype, weights or dtype)
        return self._once(key, lambda: balance(self.report, dtype, weights))

    def counted(self, convention: str) -> Mapping[str, int]:
        """What a counter reports of each operation, by path; ConvcalcError where it has no rule."""
        given.word("unknown-convention", "counter", convention, CONVENTIONS)
        return self._once(("counted", convention), lambda: self._counted(convention))

    def _counted(self, convention: str) -> Mapping[str, int]:
        from convcalc.analysis.counters.counting import BY_NAME, counter_reports, require_rules

        found = counter_reports(self.report, [BY_NAME[convention]])
        require_rules(found, f"flops --as {convention} --partial shows the others, marked so")
        pairs = zip(self.report.layers, found[0].layers, strict=True)
        return {layer.node.path: count or 0 for layer, count in pairs}

    # Memory, in elements of one sample. Where an element has a type of its own, as the places of
    # maxima have, it takes as many numbers of `dtype` as it needs.

    def memory(self, *, in_place: bool = False, dtype: str = DEFAULT_DTYPE) -> TensorGraph:
        """The network's tensors, element-wise operations writing over their inputs or not."""
        from convcalc.analysis.memory.liveness import tensor_graph

        size = self._number_bytes(dtype)
        return self._once(
            ("memory", given.flag("in_place", in_place), size),
            lambda: tensor_graph(self.network, in_place=in_place, number_bytes=size),
        )

    def _number_bytes(self, dtype: str) -> int:
        """Bytes of a number where they make a difference to what is counted in elements."""
        given.dtype(dtype)
        mixed = self._once(
            "mixed", lambda: any([node.layer.element_bytes for node in self.network.nodes])
        )
        return DTYPES[dtype if mixed else DEFAULT_DTYPE]

    def peak_step(self, *, in_place: bool = False, dtype: str = DEFAULT_DTYPE) -> LiveSet | None:
        """The step of the written order at which the most is alive; None where nothing runs."""
        from convcalc.analysis.memory.liveness import peak_live_set

        key = ("peak step", given.flag("in_place", in_place), self._number_bytes(dtype))
        return self._once(key, lambda: peak_live_set(self.memory(in_place=in_place, dtype=dtype)))

    def peak(self, *, in_place: bool = False, dtype: str = DEFAULT_DTYPE) -> int:
        """The most elements alive at once in the written order."""
        step = self.peak_step(in_place=in_place, dtype=dtype)
        if step is not None:
            return step.live
        memory = self.memory(in_place=in_place, dtype=dtype)
        return sum([memory.tensors[number].size for number in memory.inputs])

    def live(self, *, in_place: bool = False, dtype: str = DEFAULT_DTYPE) -> Mapping[str, int]:
        """The elements alive while an operation runs, by path; a view has no entry."""
        key = ("live", given.flag("in_place", in_place), self._number_bytes(dtype))
        return self._once(key, lambda: self._live(in_place, dtype))

    def _live(self, in_place: bool, dtype: str) -> Mapping[str, int]:
        from convcalc.analysis.memory.liveness import live_sets

        memory, nodes = self.memory(in_place=in_place, dtype=dtype), self.network.nodes
        return {
            nodes[memory.operations[step.operation].node].path: step.live
            for step in live_sets(memory, listed=False)
        }

    @property
    def least_peak(self) -> LeastPeak:
        """The order of execution that needs the least memory, written in place."""
        return self.least_peak_in(DEFAULT_DTYPE)

    def least_peak_in(self, dtype: str) -> LeastPeak:
        """The same for numbers of a type."""
        from convcalc.analysis.memory.least_peak import least_peak

        key = ("least peak", self._number_bytes(dtype))
        return self._once(key, lambda: least_peak(self.memory(in_place=True, dtype=dtype)))

    @property
    def arena(self) -> Arena:
        """A static allocation for the written order, in place."""
        return self.arena_in(DEFAULT_DTYPE)

    def arena_in(self, dtype: str) -> Arena:
        """The same for numbers of a type."""
        from convcalc.analysis.memory.arena import allocate

        key = ("arena", self._number_bytes(dtype))
        return self._once(key, lambda: allocate(self.memory(in_place=True, dtype=dtype)))

    # Training.

    def training(self, optimizer: str = "sgd", *, input_gradient: bool = False) -> Training:
        """A training step; `input_gradient` carries the gradient on to the network's inputs."""
        from convcalc.analysis.training.step import train

        given.text("optimizer", optimizer)
        return self._once(
            ("training", optimizer, given.flag("input_gradient", input_gradient)),
            lambda: train(
                self.network, batch=self.batch, optimizer=optimizer, input_gradient=input_gradient
            ),
        )

    @cached_property
    def step_costs(self) -> Mapping[str, StepCost]:
        """What each operation costs in a training step with SGD, by path."""
        return {layer.node.path: layer.cost for layer in self.training().layers}
