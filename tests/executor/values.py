"""Values of layers and networks by plain loops in float64: what the executor must agree with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from convcalc.executor.arrays import Array, channels_first, packed
from convcalc.executor.program import Program
from convcalc.executor.weights import GivenWeights, array_name, array_shapes
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.base import Layer
from convcalc.shapes import Shape
from tests.oracle.counting import Number, Run, Tensor
from tests.oracle.table import ORACLES
from tests.oracle.windows import everywhere, shape_of

#: What the oracle calls arrays that files call otherwise.
_NAMES = {"slope": "weight", "mean": "running_mean", "variance": "running_var"}


class _Given(Run):
    """A run of the oracle whose learned numbers are given as arrays."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        super().__init__(0, valid_taps=False)
        self._arrays = arrays

    def weight(self, *key: object) -> Number:
        name, *index = key
        flat: list[int] = []
        for part in index:
            flat += part if isinstance(part, tuple) else [part]  # type: ignore[list-item]
        array = self._arrays[_NAMES.get(str(name), str(name))]
        # A depthwise weight has one input channel, which the oracle numbers as well.
        return Number(float(array[tuple(flat)]), self.tally)

    statistic = weight

    def kept(self, number: Number, *key: object) -> Number:
        return self.weight(*key)


def loops(layer: Layer, inputs: Sequence[Array], weights: Mapping[str, Array]) -> Array:
    """A layer's result by plain loops, sample by sample; arrays (batch, channels, *spatial)."""
    results = []
    for sample in range(len(inputs[0])):
        run = _Given(weights)
        tensors: list[Tensor] = [
            {
                index: Number(float(value[sample][index]), run.tally)
                for index in everywhere(value.shape[1:])
            }
            for value in inputs
        ]
        output = ORACLES[layer.kind](layer, tensors, run)
        values = np.empty(shape_of(output))
        for index, number in output.items():
            values[index] = number.value
        results.append(values)
    return np.stack(results)


def random_weights(network: Network, rng: np.random.Generator) -> dict[str, Array]:
    """Arrays for all layers of a network, about as large as trained ones."""
    return {
        array_name(node, name): (
            rng.uniform(0.5, 1.5, shape) if name == "running_var" else rng.uniform(-1, 1, shape)
        )
        for index, node in enumerate(network.nodes)
        for name, shape in array_shapes(network, index).items()
    }


def network_of(layer: Layer, inputs: Sequence[Shape]) -> Network:
    """A network of one layer, called `layer`."""
    builder = GraphBuilder()
    indices = [builder.input(f"input{i}", tuple(shape)) for i, shape in enumerate(inputs)]
    return builder.network("one", {"layer": builder.add(layer, indices, path="layer")})


def network_loops(
    network: Network, inputs: Mapping[str, Array], weights: Mapping[str, Array]
) -> list[Array]:
    """The value of every node by plain loops."""
    values: list[Array] = []
    for index, node in enumerate(network.nodes):
        if not node.inputs:
            values.append(inputs[node.path])
            continue
        owner = index if node.shares is None else node.shares
        mine = {
            name: weights[array_name(network.nodes[owner], name)]
            for name in array_shapes(network, owner)
        }
        values.append(loops(node.layer, [values[i] for i in node.inputs], mine))
    return values


def random_inputs(network: Network, batch: int, rng: np.random.Generator) -> dict[str, Array]:
    """Inputs for a network, channels last in memory as a run wants them."""
    return {
        name: channels_first(packed(rng.uniform(-1, 1, (batch, *shape))))
        for name, shape in network.inputs.items()
    }


def run(
    network: Network, inputs: Mapping[str, Array], weights: Mapping[str, Array], **options: Any
) -> dict[int, Array]:
    """The executor's values in float64."""
    return program_of(network, weights, **options).run(inputs)


def program_of(network: Network, weights: Mapping[str, Array], **options: Any) -> Program:
    """A program in float64."""
    return Program(network, weights=GivenWeights(weights), dtype="float64", **options)


def relative_error(found: Array, expected: Array) -> float:
    """The largest difference over the largest magnitude expected (1, where all are next to 0).

    Infinities, which pooling makes of windows without input, must be the same, and so must be what
    is not a number, such as a root of a negative one.
    """
    assert found.shape == expected.shape
    finite = np.isfinite(expected)
    assert np.array_equal(found[~finite], expected[~finite], equal_nan=True)
    difference = np.abs(found[finite] - expected[finite]).max(initial=0)
    largest = float(np.abs(expected[finite]).max(initial=0))
    return float(difference) / (largest if largest > 1e-9 else 1.0)


def seeded(seed: object) -> tuple[Random, np.random.Generator]:
    """Two sources of chance, one for the layer and one for the values."""
    chance = Random(str(seed))
    return chance, np.random.default_rng(chance.getrandbits(64))
