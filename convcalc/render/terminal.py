"""Draws tables on a terminal with rich, to the terminal's width."""

from __future__ import annotations

import sys

from convcalc.render.table import NARROWEST_PROSE, RIGHT, Table, cell_text, display_width, wrapped

#: How to shorten a table that is too wide, step by step: whether numbers have three digits and a
#: unit, whether shares keep their bars, the shortest cut of a text, and the styles to cut.
_WORDS = frozenset({"name", "text"})
_ATTEMPTS = (
    (False, True, 500, _WORDS),
    (False, True, 20, _WORDS),
    (True, True, 20, _WORDS),
    (True, False, 8, _WORDS),
    (True, False, 8, _WORDS | {"shape"}),
)
#: Spaces between two cells.
_GAP = 2


def print_yaml(text: str) -> None:
    """Prints a spec to standard output, coloured."""
    from rich.console import Console
    from rich.syntax import Syntax

    console = Console(file=sys.stdout, highlight=False, emoji=False, markup=False)
    drawn = Syntax(text.rstrip("\n"), "yaml", theme="ansi_dark", background_color="default")
    # Lines that are too long wrap as the terminal wraps them: the text can be copied.
    console.print(drawn, no_wrap=True, crop=False, overflow="ignore", soft_wrap=True)
    sys.stdout.flush()


def print_table(table: Table, width: int | None = None) -> None:
    """Prints a table to standard output, to its width if none is given.

    If a table is too wide, shortens names on the left and texts on the right, the longest first,
    then numbers (totals only if necessary), then drops the bars of shares. Prose is wrapped.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(file=sys.stdout, width=width, highlight=False, emoji=False, markup=False)
    space = console.width
    cells = _fitting_cells(table, space)
    # Rather let the terminal break a line than cut digits off a number.
    console.width += max(_over(table, cells, console.width), 0)
    heading, *rows = cells
    totals = rows.pop() if table.totals else [""] * len(heading)
    drawn = RichTable(
        box=SIMPLE,
        show_edge=False,
        show_footer=bool(table.totals),
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
        footer_style="bold",
    )
    for column, title, total in zip(table.columns, heading, totals, strict=True):
        drawn.add_column(
            Text(title),
            Text(total),
            justify="right" if column.style in RIGHT else "left",
            no_wrap=column.style != "prose",
            style=_STYLES.get(column.style, ""),
        )
    for number, row in enumerate(rows):
        style = table.colours[number] if table.colours else ""
        drawn.add_row(*[Text(text) for text in row], style=style)
    if table.title:
        console.print(Text(wrapped(table.title, space, hanging=2), style="bold"), soft_wrap=True)
    console.print(drawn)
    for note in table.notes:
        console.print(Text(wrapped(note, space), style="dim"), soft_wrap=True)
    if cells != _cells(table, brief=False, bars=True):
        console.print(Text("Shortened to fit; --format plain shows it all.", style="dim"))


_STYLES = {"name": "cyan", "share": "green"}


def _fitting_cells(table: Table, space: int) -> list[list[str]]:
    """The texts of heading, rows and totals, shortened until they fit."""
    cells: list[list[str]] = []
    for brief, bars, shortest, styles in _ATTEMPTS:
        cuttable = [i for i, column in enumerate(table.columns) if column.style in styles]
        cells = _cells(table, brief, bars)
        over = _over(table, cells, space)
        widths = [_widths(cells)[index] for index in cuttable]
        longest = max(widths, default=0)
        shown = longest
        while shown > shortest and sum(max(width - shown, 0) for width in widths) < over:
            shown -= 1
        for row in cells if shown < longest else ():
            for index in cuttable:
                row[index] = _cut(row[index], shown, table.columns[index].style == "name")
        if _over(table, cells, space) <= 0:
            break
    if brief and table.totals:
        _restore_totals(table, cells, space)
    return cells


def _restore_totals(table: Table, cells: list[list[str]], space: int) -> None:
    """Restores all digits of shortened totals where they fit."""
    for index, column in enumerate(table.columns):
        shortened = cells[-1][index]
        if column.style in RIGHT and index < len(table.totals):
            cells[-1][index] = cell_text(table.totals[index], column)
            if _over(table, cells, space) > 0:
                cells[-1][index] = shortened


def _cells(table: Table, brief: bool, bars: bool) -> list[list[str]]:
    def text(cell: str | int | None, index: int) -> str:
        column = table.columns[index]
        shown = cell_text(cell, column, brief)
        return shown[:6] if column.style == "share" and not bars else shown

    rows = [*table.rows, *([table.totals] if table.totals else [])]
    body = [[text(cell, index) for index, cell in enumerate(row)] for row in rows]
    return [[column.title for column in table.columns], *body]


def _widths(cells: list[list[str]]) -> list[int]:
    return [max(display_width(row[index]) for row in cells) for index in range(len(cells[0]))]


def _over(table: Table, cells: list[list[str]], space: int) -> int:
    """By how many columns the table is too wide; prose can wrap, so it needs few."""
    needed = 0
    for column, width in zip(table.columns, _widths(cells), strict=True):
        needed += min(width, NARROWEST_PROSE) if column.style == "prose" else width
    return needed + _GAP * (len(table.columns) - 1) - space


def _cut(text: str, width: int, left: bool) -> str:
    """Shortens a text to a width, on the left or on the right."""
    if display_width(text) <= width:
        return text
    while text and display_width(text) > width - 1:
        text = text[1:] if left else text[:-1]
    return f"…{text}" if left else f"{text}…"
