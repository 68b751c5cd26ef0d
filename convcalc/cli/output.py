"""Where output goes: a terminal, a pipe, or a file that is replaced as a whole."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence

from convcalc.cli.guard import forget_output, unusable
from convcalc.problems import printable
from convcalc.render.table import Part, Table, csv_text, markdown_text, plain_text, wrapped

TABLE_FORMATS = ("table", "plain", "json", "csv", "markdown")


def emit_table(table: Table, style: str, output: str | None) -> None:
    """A table in one of its formats."""
    if style == "csv":
        emit(csv_text(table), output)
    else:
        emit_parts([table], style, output)


def emit_parts(parts: Sequence[Part], style: str, output: str | None) -> None:
    """Tables and lines below each other; on a terminal `table` draws them to its width."""
    if style == "table" and output is None and terminal():
        from convcalc.render.terminal import print_table

        for part in parts:
            if isinstance(part, str):
                emit_lines(part, None)
            else:
                print_table(part)
        sys.stdout.flush()
        return
    text = markdown_text if style == "markdown" else plain_text
    emit("".join([part if isinstance(part, str) else text(part) for part in parts]), output)


def emit_json(data: Mapping[str, object], output: str | None) -> None:
    """Data as JSON."""
    from convcalc.render.jsons import json_text

    emit(json_text(data), output)


def emit_lines(text: str, output: str | None) -> None:
    """Text as it is; on a terminal that is too narrow for a line this breaks at words.

    What follows a label, `Counts: ...`, stays in a column of its own.
    """
    if output is None and terminal():
        from shutil import get_terminal_size

        width = get_terminal_size().columns
        lines = []
        for line in text.splitlines():
            label = re.match(r" *(\w+: +)", line)
            lines.append(wrapped(line, width, hanging=len(label[1]) if label else 2))
        text = "".join([f"{line}\n" for line in lines])
    emit(text, output)


def terminal() -> bool:
    """Whether standard output is a terminal that can do more than a teletype."""
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(text: str, output: str | None) -> None:
    """Text to standard output, or to a file: written beside it and renamed, so never half of it."""
    if output is None:
        _write_out(text)
        return
    refuse_empty(output)
    from convcalc.safe_files import replace_file

    try:
        replace_file(output, text)
    except OSError as error:
        unusable(f"--output {printable(output, 200)} cannot be written: {reason(error)}")


def refuse_empty(output: str | None) -> None:
    """Refuses `--output ''`: a script's variable that is empty must not mean some other file."""
    if output == "":
        unusable("--output names no file", "--output report.txt, or leave it out")


def _write_out(text: str) -> None:
    if sys.stdout is None:
        unusable("standard output is closed")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        # What cannot be shown becomes something like it, or an escape, instead of an error.
        text = text.translate(_PLAINER).encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_output()
        unusable(f"standard output cannot be written: {reason(error)}")


def reason(error: OSError) -> str:
    """Why something could not be done, in the middle of a sentence."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


_PLAINER = str.maketrans({"█": "#", **dict.fromkeys("▏▎▍▌▋▊▉", None), "…": "."})
