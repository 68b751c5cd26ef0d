"""`convcalc diff`: what changed between two networks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.checks.diff.versions import Comparison, Settings, compare_files, compare_with_revision
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, report_problems
from convcalc.cli.output import (
    TABLE_FORMATS,
    chosen_format,
    emit,
    emit_json,
    emit_parts,
    reason,
)
from convcalc.problems import WRONG, printable

if TYPE_CHECKING:
    from convcalc.checks.diff.revision import Revision


OldSets = Annotated[
    list[str] | None,
    typer.Option("--set-old", metavar="NAME=VALUE", help="Set an arg of the old version only."),
]
NewSets = Annotated[
    list[str] | None,
    typer.Option("--set-new", metavar="NAME=VALUE", help="Set an arg of the new version only."),
]


@guarded
def diff(  # noqa: PLR0913, PLR0917 - an argument for each option
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="OLD NEW | FILE...",
            help="Name two specs, '-' or shipped networks. With --base, specs or folders.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="REV", help="Compare with the files at this git revision."),
    ] = None,
    merge_base: Annotated[
        bool,
        typer.Option(
            "--merge-base", help="Compare with the commit where HEAD forked from the revision."
        ),
    ] = False,
    sets: options.Sets = None,
    sets_old: OldSets = None,
    sets_new: NewSets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    batch: options.Batch = 1,
    expand: Annotated[
        bool,
        typer.Option("--expand", help="Show a row for every layer, even if many change alike."),
    ] = False,
    top: options.Top = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if anything differs, as git does.")
    ] = False,
    drawn: Annotated[
        bool, typer.Option("--draw", help="In Markdown: draw what changed, as GitHub shows it.")
    ] = False,
    pages: Annotated[
        str | None,
        typer.Option(
            "--pages",
            metavar="FOLDER",
            help="Write a page about each change into this folder, too.",
        ),
    ] = None,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """Compare two networks, or one with a git revision.

    Examples:
      convcalc diff old.yaml new.yaml
      convcalc diff resnet18 resnet34
      convcalc diff resnet50 resnet50 --set-new groups=32
      convcalc diff --base HEAD~1                       every spec that changed
      convcalc diff --base main --merge-base models/ --format markdown
      convcalc diff --base main --format markdown --draw --pages pages

    Layers are matched by what they are: one inserted layer is one +, whatever it renumbers. What
    costs more only because of another layer's change stands below it. Marks: + added, - removed,
    ~ changed, > moved, = renamed. With --base, a broken file does not stop the others. Formats:
    table, plain, json and csv (always every layer), markdown, latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_count("--top", top)
    if drawn and style != "markdown":
        refuse("--draw is for Markdown", "--format markdown --draw, or `convcalc draw OLD NEW`")
    args = options.read_sets(sets)
    settings = Settings(
        {**args, **options.read_sets(sets_old, "--set-old")},
        {**args, **options.read_sets(sets_new, "--set-new")},
        options.read_inputs(input_),
        options.read_batch(batch),
        options.read_max_layers(max_layers),
    )
    revision = None
    status = 0
    if base is not None:
        from convcalc.checks.diff.revision import Revision

        with Revision(base, merge_base=merge_base) as revision:
            found, problems, status = compare_with_revision(revision, files or [], settings)
        if problems:
            report_problems(problems)
            if not found:
                return status
    else:
        found = [_two_files(files or [], merge_base, settings)]
    notes = [note for one in found for note in one.notes]
    if notes:
        report_problems(notes, level="note")
    _emit(found, revision, style, output, expand, top, drawn)
    if pages is not None:
        _write_pages(found, pages)
    differs = exit_code and any(one.status != "same" for one in found)
    return max(status, WRONG if differs else 0)


def _two_files(files: Sequence[str], merge_base: bool, settings: Settings) -> Comparison:
    if merge_base:
        refuse("--merge-base goes with --base REV")
    if len(files) != 2:
        given = {0: "none was given", 1: "one was given"}.get(len(files))
        given = given or f"{len(files)} were given"
        refuse(
            f"two networks are compared, and {given}",
            "convcalc diff OLD NEW, or convcalc diff --base REV [FILE...]",
        )
    old, new = files
    if old == new == "-":
        refuse("only one of the two networks can come from standard input")
    return compare_files(old, new, settings)


def _emit(
    found: Sequence[Comparison],
    revision: Revision | None,
    style: str,
    output: str | None,
    expand: bool,
    top: int | None,
    drawn: bool,
) -> None:
    from convcalc.render import diff as faces

    if style == "json":
        base_data = {"revision": revision.name, "commit": revision.commit} if revision else None
        emit_json(faces.diff_data(found, base_data), output)
    elif style == "csv":
        emit(faces.diff_csv(found), output, "csv")
    elif style == "markdown":
        emit(faces.diff_markdown(found, every=expand, top=top, drawn=drawn), output)
    else:
        emit_parts(faces.diff_parts(found, every=expand, top=top), style, output)


def _write_pages(found: Sequence[Comparison], folder: str) -> None:
    """Writes a page for each network that changed, named after its file."""
    from convcalc.render.page.difference import difference_text

    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        refuse(f"--pages {printable(folder, 200)} cannot be made: {reason(error)}")
    taken: set[str] = set()
    for comparison in found:
        if not comparison.diff:
            continue
        # Of any path, a name in this folder.
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", comparison.new_name)[:100].strip(".-") or "network"
        stem = name
        for number in count(2):
            if name not in taken:
                break
            name = f"{stem}-{number}"
        taken.add(name)
        emit(difference_text(comparison, comparison.diff), os.path.join(folder, f"{name}.html"))
