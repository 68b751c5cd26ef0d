"""Networks run by onnxruntime, which reads the files that convcalc writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from convcalc.exchange.write.onnx.file import onnx_bytes
from convcalc.executor.arrays import Array
from convcalc.executor.weights import array_name, array_shapes
from convcalc.graph import Network

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

#: Relative to the output's largest magnitude, in float32.
CLOSE = 1e-4


def run(model: bytes | str, inputs: Mapping[str, Array]) -> list[Array]:
    """The results of a model, given as a file's bytes or its path."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
    results: Sequence[Array] = session.run(None, feeds)
    return list(results)


def model(network: Network, weights: Mapping[str, Array], batch: int = 1) -> bytes:
    """A network with weights by their full names as an ONNX file."""

    def arrays(index: int) -> dict[str, Array]:
        node = network.nodes[index]
        return {name: weights[array_name(node, name)] for name in array_shapes(network, index)}

    return onnx_bytes(network, arrays, batch=batch)
