"""What an ONNX file stores, counted without the reader's rules."""

from __future__ import annotations

from math import prod

from convcalc.exchange.files import ModelFile
from convcalc.exchange.onnx.wire import WireReader

#: The element types that weights have: float32, uint8, int8, float16, float64, bfloat16.
_WEIGHT_TYPES = (1, 2, 3, 10, 11, 16)


def stored_numbers(file: ModelFile) -> int:
    """How many numbers the nodes read of the initializers, as weights.

    Running statistics and what sizes are made of are none, nor is a number alone that no module
    has a name for: it is part of a formula.
    """
    graph = WireReader(file.name, file.stored).model().graph
    if graph is None:
        return 0
    names: set[str] = set()
    statistics: set[str] = set()
    for node in graph.nodes:
        if node.op not in ("Resize", "Upsample", "Clip"):
            names.update(node.inputs)
        if node.op == "BatchNormalization":
            statistics.update(node.inputs[3:5])
    names -= statistics
    sizes = [
        (tensor.name, prod(tensor.dims))
        for tensor in graph.initializers
        if tensor.type in _WEIGHT_TYPES and tensor.name in names
    ]
    return sum([size for name, size in sizes if size > 1 or _of_module(name)])


def _of_module(name: str) -> bool:
    return "." in name and "::" not in name and not name.startswith("/")


def computed_filters(file: ModelFile) -> int:
    """How many numbers fixed filters have, which are written into the graph and not as weights.

    Exporters write a filter of blur pooling as a constant of the code, or repeat one for each
    channel.
    """
    graph = WireReader(file.name, file.stored).model().graph
    if graph is None:
        return 0
    stored = {tensor.name for tensor in graph.initializers}
    total = 0
    for node in graph.nodes:
        if node.op == "Conv" and node.inputs[1] not in stored:
            group, kernel = node.attributes.get("group"), node.attributes.get("kernel_shape")
            if isinstance(group, int) and isinstance(kernel, list):
                total += group * prod([int(size) for size in kernel if isinstance(size, int)])
    return total


def standardised_channels(file: ModelFile) -> int:
    """How many output channels convolutions have whose weights the graph computes.

    A gain for each of them is part of these weights.
    """
    graph = WireReader(file.name, file.stored).model().graph
    if graph is None:
        return 0
    stored = {tensor.name: tensor.dims for tensor in graph.initializers}
    convs = [node for node in graph.nodes if node.op == "Conv" and node.inputs[1] not in stored]
    return sum([prod(stored[node.inputs[2]]) for node in convs if len(node.inputs) > 2])
