"""`convcalc kinds`: every layer kind with its arguments, formula and counts."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import (
    TABLE_FORMATS,
    chosen_format,
    emit,
    emit_json,
    emit_parts,
    emit_table,
)
from convcalc.language.keys import GROUP
from convcalc.layers import KINDS
from convcalc.problems import printable
from convcalc.render.reference import (
    kind_page,
    kind_table,
    kinds_data,
    kinds_table,
    reference_page,
)
from convcalc.spelling import did_you_mean


@guarded
def kinds(
    kind: Annotated[
        str | None, typer.Argument(metavar="KIND", help="Show only this kind, in full.")
    ] = None,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """List every layer kind, or describe one in full.

    Examples:
      convcalc kinds
      convcalc kinds conv
      convcalc kinds --format markdown --output docs/kinds.md

    Formats: table, plain, json, csv, markdown, latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    if kind is not None and kind not in KINDS:
        _refuse(kind)
    if style == "json":
        emit_json(kinds_data([kind] if kind else list(KINDS)), output)
    elif kind is None and style == "markdown":
        emit(reference_page(), output)
    elif kind is None:
        emit_table(kinds_table(), style, output)
    elif style in {"csv", "markdown"}:
        emit_table(kind_table(kind), style, output)
    else:
        emit_parts(kind_page(kind), style, output)
    return 0


def _refuse(kind: str) -> NoReturn:
    from convcalc.language.hints.foreign import absent_kind, foreign_kind

    ours = foreign_kind(kind, KINDS)
    if kind == GROUP:
        refuse("'sequential' is a group of layers, not a kind", "write a list of layers")
    if ours:
        help_text = f"it is called '{ours}' here"
    else:
        near = "" if absent_kind(kind) else did_you_mean(kind, KINDS)
        help_text = near or "`convcalc kinds` lists them all"
    refuse(f"there is no kind '{printable(kind)}'", help_text)
