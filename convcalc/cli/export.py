"""`convcalc export`: writes a network for other programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, write_error
from convcalc.cli.output import emit, reason, refuse_empty
from convcalc.problems import printable

if TYPE_CHECKING:
    from convcalc.graph import Network

#: What source can be written for.
FRAMEWORKS = ("torch", "keras")


@guarded
def export(  # noqa: PLR0917 - an argument for each option
    file: options.File,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="PATH", help="Write this .onnx or .py file."),
    ],
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights", metavar="PATH", help="Read weights by layer path from this .npz file."
        ),
    ] = None,
    seed: options.Seed = 0,
    framework: Annotated[
        str | None,
        typer.Option(
            "--framework",
            metavar="NAME",
            help="Write the .py file for this framework: torch, keras.",
        ),
    ] = None,
) -> int:
    """Write a network as ONNX, or as PyTorch or Keras source.

    Examples:
      convcalc export lenet --output lenet.onnx
      convcalc export mynet.yaml --weights w.npz --output mynet.onnx
      convcalc export resnet50 --output resnet50.py
      convcalc export resnet50 --framework keras --output resnet50.py

    In an ONNX model, weights are made from the seed where none are given. Operators and weights are
    called as in the network: conv0, conv0.weight. Weights of more than 1.5 GB are written beside,
    to PATH.data. Source holds no weights: it has a class or a function for each block. A layer that
    has no counterpart is an error.
    """
    refuse_empty(output)
    options.read_batch(batch)
    suffix = os.path.splitext(output)[1].lower()
    if suffix not in (".onnx", ".py"):
        message = f"--output {printable(output, 200)}: the name must end in .onnx or .py"
        refuse(message, "--output net.onnx")
    if framework is not None:
        if suffix != ".py":
            refuse("--framework is about source", "--output net.py")
        options.read_word("--framework", framework, FRAMEWORKS)
    if suffix == ".py" and weights is not None:
        refuse("--weights: source holds no weights", "--output net.onnx")
    network = options.load_network(file, sets, input_, max_layers)
    if suffix == ".py":
        emit(_source(network, framework or "torch"), output)
        return 0
    try:
        written = _write_onnx(network, output, weights, seed, batch)
    except OSError as error:
        refuse(f"--output {printable(output, 200)} cannot be written: {reason(error)}")
    names = " and ".join([printable(path, 200) for path in written])
    write_error(f"{printable(network.name, 200)} written to {names}\n")
    return 0


def _source(network: Network, framework: str) -> str:
    if framework == "keras":
        from convcalc.exchange.write.source.keras_text import keras_source

        return keras_source(network)
    from convcalc.exchange.write.source.torch_text import torch_source

    return torch_source(network)


def _write_onnx(
    network: Network, output: str, weights: str | None, seed: int, batch: int
) -> list[str]:
    from convcalc.executor.blas import limit_blas_to_one_thread

    limit_blas_to_one_thread()
    from convcalc.exchange.write.onnx.file import write_onnx
    from convcalc.executor.run import weights_from
    from convcalc.executor.thread_pool import ThreadPool
    from convcalc.executor.weights import GivenWeights
    from convcalc.executor.workspace import Workspace

    source = weights_from(weights, seed)
    if isinstance(source, GivenWeights):
        source.check(network)
    with ThreadPool([Workspace() for _ in range(os.cpu_count() or 1)]) as pool:

        def arrays(index: int) -> dict[str, Any]:
            return source.get(network, index, "float32", pool)

        return write_onnx(network, arrays, output, batch=batch)
