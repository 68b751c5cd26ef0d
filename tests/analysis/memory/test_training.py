"""What a training step remembers."""

from __future__ import annotations

from random import Random

import pytest

import convcalc
from convcalc.analysis.memory.training import kept_tensors, training_memory
from convcalc.analysis.training.step import train
from tests.executor.random_networks import random_network
from tests.oracle.backward_network import NetworkStep
from tests.quick import each_seed


def kept(layers: str, batch: int = 1) -> list[tuple[object, ...]]:
    """The kept tensors of a small network, whose input is (2, 4, 4)."""
    network = convcalc.loads(f"input: [2, 4, 4]\nlayers:\n{layers}")
    return [tuple(tensor) for tensor in kept_tensors(train(network, batch=batch))]


class TestWhatIsKept:
    def test_a_value_that_two_layers_need_is_one(self) -> None:
        found = kept("  - {conv: 3, kernel: 1, activation: relu}\n  - {conv: 1, kernel: 1}\n")
        # The image, and the ReLU's result, which the second convolution reads as well.
        assert found == [("input", "value", 4 * 32), ("conv0.relu", "value", 4 * 48)]

    def test_a_view_is_its_inputs_value(self) -> None:
        found = kept("  - {conv: 3, kernel: 1}\n  - tanh\n  - flatten\n  - {dense: 2}\n")
        assert found == [("input", "value", 4 * 32), ("tanh0", "value", 4 * 48)]

    def test_dropout_is_no_view_while_training(self) -> None:
        found = kept("  - {conv: 3, kernel: 1}\n  - tanh\n  - dropout\n  - {dense: 2}\n")
        assert found == [
            ("input", "value", 4 * 32),
            ("tanh0", "value", 4 * 48),
            ("dropout0", "value", 4 * 48),
            ("dropout0", "flags", 48),
        ]

    def test_dropout_that_drops_nothing_is_one(self) -> None:
        found = kept("  - {conv: 3, kernel: 1}\n  - {dropout: 0}\n  - {dense: 2}\n")
        assert [tensor[0] for tensor in found] == ["input", "conv0"]

    def test_places_statistics_and_batches(self) -> None:
        found = kept("  - {conv: 3, kernel: 1, norm: batch}\n  - {maxpool: 2}\n", batch=5)
        assert found == [
            ("input", "value", 5 * 4 * 32),
            ("conv0", "value", 5 * 4 * 48),
            ("conv0.batchnorm", "statistics", 4 * 6),
            ("pool0", "indices", 5 * 8 * 12),
        ]

    def test_nothing_before_the_first_parameters(self) -> None:
        found = kept("  - tanh\n  - {maxpool: 2}\n  - {conv: 1, kernel: 1}\n  - {avgpool: 2}\n")
        assert found == [("pool0", "value", 4 * 8)]


class TestBytes:
    def test_single_precision(self) -> None:
        memory = training_memory(train(convcalc.load("lenet"), optimizer="adam"))
        assert memory.weights == memory.gradients == 4 * 61706
        assert (memory.buffers, memory.master) == (0, 0)
        assert memory.state == 8 * 61706
        assert memory.total == sum(memory[:6])
        assert memory.activations == sum(tensor.bytes for tensor in memory.kept)

    def test_mixed_precision(self) -> None:
        """Weights, gradients and values are half as wide, the optimizer's numbers are not."""
        step = train(convcalc.load("mobilenet_v2"), optimizer="sgd-momentum", batch=8)
        full, half = training_memory(step), training_memory(step, 2)
        assert (2 * half.weights, 2 * half.gradients) == (full.weights, full.gradients)
        assert half.master == full.weights
        assert (half.state, half.buffers) == (full.state, full.buffers)
        for narrow, wide in zip(half.kept, full.kept, strict=True):
            halved = narrow.what in {"value", "numbers"}
            assert narrow.bytes * (2 if halved else 1) == wide.bytes

    @pytest.mark.parametrize("optimizer", ["sgd", "sgd-momentum", "nesterov", "adam", "adamw"])
    def test_state(self, optimizer: str) -> None:
        memory = training_memory(train(convcalc.load("lenet"), optimizer=optimizer))
        numbers = {"sgd": 0, "sgd-momentum": 1, "nesterov": 1, "adam": 2, "adamw": 2}[optimizer]
        assert memory.state == numbers * memory.weights

    def test_shared_weights_are_there_once(self) -> None:
        network = convcalc.loads(
            "input: [2, 4, 4]\nlayers:\n"
            "  - {conv: 2, kernel: 1, name: a}\n  - {conv: 2, kernel: 1, share: a}\n"
        )
        memory = training_memory(train(network, optimizer="adamw"))
        assert (memory.weights, memory.gradients, memory.state) == (24, 24, 48)


@pytest.mark.no_cover
@each_seed(10, 40)
def test_what_a_run_takes_from_its_forward_pass_is_kept(seed: int) -> None:
    """In random networks: the values that the loops look at again, each once."""
    network = random_network(Random(seed))
    step = train(network, batch=2)
    tried = NetworkStep(network, 2, seed, into_inputs=False)
    tried.observe()
    looked_at: dict[int, int] = {}
    nodes = network.nodes
    made_by = list(range(len(nodes)))
    for index, running in tried.steps.items():
        if nodes[index].kind in {"identity", "flatten"}:
            made_by[index] = made_by[nodes[index].inputs[0]]
        used = running.kept()
        for which in used.inputs:
            source = made_by[nodes[index].inputs[which]]
            looked_at[source] = 4 * sum(len(sample[which]) for sample in running.samples)
        if used.output:
            looked_at[made_by[index]] = 4 * sum(len(y) for y in running.outputs)
    told = {tensor.path: tensor.bytes for tensor in kept_tensors(step) if tensor.what == "value"}
    assert told == {nodes[index].path: size for index, size in looked_at.items()}
