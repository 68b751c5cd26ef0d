"""`convcalc run`: a network's results for the user's input."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, write_error
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit_json, emit_parts, emit_table
from convcalc.cli.verify import read_names, read_size


@guarded
def run(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    input_file: Annotated[
        str | None,
        typer.Option(
            "--input-file",
            metavar="PATH",
            help="Read the inputs from .npy, .npz or a picture. Pictures need the extra"
            " convcalc[images].",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="PATH",
            help="Read weights by layer path from .npz or .safetensors.",
        ),
    ] = None,
    pair: Annotated[
        bool,
        typer.Option("--pair", help="Pair the arrays of --weights by their shapes, not by name."),
    ] = False,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    seed: options.Seed = 0,
    dtype: options.FloatDtype = "float32",
    layers: Annotated[
        str | None,
        typer.Option("--layers", metavar="A,B", help="Show the values of these layers as well."),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="PATH", help="Write the results to this .npz file."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", help="Use N threads. By default all processors."),
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory", metavar="SIZE", help="Refuse to use more memory: 2GiB, 500MB."
        ),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", help="Show the N largest values of each result.")
    ] = 5,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Run a network on NumPy and show the largest results.

    Examples:
      convcalc run model.onnx --input-file x.npy
      convcalc run model.onnx --input-file cat.jpg --top 3
      convcalc run net.yaml --weights net.npz --save results.npz

    A model has its own weights; other weights and inputs that are not given are made from the seed.
    A picture is scaled to the network's input, with values from 0 to 1. Formats: table, plain,
    json, csv, markdown, latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_word("--dtype", dtype, options.FLOAT_DTYPES)
    options.read_count("--threads", threads)
    options.read_count("--top", top)
    if save == "":
        refuse("--save names no file", "--save results.npz, or leave it out")
    most = None if max_memory is None else read_size("--max-memory", max_memory)
    loaded = options.load_file(file, sets, input_, max_layers)
    network = loaded.network

    from convcalc.executor.blas import limit_blas_to_one_thread

    limit_blas_to_one_thread()
    from convcalc.cli.model_weights import weights_for
    from convcalc.executor import run as running
    from convcalc.executor.files import write_npz
    from convcalc.executor.program import Program
    from convcalc.executor.results import largest
    from convcalc.render.run import results_data, results_page, results_table

    keep = running.layers_named(network, read_names(layers))
    program = Program(
        network,
        weights=weights_for(loaded, weights, seed, pair=pair, values_matter=True),
        dtype=dtype,
        threads=threads,
        keep=keep,
    )
    given = running.inputs_in_file(network, input_file) if input_file is not None else {}
    batch = len(next(iter(given.values()))) if given else 1
    running.check_memory(program, batch, most)
    inputs = running.ready_inputs(network, given, batch, seed, program.dtype)
    results = running.named_results(network, program.run(inputs), keep)
    for text in running.not_finite(given, program.weights, results):
        write_error(f"warning: {text}\n")
    if save is not None:
        write_npz(save, results.items())
    found = {name: largest(value, top) for name, value in results.items()}
    if style == "json":
        emit_json(results_data(network, found), output)
    elif style == "csv":
        emit_table(results_table(network, found), style, output)
    else:
        emit_parts(results_page(network, found), style, output)
    return 0
