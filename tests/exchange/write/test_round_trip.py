"""Networks that ship, written as ONNX and read again: figures stay, or their change is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

import convcalc
from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
from convcalc.exchange.tensors import TensorArrays
from convcalc.exchange.write.onnx.file import write_model
from convcalc.exchange.write.onnx.graph import Outside
from convcalc.executor.arrays import Array
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.weights import GivenWeights, array_shapes, seeded_weights
from convcalc.graph import Network
from tests.exchange import runtime
from tests.exchange.write.restored import PEAKS, explained, figures
from tests.quick import every_network
from tests.shipped import shipped

#: The first block of the decoder works on the queries alone, so that it is computed before the
#: network runs: fewer numbers than its weights are left of it.
DETR = {"params": 41_299_616, "buffers": 296_320}


class _Holes:
    """A file to which zeros are written as holes, so that large weights take no space."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._stream.seek(size, 1)
        return size


def written(network: Network, folder: Path) -> str:
    """The path of the network's file, whose weights are all zero."""

    def arrays(index: int) -> Mapping[str, Array]:
        zero = np.float32(0)
        shapes = array_shapes(network, index)
        return {name: np.broadcast_to(zero, shape) for name, shape in shapes.items()}

    path = folder / "net.onnx"
    with path.open("w+b") as stream, (folder / "net.onnx.data").open("w+b") as data:
        holes: Any = _Holes(data)
        write_model(network, arrays, stream, Outside(holes, "net.onnx.data"))
        data.truncate()
    return str(path)


@pytest.mark.no_cover
@every_network
def test_all_figures_stay(name: str, tmp_path: Path) -> None:
    network = shipped(name)
    before, wanted = figures(network), explained(network)
    if name == "detr_resnet50":
        wanted |= DETR
    after = figures(convcalc.load(written(network, tmp_path)))
    checked = before.keys() if wanted == before else before.keys() - PEAKS
    assert {name: after[name] for name in checked} == {name: wanted[name] for name in checked}


@pytest.mark.parametrize("name", ["lenet", "resnet50", "unet", "mobilenet_v2", "densenet121"])
def test_paths_are_restored(name: str, tmp_path: Path) -> None:
    network = shipped(name)
    back = convcalc.load(written(network, tmp_path))
    ours = {node.path for node in network.operations}
    theirs = {node.path for node in back.operations}
    assert len(ours & theirs) > 0.8 * len(ours)


def test_values_go_back_to_where_they_were_largest() -> None:
    network = convcalc.loads(
        """
input: [3, 12, 16]
layers:
  - {conv: 4, kernel: 3, padding: 1, norm: batch, activation: relu}
  - {maxpool: 2, name: outer}
  - {conv: 6, kernel: 3, padding: 1}
  - {maxpool: 3, stride: 2, padding: 1, ceil_mode: true, name: inner}
  - {conv: 6, kernel: 3, padding: 1}
  - {unpool: inner}
  - {conv: 4, kernel: 3, padding: 1}
  - {unpool: outer}
  - {conv: 5, kernel: 1}
"""
    )
    weights = dict(seeded_weights(network, seed=5))
    model = read(ModelFile("net.onnx", runtime.model(network, weights)), Choices())
    kinds = [[node.kind for node in which.operations] for which in (network, model.network)]
    assert sorted(kinds[0]) == sorted(kinds[1])
    inputs = ready_inputs(network, {}, 1, 5, np.dtype(np.float32))
    (expected,) = convcalc.execute(network, inputs, seed=5).values()
    arrays = GivenWeights(TensorArrays(model.tensors))
    found = Program(model.network, weights=arrays).run(inputs)
    (result,) = [found[index] for index in model.network.outputs.values()]
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
