"""`convcalc flops`: what every layer costs, as it is and after a what-if."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import Report
from convcalc.analysis.costs.rows import Row
from convcalc.cli import options
from convcalc.cli.guard import guarded, unusable
from convcalc.cli.output import TABLE_FORMATS, emit, emit_table
from convcalc.cli.shapes import selected_rows, title
from convcalc.counts import Counts
from convcalc.diagnostics import printable
from convcalc.render.numbers import grouped, ratio
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import tuple_text

if TYPE_CHECKING:
    from fractions import Fraction

FLOPS = "FLOPs = multiplies + adds + divides + compares + specials, each counting 1"
MACS = "MACs = products accumulated by convolutions and dense layers"
RULE = (f"{FLOPS};", f"{MACS}.")
VALID_TAPS = "Taps that fall on padding are left out (--valid-taps)."


@guarded
def flops(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: options.File,
    double_channels: Annotated[
        bool, typer.Option("--double-channels", help="Double every convolution's channels.")
    ] = False,
    scale_channels: Annotated[
        str | None,
        typer.Option(
            "--scale-channels",
            metavar="X",
            help="Multiply them by X instead (0.5, 3/4), rounded to what groups allow.",
        ),
    ] = None,
    double_padding: Annotated[
        bool,
        typer.Option(
            "--double-padding",
            help="Double every convolution's padding; what is added to it must still fit.",
        ),
    ] = False,
    kernel: Annotated[
        int | None,
        typer.Option(
            "--kernel",
            metavar="K",
            help="Give every convolution this kernel, padded to keep its shape if it can.",
        ),
    ] = None,
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="What this counter would report: fvcore, ..."),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="What each counter that is known would report.")
    ] = False,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="With a counter: leave out what it has no rule for."),
    ] = False,
    sets: options.Sets = None,
    input_: options.Input = None,
    batch: options.Batch = 1,
    valid_taps: options.ValidTaps = False,
    training: options.Training = False,
    optimizer: options.Optimizer = None,
    input_gradient: options.InputGradient = False,
    depth: options.Depth = None,
    expand: options.Expand = False,
    sort: options.Sort = None,
    top: options.Top = None,
    by: options.By = None,
    columns: options.Columns = None,
    style: options.Format = "table",
    output: options.Output = None,
) -> int:
    """Every layer's multiplies, adds and other operations.

    Examples:
      convcalc flops lenet
      convcalc flops resnet50 --by kind
      convcalc flops vgg16 --sort macs --top 5
      convcalc flops resnet50 --double-channels     before, after and ratio
      convcalc flops resnet50 --compare             as ten counters have it
      convcalc flops resnet50 --as thop             and one of them, by layer
      convcalc flops lenet --kernel 1 --format json
      convcalc flops resnet50 --training --optimizer adam --batch 32
      convcalc flops resnet50 --depth 1 --columns name,macs,fvcore,thop,backward

    Formats: table, plain, json (always every operation), csv, markdown.
    """
    options.read_word("--format", style, TABLE_FORMATS)
    options.read_batch(batch)
    view = options.View(depth, expand, sort, top, by)
    counted = as_ is not None or compare
    if counted or partial:
        from convcalc.cli.compare import read_options

        read_options(as_, compare, partial, valid_taps, view)
    chosen = options.read_optimizer(training, optimizer, input_gradient)
    if training and (counted or valid_taps):
        other = "--valid-taps" if valid_taps else "--as" if as_ else "--compare"
        unusable(f"--training goes without {other}: it counts every product, by convcalc's rules")
    names = []
    if columns is not None:
        from convcalc.cli.columns import read_columns

        if counted or training:
            unusable(
                "--columns chooses among all figures: it goes without --as, --compare, --training"
            )
        names = read_columns(columns, by)
    network, _, altered = options.load_file(file, sets, input_)
    analysis = Analysis(network, batch=batch, valid_taps=valid_taps)
    before = analysis.report
    after = None
    if double_channels or scale_channels is not None or double_padding or kernel is not None:
        from convcalc.transform.whatif import applied

        changed, what_ifs = applied(
            network,
            double_channels=double_channels,
            scale_channels=None if scale_channels is None else _factor(scale_channels),
            double_padding=double_padding,
            kernel=kernel,
        )
        analysis = Analysis(changed, batch=batch, valid_taps=valid_taps)
        after = analysis.report
        altered = " ".join([altered, *what_ifs]).strip()
    if counted:
        from convcalc.cli.compare import Reports, emit_comparison, emit_counted

        reports = Reports(after or before, before if after else None, altered)
        if as_ is None:
            emit_comparison(reports, partial, style, output)
        else:
            emit_counted(reports, as_, view, partial, style, output)
        return 0
    if training:
        from convcalc.cli.training import emit_training

        emit_training(
            after or before,
            before if after else None,
            chosen,
            altered,
            input_gradient=input_gradient,
            view=view,
            style=style,
            output=output,
        )
        return 0
    if names:
        from convcalc.cli.columns import emit_columns

        earlier = before if after else None
        emit_columns(analysis, names, view, style, output, before=earlier, altered=altered)
        return 0
    if style == "json":
        from convcalc.render.jsons import report_text

        emit(report_text(after or before, before if after else None), output)
        return 0
    # A what-if is about single operations: fused behind a convolution, a batchnorm's additions
    # would hide that the convolution's own are four times as many.
    expand = expand or (after is not None and depth is None and by is None)
    shown = selected_rows(after or before, depth, expand, sort, top, by)
    if after is None:
        table = _exact_table(shown, by) if style == "csv" else _table(before, shown, by)
    else:
        original = selected_rows(before, depth, expand, None, None, by)
        pairs = {row.name: row for row in original}
        table = _comparison(before, after, altered, pairs, shown, by, every=style == "csv")
    emit_table(table, style, output)
    return 0


def _factor(text: str) -> Fraction:
    from fractions import Fraction

    try:
        if len(text) > 40 or "e" in text.lower():
            raise ValueError
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        unusable(
            f"--scale-channels takes a factor, not '{printable(text)}'",
            "--scale-channels 0.5 or 3/4",
        )


def _table(report: Report, found: list[Row], by: str | None) -> Table:
    totals = report.totals

    def cells(name: str, cost: Cost) -> list[Cell]:
        counts = cost.counts
        others = counts.divides + counts.compares + counts.specials
        return [name, counts.multiplies, counts.adds, others, cost.macs, cost.flops]

    return Table(
        title(report),
        [
            Column("name" if by is None else "kind", "name"),
            Column("multiplies", "number"),
            Column("adds", "number"),
            Column("other", "number"),
            Column("MACs", "number"),
            Column("FLOPs", "number"),
            Column("share", "share", totals.flops),
        ],
        [[*cells(row.name, row.cost), row.cost.flops] for row in found],
        [*cells("total", totals), ""],
        [*_other_note(report), *RULE, *([VALID_TAPS] if report.valid_taps else [])],
    )


def _exact_table(found: list[Row], by: str | None) -> Table:
    """Every class on its own, for programs."""
    classes = Counts._fields
    figures = [Column(name, "number") for name in (*classes, "macs", "flops")]
    rows: list[list[Cell]] = [
        [row.name, row.kind, *row.cost.counts, row.cost.macs, row.cost.flops] for row in found
    ]
    heading = [Column("name"), Column("kind")] if by is None else [Column("kind"), Column("layers")]
    return Table("", [*heading, *figures], rows)


def _other_note(report: Report) -> list[str]:
    counts = report.totals.counts
    named = (
        ("divides", counts.divides),
        ("compares", counts.compares),
        ("specials", counts.specials),
    )
    parts = [f"{grouped(count)} {name}" for name, count in named if count]
    return [f"other: {', '.join(parts)}."] if parts else []


def _comparison(
    before: Report,
    after: Report,
    altered: str,
    original: dict[str, Row],
    shown: list[Row],
    by: str | None,
    *,
    every: bool,
) -> Table:
    """Both networks side by side; `every` row, or those with a multiplication or addition."""
    old, new = before.totals.counts, after.totals.counts
    lines: list[list[Cell]] = []
    reshaped: list[str] = []
    empty = 0
    for row in shown:
        was, now = original[row.name].cost.counts, row.cost.counts
        if not every and was.multiplies + was.adds + now.multiplies + now.adds == 0:
            empty += 1
        else:
            pairs = [*_pair(was.multiplies, now.multiplies), *_pair(was.adds, now.adds)]
            lines.append([row.name, *pairs])
        # Other channels are what was asked for; other spatial sizes are news.
        if original[row.name].output[2:] != row.output[2:] and by is None:
            shapes = f"{tuple_text(original[row.name].output)} -> {tuple_text(row.output)}"
            reshaped.append(f"{row.name}: {shapes}")
    notes = [*reshaped, *([VALID_TAPS] if before.valid_taps else [])]
    if reshaped:
        notes.insert(0, "New output shapes:")
    if empty:
        notes.insert(0, f"Not shown: {empty} without a multiplication or addition.")
    if after.network is before.network:
        notes.insert(0, "The what-if changes nothing in this network.")
    return Table(
        f"{title(after)}, with {altered}" if altered else title(after),
        [
            Column("name" if by is None else "kind", "name"),
            Column("multiplies", "number"),
            Column("after", "number", key="multiplies_after"),
            Column("ratio", "number", key="multiplies_ratio"),
            Column("adds", "number"),
            Column("after", "number", key="adds_after"),
            Column("ratio", "number", key="adds_ratio"),
        ],
        lines,
        ["total", *_pair(old.multiplies, new.multiplies), *_pair(old.adds, new.adds)],
        notes,
    )


def _pair(before: int, after: int) -> list[Cell]:
    return [before, after, ratio(before, after)]
