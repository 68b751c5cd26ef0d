"""`convcalc verify`: runs a network and holds every observed shape against the predicted one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, tell, tell_problems, unusable
from convcalc.cli.output import TABLE_FORMATS, emit, emit_table
from convcalc.diagnostics import WRONG, Note, Problem, RuleError, Subject, printable
from convcalc.quantities import read_memory_size, short_bytes
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import tuple_text, with_batch

if TYPE_CHECKING:
    from convcalc.executor.verify import Check, Verification
    from convcalc.graph import Network, Node

SCHEMA = "convcalc.verify/1"

Seed = Annotated[int, typer.Option("--seed", metavar="N", help="What chance starts from.")]
Dtype = Annotated[
    str, typer.Option("--dtype", metavar="NAME", help="float32 or float64.", show_default=True)
]


@guarded
def verify(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    sets: options.Sets = None,
    input_: options.Input = None,
    batch: options.Batch = 1,
    seed: Seed = 0,
    dtype: Dtype = "float32",
    input_file: Annotated[
        str | None,
        typer.Option("--input-file", metavar="PATH", help="Inputs, an .npy or .npz file."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="PATH", help="Weights, an .npz file by layer path."),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="PATH", help="Write the results to this .npz file."),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers", metavar="A,B", help="Also keep these layers' values, each on its own."
        ),
    ] = None,
    repeat: Annotated[
        int, typer.Option("--repeat", metavar="N", help="Run N times and show median times.")
    ] = 1,
    exact: Annotated[
        bool, typer.Option("--exact", help="Perform the products that are counted: no Winograd.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", help="Default: all processors.")
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option("--max-memory", metavar="SIZE", help="Refuse to take more: 2GiB, 500MB."),
    ] = None,
    style: options.Format = "table",
    output: options.Output = None,
) -> int:
    """Run the network on NumPy and compare every shape.

    Examples:
      convcalc verify lenet
      convcalc verify resnet50 --repeat 5
      convcalc verify mynet.yaml --input-file x.npy --weights w.npz --save out.npz
      convcalc verify lenet --layers conv1,pool1 --save values.npz

    Weights and inputs are made from the seed where none are given. Exit status 1 if any shape
    differs. Formats: table, plain, json, csv, markdown.
    """
    options.read_word("--format", style, TABLE_FORMATS)
    options.read_word("--dtype", dtype, ("float32", "float64"))
    options.read_batch(batch)
    options.read_count("--repeat", repeat)
    options.read_count("--threads", threads)
    if save == "":
        unusable("--save names no file", "--save results.npz, or leave it out")
    most = None if max_memory is None else read_size("--max-memory", max_memory)
    network = options.load_network(file, sets, input_)

    from convcalc.executor.blas import keep_to_one_thread

    keep_to_one_thread()
    from convcalc.executor import run
    from convcalc.executor.files import write_npz
    from convcalc.executor.program import Program
    from convcalc.executor.verify import verify as verified

    keep = run.layers_named(network, read_names(layers))
    program = Program(
        network,
        weights=run.weights_from(weights, seed),
        dtype=dtype,
        exact=exact,
        threads=threads,
        keep=keep,
    )
    given = run.inputs_in_file(network, input_file) if input_file is not None else {}
    if given:
        samples = len(next(iter(given.values())))
        if batch not in (1, samples):
            unusable(f"--batch {batch}: {printable(input_file)} holds {samples} samples")
        batch = samples
    run.check_memory(program, batch, most)
    inputs = run.ready_inputs(network, given, batch, seed, program.dtype)
    with progress(network, repeat) as bar:
        found = verified(program, inputs, repeat=repeat, begin=bar.begin)
    results = run.named_results(network, found.values, keep)
    for text in run.not_finite(given, program.weights, results):
        tell(f"warning: {text}\n")
    if save is not None:
        write_npz(save, results.items())
    if style == "json":
        from convcalc.render.jsons import json_text

        settings = {"seed": seed, "dtype": dtype, "exact": exact, "threads": program.threads}
        emit(json_text(verification_data(network, found, settings)), output)
    else:
        emit_table(verification_table(network, found, short_bytes(found.peak)), style, output)
    if not found.differences:
        return 0
    tell_problems([difference(check) for check in found.differences])
    return WRONG


def read_names(text: str | None) -> list[str]:
    """Names of layers, separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def read_size(option: str, text: str) -> int:
    """A number of bytes with a unit: `2GiB`, `500 MB`, `1000000`."""
    try:
        return read_memory_size(text)
    except RuleError:
        unusable(f"{option} takes a number of bytes, not '{printable(text)}'", f"{option} 2GiB")


def verdict(found: Verification) -> str:
    """The result in one line."""
    count = len(found.checks)
    differ = len(found.differences)
    if differ:
        return f"{differ} of {count} observed shapes differ from the predicted ones"
    return f"all {count} observed shapes are as predicted"


def verification_table(network: Network, found: Verification, peak: str) -> Table:
    """A row for each operation; what ran fused has its time in the row of its layer."""
    rows: list[list[Cell]] = [
        [
            check.node.path,
            check.node.kind,
            tuple_text(check.predicted),
            tuple_text(check.observed) + ("" if check.agrees else " differs"),
            "fused" if check.seconds is None else microseconds(check.seconds),
            check.bytes,
        ]
        for check in found.checks
    ]
    inputs = ", ".join(
        tuple_text(with_batch(shape, found.batch)) for shape in network.inputs.values()
    )
    of_runs = f", medians of {found.runs} runs" if found.runs > 1 else ""
    kernels = sum([check.seconds or 0 for check in found.checks])
    return Table(
        f"{printable(network.name)}: input {inputs}",
        [
            Column("name", "name"),
            Column("kind"),
            Column("predicted", "shape"),
            Column("observed", "shape"),
            Column("microseconds", "number"),
            Column("bytes", "number"),
        ],
        rows,
        ["total", "", "", "", microseconds(kernels), ""],
        [
            f"{found.seconds:.3f} s with making the weights{of_runs}",
            f"predicted peak of memory: {peak}",
            verdict(found),
        ],
    )


def microseconds(seconds: float) -> int:
    """A time in whole microseconds."""
    return round(seconds * 1e6)


def verification_data(
    network: Network, found: Verification, settings: dict[str, Any]
) -> dict[str, Any]:
    """The verification as plain data for JSON."""
    nodes = network.nodes
    return {
        "schema": SCHEMA,
        "name": network.name,
        "source": network.source,
        "verdict": "differ" if found.differences else "agree",
        "batch": found.batch,
        **settings,
        "runs": found.runs,
        "inputs": {
            name: list(with_batch(shape, found.batch)) for name, shape in network.inputs.items()
        },
        "outputs": {
            name: list(with_batch(nodes[index].shape, found.batch))
            for name, index in network.outputs.items()
        },
        "layers": [
            {
                "name": check.node.name,
                "path": check.node.path,
                "kind": check.node.kind,
                "file": check.node.span.source.name if check.node.span else None,
                "line": check.node.span.line if check.node.span else None,
                "predicted": list(check.predicted),
                "observed": list(check.observed),
                "agrees": check.agrees,
                "seconds": check.seconds,
                "bytes": check.bytes,
            }
            for check in found.checks
        ],
        "totals": {
            "layers": len(found.checks),
            "differences": len(found.differences),
            "seconds": found.seconds,
            "predicted_peak_bytes": found.peak,
        },
    }


def difference(check: Check) -> Problem:
    """A wrong prediction as a problem of its layer."""
    node = check.node
    return Problem(
        "shape-differs",
        f"predicted {tuple_text(check.predicted)}, observed {tuple_text(check.observed)}",
        node.span,
        (Note(f"{node.layer!r}: please report this, with the file"),),
        node.calls,
        Subject(layer=node.path),
    )


#: A run that takes no longer than this needs no progress bar.
PATIENCE = 0.3


class progress:  # noqa: N801 - used like a function
    """A bar on a terminal: the layer that runs, the share of the operations done, the time left.

    It counts predicted operations, a thousand of them for every layer besides its own. Nothing is
    drawn in a pipe, nor in the first moments.
    """

    def __init__(self, network: Network, repeat: int) -> None:
        self._start = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._done = 0
        self._current = 0
        self._shown = _on_terminal()
        self._work: Callable[[Node], int] = lambda node: (
            1000 + sum(node.layer.counts(network.input_shapes(node), node.shape))
        )
        self._all = repeat * sum(map(self._work, network.operations)) if self._shown else 0

    def __enter__(self) -> progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, node: Node) -> None:
        """The run has come to this layer."""
        if not self._shown:
            return
        self._done += self._current
        self._current = self._work(node)
        if self._bar is None and time.monotonic() - self._start > PATIENCE:
            self._draw()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, layer=printable(node.path, 40))

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            # A name is data, never markup.
            TextColumn("{task.fields[layer]}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._task = self._bar.add_task("", total=self._all, layer="")
        self._bar.start()


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
