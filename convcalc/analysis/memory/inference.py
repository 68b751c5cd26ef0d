"""The memory of a network in bytes: weights, activations, peaks, and a static allocation."""

from __future__ import annotations

from typing import NamedTuple

from convcalc.analysis.costs.report import Report
from convcalc.analysis.memory.arena import Arena, arena
from convcalc.analysis.memory.least_peak import LeastPeak, least_peak
from convcalc.analysis.memory.liveness import Memory, Step, memory_of, steps
from convcalc.collection import collector_paused
from convcalc.graph import Node
from convcalc.quantities import DEFAULT_DTYPE, DTYPES

#: Names of live tensors that all moments list together, and each in the mean. Where there are more
#: than both, which only very wide networks have and where their number grows with the square of the
#: width, those of the peaks are listed.
MOST_LISTED = 100_000
MOST_LISTED_EACH = 20


class Moment(NamedTuple):
    """One operation while it runs.

    node      the operation
    live      bytes alive
    in_place  bytes alive where element-wise operations are written over their inputs
    alive     the tensors alive, by the nodes that made them, each with its bytes; empty where they
              are not listed (`MOST_LISTED`)
    within    those of them that the result lies in
    frees     those of them, the result included, that are dead after it
    """

    node: Node
    live: int
    in_place: int
    alive: tuple[tuple[Node, int], ...]
    within: tuple[Node, ...]
    frees: tuple[Node, ...]


class MemoryReport:
    """A network's memory. All figures are in bytes and hold for the report's batch.

    dtype            what activations are held in, and `weights_dtype` the weights
    parameters       bytes of what is learned
    buffers          bytes of what is kept with it, such as running statistics
    inputs           bytes of the network's inputs
    activations      the results of all operations together, views left out
    peak             the most alive at once in the written order, nothing written in place
    peak_in_place    the same with operations written in place
    least            the least of that over all orders: `peak` and `bound` in elements of one sample
    order            the operations in the shown order
    moments          what is alive at each of them
    peak_moments     the first operations at which each of the shown order's two peaks is reached
    arena            offsets and size for the shown order, in elements of one sample
    """

    def __init__(
        self, report: Report, dtype: str, weights_dtype: str, concat_in_place: bool, least: bool
    ) -> None:
        network = report.network
        self.report = report
        self.dtype = dtype
        self.weights_dtype = weights_dtype
        self.concat_in_place = concat_in_place
        self.by_least = least
        #: Bytes of one element in all samples.
        self.scale = DTYPES[dtype] * report.batch
        self._plain = memory_of(network)
        self._memory = memory_of(network, in_place=True, concat_in_place=concat_in_place)
        self.least: LeastPeak = least_peak(self._memory)
        tensors = self._memory.tensors
        self.parameters = report.totals.params * DTYPES[weights_dtype]
        self.buffers = report.totals.buffers * DTYPES[weights_dtype]
        inputs = set(self._memory.inputs)
        self.inputs = sum([tensors[number].size for number in inputs]) * self.scale
        every = sum([tensor.size for tensor in tensors]) * self.scale
        self.activations = every - self.inputs
        self._order = self.least.order if least else None
        both = (self._plain, self._memory)
        found = [list(steps(memory, listed=False)) for memory in both]
        self.peak, self.peak_in_place = [self._peak(shown) for shown in found]
        if least:
            found = [list(steps(memory, self._order, listed=False)) for memory in both]
        self._plain_steps, self._steps = found
        self.arena: Arena = arena(self._memory, self._order)

    @property
    def weights(self) -> int:
        """Bytes of the parameters and buffers."""
        return self.parameters + self.buffers

    @property
    def peak_least(self) -> int:
        """The least peak over all orders that was found."""
        return self.least.peak * self.scale

    @property
    def least_bound(self) -> int:
        """What no order goes below."""
        return self.least.bound * self.scale

    @property
    def arena_bytes(self) -> int:
        """The size of the static allocation."""
        return self.arena.size * self.scale

    @property
    def shown_peak(self) -> int:
        """The in-place peak of the shown order, which no arena for it is smaller than."""
        return self.peak_least if self.by_least else self.peak_in_place

    @property
    def memory(self) -> Memory:
        """The network's tensors, in place where that is allowed."""
        return self._memory

    def node_of(self, tensor: int) -> Node:
        """The node that writes a tensor first."""
        return self.report.network.nodes[self._memory.tensors[tensor].node]

    def bytes_of(self, tensor: int) -> int:
        """What a tensor takes."""
        return self._memory.tensors[tensor].size * self.scale

    def moments(self) -> list[Moment]:
        """What is alive at each step of the shown order."""
        alive = listed = len(self._memory.inputs)
        for step in self._steps:
            alive += 1
            listed += alive
            alive -= len(step.frees)
        most = max(MOST_LISTED, MOST_LISTED_EACH * len(self._steps))
        shown = True if listed <= most else set(self._peak_places())
        both = zip(self._plain_steps, steps(self._memory, self._order, listed=shown), strict=True)
        return [self._moment(plain, step) for plain, step in both]

    def levels(self) -> list[tuple[Node, int, int]]:
        """Each operation of the shown order with the bytes alive, plainly and in place."""
        nodes, operations = self.report.network.nodes, self._memory.operations
        return [
            (nodes[operations[plain.operation].node], plain.live * scale, step.live * scale)
            for scale in (self.scale,)
            for plain, step in zip(self._plain_steps, self._steps, strict=True)
        ]

    def peak_moments(self) -> list[Moment]:
        """The first step at which most is alive, plainly, and the first one in place."""
        places = self._peak_places()
        found = list(steps(self._memory, self._order, listed=places))
        return [self._moment(self._plain_steps[place], found[place]) for place in places]

    def _peak_places(self) -> list[int]:
        """The steps of the shown order at which most is alive, plainly and in place."""
        if not self._steps:
            return []
        return [
            max(range(len(found)), key=lambda place: (found[place].live, -place))
            for found in (self._plain_steps, self._steps)
        ]

    def order(self) -> list[Node]:
        """The operations in the order that reaches the least peak."""
        nodes = self.report.network.nodes
        return [nodes[self._memory.operations[place].node] for place in self.least.order]

    def _moment(self, plain: Step, step: Step) -> Moment:
        return Moment(
            self.report.network.nodes[self._memory.operations[step.operation].node],
            plain.live * self.scale,
            step.live * self.scale,
            tuple([(self.node_of(t), self.bytes_of(t)) for t in step.tensors]),
            tuple([self.node_of(t) for t in step.in_place]),
            tuple([self.node_of(t) for t in step.frees]),
        )

    def _peak(self, found: list[Step]) -> int:
        return max([step.live * self.scale for step in found], default=self.inputs)


@collector_paused()
def measure_memory(
    report: Report,
    *,
    dtype: str = DEFAULT_DTYPE,
    weights: str | None = None,
    concat_in_place: bool = False,
    least: bool = False,
) -> MemoryReport:
    """The memory of a network.

    dtype            of the activations, a name of `convcalc.quantities.DTYPES`
    weights          of the weights, if it is another
    concat_in_place  make the parts of a concatenation within its result where they can be
    least            show the order with the least peak instead of the written one

    >>> import convcalc
    >>> found = measure_memory(convcalc.analyze(convcalc.load("resnet50")))
    >>> found.peak, found.peak_in_place, found.peak_least
    (9633792, 7225344, 7225344)
    """
    return MemoryReport(report, dtype, weights or dtype, concat_in_place, least)
