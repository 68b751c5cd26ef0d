"""`convcalc check`: does every file keep its promises?"""

from __future__ import annotations

import glob
import os
import sys
from typing import Annotated

import typer

from convcalc.checks.expectations import broken_expectations
from convcalc.cli import options
from convcalc.cli.guard import guarded, unusable
from convcalc.cli.output import emit
from convcalc.diagnostics import WRONG, ConvcalcError, printable
from convcalc.spec.load import is_word, load

FORMATS = ("text", "json")


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
    style: options.Format = "text",
    output: options.Output = None,
) -> int:
    """Loads every spec and verifies what its `expect` says.

    \b
    Examples:
      convcalc check mynet.yaml
      convcalc check configs/
      convcalc check 'models/*.yaml' --format json

    A broken file does not stop the others. Exit status: 0 all good, 1 a spec is wrong or an
    expectation does not hold, 2 a file cannot be read. Formats: text, json.
    """
    options.read_word("--format", style, FORMATS)
    args = options.read_sets(sets)
    inputs = options.read_inputs(input_)
    results: list[dict[str, object]] = []
    status = 0
    lines: list[str] = []
    for path in _expand(files):
        problems, skipped, failed = [], "", 0
        try:
            network = load(path, args=args, input=inputs)
            problems = broken_expectations(network)
            failed = WRONG if problems else 0
            if network.altered and network.expect:
                skipped = (
                    f"its expectations are about the file as it is: skipped under {network.altered}"
                )
        except ConvcalcError as error:
            problems, failed = list(error.problems), error.status
        status = max(status, failed)
        if problems:
            from convcalc.render.diagnostics import diagnostics_text

            sys.stderr.write(diagnostics_text(problems) + "\n")
        shown = printable(path, 200)
        lines.append(f"{shown}: {'FAILED' if failed else 'ok'}{f' ({skipped})' if skipped else ''}")
        results.append(
            {
                "file": path,
                "ok": not failed,
                "skipped": skipped,
                "problems": [
                    {
                        "code": problem.code,
                        "message": problem.message,
                        "line": problem.span.line if problem.span else None,
                        "column": problem.span.column if problem.span else None,
                    }
                    for problem in problems
                ],
            }
        )
    bad = sum(not result["ok"] for result in results)
    if style == "json":
        from convcalc.render.jsons import json_text

        emit(json_text({"schema": "convcalc.check/1", "files": results}), output)
    else:
        checked = (
            f"{len(results)} checked, {bad} failed" if bad else f"{len(results)} checked, all ok"
        )
        emit("\n".join([*lines, checked]) + "\n", output)
    return status


def _expand(files: list[str]) -> list[str]:
    """Folders and globs as the specs in them, each once."""
    found: list[str] = []
    for file in files:
        if os.path.isdir(file):
            inside = sorted(
                os.path.join(file, name)
                for name in os.listdir(file)
                if name.endswith((".yaml", ".yml"))
            )
            if not inside:
                unusable(f"the folder {printable(file, 200)} holds no .yaml file")
            found += inside
        elif any(c in file for c in "*?[") and not os.path.exists(file) and not is_word(file):
            matches = sorted(glob.glob(file, recursive=True))
            if not matches:
                unusable(f"nothing matches {printable(file, 200)}")
            found += matches
        else:
            found.append(file)
    return list(dict.fromkeys(found))
