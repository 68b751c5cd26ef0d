"""`convcalc verify`: runs a network and compares every observed shape with the predicted one."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, report_problems, write_error
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit_json, emit_table
from convcalc.problems import WRONG, RuleError, printable
from convcalc.quantities import read_memory_size
from convcalc.render.progress import RunProgress
from convcalc.render.verify import verification_data, verification_table


@guarded
def verify(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    seed: options.Seed = 0,
    dtype: options.FloatDtype = "float32",
    input_file: Annotated[
        str | None,
        typer.Option(
            "--input-file", metavar="PATH", help="Read the inputs from this .npy or .npz file."
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
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="MODEL",
            help="Run this model on its own weights too, and compare values.",
        ),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="PATH", help="Write the results to this .npz file."),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            metavar="A,B",
            help="Also keep the values of these layers and groups.",
        ),
    ] = None,
    repeat: Annotated[
        int, typer.Option("--repeat", metavar="N", help="Run N times and show the median times.")
    ] = 1,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Compute exactly the counted products, without Winograd."),
    ] = False,
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
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Run the network on NumPy and compare every shape.

    Examples:
      convcalc verify lenet
      convcalc verify resnet50 --repeat 5
      convcalc verify mynet.yaml --input-file x.npy --weights w.npz --save out.npz
      convcalc verify lenet --layers conv1,pool1 --save values.npz
      convcalc verify net.yaml --against net.onnx

    Weights and inputs are made from the seed where none are given, and a model has its own. Exit
    status 1 if any shape differs, or with --against any value or layer. Formats: table, plain,
    json, csv, markdown, latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_word("--dtype", dtype, options.FLOAT_DTYPES)
    options.read_batch(batch)
    options.read_count("--repeat", repeat)
    options.read_count("--threads", threads)
    if save == "":
        refuse("--save names no file", "--save results.npz, or leave it out")
    most = None if max_memory is None else read_size("--max-memory", max_memory)
    loaded = options.load_file(file, sets, input_, max_layers)
    network = loaded.network

    from convcalc.executor.blas import limit_blas_to_one_thread

    limit_blas_to_one_thread()
    from convcalc.cli.model_weights import weights_for
    from convcalc.executor import run
    from convcalc.executor.files import write_npz
    from convcalc.executor.program import Program
    from convcalc.executor.verify import verify as verified

    if against is not None:
        from convcalc.cli.against import Settings, verify_against

        model = options.load_file(against, None, input_, max_layers)
        how = Settings(batch, seed, dtype, input_file, threads, most)
        return verify_against(loaded, model, against, how, style, output)
    keep = run.layers_named(network, read_names(layers))
    program = Program(
        network,
        weights=weights_for(loaded, weights, seed, pair=pair, values_matter=save is not None),
        dtype=dtype,
        exact=exact,
        threads=threads,
        keep=keep,
    )
    given = run.inputs_in_file(network, input_file) if input_file is not None else {}
    if given:
        samples = len(next(iter(given.values())))
        if batch not in (1, samples):
            refuse(f"--batch {batch}: {printable(input_file)} holds {samples} samples")
        batch = samples
    run.check_memory(program, batch, most)
    inputs = run.ready_inputs(network, given, batch, seed, program.dtype)
    with RunProgress(network, repeat, shown=_on_terminal()) as bar:
        found = verified(program, inputs, repeat=repeat, begin=bar.begin)
    results = run.named_results(network, found.values, keep)
    for text in run.not_finite(given, program.weights, results):
        write_error(f"warning: {text}\n")
    if save is not None:
        write_npz(save, results.items())
    if style == "json":
        settings = {"seed": seed, "dtype": dtype, "exact": exact, "threads": program.threads}
        emit_json(verification_data(network, found, settings), output)
    else:
        emit_table(verification_table(network, found), style, output)
    if not found.differences:
        return 0
    report_problems([check.problem() for check in found.differences])
    return WRONG


def read_names(text: str | None) -> list[str]:
    """Reads names of layers, separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def read_size(option: str, text: str) -> int:
    """Reads a number of bytes with a unit: `2GiB`, `500 MB`, `1000000`."""
    try:
        return read_memory_size(text)
    except RuleError:
        refuse(f"{option} takes a number of bytes, not '{printable(text)}'", f"{option} 2GiB")


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
