"""What `check` found, on a terminal: the same text, with outcomes in colour."""

from __future__ import annotations

import re
import sys

from convcalc.render.table import wrapped

_OUTCOME = re.compile(r"^(\S.*): (FAILED|ok)(?= \(|, |$)", re.MULTILINE)
_STYLES = {"FAILED": "bold red", "ok": "green"}


def print_check(text: str) -> None:
    """Prints the report; what is longer than the terminal is wide breaks at words."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, emoji=False, markup=False)
    text = "\n".join([wrapped(line, console.width, hanging=4) for line in text.splitlines()])
    drawn = Text(text)
    for match in _OUTCOME.finditer(text):
        drawn.stylize("bold", *match.span(1))
        drawn.stylize(_STYLES[match[2]], *match.span(2))
    drawn.highlight_regex(r"(?m)^  metric .*where$", "dim")
    drawn.highlight_regex(r"(?m)^  To do:", "bold")
    failed = re.search(r"\d+ failed", text.splitlines()[-1])
    drawn.highlight_regex(r"\d+ failed(?=\n?\Z|, [^\n]*\Z)" if failed else r"all ok\Z", "bold")
    console.print(drawn, soft_wrap=True)
