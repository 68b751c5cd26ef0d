"""Tables on a terminal, drawn by rich to the width that there is."""

from __future__ import annotations

import sys

from convcalc.render.table import Table, cell_text, display_width

#: A name is cut no shorter than this.
_SHORTEST_NAME = 12


def print_table(table: Table, width: int | None = None) -> None:
    """Prints a table to standard output.

    Where the width does not do, numbers are shortened to three digits and a unit, then shares lose
    their bars, then names are cut on their left: the tail tells them apart.
    """
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(file=sys.stdout, width=width, highlight=False, emoji=False, markup=False)
    space = console.width
    brief, bars = False, True
    cells = _cells(table, brief, bars)
    if _width(cells) > space:
        brief = True
        cells = _cells(table, brief, bars)
    if _width(cells) > space:
        bars = False
        cells = _cells(table, brief, bars)
    over = _width(cells) - space
    for index, column in enumerate(table.columns):
        if over > 0 and column.style in {"name", "text"}:
            widest = max(display_width(row[index]) for row in cells)
            shown = max(widest - over, _SHORTEST_NAME if column.style == "name" else 8)
            over -= max(widest - shown, 0)
            for row in cells:
                row[index] = _cut(row[index], shown, left=column.style == "name")
    drawn = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in table.columns:
        right = column.style == "number"
        drawn.add_column(column.title, justify="right" if right else "left", no_wrap=True)
    body = cells[1:-1] if table.totals else cells[1:]
    for row in body:
        drawn.add_row(
            *[
                Text(text, style=_STYLES.get(column.style, ""))
                for text, column in zip(row, table.columns, strict=True)
            ]
        )
    if table.totals:
        drawn.add_section()
        drawn.add_row(*[Text(text, style="bold") for text in cells[-1]])
    if table.title:
        console.print(Text(table.title, style="bold"))
    console.print(drawn)
    for note in table.notes:
        console.print(Text(note, style="dim"))


_STYLES = {"name": "cyan", "share": "green"}


def _cells(table: Table, brief: bool, bars: bool) -> list[list[str]]:
    def text(cell: str | int | None, index: int) -> str:
        column = table.columns[index]
        shown = cell_text(cell, column, brief)
        return shown[:6] if column.style == "share" and not bars else shown

    rows = [list(row) for row in table.rows] + ([list(table.totals)] if table.totals else [])
    body = [[text(cell, index) for index, cell in enumerate(row)] for row in rows]
    return [[column.title for column in table.columns], *body]


def _width(cells: list[list[str]]) -> int:
    columns = range(len(cells[0]))
    return sum(max(display_width(row[i]) for row in cells) + 2 for i in columns) - 2


def _cut(text: str, width: int, left: bool) -> str:
    if display_width(text) <= width:
        return text
    while text and display_width(text) > width - 1:
        text = text[1:] if left else text[:-1]
    return "…" + text if left else text + "…"
