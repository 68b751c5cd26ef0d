"""Writing a network for other programs: an ONNX model with weights, or source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from convcalc import given
from convcalc.exchange.write.frameworks import FRAMEWORKS, source
from convcalc.executor.arrays import Array
from convcalc.executor.run import weights_from
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.weights import GivenWeights
from convcalc.executor.workspace import Workspace
from convcalc.graph import Network, check_network
from convcalc.problems import printable, refused
from convcalc.safe_files import replace_file


def export(
    network: Network,
    path: str | os.PathLike[str],
    *,
    weights: Mapping[str, Array] | str | os.PathLike[str] | None = None,
    seed: int = 0,
    batch: int = 1,
    framework: str = "torch",
) -> list[str]:
    """Writes a network as an ONNX model (`.onnx`) or as source (`.py`); the files written.

    weights    of a model, as `execute` takes them; by default made from the seed
    batch      the samples of a model's input
    framework  of source: torch or keras

    Raises ConvcalcError where a layer has no counterpart, or the file cannot be written.

    >>> import convcalc, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = export(convcalc.load("lenet"), os.path.join(folder, "lenet.onnx"))
    ...     [os.path.basename(path) for path in written]
    ['lenet.onnx']
    """
    check_network(network)
    name = given.path("path", path)
    batch = given.whole("batch", batch)
    seed = given.whole("seed", seed, None)
    given.word("bad-option", "framework", framework, FRAMEWORKS)
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in (".onnx", ".py"):
        message = f"path must end in .onnx or .py, not {printable(repr(name), 200)}"
        raise refused("bad-option", message)
    if suffix == ".py" and weights is not None:
        raise refused("bad-option", "source holds no weights", "an .onnx file does")
    try:
        if suffix == ".py":
            replace_file(name, source(network, framework))
            return [name]
        return write_model(network, name, weights, seed=seed, batch=batch)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"{printable(name, 200)} cannot be written: {reason[:1].lower()}{reason[1:]}"
        raise refused("cannot-write", message) from None


def write_model(
    network: Network,
    path: str,
    weights: Mapping[str, Array] | str | os.PathLike[str] | None = None,
    *,
    seed: int = 0,
    batch: int = 1,
) -> list[str]:
    """Writes an ONNX model; the files written. Raises ConvcalcError and OSError."""
    from convcalc.exchange.write.onnx.file import write_onnx

    values = weights_from(weights, seed)
    if isinstance(values, GivenWeights):
        values.check(network)
    with ThreadPool([Workspace() for _ in range(os.cpu_count() or 1)]) as pool:

        def arrays(index: int) -> dict[str, Any]:
            return values.get(network, index, "float32", pool)

        return write_onnx(network, arrays, path, batch=batch)
