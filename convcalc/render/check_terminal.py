"""What `check` found, on a terminal: the same text, with its verdicts in colour."""

from __future__ import annotations

import re
import sys

from convcalc.render.table import display_width

_VERDICT = re.compile(r"^(\S.*): (FAILED|ok)(?= \(|, |$)", re.MULTILINE)
_STYLES = {"FAILED": "bold red", "ok": "green"}


def print_check(text: str) -> None:
    """Prints the report; what is longer than the terminal is wide breaks at words."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, emoji=False, markup=False)
    text = "".join([_wrapped(line, console.width) for line in text.splitlines()])
    drawn = Text(text.removesuffix("\n"))
    for match in _VERDICT.finditer(text):
        drawn.stylize("bold", *match.span(1))
        drawn.stylize(_STYLES[match[2]], *match.span(2))
    drawn.highlight_regex(r"(?m)^  metric .*where$", "dim")
    drawn.highlight_regex(r"(?m)^  To do:", "bold")
    failed = re.search(r"\d+ failed", text.splitlines()[-1])
    drawn.highlight_regex(r"\d+ failed(?=\n?\Z|, [^\n]*\Z)" if failed else r"all ok\Z", "bold")
    console.print(drawn, soft_wrap=True)


def _wrapped(line: str, width: int) -> str:
    """The line, its end on further lines that stand in where it is too long.

    A run of spaces is where a table's columns part, and breaks like one. A place that is longer
    than a line stays whole: it is there to be opened.
    """
    if display_width(line) <= width:
        return f"{line}\n"
    inner = " " * (len(line) - len(line.lstrip()) + 4)
    out = ""
    shown = line[: len(line) - len(line.lstrip())]
    for word in re.findall(r"\S+ *", line.lstrip()):
        if shown.strip() and display_width(shown + word.rstrip()) > width:
            out += f"{shown.rstrip()}\n"
            shown = inner
        shown += word
    return f"{out}{shown.rstrip()}\n"
