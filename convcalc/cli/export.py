"""`convcalc export`: writes a network for other programs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, write_error
from convcalc.cli.output import emit, reason, refuse_empty, refuse_same
from convcalc.exchange.write.frameworks import FRAMEWORKS, source
from convcalc.problems import printable


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
    refuse_same(output, file)
    if framework is not None:
        if suffix != ".py":
            refuse("--framework is about source", "--output net.py")
        options.read_word("--framework", framework, FRAMEWORKS)
    if suffix == ".py" and weights is not None:
        refuse("--weights: source holds no weights", "--output net.onnx")
    network = options.load_network(file, sets, input_, max_layers)
    if suffix == ".py":
        emit(source(network, framework or "torch"), output)
        return 0
    try:
        from convcalc.executor.blas import limit_blas_to_one_thread

        limit_blas_to_one_thread()
        from convcalc.executor.export import write_model

        written = write_model(network, output, weights, seed=seed, batch=batch)
    except OSError as error:
        refuse(f"--output {printable(output, 200)} cannot be written: {reason(error)}")
    names = " and ".join([printable(path, 200) for path in written])
    write_error(f"{printable(network.name, 200)} written to {names}\n")
    return 0
