"""`convcalc lock`: writes the costs of all networks to a file to commit, or checks that file."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from convcalc.checks.lock.file import read_lock
from convcalc.checks.lock.outcomes import lock_outcomes, once_per_line, write_lock
from convcalc.checks.project.targets import LOCK_NAME
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, report_problems, write_error
from convcalc.cli.output import SUFFIXES, emit_json, emit_lines, reason, refuse_empty
from convcalc.cli.project import read_project
from convcalc.problems import printable, refused
from convcalc.render.lock import lock_data, lock_summary

FORMATS = ("text", "json")


@guarded
def lock(
    files: options.Files = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the lock is stale.")
    ] = False,
    allow_unknown: options.AllowUnknown = False,
    sets: options.Sets = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    config: options.Config = None,
    style: Annotated[str, options.FORMAT] = "text",
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="PATH", help=f"Use this lock instead of {LOCK_NAME}."
        ),
    ] = None,
) -> int:
    """Write what networks cost to a file to commit.

    Examples:
      convcalc lock                      what the nearest convcalc.yaml names
      convcalc lock --check              is the lock what it would be now?
      convcalc lock models/ extra.yaml   these; what else is locked stays as it is

    The diff of a pull request then shows the cost. Exit status: 0 good; 1 the lock is stale, or a
    spec is wrong: then nothing is written; 2 a file or the lock cannot be read. Formats: text,
    json.
    """
    options.read_word("--format", style, FORMATS)
    project = read_project("lock", files, sets, options.read_max_layers(max_layers), config)
    refuse_empty(output)
    path = output or project.lock
    suffix = os.path.splitext(path)[1].lower()
    if suffix in SUFFIXES:
        refuse(
            f"--output {printable(path, 200)}: a lock has a format of its own, not {suffix}",
            f"--output {LOCK_NAME}; `convcalc lock --format json` prints a summary as JSON",
        )
    if check and not os.path.lexists(path):
        help_text = "`convcalc lock` writes it; commit it"
        raise refused("no-lock", f"there is no {printable(path, 200)} to check", help_text)
    # Never overwrite a lock that cannot be read: it may hold an unfinished merge, or networks that
    # are not named now.
    before = read_lock(path) if check or os.path.lexists(path) else None
    outcomes = lock_outcomes(
        project.targets,
        path,
        before,
        everything=not files and not sets,
        max_layers=max_layers,
        allow_unknown=allow_unknown,
    )
    # Variants of a file have the same notes.
    every = [warning for outcome in outcomes for warning in outcome.warnings]
    warnings = [*{warning.identity: warning for warning in every}.values()]
    if warnings:
        report_problems(warnings, "\n", "warning")
    failed = [o for o in outcomes if o.state == "broken" or (check and o.problems)]
    if failed:
        report_problems(once_per_line(failed), "\n")
    elif not check:
        try:
            write_lock(path, before, outcomes)
        except OSError as error:
            refuse(f"{printable(path, 200)} cannot be written: {reason(error)}")
    status = max([outcome.status for outcome in failed], default=0)
    summary = lock_summary(path, outcomes, check, bool(failed))
    if style == "json":
        emit_json(lock_data(path, outcomes, not failed), None)
    elif failed:
        write_error(summary)
    else:
        emit_lines(summary, None)
    return status
