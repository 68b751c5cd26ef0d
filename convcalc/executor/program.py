"""A network prepared to run: its execution plan, its weights and the memory that it needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from math import prod
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from convcalc.executor import dispatch
from convcalc.executor.arrays import Array, packed
from convcalc.executor.blas import default_threads
from convcalc.executor.dispatch import PreparedWeights
from convcalc.executor.fast.epilogue import Epilogue, relu6_in_place, relu_in_place
from convcalc.executor.kernels import KERNELS
from convcalc.executor.kernels.normalisation import folded
from convcalc.executor.plan import FusedOp, execution_plan
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.weights import (
    GivenWeights,
    RandomWeights,
    Weights,
    array_shapes,
    check_known,
    in_memory_format,
    rows_per_chunk,
)
from convcalc.executor.workspace import Workspace
from convcalc.graph import Network, Node
from convcalc.problems import UNUSABLE, ConvcalcError, Problem, printable, refused
from convcalc.shapes import Shape, tuple_text

#: Types that a network can run in.
DTYPES = ("float32", "float64")

#: Activations that need no memory of their own; the others are computed beside and copied back.
IN_PLACE: dict[str, Callable[[Array], None]] = {"relu": relu_in_place, "relu6": relu6_in_place}

#: Bytes from which the random weight of a dense layer is generated block by block.
STREAMED = 4 << 20


class Observed(NamedTuple):
    """What a run observed of a node.

    node     its index
    seconds  None if it ran fused with the node before
    """

    node: int
    shape: Shape
    bytes: int
    seconds: float | None


class MemoryUse(NamedTuple):
    """Predicted bytes in memory while a fused operation runs; `node` is the index of its first."""

    node: int
    values: int
    weights: int
    buffers: int

    @property
    def total(self) -> int:
        """The sum of all three."""
        return self.values + self.weights + self.buffers


class Program:
    """A network prepared to run, as often as one likes.

    weights        default: random ones from seed 0
    dtype          float32 or float64
    exact          perform the products that are counted: no Winograd
    threads        default: see `default_threads`
    keep           indices of nodes whose values a run returns besides the outputs
    cache_weights  keep the prepared weights for the next run, instead of preparing them in each
    """

    def __init__(
        self,
        network: Network,
        *,
        weights: Weights | None = None,
        dtype: str = "float32",
        exact: bool = False,
        threads: int | None = None,
        keep: Collection[int] = (),
        cache_weights: bool = False,
    ) -> None:
        if dtype not in DTYPES:
            message = f"a network runs in {' or '.join(DTYPES)}, not {printable(dtype)}"
            raise refused("bad-dtype", message)
        if threads is not None and threads < 1:
            message = f"a network runs with at least 1 thread, not {threads}"
            raise refused("bad-option", message)
        check_known(network)
        self.network = network
        self.dtype = np.dtype(dtype)
        self.exact = exact
        self.threads = threads or default_threads()
        self.keep = frozenset(keep)
        self.cache_weights = cache_weights
        self.plan = execution_plan(network, self.keep)
        self.weights = weights or RandomWeights()
        self._cache: dict[int, PreparedWeights] = {}
        #: A list for each run at the same time, empty while a run uses it.
        self._workspaces: list[list[Workspace]] = []
        if isinstance(self.weights, GivenWeights):
            self.weights.check(network)

    def run(
        self,
        inputs: Mapping[str, Array],
        *,
        watch: Callable[[Observed], None] | None = None,
        begin: Callable[[Node], None] | None = None,
    ) -> dict[int, Array]:
        """The values of the outputs and of the kept nodes, by index.

        `inputs` holds arrays (batch, channels, *spatial) of the run's dtype. `begin` gets each
        layer before it runs, `watch` what the run observed of it.

        Threads may run a program at the same time.
        """
        try:
            workspaces = self._workspaces.pop()
        except IndexError:
            workspaces = [Workspace() for _ in range(self.threads)]
        nodes = self.network.nodes
        values = {index: inputs[node.path] for index, node in enumerate(nodes) if node.is_input}
        # NaN and infinity are results like any other; `run.not_finite` reports them.
        with ThreadPool(workspaces) as pool, np.errstate(all="ignore"):
            for number, op in enumerate(self.plan):
                if begin is not None:
                    begin(nodes[op.first])
                weights = self._prepared(number, op, pool)
                start = perf_counter()
                value = self._compute(op, values, weights, pool)
                seconds = perf_counter() - start
                del weights
                values[op.result] = value
                if watch is not None:
                    for index in op.nodes:
                        own = seconds if index == op.first else None
                        watch(Observed(index, value.shape, value.nbytes, own))
                for index in op.frees:
                    values.pop(index, None)
                del value
        if self.cache_weights:
            self._workspaces.append(workspaces)
        wanted = {*self.keep, *self.network.outputs.values()}
        return {index: value for index, value in values.items() if index in wanted}

    @property
    def cached_bytes(self) -> int:
        """Bytes that it keeps for the next run: prepared weights and workspaces."""
        # (Copies, because other threads may be in a run.)
        spaces = [space.bytes for spaces in [*self._workspaces] for space in spaces]
        return sum(spaces) + sum([weights.bytes for weights in [*self._cache.values()]])

    def memory_use(self, batch: int) -> list[MemoryUse]:
        """What each fused operation will have in memory, from predicted shapes."""
        nodes = self.network.nodes
        itemsize = self.dtype.itemsize
        sizes = [prod(node.shape) * node.width(itemsize) * batch * itemsize for node in nodes]
        alive = {index for index, node in enumerate(nodes) if node.is_input}
        cached = 0
        uses = []
        for op in self.plan:
            node = nodes[op.first]
            shapes = array_shapes(self.network, self._owner(op.first))
            weights = sum([prod(shape) for shape in shapes.values()]) * itemsize
            if self._streams(op.first):
                width = shapes["weight"][1]
                weights = self.threads * rows_per_chunk(width) * width * itemsize
            buffers = dispatch.buffer_bytes(
                node.layer,
                self.network.input_shapes(node),
                node.shape,
                batch,
                itemsize,
                self.threads,
            )
            values = sum([sizes[index] for index in alive])
            if not op.in_place:
                values += sizes[op.result]
            uses.append(MemoryUse(op.first, values, weights + cached, buffers))
            if self.cache_weights:
                cached += dispatch.cached_bytes(node.layer, weights)
            alive.add(op.result)
            # The caller keeps the inputs.
            alive.difference_update([index for index in op.frees if nodes[index].inputs])
        return uses

    def input_bytes(self, batch: int) -> int:
        """What the inputs take in memory."""
        sizes = [prod(shape) for shape in self.network.inputs.values()]
        return sum(sizes) * batch * self.dtype.itemsize

    def _owner(self, index: int) -> int:
        """The node whose weights a node uses."""
        shares = self.network.nodes[index].shares
        return index if shares is None else shares

    def _streams(self, index: int) -> bool:
        """Whether the weight of a layer is generated block by block while the layer runs.

        A large dense layer reads each weight once: in VGG-16 this halves the time of a run and
        leaves a fifth of its memory.
        """
        node = self.network.nodes[index]
        if not self.weights.streams or self.cache_weights or node.kind != "dense":
            return False
        weight = array_shapes(self.network, self._owner(index))["weight"]
        layer: Any = node.layer
        return not layer.positionwise and prod(weight) * self.dtype.itemsize >= STREAMED

    def _prepared(self, number: int, op: FusedOp, pool: ThreadPool) -> PreparedWeights:
        """The weights of a fused operation, from the cache if they are there."""
        weights = self._cache.get(number)
        if weights is None:
            weights = self._prepare(op, pool)
            if self.cache_weights:
                self._cache[number] = weights
        return weights

    def _prepare(self, op: FusedOp, pool: ThreadPool) -> PreparedWeights:
        """The weights of a fused operation, the normalisation folded into them."""
        node = self.network.nodes[op.first]
        layer: Any = node.layer
        owner = self._owner(op.first)
        streams = self._streams(op.first)
        arrays = self.weights.get(
            self.network, owner, self.dtype, pool, ("weight",) if streams else ()
        )
        prepared = PreparedWeights(arrays, cached=self.cache_weights)
        if streams:
            width = array_shapes(self.network, owner)["weight"][1]
            prepared.step = rows_per_chunk(width)
            prepared.rows = partial(self.weights.rows, self.network, owner, self.dtype)
        if node.kind == "conv" and layer.flip:
            weight = arrays["weight"]
            turned = np.flip(weight, tuple(range(2, weight.ndim)))
            arrays["weight"] = in_memory_format(node.kind, "weight", turned, self.dtype)
        if op.norm is not None:
            self._fold(op.norm, node, prepared, pool)
        return prepared

    def _fold(self, norm: int, node: Node, prepared: PreparedWeights, pool: ThreadPool) -> None:
        """Folds a batchnorm into the weights and the bias of the layer before it."""
        layer: Any = self.network.nodes[norm].layer
        arrays = self.weights.get(self.network, self._owner(norm), self.dtype, pool)
        factor, shift = folded(layer, arrays)
        prepared.bias = shift if prepared.bias is None else prepared.bias * factor + shift
        if node.kind not in ("conv", "depthwise"):
            prepared.factor = factor
            return
        weight = prepared.arrays["weight"]
        # The output channels are the last axis in memory.
        inside = weight.transpose(*range(2, weight.ndim), 1, 0)
        inside *= factor

    def _compute(
        self,
        op: FusedOp,
        values: Mapping[int, Array],
        weights: PreparedWeights,
        pool: ThreadPool,
    ) -> Array:
        """The value of a fused operation; an error of NumPy's becomes one that names the layer.

        Shapes that do not fit each other here were predicted to fit: a wrong prediction.
        """
        node = self.network.nodes[op.first]
        inputs = [values[index] for index in node.inputs]
        residual = None if op.residual is None else values[op.residual]
        epilogue = Epilogue(
            weights.factor,
            weights.bias,
            None if residual is None else packed(residual),
            self._activation(op),
        )
        try:
            value = dispatch.run_layer(
                node.layer, inputs, weights, epilogue, pool, self.exact, op.in_place
            )
            if residual is not None and residual.shape != value.shape:
                sizes = f"{tuple_text(value.shape)} and {tuple_text(residual.shape)}"
                raise ValueError(f"{sizes} were predicted to be equal")
        except ValueError as error:
            shapes = ", ".join([tuple_text(value.shape) for value in inputs])
            message = f"does not run on {shapes}: {error}"
            problem = Problem("shape-differs", message, node.span, calls=node.calls)
            raise ConvcalcError([problem.about(layer=node.path)]) from error
        except MemoryError as error:
            problem = Problem("no-memory", "there was not enough memory to run it", node.span)
            raise ConvcalcError([problem.about(layer=node.path)], UNUSABLE) from error
        return value

    def _activation(self, op: FusedOp) -> Callable[[Array], None] | None:
        if op.activation is None:
            return None
        layer = self.network.nodes[op.activation].layer
        return IN_PLACE.get(layer.kind) or partial(_activate, layer)


def _activate(layer: Any, block: Array) -> None:
    block[...] = KERNELS[layer.kind](layer, [block], {})
