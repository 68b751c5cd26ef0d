"""`convcalc verify --against`: a network and the model that it describes, value by value."""

from __future__ import annotations

from typing import NamedTuple

from convcalc.cli.guard import refuse, report_problems, write_error
from convcalc.cli.model_weights import own_weights, some, under_our_names
from convcalc.cli.options import Loaded
from convcalc.cli.output import emit_json, emit_table
from convcalc.exchange.against import Counterparts, counterparts, difference
from convcalc.exchange.arrays import ArraySource
from convcalc.executor import run
from convcalc.executor.compare import Difference, compare_values
from convcalc.executor.program import Program
from convcalc.executor.weights import GivenWeights
from convcalc.problems import WRONG, Note, Problem, Subject, printable
from convcalc.render.against import against_data, against_table


class Settings(NamedTuple):
    """How both networks run; see the options of `verify`."""

    batch: int
    seed: int
    dtype: str
    input_file: str | None
    threads: int | None
    max_memory: int | None


def verify_against(
    ours: Loaded, model: Loaded, file: str, settings: Settings, style: str, output: str | None
) -> int:
    """Compares a network with a model, and every value that both compute; the exit status."""
    if list(ours.network.inputs.values()) != list(model.network.inputs.values()):
        refuse(f"--against {printable(file)}: the two networks do not have the same inputs")
    found = counterparts(ours.network, model.network)
    arrays, missing = own_weights(model)
    values = None if arrays is None else _compared(found, arrays, printable(file), settings)
    if style == "json":
        emit_json(against_data(found, values), output)
    else:
        emit_table(against_table(found, values), style, output)
    problem = difference(found, printable(file))
    differing = next((value for value in values or () if not value.agrees), None)
    if problem is not None:
        report_problems([problem])
    elif differing is not None:
        report_problems([_other_values(differing, printable(file))])
    elif values is None:
        why = "the file does not hold the weights of all layers"
        why += f": {some(missing)}" if missing else ""
        write_error(f"note: structure and figures were compared, and no values: {why}\n")
    return WRONG if problem is not None or differing is not None else 0


def _other_values(value: Difference, model: str) -> Problem:
    """The first layer that computes something else, where the structure is the same."""
    node = value.first
    return Problem(
        "model-differs",
        f"the first values that are not those of {model}",
        node.span,
        (
            Note(f"here: {node.path}, {node.layer!r}"),
            Note(f"in {model}: {value.second.path}, {value.second.layer!r}"),
            Note(f"they differ by {value.relative:.1e} of the largest magnitude"),
        ),
        node.calls,
        Subject(layer=node.path),
    )


def _compared(
    found: Counterparts, arrays: ArraySource, source: str, settings: Settings
) -> list[Difference] | None:
    """The values of both networks; None where a layer of ours has no counterpart."""
    renamed = under_our_names(found, arrays)
    if renamed is None:
        return None
    network, batch, dtype = found.network, settings.batch, settings.dtype
    ours, theirs = [
        Program(
            which,
            weights=GivenWeights(weights, source),
            dtype=dtype,
            threads=settings.threads,
            keep=keep,
        )
        for which, weights, keep in (
            (network, renamed, {mine for mine, _ in found.pairing.pairs}),
            (found.model, arrays, {other for _, other in found.pairing.pairs}),
        )
    ]
    given = run.inputs_in_file(network, settings.input_file) if settings.input_file else {}
    batch = len(next(iter(given.values()))) if given else batch
    for program in (ours, theirs):
        run.check_memory(program, batch, settings.max_memory)
    inputs = run.ready_inputs(network, given, batch, settings.seed, ours.dtype)
    return compare_values(ours, theirs, found.pairing.pairs, inputs)
