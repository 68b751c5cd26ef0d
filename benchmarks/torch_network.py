"""A network of convcalc in PyTorch, channels first and eager.

    python -m benchmarks.torch_network vgg16

builds the network, fills it with random weights, and runs it once, as one process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - what PyTorch's users call it

import convcalc
from convcalc.graph import Network

Run = Callable[[Any], Any]


def torch_network(network: Network, arrays: Callable[[int], dict[str, Any]]) -> Run:
    """A function from the input to the output; `arrays(index)` gives a node's tensors.

    A normalisation without arrays is left out: it is folded into the convolution.
    """
    nodes = network.nodes
    last = {i: n for n, node in enumerate(nodes) for i in node.inputs}
    made = {index: arrays(index) for index, node in enumerate(nodes) if node.inputs}

    def run(x: Any) -> Any:
        values: dict[int, Any] = {}
        with torch.inference_mode():
            for index, node in enumerate(nodes):
                inputs = [values[i] for i in node.inputs]
                values[index] = (
                    OPERATORS[node.kind](node.layer, inputs, made[index]) if inputs else x
                )
                for i in node.inputs:
                    if last[i] == index:
                        values.pop(i, None)
        (output,) = network.outputs.values()
        return values[output]

    return run


def _padding(layer: Any) -> list[int]:
    return [before for before, _ in layer.padding]


def _conv(layer: Any, inputs: list[Any], arrays: dict[str, Any]) -> Any:
    (x,) = inputs
    weight = arrays["weight"]
    groups = x.shape[1] // weight.shape[1]
    return F.conv2d(
        x, weight, arrays.get("bias"), layer.stride, _padding(layer), layer.dilation, groups
    )


def _batchnorm(layer: Any, inputs: list[Any], arrays: dict[str, Any]) -> Any:
    if not arrays:
        return inputs[0]
    names = ("running_mean", "running_var", "weight", "bias")
    return F.batch_norm(inputs[0], *[arrays[name] for name in names], eps=layer.eps)


def _maxpool(layer: Any, inputs: list[Any], arrays: dict[str, Any]) -> Any:
    return F.max_pool2d(inputs[0], layer.kernel, layer.stride, _padding(layer))


def _dense(layer: Any, inputs: list[Any], arrays: dict[str, Any]) -> Any:
    return F.linear(inputs[0].flatten(1), arrays["weight"], arrays["bias"])


OPERATORS: dict[str, Callable[[Any, list[Any], dict[str, Any]], Any]] = {
    "conv": _conv,
    "depthwise": _conv,
    "batchnorm": _batchnorm,
    "maxpool": _maxpool,
    "global_avgpool": lambda layer, inputs, arrays: F.adaptive_avg_pool2d(inputs[0], 1),
    "adaptive_avgpool": lambda layer, inputs, arrays: F.adaptive_avg_pool2d(inputs[0], layer.size),
    "flatten": lambda layer, inputs, arrays: inputs[0].flatten(1),
    "dense": _dense,
    "dropout": lambda layer, inputs, arrays: inputs[0],
    "relu": lambda layer, inputs, arrays: F.relu_(inputs[0]),
    "relu6": lambda layer, inputs, arrays: F.hardtanh_(inputs[0], 0.0, 6.0),
    "add": lambda layer, inputs, arrays: inputs[0] + inputs[1],
}


def main() -> None:
    """Builds, fills and runs the network that the command line names."""
    torch.set_num_threads(2)
    network = convcalc.load(sys.argv[1])

    def arrays(index: int) -> dict[str, Any]:
        node = network.nodes[index]
        shapes = network.input_shapes(node)
        learned = {**node.layer.parameters(shapes), **node.layer.buffers(shapes)}
        return {name: torch.empty(shape).uniform_(0.01, 0.02) for name, shape in learned.items()}

    ((_, shape),) = network.inputs.items()
    torch_network(network, arrays)(torch.rand(1, *shape))


if __name__ == "__main__":
    main()
