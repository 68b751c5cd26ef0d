"""Networks as Keras source: run by Keras, if it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.exchange.write.source.keras_text import channels_last, keras_source
from convcalc.executor.arrays import Array
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.weights import GivenWeights, seeded_weights
from convcalc.graph import Network
from convcalc.language.shipped import shipped_names
from convcalc.layers import NODE_KINDS
from convcalc.problems import ConvcalcError
from tests.exchange.write.test_source import NOT_IN_KERAS
from tests.executor.values import (
    network_of,
    random_inputs,
    random_weights,
    relative_error,
    seeded,
)
from tests.oracle.random_layers import random_layer
from tests.shipped import shipped

keras = pytest.importorskip("keras", reason="Keras is not installed")

CLOSE = 1e-4


class Built:
    """The model that the source describes, and its layers in the order in which they are called."""

    def __init__(self, network: Network) -> None:
        self.layers: list[Any] = []
        space: dict[str, Any] = {"__name__": "written"}
        exec(compile(keras_source(network), network.name, "exec"), space)  # noqa: S102
        made = [value for value in space.values() if getattr(value, "__module__", "") == "written"]
        called = keras.layers.Layer.__call__

        def watched(layer: Any, *arguments: Any, **options: Any) -> Any:
            if all(layer is not known for known in self.layers):
                self.layers.append(layer)
            return called(layer, *arguments, **options)

        keras.layers.Layer.__call__ = watched
        try:
            self.model = made[-2]()  # the last one is main
        finally:
            keras.layers.Layer.__call__ = called

    @property
    def weights(self) -> list[Any]:
        """Weights and statistics, without the state of random numbers."""
        return [
            weight
            for layer in self.layers
            if not isinstance(layer, keras.Model)
            for weight in layer.weights
            if "seed" not in weight.path
        ]


def assign(built: Built, weights: Mapping[str, Array]) -> None:
    """Gives a model these weights, in the order of its layers."""
    for (path, array), weight in zip(weights.items(), built.weights, strict=True):
        value = np.asarray(array)
        if "constant" in weight.path:
            value = np.moveaxis(value, 0, -1)
        elif value.ndim > 2 and len(weight.shape) == value.ndim:
            # Keras has the channels of a kernel last, those of the input first.
            order = (0, 1) if "depthwise" in weight.path else (1, 0)
            value = value.transpose(*range(2, value.ndim), *order)
        elif value.ndim == 2 and path.endswith("weight"):
            value = value.T
        weight.assign(value.reshape(weight.shape))


@pytest.mark.parametrize("name", [name for name in shipped_names() if name not in NOT_IN_KERAS])
def test_parameters_and_shapes(name: str) -> None:
    network = shipped(name)
    model = Built(network).model
    learned = sum([int(np.prod(weight.shape)) for weight in model.trainable_weights])
    assert learned == convcalc.analyze(network).totals.params
    outputs = model.output.values() if isinstance(model.output, dict) else [model.output]
    assert [tuple(output.shape[1:]) for output in outputs] == [
        channels_last(network.nodes[index].shape) for index in network.outputs.values()
    ]


@pytest.mark.parametrize(
    "name",
    ["resnet18", "mobilenet_v2", "squeezenet1_1", "shufflenet_v2_x0_5", "convnextv2_atto", "espcn"],
)
def test_values_are_the_executors(name: str) -> None:
    network = shipped(name)
    built = Built(network)
    assign(built, dict(seeded_weights(network, 3)))
    inputs = ready_inputs(network, {}, 2, 3, np.dtype(np.float32))
    (image,) = [np.ascontiguousarray(np.moveaxis(value, 1, -1)) for value in inputs.values()]
    (expected,) = convcalc.execute(network, inputs, seed=3).values()
    found = keras.ops.convert_to_numpy(built.model(image))
    assert relative_error(np.moveaxis(found, -1, 1), expected) < CLOSE


#: Kinds that a network of one layer cannot have, whose arrays have their numbers in another order,
#: or that have no counterpart.
OTHERS = frozenset(
    (
        *("opaque", "unpool", "indices", "gru", "lstm", "conv_lstm", "minpool", "lrn", "matmul"),
        *("attention_norm", "attention_scores", "attention_bias", "attention_values"),
        "deform_conv",
    )
)


@pytest.mark.filterwarnings("ignore:.*softmax over axis")
@pytest.mark.parametrize("kind", [kind for kind in NODE_KINDS if kind not in OTHERS])
def test_layers_are_the_executors(kind: str) -> None:
    compared = 0
    for number in range(80):
        chance, values = seeded(f"keras {kind} {number}")
        layer, shapes = random_layer(chance, kind)
        flat = kind == "flatten" or (kind == "dense" and not layer.argument("positionwise"))
        if (flat and len(shapes[0]) > 1) or len(shapes[0]) > 4:
            continue  # channels last is another order, and TensorFlow takes five axes
        network = network_of(layer, shapes)
        try:
            built = Built(network)
        except ConvcalcError as error:
            if error.problems[0].code != "no-counterpart":
                raise
            continue
        inputs = {k: v.astype(np.float32) for k, v in random_inputs(network, 2, values).items()}
        weights = {k: v.astype(np.float32) for k, v in random_weights(network, values).items()}
        assign(built, weights)
        images = [np.ascontiguousarray(np.moveaxis(value, 1, -1)) for value in inputs.values()]
        found = keras.ops.convert_to_numpy(built.model(images if len(images) > 1 else images[0]))
        values_of = Program(network, weights=GivenWeights(weights)).run(inputs)
        (wanted,) = [values_of[index] for index in network.outputs.values()]
        mine = np.moveaxis(found, -1, 1)
        assert relative_error(mine, wanted) < CLOSE, f"{layer!r} on {shapes}"
        compared += 1
        if compared == 4:
            return
    pytest.fail(f"only {compared} layers have a counterpart")
