"""Runs one layer on small whole numbers, for a picture of what it computes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from convcalc.executor.run import execute
from convcalc.graph import GraphBuilder
from convcalc.layers.base import Layer
from convcalc.shapes import Shape

#: Inputs are from 0 up to, not including, this; weights and biases from -2 to 3.
_LARGEST_INPUT = 10
_WEIGHTS = (1, 0, -1, 2, 1, 3, 0, -2)


class Sample(NamedTuple):
    """The numbers of a layer: nested lists with the arrays' axes, channels first, no batch.

    weight, bias  empty for a layer without them
    """

    input: list[Any]
    output: list[Any]
    weight: list[Any]
    bias: list[Any]


def sample(layer: Layer, shape: Shape, step: int = 1) -> Sample | None:
    """Runs a layer on an input of a shape; None where the result is not in whole numbers.

    step  the inputs are multiples of this

    >>> from convcalc.layers.pooling import MaxPool
    >>> found = sample(MaxPool.read({"kernel": 2}, rank=1), (1, 4))
    >>> found.input, found.output
    ([[3, 0, 9, 9]], [[3, 9]])
    """
    builder = GraphBuilder()
    start = builder.input("input", shape)
    end = builder.add(layer, [start], path="layer")
    network = builder.network("sample", {"output": end})
    count = int(np.prod(shape))
    # Digits without a pattern that a reader takes for a part of the arithmetic.
    values = (np.arange(count) * 7 + np.arange(count) ** 2 * 3 // 5 + 3) % _LARGEST_INPUT * step
    image = values.reshape((1, *shape)).astype("float64")
    arrays: dict[str, Any] = {}
    for name, sizes in layer.parameters([shape]).items():
        size = int(np.prod(sizes))
        chosen = np.resize(np.array(_WEIGHTS, dtype="float64"), size + 3)[3:]
        arrays[f"layer.{name}"] = chosen.reshape(sizes)
    found = execute(network, image, arrays or None, dtype="float64", exact=True, threads=1)
    output = next(iter(found.values()))[0]
    if not np.array_equal(output, np.rint(output)):
        return None
    weight, bias = [
        arrays[f"layer.{name}"].astype(int).tolist() if f"layer.{name}" in arrays else []
        for name in ("weight", "bias")
    ]
    return Sample(image[0].astype(int).tolist(), np.rint(output).astype(int).tolist(), weight, bias)
