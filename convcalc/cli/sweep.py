"""`convcalc sweep`: every variant of a network, one row each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convcalc.cli import options, spaces
from convcalc.cli.boards import Board
from convcalc.cli.guard import guarded, refuse, write_error
from convcalc.cli.output import chosen_format, emit, emit_json, emit_table, refuse_empty
from convcalc.cli.spaces import Asked
from convcalc.problems import printable, refused

if TYPE_CHECKING:
    from convcalc.explore.results import ResultsFile
    from convcalc.explore.sweep import Counts, Explorer, Rows
    from convcalc.render.sweep import Layout, SweepRow

FORMATS = ("table", "plain", "json", "jsonl", "csv", "markdown")
#: Formats of which each row is a line, written as it comes.
_LINES = ("csv", "jsonl")
_SYNTAX = {"csv": "csv", "jsonl": "json"}
#: Rows that a table shows, unless --top says otherwise.
_SHOWN = 100
#: What is shown where nothing else is asked for.
_USUAL = ("params", "macs", "peak_in_place")


@guarded
def sweep(  # noqa: PLR0913, PLR0917 - an argument for each option
    network: spaces.Network,
    over: spaces.Over = None,
    sets: options.Sets = None,
    space: spaces.Space = None,
    limits: spaces.Limits = None,
    device: Board = None,
    double_channels: options.DoubleChannels = False,
    scale_channels: options.ScaleChannels = None,
    double_padding: options.DoublePadding = False,
    kernel: options.Kernel = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            metavar="NAMES",
            help="Show these metrics: params,macs,arena. The page docs/metrics.md lists them all.",
        ),
    ] = None,
    dtype: options.Dtype = "float32",
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort", metavar="NAME", help="Sort by a metric, largest first, or by what varies."
        ),
    ] = None,
    ascending: Annotated[
        bool, typer.Option("--ascending", help="With --sort, show the smallest first.")
    ] = False,
    top: options.Top = None,
    pareto: Annotated[
        str | None,
        typer.Option(
            "--pareto",
            metavar="NAMES",
            help="Mark the variants that no other beats. +macs,params means more MACs"
            " and fewer parameters.",
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Show variants that break a limit, with what they break.")
    ] = False,
    sample: spaces.Sampled = None,
    seed: options.Seed = 0,
    jobs: spaces.Jobs = 1,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    style: options.Format = None,
    output: options.Output = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted sweep in --output.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file of --output if there is one.")
    ] = False,
) -> int:
    """List every variant of a network in a space.

    Examples:
      convcalc sweep mobilenet_v2 --over width=0.25..1:0.25 --over in_size=96,224
      convcalc sweep mobilenet_v2 --over width=0.1..1:0.1 --limit 'arena<=1MB'
      convcalc sweep resnet8 --over in_size=16..64 --pareto +macs,peak_in_place

    What varies is an argument of the file, an item of its list ('depths[2]'), in_size (every
    spatial size of the input) or in_size[0]. Ranges include both ends. A variant that is no network
    is a row that says why. CSV and JSON lines are written as they come, unless they are sorted.
    Formats: table, plain, json, jsonl, csv, markdown.
    """
    from convcalc.explore.ranking import front

    style = chosen_format(style, output, FORMATS)
    options.read_count("--top", top)
    options.read_count("--jobs", jobs)
    refuse_empty(output)
    what_if = options.read_what_if(double_channels, scale_channels, double_padding, kernel)
    asked = Asked(
        network, over, space, sets, limits, dtype, max_layers, sample, seed, device=device
    )
    asked = asked._replace(what_if=what_if)
    explorer, title = asked.explorer(_metrics(metrics), _named(pareto, sort), keep=keep)
    if ascending and sort is None:
        refuse("--ascending is about --sort", "--sort macs --ascending")
    better = _pareto(pareto)
    layout = _layout(explorer, keep, bool(better))
    held = sort is not None or bool(better) or style not in _LINES
    if resume and (held or output is None):
        refuse("--resume goes on with a file of lines", "--format csv --output FILE, unsorted")
    if not held and output is not None:
        return _stream_to_file(explorer, layout, style, output, jobs, top, resume, overwrite)
    if output is not None and os.path.lexists(output) and not overwrite:
        message = f"{printable(output, 200)} exists"
        raise refused("file-exists", message, "--overwrite replaces it")
    if not held:
        return _stream(explorer, layout, style, jobs, top)
    rows, counts = _collected(explorer, sort, ascending, jobs, None if better else top)
    marks = None
    if better:
        valid = rows.codes == ""
        marks = valid.copy()
        figures = [explorer.order(rows, name)[valid] for name in better]
        marks[valid] = front(figures, [*better.values()])
        if top is not None:
            rows, marks = rows.chosen(slice(0, top)), marks[:top]
    held_back = 0
    if style in _TABLES and top is None and len(rows.points) > _SHOWN:
        held_back = len(rows.points) - _SHOWN
        rows, marks = rows.chosen(slice(0, _SHOWN)), None if marks is None else marks[:_SHOWN]
    found = _rows(explorer, layout, rows, marks, words=style in _TABLES)
    _emit(explorer, title, layout, found, counts, style, output, held_back)
    return 0


_TABLES = ("table", "plain", "markdown")


def _metrics(text: str | None) -> list[str]:
    return [*_USUAL] if text is None else [name.strip() for name in text.split(",")]


def _named(pareto: str | None, sort: str | None) -> list[str]:
    """The metrics that other options name."""
    return [*_pareto(pareto), *([sort] if sort is not None else [])]


def _pareto(text: str | None) -> dict[str, bool]:
    """The metrics of a front, and of which more is better."""
    names = [] if text is None else [part.strip() for part in text.split(",")]
    return {name.lstrip("+"): name.startswith("+") for name in names}


def _layout(explorer: Explorer, keep: bool, has_front: bool) -> Layout:
    from convcalc.render.sweep import Layout

    names = tuple([variable.name for variable in explorer.variables])
    return Layout(names, tuple(explorer.wanted), keep, has_front)


def _answers(explorer: Explorer, start: int, jobs: int) -> Iterator[tuple[Rows, Counts, int]]:
    """The parts of the space from a point on, each with the points that are done after it."""
    from convcalc.explore.sweep import sweep as parts
    from convcalc.render.progress import points_done

    done = [start]
    with points_done(explorer.domain.count, start, shown=spaces.has_progress()) as show:

        def looked_at(count: int) -> None:
            done[0] = count
            show(count)

        for rows, counts in parts(explorer, start, jobs=jobs, looked_at=looked_at):
            yield rows, counts, done[0]


def _collected(
    explorer: Explorer, sort: str | None, ascending: bool, jobs: int, top: int | None
) -> tuple[Rows, Counts]:
    """All rows, in order."""
    from convcalc.explore.ranking import Ranking

    order = None if sort is None else lambda rows: explorer.order(rows, sort)
    ranking = Ranking(order, ascending=ascending, top=top)
    total: Counts | None = None
    for rows, counts, _ in _answers(explorer, 0, jobs):
        ranking.add(rows)
        total = counts if total is None else total.plus(counts)
    if total is None:
        raise refused("bad-option", "the space has no points")
    return ranking.rows(), total


def _rows(
    explorer: Explorer, layout: Layout, rows: Rows, marks: Any = None, *, words: bool = False
) -> list[SweepRow]:
    """Rows as they are written.

    words  whether what is wrong with a row is as its own network says, which takes time
    """
    from convcalc.explore.sweep import UNKNOWN, UNKNOWN_COST
    from convcalc.render.sweep import SweepRow, meaning

    variables = explorer.variables
    values = [
        [variable.values[index] for index in column.tolist()]
        for variable, column in zip(variables, rows.indices, strict=True)
    ]
    figures = [rows.figures[name].tolist() for name in layout.metrics]
    texts = [bound.text for bound in explorer.question.bounds]
    front = [None] * len(rows.points) if marks is None else marks.tolist()
    found = []
    everything = zip(rows.codes.tolist(), rows.broken.tolist(), front, strict=True)
    for place, (code, broken, mark) in enumerate(everything):
        indices = [column[place] for column in rows.indices]
        wrong = explorer.wrong(indices) if code and words else meaning(code)
        shown = [None if code or c[place] == UNKNOWN else c[place] for c in figures]
        least: list[int] = []
        if code == UNKNOWN_COST:
            of_row = explorer.known(indices)
            known = [of_row[name] for name in layout.metrics]
            shown = [figure for figure, _ in known]
            least = [number for number, (_, whole) in enumerate(known) if not whole]
        found.append(
            SweepRow(
                tuple([column[place] for column in values]),
                tuple(shown),
                code,
                wrong,
                tuple([text for bit, text in enumerate(texts) if broken >> bit & 1]),
                mark,
                tuple(least),
            )
        )
    return found


def _lines(rows: Sequence[SweepRow], layout: Layout, style: str) -> str:
    from convcalc.render.sweep import csv_lines, json_lines

    return csv_lines(rows, layout) if style == "csv" else json_lines(rows, layout)


def _stream(explorer: Explorer, layout: Layout, style: str, jobs: int, top: int | None) -> int:
    """Writes lines to standard output as they come."""
    from convcalc.render.sweep import csv_head

    if style == "csv":
        emit(csv_head(layout), None, "csv")
    left = top
    total: Counts | None = None
    for rows, counts, _ in _answers(explorer, 0, jobs):
        total = counts if total is None else total.plus(counts)
        found = _rows(explorer, layout, rows)[:left]
        emit(_lines(found, layout, style), None, _SYNTAX[style])
        if left is not None:
            left -= len(found)
            if left <= 0:
                return 0
    _say(explorer, total)
    return 0


def _stream_to_file(
    explorer: Explorer,
    layout: Layout,
    style: str,
    output: str,
    jobs: int,
    top: int | None,
    resume: bool,
    overwrite: bool,
) -> int:
    """Writes lines to a file as they come, and goes on with one."""
    from convcalc.explore.results import ResultsFile
    from convcalc.render.sweep import csv_head

    if top is not None:
        refuse("--top is about rows in order", "--sort macs --top 10")
    digest = f"{explorer.question.digest} {style}"
    results: ResultsFile
    total: Counts | None = None
    try:
        with ResultsFile(output, digest, resume=resume, overwrite=overwrite) as results:
            if style == "csv" and not results.start:
                results.add(csv_head(layout), 0)
            for rows, counts, done in _answers(explorer, results.start, jobs):
                total = counts if total is None else total.plus(counts)
                results.add(_lines(_rows(explorer, layout, rows), layout, style), done)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        refuse(f"--output {printable(output, 200)} cannot be written: {reason}")
    _say(explorer, total)
    return 0


def counts_text(explorer: Explorer, counts: Counts) -> str:
    """What became of the points, in a sentence."""
    keep = "keeps" if counts.kept == 1 else "keep"
    parts = [f"{counts.kept:,} {keep} every limit" if explorer.question.bounds else ""]
    for bound, broken in zip(explorer.question.bounds, counts.broken, strict=True):
        if broken:
            breaks = "breaks" if broken == 1 else "break"
            parts.append(f"{broken:,} {breaks} {bound.text}")
    none = counts.invalid - counts.unknown
    if none:
        parts.append(f"{none:,} {'is no network' if none == 1 else 'are no networks'}")
    if counts.unknown:
        parts.append(f"the cost of {counts.unknown:,} is known in part")
    if counts.excluded:
        are = "is" if counts.excluded == 1 else "are"
        parts.append(f"{counts.excluded:,} {are} excluded by conditions")
    shown = "; ".join([part for part in parts if part])
    of = explorer.domain
    sampled = f" of {of.size:,}" if of.count < of.size else ""
    variants = "variant" if counts.points == 1 else "variants"
    return f"{counts.points:,} {variants}{sampled}{': ' if shown else ''}{shown}."


def _say(explorer: Explorer, counts: Counts | None) -> None:
    """Says on standard error what became of the points, where that is a terminal."""
    if counts is not None and spaces.has_progress():
        write_error(counts_text(explorer, counts) + "\n")


def _emit(
    explorer: Explorer,
    title: str,
    layout: Layout,
    rows: Sequence[SweepRow],
    counts: Counts,
    style: str,
    output: str | None,
    held_back: int,
) -> None:
    from convcalc.render.sweep import csv_head, sweep_data, sweep_table

    if style == "json":
        broken = {
            bound.text: count
            for bound, count in zip(explorer.question.bounds, counts.broken, strict=True)
        }
        told = {
            "dtype": explorer.question.dtype,
            "points": counts.points,
            "invalid": counts.invalid,
            "unknown": counts.unknown,
            "excluded": counts.excluded,
            "broken": broken,
        }
        emit_json(sweep_data(title, rows, layout, told), output)
    elif style in _LINES:
        head = csv_head(layout) if style == "csv" else ""
        emit(head + _lines(rows, layout, style), output, _SYNTAX[style])
    else:
        notes = [counts_text(explorer, counts)]
        if held_back:
            notes.append(f"{held_back:,} more rows: --top N, or --format csv.")
        table = sweep_table(title, rows, layout, notes, explorer.question.dtype)
        emit_table(table, style, output)
