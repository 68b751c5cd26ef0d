"""`convcalc zoo`: the networks that ship with convcalc, side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import measure
from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import TABLE_FORMATS, chosen_format, emit_json, emit_table, terminal
from convcalc.language.load import load, spec
from convcalc.language.shipped import shipped_names
from convcalc.problems import printable
from convcalc.render.zoo import SHOWN, Entry, zoo_data, zoo_table
from convcalc.spelling import did_you_mean

SORT_KEYS = ("name", *SHOWN)


@guarded
def zoo(
    sort: Annotated[
        str,
        typer.Option(
            "--sort", metavar="COLUMN", help="Sort by name, or by a figure, largest first."
        ),
    ] = "name",
    pattern: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="PATTERN",
            help="Show names that contain this, or match it: 'mobile*'.",
        ),
    ] = "*",
    tag: Annotated[
        str | None,
        typer.Option("--tag", metavar="TAG", help="Show networks with this tag: detection."),
    ] = None,
    top: options.Top = None,
    style: options.Format = None,
    output: options.Output = None,
) -> int:
    """List the networks that ship with convcalc.

    \b
    Examples:
      convcalc zoo
      convcalc zoo --sort macs --filter 'mobile*'
      convcalc zoo --tag detection
      convcalc zoo --format csv --output zoo.csv

    Depth counts the weighted layers on the longest path. Columns to sort by: name, params,
    macs, flops, depth. Formats: table, plain, json, csv, markdown, latex.
    """
    style = chosen_format(style, output, TABLE_FORMATS)
    options.read_word("--sort", sort, SORT_KEYS)
    options.read_count("--top", top)
    shipped = shipped_names()
    wanted = pattern.lower()
    if wanted not in shipped and not any(mark in wanted for mark in "*?["):
        wanted = f"*{wanted}*"
    names = [name for name in shipped if fnmatchcase(name, wanted)]
    if not names:
        refuse(
            f"--filter {printable(pattern)}: no shipped network is called like that",
            did_you_mean(pattern, shipped) or "`convcalc zoo` lists them all",
        )
    if tag is not None:
        names = _tagged(names, tag)
    entries = [entry(name) for name in _shown(names)]
    if sort != "name":
        entries.sort(key=lambda one: -one.metrics[sort])
    entries = entries[:top]
    if style == "json":
        emit_json(zoo_data(entries), output)
    else:
        emit_table(zoo_table(entries), style, output)
    return 0


def entry(name: str) -> Entry:
    """A shipped network's figures."""
    analysis = Analysis(load(name))
    metrics = {metric: measure(analysis, metric) for metric in SHOWN}
    return Entry(name, analysis.network.inputs, metrics)


def _tagged(names: Sequence[str], tag: str) -> list[str]:
    """Those that have the tag; refuses a tag that none has."""
    tags = {name: spec(name).tags for name in names}
    found = [name for name in names if tag in tags[name]]
    if not found:
        known = sorted({one for of_one in tags.values() for one in of_one})
        refuse(
            f"--tag {printable(tag)}: no network has this tag",
            did_you_mean(tag, known) or f"there are {', '.join(known) or 'none'}",
        )
    return found


def _shown(names: Sequence[str]) -> Iterable[str]:
    """The names; if there are many, with a progress bar on a terminal."""
    if len(names) < 10 or not (terminal() and sys.stderr.isatty()):
        return names
    from convcalc.render.progress import tracked

    return tracked(names)
