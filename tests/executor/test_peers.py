"""Random layers and known networks against onnxruntime, in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.exchange.write.onnx.table import TRANSLATIONS
from convcalc.executor.arrays import Array
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.weights import GivenWeights, seeded_weights
from convcalc.graph import Network
from convcalc.problems import ConvcalcError
from tests.exchange.runtime import CLOSE, model
from tests.exchange.runtime import run as theirs
from tests.executor.values import network_of, random_inputs, random_weights, relative_error, seeded
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.oracle.random_layers import random_layer

#: Layers a kind that are compared at least: 47 kinds make more than 500.
LAYERS = 12


def ours(network: Network, inputs: Any, weights: dict[str, Array], **options: Any) -> list[Array]:
    program = Program(network, weights=GivenWeights(weights), **options)
    values = program.run(inputs)
    return [values[index] for index in network.outputs.values()]


def singles(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name: value.astype(np.float32) for name, value in arrays.items()}


def test_every_kind_is_translated() -> None:
    assert set(TRANSLATIONS) == set(KNOWN_NODE_KINDS)
    assert len(KNOWN_NODE_KINDS) * LAYERS >= 500


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_layers_agree_with_onnxruntime(kind: str) -> None:
    compared = 0
    for number in range(50 * LAYERS):
        chance, values = seeded(f"peer {kind} {number}")
        layer, shapes = random_layer(chance, kind)
        network = network_of(layer, shapes)
        batch = chance.choice([1, 2])
        inputs = singles(random_inputs(network, batch, values))
        weights = singles(random_weights(network, values))
        try:
            written = model(network, weights, batch)
        except ConvcalcError as error:
            if error.problems[0].code != "no-counterpart":
                raise
            continue
        (expected,) = theirs(written, inputs)
        (found,) = ours(network, inputs, weights, threads=2)
        assert relative_error(found, expected) < CLOSE, f"{layer!r} on {shapes}, number {number}"
        compared += 1
        if compared == LAYERS:
            return
    pytest.fail(f"only {compared} layers have a counterpart")


#: Networks that ship with convcalc, with inputs that run quickly.
NETWORKS = {
    "lenet": None,
    "squeezenet1_1": [3, 96, 96],
    "mobilenet_v3_small": [3, 64, 64],
    "shufflenet_v2_x0_5": [3, 64, 64],
    "mobilevit_s": [3, 64, 64],
}
#: Those with more weights, or built of the same layers.
MORE_NETWORKS = {
    "resnet18": [3, 64, 64],
    "googlenet": [3, 64, 64],
    "mobilenet_v2": [3, 96, 96],
    "efficientnet_b0": [3, 64, 64],
    "alexnet_d2l": None,
    "nin": None,
    "resnet50": [3, 96, 96],
    "resnext50_32x4d": [3, 64, 64],
    "densenet121": [3, 64, 64],
    "regnet_y_400mf": [3, 64, 64],
    "convnext_tiny": [3, 64, 64],
    "swin_t": [3, 64, 96],
    "swin_v2_t": [3, 64, 64],
}


@pytest.mark.parametrize(
    "name", [*NETWORKS, *[pytest.param(name, marks=pytest.mark.long) for name in MORE_NETWORKS]]
)
def test_networks_agree_with_onnxruntime(name: str) -> None:
    network = convcalc.load(name, input={**NETWORKS, **MORE_NETWORKS}[name])
    weights = dict(seeded_weights(network, seed=3))
    inputs = ready_inputs(network, {}, 2, 3, np.dtype(np.float32))
    expected = theirs(model(network, weights, 2), inputs)
    for options in ({"threads": 2}, {"exact": True, "cache_weights": True}):
        for found, wanted in zip(ours(network, inputs, weights, **options), expected, strict=True):
            assert relative_error(found, wanted) < CLOSE
            assert np.abs(wanted).max() > 1e-3
