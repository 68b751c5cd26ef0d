"""Writes tables as aligned plain text, Markdown and CSV, independent of any terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal
from unicodedata import combining, east_asian_width

from convcalc.problems import printable
from convcalc.record import Record
from convcalc.render.numbers import grouped, percent, short

Cell = str | int | None


class Column(Record):
    """A column.

    style   "text", "prose" (a longer text, which may wrap), "number" (whole, right-aligned),
            "delta" (a number with its sign), "share" (of `whole`, with a bar), "name" (a path,
            shortened on the left to save space) or "shape" (shortened last)
    whole   the total that a share is part of
    key     its name in CSV, if not its title
    """

    title: str
    style: Literal["text", "prose", "number", "delta", "share", "name", "shape"] = "text"
    whole: int = 0
    key: str = ""


class Table(Record):
    """Rows under a heading, with totals and notes below; whole numbers stay integers.

    A note is one line of any length; writers wrap it. `colours` holds the colour of each row on a
    terminal, "" for none. Plain text wraps prose to keep to `plain_width` columns; 0 for none.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Cell] = ()
    notes: Sequence[str] = ()
    colours: Sequence[str] = ()
    plain_width: int = 0


#: A part of a page: a table, or whole lines of text.
Part = Table | str

BAR_WIDTH = 10
#: Width of the notes below a plain table, whatever the terminal's width.
NOTE_WIDTH = 100
#: The narrowest column of prose.
NARROWEST_PROSE = 12
#: Right-aligned columns.
RIGHT = ("number", "delta")


def spaced(tables: Sequence[Table]) -> list[Part]:
    """Tables with an empty line between any two."""
    parts: list[Part] = [part for table in tables for part in ("\n", table)]
    return parts[1:]


def cell_text(cell: Cell, column: Column, brief: bool = False) -> str:
    """A cell formatted for people."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return printable(cell, 500)
    if column.style == "share":
        return f"{percent(cell, column.whole):>6} {bar(cell, column.whole)}".rstrip()
    text = short(cell) if brief else grouped(cell)
    return f"+{text}" if column.style == "delta" and cell > 0 else text


def bar(part: int, whole: int, width: int = BAR_WIDTH) -> str:
    """A share as a bar, in eighths of a character."""
    if whole <= 0 or part <= 0:
        return ""
    eighths = (2 * part * width * 8 + whole) // (2 * whole)
    full, rest = divmod(eighths, 8)
    return "█" * full + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]


def display_width(text: str) -> int:
    """Columns that a text takes in a terminal: 2 for wide East Asian characters, 0 for accents."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def wrapped(text: str, width: int, hanging: int = 0) -> str:
    """Wraps a line at spaces to at most `width` columns.

    All lines but the first are indented by `hanging` columns. A word that is longer than a line
    stays whole: it may be a path that the reader opens.

    >>> wrapped("  = rule: at least 1", 13, hanging=2)
    '  = rule: at\\n    least 1'
    """
    if display_width(text) <= width:
        return text
    indent = len(text) - len(text.lstrip(" "))
    lines = [text[:indent]]
    # A run of spaces separates the columns of a table; keep it within a line.
    for word in re.findall("[^ ]+ *", text):
        if lines[-1].strip() and display_width(lines[-1] + word.rstrip()) > width:
            lines.append(" " * (indent + hanging))
        lines[-1] += word
    return "\n".join([line.rstrip() for line in lines])


def plain_text(table: Table) -> str:
    """The table as aligned text at its natural width, or its own plain width."""
    columns = table.columns
    lines = [
        [cell_text(cell, c) for cell, c in zip(row, columns, strict=True)] for row in table.rows
    ]
    totals = [cell_text(cell, c) for cell, c in zip(table.totals, columns, strict=False)]
    heading = [column.title for column in columns]
    every = [heading, *lines, *([totals] if totals else [])]
    widths = [max(display_width(row[i]) for row in every) for i in range(len(columns))]
    if table.plain_width:
        _narrow_prose(columns, widths, table.plain_width)

    def drawn(row: Sequence[str]) -> str:
        if not table.plain_width:
            return line(row)
        cells = [wrapped(text, width).split("\n") for text, width in zip(row, widths, strict=True)]
        return "\n".join([line(texts) for texts in zip_longest(*cells, fillvalue="")])

    def line(row: Sequence[str]) -> str:
        cells = []
        for text, width, column in zip(row, widths, columns, strict=True):
            space = " " * (width - display_width(text))
            cells.append(space + text if column.style in RIGHT else text + space)
        return "  ".join(cells).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    out = [table.title] if table.title else []
    out += [drawn(heading), rule, *[drawn(row) for row in lines]]
    if totals:
        out += [rule, drawn(totals)]
    return "\n".join([*out, *[wrapped(note, NOTE_WIDTH) for note in table.notes]]) + "\n"


def _narrow_prose(columns: Sequence[Column], widths: list[int], most: int) -> None:
    """Narrows the columns of prose, the widest first, until the table fits `most` columns."""
    over = sum(widths) + 2 * (len(widths) - 1) - most
    prose = [index for index, column in enumerate(columns) if column.style == "prose"]
    while over > 0 and prose:
        widest = max(prose, key=widths.__getitem__)
        if widths[widest] <= NARROWEST_PROSE:
            return
        widths[widest] -= 1
        over -= 1


def markdown_text(table: Table) -> str:
    """The table as GitHub Markdown; names are escaped."""
    columns = table.columns

    def text(cell: Cell, column: Column) -> str:
        # No bars: Markdown guarantees no column width.
        if column.style == "share" and isinstance(cell, int):
            return percent(cell, column.whole)
        return escaped(cell_text(cell, column))

    def drawn(row: Sequence[Cell]) -> str:
        cells = [text(cell, c) for cell, c in zip(row, columns, strict=True)]
        return "| " + " | ".join(cells) + " |"

    right = {*RIGHT, "share"}
    out = [f"### {escaped(table.title)}", ""] if table.title else []
    out.append("| " + " | ".join(column.title for column in columns) + " |")
    out.append("|" + "|".join(" ---: " if c.style in right else " --- " for c in columns) + "|")
    out += [drawn(row) for row in table.rows]
    if table.totals:
        cells = [cell_text(cell, c) for cell, c in zip(table.totals, columns, strict=True)]
        out.append("| " + " | ".join(f"**{escaped(c)}**" if c else "" for c in cells) + " |")
    if table.notes:
        out += ["", *[escaped(note) + "  " for note in table.notes]]
    return "\n".join(out) + "\n"


def escaped(text: str) -> str:
    """Escapes a text for Markdown."""
    return "".join(f"\\{c}" if c in "\\|`*_[]<>#" else c for c in text)


def latex_text(table: Table) -> str:
    """The table for LaTeX, with the rules of the package booktabs; names are escaped."""
    columns = table.columns
    right = {*RIGHT, "share"}

    def text(cell: Cell, column: Column) -> str:
        # A share is its number: no font has a bar.
        if column.style == "share" and isinstance(cell, int):
            return latex_escaped(percent(cell, column.whole))
        return latex_escaped(cell_text(cell, column))

    def drawn(row: Sequence[Cell]) -> str:
        cells = [text(cell, column) for cell, column in zip(row, columns, strict=True)]
        return " & ".join(cells) + r" \\"

    out = [f"% {latex_escaped(table.title)}"] if table.title else []
    out.append(
        rf"\begin{{tabular}}{{{''.join(['r' if c.style in right else 'l' for c in columns])}}}"
    )
    titles = [latex_escaped(column.title) for column in columns]
    out += [r"\toprule", " & ".join(titles) + r" \\", r"\midrule"]
    out += [drawn(row) for row in table.rows]
    if table.totals:
        out += [r"\midrule", drawn(table.totals)]
    out += [r"\bottomrule", r"\end{tabular}", *[f"% {latex_escaped(n)}" for n in table.notes]]
    return "\n".join(out) + "\n"


#: What LaTeX has for characters that mean something to it, or that its fonts do not have.
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "^": r"\textasciicircum{}",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "%": r"\%",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "\u00d7": r"$\times$",
        "\u2192": r"$\to$",
        "\u00b7": r"$\cdot$",
        "\u2212": "$-$",
    }
)


def latex_escaped(text: str) -> str:
    r"""Escapes a text for LaTeX.

    >>> latex_escaped("100% of a_b")
    '100\\% of a\\_b'
    """
    return text.translate(_LATEX)


def latex_comment(text: str) -> str:
    """Lines beside a table as comments, so that the table can stand in any environment."""
    lines = [f"% {latex_escaped(line)}" if line else "" for line in text.split("\n")]
    return "\n".join(lines)


def csv_text(table: Table) -> str:
    """The table as CSV: exact integers, a heading line, no totals."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.key or column.title for column in table.columns])
    for row in table.rows:
        writer.writerow(["" if cell is None else cell for cell in row])
    return out.getvalue()
