"""Where output goes: a terminal, a pipe, or a file that is replaced as a whole."""

from __future__ import annotations

import os
import sys

from convcalc.cli.guard import unusable
from convcalc.diagnostics import printable
from convcalc.render.table import Table, csv_text, markdown_text, plain_text

TABLE_FORMATS = ("table", "plain", "json", "csv", "markdown")


def emit_table(table: Table, style: str, output: str | None) -> None:
    """A table in one of its formats; on a terminal `table` is drawn to its width."""
    if style == "table" and output is None and terminal():
        from convcalc.render.terminal import print_table

        print_table(table)
        return
    texts = {"csv": csv_text, "markdown": markdown_text}
    emit(texts.get(style, plain_text)(table), output)


def terminal() -> bool:
    """Whether standard output is a terminal that can do more than a teletype."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(text: str, output: str | None) -> None:
    """Text to standard output, or to a file: written beside it and renamed, so never half of it."""
    if output is None:
        _write_out(text)
        return
    partial = f"{output}.{os.getpid()}.partial"
    try:
        with open(partial, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(partial, output)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        unusable(f"--output {printable(output, 200)} cannot be written: {reason.lower()}")
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def _write_out(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    # A terminal or pipe that cannot show a character gets an escape instead of an error.
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
