"""A network's training step in plain loops: forward, back through every use, and summed up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from convcalc.counts import Counts
from convcalc.graph import Network
from convcalc.layers.traits import Backward, Kept
from tests.oracle.backward import BACKWARD, forward
from tests.oracle.counting import Number, Run, Tally, Tensor, plain, total
from tests.oracle.training import Step
from tests.oracle.windows import everywhere

#: What is added to each learned number, by node and key.
Change = Mapping[int, Mapping[tuple[object, ...], float]]


class NodeStep(NamedTuple):
    """What one node was seen to do."""

    forward: Counts
    backward: Backward
    gradient_sums: Counts
    kept: Kept
    learned: int


class NetworkStep:
    """A network on a random batch, and the gradient of a random loss of its results.

    `into_inputs` carries the gradient on to the network's own inputs.
    """

    def __init__(self, network: Network, batch: int, seed: int, *, into_inputs: bool) -> None:
        self.network = network
        self.batch = batch
        self.rng = Random(seed)
        self.into_inputs = into_inputs
        self.inputs: dict[int, list[Tensor]] = {
            index: [self._random(node.shape) for _ in range(batch)]
            for index, node in enumerate(network.nodes)
            if not node.inputs
        }
        self.runs = self._runs()
        self.steps: dict[int, Step] = {}
        self.losses: dict[int, list[Tensor]] = {
            index: [self._random(network.nodes[index].shape) for _ in range(batch)]
            for index in sorted(set(network.outputs.values()))
        }

    def _random(self, shape: Sequence[int]) -> Tensor:
        tally = Tally()
        return {index: Number(self.rng.uniform(-1, 1), tally) for index in everywhere(shape)}

    def _runs(self) -> dict[int, Run]:
        """Where each node's learned numbers come from: a node that shares has another's."""
        runs: dict[int, Run] = {}
        for index, node in enumerate(self.network.nodes):
            own = Run(index, valid_taps=False)
            runs[index] = own if node.shares is None else runs[node.shares]
        return runs

    def observe(self) -> list[NodeStep]:
        """One step; what each operation did in it."""
        self.steps = self._forward(self.runs, {})
        flows = self._flows()
        arriving: dict[int, list[list[Tensor]]] = defaultdict(list)
        for index, loss in self.losses.items():
            if flows[index]:
                arriving[index].append(loss)
        sums: dict[int, Counts] = {}
        for index in sorted(self.steps, reverse=True):
            step = self.steps[index]
            step.wanted = [flows[source] for source in self.network.nodes[index].reads]
            if not flows[index]:
                continue
            tally = Tally()
            step.dy = [_added(gradients, tally) for gradients in zip(*arriving[index], strict=True)]
            sums[index] = tally.counts()
            step.dy = [_copied(dy, step.run.tally) for dy in step.dy]
            BACKWARD[step.layer.kind](step.layer, step)
            for which, source in enumerate(self.network.nodes[index].reads):
                if flows[source]:
                    arriving[source].append([step.dx[s, which] for s in range(self.batch)])
        extra = self._merged()
        return [
            NodeStep(
                step.counts["forward"],
                _parts(step, extra.get(index, {})),
                sums.get(index, Counts()),
                step.kept() if flows[index] else Kept(),
                0 if self.network.nodes[index].shares is not None else len(step.run.learned),
            )
            for index, step in sorted(self.steps.items())
        ]

    def _forward(self, runs: Mapping[int, Run], change: Change) -> dict[int, Step]:
        for index, changes in change.items():
            run = runs[index]
            for key, by in changes.items():
                run.learned[key] = run.constant(run.learned[key].value + by)
        values = dict(self.inputs)
        steps: dict[int, Step] = {}
        for index, node in enumerate(self.network.nodes):
            if node.inputs:
                run = runs[index]
                samples = [
                    [_copied(values[source][s], run.tally) for source in node.inputs]
                    for s in range(self.batch)
                ]
                steps[index] = Step(node.layer, samples, run, [])
                with steps[index].part("forward"):
                    forward(steps[index])
                values[index] = steps[index].outputs
        return steps

    def _flows(self) -> dict[int, bool]:
        """To which values a gradient flows: those that depend on something learned."""
        flows = dict.fromkeys(self.inputs, self.into_inputs)
        for index, step in self.steps.items():
            before = [flows[source] for source in self.network.nodes[index].reads]
            learns = bool(step.run.learned) or True in before
            flows[index] = learns and step.layer.kind != "indices"
        return flows

    def _merged(self) -> dict[int, dict[str, Counts]]:
        """Adds the gradients of shared numbers up; what that cost, by node and part."""
        extra: dict[int, dict[str, Counts]] = {}
        for index, step in self.steps.items():
            owner = self.network.nodes[index].shares
            if owner is None:
                continue
            for name, keys in (
                ("bias", [key for key in step.dw if key[0] == "bias"]),
                ("weights", [key for key in step.dw if key[0] != "bias"]),
            ):
                tally = Tally()
                for key in keys:
                    mine = Number(step.dw[key].value, tally)
                    self.steps[owner].dw[key] = mine + self.steps[owner].dw[key]
                extra.setdefault(index, {})[name] = tally.counts()
        return extra

    def slope(self) -> tuple[float, float]:
        """How the loss changes along a random direction of all learned numbers.

        What the gradients say of it, and what a central difference says.
        """
        # Small, so that no value is likely to cross the kink of an activation on the way.
        size = 1e-7
        along: dict[int, dict[tuple[object, ...], float]] = {}
        told = 0.0
        for index, step in self.steps.items():
            if self.network.nodes[index].shares is None:
                along[index] = {key: self.rng.uniform(-1, 1) for key in step.run.learned}
                told += sum([step.dw[key].value * by for key, by in along[index].items()])
        return told, (self._loss(along, size) - self._loss(along, -size)) / (2 * size)

    def _loss(self, along: Change, size: float) -> float:
        runs = self._runs()
        for index, run in runs.items():
            run.learned.update(
                {key: run.constant(n.value) for key, n in self.runs[index].learned.items()}
            )
        change = {
            index: {key: size * by for key, by in changes.items()}
            for index, changes in along.items()
        }
        steps = self._forward(runs, change)
        return sum(
            [
                plain(steps[index].outputs[s][place]) * gradient.value
                for index, losses in self.losses.items()
                for s, loss in enumerate(losses)
                for place, gradient in loss.items()
            ]
        )


def _parts(step: Step, extra: Mapping[str, Counts]) -> Backward:
    parts = {
        name: step.counts.get(name, Counts()).plus(extra.get(name, Counts()))
        for name in ("weights", "bias", "input")
    }
    return Backward(**parts)


def _copied(tensor: Tensor, tally: Tally) -> Tensor:
    """The same values as numbers of another tally."""
    return {index: Number(value.value, tally) for index, value in tensor.items()}


def _added(gradients: Sequence[Tensor], tally: Tally) -> Tensor:
    """The sum of the gradients that arrive at one value."""
    copies = [_copied(gradient, tally) for gradient in gradients]
    return {index: total([copy[index] for copy in copies]) for index in copies[0]}
