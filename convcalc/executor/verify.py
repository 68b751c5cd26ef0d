"""Verification: compares every observed shape with the predicted one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import NamedTuple

from convcalc.executor.arrays import Array
from convcalc.executor.program import Observed, Program
from convcalc.graph import Node
from convcalc.problems import Note, Problem, Subject
from convcalc.shapes import Shape, tuple_text, with_batch


class Check(NamedTuple):
    """The predicted and the observed shape of one operation.

    seconds  median time of its kernel; None if it ran fused with the layer before
    bytes    size of its result
    """

    node: Node
    predicted: Shape
    observed: Shape
    seconds: float | None
    bytes: int

    @property
    def agrees(self) -> bool:
        """Whether both shapes are the same."""
        return self.predicted == self.observed

    def problem(self) -> Problem:
        """The wrong prediction as a problem of its layer."""
        node = self.node
        return Problem(
            "shape-differs",
            f"predicted {tuple_text(self.predicted)}, observed {tuple_text(self.observed)}",
            node.span,
            (Note(f"{node.layer!r}: please report this, with the file"),),
            node.calls,
            Subject(layer=node.path),
        )


class Verification(NamedTuple):
    """The result of verifying a network.

    checks   every operation in execution order
    seconds  time of a whole run with preparing the weights, the median over the runs
    peak     predicted bytes at the operation that needs most
    values   the results and kept values of the last run, by node index
    """

    checks: tuple[Check, ...]
    batch: int
    runs: int
    seconds: float
    peak: int
    values: dict[int, Array]

    @property
    def differences(self) -> list[Check]:
        """The operations whose shapes differ."""
        return [check for check in self.checks if not check.agrees]


def verify(
    program: Program,
    inputs: Mapping[str, Array],
    *,
    repeat: int = 1,
    begin: Callable[[Node], None] | None = None,
) -> Verification:
    """Runs a program `repeat` times and compares every observed shape with the predicted one.

    Calls `begin` with each layer before it runs.
    """
    batch = len(next(iter(inputs.values())))
    seen: dict[int, list[Observed]] = {}

    def watch(observed: Observed) -> None:
        seen.setdefault(observed.node, []).append(observed)

    times = []
    values: dict[int, Array] = {}
    for _ in range(repeat):
        values.clear()
        start = perf_counter()
        values = program.run(inputs, watch=watch, begin=begin)
        times.append(perf_counter() - start)
    nodes = program.network.nodes
    checks = []
    for index in sorted(seen):
        runs = seen[index]
        seconds = [run.seconds for run in runs if run.seconds is not None]
        predicted = with_batch(nodes[index].shape, batch)
        last = runs[-1]
        checks.append(
            Check(
                nodes[index],
                tuple(int(size) for size in predicted),
                last.shape,
                median(seconds) if seconds else None,
                last.bytes,
            )
        )
    peak = max([use.total for use in program.memory_use(batch)], default=0)
    return Verification(tuple(checks), batch, repeat, median(times), peak, values)
