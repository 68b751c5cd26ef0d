"""Planned arenas against TFLite's own files: their tensors, when each is alive, and the planner."""

from __future__ import annotations

import gzip
from math import prod
from pathlib import Path

import pytest

import convcalc
from convcalc.exchange.tflite.graph import Graph, read_graph

DATA = Path(__file__).parents[2] / "data" / "tflite"
#: Files, and the type of their values. The others compute weights from float16 while they run, or
#: reshape in the order of channels last, for which the network has transpositions.
FILES = {
    "bp_nmp": "float32",
    "kws_float": "float32",
    "kws_int8": "int8",
    "mobilenet": "float32",
    "mobilenet_v2_int8": "int8",
    "mobilenet_v3": "float32",
    "mp_iris_landmark": "float32",
    "mp_selfie_segmentation": "float32",
    "unet": "float32",
}
#: CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED.
WEIGHTED = (3, 4, 9)
BYTES = {"float32": 4, "int32": 4, "int8": 1, "bool": 1, "int64": 8}


def lives(graph: Graph) -> list[tuple[int, int, int]]:
    """Bytes, first and last step of each tensor that is no constant, in the file's order."""
    first = dict.fromkeys(graph.inputs, 0)
    last = dict(first)
    for step, operation in enumerate(graph.operations, 1):
        for tensor in operation.outputs:
            first.setdefault(tensor, step)
        for tensor in (*operation.inputs, *operation.outputs):
            last[tensor] = step
    last.update(dict.fromkeys(graph.outputs, len(graph.operations)))
    found = []
    for number in sorted(first):
        size = prod(graph.tensors[number].shape) * BYTES[graph.tensors[number].dtype]
        found.append(((size + 15) // 16 * 16, first[number], last[number]))
    return found


def arena(tensors: list[tuple[int, int, int]]) -> int:
    """The largest first, the later of two equal ones first, each as low as it fits."""
    placed: list[tuple[int, int, int, int]] = []
    order = sorted(enumerate(tensors), key=lambda one: (-one[1][0], -one[0]))
    for _, (size, first, last) in order:
        offset = 0
        for low, high, start, end in sorted(placed):
            if start <= last and first <= end:
                if offset + size <= low:
                    break
                offset = max(offset, high)
        placed.append((offset, offset + size, first, last))
    return max(high for _, high, _, _ in placed)


@pytest.mark.parametrize("name", FILES)
def test_a_network_needs_what_its_file_needs(name: str) -> None:
    path = DATA / f"{name}.tflite.gz"
    graph = read_graph(memoryview(gzip.decompress(path.read_bytes())), 100_000)
    analysis = convcalc.Analysis(convcalc.load(path))
    assert convcalc.measure(analysis, "tflm_arena", FILES[name]) == arena(lives(graph))


@pytest.mark.parametrize("name", ["kws_int8", "mobilenet_v2_int8"])
def test_weights_take_what_they_take_in_the_file(name: str) -> None:
    path = DATA / f"{name}.tflite.gz"
    graph = read_graph(memoryview(gzip.decompress(path.read_bytes())), 100_000)
    made = {tensor for operation in graph.operations for tensor in operation.outputs}
    weighted = [one for one in graph.operations if one.operator in WEIGHTED]
    arrays = {number for one in weighted for number in one.inputs} - made - {*graph.inputs, -1}
    tensors = [graph.tensors[number] for number in arrays]
    assert {tensor.dtype for tensor in tensors} == {"int8", "int32"}  # weights and biases
    expected = sum(prod(tensor.shape) * BYTES[tensor.dtype] for tensor in tensors)
    analysis = convcalc.Analysis(convcalc.load(path))
    assert convcalc.measure(analysis, "tflm_weights", "int8") == expected
