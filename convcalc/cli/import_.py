"""`convcalc import`: a model file as a text that a person can read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from os.path import exists
from typing import Annotated

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, write_error
from convcalc.cli.output import emit, refuse_empty, refuse_same
from convcalc.problems import printable


@guarded
def import_(
    file: options.File,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    flat: Annotated[
        bool, typer.Option("--flat", help="Write one line for each layer, without blocks.")
    ] = False,
    save_weights: Annotated[
        str | None,
        typer.Option(
            "--save-weights",
            metavar="PATH",
            help="Write the model's weights to this .npz file. Their names are those of"
            " the new spec.",
        ),
    ] = None,
    output: options.Output = None,
) -> int:
    """Write a model file as a spec with blocks and repeats.

    Examples:
      convcalc import resnet50.onnx --output resnet50.yaml
      convcalc import detector.onnx --dim height=640 --dim width=640
      convcalc import package.module:make_net --input 1x3x224x224 -o net.yaml
      convcalc import yolov8.yaml --scale n -o yolov8n.yaml
      convcalc import net.onnx -o net.yaml --save-weights net.npz

    The text is read again and compared with the model in every figure before it is written; where
    they would differ, it is written flat, and that is reported. Reads ONNX, darknet, Ultralytics,
    Keras and TFLite files. PACKAGE.MODULE:NAME is a module of PyTorch, or a function that makes
    one; PyTorch traces it, and --input has the batch axis.
    """
    refuse_empty(output)
    if output is not None:
        if os.path.splitext(output)[1].lower() not in {"", ".yaml", ".yml", ".txt"}:
            message = f"--output {printable(output, 200)}: a spec is YAML, and so is its name"
            refuse(message, "--output model.yaml")
        refuse_same(output, file)
    if save_weights == "":
        refuse("--save-weights names no file", "--save-weights net.npz, or leave it out")
    if is_target(file):
        if sets:
            refuse("--set and --dim are about files, not about a module of PyTorch")
        loaded = _traced(file, input_, max_layers, weights=save_weights is not None)
    else:
        loaded = options.load_file(file, sets, input_, max_layers)
    from convcalc.exchange.decompile import decompile

    text = decompile(loaded.network, flat=flat)
    if text.why_flat:
        write_error(f"note: written flat: with blocks, {text.why_flat}\n")
    for path in text.unused:
        write_error(f"note: nothing uses {path}: it is written as a result\n")
    arrays = None
    if save_weights is not None:
        from convcalc.cli.model_weights import renamed_arrays

        arrays = renamed_arrays(loaded, text.yaml, max_layers)
    emit(text.yaml, output)
    if save_weights is not None and arrays is not None:
        from convcalc.executor.files import write_npz

        count = write_npz(save_weights, ((name, arrays.read(name)) for name in arrays.headers))
        write_error(f"{count} arrays written to {printable(save_weights, 200)}\n")
    return 0


def is_target(file: str) -> bool:
    """Whether a text names a module of PyTorch and no file: `package.module:name`."""
    return re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", file) is not None and not exists(file)


def _traced(
    target: str, inputs: Sequence[str] | None, max_layers: int, *, weights: bool
) -> options.Loaded:
    """The network of a module that is imported, as Python would import it from here."""
    if not inputs:
        help_text = "--input 1x3x224x224, once for each input of the module, with the batch axis"
        refuse(f"{printable(target)} needs the shape of its input", help_text)
    shapes = []
    for text in inputs:
        shape = options.read_inputs([text])
        if isinstance(shape, Mapping) or shape is None:
            refuse(f"--input {printable(text)}: inputs of a module have no names")
        shapes.append(shape)
    from convcalc.torch import example_of, module_named, trace

    sys.path.insert(0, os.getcwd())
    module, example = module_named(target), example_of(shapes)
    name = target.rpartition(":")[2].rpartition(".")[2]
    model = trace(module, example, name, weights=weights, max_layers=max_layers)
    return options.Loaded(model.network, "", model)
