"""A network made ready to run: step by step, with no more in memory than the step needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import prod
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from convcalc.diagnostics import UNUSABLE, ConvcalcError, Problem, Subject, printable, refused
from convcalc.executor import choice
from convcalc.executor.arrays import Array
from convcalc.executor.blas import default_threads
from convcalc.executor.choice import Prepared
from convcalc.executor.fast.finish import Finish, relu6_in_place, relu_in_place
from convcalc.executor.kernels import KERNELS
from convcalc.executor.kernels.normalisation import folded
from convcalc.executor.memory import available
from convcalc.executor.plan import Separable, Step, separables_of, steps_of
from convcalc.executor.store import Scratch
from convcalc.executor.tape import Tape
from convcalc.executor.threads import Team
from convcalc.executor.weights import (
    GivenWeights,
    RandomWeights,
    Weights,
    declared,
    laid_out,
    rows_of_chunk,
)
from convcalc.graph import Network, Node
from convcalc.shapes import Shape, tuple_text

#: What a run calculates with.
DTYPES = ("float32", "float64")

#: Activations that need no memory of their own; the others are computed beside and copied back.
IN_PLACE: dict[str, Callable[[Array], None]] = {"relu": relu_in_place, "relu6": relu6_in_place}

#: Weights that a run makes block by block are at least this large.
STREAMED = 4 << 20


class Observed(NamedTuple):
    """What a run saw of a node, given by its index.

    seconds  is None where it ran fused with the one before
    """

    node: int
    shape: Shape
    bytes: int
    seconds: float | None


class Need(NamedTuple):
    """Bytes that a step, named by its first node, will have in memory."""

    node: int
    values: int
    weights: int
    buffers: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.values + self.weights + self.buffers


#: Is told of every node as soon as it has run.
Watch = Callable[[Observed], None]


class Program:
    """A network made ready to run, as often as one likes.

    weights   where they come from
    dtype     float32 or float64
    exact     only kernels that perform the products that are counted
    threads   how many share the work; None: see `default_threads`
    keep      indices of nodes whose values are kept
    hold      keep the prepared weights for the next run, instead of making them anew every time
    most      bytes that it may take with what it keeps
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
        hold: bool = False,
        most: int | None = None,
    ) -> None:
        if dtype not in DTYPES:
            message = f"a network runs in {' or '.join(DTYPES)}, not {printable(dtype)}"
            raise refused("bad-dtype", message)
        if threads is not None and threads < 1:
            message = f"a network runs with at least 1 thread, not {threads}"
            raise refused("bad-option", message)
        self.network = network
        self.dtype = np.dtype(dtype)
        self.exact = exact
        self.threads = threads or default_threads()
        self.keep = frozenset(keep)
        self.hold = hold
        self.most = most
        self.steps = steps_of(network, self.keep)
        self.weights = weights or RandomWeights()
        self._separables = separables_of(network, self.steps)
        self._held: dict[int, Prepared] = {}
        #: The tape of an earlier run, if there is one; nothing while a thread is in a run.
        self._tapes: list[Tape | None] = [None]
        self._shapes: dict[str, Shape] | None = None
        if isinstance(self.weights, GivenWeights):
            self.weights.check(network)

    def run(
        self,
        inputs: Mapping[str, Array],
        *,
        watch: Watch | None = None,
        begin: Callable[[Node], None] | None = None,
    ) -> dict[int, Array]:
        """The values of the outputs and of the kept nodes, by node.

        `inputs` holds arrays (batch, channels, *spatial) of the run's dtype. `begin` is told which
        node comes next.

        With `hold`, the first run on inputs of some shapes makes the weights ready, the second one
        is taken down call by call, and those after it only make these calls again. Threads may run
        a program at the same time; only one of them uses what was taken down.
        """
        if not self.hold or watch is not None or begin is not None:
            return self._run(inputs, None, watch, begin)
        try:
            tape = self._tapes.pop()
        except IndexError:
            # Another thread is in a run, in the tape's memory.
            return self._run(inputs)
        try:
            if tape is not None and tape.fits(inputs):
                if tape.empty:
                    return self._run(inputs)
                # Where memory does not suffice, a run of its own says at which layer.
                with suppress(MemoryError):
                    return tape.play(inputs, self.threads)
            tape = None
            shapes = {name: value.shape for name, value in inputs.items()}
            new = Tape(self._room()) if shapes == self._shapes else None
            self._shapes = shapes
            results = self._run(inputs, new)
            tape = new
            return results if tape is None else tape.end(results)
        finally:
            self._tapes.append(tape)

    @property
    def held(self) -> int:
        """Bytes that it keeps for the next run, which need not be found again."""
        # (Copies, because other threads may be in a run.)
        tapes = [tape.pool.bytes for tape in [*self._tapes] if tape is not None]
        return sum(tapes) + sum([ready.bytes for ready in [*self._held.values()]])

    def _room(self) -> int | None:
        """Bytes that a tape may keep: half of what is free, as the user needs memory as well."""
        free = available()
        limits = [] if free is None else [free // 2]
        if self.most is not None:
            limits.append(self.most - self.held)
        return min(limits, default=None)

    def _run(
        self,
        inputs: Mapping[str, Array],
        tape: Tape | None = None,
        watch: Watch | None = None,
        begin: Callable[[Node], None] | None = None,
    ) -> dict[int, Array]:
        nodes = self.network.nodes
        values: dict[int, Array] = {}
        for index, node in enumerate(nodes):
            if not node.inputs:
                value = inputs[node.path]
                values[index] = value if tape is None else tape.place(node.path, value)
        wanted = {*self.keep, *self.network.outputs.values()}
        kept = () if tape is None else (tape.pool, tape.add)
        # What is not finite is a result like any other; who asked for it is told of it there.
        with Team(self.threads, *kept) as team, np.errstate(all="ignore"):
            for block in self.blocks(watched=watch is not None):
                first, last = block[0], self.steps[block[-1]]
                if begin is not None:
                    begin(nodes[self.steps[first].first])
                ready = [self._ready(number, team) for number in block]
                start = perf_counter()
                value = self._located(block, values, ready, team)
                seconds = perf_counter() - start
                values[last.result] = value
                if watch is not None:
                    for index in last.nodes:
                        own = seconds if index == last.first else None
                        watch(Observed(index, value.shape, value.nbytes, own))
                del ready
                for number in block:
                    for index in self.steps[number].frees:
                        values.pop(index, None)
                del value
        return {index: value for index, value in values.items() if index in wanted}

    def blocks(self, *, watched: bool) -> list[tuple[int, ...]]:
        """The numbers of the steps that run as one, in order.

        Who watches sees every step's value. Steps that run as one calculate some rows twice, so
        `exact` leaves them apart.
        """
        together = {} if watched or self.exact else self._separables
        inside = {number for s in together.values() for number in s.steps[1:]}
        return [
            together[number].steps if number in together else (number,)
            for number in range(len(self.steps))
            if number not in inside
        ]

    def _ready(self, number: int, team: Team) -> Prepared:
        """The weights of a step, made now if they are not held."""
        ready = self._held.get(number)
        if ready is None:
            ready = self._prepare(self.steps[number], team)
            if self.hold:
                self._held[number] = ready
        return ready

    def _located(
        self,
        block: tuple[int, ...],
        values: Mapping[int, Array],
        ready: Sequence[Prepared],
        team: Team,
    ) -> Array:
        """The block's value; what NumPy cannot do becomes an error that names the layer.

        Shapes that do not fit each other here were predicted to fit: a wrong prediction.
        """
        step = self.steps[block[0]]
        node = self.network.nodes[step.first]
        try:
            if len(block) > 1:
                return self._separable(self._separables[block[0]], values, ready, team)
            return self._compute(step, values, ready[0], team)
        except ValueError as error:
            subject = Subject(layer=node.path)
            shapes = ", ".join([tuple_text(values[index].shape) for index in node.inputs])
            code, message = "shape-differs", f"does not run on {shapes}: {error}"
            raise ConvcalcError(
                [Problem(code, message, node.span, (), node.calls, subject)]
            ) from error
        except MemoryError as error:
            subject = Subject(layer=node.path)
            code, message = "no-memory", "there was not enough memory to run it"
            raise ConvcalcError(
                [Problem(code, message, node.span, subject=subject)], UNUSABLE
            ) from error

    def needs(self, batch: int) -> list[Need]:
        """What each step will have in memory, from predicted shapes."""
        nodes = self.network.nodes
        itemsize = self.dtype.itemsize
        sizes = [prod(node.shape) * batch * itemsize for node in nodes]
        alive = {index for index, node in enumerate(nodes) if not node.inputs}
        held = 0
        needs = []
        for step in self.steps:
            node = nodes[step.first]
            weights = sum(
                prod(shape) for shape in declared(self.network, self._owner(step.first)).values()
            )
            weights *= itemsize
            if self._streams(step.first):
                width = prod(declared(self.network, self._owner(step.first))["weight"][1:])
                weights = self.threads * rows_of_chunk(width) * width * itemsize
            buffers = choice.buffer_bytes(
                node.layer,
                self.network.input_shapes(node),
                nodes[step.first].shape,
                batch,
                itemsize,
                self.threads,
            )
            values = sum([sizes[index] for index in alive])
            if not step.in_place:
                values += sizes[step.result]
            needs.append(Need(step.first, values, weights + held, buffers))
            if self.hold:
                held += choice.kept_bytes(node.layer, weights)
            alive.add(step.result)
            # The inputs are the caller's, who keeps them.
            alive.difference_update([index for index in step.frees if nodes[index].inputs])
        return needs

    def _owner(self, index: int) -> int:
        """The node whose weights a node uses."""
        shares = self.network.nodes[index].shares
        return index if shares is None else shares

    def _streams(self, index: int) -> bool:
        """Whether a layer's weight is made block by block, while it is used."""
        node = self.network.nodes[index]
        if not self.weights.streams or self.hold or node.kind != "dense":
            return False
        weight = declared(self.network, self._owner(index))["weight"]
        layer: Any = node.layer
        return not layer.positionwise and prod(weight) * self.dtype.itemsize >= STREAMED

    def _prepare(self, step: Step, team: Team) -> Prepared:
        """The step's weights, normalisation folded in."""
        nodes = self.network.nodes
        index = step.first
        node = nodes[index]
        owner = self._owner(index)
        streams = self._streams(index)
        without = ("weight",) if streams else ()
        ready = Prepared(
            self.weights.get(self.network, owner, self.dtype, team, without), keep=self.hold
        )
        if streams:
            width = declared(self.network, owner)["weight"][1]

            def rows(start: int, stop: int, scratch: Scratch) -> Array:
                return self.weights.rows(self.network, owner, start, stop, self.dtype, scratch)

            ready.rows, ready.step = rows, rows_of_chunk(width)
        if getattr(node.layer, "flip", False):
            weight = ready.arrays["weight"]
            inside = np.flip(weight, tuple(range(2, weight.ndim)))
            ready.arrays["weight"] = laid_out(node.kind, "weight", inside, self.dtype)
        if step.norm is not None:
            self._fold(step.norm, node, ready, team)
        return ready

    def _fold(self, norm: int, node: Node, ready: Prepared, team: Team) -> None:
        """Puts a batchnorm into the weights and the bias of the layer before it."""
        layer: Any = self.network.nodes[norm].layer
        arrays = self.weights.get(self.network, self._owner(norm), self.dtype, team)
        factor, shift = folded(layer, arrays)
        ready.bias = shift if ready.bias is None else ready.bias * factor + shift
        ready.factor = factor
        if node.kind in ("conv", "depthwise"):
            weight = ready.arrays["weight"]
            # Along the output channels, which are the last in memory: one pass.
            inside = weight.transpose(*range(2, weight.ndim), 1, 0)
            inside *= factor
            ready.factor = None

    def _compute(
        self, step: Step, values: Mapping[int, Array], ready: Prepared, team: Team
    ) -> Array:
        nodes = self.network.nodes
        layer: Any = nodes[step.first].layer
        inputs = [values[index] for index in nodes[step.first].inputs]
        if not layer.weighted:
            return choice.compute(layer, inputs, ready, team, step.in_place)
        finish = self._finish(step, values, ready, team)
        value = choice.accumulate(layer, inputs[0], ready, finish, team, self.exact)
        self._check_residual(step, values, value)
        return value

    def _separable(
        self,
        block: Separable,
        values: Mapping[int, Array],
        ready: Sequence[Prepared],
        team: Team,
    ) -> Array:
        nodes = self.network.nodes
        steps = [self.steps[number] for number in block.steps]
        layers = [nodes[step.first].layer for step in steps]
        finishes = [
            self._finish(step, values, one, team) for step, one in zip(steps, ready, strict=True)
        ]
        data = values[nodes[steps[0].first].inputs[0]]
        value = choice.separable(
            layers, block.steps.index(block.depthwise), data, ready, finishes, team
        )
        self._check_residual(steps[-1], values, value)
        return value

    def _finish(
        self, step: Step, values: Mapping[int, Array], ready: Prepared, team: Team
    ) -> Finish:
        """What follows the products of a step."""
        residual = None if step.residual is None else team.packed(values[step.residual])
        return Finish(ready.bias, residual, self._activation(step), ready.factor)

    @staticmethod
    def _check_residual(step: Step, values: Mapping[int, Array], value: Array) -> None:
        if step.residual is not None and values[step.residual].shape != value.shape:
            other = tuple_text(values[step.residual].shape)
            raise ValueError(f"{tuple_text(value.shape)} and {other} were predicted to be equal")

    def _activation(self, step: Step) -> Callable[[Array], None] | None:
        if step.activation is None:
            return None
        layer = self.network.nodes[step.activation].layer
        return IN_PLACE.get(layer.kind) or partial(_beside, layer)


def _beside(layer: Any, piece: Array) -> None:
    """An activation computed beside the piece and copied back."""
    piece[...] = KERNELS[layer.kind](layer, [piece], {})
