"""`convcalc check`: holds what specs say of themselves against what is true."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import typer

from convcalc.checks.expectations import broken_expectations
from convcalc.cli import options
from convcalc.cli.guard import guarded, tell, unusable
from convcalc.cli.output import emit
from convcalc.diagnostics import WRONG, ConvcalcError, Problem, printable
from convcalc.spec.load import load

FORMATS = ("table", "plain", "json")


class Checked(NamedTuple):
    """What became of one file: its problems, the exit status they ask for, what was not checked."""

    file: str
    status: int
    problems: tuple[Problem, ...]
    skipped: str


@guarded
def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Specs, folders, globs, or names of shipped networks."
        ),
    ],
    sets: options.Sets = None,
    input_: options.Input = None,
    style: options.Format = "table",
    output: options.Output = None,
) -> int:
    """Every spec is read, and what its `expect` says must hold.

    Examples:
      convcalc check mynet.yaml
      convcalc check configs/
      convcalc check 'models/*.yaml' --format json

    A broken file does not stop the others. Exit status: 0 all good, 1 a spec is wrong or an
    expectation does not hold, 2 a file cannot be read. Formats: table, plain, json.
    """
    options.read_word("--format", style, FORMATS)
    args = options.read_sets(sets)
    inputs = options.read_inputs(input_)
    results = [_checked(path, args, inputs) for path in _expand(files)]
    status = max(result.status for result in results)
    for result in results:
        if result.problems:
            from convcalc.render.diagnostics import diagnostics_text

            tell(diagnostics_text(result.problems) + "\n")
    if style == "json":
        from convcalc.render.jsons import json_text

        data = {"schema": "convcalc.check/1", "files": [_data(result) for result in results]}
        emit(json_text(data), output)
    elif status and output is None:
        # Standard output stays empty where something is wrong, as with every command.
        tell(_summary(results))
    else:
        emit(_summary(results), output)
    return status


def _checked(
    path: str, args: Mapping[str, str], inputs: Sequence[int] | Mapping[str, Sequence[int]] | None
) -> Checked:
    try:
        network = load(path, args=args, input=inputs)
        problems = tuple(broken_expectations(network))
    except ConvcalcError as error:
        return Checked(path, error.status, error.problems, "")
    skipped = "its budget is not checked by this version" if network.limited else ""
    if network.altered and network.expect:
        skipped = f"its expectations are about the file as it is: skipped under {network.altered}"
    return Checked(path, WRONG if problems else 0, problems, skipped)


def _summary(results: Sequence[Checked]) -> str:
    lines = []
    for result in results:
        note = f" ({result.skipped})" if result.skipped else ""
        lines.append(f"{printable(result.file, 200)}: {'FAILED' if result.status else 'ok'}{note}")
    bad = sum(1 for result in results if result.status)
    lines.append(f"{len(results)} checked, {f'{bad} failed' if bad else 'all ok'}")
    return "\n".join(lines) + "\n"


def _data(result: Checked) -> dict[str, object]:
    return {
        "file": result.file,
        "ok": not result.status,
        "skipped": result.skipped,
        "problems": [
            {
                "code": problem.code,
                "message": problem.message,
                "file": problem.span.source.name if problem.span else None,
                "line": problem.span.line if problem.span else None,
                "column": problem.span.column if problem.span else None,
            }
            for problem in result.problems
        ],
    }


def _expand(files: Sequence[str]) -> list[str]:
    """Folders and globs as the specs in them, each once."""
    found: list[str] = []
    for file in files:
        if os.path.isdir(file):
            found += _specs_in(file)
        elif any(mark in file for mark in "*?[") and not os.path.exists(file):
            matches = sorted(glob.glob(file, recursive=True))
            if not matches:
                unusable(f"nothing matches {printable(file, 200)}")
            found += matches
        else:
            found.append(file)
    return list(dict.fromkeys(found))


def _specs_in(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        unusable(f"the folder {printable(folder, 200)} cannot be read: {error.strerror}")
    specs = [os.path.join(folder, name) for name in names if name.endswith((".yaml", ".yml"))]
    if not specs:
        unusable(f"the folder {printable(folder, 200)} holds no .yaml file")
    return specs
