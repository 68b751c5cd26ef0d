"""Two versions of one network, for commands that show what changed: a second file, or `--base`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.cli import options
from convcalc.cli.guard import refuse, report_problems
from convcalc.problems import ConvcalcError, printable

if TYPE_CHECKING:
    from convcalc.checks.diff.diff import Diff
    from convcalc.checks.diff.versions import Comparison

New = Annotated[
    str | None,
    typer.Argument(metavar="NEW", help="Show what changed to this second network."),
]
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="REV", help="Show what changed since this git revision."),
]


def versions(
    file: str,
    new: str | None,
    base: str | None,
    sets: Sequence[str] | None,
    inputs: Sequence[str] | None,
    max_layers: int,
) -> tuple[Comparison, Diff] | None:
    """The two versions that the options name, and what changed; None where they name one."""
    if new is None and base is None:
        return None
    if new is not None and base is not None:
        refuse("NEW and --base both say what to compare with: give one")
    from convcalc.checks.diff.versions import Settings, compare_files, compare_with_revision

    args = options.read_sets(sets)
    shapes, most = options.read_inputs(inputs), options.read_max_layers(max_layers)
    settings = Settings(args, args, shapes, 1, most)
    if base is None:
        if file == new == "-":
            refuse("only one of the two networks can come from standard input")
        found = compare_files(file, new or "", settings)
    else:
        from convcalc.checks.diff.revision import Revision

        with Revision(base) as revision:
            every, problems, status = compare_with_revision(revision, [file], settings)
        if problems:
            raise ConvcalcError(problems, status)
        if len(every) != 1:
            refuse(f"{printable(file, 200)} is no network", "name one spec or model file")
        (found,) = every
    if found.diff is None:
        old = found.old_name or f"'{printable(base or '')}'"
        refuse(
            f"there is no version of {printable(file, 200)} to compare with at {old}"
            if found.old is None
            else f"{printable(file, 200)} is not there any more",
            f"without --base, {printable(file, 200)} is shown as it is",
        )
    if found.notes:
        report_problems(found.notes, level="note")
    return found, found.diff
