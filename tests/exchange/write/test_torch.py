"""Networks as PyTorch source: run by PyTorch, if it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import convcalc
import convcalc.torch
from convcalc.exchange.write.source.torch_text import torch_source
from convcalc.executor.arrays import Array
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.weights import GivenWeights, seeded_weights
from convcalc.graph import Network
from convcalc.language.shipped import shipped_names
from convcalc.layers import NODE_KINDS
from convcalc.problems import ConvcalcError
from tests.exchange.write.restored import PEAKS, explained, figures
from tests.executor.values import network_of, random_inputs, random_weights, relative_error, seeded
from tests.oracle.random_layers import random_layer
from tests.quick import every_network
from tests.shipped import shipped

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

CLOSE = 1e-4


def built(network: Network, device: str) -> Any:
    """The module that the source describes."""
    space: dict[str, Any] = {"__name__": "written"}
    with torch.device(device):
        exec(compile(torch_source(network), network.name, "exec"), space)  # noqa: S102
        classes = [value for value in space.values() if isinstance(value, type)]
        return [cls for cls in classes if cls.__module__ == "written"][-1]().eval()


def state(module: Any) -> Iterator[tuple[str, Any]]:
    """Parameters and statistics in the order in which modules have them."""
    for inner in module.modules():
        yield from inner.named_parameters(recurse=False)
        for name, value in inner.named_buffers(recurse=False):
            kept = name not in inner._non_persistent_buffers_set
            if kept and name != "num_batches_tracked":
                yield name, value


def results(module: Any, inputs: Any) -> list[Any]:
    with torch.inference_mode():
        found = module(*inputs)
    return list(found.values()) if isinstance(found, dict) else [found]


def run(network: Network, weights: dict[str, Array], inputs: dict[str, Array]) -> list[Array]:
    """What PyTorch computes with these weights."""
    module = built(network, "cpu")
    for (_, value), array in zip(state(module), weights.values(), strict=True):
        data = torch.from_numpy(np.array(array, np.float32))
        value.data.copy_(data.reshape(value.shape))
    given = [torch.from_numpy(np.array(value, np.float32)) for value in inputs.values()]
    return [value.detach().numpy() for value in results(module, given)]


@pytest.mark.parametrize("name", shipped_names())
def test_parameters_and_shapes(name: str) -> None:
    network = shipped(name)
    module = built(network, "meta")
    totals = convcalc.analyze(network).totals
    assert sum(one.numel() for one in module.parameters()) == totals.params
    with torch.device("meta"):
        inputs = [torch.rand(2, *shape) for shape in network.inputs.values()]
        found = results(module, inputs)
    assert [tuple(one.shape) for one in found] == [
        (2, *network.nodes[index].shape) for index in network.outputs.values()
    ]


@pytest.mark.parametrize(
    "name",
    [
        "lenet",
        "crnn",
        "squeezenet1_1",
        "shufflenet_v2_x0_5",
        "mobilenet_v3_small",
        "convnextv2_atto",
        "tcn",
        "dcgan",
        "swin_t",
        "swin_v2_t",
        "maxvit_t",
        "efficientformer_l1",
        "mobilevit_s",
        "yolov8n",
    ],
)
def test_values_are_the_executors(name: str) -> None:
    network = shipped(name)
    weights = dict(seeded_weights(network, seed=3))
    inputs = ready_inputs(network, {}, 2, 3, np.dtype(np.float32))
    expected = convcalc.execute(network, inputs, seed=3)
    for found, wanted in zip(run(network, weights, inputs), expected.values(), strict=True):
        assert relative_error(found, wanted) < CLOSE


#: The first block of the decoder works on the queries alone, so that fewer numbers are left of it.
DETR = {"params": 41_274_016, "buffers": 321_920}


@pytest.mark.no_cover
@every_network
def test_all_figures_stay_when_it_is_traced(name: str) -> None:
    """The source is run by PyTorch, and traced back to a network."""
    network = shipped(name)
    before, wanted = figures(network), explained(network)
    if name == "detr_resnet50":
        wanted |= DETR
    # Places in windows are computed on the way, of numbers that a device without any has not.
    device = "cpu" if any(node.kind == "attention_bias" for node in network.nodes) else "meta"
    module = built(network, device)
    inputs = [torch.zeros(1, *shape, device=device) for shape in network.inputs.values()]
    found = convcalc.torch.network(module, inputs)
    after = figures(found)
    # Padding that differs from side to side is a layer of its own in PyTorch.
    pads = [sum(node.kind == "pad" for node in which.nodes) for which in (network, found)]
    checked = before.keys() if wanted == before and pads[0] == pads[1] else before.keys() - PEAKS
    assert {name: after[name] for name in checked} == {name: wanted[name] for name in checked}


def test_values_go_back_to_where_they_were_largest() -> None:
    # SegNet itself has so many windows that rounding decides between some values.
    network = convcalc.loads(
        """
input: [3, 12, 16]
layers:
  - {conv: 4, kernel: 3, padding: 1, norm: batch, activation: relu}
  - {maxpool: 2, name: outer}
  - {conv: 6, kernel: 3, padding: 1}
  - {maxpool: 3, stride: 2, padding: 1, name: inner}
  - {conv: 6, kernel: 3, padding: 1}
  - {unpool: inner}
  - {conv: 4, kernel: 3, padding: 1}
  - {unpool: outer}
  - {conv: 5, kernel: 1}
"""
    )
    weights = dict(seeded_weights(network, seed=5))
    inputs = ready_inputs(network, {}, 2, 5, np.dtype(np.float32))
    (expected,) = convcalc.execute(network, inputs, seed=5).values()
    (found,) = run(network, weights, inputs)
    assert relative_error(found, expected) < CLOSE


#: Kinds that a network of one layer cannot have.
PARTS = (
    "opaque",
    "unpool",
    "attention_norm",
    "attention_scores",
    "attention_bias",
    "attention_values",
    "indices",
)


@pytest.mark.parametrize("kind", [kind for kind in NODE_KINDS if kind not in PARTS])
def test_layers_are_the_executors(kind: str) -> None:
    compared = 0
    for number in range(60):
        chance, values = seeded(f"torch {kind} {number}")
        layer, shapes = random_layer(chance, kind)
        network = network_of(layer, shapes)
        inputs = {k: v.astype(np.float32) for k, v in random_inputs(network, 2, values).items()}
        weights = {k: v.astype(np.float32) for k, v in random_weights(network, values).items()}
        try:
            found = run(network, weights, inputs)
        except ConvcalcError as error:
            if error.problems[0].code != "no-counterpart":
                raise
            continue
        values_of = Program(network, weights=GivenWeights(weights)).run(inputs)
        expected = [values_of[index] for index in network.outputs.values()]
        for mine, wanted in zip(found, expected, strict=True):
            assert relative_error(mine, wanted) < CLOSE, f"{layer!r} on {shapes}"
        compared += 1
        if compared == 8:
            return
    pytest.fail(f"only {compared} layers have a counterpart")
