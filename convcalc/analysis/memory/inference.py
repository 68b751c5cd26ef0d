"""The memory of a network in bytes: weights, activations, peaks, and a static allocation."""

from __future__ import annotations

from typing import Any, NamedTuple

from convcalc.analysis.costs.report import Report, unknown_data
from convcalc.analysis.memory.arena import Arena, allocate
from convcalc.analysis.memory.least_peak import LeastPeak, least_peak
from convcalc.analysis.memory.liveness import LiveSet, live_sets, peak_of, tensor_graph
from convcalc.gc_pause import gc_paused
from convcalc.graph import Node
from convcalc.quantities import DEFAULT_DTYPE, DTYPES

#: The most names of live tensors that all steps list together, and each step on average. Where
#: there are more than both, only the peaks list theirs: in very wide networks the number of names
#: grows with the square of the width.
MOST_LISTED = 100_000
MOST_LISTED_EACH = 20


class Moment(NamedTuple):
    """What is alive while one operation runs.

    node      the operation
    live      bytes alive
    in_place  bytes alive if element-wise operations are written over their inputs
    alive     the tensors alive, by the nodes that made them, each with its bytes; empty if they are
              not listed (`MOST_LISTED`)
    within    those of them in whose memory the result lies
    frees     those of them, the result included, that are dead after it
    """

    node: Node
    live: int
    in_place: int
    alive: tuple[tuple[Node, int], ...]
    within: tuple[Node, ...]
    frees: tuple[Node, ...]

    def to_dict(self) -> dict[str, Any]:
        """The moment as plain data."""
        return {
            "path": self.node.path,
            "live": self.live,
            "live_in_place": self.in_place,
            "alive": [node.path for node, _ in self.alive] or None,
            "in_place_of": [node.path for node in self.within],
            "frees": [node.path for node in self.frees],
        }


class MemoryReport:
    """A network's memory. All figures are in bytes and hold for the report's batch.

    dtype            the type of activations; `weights_dtype` is that of weights
    by_least         whether the order with the least peak is shown, and not the written one
    fused_attention  whether attentions run as one kernel each, without scores and probabilities
    parameters       bytes of what is learned
    buffers          bytes of what is kept with it, such as running statistics
    inputs           bytes of the network's inputs
    activations      the results of all operations together, views left out
    peak             the most alive at once in the written order, nothing written in place
    peak_in_place    the same with operations written in place
    least            the least of that over all orders: `peak` and `bound` in elements of one sample
    arena            offsets and size for the shown order, in elements of one sample
    """

    def __init__(
        self,
        report: Report,
        dtype: str,
        weights_dtype: str,
        *,
        concat_in_place: bool,
        least: bool,
        fused_attention: bool,
    ) -> None:
        network = report.network
        self.report = report
        self.dtype = dtype
        self.weights_dtype = weights_dtype
        self.concat_in_place = concat_in_place
        self.by_least = least
        self.fused_attention = fused_attention
        #: Bytes of one element in all samples.
        self.scale = DTYPES[dtype] * report.batch
        float32 = DTYPES["float32"] // DTYPES[dtype] if fused_attention else 0
        number_bytes = DTYPES[dtype]
        plain = tensor_graph(network, float32=float32, number_bytes=number_bytes)
        self._graph = tensor_graph(
            network,
            in_place=True,
            concat_in_place=concat_in_place,
            float32=float32,
            number_bytes=number_bytes,
        )
        self.least: LeastPeak = least_peak(self._graph)
        self.parameters = report.totals.params * DTYPES[weights_dtype]
        self.buffers = report.totals.buffers * DTYPES[weights_dtype]
        tensors = self._graph.tensors
        self.inputs = sum([tensors[number].size for number in self._graph.inputs]) * self.scale
        self.activations = sum([tensor.size for tensor in tensors]) * self.scale - self.inputs
        self.peak = peak_of(plain) * self.scale
        self.peak_in_place = peak_of(self._graph) * self.scale
        self._order = self.least.order if least else None
        self._plain = list(live_sets(plain, self._order, listed=False))
        self._in_place = list(live_sets(self._graph, self._order, listed=False))
        self.arena: Arena = allocate(self._graph, self._order)

    def __repr__(self) -> str:
        figures = f"{self.dtype}, peak {self.peak:,} bytes, arena {self.arena_bytes:,} bytes"
        return f"<MemoryReport of {self.report.network.name}: {figures}>"

    def to_dict(self) -> dict[str, Any]:
        """The memory as plain data: what `memory --format json` has under "memory"."""
        return {
            "dtype": self.dtype,
            "weights_dtype": self.weights_dtype,
            "weights": self.weights,
            "parameters": self.parameters,
            "buffers": self.buffers,
            "inputs": self.inputs,
            "activations": self.activations,
            "peak": self.peak,
            "peak_in_place": self.peak_in_place,
            "peak_least": self.peak_least,
            "least_is_exact": self.least.exact,
            "least_bound": self.least_bound,
            "concat_in_place": self.concat_in_place,
            "fused_attention": self.fused_attention,
            "arena": self.arena_bytes,
            **unknown_data(self.report.unknown),
            "order": [node.path for node in self.order()],
            "steps": [moment.to_dict() for moment in self.moments()],
            "tensors": [
                {
                    "tensor": self.node_of(tensor.tensor).path,
                    "bytes": self.bytes_of(tensor.tensor),
                    "offset": tensor.offset * self.scale,
                    "first": tensor.first,
                    "last": tensor.last,
                    "within": None if tensor.within is None else self.node_of(tensor.within).path,
                }
                for tensor in self.arena.allocations
            ],
        }

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
        """A peak that no order goes below."""
        return self.least.bound * self.scale

    @property
    def arena_bytes(self) -> int:
        """The size of the static allocation."""
        return self.arena.size * self.scale

    @property
    def shown_peak(self) -> int:
        """The in-place peak of the shown order, which no arena for it is smaller than."""
        return self.peak_least if self.by_least else self.peak_in_place

    def node_of(self, tensor: int) -> Node:
        """The node that writes a tensor first."""
        return self.report.network.nodes[self._graph.tensors[tensor].node]

    def bytes_of(self, tensor: int) -> int:
        """The bytes of a tensor."""
        return self._graph.tensors[tensor].size * self.scale

    def order(self) -> list[Node]:
        """The operations in the order that reaches the least peak."""
        return [self._operation(number) for number in self.least.order]

    def levels(self) -> list[tuple[Node, int, int]]:
        """Each operation of the shown order with the bytes alive, plainly and in place."""
        return [
            (self._operation(plain.operation), plain.live * self.scale, found.live * self.scale)
            for plain, found in zip(self._plain, self._in_place, strict=True)
        ]

    def moments(self) -> list[Moment]:
        """What is alive at each step of the shown order."""
        alive = names = len(self._graph.inputs)
        for found in self._in_place:
            alive += 1
            names += alive
            alive -= len(found.frees)
        most = max(MOST_LISTED, MOST_LISTED_EACH * len(self._in_place))
        listed = True if names <= most else set(self._peak_steps())
        every = live_sets(self._graph, self._order, listed=listed)
        return [self._moment(*both) for both in zip(self._plain, every, strict=True)]

    def peak_moments(self) -> list[Moment]:
        """The first step at which most is alive, plainly, and the first one in place."""
        steps = self._peak_steps()
        every = list(live_sets(self._graph, self._order, listed=steps))
        return [self._moment(self._plain[step], every[step]) for step in steps]

    def _peak_steps(self) -> list[int]:
        """The first steps of the shown order at which most is alive, plainly and in place."""
        both = ([found.live for found in each] for each in (self._plain, self._in_place))
        return [lives.index(max(lives)) for lives in both if lives]

    def _operation(self, number: int) -> Node:
        return self.report.network.nodes[self._graph.operations[number].node]

    def _moment(self, plain: LiveSet, found: LiveSet) -> Moment:
        return Moment(
            self._operation(found.operation),
            plain.live * self.scale,
            found.live * self.scale,
            tuple([(self.node_of(t), self.bytes_of(t)) for t in found.tensors]),
            tuple([self.node_of(t) for t in found.in_place]),
            tuple([self.node_of(t) for t in found.frees]),
        )


@gc_paused()
def measure_memory(
    report: Report,
    *,
    dtype: str = DEFAULT_DTYPE,
    weights: str | None = None,
    concat_in_place: bool = False,
    least: bool = False,
    fused_attention: bool = False,
) -> MemoryReport:
    """The memory of a network.

    dtype            the type of activations, a name of `convcalc.quantities.DTYPES`
    weights          the type of weights, if it is another
    concat_in_place  make the parts of a concatenation within its result where that is possible
    least            show the order with the least peak instead of the written one
    fused_attention  attentions run as one kernel each, without scores and probabilities in memory

    >>> import convcalc
    >>> found = measure_memory(convcalc.analyze(convcalc.load("resnet50")))
    >>> found.peak, found.peak_in_place, found.peak_least
    (9633792, 7225344, 7225344)
    """
    return MemoryReport(
        report,
        dtype,
        weights or dtype,
        concat_in_place=concat_in_place,
        least=least,
        fused_attention=fused_attention,
    )
