"""What an ONNX file stores, counted without the reader's rules."""

from __future__ import annotations

from math import prod

from convcalc.exchange.files import ModelFile
from convcalc.exchange.onnx.wire import WireReader

#: The element types that weights have: float32, uint8, int8, float16, float64, bfloat16.
_WEIGHT_TYPES = (1, 2, 3, 10, 11, 16)


def stored_numbers(file: ModelFile) -> int:
    """How many numbers the nodes read of the initializers, but for running statistics.

    A number alone is part of a formula, and no layer's.
    """
    graph = WireReader(file.name, file.data).model().graph
    if graph is None:
        return 0
    names: set[str] = set()
    statistics: set[str] = set()
    for node in graph.nodes:
        names.update(node.inputs)
        if node.op == "BatchNormalization":
            statistics.update(node.inputs[3:5])
    names -= statistics
    sizes = [
        prod(tensor.dims)
        for tensor in graph.initializers
        if tensor.type in _WEIGHT_TYPES and tensor.name in names
    ]
    return sum([size for size in sizes if size > 1])
